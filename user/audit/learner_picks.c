/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ports that belong to a program and not to a service. A service has the same port after each start and on each node; whoever is
 * looked at is one program of one user (an owner), over all its starts:
 *
 *	A port is fixed when half of the starts had it, or half of the nodes with that program have it.
 *	Of those that are not, PICKS_* and more are picked by the program, when no start held more than half of them. The more is known
 *	the fewer it takes: few when ports were replaced by others on the same node, more when only nodes differ, most when all
 *	of them still stand open side by side. A program that counts up from 1024, the first port for everybody, says so itself.
 *	Three or more in the kernel's ephemeral range are picked in any case: nobody is to rely on one there.
 *
 * So a web server with 80, 443, 8080 and 8443 keeps these four, restarted or not. A range is one around what was seen: where ports
 * are dense, counting up leaves room for four times as many; where they are scattered, for two of their distances on either side,
 * rounded. It never reaches below 1024 from above, nor from below 32768 into the ephemeral range. An interpreter gets no range, whatever
 * it does: the next script would pass for this one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/learner_internal.h"
#include "audit/match.h"

#define PORT_MIN 1024 /* below it only root */
#define PORT_MAX 65535
#define RESERVED_LO 512 /* where bindresvport() of old begins; libtirpc at 600 */
#define PICKS_REPLACED 3
#define PICKS_NODES 6
#define PICKS_SIDE_BY_SIDE 12
#define NARROW_PORTS 24
#define NARROW_SPAN                                                                                \
	4096 /* of ports in the ephemeral range: so many so close together are a range of its own */
#define DENSE_ROOM 256
#define RUN_MIN 8 /* ports side by side that are written as one rule */

