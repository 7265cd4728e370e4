/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Live: what is open now, then each opening and closing as it happens. Needs nothing but root;
 * where a store is, its profile gives the verdicts.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/doorset.h"
#include "cli/verdicts.h"
#include "cli/out.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "sensor/sensor.h"
#include "view/match.h"
#include "view/view.h"
#include "view/writer.h"

#define SWEEP_AFTER_LOSS_NS UINT64_C(50000000)

struct watch {
	struct cmd_ctx *c;
	struct filter filter;
	struct verdicts judge;
	struct sensor *sensor;
	struct loop *loop;
	struct loop_source *sweep_timer;
	struct doorset standing;
	bool live; /* the first sweep is over */
	uint64_t began_ns, limit, shown, opened, closed, bound, lost;
	uint64_t ended_ns,
		unprinted; /* interrupted; what had happened by then and nobody has read */
	struct buf line;
	struct writer json; /* with -j */
};

static void count(struct watch *w, const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_OPEN:
		w->opened++;
		break;
	case EVENT_CLOSE:
		w->closed++;
		break;
	case EVENT_BIND:
		w->bound++;
		break;
	case EVENT_LOST:
		w->lost += ev->count;
		break;
	case EVENT_GAP:
	case EVENT_START:
	case EVENT_STOP:
	case EVENT_REDIRECT:
	case EVENT_SETTLE:
	case EVENT_HELD:
		break;
	}
}

static int64_t latency_of(const struct event *ev)
{
	uint64_t now = clock_boot_ns();

	if (ev->origin != ORIGIN_EVENT || !ev->boot_ns || now < ev->boot_ns)
		return -1;
	return (int64_t)((now - ev->boot_ns) / 1000);
}

static int show(struct watch *w, const struct event *ev, enum verdict verdict)
{
	const struct view_event_ctx ctx = { .node = w->c->conf->node_name,
					    .host_type = w->c->conf->node_class,
					    .verdict = verdict,
					    .latency_us = latency_of(ev) };
	const struct view_line_opts o = { .colour = w->c->colour, .width = out_width() };
	int err;

	/* A bind comes before each listen: for people, the same line twice. */
	if (ev->kind == EVENT_BIND && !w->c->json && !w->c->verbose)
		return 0;
	if (w->c->json) {
		view_event_json(&w->json, ev, &ctx);
		err = w->json.err;
	} else {
		view_event_line(&w->line, ev, &ctx, &o);
		err = out_put(&w->line);
	}
	if (!err)
		err = out_flush();
	if (!err && w->limit && ++w->shown >= w->limit)
		loop_stop(w->loop);
	return err;
}

static int on_event(const struct event *ev, void *arg)
{
	struct watch *w = arg;
	enum verdict verdict;
	int err = 0;

	if (w->limit && w->shown >= w->limit)
		return 0;
	if (w->ended_ns && ev->boot_ns > w->ended_ns)
		return -ECANCELED;
	verdict = verdicts_of(&w->judge, ev);
	if (ev->kind == EVENT_LOST)
		err = loop_timer_set(w->sweep_timer, SWEEP_AFTER_LOSS_NS,
				     w->c->conf->sweep_every_ns);
	if (err || !view_match_event(&w->filter, ev, w->c->conf->node_name, w->c->conf->node_class,
				     verdict))
		return err;
	if (w->ended_ns) {
		w->unprinted++;
		return 0;
	}
	if (w->live) {
		count(w, ev);
		return show(w, ev, verdict);
	}
	if (ev->kind != EVENT_OPEN)
		return 0;
	return doorset_add(&w->standing, ev, w->c->conf->node_name, w->c->conf->node_class,
			   verdict);
}

static int drain(struct watch *w)
{
	int err = verdicts_refresh(&w->judge), n;

	if (err)
		return err;
	n = sensor_drain(w->sensor, on_event, w);
	return n < 0 ? n : 0;
}

static int on_ring(void *arg)
{
	return drain(arg);
}

static int on_sweep(void *arg)
{
	struct watch *w = arg;
	int err = drain(w); /* what has happened comes before what is found */

	if (!err)
		err = sensor_sweep(w->sensor, ORIGIN_SWEEP, on_event, w);
	return err < 0 ? err : 0;
}

static int on_signal(int signo, void *arg)
{
	struct watch *w = arg;

	(void)signo;
	loop_stop(w->loop);
	return 0;
}

/* The reader of our standard output has gone. */
static int on_reader_gone(void *arg)
{
	struct watch *w = arg;

	loop_stop(w->loop);
	return 0;
}

static int set_up(struct watch *w)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	uint64_t every = w->c->conf->sweep_every_ns;
	struct loop_source *out;
	int err = loop_new(&w->loop);

	if (!err)
		err = loop_add_signals(w->loop, signals, on_signal, w);
	if (!err)
		err = loop_add_timer(w->loop, on_sweep, w, &w->sweep_timer);
	if (!err)
		err = loop_timer_set(w->sweep_timer, every, every);
	if (err)
		return log_err(err, "cannot set up the event loop");
	/* Only pipes, sockets and terminals can be watched; a file has no reader that could go. */
	if (loop_add_fd(w->loop, STDOUT_FILENO, 0, on_reader_gone, w, &out))
		log_debug("standard output is a file");
	return 0;
}

