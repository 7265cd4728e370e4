/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/health.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/map.h"
#include "monitor/alerting.h"
#include "monitor/chain.h"
#include "monitor/classes.h"
#include "monitor/hits.h"
#include "monitor/judge_internal.h"
#include "store/judging.h"

/*
 * New events, in turns over the nodes in the order of their ids. A turn is one boot's: at most
 * TURN_RECORDS records and TURN_NS of work, but TURN_LEAST records, for on a server most of a short
 * one is its begin and its commit: it is one transaction. A step ends when its slice of time is
 * over, and the next begins behind the node that was served last: a node in a storm, or with a
 * thousand boots, keeps the others waiting for one turn. A boot that cannot be judged is left alone
 * for a while, twice as long each time.
 */
#define TURN_RECORDS 500
#define TURN_LEAST 10
#define TURN_NS UINT64_C(100000000)
#define TURN_HURRIED_NS UINT64_C(20000000) /* while alerts wait to be told */
#define NODES_MAX 64 /* are asked for at a time; the next are asked for when these were served */
#define BOOTS_MAX                                                                                  \
	1024 /* likewise: that many rows; of a node with more the rest is of the next round */

bool judge_is_over(const struct judge *j)
{
	return clock_boot_ns() >= j->slice_end_ns;
}

/* --- boots in trouble --------------------------------------------------------------------------------- */

/* How long a boot is left alone. */
/*
 * Another writer was there first. In a cluster that may be so again and again while its node ships.
 */
static const struct backoff wait_conflict = { UINT64_C(5000000), UINT64_C(100000000) };
/* Its shipper is at work on it, or its node wants it never to be judged. */
static const struct backoff wait_locked = { UINT64_C(5000000), UINT64_C(20000000) };
static const struct backoff wait_failed = { UINT64_C(1000000000), UINT64_C(60000000000) };
static const struct backoff no_wait;

struct trouble {
	uint64_t retry_ns, wait_ns; /* by the boot clock */
	uint64_t stop_seq; /* what lies before this record is judged first; 0: not known */
};

struct boot_key {
	uint64_t node_id, boot_seq;
};

static struct trouble *trouble_of(const struct judge *j, const struct boot_key *k)
{
	return map_get(j->troubles, k, sizeof(*k));
}

static int leave_alone(struct judge *j, const struct boot_key *k, const struct backoff *wait,
		       uint64_t stop_seq)
{
	struct trouble *t = trouble_of(j, k);
	int err = 0;

	if (!t) {
		t = calloc(1, sizeof(*t));
		err = t ? map_put(j->troubles, k, sizeof(*k), t) : -ENOMEM;
		if (err) {
			free(t);
			return err;
		}
	}
	t->wait_ns = backoff_next(wait, t->wait_ns);
	t->retry_ns = clock_boot_ns() + t->wait_ns;
	t->stop_seq = stop_seq;
	return 0;
}

struct earliest {
	uint64_t now_ns, retry_ns;
};

static bool find_retry(const void *key, size_t len, void *value, void *arg)
{
	const struct trouble *t = value;
	struct earliest *e = arg;

	(void)key;
	(void)len;
	if (t->retry_ns > e->now_ns && (!e->retry_ns || t->retry_ns < e->retry_ns))
		e->retry_ns = t->retry_ns;
	/* Judged by another monitor meanwhile. */
	return t->retry_ns + wait_failed.last_ns < e->now_ns;
}

/* For how long the boots that are left alone still are; 0: there is none. */
static uint64_t retry_in(struct judge *j)
{
	struct earliest e = { .now_ns = clock_boot_ns() };

	map_each(j->troubles, find_retry, &e);
	return e.retry_ns ? e.retry_ns - e.now_ns : 0;
}

/* --- what is new ------------------------------------------------------------------------------------ */

struct turn {
	char node[256];
	const char *move; /* to this class, before its events are judged; or NULL */
	struct boot_key key;
	uint64_t judged_seq, stored_seq;
};

struct turns {
	struct judge *j;
	uint64_t now_ns;
	uint64_t last_id; /* the node of the last row */
	unsigned rows;
	unsigned len;
	struct turn t[NODES_MAX];
};

/* A node that is new, or that says another class than before, may belong elsewhere. */
static const char *move_to(struct judge *j, const struct store_pending *row)
{
	const char *want = j->classes ? classes_find(j->classes, row->node, 0).host_type : NULL;

	return want && strcmp(want, row->host_type) ? want : NULL;
}

