/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "audit/audit.h"
#include "monitor/alerting_internal.h"
#include "monitor/held.h"
#include "store/compared.h"
#include "store/triage.h"

/* What happens to alerts: doors, and findings that are no single door. */
#define FOLD_EVERY_NS                                                                              \
	UINT64_C(1000000000) /* the folded text of an alert is written anew at most so often, */
#define FOLD_SHARE 50 /* and of one with so many doors that it takes long, less often */

static void count_node(struct alerting *a, struct entry *e, uint64_t before, uint64_t after)
{
	e->life.doors += after - before;
	e->life.nodes += (uint64_t)(after > 0) - (uint64_t)(before > 0);
	if ((!before != !after || e->many) && !e->fold_ns)
		e->fold_ns = a->now_ns + FOLD_EVERY_NS + FOLD_SHARE * e->fold_took_ns;
}

/*
 * On a node where a person lives with it: it is written where it stands, for when that is over, and
 * is no part of the alert's life.
 */
static int keep_excepted(struct alerting *a, struct entry *e, const struct cause *c, bool fresh,
			 uint64_t at_ns)
{
	uint64_t before, after;

	return e->id && fresh
		       ? store_alert_node_add(a->store, e->id, c->node, 1, at_ns, &before, &after)
		       : 0;
}

/* The alert has one more reason; when there is none yet, it is counted once that has its number. */
static int begin_on(struct alerting *a, const struct cause *c, bool fresh, enum severity severity,
		    uint64_t at_ns)
{
	struct life_input in = { .what = LIFE_OPENED, .severity = severity, .at_ns = at_ns };
	const struct held_window *w = held_window_at(a->held, c->node, c->host_type, at_ns);
	uint64_t before = 0, after = 0;
	struct entry *e;
	bool is_new;
	int err = alerting_entry(a, c->key, &e);

	if (err)
		return err;
	if (held_excepted(a->held, c->key, c->node, a->now_ns))
		return keep_excepted(a, e, c, fresh, at_ns);
	is_new = !e->id;
	e->many |= c->d && !audit_key_is_port(c->key, c->d->door.port);
	if (!is_new && !lifecycle_is_open(e->life.state) && !e->life.doors)
		err = store_alert_nodes_restart(a->store, e->id);
	if (!err && !is_new && fresh) {
		err = store_alert_node_add(a->store, e->id, c->node, 1, at_ns, &before, &after);
		if (!err)
			count_node(a, e, before, after);
	}
	if (err)
		return err;
	in.doors = is_new ? 1 : e->life.doors;
	in.nodes = is_new ? 1 : e->life.nodes;
	in.reached = c->reach != NULL;
	if (w) {
		in.held_until_ns = w->ends_ns;
		in.window_id = w->id;
		in.held_note = w->note;
	}
	err = alerting_live(a, c->key, e, &in, c);
	if (!err && is_new && e->id)
		err = store_alert_node_add(a->store, e->id, c->node, 1, at_ns, &before, &after);
	return err;
}

int alerting_raise(struct alerting *a, const struct store_door *d, const struct judgement *j,
		   const struct profile *p, bool fresh, uint64_t at_ns)
{
	const struct cause c = { .key = d->alert_key,
				 .host_type = d->host_type,
				 .node = d->node,
				 .d = d,
				 .j = j,
				 .p = p };

	return begin_on(a, &c, fresh, j->severity, at_ns);
}

static int lose_door(struct alerting *a, const char *key, const char *node, enum life_event what,
		     const char *note, uint64_t at_ns)
{
	struct life_input in = { .what = what, .note = note, .at_ns = at_ns };
	uint64_t before = 0, after = 0;
	struct entry *e;
	int err = alerting_entry(a, key, &e);

	if (!err && e->id)
		err = store_alert_node_add(a->store, e->id, node, -1, at_ns, &before, &after);
	if (err)
		return err;
	if (!held_excepted(a->held, key, node, a->now_ns))
		count_node(a, e, before, after);
	in.doors = e->life.doors;
	in.nodes = e->life.nodes;
	in.severity = e->life.severity;
	return alerting_live(a, key, e, &in, NULL);
}

int alerting_close(struct alerting *a, const char *key, const char *node, uint64_t at_ns)
{
	return lose_door(a, key, node, LIFE_CLOSED, NULL, at_ns);
}

int alerting_allow(struct alerting *a, const char *key, const char *node, const char *note,
		   uint64_t at_ns)
{
	return lose_door(a, key, node, LIFE_FINE, note, at_ns);
}

/* --- findings that are no single door ---------------------------------------------------------------- */

static int is_open_there(struct alerting *a, const struct entry *e, const char *node,
			 bool *ret_open)
{
	uint64_t before = 0, after = 0;
	int err = 0;

	if (e->id)
		err = store_alert_node_add(a->store, e->id, node, 0, 0, &before, &after);
	*ret_open = before > 0;
	return err;
}

int alerting_find(struct alerting *a, const struct finding *f, uint64_t at_ns)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024);
	struct entry *e;
	bool open = false;
	int err;

	audit_finding_key(f->host_type, f->kind, f->proto, f->port, f->what, &key);
	err = key.err ? key.err : alerting_entry(a, buf_str(&key), &e);
	if (!err)
		err = is_open_there(a, e, f->node, &open);
	if (err || (open && lifecycle_is_open(e->life.state) && f->severity <= e->life.severity))
		return err;
	{
		const struct cause c = {
			.key = buf_str(&key), .host_type = f->host_type, .node = f->node, .f = f
		};

		return begin_on(a, &c, !open, f->severity, at_ns);
	}
}

int alerting_end(struct alerting *a, const struct finding *f, uint64_t at_ns)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024);
	struct entry *e;
	bool open = false;
	int err;

	audit_finding_key(f->host_type, f->kind, f->proto, f->port, f->what, &key);
	err = key.err ? key.err : alerting_entry(a, buf_str(&key), &e);
	if (!err)
		err = is_open_there(a, e, f->node, &open);
	return err || !open ? err
			    : lose_door(a, buf_str(&key), f->node,
					f->over ? LIFE_FINE : LIFE_CLOSED, f->over, at_ns);
}

/* --- reached from outside ------------------------------------------------------------------------------ */

struct looking {
	const struct port_look *look;
	uint64_t id; /* of the alert, if that is news to it */
};

/* Of many nodes the one that is reachable counts, of one node the newest look. */
static int is_news(const struct store_alert *alert, void *arg)
{
	struct looking *l = arg;
	const struct port_look *have = &alert->outside, *now = l->look;
	bool same = have->state == now->state && have->port == now->port &&
		    !strcmp(have->node, now->node) && !strcmp(have->addr, now->addr);

	if (!have->state || (!same && (alert->node_count <= 1 || now->state == PORT_OPEN)))
		l->id = alert->id;
	return 0;
}

int alerting_reach(struct alerting *a, const struct reach *r, uint64_t at_ns)
{
	const struct cause c = {
		.key = r->key, .host_type = r->host_type, .node = r->look.node, .reach = r
	};
	struct looking l = { .look = &r->look };
	struct entry *e;
	int err = alerting_entry(a, r->key, &e);

	if (!err && lifecycle_is_open(e->life.state)) {
		if (r->severity > e->life.severity)
			err = begin_on(a, &c, false, r->severity, at_ns);
		if (!err)
			err = store_alert_get(a->store, r->key, is_news, &l);
		if (!err && l.id)
			err = store_alert_look(a->store, l.id, &r->look);
	}
	return err;
}
