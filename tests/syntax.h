/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_SYNTAX_H
#define AJAR_TESTS_SYNTAX_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"

/*
 * Readers of what we write, as strict as their standards and independent of the writers: JSON (RFC
 * 8259), RFC 5424, CEF. Each takes the whole text or says no.
 */

static inline bool syn_utf8(const char *p, size_t n)
{
	while (n) {
		size_t k = utf8_len((const unsigned char *)p, n);

		if (!k)
			return false;
		p += k;
		n -= k;
	}
	return true;
}

/* No control character, none of the C1 set neither. */
static inline bool syn_one_line(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char u = (unsigned char)p[i];

		if (u < ' ' || u == 0x7f)
			return false;
		if (u == 0xc2 && i + 1 < n && (unsigned char)p[i + 1] < 0xa0)
			return false;
	}
	return true;
}

/* --- JSON --------------------------------------------------------------------------------------------- */

struct syn {
	const char *p, *end;
	unsigned depth;
};

static inline bool syn_value(struct syn *s);

static inline bool syn_take(struct syn *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static inline bool syn_string(struct syn *s)
{
	if (!syn_take(s, '"'))
		return false;
	while (s->p < s->end && *s->p != '"') {
		if ((unsigned char)*s->p < ' ')
			return false;
		if (*s->p == '\\') {
			s->p++;
			if (s->p == s->end || !strchr("\"\\/bfnrtu", *s->p))
				return false;
			for (int i = 0; *s->p == 'u' && i < 4; i++)
				if (s->p + 1 + i >= s->end || !isxdigit((unsigned char)s->p[1 + i]))
					return false;
		}
		s->p++;
	}
	return syn_take(s, '"');
}

static inline bool syn_number(struct syn *s)
{
	const char *from = s->p;

	syn_take(s, '-');
	if (syn_take(s, '0')) {
		if (s->p < s->end && isdigit((unsigned char)*s->p))
			return false;
	}
	while (s->p < s->end && (isdigit((unsigned char)*s->p) || strchr("+-.eE", *s->p)))
		s->p++;
	return s->p > from;
}

static inline bool syn_list(struct syn *s, char close, bool keys)
{
	if (++s->depth > 64)
		return false;
	s->p++;
	if (!syn_take(s, close)) {
		do {
			if (keys && !(syn_string(s) && syn_take(s, ':')))
				return false;
			if (!syn_value(s))
				return false;
		} while (syn_take(s, ','));
		if (!syn_take(s, close))
			return false;
	}
	s->depth--;
	return true;
}

static inline bool syn_word(struct syn *s, const char *w)
{
	size_t n = strlen(w);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, w, n) != 0)
		return false;
	s->p += n;
	return true;
}

static inline bool syn_value(struct syn *s)
{
	if (s->p == s->end)
		return false;
	switch (*s->p) {
	case '{':
		return syn_list(s, '}', true);
	case '[':
		return syn_list(s, ']', false);
	case '"':
		return syn_string(s);
	case 't':
		return syn_word(s, "true");
	case 'f':
		return syn_word(s, "false");
	case 'n':
		return syn_word(s, "null");
	default:
		return syn_number(s);
	}
}

static inline bool syn_is_json(const char *p, size_t n)
{
	struct syn s = { .p = p, .end = p + n };

	return syn_utf8(p, n) && syn_value(&s) && s.p == s.end;
}

/* --- RFC 5424 ------------------------------------------------------------------------------------------- */

static inline bool syn_field(struct syn *s, size_t max) /* printable ASCII, and the blank behind it */
{
	const char *from = s->p;

	while (s->p < s->end && *s->p > ' ' && *s->p < 0x7f)
		s->p++;
	return s->p > from && (size_t)(s->p - from) <= max && syn_take(s, ' ');
}

static inline bool syn_element(struct syn *s)
{
	if (!syn_take(s, '['))
		return false;
	while (s->p < s->end && *s->p > ' ' && !strchr("=]\"", *s->p))
		s->p++;
	while (syn_take(s, ' ')) {
		const char *from = s->p;

		while (s->p < s->end && isalnum((unsigned char)*s->p))
			s->p++;
		if (s->p == from || !syn_take(s, '=') || !syn_take(s, '"'))
			return false;
		while (s->p < s->end && *s->p != '"') {
			if (*s->p == ']')
				return false;
			if (*s->p == '\\' && (s->p + 1 == s->end || !strchr("\"\\]", *++s->p)))
				return false;
			s->p++;
		}
		if (!syn_take(s, '"'))
			return false;
	}
	return syn_take(s, ']');
}

static inline bool syn_is_rfc5424(const char *p, size_t n)
{
	struct syn s = { .p = p, .end = p + n };
	unsigned pri = 0;

	if (!syn_one_line(p, n) || !syn_utf8(p, n) || !syn_take(&s, '<'))
		return false;
	while (s.p < s.end && isdigit((unsigned char)*s.p))
		pri = pri * 10 + (unsigned)(*s.p++ - '0');
	return pri <= 191 && syn_take(&s, '>') && syn_take(&s, '1') && syn_take(&s, ' ') &&
	       syn_field(&s, 32) && /* time */
	       syn_field(&s, 255) && syn_field(&s, 48) && syn_field(&s, 128) && syn_field(&s, 32) &&
	       syn_element(&s) && (s.p == s.end || syn_take(&s, ' '));
}

/* --- CEF ------------------------------------------------------------------------------------------------- */

/* Header: 7 bars that are not escaped; then "key=value" with no bare '=' in a value. */
static inline bool syn_is_cef(const char *p, size_t n)
{
	struct syn s = { .p = p, .end = p + n };
	unsigned bars = 0;

	if (!syn_one_line(p, n) || !syn_utf8(p, n) || !syn_word(&s, "CEF:0|"))
		return false;
	for (bars = 1; s.p < s.end && bars < 7; s.p++) {
		if (*s.p == '\\') {
			if (s.p + 1 == s.end || !strchr("\\|", *++s.p))
				return false;
		} else {
			bars += *s.p == '|';
		}
	}
	if (bars != 7)
		return false;
	while (s.p < s.end) {
		const char *from = s.p, *key_end = NULL;

		while (s.p < s.end && isalnum((unsigned char)*s.p))
			s.p++;
		if (s.p == from || !syn_take(&s, '='))
			return false;
		/* The value goes up to the blank before the next "key=" or the end. */
		for (; s.p < s.end; s.p++) {
			if (*s.p == '\\') {
				if (s.p + 1 == s.end || !strchr("\\=nr", *++s.p))
					return false;
			} else if (*s.p == '=') {
				for (key_end = s.p; key_end > from && isalnum((unsigned char)key_end[-1]);)
					key_end--;
				if (key_end == s.p || key_end[-1] != ' ')
					return false;
				s.p = key_end;
				break;
			}
		}
	}
	return true;
}

#endif
