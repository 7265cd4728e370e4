/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "monitor/alerting.h"
#include "monitor/chain.h"
#include "monitor/classes.h"
#include "monitor/peer_check.h"
#include "monitor/hits.h"
#include "monitor/judge_internal.h"

#define BATCH 500
#define CONFLICTS_MAX 50
#define BATCHES_PER_STEP 16 /* so that alerts are sent and signals seen while there is a backlog */
#define BLINK_DEFAULT_NS UINT64_C(5000000000)
#define PENDING_MAX 4096
#define QUIET_NS UINT64_C(1000000000) /* after which what has not come is not under way */

static void free_profile(void *p)
{
	profile_free(p);
}

int judge_new(struct store *s, const struct judge_opts *o, struct judge **ret_judge)
{
	_cleanup_(judge_freep) struct judge *j = calloc(1, sizeof(*j));
	const struct alerting_opts alerting = {
		.blink_ns = o->blink_ns ? o->blink_ns : BLINK_DEFAULT_NS,
		.reopen_nodes = o->reopen_nodes,
	};
	int err;

	if (!j)
		return -ENOMEM;
	j->store = s;
	j->own_port = o->own_port;
	for (size_t i = 0; i < array_len(j->own_programs); i++) {
		if (!o->own_programs[i])
			continue;
		j->own_programs[i] = strdup(o->own_programs[i]);
		if (!j->own_programs[i])
			return -ENOMEM;
	}
	err = map_new(free_profile, &j->profiles);
	if (!err)
		err = alerting_new(s, &alerting, &j->alerting);
	if (!err)
		err = peer_check_new(s, j->alerting, &j->peer_check);
	if (!err)
		err = chains_new(s, &j->chains);
	if (!err)
		err = hits_new(&j->hits);
	if (err)
		return err;
	*ret_judge = take_ptr(j);
	return 0;
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	peer_check_free(j->peer_check);
	alerting_free(j->alerting);
	chains_free(j->chains);
	hits_free(j->hits);
	classes_free(j->classes);
	map_free(j->profiles);
	for (size_t i = 0; i < array_len(j->own_programs); i++)
		free(j->own_programs[i]);
	free(j);
}

struct alerting *judge_alerting(const struct judge *j)
{
	return j->alerting;
}

/* --- what is new ------------------------------------------------------------------------------------ */

struct pending {
	struct judge *j;
	unsigned len;
	struct {
		char *node;
		const char *move; /* to this class, before its events are judged; or NULL */
		uint32_t boot_seq;
		uint64_t judged_seq, stored_seq;
	} nodes[PENDING_MAX];
};

static void pending_free(struct pending *p)
{
	for (unsigned i = 0; p && i < p->len; i++)
		free(p->nodes[i].node);
	free(p);
}
DEFINE_FREEP(struct pending, pending_free)

/* A node that is new, or that says another class than before, may belong elsewhere. */
static const char *move_to(struct judge *j, const struct store_pending *row)
{
	const char *want = j->classes ? classes_find(j->classes, row->node, 0).host_type : NULL;

	return want && strcmp(want, row->host_type) ? want : NULL;
}

static int collect_pending(const struct store_pending *row, void *arg)
{
	struct pending *p = arg;
	char *node;

	if (p->len == PENDING_MAX)
		return 1;
	node = strdup(row->node);
	if (!node)
		return -ENOMEM;
	p->nodes[p->len].node = node;
	p->nodes[p->len].move = move_to(p->j, row);
	p->nodes[p->len].boot_seq = row->boot_seq;
	p->nodes[p->len].judged_seq = row->judged_seq;
	p->nodes[p->len++].stored_seq = row->stored_seq;
	return 0;
}

struct batch {
	struct judge *j;
	uint64_t last_seq, newest_ns;
};

static int on_batch_event(const struct store_event_row *row, void *arg)
{
	struct batch *b = arg;
	bool whole;
	int err = chains_check(b->j->chains, row, &whole);

	if (!err && !whole)
		err = chains_note(b->j->chains, row);
	if (err)
		return err;
	b->last_seq = row->raw.seq;
	if (row->ev.time_ns > b->newest_ns)
		b->newest_ns = row->ev.time_ns;
	return row->ev.kind ? judge_event(b->j, row) : 0; /* kind 0: it did not decode */
}

