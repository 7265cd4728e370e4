/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/holder.h"
#include "audit/verdict.h"
#include "monitor/alert_row.h"
#include "monitor/alerting_internal.h"

/* What is written of an alert when its life changes. */

struct texts {
	struct buf nodes, summary, why, remedy;
};
#define TEXTS_INIT                                                                                 \
	{                                                                                          \
		BUF_INIT(ALERTING_NODES_MAX), BUF_INIT(ALERTING_TEXT_MAX),                         \
			BUF_INIT(ALERTING_TEXT_MAX), BUF_INIT(ALERTING_TEXT_MAX)                   \
	}

static void texts_done(struct texts *t)
{
	buf_done(&t->nodes);
	buf_done(&t->summary);
	buf_done(&t->why);
	buf_done(&t->remedy);
}

/*
 * Everything but the texts that differ between a door and another finding; nodes and summary go
 * into t.
 */
static int put_row(struct alerting *a, struct entry *e, enum alert_state was, const char *node,
		   const struct life_change *c, struct store_alert *row, struct texts *t)
{
	_cleanup_(buf_done) struct buf summary = BUF_INIT(ALERTING_TEXT_MAX);
	uint64_t log_id;
	int err = 0;

	if (e->id)
		err = alert_row_nodes(a->store, e->id, a->held, row->key, a->now_ns, &t->nodes);
	else
		buf_puts(&t->nodes, node);
	if (err)
		return err;
	alert_row_summary(row->summary, buf_str(&t->nodes), e->life.nodes, &summary);
	row->nodes = buf_str(&t->nodes);
	row->summary = buf_str(&summary);
	row->severity = c->severity;
	row->state = c->state;
	row->count = e->life.doors;
	row->node_count = e->life.nodes;
	row->first_ns = e->life.first_ns;
	row->last_ns = e->life.last_ns;
	row->until_ns = c->state == ALERT_SNOOZED ? e->life.until_ns : 0;
	row->window_id = c->state == ALERT_OPEN ? 0 : e->life.window_id;
	row->was = was;
	row->cause = c->cause;
	a->changes++;
	e->fold_ns =
		e->many ? a->now_ns : 0; /* the text of one door is written: the ports follow */
	return store_put_alert(a->store, row, ALERTING_WHO, c->note, c->at_ns, &e->id, &log_id);
}

/* --- a door, or a finding that is none ------------------------------------------------------------ */

/* What a scan saw of an alert that goes on. */
struct kept_look {
	struct port_look look;
	char node[256], addr[64];
};

static int keep_look(const struct store_alert *alert, void *arg)
{
	struct kept_look *k = arg;

	snprintf(k->node, sizeof(k->node), "%s", alert->outside.node);
	snprintf(k->addr, sizeof(k->addr), "%s", alert->outside.addr);
	k->look = alert->outside;
	k->look.node = k->node;
	k->look.addr = k->addr;
	return 0;
}

static void put_door_texts(const struct cause *c, const struct process *who, struct texts *t)
{
	static const struct audit_crowd_size not_counted;
	const struct store_door *d = c->d;
	enum crowd_of of = audit_key_crowd(c->key);

	if (of) {
		audit_crowd_summary(of, d->node, who, &not_counted, &t->summary);
		audit_crowd_why(of, &t->why);
		audit_crowd_remedy(of, d->node, who, &t->remedy);
		return;
	}
	audit_summary(c->j, d->node, &d->door, who, &t->summary);
	audit_why(c->j, d->host_type, c->p, &d->door, who, &t->why);
	audit_why_holder(&d->ev, who, &t->why);
	audit_remedy(c->j, d->host_type, &d->door, who, &t->remedy);
}

static int put_of_door(struct alerting *a, struct entry *e, const struct cause *c,
		       enum alert_state was, const struct life_change *change)
{
	_cleanup_(texts_done) struct texts t = TEXTS_INIT;
	const struct store_door *d = c->d;
	struct judgement again;
	struct kept_look kept;
	struct process who;
	struct store_alert row = { .key = c->key,
				   .kind = c->j->kind,
				   .host_type = d->host_type,
				   .proto = d->door.proto,
				   .port = d->door.port,
				   .boot_seq = d->boot_seq,
				   .seq = d->open_seq,
				   .node = d->node,
				   .record = d->record };

	/* Which of the holders it is about. */
	audit_judge_event(c->p, &d->ev, a->now_ns, OUTSIDE_UNKNOWN, &again, &who);
	put_door_texts(c, &who, &t);
	if (lifecycle_is_open(was)) {
		int err = store_alert_get(a->store, c->key, keep_look, &kept);

		if (err)
			return err;
		row.outside = kept.look;
	}
	row.summary = buf_str(&t.summary);
	row.why = buf_str(&t.why);
	row.remedy = buf_str(&t.remedy);
	return put_row(a, e, was, d->node, change, &row, &t);
}

static int put_of_finding(struct alerting *a, struct entry *e, const struct cause *c,
			  enum alert_state was, const struct life_change *change)
{
	_cleanup_(texts_done) struct texts t = TEXTS_INIT;
	const struct finding *f = c->f;
	struct store_alert row = { .key = c->key,
				   .kind = f->kind,
				   .subject = f->what,
				   .host_type = f->host_type,
				   .proto = f->proto,
				   .port = f->port,
				   .boot_seq = f->boot_seq,
				   .seq = f->seq,
				   .node = f->node,
				   .record = f->record,
				   .why = f->why,
				   .remedy = f->remedy };

	buf_printf(&t.summary, "%s on ", f->summary);
	row.summary = buf_str(&t.summary);
	return put_row(a, e, was, f->node, change, &row, &t);
}

/* An alert as the store has it, with another state. */
struct restated {
	struct alerting *a;
	struct entry *e;
	enum alert_state was;
	const struct life_change *change;
	const struct reach *reach;
};

static int put_restated(const struct store_alert *alert, void *arg)
{
	_cleanup_(texts_done) struct texts t = TEXTS_INIT;
	const struct restated *r = arg;
	struct store_alert next = *alert;

	if (r->reach)
		next.outside = r->reach->look;
	return put_row(r->a, r->e, r->was, alert->node, r->change, &next, &t);
}

/* --- what happens --------------------------------------------------------------------------------- */

/* One step of the life, and what it changes; c NULL: as the store has it. */
int alerting_live(struct alerting *a, const char *key, struct entry *e, struct life_input *in,
		  const struct cause *c)
{
	enum alert_state was = e->life.state;
	bool was_gone = e->life.gone_ns;
	struct life_result res;
	int err;

	in->blink_ns = a->o.blink_ns;
	in->reopen_nodes = a->o.reopen_nodes;
	lifecycle_step(&e->life, in, &res);
	e->life = res.next;
	e->fresh |= !lifecycle_is_open(was) && lifecycle_is_open(e->life.state);
	e->due_ns = res.due_ns;
	if (!was_gone && e->life.gone_ns)
		e->seen_ns = a->now_ns;
	e->dirty = e->life.state && !res.len && in->what != LIFE_TICK;
	err = alerting_count_flood(a, key, lifecycle_is_open(was), lifecycle_is_open(e->life.state),
				   in->at_ns);
	for (unsigned i = 0; i < res.len && !err; i++) {
		struct restated r = { a, e, was, &res.changes[i], c ? c->reach : NULL };

		if (c && c->f)
			err = put_of_finding(a, e, c, was, &res.changes[i]);
		else if (c && c->d)
			err = put_of_door(a, e, c, was, &res.changes[i]);
		else
			err = store_alert_get(a->store, key, put_restated, &r);
		was = res.changes[i].state;
	}
	return err;
}
