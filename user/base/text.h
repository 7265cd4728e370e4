/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_TEXT_H
#define AJAR_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf;

/* Borrowed bytes, not NUL-terminated and hostile until escaped; ptr NULL means unknown. */
struct text {
	const char *ptr;
	uint32_t len;
};

#define TEXT(lit) ((struct text){ (lit), sizeof(lit) - 1 })
struct text text_of(const char *s); /* of a C string; NULL gives unknown */
bool text_eq(struct text a, struct text b);
bool text_is(struct text a, const char *s);
/* What a hexadecimal digit of either case stands for; -1: it is none. */
int text_hex_digit(char c);
/*
 * The bytes that lower-case hexadecimal digits stand for, two a byte; -EBADMSG when it is something
 * else, or more than size bytes.
 */
must_check int text_unhex(struct text t, void *out, size_t size, size_t *ret_len);

/*
 * Appends n bytes with control characters and bytes that are not valid UTF-8 as \xNN, so that
 * the result is safe on a terminal and valid UTF-8. C1 controls and U+2028/2029, bidi overrides
 * are escaped byte by byte too. max is the number of output bytes after which "..." ends it; 0 =
 * all.
 */
void esc_text(struct buf *b, const char *p, size_t n, size_t max);

/* "1 row", "2 rows". */
static inline const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* The length of the valid UTF-8 sequence at p (1..4), or 0. */
size_t utf8_len(const unsigned char *p, size_t n);

#endif