/* Up to BATCH events of one node's boot, in one transaction; *seq and *newest_ns, the latest time, move on. */
static int judge_batch(struct judge *j, const char *node, uint32_t boot_seq, uint64_t *seq,
		       uint64_t *newest_ns)
{
	const struct store_event_query q = {
		.node = node, .boot_seq = boot_seq, .after_seq = *seq, .limit = BATCH
	};
	struct batch b = { .j = j, .last_seq = *seq, .newest_ns = *newest_ns };
	int err = store_begin(j->store);

	if (err)
		return err;
	err = alerting_enter(j->alerting);
	if (!err)
		err = store_events(j->store, &q, on_batch_event, &b);
	if (!err)
		err = alerting_flush(j->alerting);
	if (!err)
		err = store_set_judged(j->store, node, boot_seq, *seq, b.last_seq);
	if (!err)
		err = store_commit(j->store);
	hits_settle(j->hits, !err);
	if (err) {
		store_rollback(j->store);
		alerting_forget(j->alerting); /* what it remembers of the lost transaction */
		return err;
	}
	*seq = b.last_seq;
	*newest_ns = b.newest_ns;
	return 0;
}

/* It is about what was judged: the store does its work for others. */
static bool is_of_one_boot(int err)
{
	return err == -EINVAL || err == -EBADMSG || err == -EIO ||
	       store_fault(err) == STORE_QUARANTINE;
}

/* A boot that cannot be judged is tried again with the next step, and keeps no other waiting. */
static int judge_new_events(struct judge *j)
{
	_cleanup_(pending_freep) struct pending *p = calloc(1, sizeof(*p));
	unsigned share;
	int err;

	if (!p)
		return -ENOMEM;
	p->j = j;
	err = store_pending(j->store, collect_pending, p);
	if (err < 0)
		return err;
	/* Each node gets its share: one in a storm must not keep the others waiting. */
	share = p->len < BATCHES_PER_STEP ? BATCHES_PER_STEP / (p->len ? p->len : 1) : 1;
	for (unsigned i = 0; i < p->len; i++) {
		uint64_t seq = p->nodes[i].judged_seq, newest_ns = 0, before = seq + 1;

		err = 0;
		if (p->nodes[i].move) {
			err = store_set_host_type(j->store, p->nodes[i].node, p->nodes[i].move);
			if (err)
				return err;
		}
		for (unsigned n = 0; n < share && seq != before; n++) {
			if (seq >= p->nodes[i].stored_seq)
				break;
			before = seq;
			err = judge_batch(j, p->nodes[i].node, p->nodes[i].boot_seq, &seq,
					  &newest_ns);
			if (err && !is_of_one_boot(err))
				return err;
			if (err) {
				j->unjudged = err;
				break;
			}
		}
		if (!err && seq != before && seq < p->nodes[i].stored_seq)
			j->more = true;
		if (newest_ns && (!j->news || newest_ns < j->known_ns))
			j->known_ns = newest_ns;
		j->news |= newest_ns;
	}
	return 0;
}

/*
 * Time passes by the events as long as there are any: an alert whose door closed is not resolved because we
 * lag behind, the door's return may be among what comes next. When nothing new has come for a while
 * the clock counts; so too at the start.
 */
static uint64_t time_for_alerts(struct judge *j)
{
	if (j->news || !j->news_ns)
		j->news_ns = j->now_ns;
	if (j->now_ns < j->news_ns || j->now_ns - j->news_ns >= QUIET_NS)
		return j->now_ns;
	return j->known_ns < j->now_ns ? j->known_ns : j->now_ns;
}

int judge_step(struct judge *j, uint64_t now_wall_ns, unsigned *ret_changes, uint64_t *ret_next_ns)
{
	int err;

	j->now_ns = now_wall_ns;
	j->news = j->more = false;
	j->unjudged = 0;
	alerting_begin(j->alerting);
	err = alerting_load(j->alerting, now_wall_ns);
	if (!err)
		err = judge_profiles(j);
	if (!err)
		err = judge_new_events(j);
	if (!err)
		err = alerting_due(j->alerting, time_for_alerts(j), now_wall_ns, ret_next_ns);
	if (!err && !j->more)
		err = judge_sharers_due(j, ret_next_ns);
	/* Whole classes are looked over when nothing is waiting. */
	if (!err && !j->more)
		err = peer_check_step(j->peer_check, now_wall_ns, ret_next_ns);
	/* Somebody else was at the same rows: what is new is asked for again at once, but not for ever. */
	if ((err == -ECANCELED || err == -STORE_E_UNDONE) && ++j->conflicts < CONFLICTS_MAX) {
		j->more = true;
		err = 0;
	} else if (!err) {
		j->conflicts = 0;
	}
	if (!err && j->more)
		*ret_next_ns = now_wall_ns;
	else if (!err && *ret_next_ns && *ret_next_ns <= now_wall_ns)
		*ret_next_ns = j->news_ns + QUIET_NS;
	if (!err)
		err = hits_write(j->hits, j->store, now_wall_ns, ret_next_ns);
	if (!err)
		err = j->unjudged;
	*ret_changes = alerting_changes(j->alerting);
	return err;
}
