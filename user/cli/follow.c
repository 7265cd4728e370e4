/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/follow.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/proc.h"
#include "cli/cmd.h"
#include "cli/doorset.h"
#include "cli/out.h"
#include "cli/words.h"
#include "core/filter.h"
#include "store/store.h"
#include "view/view.h"

#define AT_ONCE 500
#define ROW_BYTES_MAX (1 << 20)
/* An opening that no monitor has judged for this long is shown all the same. */
#define PATIENCE_NS UINT64_C(2000000000)

/* How far a node's events have been shown. */
struct shown {
	uint32_t boot_seq;
	uint64_t seq;
};

struct follower {
	struct cmd_ctx *c;
	const struct filter *filter;
	struct store *store;
	struct loop *loop;
	struct loop_source *timer;
	struct map *nodes; /* name -> struct shown */
	uint64_t log_id;
	bool with_node, waiting;
	struct buf b;
	struct jsonw json;
	int out_err;
};

/* --- one row ------------------------------------------------------------------------------------ */

static int emit(struct follower *f)
{
	int err = f->b.err;

	if (!err)
		err = f->c->json ? out_json(&f->json) : out_put(&f->b);
	buf_reset(&f->b);
	jsonw_init(&f->json, &f->b);
	f->out_err = err;
	return err;
}

static bool is_unjudged(const struct store_event_row *row)
{
	return row->ev.kind == EVENT_OPEN && row->verdict == VERDICT_NONE &&
	       clock_wall_ns() - row->raw.received_ns < PATIENCE_NS;
}

static int on_event(const struct store_event_row *row, void *arg)
{
	const struct view_event_ctx ctx = { .node = row->node,
					    .host_type = row->host_type,
					    .verdict = row->verdict,
					    .latency_us = -1 };
	struct follower *f = arg;
	const struct view_line_opts o = { .colour = f->c->colour, .with_node = f->with_node };
	struct shown *shown = map_get(f->nodes, row->node, strlen(row->node));

	if (is_unjudged(row)) {
		f->waiting = true;
		return 1; /* the monitor's commit rings again */
	}
	if (shown)
		*shown = (struct shown){ row->raw.boot_seq, row->raw.seq };
	if (!words_match(f->filter, &row->ev, row->node, row->host_type, row->verdict))
		return 0;
	if (f->c->json)
		view_event_json(&f->json, &row->ev, &ctx);
	else
		view_event_line(&f->b, &row->ev, &ctx, &o);
	return emit(f);
}

static int on_change(const struct store_alert_change *change, void *arg)
{
	struct follower *f = arg;
	const struct view_line_opts o = { .colour = f->c->colour, .with_node = f->with_node };

	f->log_id = change->log_id;
	if (f->filter->len && !words_match_alert(f->filter, &change->alert))
		return 0;
	if (f->c->json)
		view_change_json(&f->json, change);
	else
		view_change_line(&f->b, change, &o);
	return emit(f);
}

/* --- what is new ---------------------------------------------------------------------------------- */

static struct shown *shown_of(struct follower *f, const char *node)
{
	struct shown *s = map_get(f->nodes, node, strlen(node));

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (s && map_put(f->nodes, node, strlen(node), s)) {
		free(s);
		s = NULL;
	}
	return s;
}

/* Where the display begins: behind everything that is there. */
static int begin_node(const struct store_node *n, void *arg)
{
	struct shown *s = shown_of(arg, n->name);

	if (!s)
		return -ENOMEM;
	*s = (struct shown){ n->boot_seq, n->seq };
	return 0;
}

struct news {
	struct follower *f;
	char *node;
	uint32_t boot_seq;
	uint64_t seq;
};
#define NEWS_MAX 1024

struct news_list {
	struct follower *f;
	unsigned len;
	struct news news[NEWS_MAX];
};

static int find_news(const struct store_node *n, void *arg)
{
	struct news_list *l = arg;
	const struct shown *s = shown_of(l->f, n->name);
	char *name;

	if (!s)
		return -ENOMEM;
	if (l->len == NEWS_MAX || (s->boot_seq == n->boot_seq && s->seq >= n->seq))
		return 0;
	name = strdup(n->name);
	if (!name)
		return -ENOMEM;
	l->news[l->len++] = (struct news){ .node = name,
					   .boot_seq = n->boot_seq,
					   .seq = s->boot_seq == n->boot_seq ? s->seq : 0 };
	return 0;
}