/* Of each node its oldest boot that is not left alone. */
static int collect_turn(const struct store_pending *row, void *arg)
{
	struct turns *p = arg;
	const struct boot_key key = { row->node_id, row->boot_seq };
	const struct trouble *trouble = trouble_of(p->j, &key);
	struct turn *t;

	if (p->len == NODES_MAX && p->t[p->len - 1].key.node_id != row->node_id)
		return 1;
	p->rows++;
	p->last_id = row->node_id;
	if (trouble && trouble->retry_ns > p->now_ns)
		return 0;
	if (p->len && p->t[p->len - 1].key.node_id == row->node_id) {
		p->j->left = true;
		return 0;
	}
	t = &p->t[p->len++];
	*t = (struct turn){ .move = move_to(p->j, row),
			    .key = key,
			    .judged_seq = row->judged_seq,
			    .stored_seq = row->stored_seq };
	snprintf(t->node, sizeof(t->node), "%s", row->node);
	return 0;
}

/* --- one turn --------------------------------------------------------------------------------------- */

struct batch {
	struct judge *j;
	uint64_t end_ns, stop_seq;
	uint64_t last_seq, newest_ns, at_seq; /* at_seq: the record at hand; 0: none */
	bool began, cut;
	bool opened; /* a door may have been */
	unsigned records;
};

static int on_batch_event(const struct store_event_row *row, void *arg)
{
	struct batch *b = arg;
	bool whole;
	int err;

	b->cut = b->records && ((b->records >= TURN_LEAST && clock_boot_ns() >= b->end_ns) ||
				(b->stop_seq && row->raw.seq >= b->stop_seq));
	if (b->cut)
		return 1;
	b->records++;
	b->at_seq = row->raw.seq;
	judge_set_time(b->j, row);
	b->opened |= row->ev.kind == EVENT_OPEN || row->ev.kind == EVENT_HELD ||
		     row->ev.kind == EVENT_SETTLE;
	err = chains_check(b->j->chains, row, &whole);
	if (!err && !whole)
		err = chains_note(b->j->chains, row);
	if (!err && !row->ev.kind)
		err = store_judge_refused(b->j->store, row->node, row->raw.boot_seq, row->raw.seq);
	else if (!err)
		err = judge_event(b->j, row);
	if (err)
		return err < 0 ? err : -EIO;
	b->last_seq = row->raw.seq;
	b->at_seq = 0;
	if (b->j->at_ns > b->newest_ns)
		b->newest_ns = b->j->at_ns;
	return 0;
}

static int read_clocks(struct judge *j, const struct turn *t)
{
	struct store_clocks c;
	int err = store_clocks(j->store, t->node, &c);

	if (!err)
		j->ahead_ns = health_clock_ahead(c.wall_ns, c.rtt_ns, c.received_ns);
	return err;
}

static int judge_rows(struct judge *j, const struct turn *t, struct batch *b)
{
	const struct store_event_query q = { .node = t->node,
					     .boot_seq = (uint32_t)t->key.boot_seq,
					     .after_seq = t->judged_seq,
					     .limit = TURN_RECORDS };
	int err = read_clocks(j, t);

	if (!err)
		err = store_events(j->store, &q, on_batch_event, b);
	if (err > 0)
		err = 0;
	if (!err && b->opened)
		err = judge_boot_over(j, t->node, (uint32_t)t->key.boot_seq);
	if (!err)
		err = alerting_flush(j->alerting);
	if (!err && b->records)
		err = store_set_judged(j->store, t->node, (uint32_t)t->key.boot_seq, t->judged_seq,
				       b->last_seq);
	else if (!err)
		err = store_judge_mend(
			j->store, &(struct store_pending){ .node_id = t->key.node_id,
							   .boot_seq = (uint32_t)t->key.boot_seq,
							   .judged_seq = t->judged_seq,
							   .stored_seq = t->stored_seq });
	return err;
}

static int judge_batch(struct judge *j, const struct turn *t, struct batch *b)
{
	int err = store_begin(j->store);

	if (err)
		return err;
	err = alerting_enter(j->alerting);
	b->began = !err;
	if (!err)
		err = judge_rows(j, t, b);
	if (!err)
		err = store_commit(j->store);
	hits_settle(j->hits, !err);
	if (err) {
		store_rollback(j->store);
		alerting_forget(j->alerting); /* what it remembers of the lost transaction */
	}
	return err;
}

