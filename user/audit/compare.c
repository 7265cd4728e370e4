/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/compare.h"

#include <string.h>

#include "audit/match.h"
#include "base/err.h"

/* Does a connection to the scanned address reach a door that is bound like this? */
static bool answers_at(const struct door *d, const struct compare_in *in)
{
	static const uint8_t any[16];

	if (in->netns && d->netns && d->netns != in->netns)
		return false;
	if (d->family == FAMILY_INET6 && in->family == FAMILY_INET)
		return !d->v6only && !memcmp(d->addr, any, 16);
	if (d->family != in->family)
		return false;
	if (!memcmp(d->addr, any, d->family == FAMILY_INET ? 4 : 16))
		return true;
	return !memcmp(d->addr, in->addr, d->family == FAMILY_INET ? 4 : 16);
}

static bool is_this_port(const struct door *d, const struct compare_in *in)
{
	return proto_class(d->proto) == in->proto && d->port == in->port;
}

/* The whole of the scan and some more: nmap's times are whole seconds and clocks differ. */
static uint64_t begin_of(const struct compare_in *in)
{
	return in->from_ns > COMPARE_SETTLE_NS ? in->from_ns - COMPARE_SETTLE_NS : 0;
}

static uint64_t end_of(const struct compare_in *in)
{
	return in->to_ns + COMPARE_SETTLE_NS;
}

static bool was_there_all_the_time(const struct compare_door *d, const struct compare_in *in)
{
	return d->opened_ns <= begin_of(in) && (!d->closed_ns || d->closed_ns >= end_of(in));
}

static bool was_there_at_all(const struct compare_door *d, const struct compare_in *in)
{
	return d->opened_ns <= end_of(in) && (!d->closed_ns || d->closed_ns >= begin_of(in));
}

static bool could_see(const struct compare_in *in)
{
	return !in->doors_cut && in->sees_from_ns && in->sees_from_ns <= begin_of(in) &&
	       in->sees_to_ns >= end_of(in);
}

/*
 * A door on another address of the node, or in another network namespace, is there and may be what
 * answers by way of some forwarding: it is not "closed". It is not known to be what answers either.
 */
static enum inside inside_of(const struct compare_in *in, struct compared *c)
{
	bool loopback = false;

	for (size_t i = 0; i < in->doors_len; i++) {
		const struct compare_door *d = &in->doors[i];

		/* One that is connected answers its peer alone. */
		if (!is_this_port(d->door, in) || !was_there_at_all(d, in) || d->door->connected)
			continue;
		if (!was_there_all_the_time(d, in)) {
			c->transient = true;
		} else if (answers_at(d->door, in)) {
			c->door = d;
			c->transient = false;
			return INSIDE_OPEN;
		} else if (d->door->scope == SCOPE_LOOPBACK) {
			loopback = true;
		} else {
			c->elsewhere = true;
		}
	}
	if (!in->has_agent)
		return INSIDE_ABSENT;
	if (c->transient || c->elsewhere || !could_see(in))
		return INSIDE_SILENT;
	return loopback ? INSIDE_LOOPBACK : INSIDE_CLOSED;
}

static enum outside outside_of(const struct compare_in *in)
{
	switch (in->state) {
	case PORT_OPEN:
		return OUTSIDE_OPEN;
	case PORT_CLOSED:
		return in->proto == PROTO_TCP ? OUTSIDE_CLOSED : OUTSIDE_UNKNOWN;
	case PORT_FILTERED:
		return in->proto == PROTO_TCP ? OUTSIDE_FILTERED : OUTSIDE_UNKNOWN;
	default:
		/* open|filtered is never proof: for UDP the kernel is the authority. */
		return OUTSIDE_UNKNOWN;
	}
}

/*
 * A row about the port, whoever holds it: for what is seen from outside only. A denial wins. doubt:
 * a door may be there that the kernel's view does not tell, so a row for many ports counts as well.
 */
