/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_CSV_H
#define AJAR_VIEW_CSV_H

#include <stddef.h>

struct buf;

/* A text of anybody's, made harmless: one line, valid UTF-8, no formula. */
void csv_harmless(struct buf *b, const char *p, size_t n);
/* A field of a row, in quotes when it has to be. NULL is null. */
void csv_field(struct buf *b, const char *s, size_t n);

#endif
