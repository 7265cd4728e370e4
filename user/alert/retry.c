/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "alert/sink_queue.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/loop.h"

/*
 * Messages that a receiver refuses. One is tried ROUTE_REFUSALS times, which takes some seconds;
 * then it is put into the retry queue in the store and the queue goes on. While nothing is taken in
 * between, the next ones go there at their first refusal: a thousand messages that somebody made
 * refusable do not keep an honest one for hours. When something is taken after that, it may have
 * been the receiver: so what is in the retry queue is tried again then, but not each time.
 */
#define HURRY_PAUSES 10 /* of retry_ns, between two hurries */
#define RETRY_MAX_NS (3600 * NS_PER_S)

static uint64_t pause_after(const struct sink_queue *q, uint64_t tries)
{
	const struct backoff b = { q->o->retry_ns, RETRY_MAX_NS };

	return backoff_after(&b, tries > ROUTE_REFUSALS ? tries - ROUTE_REFUSALS : 0);
}

static int first_due(const struct store_retry *p, void *arg)
{
	if (!p->next_ns)
		return 0;
	*(uint64_t *)arg = p->next_ns;
	return 1;
}

int retry_look(struct sink_queue *q)
{
	uint64_t due = 0, now = clock_wall_ns();
	int ret = store_retries(q->o->store, q->name, 0, 0, first_due, &due);

	if (ret < 0)
		return ret;
	q->next_retry_ns = due;
	return loop_timer_set(q->retry_timer, !due ? 0 : due > now ? due - now : 1, 0);
}

struct fetch {
	struct sink_queue *q;
	uint64_t log_id, tries;
};

static int on_due(const struct store_retry *p, void *arg)
{
	struct fetch *f = arg;

	f->log_id = p->log_id;
	f->tries = p->tries;
	return 1;
}

static int on_change(const struct store_alert_change *c, void *arg)
{
	struct fetch *f = arg;
	struct queue_item *it = NULL;
	int err;

	if (c->log_id != f->log_id)
		return 1;
	err = queue_take(f->q, c, &it);
	if (err)
		return err;
	if (it) {
		it->retrying = true;
		it->tries = f->tries;
	}
	return 1;
}

int retry_fetch(struct sink_queue *q)
{
	struct fetch f = { .q = q };
	uint64_t now = clock_wall_ns();
	int ret;

	while (q->next_retry_ns && q->next_retry_ns <= now && !q->len) {
		ret = store_retries(q->o->store, q->name, now, 1, on_due, &f);
		if (ret < 0)
			return ret;
		if (!ret)
			return retry_look(q);
		ret = store_alert_changes(q->o->store, f.log_id - 1, 0, 0, 1, on_change, &f);
		if (ret < 0)
			return ret;
		if (q->len)
			break;
		/* Retention was quicker, or it has no words any more. */
		ret = store_retry_del(q->o->store, q->name, f.log_id);
		if (ret)
			return ret;
		q->state.given_up++;
		q->dirty = true;
	}
	return 0;
}

static int put_both(struct store *st, const struct store_retry *p, const struct store_sink *state)
{
	int err = store_begin(st);

	if (err)
		return err;
	err = store_retry_put(st, p);
	if (!err)
		err = store_sink_put(st, state);
	if (!err)
		return store_commit(st);
	store_rollback(st);
	return err;
}

int retry_refused(struct sink_queue *q, const char *why, bool *ret_queued)
{
	struct queue_item *it = q->queue[0];
	uint64_t now = clock_wall_ns();
	struct store_retry p = {
		.sink = q->name,
		.log_id = it->m.log_id,
		.alert_id = it->change->alert.id,
		.tries = it->tries + 1,
		.first_ns = now,
		.why = why && *why ? why : "refused",
	};
	struct store_sink state = q->state;
	bool give_up = p.tries >= ROUTE_TRIES_MAX;
	int err;

	*ret_queued = it->retrying || q->refusing || p.tries >= ROUTE_REFUSALS;
	if (!*ret_queued) {
		it->tries++;
		return 0;
	}
	p.next_ns = give_up ? 0 : now + pause_after(q, p.tries);
	state.failed++;
	state.given_up += give_up;
	state.failed_ns = now;
	state.failures = 0;
	if (!it->retrying)
		(void)queue_move_cursor(q, &state, q->len > 1 ? it->m.log_id : 0);
	err = put_both(q->o->store, &p, &state);
	if (err)
		return err;
	q->state = state;
	queue_saved(q);
	if (give_up || !it->retrying)
		queue_report(q, give_up ? ROUTE_GIVEN_UP : ROUTE_RETRY, it->m.log_id, SINK_REFUSED,
			     p.why);
	q->refusing |= !it->retrying;
	q->failures = 0;
	queue_drop_item(q);
	if (!q->len)
		q->single = false;
	return retry_look(q);
}

struct hurry {
	struct sink_queue *q;
	struct store_retry *rows;
	size_t len;
};

#define HURRY_MAX 1000

static int on_retry(const struct store_retry *p, void *arg)
{
	struct hurry *h = arg;

	if (p->next_ns) {
		h->rows[h->len] = *p;
		h->rows[h->len].sink = h->q->name;
		h->rows[h->len++].why = "";
	}
	return h->len == HURRY_MAX;
}

int retry_hurry(struct sink_queue *q)
{
	struct hurry h = { .q = q };
	uint64_t now = clock_wall_ns();
	int err;

	if (!q->next_retry_ns || q->next_retry_ns <= now || now < q->next_hurry_ns)
		return 0;
	q->next_hurry_ns = now + HURRY_PAUSES * q->o->retry_ns;
	h.rows = calloc(HURRY_MAX, sizeof(*h.rows));
	if (!h.rows)
		return -ENOMEM;
	err = store_retries(q->o->store, q->name, 0, HURRY_MAX, on_retry, &h);
	for (size_t i = 0; i < h.len && err >= 0; i++) {
		h.rows[i].next_ns = now;
		h.rows[i].why = "to be tried again";
		err = store_retry_put(q->o->store, &h.rows[i]);
	}
	free(h.rows);
	return err < 0 ? err : retry_look(q);
}
