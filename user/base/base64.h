/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_BASE64_H
#define AJAR_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf;

/* RFC 4648's alphabet. Appends n bytes as text; pad: with "=" at the end. */
void base64_put(struct buf *b, const void *p, size_t n, bool pad);
/*
 * Appends the bytes of text, padded or not; blanks and line ends between are skipped. -EINVAL for
 * anything else.
 */
must_check int base64_get(struct buf *b, const char *p, size_t n);

#endif