static void say_how(const struct watch *w)
{
	const struct sensor_report *r = sensor_report(w->sensor);
	struct buf b = BUF_INIT(4096);

	for (unsigned i = 0; i < r->hooks_len; i++)
		buf_printf(&b, "%s%s: %s", i ? ", " : "", r->hooks[i].what,
			   r->hooks[i].hook ? r->hooks[i].hook : "not watched");
	log_debug("hooks: %s", buf_str(&b));
	log_info("sensor: tier %c; profile: %s", r->tier,
		 w->judge.profile && w->judge.profile->accepted ? "accepted" : "none (learning)");
	if (r->misses)
		log_warn("tier %c sees less than tier A: %s; %s", r->tier,
			 r->why ? r->why : "as it was told to", r->misses);
	buf_done(&b);
	cmd_say_learning(w->c, w->judge.store);
}

/*
 * What is open: shown unless it is not wanted, but looked at always, so that closings are
 * understood.
 */
static int begin(struct watch *w)
{
	int err = sensor_sweep(w->sensor, ORIGIN_SNAPSHOT, on_event, w);
	size_t standing = w->standing.len;

	if (err < 0)
		return log_err(err, "cannot look at what is open");
	w->live = true;
	doorset_sort(&w->standing);
	err = cmd_opt(w->c, "no-snapshot") ? 0 : doorset_print(&w->standing, w->c);
	if (err == -EPIPE)
		return err;
	if (err)
		return log_err(err, "cannot write to standard output");
	log_info("%zu door%s open; watching (^C ends it)", standing,
		 standing == 1 ? " stands" : "s stand");
	doorset_done(&w->standing);
	w->began_ns = clock_boot_ns();
	return 0;
}

/*
 * Interrupted: what has happened up to now and waits to be printed is counted, so that nobody takes
 * the output for all of it.
 */
static void count_unprinted(struct watch *w)
{
	int n;

	if (w->limit && w->shown >= w->limit)
		return;
	w->ended_ns = clock_boot_ns();
	do
		n = sensor_drain(w->sensor, on_event, w);
	while (n > 0);
	if (w->unprinted)
		log_warn("ended before all was printed: %" PRIu64
			 " event%s that had happened by then %s "
			 "missing",
			 w->unprinted, plural(w->unprinted), w->unprinted == 1 ? "is" : "are");
}

static void say_end(const struct watch *w)
{
	struct sensor_stats stats;

	sensor_stats(w->sensor, &stats);
	log_info("watched %" PRIu64 " s: %" PRIu64 " opened, %" PRIu64 " closed, %" PRIu64
		 " bound, %" PRIu64 " lost",
		 (clock_boot_ns() - w->began_ns) / 1000000000, w->opened, w->closed, w->bound,
		 stats.lost > w->lost ? stats.lost : w->lost);
	if (w->judge.profile && w->judge.profile->accepted)
		log_info("next: 'ajar run' records and alerts, 'ajar timeline' shows what was "
			 "recorded");
	else
		log_info("next: 'ajar profile learn --write' makes what is open now the rule, "
			 "'ajar run' "
			 "records and alerts");
}

static int watch(struct watch *w)
{
	struct loop_source *ring;
	int err = set_up(w);

	if (!err)
		err = kernel_open(w->c, &w->sensor);
	if (err)
		return err;
	say_how(w);
	err = begin(w);
	if (err)
		return err;
	err = loop_add_fd(w->loop, sensor_fd(w->sensor), EPOLLIN, on_ring, w, &ring);
	if (err)
		return log_err(err, "cannot wait for events");
	err = loop_run(w->loop);
	if (err && err != -EPIPE)
		return log_err(err, "watching failed");
	count_unprinted(w);
	say_end(w);
	return 0;
}

static int run(struct cmd_ctx *c)
{
	struct watch w = { .c = c, .line = BUF_INIT(1 << 20) };
	int err = words_filter(c, &w.filter);

	if (c->json && out_open(c, NULL, &w.json))
		return AJAR_EXIT_ERROR;
	if (!err)
		err = words_count(c, "count", 1, UINT32_MAX, &w.limit);
	if (!err)
		err = kernel_need_root(c);
	if (!err)
		err = verdicts_open(c, &w.judge);
	if (!err)
		err = watch(&w);
	sensor_free(w.sensor, true);
	loop_free(w.loop);
	doorset_done(&w.standing);
	verdicts_done(&w.judge);
	writer_done(&w.json);
	buf_done(&w.line);
	return err && err != -EPIPE ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}

static const struct cmd_option options[] = {
	{ "count", 0, "N", "stop after N live events" },
	{ "no-snapshot", 0, NULL, "do not show what is open already" },
	{ 0 },
};

const struct cmd cmd_watch = {
	.name = "watch",
	.args = "[FILTER...]",
	.max = CMD_ANY,
	.help = "live: the doors that are open now, then every opening and closing",
	.options = options,
	.more = "Needs root, and neither configuration, database nor daemon. Nothing is recorded "
		"and nothing stays\n"
		"behind: 'ajar run' records. TCP sockets that are bound and do not listen yet "
		"('.') are "
		"shown with -v.",
	.run = run,
};
