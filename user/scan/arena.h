/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_ARENA_H
#define AJAR_SCAN_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/* Texts that live and go together, up to a maximum of bytes. Ends with NUL behind each. */
struct arena_block;
struct arena {
	struct arena_block *blocks;
	size_t used, max;
};

#define ARENA_INIT(max_bytes)                                                                      \
	{                                                                                          \
		.max = (max_bytes)                                                                 \
	}

void arena_reset(struct arena *a);
/* A copy of n bytes; unknown when there is no room (or no memory). */
struct text arena_put(struct arena *a, const char *p, size_t n);

#endif
