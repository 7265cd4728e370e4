/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/timeline.h"

#include <errno.h>

#include "base/hostlist.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/doorset.h"
#include "cli/out.h"
#include "cli/words.h"
#include "store/store.h"
#include "view/match.h"
#include "view/view.h"

/* When it reached the store. */
static int64_t latency_of(const struct store_event_row *row)
{
	if (row->ev.origin != ORIGIN_EVENT || row->raw.received_ns < row->ev.time_ns)
		return -1;
	return (int64_t)((row->raw.received_ns - row->ev.time_ns) / 1000);
}

/*
 * Of then. A bound TCP socket is not open to anybody: the verdict is on its door, once it listens.
 */
static void judge_row(const struct timeline *t, const struct store_event_row *row,
		      struct view_event_ctx *ctx)
{
	if (row->ev.kind == EVENT_BIND)
		ctx->verdict = VERDICT_NONE;
	else
		ctx->verdict = past_verdict(&t->past, row->node, row->raw.boot_seq, &row->ev.door,
					    row->ev.time_ns, row->verdict, &ctx->later,
					    &ctx->verdict_computed);
}

bool timeline_wants(const struct timeline *t, const struct store_event_row *row)
{
	struct view_event_ctx ctx = { 0 };

	judge_row(t, row, &ctx);
	return view_match_event(&t->filter, &row->ev, row->node, row->host_type, ctx.verdict);
}

bool timeline_put_event(struct timeline *t, const struct store_event_row *row)
{
	const struct view_line_opts o = { .colour = t->c->colour,
					  .with_node = !t->one_node,
					  .width = out_width() };
	struct view_event_ctx ctx = { .node = row->node,
				      .host_type = row->host_type,
				      .latency_us = latency_of(row) };

	judge_row(t, row, &ctx);
	if (!view_match_event(&t->filter, &row->ev, row->node, row->host_type, ctx.verdict))
		return false;
	if (t->formatted) {
		if (view_encode_event(t->format, &row->ev, &ctx, &t->b))
			return false;
		buf_putc(&t->b, '\n');
	} else if (t->records) {
		view_event_json(&t->w, &row->ev, &ctx);
	} else if (row->ev.kind == EVENT_BIND && !t->c->verbose) {
		return false; /* before each listen: for people, the same line twice */
	} else {
		ctx.latency_us = -1; /* a number for machines: the row has no room for it */
		view_event_line(&t->b, &row->ev, &ctx, &o);
	}
	return true;
}

bool timeline_put_change(struct timeline *t, const struct store_alert_change *c)
{
	const struct view_line_opts o = { .colour = t->c->colour,
					  .with_node = !t->one_node,
					  .width = out_width() };

	if (!view_match_alert(&t->filter, &c->alert))
		return false;
	if (t->formatted) {
		if (view_encode_change(t->format, c, t->uuid, &t->b))
			return false;
		buf_putc(&t->b, '\n');
	} else if (t->records) {
		view_change_json(&t->w, c);
	} else {
		view_change_line(&t->b, c, &o);
	}
	return true;
}

bool timeline_put_scan(struct timeline *t, const struct store_scan_change *c)
{
	const struct view_line_opts o = { .colour = t->c->colour,
					  .with_node = !t->one_node,
					  .width = out_width() };

	/* The other schemas have no word for it; the alert that it raises they have. */
	if ((t->formatted && t->format != VIEW_JSON) || !view_match_scan(&t->filter, c))
		return false;
	if (t->formatted || t->records) {
		view_scan_change_json(&t->w, c);
	} else {
		view_scan_change_line(&t->b, c, &o);
	}
	return true;
}

struct keep {
	struct timeline *t;
	struct doorlist *list;
	uint64_t at_ns; /* 0: now */
};

static int keep_door(const struct store_door *d, void *arg)
{
	struct keep *k = arg;
	struct event ev = d->ev;
	enum verdict verdict = d->verdict;
	struct view_later later = { 0 };
	bool computed = false;
	int err;

	ev.time_ns = d->opened_ns ? d->opened_ns : ev.time_ns;
	if (k->at_ns)
		verdict = past_verdict(&k->t->past, d->node, d->boot_seq, &d->door, k->at_ns,
				       verdict, &later, &computed);
	if (!view_match_event(&k->t->filter, &ev, d->node, d->host_type, verdict))
		return 0;
	err = doorset_add(&k->list->doors, &ev, d->node, d->host_type, verdict);
	if (!err)
		doorset_later(&k->list->doors, &later, computed);
	return err;
}

static int put_doors(void *arg)
{
	struct keep *k = arg;

	return doorlist_put(k->list);
}

int timeline_doors(struct timeline *t, uint64_t at_ns)
{
	_cleanup_(doorlist_done) struct doorlist list = { 0 };
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 };
	struct store_door_query q = { .open_only = !at_ns, .at_ns = at_ns };
	struct keep k = { .t = t, .list = &list, .at_ns = at_ns };
	int err = doorlist_open(&list, t->c);

	if (!err)
		err = filter_nodes(&t->filter, &nodes);
	q.nodes = (const char *const *)nodes.names;
	q.nodes_len = nodes.len;
	if (!err)
		err = store_doors_by_node(t->store, &q, keep_door, put_doors, &k);
	t->out_err = list.out_err;
	if (err)
		return err;
	if (!list.len)
		log_info(at_ns ? "no door is known to have been open then" : "no door is open");
	return t->out_err = doorlist_close(&list);
}
