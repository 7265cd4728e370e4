/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/holder.h"
#include "audit/match.h"
#include "audit/verdict.h"
#include "base/buf.h"
#include "base/map.h"
#include "core/holders.h"
#include "monitor/alerting.h"
#include "monitor/hits.h"
#include "monitor/judge_internal.h"
#include "store/redirect.h"
#include "store/verdicts.h"

/* The verdict on one door: by which profile, under which alert, and what it was before. */

/* The test door of a sensor, or the web page. */
static bool is_own(const struct judge *j, const struct event *ev)
{
	bool page = j->own_port && ev->door.port == j->own_port && ev->door.proto == PROTO_TCP;

	if (ev->door.scope != SCOPE_LOOPBACK || (!ev->door.autoport && !page))
		return false;
	for (size_t i = 0; i < array_len(j->own_programs); i++) {
		if (j->own_programs[i] && text_is(ev->opener.exe, j->own_programs[i]))
			return true;
	}
	return false;
}

static int on_sharer(const struct store_door *other, void *arg)
{
	struct door *d = arg;

	d->shared |= audit_shares(d, &other->ev.door, other->verdict);
	return 0;
}

/* Whether the port's rightful holder is on it too. */
static int find_sharer(struct judge *j, const struct store_door *d, struct door *door)
{
	const struct store_door_query q = { .node = d->node,
					    .boot_seq = d->boot_seq,
					    .open_only = true };

	return store_doors(j->store, &q, on_sharer, door);
}

/* NULL when the class has no profile; cached until the revision moves. */
int judge_profile(struct judge *j, const char *host_type, const struct profile **ret_profile)
{
	struct profile *p = map_get(j->profiles, host_type, strlen(host_type));
	int err = 0;

	if (!p) {
		err = store_profile_get(j->store, host_type, &p);
		if (err == -ENOENT) {
			*ret_profile = NULL;
			return 0;
		}
		if (!err)
			err = map_put(j->profiles, host_type, strlen(host_type), p);
		if (err) {
			profile_free(p);
			return err;
		}
	}
	*ret_profile = p;
	return 0;
}

int judge_seal(struct store_door *d, struct buf *b)
{
	buf_reset(b);
	event_encode(&d->ev, b);
	d->record = (struct text){ b->data, (uint32_t)b->len };
	return b->err;
}

int judge_door(struct judge *j, struct store_door *d, const struct event *ev,
	       const struct profile **ret_profile, struct judgement *ret_j, struct process *ret_who)
{
	struct event its = *ev;
	int err = judge_profile(j, d->host_type, ret_profile);

	if (err)
		return err;
	err = judge_fill_files(j, d->node, *ret_profile, j->closing, &its);
	if (err)
		return err;
	d->ev.files = its.files; /* for the words of its alert */
	its.door.shared = false; /* a node may say what it likes */
	audit_judge_event(*ret_profile, &its, j->now_ns, OUTSIDE_UNKNOWN, ret_j, ret_who);
	if (ret_j->verdict == VERDICT_IMPOSTOR && audit_may_be_shared(&its.door)) {
		err = find_sharer(j, d, &its.door);
		if (err)
			return err;
		audit_judge_event(*ret_profile, &its, j->now_ns, OUTSIDE_UNKNOWN, ret_j, ret_who);
	}
	d->ev.door.shared = its.door.shared;
	if (ret_j->verdict == VERDICT_UNEXPECTED && is_own(j, ev))
		*ret_j = (struct judgement){ .verdict = VERDICT_PROFILED };
	d->verdict = ret_j->verdict;
	d->severity = ret_j->kind ? ret_j->severity : (enum severity)0;
	return 0;
}

/* Under which alert the door goes. kept: the key it has in the store, or NULL. */
int judge_key(struct judge *j, struct store_door *d, const struct process *who,
	      enum finding_kind kind, const char *kept, uint64_t at_ns, struct buf *b)
{
	const struct audit_crowd crowd = { .host_type = d->host_type,
					   .node = d->node,
					   .who = who,
					   .kind = kind,
					   .severity = d->severity };
	_cleanup_(buf_done) struct buf own = BUF_INIT(1024);
	int err;

	audit_key(d->host_type, NULL, &d->door, who, kind, &own);
	err = own.err;
	if (!err && kept && audit_key_fits(kept, buf_str(&own)))
		buf_puts(b, kept);
	else if (!err)
		err = alerting_key(j->alerting, buf_str(&own), &crowd, at_ns, b);
	d->alert_key = buf_str(b);
	return err;
}

const char *judge_over(const struct judgement *judgement)
{
	if (judgement->kind)
		return "another alert has it now";
	return judgement->verdict == VERDICT_CLIENT ? "a client's now" : NULL;
}

int judge_keep_past(struct judge *j, const struct store_door *d, enum verdict was,
		    const struct judgement *judgement, uint64_t at_ns)
{
	const struct profile_row *row = judgement->row;
	const struct store_verdict_change c = {
		.node = d->node,
		.boot_seq = d->boot_seq,
		.netns_cookie = d->door.netns_cookie,
		.cookie = d->door.cookie,
		.at_ns = at_ns,
		.was = was,
		.verdict = judgement->verdict,
		.rule_id = row ? row->id : 0,
		.author = row && row->author ? row->author : "",
		.made_ns = row ? row->created_ns : 0,
	};

	return was == judgement->verdict ? 0 : store_verdict_change_put(j->store, &c);
}