int learn_compare_str(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

int candidate_merge(struct candidate *into, struct candidate *from)
{
	int err = bits_add(&into->nodes, &from->nodes);

	if (!err)
		err = bits_add(&into->slots, &from->slots);
	into->lo = from->lo < into->lo ? from->lo : into->lo;
	into->hi = from->hi > into->hi ? from->hi : into->hi;
	into->doors += from->doors;
	into->ended += from->ended;
	into->starts += from->starts;
	into->ports += from->ports;
	into->only_deleted &= from->only_deleted;
	from->taken = true;
	return err;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_owner(const void *x, const void *y)
{
	const struct candidate *a = *(struct candidate *const *)x,
			       *b = *(struct candidate *const *)y;
	const int by[] = {
		compare_u64(a->proto, b->proto),
		compare_u64(a->scope, b->scope),
		learn_compare_str(a->exe, b->exe),
		learn_compare_str(a->user, b->user),
		learn_compare_str(a->doubt, b->doubt),
		-compare_u64(a->kind, b->kind), /* the range first, if there is one */
		compare_u64(a->lo, b->lo),
	};

	for (size_t i = 0; i < array_len(by); i++)
		if (by[i])
			return by[i];
	return 0;
}

static bool same_owner(const struct candidate *a, const struct candidate *b)
{
	return a->proto == b->proto && a->scope == b->scope && !learn_compare_str(a->exe, b->exe) &&
	       !learn_compare_str(a->user, b->user) && !learn_compare_str(a->doubt, b->doubt);
}

/* The candidates of one owner, by port. */
struct owned {
	struct candidate **list;
	size_t len;
	const struct owner *owner;
};

static bool is_high(const struct candidate *c)
{
	return c->lo >= EPHEMERAL_LO;
}

static bool is_reserved(const struct candidate *c)
{
	return c->lo < PORT_MIN;
}

static bool is_anything(const struct candidate *c)
{
	return c->lo >= PORT_MIN;
}

typedef bool (*which_fn)(const struct candidate *c);

static bool is_one_port(const struct candidate *c)
{
	return c->kind == LEARN_PORT && !c->taken && proto_has_ports(c->proto);
}

static bool is_fixed(const struct owner *o, const struct candidate *c)
{
	return (c->starts >= 2 && 2 * c->starts >= o->starts) ||
	       (c->nodes.count >= 2 && 2 * c->nodes.count >= o->nodes.count);
}

static bool is_loose(const struct owned *o, const struct candidate *c, which_fn which)
{
	return is_one_port(c) && which(c) && !is_fixed(o->owner, c);
}

struct tally {
	unsigned ports, held; /* held: by how many starts, summed over the ports */
	uint64_t ended;
	uint32_t lo, hi;
};

static struct tally count(const struct owned *o, which_fn which)
{
	struct tally t = { 0 };

	for (size_t i = 0; i < o->len; i++) {
		const struct candidate *c = o->list[i];

		if (!is_loose(o, c, which))
			continue;
		if (!t.ports++)
			t.lo = c->lo;
		t.hi = c->lo;
		t.held += c->starts;
		t.ended += c->ended;
	}
	return t;
}

static bool is_dense(const struct tally *t)
{
	return 2 * t->ports >= t->hi - t->lo + 1;
}

static bool are_picked(const struct owned *o, const struct tally *t)
{
	unsigned need = PICKS_SIDE_BY_SIDE, starts = o->owner->starts;

	if (t->ports >= PICKS_SIDE_BY_SIDE && t->lo == PORT_MIN && is_dense(t))
		return true;
	if (starts < 3 || 2 * t->held > starts * t->ports)
		return false;
	if (t->ended && starts > o->owner->nodes.count)
		need = PICKS_REPLACED;
	else if (o->owner->nodes.count >= 3)
		need = PICKS_NODES;
	return t->ports >= need;
}

/* How sure: the share of ports that were new to each start, less for few of them. */
static unsigned sure_of(const struct tally *t)
{
	unsigned held = t->held > t->ports ? t->held : t->ports;

	return (unsigned)(UINT64_C(1000) * t->ports / held * t->ports / (t->ports + 2));
}

/* --- ranges ----------------------------------------------------------------------------------------------- */

static uint32_t round_down(uint32_t n, uint32_t to)
{
	return n / to * to;
}

static uint32_t round_up(uint32_t n, uint32_t to)
{
	return (n / to + 1) * to - 1;
}

static uint32_t ceiling(uint32_t seen_hi)
{
	if (seen_hi < PORT_MIN)
		return PORT_MIN - 1;
	if (seen_hi < EPHEMERAL_LO)
		return EPHEMERAL_LO - 1;
	return seen_hi <= EPHEMERAL_HI ? EPHEMERAL_HI : PORT_MAX;
}

static void set_dense(struct candidate *c, const struct tally *t)
{
	uint32_t room = 4 * (t->hi - t->lo + 1), top = ceiling(t->hi);
	uint32_t hi = round_up(t->lo + (room > DENSE_ROOM ? room : DENSE_ROOM) - 1, DENSE_ROOM);

	c->basis = LEARN_BASIS_COUNTED;
	c->range_lo = t->lo;
	c->range_hi = hi < top ? hi : top;
}

static void set_scattered(struct candidate *c, const struct tally *t)
{
	uint32_t gap = (t->hi - t->lo) / (t->ports > 1 ? t->ports - 1 : 1) + 1;
	uint32_t unit = gap >= 100 ? 1000 : 100, top = ceiling(t->hi);
	uint32_t bottom = t->lo >= EPHEMERAL_LO ? EPHEMERAL_LO : PORT_MIN;
	uint32_t lo = t->lo > 2 * gap ? round_down(t->lo - 2 * gap, unit) : 0;
	uint32_t hi = round_up(t->hi + 2 * gap, unit);

	c->range_lo = lo > bottom ? lo : bottom;
	c->range_hi = hi < top ? hi : top;
}

static void set_range(struct candidate *c, const struct tally *t)
{
	c->basis = LEARN_BASIS_PICKED;
	c->sure = sure_of(t);
	if (t->hi < PORT_MIN) {
		c->range_lo = t->lo < RESERVED_LO ? t->lo : RESERVED_LO;
		c->range_hi = PORT_MIN - 1;
	} else if (t->lo >= EPHEMERAL_LO &&
		   (t->ports < NARROW_PORTS || t->hi - t->lo > NARROW_SPAN)) {
		return; /* the kernel's own range, as for what the kernel chose */
	} else if (is_dense(t)) {
		set_dense(c, t);
	} else {
		set_scattered(c, t);
	}
}

/* All loose ones into one; into NULL: the first of them. */
static int merge_loose(const struct owned *o, which_fn which, const struct tally *t,
		       struct candidate *into)
{
	bool given = into;
	int err = 0;

	for (size_t i = 0; i < o->len && !err; i++) {
		struct candidate *c = o->list[i];

		if (c == into || !is_loose(o, c, which))
			continue;
		if (into) {
			err = candidate_merge(into, c);
		} else {
			into = c;
			c->kind = LEARN_RANGE;
		}
	}
	if (!err && into && !given)
		set_range(into, t);
	return err;
}

/* --- runs -------------------------------------------------------------------------------------------------- */

static bool on_the_same_nodes(const struct candidate *a, const struct candidate *b)
{
	return a->nodes.count == b->nodes.count &&
	       bits_common(&a->nodes, &b->nodes) == a->nodes.count;
}

/* Exactly what was seen, in fewer rules. */
static int make_runs(const struct owned *o)
{
	int err = 0;

	for (size_t from = 0, to; from < o->len && !err; from = to) {
		struct candidate *c = o->list[from];

		for (to = from + 1; to < o->len && is_one_port(c); to++) {
			const struct candidate *d = o->list[to], *before = o->list[to - 1];

			if (!is_one_port(d) || d->lo != before->lo + 1 ||
			    d->only_deleted != c->only_deleted || !on_the_same_nodes(c, d))
				break;
		}
		if (to - from < RUN_MIN)
			continue;
		for (size_t i = from + 1; i < to && !err; i++)
			err = candidate_merge(c, o->list[i]);
		c->basis = LEARN_BASIS_RUN;
	}
	return err;
}

/* --- owners ------------------------------------------------------------------------------------------------- */

static int fold_picked(const struct owned *o)
{
	struct candidate *range = o->list[0]->kind == LEARN_RANGE ? o->list[0] : NULL;
	struct tally low = count(o, is_anything), high = count(o, is_high),
		     reserved = count(o, is_reserved);
	int err = 0;

	if (are_picked(o, &reserved) && reserved.hi)
		err = merge_loose(o, is_reserved, &reserved, NULL);
	if (err)
		return err;
	/* What the kernel chose is up there: a port next to it is part of it. */
	if (range && high.ports) {
		err = merge_loose(o, is_high, &high, range);
		if (err)
			return err;
		low = count(o, is_anything);
		high.ports = 0;
	}
	if (are_picked(o, &low))
		return merge_loose(o, is_anything, &low, NULL);
	if (high.ports >= EPHEMERAL_PORTS_MIN)
		return merge_loose(o, is_high, &high, NULL);
	return 0;
}

int learner_fold_ports(struct learner *l)
{
	int err = 0;

	if (l->len)
		qsort(l->list, l->len, sizeof(*l->list), by_owner);
	for (size_t from = 0, to; from < l->len && !err; from = to) {
		const struct candidate *c = l->list[from];
		struct owned o = { .list = l->list + from, .owner = c->owner };

		for (to = from + 1; to < l->len; to++)
			if (!same_owner(c, l->list[to]))
				break;
		o.len = to - from;
		if (!c->exe || !c->owner)
			continue;
		if (!c->any_script)
			err = fold_picked(&o);
		if (!err)
			err = make_runs(&o);
	}
	return err;
}
