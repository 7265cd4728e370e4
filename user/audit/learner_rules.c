/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of the candidates: rules and outliers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/learner.h"
#include "audit/learner_internal.h"
#include "audit/match.h"

#define WHY_DELETED "its program was deleted or replaced: restart it"
#define WHY_NOBODY "a whole range for nobody in particular"

static int compare_str(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static bool same_doors(const struct candidate *a, const struct candidate *b)
{
	return a->kind == b->kind && a->proto == b->proto && a->scope == b->scope &&
	       (a->kind != LEARN_PORT || a->lo == b->lo);
}

/* By doors and program; of one program the user on most nodes first. */
static int compare_candidates(const void *x, const void *y)
{
	const struct candidate *a = *(struct candidate *const *)x,
			       *b = *(struct candidate *const *)y;
	const int by[] = {
		compare_u64(a->kind, b->kind),
		compare_u64(a->proto, b->proto),
		compare_u64(a->scope, b->scope),
		a->kind == LEARN_PORT ? compare_u64(a->lo, b->lo) : 0,
		compare_str(a->exe, b->exe),
		compare_u64(b->nodes.count, a->nodes.count),
		compare_str(a->user, b->user),
		compare_str(a->doubt, b->doubt),
	};

	for (size_t i = 0; i < array_len(by); i++)
		if (by[i])
			return by[i];
	return 0;
}

static void sort(struct learner *l)
{
	if (l->len)
		qsort(l->list, l->len, sizeof(*l->list), compare_candidates);
}

static int merge(struct candidate *into, struct candidate *from)
{
	int err = bits_add(&into->nodes, &from->nodes);

	if (!err)
		err = bits_add(&into->slots, &from->slots);
	into->lo = from->lo < into->lo ? from->lo : into->lo;
	into->hi = from->hi > into->hi ? from->hi : into->hi;
	into->doors += from->doors;
	into->only_deleted &= from->only_deleted;
	from->taken = true;
	return err;
}

/* --- ports of a program and not of the port ------------------------------------------------------------ */

static int by_owner(const void *x, const void *y)
{
	const struct candidate *a = *(struct candidate *const *)x,
			       *b = *(struct candidate *const *)y;
	const int by[] = {
		compare_u64(a->proto, b->proto),
		compare_u64(a->scope, b->scope),
		compare_str(a->exe, b->exe),
		compare_str(a->user, b->user),
		compare_str(a->doubt, b->doubt),
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
	return a->proto == b->proto && a->scope == b->scope && !compare_str(a->exe, b->exe) &&
	       !compare_str(a->user, b->user) && !compare_str(a->doubt, b->doubt);
}

static bool is_high(const struct candidate *c)
{
	return c->kind == LEARN_PORT && c->lo >= EPHEMERAL_LO && proto_has_ports(c->proto);
}

/* list[from..to) are one program's of one user. */
static int fold_ports(struct learner *l, size_t from, size_t to)
{
	struct candidate *range = NULL;
	unsigned high = 0;
	int err = 0;

	for (size_t i = from; i < to; i++) {
		if (l->list[i]->kind == LEARN_RANGE)
			range = l->list[i];
		high += is_high(l->list[i]);
	}
	/* A port up there next to a range of the same program is part of the range. */
	if (!l->list[from]->exe || (!range && high < EPHEMERAL_PORTS_MIN))
		return 0;
	for (size_t i = from; i < to && !err; i++) {
		struct candidate *c = l->list[i];

		if (!is_high(c) || c == range)
			continue;
		if (range) {
			err = merge(range, c);
		} else {
			c->kind = LEARN_RANGE;
			range = c;
		}
	}
	return err;
}

static int fold_all_ports(struct learner *l)
{
	int err = 0;

	if (l->len)
		qsort(l->list, l->len, sizeof(*l->list), by_owner);
	for (size_t from = 0, to; from < l->len && !err; from = to) {
		for (to = from + 1; to < l->len; to++)
			if (!same_owner(l->list[from], l->list[to]))
				break;
		if (l->list[from]->kind != LEARN_JOB)
			err = fold_ports(l, from, to);
	}
	return err;
}

/* --- rules ------------------------------------------------------------------------------------------------ */

struct output {
	struct learner *l;
	struct learned_rule *rules;
	size_t len;
	uint64_t left_out;
};

static int copy_str(const char *s, char **ret)
{
	if (!s)
		return 0;
	*ret = strdup(s);
	return *ret ? 0 : -ENOMEM;
}

static int fill_row(const struct learner *l, const struct candidate *c, struct profile_row *r)
{
	int err;

	r->proto = c->proto;
	r->scope = c->scope;
	r->port = c->lo;
	if (c->kind != LEARN_PORT) {
		r->port = c->lo < EPHEMERAL_LO ? c->lo : EPHEMERAL_LO;
		r->port_end = c->hi > EPHEMERAL_HI ? c->hi : EPHEMERAL_HI;
	}
	r->created_ns = l->o.now_ns;
	err = copy_str(c->exe, &r->exe);
	if (!err)
		err = copy_str(c->user, &r->user);
	if (!err && c->kind == LEARN_JOB)
		err = copy_str("slurm", &r->job);
	if (!err && c->kind == LEARN_PORT)
		err = copy_str(learn_service_of(c->proto, c->lo), &r->service);
	if (!err)
		err = copy_str(l->host_type, &r->host_type);
	if (!err)
		err = copy_str("learned", &r->origin);
	if (!err)
		err = copy_str("stood open when learned", &r->reason);
	return err ? err : copy_str(l->author, &r->author);
}

static int fill_nodes(const struct learner *l, const struct candidate *c, struct learned_rule *r)
{
	unsigned n = 0;
	int err = 0;

	for (size_t i = 0; i < l->nodes_len && n < LEARN_ROW_NODES_MAX - 1 && !err; i++)
		if (bits_has(&c->nodes, i))
			err = copy_str(l->names[i], &r->nodes[n++]);
	return err;
}

static int emit(struct output *out, struct candidate *c, bool outlier, const char *why)
{
	struct learner *l = out->l;
	struct learned_rule *r;
	int err;

	if (!(out->len & (out->len - 1))) {
		r = reallocarray(out->rules, out->len ? 2 * out->len : 1, sizeof(*r));
		if (!r)
			return -ENOMEM;
		out->rules = r;
	}
	r = &out->rules[out->len++];
	*r = (struct learned_rule){
		.outlier = outlier,
		.nodes_seen = c->nodes.count,
		.nodes_total = (unsigned)l->nodes_len,
		.slots_seen = c->slots.count,
		.slots_total = l->slots_total,
		.doors = c->doors,
		.why = why,
	};
	r->score = (unsigned)(UINT64_C(1000) * r->nodes_seen * r->slots_seen / r->nodes_total /
			      r->slots_total);
	out->left_out += outlier ? c->doors : 0;
	c->taken = true;
	err = fill_row(l, c, &r->row);
	return err || !outlier ? err : fill_nodes(l, c, r);
}

static bool is_enough(const struct learner *l, unsigned nodes)
{
	return UINT64_C(1000) * nodes >= (uint64_t)l->o.quorum * l->nodes_len;
}

/* What has no say of its own: nothing, when an owner is known; a range, never. */
static bool is_ownerless(const struct candidate *c)
{
	return !c->exe && !c->user && c->kind != LEARN_JOB;
}

/* A program that was replaced below its daemon: as good as the others of its name, and no founder. */
static bool is_founded(struct candidate *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!list[i]->doubt && !list[i]->only_deleted)
			return true;
	return false;
}

/* list[0..n) are the users of one program on one port (or range): as many of them as make the quorum. */
static int decide(struct output *out, struct candidate **list, size_t n)
{
	struct bits covered = { 0 };
	bool founded = is_founded(list, n);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		if (!list[i]->doubt)
			err = bits_add(&covered, &list[i]->nodes);
	for (size_t i = 0; i < n && !err; i++) {
		struct candidate *c = list[i];
		/* Where jobs ran is the scheduler's choice and says nothing about nodes. */
		bool enough = c->kind == LEARN_JOB || is_enough(out->l, covered.count);

		if (c->doubt)
			err = emit(out, c, true, c->doubt);
		else if (!founded)
			err = emit(out, c, true, WHY_DELETED);
		else if (is_ownerless(c) && c->kind == LEARN_RANGE)
			err = emit(out, c, true, WHY_NOBODY);
		else
			err = emit(out, c, !enough, NULL);
	}
	free(covered.p);
	return err;
}

/* Ownerless doors on a port that others hold with a name. */
static void drop_ownerless(struct learner *l)
{
	for (size_t i = 0; i < l->len; i++) {
		struct candidate *c = l->list[i];

		if (c->taken || !is_ownerless(c) || c->kind != LEARN_PORT)
			continue;
		for (size_t k = 0; k < l->len && !c->taken; k++) {
			const struct candidate *o = l->list[k];

			c->taken = !o->taken && !is_ownerless(o) && !o->doubt && !o->only_deleted &&
				   same_doors(c, o);
		}
	}
}

static size_t compact(struct learner *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->len; i++)
		if (!l->list[i]->taken)
			l->list[n++] = l->list[i];
	return n;
}

