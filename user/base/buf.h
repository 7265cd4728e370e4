/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_BUF_H
#define AJAR_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Growable bytes with a mandatory maximum. Appending never fails loudly: the first failure
 * (-ENOMEM, -E2BIG) sticks in err, later appends do nothing, and the caller checks once.
 * data is always NUL-terminated after the first append.
 */
struct buf {
	char *data;
	size_t len, cap, max;
	int err;
};

#define BUF_INIT(max_bytes)                                                                        \
	{                                                                                          \
		.max = (max_bytes)                                                                 \
	}

void buf_done(struct buf *b);
void buf_reset(struct buf *b);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
void buf_put_u16(struct buf *b, uint16_t v); /* little-endian, as the next two */
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
/* n bytes as hexadecimal digits, two a byte, in lower case. */
void buf_put_hex(struct buf *b, const void *p, size_t n);
/* Gives the bytes to the caller and empties b; NULL when err is set. */
char *buf_take(struct buf *b);
const char *buf_str(const struct buf *b);

#endif
