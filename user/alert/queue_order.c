/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/sink_queue.h"

/*
 * Which changes are sent next. Those that go as one batch go in the order of the log. Of more the
 * worst go first, so that nobody hides an alert behind a flood of lesser ones: critical ones, then
 * warnings, then notices, within each the oldest first.
 *
 * A level is a severity and all that are worse. Each has a place in the log up to which its changes
 * were looked at, and a cursor in the store up to which they are done with; the cursor of all is
 * level 0's. So each change is sent once, also when another goes on with the sink.
 *
 * A change that waits while a later one of the same alert, which is worse, has been sent is out of
 * date: "open, warning" after "open, critical", or after its end, would be wrong. It is counted as
 * skipped; the log has it.
 */
#define LOOK_MAX 500 /* rows of one look: what store_log_read() gives at most */
#define REACH_MAX 16384 /* numbers of the log that one look goes over in search of worse ones */

struct look {
	struct sink_queue *q;
	unsigned level, rows;
};

/* 0: whatever it is. */
static const enum severity least[STORE_SINK_LEVELS] = { (enum severity)0, SEVERITY_WARNING,
							SEVERITY_CRITICAL };

static unsigned level_of(enum severity s)
{
	unsigned level = 0;

	while (level + 1 < STORE_SINK_LEVELS && s >= least[level + 1])
		level++;
	return level;
}

static void looked(struct sink_queue *q, unsigned level, uint64_t log_id)
{
	for (unsigned i = level; i < STORE_SINK_LEVELS; i++)
		if (q->seen[i] < log_id)
			q->seen[i] = log_id;
}

/* It was sent ahead, or what was sent ahead has overtaken it. */
static int is_past(struct sink_queue *q, const struct store_alert_change *c, bool *ret_past)
{
	unsigned own = level_of(c->alert.severity);
	bool overtaken = false;
	int err = 0;

	*ret_past = c->log_id <= q->seen[own];
	if (*ret_past || own + 1 == STORE_SINK_LEVELS || q->seen[own + 1] <= c->log_id)
		return 0;
	err = store_log_worse(q->o->store, c->alert.id, c->log_id, q->seen[own + 1],
			      c->alert.severity, &overtaken);
	if (!err && overtaken) {
		q->state.skipped++;
		q->dirty = true;
		*ret_past = true;
	}
	return err;
}

static int on_change(const struct store_alert_change *c, void *arg)
{
	struct look *l = arg;
	struct sink_queue *q = l->q;
	struct queue_item *it;
	bool past = false;
	int err = 0;

	l->rows++;
	/* What a maintenance holds back is in the log and goes to nobody. */
	if (!c->alert.window_id && (!q->s.wants || q->s.wants(c, q->s.arg))) {
		err = is_past(q, c, &past);
		if (!err && !past)
			err = queue_take(q, c, &it);
	}
	if (err)
		return err;
	looked(q, l->level, c->log_id);
	return q->len == queue_batch_max(q);
}

static int look(struct sink_queue *q, unsigned level, uint64_t last)
{
	struct look l = { .q = q, .level = level };
	struct store_log_part part = { q->seen[level], last, least[level] };
	int ret;

	if (last - part.after_id > REACH_MAX)
		part.upto_id = part.after_id + REACH_MAX;
	q->level = level;
	ret = store_log_read(q->o->store, &part, LOOK_MAX, on_change, &l);
	if (ret < 0)
		return ret;
	if (!ret && l.rows < LOOK_MAX)
		looked(q, level, part.upto_id);
	return 0;
}

/* Each row is looked at once: what is passed over here is behind the cursor from then on. */
int queue_catch_up(struct sink_queue *q)
{
	int err = 0;

	for (unsigned i = STORE_SINK_LEVELS - 1; i && !err; i--) {
		uint64_t lesser = 0;

		if (q->seen[i] <= q->seen[0])
			continue;
		err = store_log_lesser(q->o->store, q->seen[0], q->seen[i], least[i], &lesser);
		if (!err)
			looked(q, 0, lesser ? lesser - 1 : q->seen[i]);
	}
	return err;
}

/* What waits behind the queue: of each level, what was not looked at. */
static int count_waiting(struct sink_queue *q, uint64_t last)
{
	struct store_log_part part = { q->seen[0], last, least[0] };
	uint64_t waiting = 0, ahead = 0;
	int err = store_log_count(q->o->store, &part, &waiting);

	for (unsigned i = 1; i < STORE_SINK_LEVELS && !err; i++) {
		part = (struct store_log_part){ q->seen[i - 1], q->seen[i], least[i] };
		err = store_log_count(q->o->store, &part, &ahead);
		waiting -= ahead < waiting ? ahead : waiting;
	}
	q->waiting = err ? 0 : waiting;
	return err;
}

int queue_fill(struct sink_queue *q, bool *ret_more)
{
	uint64_t last = 0;
	int err = store_log_last(q->o->store, &last);
	bool many = last > q->seen[0] && last - q->seen[0] > queue_batch_max(q);

	for (unsigned level = many ? STORE_SINK_LEVELS : 1; !err && !*ret_more && level--;) {
		if (q->seen[level] >= last)
			continue;
		err = look(q, level, last);
		if (!err && q->len)
			return many && queue_batch_max(q) > 1 ? count_waiting(q, last) : 0;
		*ret_more = q->seen[level] < last;
	}
	if (!err)
		q->dirty |= queue_move_cursor(q, &q->state, 0);
	return err;
}
