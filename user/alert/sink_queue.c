/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/sink_queue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alert/change.h"
#include "base/loop.h"
#include "store/alert_ports.h"
#include "store/seen.h"

/* What is in the queue of a sink, and where in alert_log it goes on. */

void queue_report(struct sink_queue *q, enum route_news news, uint64_t log_id, int err,
		  const char *why)
{
	struct route_report r = {
		.news = news,
		.sink = q->name,
		.log_id = log_id,
		.failures = q->failures,
		.err = err,
		.why = why && *why ? why : strerror(err < 0 ? -err : EIO),
	};

	if (q->o->report)
		q->o->report(&r, q->o->arg);
}

void queue_wait(struct sink_queue *q, uint64_t ns)
{
	/* Without its timer the queue is woken by the next kick. */
	q->phase = loop_timer_set(q->timer, ns, 0) == 0 ? QUEUE_WAITING : QUEUE_READY;
}

static void item_free(struct queue_item *it)
{
	if (!it)
		return;
	buf_done(&it->body);
	free(it->change);
	free(it);
}
DEFINE_FREEP(struct queue_item, item_free)

void queue_drop_item(struct sink_queue *q)
{
	item_free(q->queue[0]);
	memmove(&q->queue[0], &q->queue[1], --q->len * sizeof(q->queue[0]));
}

static int format_one(struct sink_queue *q, const struct store_alert_change *c, struct buf *b)
{
	struct store_alert_change told = *c;
	struct store_alert_ports ports;
	struct store_seen seen;
	int err;

	/* An account that may not read the scans tells the rest. */
	told.alert.seen = store_seen_alert(q->o->store, &c->alert, &seen) ? NULL : &seen;
	if (told.alert.record.ptr && !store_alert_ports(q->o->store, told.alert.key, &ports))
		told.alert.ports = &ports;
	err = q->s.format ? q->s.format(&told, b, q->s.arg) : q->o->format(&told.alert, b);
	return err ? err : b->err;
}

/*
 * A door's argv may be made such that its JSON exceeds every limit: the alert then goes without the
 * door, which the store has. Nobody gets an alert suppressed by being long.
 */
static int format(struct sink_queue *q, const struct store_alert_change *c, struct buf *b)
{
	struct store_alert_change bare = *c;
	int err = format_one(q, c, b);

	if (!err)
		return 0;
	buf_done(b);
	*b = (struct buf)BUF_INIT(SINK_JSON_MAX);
	bare.alert.record = (struct text){ 0 };
	return format_one(q, &bare, b);
}

int queue_take(struct sink_queue *q, const struct store_alert_change *c,
	       struct queue_item **ret_item)
{
	_cleanup_(item_freep) struct queue_item *it = calloc(1, sizeof(*it));
	int err;

	if (!it)
		return -ENOMEM;
	it->body = (struct buf)BUF_INIT(SINK_JSON_MAX);
	err = format(q, c, &it->body);
	if (err == -ENOMEM)
		return err;
	if (err) {
		q->dropped++;
		queue_report(q, ROUTE_DROPPED, c->log_id, err,
			     "the alert cannot be put into words");
		*ret_item = NULL;
		return 0;
	}
	err = change_copy(c, &it->change);
	if (err)
		return err;
	it->m = (struct sink_message){ .log_id = c->log_id,
				       .change = it->change,
				       .json = buf_str(&it->body),
				       .json_len = it->body.len };
	*ret_item = q->queue[q->len++] = take_ptr(it);
	return 0;
}

static int load_state(const struct store_sink *s, void *arg)
{
	struct sink_queue *q = arg;

	if (strcmp(s->name, q->name))
		return 0;
	q->state = *s;
	q->state.name = q->name;
	q->state.failures = 0;
	snprintf(q->why, sizeof(q->why), "%s", s->why);
	q->state.why = q->why;
	q->state.holder = NULL;
	return 1;
}

int queue_load(struct sink_queue *q)
{
	struct store *st = q->o->store;
	int ret;

	q->state = (struct store_sink){ .name = q->name, .why = q->why };
	ret = store_sinks(st, load_state, q);
	if (!ret && q->s.new_since_ns) {
		ret = store_log_before(st, q->s.new_since_ns, &q->state.log_id);
		if (!ret)
			ret = store_sink_put(st, &q->state);
	}
	if (ret < 0)
		return ret;
	ret = store_sink_ahead(st, q->name, q->state.ahead);
	if (ret < 0)
		return ret;
	q->seen[0] = q->state.log_id;
	for (unsigned i = 1; i < STORE_SINK_LEVELS; i++) {
		uint64_t ahead = q->state.ahead[i];

		q->seen[i] = ahead > q->seen[i - 1] ? ahead : q->seen[i - 1];
	}
	return 0;
}

unsigned queue_batch_max(const struct sink_queue *q)
{
	unsigned n = q->s.ops->batch_max;

	return n < 1 ? 1 : n > SINK_BATCH_MAX ? SINK_BATCH_MAX : n;
}

static bool move_level(struct store_sink *state, unsigned level, uint64_t log_id)
{
	uint64_t *cursor = level ? &state->ahead[level] : &state->log_id;

	if (log_id <= state->log_id || log_id <= *cursor)
		return false;
	*cursor = log_id;
	return true;
}

bool queue_move_cursor(const struct sink_queue *q, struct store_sink *state, uint64_t log_id)
{
	bool moved = false;

	if (log_id)
		return move_level(state, q->level, log_id);
	for (unsigned i = 0; i < STORE_SINK_LEVELS; i++)
		moved |= move_level(state, i, q->seen[i]);
	return moved;
}

void queue_saved(struct sink_queue *q)
{
	for (unsigned i = 1; i < STORE_SINK_LEVELS; i++)
		if (q->state.ahead[i] <= q->state.log_id)
			q->state.ahead[i] = 0;
	q->dirty = false;
}