static enum says says_of_port(const struct compare_in *in, bool doubt,
			      const struct profile_row **ret_row)
{
	const struct door d = {
		.proto = in->proto, .port = in->port, .family = in->family, .scope = SCOPE_ANY
	};
	enum says says = SAYS_NOTHING;

	for (size_t i = 0; i < in->profile->rows_len; i++) {
		const struct profile_row *r = &in->profile->rows[i];

		if (!match_port(r, &d) || row_expired(r, in->now_ns) ||
		    r->scope == SCOPE_LOOPBACK ||
		    (!doubt && row_is_wide(r) && r->action != PROFILE_DENY))
			continue;
		if (r->action == PROFILE_DENY) {
			*ret_row = r;
			return SAYS_DENIES;
		}
		if (says == SAYS_REQUIRES)
			continue;
		says = r->action == PROFILE_REQUIRE ? SAYS_REQUIRES : SAYS_ALLOWS;
		*ret_row = r;
	}
	return says;
}

static enum says says_of(const struct compare_in *in, struct compared *c)
{
	if (!in->profile || !in->profile->accepted)
		return SAYS_LEARNING;
	if (c->door)
		return audit_says(in->profile, c->door->door, c->door->opener, in->now_ns, &c->row);
	return says_of_port(in, c->witness.inside == INSIDE_SILENT, &c->row);
}

static bool leads_to(const struct redirect *st, const struct compare_in *in,
		     const struct compare_door *d)
{
	static const uint8_t any[16];
	size_t n = d->door->family == FAMILY_INET ? 4 : 16;

	if (d->closed_ns || proto_class(d->door->proto) != in->proto ||
	    d->door->port != (st->to_port ? st->to_port : in->port))
		return false;
	return !st->has_to_addr || !memcmp(d->door->addr, any, n) ||
	       (d->door->family == st->to_family && !memcmp(d->door->addr, st->to_addr, n));
}

/* An answer without a door, or from one that cannot be it: does the node say why? */
static void redirect(const struct compare_in *in, struct compared *c)
{
	bool answers = c->witness.outside == OUTSIDE_OPEN;

	if (!answers || c->witness.inside == INSIDE_OPEN || c->witness.inside == INSIDE_ABSENT ||
	    !redirect_find(in->redirects, in->proto, in->port, in->family, in->addr, &c->redirect))
		return;
	c->redirected = true;
	c->witness.inside = INSIDE_ABSENT;
	for (size_t i = 0; i < in->doors_len && (c->redirect.to_port || c->redirect.has_to_addr);
	     i++) {
		if (leads_to(&c->redirect, in, &in->doors[i]))
			c->behind = &in->doors[i];
	}
}

void audit_compare(const struct compare_in *in, struct compared *ret)
{
	struct compared c = { 0 };

	c.witness.inside = inside_of(in, &c);
	c.witness.outside = outside_of(in);
	redirect(in, &c);
	c.witness.says = says_of(in, &c);
	c.witness.owner = c.door ? owner_facts(c.door->opener) : 0;
	if (in->seen && c.witness.outside == OUTSIDE_OPEN) {
		c.fit = c.row ? audit_service(c.row, in->seen) : SERVICE_UNVERIFIED;
		c.exe_contradicts = c.door && audit_exe_contradicts(c.door->opener, in->seen);
		if (c.fit >= SERVICE_OTHER || c.exe_contradicts)
			c.witness.outside = OUTSIDE_OTHER;
	}
	/*
	 * What is permitted and closed outside may be a REJECT, and what was open may be full: only
	 * a steady view says "blocked".
	 */
	if (c.transient && c.witness.outside != OUTSIDE_OPEN && c.witness.outside != OUTSIDE_OTHER)
		c.witness.outside = OUTSIDE_UNKNOWN;
	audit_verdict(&c.witness, &c.ruling);
	/* A door that came or went while it was asked for contradicts nobody. */
	if (c.transient &&
	    (c.ruling.kind == FINDING_HIDDEN || c.ruling.kind == FINDING_BLOCKED ||
	     (c.ruling.kind == FINDING_UNEXPECTED && c.witness.inside == INSIDE_SILENT)))
		c.ruling = (struct ruling){ .verdict = VERDICT_SILENT, .line = c.ruling.line };
	*ret = c;
}

enum outside audit_reach(const struct compare_in *in, const struct compare_door *d, bool after)
{
	if (!is_this_port(d->door, in) || !answers_at(d->door, in) ||
	    d->door->scope == SCOPE_LOOPBACK || (!after && d->opened_ns > in->from_ns) ||
	    (d->closed_ns && d->closed_ns < in->to_ns))
		return (enum outside)0;
	return outside_of(in);
}
