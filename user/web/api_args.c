/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "core/filter.h"
#include "web/web_internal.h"

/* What calls of the API have in common: their arguments. */

int api_filter(struct api_call *c, const char *arg, struct filter *f, char **ret_copy)
{
	const char *words = query_arg(c->q, arg), *why;
	char *copy = strdup(words ? words : ""), *next = copy;

	*ret_copy = copy;
	*f = (struct filter){ .racks = c->w->racks };
	if (!copy)
		return -ENOMEM;
	while (next) {
		char *word = next;

		next = strchr(word, ' ');
		if (next)
			*next++ = '\0';
		if (*word && filter_add(f, word, &why))
			return api_error(c->a, 400, "such as tcp, :22, exe:nc, node:n[1-9]",
					 "filter '%.200s': %s", word,
					 why ? why : "cannot be understood");
	}
	return 0;
}

int api_limit(struct api_call *c, uint64_t usual, uint64_t max, uint64_t *ret_limit)
{
	*ret_limit = usual;
	return query_u64(c->q, "limit", 1, max, ret_limit)
		       ? api_error(c->a, 400, "give a number", "limit: not from 1 to %" PRIu64, max)
		       : 0;
}

int api_time(struct api_call *c, const char *arg, uint64_t *ret_ns)
{
	const char *value = query_arg(c->q, arg);

	if (value && *value && parse_time(value, clock_wall_ns(), ret_ns))
		return api_error(c->a, 400,
				 "such as 2026-11-22T16:01:02Z, @1700000000, or 1h for an hour ago",
				 "%s: this is no time", arg);
	return 0;
}

int api_at(struct api_call *c, uint64_t *ret_ns)
{
	uint64_t at_ns = 0;
	int err = api_time(c, "at", &at_ns);

	if (!err && at_ns > clock_wall_ns())
		return api_error(c->a, 400, "leave it out for now", "at: this is yet to come");
	if (!err)
		*ret_ns = at_ns;
	return err;
}
