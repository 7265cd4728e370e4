/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/retention.h"

#define HOUR_NS UINT64_C(3600000000000)
#define SLICES 16

/* Too much: a slice of the oldest is to go. 0: there is room, or nothing that may go. */
static int next_slice(const struct retention *r, struct store *s, uint64_t now_ns,
		      uint64_t *ret_before)
{
	struct store_usage u;
	uint64_t last = now_ns > HOUR_NS ? now_ns - HOUR_NS : 0, before;
	int err = store_usage(s, false, &u);

	*ret_before = 0;
	if (err || u.used_bytes <= r->keep_bytes || !u.oldest_ns || u.oldest_ns >= last)
		return err;
	before = u.oldest_ns + (last - u.oldest_ns) / SLICES + 1;
	/* Where a slice held nothing that may go, the next one begins behind it. */
	if (before <= r->before_ns)
		before = r->before_ns + (last - u.oldest_ns) / SLICES + 1;
	*ret_before = before <= last ? before : 0;
	return 0;
}

int retention_step(struct retention *r, struct store *s, uint64_t now_wall_ns)
{
	struct store_prune q = { .limit = STORE_PRUNE_MAX };
	struct store_pruned piece = { 0 };
	int err = 0;

	if (!r->done.more) {
		r->done = (struct store_pruned){ 0 };
		r->before_ns =
			r->keep_ns && r->keep_ns < now_wall_ns ? now_wall_ns - r->keep_ns : 0;
	}
	q.before_ns = r->before_ns;
	r->done.more = false;
	if (q.before_ns)
		err = store_prune(s, &q, &piece);
	if (err)
		return err;
	r->done.events += piece.events;
	r->done.doors += piece.doors;
	r->done.alerts += piece.alerts;
	r->done.more = piece.more;
	if (piece.more || !r->keep_bytes)
		return 0;
	err = next_slice(r, s, now_wall_ns, &q.before_ns);
	if (!err && q.before_ns) {
		r->before_ns = q.before_ns;
		r->done.more = true;
	}
	return err;
}
