/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The doors that are open, then each row as it reaches the store. The store's notifier wakes us; we
 * keep, for each node, the last record shown, so that nothing is shown twice or passed over, in
 * whatever order nodes' records arrive. A record is shown once the monitor has judged it, so that
 * its verdict is there; where no monitor does within JUDGED_WITHIN_NS it is shown without one.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/proc.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/timeline.h"
#include "store/scan_changes.h"
#include "store/store.h"

#define JUDGED_WITHIN_NS UINT64_C(2000000000)
#define SCANS_EVERY_NS UINT64_C(2000000000)
#define LOOK_EVERY_NS UINT64_C(1000000000) /* where a store has no notifier */

struct cursor {
	char *node;
	uint32_t boot_seq;
	uint64_t seq; /* shown up to here */
	uint32_t newest_boot_seq;
	uint64_t judged_seq; /* of the boot that is being shown; UINT64_MAX: all of it */
};

struct follow {
	struct timeline *t;
	struct loop *loop;
	struct loop_source *timer;
	struct map *cursors; /* node name -> struct cursor */
	uint64_t after_log_id, after_scan_change;
	bool started; /* the cursors stand at the end of what there was */
	bool waiting; /* something is not judged yet */
	bool impatient; /* and has waited long enough */
	int err;
};

static void cursor_free(void *value)
{
	struct cursor *k = value;

	free(k->node);
	free(k);
}

static struct cursor *new_cursor(struct follow *f, const char *node)
{
	struct cursor *k = calloc(1, sizeof(*k));

	if (k)
		k->node = strdup(node);
	if (!k || !k->node || map_put(f->cursors, node, strlen(node), k)) {
		if (k)
			cursor_free(k);
		return NULL;
	}
	return k;
}

static int on_node(const struct store_node *n, void *arg)
{
	struct follow *f = arg;
	struct cursor *k = map_get(f->cursors, n->name, strlen(n->name));

	if (!k) {
		k = new_cursor(f, n->name);
		if (!k)
			return -ENOMEM;
		k->boot_seq = n->boot_seq;
		k->seq = f->started ? 0 : n->seq;
	}
	k->newest_boot_seq = n->boot_seq;
	k->judged_seq = UINT64_MAX;
	return 0;
}

static int on_pending(const struct store_pending *p, void *arg)
{
	struct follow *f = arg;
	struct cursor *k = map_get(f->cursors, p->node, strlen(p->node));

	if (k && k->boot_seq == p->boot_seq)
		k->judged_seq = p->judged_seq;
	return 0;
}

static int flush_row(struct timeline *t)
{
	t->out_err = out_put(&t->b);
	return t->out_err;
}

struct visit {
	struct follow *f;
	struct cursor *k;
};

static int on_event(const struct store_event_row *row, void *arg)
{
	struct visit *v = arg;

	if (row->raw.seq > v->k->judged_seq && !v->f->impatient) {
		v->f->waiting = true;
		return 1; /* the rest of this node comes when it is judged */
	}
	v->k->seq = row->raw.seq;
	return timeline_put_event(v->f->t, row) ? flush_row(v->f->t) : 0;
}

/* Shows what one node has that is new; boots that are over first. */
static int show_node(struct follow *f, struct cursor *k)
{
	for (;;) {
		const struct store_event_query q = { .node = k->node,
						     .boot_seq = k->boot_seq,
						     .after_seq = k->seq };
		struct visit v = { .f = f, .k = k };
		int err = store_events(f->t->store, &q, on_event, &v);

		if (err)
			return err < 0 ? err : 0;
		if (k->boot_seq >= k->newest_boot_seq)
			return 0;
		k->boot_seq++;
		k->seq = 0;
		k->judged_seq = UINT64_MAX;
		err = store_pending(f->t->store, on_pending, f);
		if (err)
			return err;
	}
}

static bool show_one(const void *key, size_t len, void *value, void *arg)
{
	struct follow *f = arg;

	(void)key;
	(void)len;
	if (!f->err)
		f->err = show_node(f, value);
	return false;
}

static int on_change(const struct store_alert_change *c, void *arg)
{
	struct follow *f = arg;

	f->after_log_id = c->log_id;
	return f->started && timeline_put_change(f->t, c) ? flush_row(f->t) : 0;
}