/* An error costs that boot its turn. */
static int turn_failed(struct judge *j, const struct turn *t, const struct batch *b, int err)
{
	const struct trouble *trouble = trouble_of(j, &t->key);
	char why[JUDGE_WHY_MAX + 1];
	int note;

	if (!b->began || store_is_in_trouble(err))
		return err;
	if (err == -ECANCELED || err == -STORE_E_UNDONE) {
		j->conflict = err;
		return leave_alone(j, &t->key, b->records ? &wait_conflict : &wait_locked, 0);
	}
	snprintf(why, sizeof(why), "%s",
		 *store_why(j->store) ? store_why(j->store) : store_error_text(err));
	/* What lies before it is judged first. */
	if (b->at_seq && b->records > 1 && (!trouble || trouble->stop_seq != b->at_seq)) {
		j->left = true;
		return leave_alone(j, &t->key, &no_wait, b->at_seq);
	}
	note = store_judge_failed(j->store, t->node, (uint32_t)t->key.boot_seq, why);
	return note ? err : leave_alone(j, &t->key, &wait_failed, 0);
}

static int serve(struct judge *j, const struct turn *t)
{
	const struct trouble *trouble = trouble_of(j, &t->key);
	struct batch b = { .j = j,
			   .end_ns = clock_boot_ns() + (j->hurried ? TURN_HURRIED_NS : TURN_NS),
			   .stop_seq = trouble ? trouble->stop_seq : 0,
			   .last_seq = t->judged_seq };
	int err = t->move ? store_set_host_type(j->store, t->node, t->move) : 0;

	if (!err)
		err = judge_batch(j, t, &b);
	if (err)
		return turn_failed(j, t, &b, err);
	map_del(j->troubles, &t->key, sizeof(t->key));
	j->served = true;
	j->left |= b.cut || (b.records == TURN_RECORDS && b.last_seq < t->stored_seq);
	if (b.newest_ns && (!j->round_ns || b.newest_ns < j->round_ns))
		j->round_ns = b.newest_ns;
	j->news |= b.newest_ns != 0;
	return 0;
}

/* --- rounds ------------------------------------------------------------------------------------------- */

/* Each node that has something had its turn. */
static void end_round(struct judge *j)
{
	j->turn_id = 0;
	if (j->round_ns)
		j->known_ns = j->round_ns;
	j->round_ns = 0;
}

/* The next nodes in turn. *ret_end: behind them is none. */
static int next_turns(struct judge *j, struct turns *p, bool *ret_end)
{
	int ret;

	p->j = j;
	p->len = p->rows = 0;
	p->now_ns = clock_boot_ns();
	ret = store_pending_after(j->store, j->turn_id, BOOTS_MAX, collect_turn, p);
	if (ret < 0)
		return ret;
	*ret_end = !ret && p->rows < BOOTS_MAX;
	return 0;
}

/* *ret_end: the last node was served. */
static int some_turns(struct judge *j, struct turns *p, bool *ret_end)
{
	int err = next_turns(j, p, ret_end);

	for (unsigned i = 0; !err && i < p->len; i++) {
		if (i && judge_is_over(j)) {
			*ret_end = false;
			return 0;
		}
		/* Whatever comes of it, the next turn is another's. */
		j->turn_id = p->t[i].key.node_id;
		err = serve(j, &p->t[i]);
	}
	if (!err && !*ret_end)
		j->turn_id = p->last_id;
	return err;
}

int judge_new_events(struct judge *j)
{
	_free_ struct turns *p = calloc(1, sizeof(*p));
	bool end = false, whole = false; /* the round at hand began in this step */
	int err = p ? 0 : -ENOMEM;

	j->served = false;
	j->conflict = 0;
	while (!err) {
		if (!j->turn_id) {
			j->left = false;
			whole = true;
		}
		err = some_turns(j, p, &end);
		if (!err && end)
			end_round(j);
		/* Before where an earlier step stopped, or failed, may be something new by now. */
		if (err || (end && whole && !j->left) || judge_is_over(j))
			break;
	}
	if (err)
		return err;
	j->behind = !end || !whole || j->left;
	j->more |= j->behind;
	j->retry_in_ns = retry_in(j);
	return j->served ? 0 : j->conflict;
}
