/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/holder.h"
#include "base/clock.h"
#include "base/map.h"
#include "monitor/alert_row.h"
#include "monitor/alerting_internal.h"
#include "monitor/held.h"
#include "store/alert_ports.h"
#include "store/triage.h"

/* Time that passes: snoozes that end, doors gone for the blink, texts to be folded anew. */

struct walk {
	struct alerting *a;
	uint64_t until_ns, now_ns, next_ns;
	uint64_t late_ns; /* what was due and known of then has waited enough; 0: nothing has */
	bool work; /* something is due: a commit without any would notify the listeners for nothing */
	int err;
};

static bool flush_entry(const void *key, size_t len, void *value, void *arg)
{
	struct walk *w = arg;
	struct entry *e = value;
	char text[1024];

	if (!e->dirty || !e->id || w->err || len >= sizeof(text))
		return false;
	memcpy(text, key, len);
	text[len] = '\0';
	w->err = store_touch_alert(w->a->store, text, e->life.doors, e->life.last_ns);
	e->dirty = false;
	return false;
}

int alerting_flush(struct alerting *a)
{
	struct walk w = { .a = a };

	map_each(a->entries, flush_entry, &w);
	return w.err;
}

struct folding {
	struct walk *w;
	struct entry *e;
	uint64_t at_ns; /* of the tick */
};

/*
 * More of them are reported in time, as more nodes are. Of before a monitor began it takes them for
 * told.
 */
static void count_ports(struct entry *e, uint64_t ports)
{
	bool first = !e->life.ports;

	e->life.ports = ports;
	if (first && !e->fresh)
		e->life.reported_ports = ports;
	if (ports > e->life.reported_ports && !e->due_ns)
		e->due_ns = 1; /* a tick that comes early says when it is wanted */
}

/* Of one program on many ports: which. */
static int put_burst(struct store *s, struct entry *e, const struct store_alert *alert,
		     struct buf *b)
{
	struct store_alert_ports p;
	struct process who;
	struct event ev;
	int err = store_alert_ports(s, alert->key, &p);

	if (!err)
		count_ports(e, p.count);
	if (err || p.count < 2 || !alert->record.ptr ||
	    event_decode(alert->record.ptr, alert->record.len, &ev))
		return err;
	audit_holder_of_key(alert->key, alert->host_type, &ev, &who);
	audit_burst_summary(alert->kind, alert->node, &ev.door, &who, p.count, p.folded, b);
	return b->err;
}

/* Of one user's or node's many programs: how many. */
static int put_crowd(struct store *s, struct entry *e, const struct store_alert *alert,
		     struct buf *b)
{
	struct store_alert_size n = { 0 };
	struct audit_crowd_size size;
	struct process who;
	struct event ev;
	int err = store_alert_size(s, alert->key, &n);

	if (!err)
		count_ports(e, n.doors);
	if (err || !n.doors || !alert->record.ptr ||
	    event_decode(alert->record.ptr, alert->record.len, &ev))
		return err;
	audit_holder_of_key(alert->key, alert->host_type, &ev, &who);
	size = (struct audit_crowd_size){ n.doors, n.programs, n.cut };
	audit_crowd_summary(audit_key_crowd(alert->key), alert->node, &who, &size, b);
	return b->err;
}

static int fold_row(const struct store_alert *alert, void *arg)
{
	_cleanup_(buf_done) struct buf nodes = BUF_INIT(ALERTING_NODES_MAX),
				       summary = BUF_INIT(ALERTING_TEXT_MAX);
	struct folding *f = arg;
	_cleanup_(buf_done) struct buf burst = BUF_INIT(ALERTING_TEXT_MAX);
	int err = alert_row_nodes(f->w->a->store, alert->id, f->w->a->held, alert->key,
				  f->w->now_ns, &nodes);

	if (!err && f->e->many && audit_key_crowd(alert->key))
		err = put_crowd(f->w->a->store, f->e, alert, &burst);
	else if (!err && f->e->many)
		err = put_burst(f->w->a->store, f->e, alert, &burst);
	if (err)
		return err;
	alert_row_summary(burst.len ? buf_str(&burst) : alert->summary, buf_str(&nodes),
			  f->e->life.nodes, &summary);
	return store_alert_fold(f->w->a->store, alert->id, buf_str(&nodes), f->e->life.nodes,
				buf_str(&summary));
}

/*
 * When an entry is due: by now, or 0. A door whose end was told late may be back with what its node
 * sends next.
 */
