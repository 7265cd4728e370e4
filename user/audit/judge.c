/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/audit.h"

#include <stdbool.h>
#include <stddef.h>

#include "audit/match.h"
#include "audit/verdict.h"

/*
 * What the profile says about an open door; what follows from that is verdict.c's table. Only open
 * doors come here: a TCP bind without listen (EVENT_BIND) is not a door and is never judged.
 *
 * Kernel-held doors and rows over wide port ranges make no impostors: the kernel has no executable
 * that could be compared, and a row such as "mpirun may have 32768-60999" is about mpirun, so
 * another program up there is simply unexpected and not somebody in mpirun's place.
 */
static const enum says says_of[] = {
	[REL_NONE] = SAYS_NOTHING,
	[REL_OWNER] = SAYS_OTHER,
	[REL_UNKNOWN] =
		SAYS_NOTHING, /* who holds it is not known, and the row names somebody: no proof, no permission */
	[REL_AWAITS] = SAYS_SETTLING,
	[REL_MAY_DENY] = SAYS_SETTLING, /* whether it permits, or forbids, is told in a moment */
	[REL_ALLOWS] = SAYS_ALLOWS,
	[REL_DENIES] = SAYS_DENIES,
};

static enum relation relation_of(const struct profile_row *r, const struct door *d,
				 const struct process *opener, uint64_t now_wall_ns)
{
	enum relation rel = match_row(r, d, opener, now_wall_ns);
	bool by_kernel = opener && opener->known && opener->kernel;

	if (rel == REL_OWNER && (by_kernel || row_is_wide(r)))
		return REL_NONE;
	return rel;
}

/*
 * The best row; of equals the first in row_compare()'s order, so that the order given has no say.
 */
static enum relation best_row(const struct profile *p, const struct door *d,
			      const struct process *opener, uint64_t now_wall_ns,
			      const struct profile_row **ret_row)
{
	const struct profile_row *row = NULL;
	enum relation best = REL_NONE;

	for (size_t i = 0; i < p->rows_len; i++) {
		const struct profile_row *r = &p->rows[i];
		enum relation rel = relation_of(r, d, opener, now_wall_ns);

		if (rel == REL_NONE || rel < best)
			continue;
		if (rel > best || row_compare(r, row) < 0)
			row = r;
		best = rel;
	}
	*ret_row = row;
	return best;
}

/*
 * A row that would have allowed the door, had it not expired or were it not for another scope: for
 * the words.
 */
static const struct profile_row *nearest_row(const struct profile *p, const struct door *d)
{
	const struct profile_row *row = NULL;

	for (size_t i = 0; i < p->rows_len; i++) {
		const struct profile_row *r = &p->rows[i];

		if (r->action != PROFILE_DENY && match_port(r, d) && !row_is_wide(r) &&
		    (!row || row_compare(r, row) < 0))
			row = r;
	}
	return row;
}

enum says audit_says(const struct profile *p, const struct door *d, const struct process *opener,
		     uint64_t now_wall_ns, const struct profile_row **ret_row)
{
	enum relation best;

	*ret_row = NULL;
	if (d->settling && door_is_udp(d))
		return SAYS_SETTLING;
	if (!p || !p->accepted)
		return door_is_client(d) ? SAYS_CLIENT : SAYS_LEARNING;
	best = best_row(p, d, opener, now_wall_ns, ret_row);
	if (best < REL_ALLOWS && door_is_client(d)) {
		*ret_row = NULL;
		return SAYS_CLIENT;
	}
	if (best == REL_OWNER && d->shared && door_is_multicast(d))
		return SAYS_SHARED;
	if (best == REL_NONE && d->lasting && !d->bound && d->autoport && door_is_udp(d)) {
		*ret_row = NULL;
		return SAYS_LASTING;
	}
	if (best == REL_ALLOWS && (*ret_row)->action == PROFILE_REQUIRE)
		return SAYS_REQUIRES;
	if (best == REL_NONE)
		*ret_row = nearest_row(p, d);
	return says_of[best];
}

void audit_judge(const struct profile *p, const struct door *d, const struct process *opener,
		 uint64_t now_wall_ns, struct judgement *ret_j)
{
	audit_judge_seen(p, d, opener, now_wall_ns, OUTSIDE_UNKNOWN, ret_j);
}

void audit_judge_seen(const struct profile *p, const struct door *d, const struct process *opener,
		      uint64_t now_wall_ns, unsigned outside, struct judgement *ret_j)
{
	const struct profile_row *row;
	const struct witness w = {
		.says = audit_says(p, d, opener, now_wall_ns, &row),
		.inside = d->scope == SCOPE_LOOPBACK ? INSIDE_LOOPBACK : INSIDE_OPEN,
		.outside = (enum outside)outside,
		.owner = owner_facts(opener),
	};
	struct ruling r;

	audit_verdict(&w, &r);
	if (w.says == SAYS_DENIES && row->severity)
		r.severity = row->severity; /* as the person has it */
	*ret_j = (struct judgement){
		.verdict = r.verdict, .kind = r.kind, .severity = r.severity, .row = row
	};
}

bool audit_may_be_shared(const struct door *d)
{
	return d->port && door_is_multicast(d) && !d->settling && !d->connected;
}

/*
 * Unicast goes to one of the sockets of a port: only of what is for all of them nobody is deprived.
 */
bool audit_shares(const struct door *d, const struct door *other, enum verdict verdict_of_other)
{
	return audit_may_be_shared(d) && audit_may_be_shared(other) &&
	       verdict_of_other == VERDICT_PROFILED && d->proto == other->proto &&
	       d->port == other->port && d->netns_cookie == other->netns_cookie &&
	       d->cookie != other->cookie;
}
