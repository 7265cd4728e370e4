/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_RETENTION_H
#define AJAR_MONITOR_RETENTION_H

#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

/*
 * What is too old, or more than there is room for, goes: in pieces small enough that nobody waits
 * for them. By age first; then, while more bytes are used than keep_bytes, from the oldest on in
 * sixteenths of the time there is, but never the last hour.
 */
struct retention {
	uint64_t keep_ns, keep_bytes; /* 0: no limit */
	uint64_t before_ns; /* of the round under way, 0: none */
	struct store_pruned done; /* of this round; more: call again */
};

/*
 * One piece. r->done.more says whether there is another; when there is none the round is over and
 * r->done its sum.
 */
must_check int retention_step(struct retention *r, struct store *s, uint64_t now_wall_ns);

#endif
