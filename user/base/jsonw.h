/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_JSONW_H
#define AJAR_BASE_JSONW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct buf;

/*
 * Streaming JSON writer over a buf. Commas and nesting are its business; key is NULL inside
 * arrays and for the outermost value. Depth is bounded; a misuse sets the buf's err to -EINVAL.
 */
#define JSONW_DEPTH_MAX 16

struct jsonw {
	struct buf *b;
	unsigned depth;
	bool more[JSONW_DEPTH_MAX + 1];
};

void jsonw_init(struct jsonw *w, struct buf *b);
void jsonw_obj(struct jsonw *w, const char *key);
void jsonw_arr(struct jsonw *w, const char *key);
void jsonw_end_obj(struct jsonw *w);
void jsonw_end_arr(struct jsonw *w);
void jsonw_null(struct jsonw *w, const char *key);
void jsonw_bool(struct jsonw *w, const char *key, bool v);
/* Numbers beyond 2^53 are written as strings, so that no reader loses digits. */
void jsonw_u64(struct jsonw *w, const char *key, uint64_t v);
void jsonw_i64(struct jsonw *w, const char *key, int64_t v);
/* NULL is written as null. */
void jsonw_str(struct jsonw *w, const char *key, const char *s);
void jsonw_text(struct jsonw *w, const char *key, struct text t);
/* A text of several lines: its newlines stay newlines, everything else is as of jsonw_str(). */
void jsonw_lines(struct jsonw *w, const char *key, const char *s);
/* UTC, "2026-11-22T16:01:02.123456Z"; 0 is written as null. */
void jsonw_time(struct jsonw *w, const char *key, uint64_t wall_ns);

#endif
