/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_HELD_H
#define AJAR_MONITOR_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hostlist.h"

struct store;

/*
 * What people have said beforehand: maintenance that holds alerts back, and findings to live with.
 * Read anew when told to.
 */
struct held;

struct held_window {
	uint64_t id, starts_ns, ends_ns;
	char *note; /* "maintenance 3: firmware" */
};

must_check int held_new(struct held **ret_h);
void held_free(struct held *h);
/* Those that were not over a day before now, so that a late event meets them. */
must_check int held_load(struct held *h, struct store *s, uint64_t now_wall_ns);
/* The maintenance that the node is in, the one that lasts longest; NULL: none. */
const struct held_window *held_window_at(const struct held *h, const char *node,
					 const char *host_type, uint64_t at_ns);
/* When that maintenance ends or ended; 0: it is not known (any more). */
uint64_t held_window_end(const struct held *h, uint64_t id);

/* --- findings to live with -------------------------------------------------------------------- */

/* An exception is for nodes, whatever their class: the one at the end of its key says nothing. */
struct held_exception {
	uint64_t id, ends_ns; /* 0: for good */
	char *key;
	struct hostlist nodes;
};

/* A person lives with the finding of that alert's key on that node. */
bool held_excepted(const struct held *h, const char *key, const char *node, uint64_t at_ns);
/* Whether there is an exception of that key for any node. */
bool held_excepts_some(const struct held *h, const char *key, uint64_t at_ns);
/* The next end of one after at_ns; 0: none ends. */
uint64_t held_exception_end(const struct held *h, uint64_t at_ns);
/* Those that stand, or ended after since_ns; fn returns 0 to go on. */
must_check int held_each_exception(const struct held *h, uint64_t since_ns,
				   int (*fn)(struct held_exception *e, void *arg), void *arg);

#endif
