/* SPDX-License-Identifier: GPL-2.0 */
#include "base/text.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

struct text text_of(const char *s)
{
	return (struct text){ s, s ? (uint32_t)strlen(s) : 0 };
}

bool text_eq(struct text a, struct text b)
{
	if (!a.ptr || !b.ptr)
		return a.ptr == b.ptr;
	return a.len == b.len && !memcmp(a.ptr, b.ptr, a.len);
}

bool text_is(struct text a, const char *s)
{
	return text_eq(a, text_of(s));
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int lower_digit(char c)
{
	return c >= 'A' && c <= 'F' ? -1 : text_hex_digit(c);
}

int text_unhex(struct text t, void *out, size_t size, size_t *ret_len)
{
	unsigned char *o = out;

	if (t.len % 2 || t.len / 2 > size)
		return -EBADMSG;
	for (uint32_t i = 0; i < t.len; i += 2) {
		int hi = lower_digit(t.ptr[i]), lo = lower_digit(t.ptr[i + 1]);

		if (hi < 0 || lo < 0)
			return -EBADMSG;
		*o++ = (unsigned char)(hi << 4 | lo);
	}
	*ret_len = t.len / 2;
	return 0;
}

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t utf8_len(const unsigned char *p, size_t n)
{
	if (!n)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return n >= 2 && is_tail(p[1]) ? 2 : 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		if (n < 3 || !is_tail(p[1]) || !is_tail(p[2]))
			return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (n < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
			return 0;
		if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

/* Valid UTF-8 that would still move the cursor, break a line or turn the reading direction. */
static bool is_unsafe(const unsigned char *p, size_t len)
{
	uint32_t c;

	switch (len) {
	case 1:
		return p[0] < 0x20 || p[0] == 0x7f;
	case 2:
		c = (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
		return c < 0xa0 || c == 0x061c; /* C1 controls, Arabic letter mark */
	case 3:
		c = (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
		return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		       (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
	default:
		return false;
	}
}

void esc_text(struct buf *b, const char *s, size_t n, size_t max)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t start = b->len;

	while (n) {
		size_t len = utf8_len(p, n);

		if (max && b->len - start >= max) {
			buf_puts(b, "...");
			return;
		}
		if (len && !is_unsafe(p, len)) {
			buf_put(b, p, len);
		} else {
			len = len ? len : 1;
			for (size_t i = 0; i < len; i++)
				buf_printf(b, "\\x%02x", p[i]);
		}
		p += len;
		n -= len;
	}
}
