/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_CAPTURE_H
#define AJAR_SCAN_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct address;
struct buf;

/*
 * Two questions that others answer, each in a child with a time limit, since both may hang: what a
 * program prints (no shell; words are split at blanks), and where a name is. They block at most
 * that long.
 */
/* -ETIMEDOUT, -EIO (it ended with another status than 0), -E2BIG (b's maximum), -ENOENT ... */
must_check int capture_program(const char *command, uint64_t timeout_ns, struct buf *b);

typedef int (*capture_address_fn)(const char *name, const struct address *a, void *arg);
/* Names that have none, or not in time, are left out. */
must_check int capture_addresses(const char *const *names, size_t n, uint64_t timeout_ns,
				 capture_address_fn fn, void *arg);

#endif