static uint64_t due_at(const struct walk *w, const struct entry *e)
{
	if (e->due_ns && e->due_ns <= w->until_ns)
		return w->until_ns;
	if (!e->due_ns || e->due_ns > w->late_ns || e->seen_ns + w->a->o.blink_ns > w->late_ns)
		return 0;
	return w->now_ns;
}

/* A maintenance that goes on holds on: the alert's last node is asked for. */
static int look_held(const struct store_alert *alert, void *arg)
{
	struct folding *f = arg;
	const struct held_window *w =
		held_window_at(f->w->a->held, alert->node, alert->host_type, f->at_ns);

	f->e->life.until_ns = f->e->life.until_ns ? f->e->life.until_ns : 1;
	if (w && w->ends_ns > f->e->life.until_ns) {
		f->e->life.until_ns = w->ends_ns;
		f->e->life.window_id = w->id;
	}
	return 0;
}

static bool tick_entry(const void *key, size_t len, void *value, void *arg)
{
	struct walk *w = arg;
	struct entry *e = value;
	struct folding f = { w, e, due_at(w, e) };
	struct life_input in = { .what = LIFE_TICK,
				 .doors = e->life.doors,
				 .nodes = e->life.nodes,
				 .severity = e->life.severity,
				 .at_ns = f.at_ns };
	char text[1024];

	if (w->err || len >= sizeof(text))
		return false;
	memcpy(text, key, len);
	text[len] = '\0';
	if (f.at_ns) {
		if (e->life.state == ALERT_SNOOZED && e->life.window_id &&
		    e->life.until_ns <= f.at_ns)
			w->err = store_alert_get(w->a->store, text, look_held, &f);
		if (!w->err)
			w->err = alerting_live(w->a, text, e, &in, NULL);
	}
	if (!w->err && e->fold_ns && e->fold_ns <= w->now_ns && e->id) {
		const uint64_t start_ns = clock_boot_ns();

		w->err = store_alert_get(w->a->store, text, fold_row, &f);
		e->fold_ns = 0;
		e->fold_took_ns = clock_boot_ns() - start_ns;
	}
	/* What is resolved is read anew should it come back. */
	return !w->err && e->life.state == ALERT_RESOLVED && !e->life.doors;
}

static bool recheck_due(const struct walk *w)
{
	return w->a->recheck_ns && w->a->recheck_ns <= w->now_ns;
}

static bool earliest_due(const void *key, size_t len, void *value, void *arg)
{
	struct entry *e = value;
	struct walk *w = arg;

	(void)key;
	(void)len;
	/*
	 * It closed in the future: a clock was set back. It has been gone since now at the latest.
	 */
	if (e->life.gone_ns > w->now_ns) {
		e->life.gone_ns = w->now_ns;
		e->due_ns = w->now_ns + w->a->o.blink_ns;
	}
	w->work |= due_at(w, e) || (e->fold_ns && e->fold_ns <= w->now_ns);
	if (e->due_ns && (!w->next_ns || e->due_ns < w->next_ns))
		w->next_ns = e->due_ns;
	if (e->fold_ns && (!w->next_ns || e->fold_ns < w->next_ns))
		w->next_ns = e->fold_ns;
	return false;
}

int alerting_due(struct alerting *a, uint64_t until_ns, uint64_t now_wall_ns, bool all_judged,
		 uint64_t *ret_next_ns)
{
	struct walk w = { .a = a, .until_ns = until_ns, .now_ns = now_wall_ns };
	int err = a->loaded ? 0 : alerting_load(a, now_wall_ns);

	if (err)
		return err;
	if (all_judged && now_wall_ns > ALERTING_LATE_NS)
		w.late_ns = now_wall_ns - ALERTING_LATE_NS;
	map_each(a->entries, earliest_due, &w);
	if (w.work || recheck_due(&w)) {
		err = store_begin(a->store);
		if (err)
			return err;
		w.err = alerting_enter(a);
		if (!w.err && recheck_due(&w))
			w.err = alerting_recheck(a);
		if (!w.err)
			map_each(a->entries, tick_entry, &w);
		err = w.err ? w.err : store_commit(a->store);
		if (err) {
			store_rollback(a->store);
			alerting_forget(a);
			return err;
		}
		w.next_ns = 0;
		map_each(a->entries, earliest_due, &w);
	}
	if (a->recheck_ns && (!w.next_ns || a->recheck_ns < w.next_ns))
		w.next_ns = a->recheck_ns;
	*ret_next_ns = w.next_ns;
	return 0;
}