static int on_scan(const struct store_scan_change *c, void *arg)
{
	struct follow *f = arg;

	f->after_scan_change = c->id;
	return timeline_put_scan(f->t, c) ? flush_row(f->t) : 0;
}

static int look_at_scans(struct follow *f)
{
	const struct store_scan_change_query q = { .by_id = true,
						   .after_id = f->after_scan_change };

	return f->started ? store_scan_changes(f->t->store, &q, on_scan, f)
			  : store_scan_change_last(f->t->store, &f->after_scan_change);
}

static int look(struct follow *f)
{
	f->waiting = false;
	f->err = store_nodes(f->t->store, on_node, f);
	if (!f->err)
		f->err = store_pending(f->t->store, on_pending, f);
	if (!f->err && f->started)
		map_each(f->cursors, show_one, f);
	if (!f->err)
		f->err = store_alert_changes(f->t->store, f->after_log_id, 0, 0, 0, on_change, f);
	if (!f->err)
		f->err = look_at_scans(f);
	f->impatient = false;
	if (!f->err && f->started)
		f->err = f->t->out_err = out_flush();
	return f->err;
}

static int look_again(struct follow *f)
{
	int err = look(f);

	if (!err && f->waiting)
		err = loop_timer_set(f->timer, JUDGED_WITHIN_NS, 0);
	return err;
}

static int on_notifier(void *arg)
{
	struct follow *f = arg;

	return store_notifier_clear(f->t->store) ? look_again(f) : 0;
}

static int on_timer(void *arg)
{
	struct follow *f = arg;

	f->impatient = true;
	return look_again(f);
}

static int on_tick(void *arg)
{
	return look_again(arg);
}

/* Nothing notifies of what scans saw. */
static int on_scan_tick(void *arg)
{
	struct follow *f = arg;
	int err = f->started ? look_at_scans(f) : 0;

	return err ? err : out_flush();
}

static int set_up_scans(struct follow *f)
{
	struct loop_source *tick;
	int err = loop_add_timer(f->loop, on_scan_tick, f, &tick);

	return err ? err : loop_timer_set(tick, SCANS_EVERY_NS, SCANS_EVERY_NS);
}

static int on_stop(int signo, void *arg)
{
	struct follow *f = arg;

	(void)signo;
	loop_stop(f->loop);
	return 0;
}

static int on_reader_gone(void *arg)
{
	struct follow *f = arg;

	loop_stop(f->loop);
	return 0;
}

static int listen_to_store(struct follow *f)
{
	struct loop_source *tick;
	int fd = store_notifier_fd(f->t->store), err;

	if (fd >= 0)
		return loop_add_fd(f->loop, fd, EPOLLIN, on_notifier, f, NULL);
	err = loop_add_timer(f->loop, on_tick, f, &tick);
	return err ? err : loop_timer_set(tick, LOOK_EVERY_NS, LOOK_EVERY_NS);
}

static int set_up(struct follow *f)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	int err = proc_follow_supervisor();

	if (!err)
		err = map_new(cursor_free, &f->cursors);
	if (!err)
		err = loop_new(&f->loop);
	if (!err)
		err = loop_add_signals(f->loop, signals, on_stop, f);
	if (!err)
		err = loop_add_timer(f->loop, on_timer, f, &f->timer);
	if (!err)
		err = listen_to_store(f);
	if (!err)
		err = set_up_scans(f);
	/* A file has no reader that could go away: epoll refuses it. */
	if (!err && loop_add_fd(f->loop, STDOUT_FILENO, 0, on_reader_gone, f, NULL))
		log_debug("standard output is a file");
	return err;
}

static int go(struct follow *f)
{
	int err = set_up(f);

	if (!err)
		err = look(f); /* where everything stands before the doors are read */
	f->t->one_node = !err && map_size(f->cursors) == 1;
	f->started = true;
	if (!err && f->t->since_ns) {
		uint64_t rows;

		err = timeline_walk(f->t, &rows);
	} else if (!err) {
		err = timeline_doors(f->t, 0);
	}
	if (!err)
		err = look_again(f); /* and what came in meanwhile */
	return err ? err : loop_run(f->loop);
}

int timeline_follow(struct timeline *t)
{
	struct follow f = { .t = t };
	int err = go(&f);

	map_free(f.cursors);
	loop_free(f.loop);
	return err;
}
