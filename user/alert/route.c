/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/route.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/loop.h"
#include "store/store.h"

#define SINKS_MAX 8
#define NS_PER_S UINT64_C(1000000000)
#define BACKOFF_MIN_NS NS_PER_S
#define BACKOFF_MAX_NS (300 * NS_PER_S)
#define ROUND_MAX 64 /* messages to a quick sink before others get their turn */

struct lane {
	struct route *route;
	const struct sink_ops *ops;
	struct sink *sink;
	struct loop_source *timer;
	uint64_t cursor, stored_cursor;
	uint64_t log_id; /* of the message under way */
	bool busy; /* a message is under way */
	bool waiting; /* for the back-off to pass, or for its turn */
	bool in_send,
		answered; /* done() was called within send(): settled behind the store's callback */
	bool absent;
	bool store_down; /* the last failure was the store's */
	int answer_err;
	char answer_why[256];
	uint64_t failures;
	struct route_stats stats;
};

struct route {
	struct route_opts o;
	unsigned len;
	struct lane *lanes[SINKS_MAX];
};

static void pump(struct lane *ln);

static void report(struct lane *ln, enum route_news news, uint64_t log_id, int err, const char *why)
{
	const struct route_opts *o = &ln->route->o;
	struct route_report r = {
		.news = news,
		.sink = ln->ops->name,
		.log_id = log_id,
		.failures = ln->failures,
		.err = err,
		.why = why && *why ? why : strerror(err < 0 ? -err : EIO),
	};

	if (o->report)
		o->report(&r, o->arg);
}

/* --- waiting ---------------------------------------------------------------------------------------- */

/* Doubles with each failure, and 0.8 to 1.2 of it, so that many nodes do not come back in step. */
static uint64_t backoff_ns(const struct lane *ln)
{
	const struct route_opts *o = &ln->route->o;
	uint64_t ns = o->backoff_min_ns;
	uint16_t rnd = 1 << 15;

	for (uint64_t i = 1; i < ln->failures && ns < o->backoff_max_ns; i++)
		ns *= 2;
	if (ns > o->backoff_max_ns)
		ns = o->backoff_max_ns;
	if (getrandom(&rnd, sizeof(rnd), GRND_NONBLOCK) != sizeof(rnd))
		rnd = 1 << 15;
	return ns - ns / 5 + ns / 5 * 2 / UINT16_MAX * rnd + 1;
}

static void wait_ns(struct lane *ln, uint64_t ns)
{
	/* Without its timer the lane is woken by the next kick. */
	ln->waiting = loop_timer_set(ln->timer, ns, 0) == 0;
}

static int on_timer(void *arg)
{
	struct lane *ln = arg;

	ln->waiting = false;
	pump(ln);
	return 0;
}

static void fail(struct lane *ln, enum route_news news, int err, const char *why)
{
	ln->failures++;
	ln->store_down = news == ROUTE_STORE;
	ln->stats.failed += news == ROUTE_FAILED;
	if ((ln->failures & (ln->failures - 1)) == 0)
		report(ln, news, news == ROUTE_STORE ? 0 : ln->log_id, err, why);
	wait_ns(ln, backoff_ns(ln));
}

/* --- one message ------------------------------------------------------------------------------------ */

/*
 * The cursor in memory moves first: what is confirmed is not sent again as long as we live, even when
 * the store cannot take the cursor now (a full disk). The next try stores it.
 */
static int store_cursor(struct lane *ln)
{
	struct store *st = ln->route->o.store;
	int err;

	if (ln->stored_cursor == ln->cursor)
		return 0;
	err = store_sink_cursor_set(st, ln->ops->name, ln->cursor);
	if (!err)
		ln->stored_cursor = ln->cursor;
	return err;
}

static void move_on(struct lane *ln)
{
	ln->cursor = ln->stats.cursor = ln->log_id;
	ln->failures = 0;
}

static void settle(struct lane *ln, int err, const char *why)
{
	ln->busy = false;
	if (!err) {
		ln->stats.sent++;
		ln->absent = false;
		if (ln->failures)
			report(ln, ROUTE_RECOVERED, ln->log_id, 0, "delivered");
		move_on(ln);
	} else if (err == SINK_ABSENT) {
		ln->stats.skipped++;
		if (!ln->absent)
			report(ln, ROUTE_ABSENT, ln->log_id, err, why);
		ln->absent = true;
		move_on(ln);
	} else {
		fail(ln, ROUTE_FAILED, err, why);
	}
}

static void on_done(int err, const char *why, void *arg)
{
	struct lane *ln = arg;

	if (ln->in_send) {
		ln->answered = true;
		ln->answer_err = err;
		snprintf(ln->answer_why, sizeof(ln->answer_why), "%s", why ? why : "");
		return;
	}
	settle(ln, err, why);
	pump(ln);
}