static int show_news(struct follower *f, const struct news *n)
{
	const struct shown *s = shown_of(f, n->node);
	struct store_event_query q = {
		.node = n->node, .boot_seq = n->boot_seq, .after_seq = n->seq, .limit = AT_ONCE
	};
	uint64_t before;
	int err;

	do {
		before = q.after_seq;
		err = store_events(f->store, &q, on_event, f);
		q.after_seq = s && s->boot_seq == n->boot_seq ? s->seq : before;
	} while (!err && q.after_seq != before);
	return err < 0 ? err : 0;
}

static int show_all_news(struct follower *f)
{
	_free_ struct news_list *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->f = f;
	f->waiting = false;
	err = store_nodes(f->store, find_news, l);
	for (unsigned i = 0; i < l->len; i++) {
		if (!err)
			err = show_news(f, &l->news[i]);
		free(l->news[i].node);
	}
	if (!err)
		err = store_alert_changes(f->store, f->log_id, 0, 0, 0, on_change, f);
	if (!err)
		err = f->out_err = out_flush();
	if (!err && f->waiting)
		err = loop_timer_set(f->timer, PATIENCE_NS, 0);
	return err;
}

static int on_bell(void *arg)
{
	struct follower *f = arg;

	store_bell_clear(f->store);
	return show_all_news(f);
}

static int on_timer(void *arg)
{
	return show_all_news(arg);
}

static int on_signal(int signo, void *arg)
{
	struct follower *f = arg;

	(void)signo;
	loop_stop(f->loop);
	return 0;
}

/* --- the beginning ---------------------------------------------------------------------------------- */

static int count_node(const struct store_node *n, void *arg)
{
	unsigned *count = arg;

	(void)n;
	++*count;
	return 0;
}

static int last_change(const struct store_alert_change *change, void *arg)
{
	struct follower *f = arg;

	f->log_id = change->log_id;
	return 0;
}

static int keep_door(const struct store_door *d, void *arg)
{
	struct event ev = d->ev;

	ev.time_ns = d->opened_ns ? d->opened_ns : ev.time_ns;
	return doorset_add(arg, &ev, d->node, d->host_type, d->verdict);
}

static int show_doors(struct follower *f)
{
	_cleanup_(doorset_done) struct doorset doors = { 0 };
	const struct store_door_query q = { .open_only = true };
	int err = store_doors(f->store, &q, keep_door, &doors);

	if (err || !doors.len)
		return err;
	doorset_sort(&doors);
	f->out_err = doorset_print(&doors, f->c);
	return f->out_err ? f->out_err : out_flush();
}

static int begin(struct follower *f)
{
	static const int signals[] = { SIGINT, SIGTERM, 0 };
	unsigned nodes = 0;
	int err = loop_new(&f->loop), fd;

	if (!err)
		err = loop_add_signals(f->loop, signals, on_signal, f);
	if (!err)
		err = loop_add_timer(f->loop, on_timer, f, &f->timer);
	if (!err)
		err = map_new(free, &f->nodes);
	if (err)
		return err;
	fd = store_bell_fd(f->store);
	if (fd < 0)
		return fd;
	err = loop_add_fd(f->loop, fd, EPOLLIN, on_bell, f, NULL);
	if (!err)
		err = store_nodes(f->store, count_node, &nodes);
	f->with_node = nodes > 1;
	if (!err)
		err = store_nodes(f->store, begin_node, f);
	if (!err)
		err = store_alert_changes(f->store, 0, 0, 0, 0, last_change, f);
	return err ? err : show_doors(f);
}

int follow(struct cmd_ctx *c, const struct filter *filter, struct store *s)
{
	struct follower f = { .c = c, .filter = filter, .store = s, .b = BUF_INIT(ROW_BYTES_MAX) };
	int err = proc_follow_supervisor();

	jsonw_init(&f.json, &f.b);
	if (!err)
		err = begin(&f);
	if (!err)
		err = loop_run(f.loop);
	loop_free(f.loop);
	map_free(f.nodes);
	buf_done(&f.b);
	if (err && f.out_err)
		return out_report(f.out_err);
	if (err) {
		log_err(err, "cannot follow the store: %s", store_why(s));
		return AJAR_EXIT_ERROR;
	}
	return AJAR_EXIT_OK;
}
