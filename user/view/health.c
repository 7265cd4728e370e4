/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/health.h"
#include "store/tally.h"
#include "view/metrics.h"

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

static void add_behind(struct view_health_sum *sum, const struct store_health_row *r,
		       uint64_t now_ns)
{
	const struct store_behind *b = r->behind;
	uint64_t lag_ns;

	if (!b)
		return;
	lag_ns = b->received_ns && b->received_ns < now_ns ? now_ns - b->received_ns : 0;
	sum->unjudged += b->records;
	sum->failing += b->failed_ns != 0;
	if (sum->lag_ns && lag_ns <= sum->lag_ns)
		return;
	sum->lag_ns = lag_ns;
	snprintf(sum->last_judged, sizeof(sum->last_judged), "%s", r->node);
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
	sum->unreadable += r->refused;
	add_behind(sum, r, w->now_ns);
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

static int on_behind(const struct store_behind *b, void *arg)
{
	struct judging *j = arg;

	j->pending += b->records;
	if (b->received_ns && (!j->oldest_ns || b->received_ns < j->oldest_ns))
		j->oldest_ns = b->received_ns;
	j->failing += b->failed_ns != 0;
	j->late += b->failed_ns || (b->received_ns && b->received_ns + HEALTH_LATE_NS <= j->now_ns);
	return 0;
}

int view_judging(struct store *s, struct judging *ret)
{
	struct judging j = { 0 };
	int err = store_clock(s, &j.now_ns);

	if (!err)
		err = store_behind(s, NULL, on_behind, &j);
	if (!err)
		err = store_interval_locked_at(s, STORE_INTERVAL_MONITOR, &j.seen_ns);
	if (err)
		return err;
	if (j.oldest_ns && j.now_ns > j.oldest_ns)
		j.lag_ns = j.now_ns - j.oldest_ns;
	*ret = j;
	return 0;
}
