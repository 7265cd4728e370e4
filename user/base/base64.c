/* SPDX-License-Identifier: GPL-2.0 */
#include "base/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *b, const void *p, size_t n, bool pad)
{
	const uint8_t *in = p;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i < 3 ? n - i : 3;
		uint32_t v = (uint32_t)in[i] << 16;

		if (left > 1)
			v |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			v |= in[i + 2];
		for (size_t k = 0; k <= left; k++)
			buf_putc(b, alphabet[v >> (18 - 6 * k) & 63]);
		for (size_t k = left; pad && k < 3; k++)
			buf_putc(b, '=');
	}
}

int base64_get(struct buf *b, const char *p, size_t n)
{
	uint32_t v = 0;
	unsigned bits = 0;
	bool ended = false;

	for (size_t i = 0; i < n; i++) {
		const char *at;

		if (memchr(" \t\r\n", p[i], 4))
			continue;
		if (p[i] == '=') {
			ended = true;
			continue;
		}
		at = p[i] ? strchr(alphabet, p[i]) : NULL;
		if (!at || ended)
			return -EINVAL;
		v = v << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_putc(b, (char)(v >> bits & 0xff));
		}
	}
	/* A lone character, or bits that are not zero, are of a text that was cut or made up. */
	if (bits == 6 || (v & ((1U << bits) - 1)))
		return -EINVAL;
	return b->err;
}
