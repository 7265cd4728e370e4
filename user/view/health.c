/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/health.h"
#include "store/tally.h"
#include "view/metrics.h"

#define PENDING_LOOKED_AT 64 /* boots whose oldest unjudged event is looked up */

struct walk {
	const struct view_health_in *in;
	struct view_health_sum *sum;
	uint64_t now_ns;
};

enum node_state view_health_state(const struct store_health_row *r, uint64_t silent_ns,
				  uint64_t now_ns)
{
	const struct health_in in = {
		.reported = r->known,
		.received_ns = r->received_ns,
		.shipper_stopped = r->h.shipper == SHIPPER_STOPPED,
		.retired = r->h.shipper == SHIPPER_RETIRED,
		.agent_recording = r->h.agent == AGENT_RECORDING,
		.agent_stopped = r->h.agent == AGENT_STOPPED,
		.attached = r->h.attached,
	};

	return health_state(&in, silent_ns, now_ns);
}

static int on_node(const struct store_health_row *r, void *arg)
{
	struct walk *w = arg;
	struct view_health_sum *sum = w->sum;

	if (r->known && r->standing != STANDING_CURRENT)
		return 0; /* another machine holds that name */
	if (w->in->wants && !w->in->wants(r->node, r->host_type, w->in->arg))
		return 0;
	enum node_state state = view_health_state(r, w->in->silent_ns, w->now_ns);

	sum->nodes[state]++;
	if (state == NODE_RECORDING && r->h.tier >= 'A' && r->h.tier < 'A' + SENSOR_TIERS)
		sum->tiers[r->h.tier - 'A']++;
	if (state == NODE_RECORDING && health_is_degraded(r->h.tier) && !sum->degraded++)
		snprintf(sum->degraded_node, sizeof(sum->degraded_node), "%s, tier %c", r->node,
			 r->h.tier);
	sum->events += r->events;
	sum->lost += r->lost;
	if (!r->known)
		return 0;
	sum->backlog_records += r->h.backlog_records;
	sum->backlog_bytes += r->h.backlog_bytes;
	if (r->h.backlog_ns > sum->backlog_ns)
		sum->backlog_ns = r->h.backlog_ns;
	sum->quarantined += r->h.quarantined;
	return 0;
}

int view_health_sum(struct store *s, const struct view_health_in *in, struct view_health_sum *ret)
{
	struct view_health_sum sum = { 0 };
	struct walk w = { .in = in, .sum = &sum };
	int err = store_clock(s, &w.now_ns);

	if (!err)
		err = store_health(s, NULL, false, on_node, &w);
	if (err)
		return err;
	*ret = sum;
	return 0;
}

struct backlog {
	struct store *store;
	struct judging *j;
	unsigned looked;
	uint64_t oldest_ns;
};

static int on_unjudged(const struct store_event_row *row, void *arg)
{
	uint64_t *received_ns = arg;

	*received_ns = row->raw.received_ns;
	return 0;
}

static int on_pending(const struct store_pending *p, void *arg)
{
	const struct store_event_query q = {
		.node = p->node, .boot_seq = p->boot_seq, .after_seq = p->judged_seq, .limit = 1
	};
	struct backlog *b = arg;
	uint64_t received_ns = 0;
	int err;

	b->j->pending += p->stored_seq - p->judged_seq;
	if (b->looked++ >= PENDING_LOOKED_AT)
		return 0;
	err = store_events(b->store, &q, on_unjudged, &received_ns);
	if (received_ns && (!b->oldest_ns || received_ns < b->oldest_ns))
		b->oldest_ns = received_ns;
	return err;
}

int view_judging(struct store *s, struct judging *ret)
{
	struct judging j = { 0 };
	struct backlog b = { .store = s, .j = &j };
	int err = store_pending(s, on_pending, &b);

	if (!err)
		err = store_interval_locked_at(s, STORE_INTERVAL_MONITOR, &j.seen_ns);
	if (!err)
		err = store_clock(s, &j.now_ns);
	if (err)
		return err;
	if (b.oldest_ns && j.now_ns > b.oldest_ns)
		j.lag_ns = j.now_ns - b.oldest_ns;
	*ret = j;
	return 0;
}
