/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/rightful.h"

#include "audit/audit.h"
#include "audit/holder.h"
#include "audit/verdict.h"
#include "base/log.h"

static void drop(struct rightful *r, unsigned i)
{
	r->sockets[i] = r->sockets[--r->len];
}

static void forget(struct rightful *r, const struct door *d)
{
	for (unsigned i = 0; i < r->len; i++) {
		const struct door *o = &r->sockets[i].door;

		if (o->cookie == d->cookie && o->netns_cookie == d->netns_cookie)
			drop(r, i--);
	}
}

/* What a new session of an agent has not found again, and what stood in an earlier boot. */
static void forget_before(struct rightful *r, uint32_t boot_seq, uint64_t seq)
{
	for (unsigned i = 0; i < r->len; i++) {
		if (r->sockets[i].pos.boot_seq != boot_seq || r->sockets[i].pos.seq < seq)
			drop(r, i--);
	}
}

void rightful_note(struct rightful *r, const struct profile *p, struct journal_pos pos,
		   const struct event *ev, uint64_t now_wall_ns)
{
	struct judgement j;

	if (ev->kind == EVENT_START)
		forget_before(r, pos.boot_seq, ev->from_seq);
	if (ev->kind != EVENT_OPEN && ev->kind != EVENT_CLOSE && ev->kind != EVENT_HELD &&
	    ev->kind != EVENT_SETTLE)
		return;
	/*
	 * A socket that a new session finds again has settled before: until it says so again it
	 * stays what it was.
	 */
	if (ev->kind == EVENT_OPEN && ev->door.settling && ev->origin != ORIGIN_EVENT) {
		for (unsigned i = 0; i < r->len; i++) {
			if (r->sockets[i].door.cookie == ev->door.cookie &&
			    r->sockets[i].door.netns_cookie == ev->door.netns_cookie)
				r->sockets[i].pos = pos;
		}
		return;
	}
	forget(r, &ev->door);
	if (ev->kind == EVENT_CLOSE || !audit_may_be_shared(&ev->door))
		return;
	audit_judge_event(p, ev, now_wall_ns, OUTSIDE_UNKNOWN, &j, NULL);
	if (j.verdict != VERDICT_PROFILED)
		return;
	if (r->len == RIGHTFUL_MAX) {
		if (!r->said)
			log_warn("more than %d multicast sockets: who shares the others is told as "
				 "an impostor while the store is away",
				 RIGHTFUL_MAX);
		r->said = true;
		return;
	}
	r->sockets[r->len].pos = pos;
	r->sockets[r->len++].door = ev->door;
}

bool rightful_beside(const struct rightful *r, const struct door *d)
{
	for (unsigned i = 0; i < r->len; i++) {
		if (audit_shares(d, &r->sockets[i].door, VERDICT_PROFILED))
			return true;
	}
	return false;
}
