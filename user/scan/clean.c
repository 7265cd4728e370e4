/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/clean.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

/* XML 1.0's Char. */
static bool is_xml_char(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0xd7ff) ||
	       (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

/* "&#1;", "&#x1b;": its number; UINT32_MAX for anything else, which is the parser's business. */
static uint32_t reference(const uint8_t *p, size_t n)
{
	bool hex = n > 2 && p[2] == 'x';
	uint32_t v = 0;
	size_t i = hex ? 3 : 2;

	if (n < 4 || p[1] != '#' || p[n - 1] != ';' || i == n - 1)
		return UINT32_MAX;
	for (; i < n - 1; i++) {
		uint32_t digit;

		if (p[i] >= '0' && p[i] <= '9')
			digit = p[i] - '0';
		else if (hex && (p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f')
			digit = (p[i] | 0x20) - 'a' + 10;
		else
			return UINT32_MAX;
		v = v * (hex ? 16 : 10) + digit; /* at most nine digits */
		if (v > 0x10ffff)
			return 0;
	}
	return v;
}

static void flush(struct clean *c, struct buf *out)
{
	buf_put(out, c->held, c->len);
	c->len = 0;
}

static void replace(struct clean *c, struct buf *out)
{
	buf_putc(out, '?');
	c->len = 0;
}

/* How many bytes a character that begins with c has; 0: none begins so. */
static size_t sequence_len(uint8_t c)
{
	return c < 0x80			? 1
	       : c >= 0xc2 && c <= 0xdf ? 2
	       : c >= 0xe0 && c <= 0xef ? 3
	       : c >= 0xf0 && c <= 0xf4 ? 4
					: 0;
}

static bool is_noncharacter(const uint8_t *p, size_t n)
{
	return n == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe; /* U+FFFE, U+FFFF */
}

/* What is held begins with '&': true when it is complete, or cannot be a reference any more. */
static void put_reference(struct clean *c, struct buf *out)
{
	uint8_t last = c->held[c->len - 1];

	if (last != ';' && c->len < CLEAN_HELD_MAX)
		return;
	if (last == ';' && reference(c->held, c->len) != UINT32_MAX &&
	    !is_xml_char(reference(c->held, c->len)))
		replace(c, out);
	else
		flush(c, out);
}

static void put_byte(struct clean *c, uint8_t byte, struct buf *out)
{
	bool in_reference = c->len && c->held[0] == '&';

	/* A reference has only these; anything else ends it, and begins something itself. */
	if (in_reference && byte != '#' && byte != ';' && !(byte >= '0' && byte <= '9') &&
	    !((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z')) {
		flush(c, out);
		in_reference = false;
	}
	if (c->len && !in_reference && (byte & 0xc0) != 0x80)
		replace(c, out);
	c->held[c->len++] = byte;
	if (c->held[0] == '&') {
		put_reference(c, out);
	} else if (c->len == sequence_len(c->held[0])) {
		if (utf8_len(c->held, c->len) != c->len || is_noncharacter(c->held, c->len) ||
		    (c->len == 1 && !is_xml_char(byte)))
			replace(c, out);
		else
			flush(c, out);
	} else if (!sequence_len(c->held[0])) {
		replace(c, out);
	}
}

void clean_put(struct clean *c, const void *p, size_t n, struct buf *out)
{
	const uint8_t *in = p;

	for (size_t i = 0; i < n; i++) {
		size_t plain = i;

		while (!c->len && plain < n && in[plain] >= 0x20 && in[plain] < 0x7f &&
		       in[plain] != '&')
			plain++;
		buf_put(out, in + i, plain - i);
		i = plain;
		if (i < n)
			put_byte(c, in[i], out);
	}
}

void clean_end(struct clean *c, struct buf *out)
{
	if (!c->len)
		return;
	if (c->held[0] == '&')
		flush(c, out);
	else
		replace(c, out);
}
