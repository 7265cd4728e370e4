/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_QUERY_H
#define AJAR_WEB_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * A request's target, "/api/v1/doors?node=n1&q=tcp+:22": its path in segments and its arguments,
 * unescaped. Everything of it is hostile: what is no valid UTF-8, has control characters, dot
 * segments or more than fits is -EINVAL as a whole.
 */
#define QUERY_BYTES_MAX 4096
#define QUERY_SEGMENTS_MAX 8
#define QUERY_ARGS_MAX 16
struct query {
	unsigned segments_len, args_len;
	const char *segments[QUERY_SEGMENTS_MAX]; /* "api", "v1", "doors" */
	struct {
		const char *name, *value;
	} args[QUERY_ARGS_MAX];
	char bytes[QUERY_BYTES_MAX]; /* all of these; do not copy the struct */
};
must_check int query_parse(const char *target, struct query *ret_q);
/* The last one of that name; NULL: none. */
const char *query_arg(const struct query *q, const char *name);
/*
 * A number, from min to max; untouched when it is not given. -EINVAL.
 */
must_check int query_u64(const struct query *q, const char *name, uint64_t min, uint64_t max,
			 uint64_t *ret_v);

/* The value of a cookie of the Cookie header (NULL: none); -ENOENT, -EINVAL when it is too long. */
must_check int cookie_get(const char *header, const char *name, char *to, size_t size);

/* "12.7.3": n numbers, no more and no fewer; what a list gave as the place to go on. */
must_check int cursor_parse(const char *s, uint64_t *ret_v, unsigned n);

#endif
