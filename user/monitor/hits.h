/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_HITS_H
#define AJAR_MONITOR_HITS_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/audit.h"
#include "base/err.h"

struct store;

/*
 * Which row decided about how many doors, and when last: counted in memory while a batch is judged,
 * and written now and then, so that an event costs no write. What was not written when a monitor is
 * killed is lost: it is a hint for people, no record.
 */
struct hits;
must_check int hits_new(struct hits **ret_hits);
void hits_free(struct hits *h);
DEFINE_FREEP(struct hits, hits_free)

/* A door was judged at time_ns; counts when a row decided. Failure to count is none. */
void hits_add(struct hits *h, const struct judgement *j, uint64_t time_ns);
/* The batch was committed, or was not and will be judged again. */
void hits_settle(struct hits *h, bool committed);
/*
 * Writes what is due; *ret_next_ns: when there will be something due, if that is earlier than what
 * it says, 0: never.
 */
must_check int hits_write(struct hits *h, struct store *s, uint64_t now_ns, uint64_t *ret_next_ns);

#endif
