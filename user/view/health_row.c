/* SPDX-License-Identifier: GPL-2.0 */
#include "view/health_row.h"

#include "audit/health.h"
#include "store/health.h"

/* A node's row as the audit sees it, and what follows from it over time. */

/*
 * Counts what was lost from when to when; an episode is over when nothing more was lost for a
 * while.
 */
static void follow_losses(uint64_t now_ns, uint64_t lost, struct store_watch *w)
{
	if (lost != w->lost_reported + w->lost_seen && lost > w->lost_reported) {
		w->lost_seen = lost - w->lost_reported;
		w->lost_last_ns = now_ns;
		if (!w->lost_first_ns)
			w->lost_first_ns = now_ns;
	}
	if (w->lost_first_ns && now_ns - w->lost_last_ns >= HEALTH_NEWS_NS) {
		w->lost_reported += w->lost_seen;
		w->lost_seen = w->lost_first_ns = w->lost_last_ns = 0;
	}
}

static void follow_hole(uint64_t now_ns, const struct store_health_row *r, struct store_watch *w)
{
	if (!r->stored_boot || r->head_seq >= r->stored_seq) {
		w->hole_boot = 0;
		w->hole_seq = w->hole_since_ns = 0;
	} else if (w->hole_boot != r->stored_boot || w->hole_seq != r->head_seq ||
		   !w->hole_since_ns) {
		w->hole_boot = r->stored_boot;
		w->hole_seq = r->head_seq;
		w->hole_since_ns = now_ns;
	}
}

void health_follow(const struct store_health_row *r, uint64_t now_ns, struct store_watch *w)
{
	follow_losses(now_ns, r->lost, w);
	follow_hole(now_ns, r, w);
}

void health_row(const struct store_health_row *r, const struct store_watch *w, struct health_in *in)
{
	const struct store_health *h = &r->h;

	*in = (struct health_in){
		.node = r->node,
		.host = h->host,
		.reported = r->known,
		.refused = r->known && r->standing == STANDING_REFUSED,
		.accepted = r->accepted_ns,
		.first_ns = r->first_ns,
		.received_ns = r->received_ns,
		.mixed_ns = r->mixed_ns,
		.other_host = r->other_host,
		.shipper_stopped = h->shipper == SHIPPER_STOPPED,
		.retired = h->shipper == SHIPPER_RETIRED,
		.agent_recording = h->agent == AGENT_RECORDING,
		.agent_stopped = h->agent == AGENT_STOPPED,
		.agent_age_ns = h->agent_age_ns,
		.attached = h->attached,
		.tier = h->tier,
		.sensor = h->sensor,
		.backlog_records = h->backlog_records,
		.backlog_bytes = h->backlog_bytes,
		.backlog_ns = h->backlog_ns,
		.journal_max_bytes = h->journal_max_bytes,
		.quarantined = h->quarantined,
		.wall_ns = h->wall_ns,
		.rtt_ns = h->rtt_ns,
		.step_ns = h->step_ns,
		.stepped_ns = h->stepped_ns,
	};
	if (in->refused)
		return;
	in->lost = w->lost_seen;
	in->lost_first_ns = w->lost_first_ns;
	in->lost_last_ns = w->lost_last_ns;
	in->hole_seq = w->hole_seq;
	in->hole_since_ns = w->hole_since_ns;
	in->broken_boot = w->broken_boot;
	in->broken_seq = w->broken_seq;
	in->broken_ns = w->broken_ns;
	in->unreadable = r->refused;
	in->unreadable_ns = r->refused_ns;
	if (!r->behind)
		return;
	in->unjudged = r->behind->records;
	in->unjudged_ns = r->behind->received_ns;
	in->failed_boot = r->behind->failed_boot;
	in->failed_seq = r->behind->failed_seq;
	in->failed_ns = r->behind->failed_ns;
	in->failed_why = r->behind->failed_why;
}
