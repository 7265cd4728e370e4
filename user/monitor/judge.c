/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "monitor/alerting.h"
#include "monitor/chain.h"
#include "monitor/classes.h"
#include "monitor/peer_check.h"
#include "monitor/hits.h"
#include "monitor/judge_internal.h"

#define CONFLICTS_MAX 50
#define SLICE_DEFAULT_NS                                                                           \
	UINT64_C(200000000) /* so that alerts are sent and signals seen while there is a backlog */
#define SLICE_HURRIED_NS UINT64_C(50000000)
#define BLINK_DEFAULT_NS UINT64_C(5000000000)
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
	j->slice_ns = o->slice_ns ? o->slice_ns : SLICE_DEFAULT_NS;
	for (size_t i = 0; i < array_len(j->own_programs); i++) {
		if (!o->own_programs[i])
			continue;
		j->own_programs[i] = strdup(o->own_programs[i]);
		if (!j->own_programs[i])
			return -ENOMEM;
	}
	err = map_new(free_profile, &j->profiles);
	if (!err)
		err = map_new(free, &j->troubles);
	if (!err)
		err = map_new(free, &j->awaited);
	if (!err)
		err = map_new(free, &j->awaited_nodes);
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
	map_free(j->troubles);
	judge_walk_free(&j->rejudging);
	judge_walk_free(&j->sharing);
	judge_walk_free(&j->filing);
	map_free(j->awaited);
	map_free(j->awaited_nodes);
	for (size_t i = 0; i < array_len(j->own_programs); i++)
		free(j->own_programs[i]);
	free(j);
}

struct alerting *judge_alerting(const struct judge *j)
{
	return j->alerting;
}

void judge_hurry(struct judge *j, bool hurry)
{
	j->hurried = hurry;
}

/*
 * Time passes by the events as long as there are any: an alert whose door closed is not resolved
 * because we lag behind, the door's return may be among what comes next. When nothing new has come
 * for a while the clock counts; so too at the start. However slow a busy node's clock is,
 * alerting_due() waits for it only so long.
 */
static uint64_t time_for_alerts(struct judge *j)
{
	if (j->news || !j->news_ns)
		j->news_ns = j->now_ns;
	if (j->now_ns < j->news_ns || j->now_ns - j->news_ns >= QUIET_NS)
		return j->now_ns;
	/* Nodes whose turn has not come may have more to say of the same time. */
	return j->known_ns < j->now_ns ? j->known_ns : j->now_ns;
}

int judge_step(struct judge *j, uint64_t now_wall_ns, unsigned *ret_changes, uint64_t *ret_next_ns)
{
	int err;

	j->now_ns = now_wall_ns;
	j->slice_end_ns =
		clock_boot_ns() +
		(j->hurried && SLICE_HURRIED_NS < j->slice_ns ? SLICE_HURRIED_NS : j->slice_ns);
	j->news = j->more = false;
	j->retry_in_ns = 0;
	alerting_begin(j->alerting);
	err = alerting_load(j->alerting, now_wall_ns);
	if (!err)
		err = judge_profiles(j);
	if (!err)
		err = judge_new_events(j);
	if (!err)
		err = alerting_due(j->alerting, time_for_alerts(j), now_wall_ns, !j->behind,
				   ret_next_ns);
	if (!err && !j->more)
		err = judge_sharers_due(j, ret_next_ns);
	if (!err && !j->more)
		err = judge_files(j, ret_next_ns);
	/* Whole classes are looked over when nothing is waiting. */
	if (!err && !j->more)
		err = peer_check_step(j->peer_check, now_wall_ns, ret_next_ns);
	/*
	 * Somebody else was at the same rows: what is new is asked for again at once, but not for
	 * ever.
	 */
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
	if (!err && j->retry_in_ns &&
	    (!*ret_next_ns || now_wall_ns + j->retry_in_ns < *ret_next_ns))
		*ret_next_ns = now_wall_ns + j->retry_in_ns;
	if (!err)
		err = hits_write(j->hits, j->store, now_wall_ns, ret_next_ns);
	*ret_changes = alerting_changes(j->alerting);
	return err;
}