/*
 * A door's argv may be made such that its JSON exceeds every limit: the alert then goes without the door, which
 * the store has. Nobody gets an alert suppressed by being long.
 */
static int format(struct lane *ln, const struct store_alert_change *c, struct buf *b)
{
	struct store_alert bare = c->alert;
	int err = ln->route->o.format(&c->alert, b);

	if (!err && !b->err)
		return 0;
	buf_done(b);
	*b = (struct buf)BUF_INIT(SINK_JSON_MAX);
	bare.record = (struct text){ 0 };
	err = ln->route->o.format(&bare, b);
	return err ? err : b->err;
}

static int on_change(const struct store_alert_change *c, void *arg)
{
	struct lane *ln = arg;
	struct buf b = BUF_INIT(SINK_JSON_MAX);
	struct sink_message m = { .log_id = c->log_id, .change = c };
	int err;

	ln->log_id = c->log_id;
	ln->busy = ln->in_send = true;
	err = format(ln, c, &b);
	if (err) {
		ln->stats.dropped++;
		report(ln, ROUTE_DROPPED, c->log_id, err, "the alert cannot be written as JSON");
		ln->busy = ln->in_send = false;
		move_on(ln);
	} else {
		m.json = b.data;
		m.json_len = b.len;
		err = ln->ops->send(ln->sink, &m, on_done, ln);
		if (err)
			on_done(err, NULL, ln);
		ln->in_send = false;
	}
	buf_done(&b);
	return 0;
}

static void store_is_back(struct lane *ln)
{
	ln->store_down = false;
	report(ln, ROUTE_RECOVERED, 0, 0, "the store is back");
	ln->failures = 0;
}

/* Sends what is behind the cursor, one at a time, until the sink has to be waited for or nothing is left. */
static void pump(struct lane *ln)
{
	struct store *st = ln->route->o.store;
	int err;

	for (int i = 0; !ln->busy && !ln->waiting; i++) {
		uint64_t before = ln->cursor;

		err = store_cursor(ln);
		ln->log_id = 0;
		if (!err && i == ROUND_MAX) {
			wait_ns(ln, 1);
			return;
		}
		if (!err)
			err = store_alert_changes(st, ln->cursor, 0, 0, 1, on_change, ln);
		if (err) {
			fail(ln, ROUTE_STORE, err, store_why(st));
			return;
		}
		if (ln->store_down)
			store_is_back(ln);
		if (ln->answered) {
			ln->answered = false;
			settle(ln, ln->answer_err, ln->answer_why);
		}
		ln->stats.idle = !ln->log_id;
		if (ln->cursor == before && !ln->busy)
			return; /* nothing there, or it failed and waits */
	}
}

/* --- the router ------------------------------------------------------------------------------------- */

int route_new(const struct route_opts *o, struct route **ret_route)
{
	struct route *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->o = *o;
	if (!r->o.backoff_min_ns)
		r->o.backoff_min_ns = BACKOFF_MIN_NS;
	if (!r->o.backoff_max_ns)
		r->o.backoff_max_ns = BACKOFF_MAX_NS;
	*ret_route = r;
	return 0;
}

static void lane_free(struct lane *ln)
{
	if (!ln)
		return;
	if (ln->sink)
		ln->ops->free(ln->sink);
	loop_remove(ln->timer);
	free(ln);
}
DEFINE_FREEP(struct lane, lane_free)

int route_add(struct route *r, const struct sink_ops *ops, const char *target, uint64_t timeout_ns)
{
	_cleanup_(lane_freep) struct lane *ln = calloc(1, sizeof(*ln));
	int err;

	if (!ln)
		return -ENOMEM;
	if (r->len == SINKS_MAX)
		return -E2BIG;
	ln->route = r;
	ln->ops = ops;
	ln->stats.sink = ops->name;
	err = store_sink_cursor_get(r->o.store, ops->name, &ln->cursor);
	if (err)
		return err;
	ln->stored_cursor = ln->stats.cursor = ln->cursor;
	err = loop_add_timer(r->o.loop, on_timer, ln, &ln->timer);
	if (!err)
		err = ops->open(r->o.loop, target, timeout_ns, &ln->sink);
	if (err)
		return err;
	r->lanes[r->len++] = take_ptr(ln);
	return 0;
}

void route_kick(struct route *r)
{
	for (unsigned i = 0; i < r->len; i++)
		pump(r->lanes[i]);
}

bool route_stats(const struct route *r, unsigned i, struct route_stats *ret_st)
{
	if (i >= r->len)
		return false;
	*ret_st = r->lanes[i]->stats;
	return true;
}

void route_free(struct route *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->len; i++)
		lane_free(r->lanes[i]);
	free(r);
}
