/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ports that belong to a program and not to a service. A service has the same port after each start
 * and on each node; whoever is looked at is one program of one user (an owner), over all its
 * starts:
 *
 *	A port is fixed when half of the starts had it, or half of the nodes with that program have it.
 *	Of those that are not, PICKS_* and more are picked by the program, when no start held more than half of them. The more is known
 *	the fewer it takes: few when ports were replaced by others on the same node, more when only nodes differ, most when all
 *	of them still are open side by side. A program that counts up from 1024, the first port for everybody, says so itself.
 *	Three or more in the kernel's ephemeral range are picked in any case: nobody is to rely on one there.
 *
 * So a web server with 80, 443, 8080 and 8443 keeps these four, restarted or not. A range is one
 * around what was seen: where ports are dense, counting up leaves room for four times as many;
 * where they are scattered, for so many of their distances on either side that the next port is
 * hardly ever outside. It never reaches below 1024 from above. Only ports that are all in the
 * kernel's ephemeral range get that range; a single one outside says that it is not the kernel's
 * choice. An interpreter gets no range, unless it is known which script it runs, by its full path:
 * the next script would pass for this one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/learner_internal.h"
#include "audit/match.h"

#define PORT_MAX 65535
#define DYNAMIC_LO                                                                                 \
	49152 /* to 65535: what IANA leaves to programs; from there on it may be this or the kernel's range */
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

int learn_merge(struct candidate *into, struct candidate *from)
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
	into->places |= from->places;
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
		compare_u64(a->contained, b->contained),
		learn_compare_str(a->exe, b->exe),
		learn_compare_str(a->user, b->user),
		learn_compare_str(a->argv, b->argv),
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
	return a->proto == b->proto && a->scope == b->scope && a->contained == b->contained &&
	       !learn_compare_str(a->exe, b->exe) && !learn_compare_str(a->user, b->user) &&
	       !learn_compare_str(a->argv, b->argv) && !learn_compare_str(a->doubt, b->doubt);
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
	return c->lo < UNRESERVED_LO;
}

static bool is_anything(const struct candidate *c)
{
	return c->lo >= UNRESERVED_LO;
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

	if (t->ports >= PICKS_SIDE_BY_SIDE && t->lo == UNRESERVED_LO && is_dense(t))
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

/*
 * How far the range reaches beyond the ports at its ends. Of n ports picked evenly the distances
 * between neighbours are alike, and the end of what is picked from is x of their mean g away with a
 * chance of (1 + x / (n - 1))^-(n - 1). It is below one in a thousand for this x, for three ports
 * as for many.
 */
_Static_assert(PICKS_REPLACED >= 3 && EPHEMERAL_PORTS_MIN >= 3, "a range needs three ports");
static uint32_t room(const struct tally *t)
{
	uint32_t gap = (t->hi - t->lo) / (t->ports - 1) + 1;

	return 7 * gap + 54 * gap / (t->ports - 2);
}

static uint32_t lower_end(const struct tally *t, uint32_t unit, uint32_t bottom)
{
	uint32_t lo = t->lo > room(t) ? round_down(t->lo - room(t), unit) : 0;

	return lo > bottom ? lo : bottom;
}

static uint32_t upper_end(const struct tally *t, uint32_t unit)
{
	uint32_t hi = round_up(t->hi + room(t), unit);

	return hi < PORT_MAX ? hi : PORT_MAX;
}

static void set_dense(struct candidate *c, const struct tally *t)
{
	uint32_t more = 4 * (t->hi - t->lo + 1);
	uint32_t hi = round_up(t->lo + (more > DENSE_ROOM ? more : DENSE_ROOM) - 1, DENSE_ROOM);

	c->basis = LEARN_BASIS_COUNTED;
	c->range_lo = lower_end(t, 1, UNRESERVED_LO);
	c->range_hi = hi < PORT_MAX ? hi : PORT_MAX;
}

static void set_scattered(struct candidate *c, const struct tally *t)
{
	uint32_t gap = (t->hi - t->lo) / (t->ports - 1) + 1, unit = gap >= 100 ? 1000 : 100;

	c->range_lo = lower_end(t, unit, UNRESERVED_LO);
	c->range_hi = upper_end(t, unit);
}

static void set_range(struct candidate *c, const struct tally *t)
{
	bool narrow = t->ports >= NARROW_PORTS && t->hi - t->lo <= NARROW_SPAN;

	c->basis = LEARN_BASIS_PICKED;
	c->sure = sure_of(t);
	if (t->hi < UNRESERVED_LO) {
		c->range_lo = t->lo < RESERVED_LO ? lower_end(t, 1, 1) : RESERVED_LO;
		c->range_hi = UNRESERVED_LO - 1;
	} else if (t->lo >= EPHEMERAL_LO && t->hi <= EPHEMERAL_HI && !narrow) {
		c->range_lo = EPHEMERAL_LO;
		c->range_hi = t->lo < DYNAMIC_LO ? EPHEMERAL_HI : PORT_MAX;
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
			err = learn_merge(into, c);
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
			err = learn_merge(c, o->list[i]);
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
