/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/sink_queue.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/loop.h"

#define ROUND_MAX 64 /* sends to a quick sink before others get their turn */

/* --- waiting ---------------------------------------------------------------------------------- */

/* Doubles with each failure, and 0.8 to 1.2 of it, so that many nodes do not come back in step. */
static uint64_t backoff_ns(const struct sink_queue *q)
{
	uint64_t ns = q->o->backoff_min_ns, asked = 0;
	uint16_t rnd = 1 << 15;

	for (uint64_t i = 1; i < q->failures && ns < q->o->backoff_max_ns; i++)
		ns *= 2;
	if (ns > q->o->backoff_max_ns)
		ns = q->o->backoff_max_ns;
	if (q->s.ops->pause_ns && !q->store_down)
		asked = q->s.ops->pause_ns(q->s.sink);
	if (getrandom(&rnd, sizeof(rnd), GRND_NONBLOCK) != sizeof(rnd))
		rnd = 1 << 15;
	ns = ns - ns / 5 + ns / 5 * 2 / UINT16_MAX * rnd + 1;
	return ns > asked ? ns : asked;
}

static int on_timer(void *arg)
{
	struct sink_queue *q = arg;

	q->phase = QUEUE_READY;
	sender_pump(q);
	return 0;
}

/*
 * The cursor in memory moves first: what is confirmed is not sent again as long as we live, even
 * when the store cannot take the cursor now (a full disk). The next try stores it.
 */
static int save(struct sink_queue *q)
{
	int err = q->dirty && q->leased ? store_sink_put(q->o->store, &q->state) : 0;

	if (!err && q->leased)
		queue_saved(q);
	return err;
}

static uint64_t first_id(const struct sink_queue *q)
{
	return q->len ? q->queue[0]->m.log_id : 0;
}

static void fail(struct sink_queue *q, enum route_news news, int err, const char *why)
{
	bool tell;

	q->failures++;
	tell = (q->failures & (q->failures - 1)) == 0;
	q->store_down = news == ROUTE_STORE;
	if (!q->store_down) {
		q->state.failures = q->failures;
		q->state.failed++;
		q->state.failed_ns = clock_wall_ns();
		snprintf(q->why, sizeof(q->why), "%s", why && *why ? why : strerror(-err));
		q->dirty = true;
		/* Others can read how it is doing; should that fail, the next try writes it. */
		if (tell)
			(void)!save(q);
	}
	if (tell)
		queue_report(q, news, q->store_down ? 0 : first_id(q), err, why);
	queue_wait(q, backoff_ns(q));
}

/* --- the queue -------------------------------------------------------------------------------- */

/*
 * The next batch, or one of the retry queue that is due: by turns, so that many that are refused
 * again and again keep no fresh one waiting. *ret_more: changes were looked at and none was wanted.
 */
static int fill(struct sink_queue *q, bool *ret_more)
{
	bool retry_first = !q->was_retry;
	int err = retry_first ? retry_fetch(q) : 0;

	*ret_more = false;
	q->was_retry = false;
	q->waiting = 0;
	if (!err && !q->len)
		err = queue_fill(q, ret_more);
	if (!err && !q->len && !*ret_more && !retry_first)
		err = retry_fetch(q);
	q->was_retry = q->len && q->queue[0]->retrying;
	return err;
}

/* --- sending ---------------------------------------------------------------------------------- */

static void works_again(struct sink_queue *q, uint64_t log_id)
{
	bool hurry = q->failures || q->refusing;

	if (q->failures)
		queue_report(q, ROUTE_RECOVERED, log_id, 0, "delivered");
	q->refusing = false;
	q->failures = q->state.failures = 0;
	if (hurry && retry_hurry(q))
		q->next_retry_ns = 1; /* the next look finds out */
}

/* The first n are done with. */
static int move_on(struct sink_queue *q, unsigned n)
{
	uint64_t last = 0;
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++) {
		struct queue_item *it = q->queue[0];

		if (it->retrying)
			err = store_retry_del(q->o->store, q->name, it->m.log_id);
		else
			last = it->m.log_id;
		queue_drop_item(q);
	}
	if (!q->len) {
		q->single = false;
		(void)!queue_catch_up(q); /* if not now, then behind the next batch */
	}
	if (!q->len || last)
		q->dirty |= queue_move_cursor(q, &q->state, q->len ? last : 0);
	return err;
}

static void on_taken(struct sink_queue *q, unsigned n)
{
	uint64_t id = q->queue[n - 1]->m.log_id;

	q->state.sent += n;
	q->state.sent_ns = clock_wall_ns();
	q->dirty = true;
	q->absent = false;
	q->next_send_ns = q->s.every_ns ? clock_boot_ns() + q->s.every_ns : 0;
	if (move_on(q, n))
		q->next_retry_ns = 1;
	works_again(q, id);
}

static void on_absent(struct sink_queue *q, unsigned n, int err, const char *why)
{
	if (!q->absent)
		queue_report(q, ROUTE_ABSENT, first_id(q), err, why);
	q->absent = true;
	q->state.skipped += n;
	q->dirty = true;
	q->failures = q->state.failures = 0;
	if (move_on(q, n))
		q->next_retry_ns = 1;
}

static void on_refused(struct sink_queue *q, unsigned n, int err, const char *why)
{
	bool queued = false;
	int store_err;

	if (n > 1) { /* which of them is it? */
		q->single = true;
		return;
	}
	store_err = retry_refused(q, why, &queued);
	if (store_err)
		fail(q, ROUTE_STORE, store_err, store_why(q->o->store));
	else if (!queued)
		fail(q, ROUTE_FAILED, err, why);
}

