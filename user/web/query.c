/* SPDX-License-Identifier: GPL-2.0 */
#include "web/query.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"

static bool is_text(const char *s)
{
	size_t left = strlen(s), n;

	for (; left; s += n, left -= n) {
		n = utf8_len((const unsigned char *)s, left);
		if (!n || (unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	}
	return true;
}

struct out {
	char *at, *end;
};

/* The n bytes at p, unescaped, as a string of q's. */
static int take(struct out *o, const char *p, size_t n, bool form, const char **ret_s)
{
	char *s = o->at;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '%') {
			int hi = i + 2 < n ? text_hex_digit(p[i + 1]) : -1;
			int lo = hi >= 0 ? text_hex_digit(p[i + 2]) : -1;

			if (lo < 0 || !(hi | lo))
				return -EINVAL;
			c = (char)(hi << 4 | lo);
			i += 2;
		} else if (c == '+' && form) {
			c = ' ';
		}
		if (o->at == o->end)
			return -EINVAL;
		*o->at++ = c;
	}
	if (o->at == o->end)
		return -EINVAL;
	*o->at++ = '\0';
	*ret_s = s;
	return is_text(s) ? 0 : -EINVAL;
}

static int add_segment(struct query *q, struct out *o, const char *p, size_t n)
{
	const char *s;
	int err;

	if (!n)
		return 0; /* "//", and the end of "/x/" */
	if (q->segments_len == QUERY_SEGMENTS_MAX)
		return -EINVAL;
	err = take(o, p, n, false, &s);
	if (err || !strcmp(s, ".") || !strcmp(s, ".."))
		return -EINVAL;
	q->segments[q->segments_len++] = s;
	return 0;
}

static int add_arg(struct query *q, struct out *o, const char *p, size_t n)
{
	const char *equals = memchr(p, '=', n);
	size_t name = equals ? (size_t)(equals - p) : n;
	int err;

	if (!n)
		return 0;
	if (q->args_len == QUERY_ARGS_MAX)
		return -EINVAL;
	err = take(o, p, name, true, &q->args[q->args_len].name);
	if (!err)
		err = take(o, equals ? equals + 1 : p, equals ? n - name - 1 : 0, true,
			   &q->args[q->args_len].value);
	if (!err)
		q->args_len++;
	return err;
}

int query_parse(const char *target, struct query *q)
{
	struct out o = { q->bytes, q->bytes + sizeof(q->bytes) };
	const char *p = target;
	int err = 0;

	q->segments_len = q->args_len = 0;
	if (*p != '/')
		return -EINVAL;
	while (!err && *p == '/') {
		size_t n = strcspn(++p, "/?#");

		err = add_segment(q, &o, p, n);
		p += n;
	}
	if (!err && *p == '?')
		do {
			size_t n = strcspn(++p, "&#");

			err = add_arg(q, &o, p, n);
			p += n;
		} while (!err && *p == '&');
	return err ? err : *p ? -EINVAL : 0;
}

const char *query_arg(const struct query *q, const char *name)
{
	for (unsigned i = q->args_len; i > 0; i--)
		if (!strcmp(q->args[i - 1].name, name))
			return q->args[i - 1].value;
	return NULL;
}

int query_u64(const struct query *q, const char *name, uint64_t min, uint64_t max, uint64_t *ret_v)
{
	const char *value = query_arg(q, name);
	uint64_t v;

	if (!value)
		return 0;
	if (parse_u64(value, &v) || v < min || v > max)
		return -EINVAL;
	*ret_v = v;
	return 0;
}

int cookie_get(const char *header, const char *name, char *to, size_t size)
{
	size_t len = strlen(name);

	while (header && *header) {
		size_t n;

		header += strspn(header, "; ");
		n = strcspn(header, ";");
		if (n > len && !memcmp(header, name, len) && header[len] == '=') {
			n -= len + 1;
			if (n >= size)
				return -EINVAL;
			memcpy(to, header + len + 1, n);
			to[n] = '\0';
			return 0;
		}
		header += n;
	}
	return -ENOENT;
}

int cursor_parse(const char *s, uint64_t *ret_v, unsigned n)
{
	char number[24];

	for (unsigned i = 0; i < n; i++) {
		size_t len = strcspn(s, ".");

		if (len >= sizeof(number) || (s[len] == '.') != (i + 1 < n))
			return -EINVAL;
		memcpy(number, s, len);
		number[len] = '\0';
		if (parse_u64(number, &ret_v[i]))
			return -EINVAL;
		s += len + 1;
	}
	return 0;
}