static int compare_rules(const void *x, const void *y)
{
	const struct learned_rule *a = x, *b = y;

	if (a->outlier != b->outlier)
		return a->outlier ? 1 : -1;
	return row_compare(&a->row, &b->row);
}

static void rules_done(struct learned_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		profile_row_done(&rules[i].row);
		for (size_t k = 0; k < LEARN_ROW_NODES_MAX; k++)
			free(rules[i].nodes[k]);
	}
	free(rules);
}

void learned_done(struct learned *l)
{
	rules_done(l->rules, l->len);
	*l = (struct learned){ 0 };
}

int learner_finish(struct learner *l, struct learned *ret)
{
	struct output out = { .l = l };
	int err = fold_all_ports(l);

	if (!err) {
		drop_ownerless(l);
		l->len = compact(l);
		sort(l);
	}
	for (size_t from = 0, to; from < l->len && !err; from = to) {
		for (to = from + 1; to < l->len; to++)
			if (!same_doors(l->list[from], l->list[to]) ||
			    compare_str(l->list[from]->exe, l->list[to]->exe))
				break;
		err = decide(&out, l->list + from, to - from);
	}
	if (err) {
		rules_done(out.rules, out.len);
		return err;
	}
	if (out.len)
		qsort(out.rules, out.len, sizeof(*out.rules), compare_rules);
	*ret = (struct learned){ .rules = out.rules,
				 .len = out.len,
				 .doors = l->doors,
				 .left_out = out.left_out,
				 .dropped = l->dropped };
	return 0;
}