static void settle(struct sink_queue *q, int err, const char *why)
{
	unsigned n = q->under_way;

	q->under_way = 0;
	q->phase = QUEUE_READY;
	if (!err)
		on_taken(q, n);
	else if (err == SINK_ABSENT)
		on_absent(q, n, err, why);
	else if (err == SINK_REFUSED)
		on_refused(q, n, err, why);
	else
		fail(q, ROUTE_FAILED, err, why);
}

static void on_done(int err, const char *why, void *arg)
{
	struct sink_queue *q = arg;

	if (q->in_send) {
		q->answered = true;
		q->answer_err = err;
		snprintf(q->answer_why, sizeof(q->answer_why), "%s", why ? why : "");
		return;
	}
	settle(q, err, why);
	sender_pump(q);
}

static void send_queue(struct sink_queue *q)
{
	int err;

	q->phase = QUEUE_SENDING;
	q->under_way = q->single ? 1 : q->len;
	for (unsigned i = 0; i < q->under_way; i++)
		q->queue[i]->m.next = i + 1 < q->under_way ? &q->queue[i + 1]->m : NULL;
	q->queue[0]->m.waiting = q->waiting ? q->waiting + q->len - q->under_way : 0;
	q->in_send = true;
	q->answered = false;
	err = q->s.ops->send(q->s.sink, &q->queue[0]->m, on_done, q);
	q->in_send = false;
	if (err)
		settle(q, err, NULL);
	else if (q->answered)
		settle(q, q->answer_err, q->answer_why);
}

static void store_is_back(struct sink_queue *q)
{
	q->store_down = false;
	q->failures = 0;
	queue_report(q, ROUTE_RECOVERED, 0, 0, "the store is back");
}

/* True: it is not its turn yet, and the timer is set. */
static bool too_soon(struct sink_queue *q, int round)
{
	uint64_t now = clock_boot_ns();

	if (q->next_send_ns > now) {
		queue_wait(q, q->next_send_ns - now);
		return true;
	}
	if (round == ROUND_MAX)
		queue_wait(q, 1);
	return round == ROUND_MAX;
}

/*
 * What is next goes into the queue and is ours to send. *ret_more: look again first. 1: not now,
 * the timer is set.
 */
static int next(struct sink_queue *q, int round, bool *ret_more)
{
	int err = lease_look(q);

	if (!err)
		err = save(q);
	if (!err && too_soon(q, round))
		return 1;
	if (!err && !q->len)
		err = fill(q, ret_more);
	if (!err && (q->len || q->dirty))
		err = lease_take(q, ret_more);
	return err;
}

static bool may_go_on(const struct sink_queue *q)
{
	return (q->phase == QUEUE_READY || q->phase == QUEUE_IDLE) && !q->draining;
}

void sender_pump(struct sink_queue *q)
{
	if (q->draining && q->phase != QUEUE_SENDING) {
		(void)!save(q); /* should it fail, the next one sends it once more */
		lease_give_up(q);
	}
	for (int i = 0; may_go_on(q); i++) {
		bool more = false;
		int err;

		q->phase = QUEUE_READY;
		err = next(q, i, &more);

		if (err < 0)
			fail(q, ROUTE_STORE, err, store_why(q->o->store));
		if (err)
			return;
		if (q->store_down)
			store_is_back(q);
		if (q->len && !more) {
			send_queue(q);
			lease_while_under_way(q);
		} else if (!more && !q->dirty) {
			q->phase = QUEUE_IDLE;
			return;
		}
	}
}

/* --- life ------------------------------------------------------------------------------------- */

#define LOOK_NS (5 * NS_PER_S)

void sender_look(struct sink_queue *q)
{
	uint64_t now = clock_boot_ns();

	if (now < q->look_ns)
		return;
	q->look_ns = now + LOOK_NS;
	if (retry_look(q))
		q->next_retry_ns = 1; /* the next round says what is wrong */
}

static int on_retry_timer(void *arg)
{
	struct sink_queue *q = arg;

	sender_pump(q);
	return 0;
}

int sender_new(const struct route_opts *o, const struct route_sink *s, struct sink_queue **ret_ln)
{
	_cleanup_(sender_freep) struct sink_queue *q = calloc(1, sizeof(*q));
	int err;

	if (!q)
		return -ENOMEM;
	q->o = o;
	q->s = *s;
	q->s.sink = NULL; /* ours only if all goes well */
	q->name = strdup(s->name);
	if (!q->name)
		return -ENOMEM;
	q->s.name = q->name;
	err = queue_load(q);
	if (!err)
		err = loop_add_timer(o->loop, on_timer, q, &q->timer);
	if (!err)
		err = loop_add_timer(o->loop, on_retry_timer, q, &q->retry_timer);
	if (!err)
		err = loop_add_timer(o->loop, lease_on_timer, q, &q->lease_timer);
	if (!err)
		err = retry_look(q);
	if (err)
		return err;
	q->s.sink = s->sink;
	*ret_ln = take_ptr(q);
	return 0;
}

void sender_free(struct sink_queue *q)
{
	if (!q)
		return;
	if (q->s.sink)
		q->s.ops->free(q->s.sink);
	while (q->len)
		queue_drop_item(q);
	loop_remove(q->timer);
	loop_remove(q->retry_timer);
	loop_remove(q->lease_timer);
	free(q->name);
	free(q);
}
