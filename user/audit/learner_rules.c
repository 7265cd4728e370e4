/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of the candidates: rules and outliers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/learner.h"
#include "audit/learner_internal.h"
#include "audit/match.h"
#include "core/exe_pattern.h"

#define WHY_DELETED "its program was deleted or replaced: restart it"
#define WHY_NOBODY "a whole range for nobody in particular"
#define WHY_SCRIPTS                                                                                \
	"its program runs any script, and the port is another each time: a range would permit "    \
	"them all"

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static bool same_doors(const struct candidate *a, const struct candidate *b)
{
	return a->kind == b->kind && a->proto == b->proto && a->scope == b->scope &&
	       a->contained == b->contained &&
	       (a->kind != LEARN_PORT || (a->lo == b->lo && a->hi == b->hi));
}

const char *learn_basis_name(enum learn_basis b)
{
	static const char *const names[] = {
		[LEARN_BASIS_PORT] = "port",	   [LEARN_BASIS_RUN] = "run",
		[LEARN_BASIS_KERNEL] = "kernel",   [LEARN_BASIS_PICKED] = "picked",
		[LEARN_BASIS_COUNTED] = "counted", [LEARN_BASIS_JOBS] = "jobs",
	};

	return (unsigned)b < array_len(names) ? names[b] : "?";
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
		a->kind == LEARN_PORT ? compare_u64(a->hi, b->hi) : 0,
		compare_u64(a->contained, b->contained),
		learn_compare_str(a->exe, b->exe),
		compare_u64(b->nodes.count, a->nodes.count),
		learn_compare_str(a->user, b->user),
		learn_compare_str(a->argv, b->argv),
		learn_compare_str(a->doubt, b->doubt),
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

void learn_kernel_ports(uint32_t lo, uint32_t hi, uint32_t *ret_lo, uint32_t *ret_hi)
{
	bool other = lo < EPHEMERAL_LO || hi > EPHEMERAL_HI;

	*ret_lo = !other ? EPHEMERAL_LO : lo < UNRESERVED_LO ? lo : UNRESERVED_LO;
	*ret_hi = other ? UINT16_MAX : EPHEMERAL_HI;
}

/*
 * "none" where all its doors were known to be in none. A container's id is another at each start,
 * so the rule is about any.
 */
static const char *container_of_rule(const struct candidate *c)
{
	if (c->contained)
		return PROFILE_ANY;
	return c->places == 1u << PLACE_NONE ? PROFILE_NONE : NULL;
}

static const char *reason_of(const struct candidate *c)
{
	if (!c->any_script || c->exact)
		return "was open when learned";
	return c->argv ? "was open when learned; of which directory its script is is not known"
		       : "was open when learned; which script it runs is not known";
}

static int fill_row(const struct learner *l, const struct candidate *c, struct profile_row *r)
{
	int err;

	r->proto = c->proto;
	r->scope = c->scope;
	r->port = c->lo;
	if (c->range_hi) {
		r->port = c->range_lo;
		r->port_end = c->range_hi;
	} else if (c->kind != LEARN_PORT) {
		learn_kernel_ports(c->lo, c->hi, &r->port, &r->port_end);
	} else if (c->hi > c->lo) {
		r->port_end = c->hi;
	}
	r->created_ns = l->o.now_ns;
	err = c->exe ? exe_pattern_of(text_of(c->exe), &r->exe) : 0;
	if (!err)
		err = copy_str(c->argv, &r->argv);
	if (!err)
		err = copy_str(c->user, &r->user);
	if (!err && c->kind == LEARN_JOB)
		err = copy_str("slurm", &r->job);
	else if (!err)
		err = copy_str(container_of_rule(c), &r->container);
	if (!err)
		err = copy_str(l->host_type, &r->host_type);
	if (!err)
		err = copy_str(PROFILE_LEARNED, &r->origin);
	if (!err)
		err = copy_str(reason_of(c), &r->reason);
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
		.basis = c->basis,
		.any_script = c->any_script && !c->argv,
		.ports_seen = c->ports,
		.starts_seen = c->basis == LEARN_BASIS_PICKED || c->basis == LEARN_BASIS_COUNTED
				       ? c->owner->starts
				       : c->starts,
		.seen_lo = c->lo,
		.seen_hi = c->hi,
		.sure = c->sure,
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

/*
 * A program that was replaced below its daemon: as good as the others of its name, and no founder.
 */
static bool is_founded(struct candidate *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!list[i]->doubt && !list[i]->only_deleted)
			return true;
	return false;
}

/*
 * Root, and the system account that its daemon becomes: the event shows the one, a snapshot of
 * later the other.
 */
#define SYSTEM_UID_MAX 999
#define SHARE_MIN 10 /* one in so many nodes has to show it: less is somebody else */
static bool is_pair(const struct candidate *a, const struct candidate *b)
{
	return (!a->uid && b->uid && b->uid <= SYSTEM_UID_MAX) ||
	       (!b->uid && a->uid && a->uid <= SYSTEM_UID_MAX);
}

static bool counts(const struct learner *l, const struct candidate *c)
{
	return !c->doubt && (uint64_t)c->nodes.count * SHARE_MIN >= l->nodes_len;
}

/*
 * list[0..n) are the users of one program on one port (or range); each makes the quorum by itself,
 * or as one of a pair.
 */
static int makes_quorum(const struct learner *l, struct candidate **list, size_t n, size_t i,
			bool *ret_enough)
{
	struct candidate *c = list[i];
	struct bits both = { 0 };
	int err = 0;

	/* Where jobs ran is the scheduler's choice and says nothing about nodes. */
	*ret_enough = c->kind == LEARN_JOB || is_enough(l, c->nodes.count);
	if (*ret_enough || !c->exe || !counts(l, c))
		return 0;
	for (size_t k = 0; k < n && !err && !*ret_enough; k++) {
		if (!is_pair(c, list[k]) || !counts(l, list[k]) ||
		    learn_compare_str(c->argv, list[k]->argv))
			continue;
		err = bits_add(&both, &c->nodes);
		if (!err)
			err = bits_add(&both, &list[k]->nodes);
		*ret_enough = !err && is_enough(l, both.count);
		free(both.p);
		both = (struct bits){ 0 };
	}
	free(both.p);
	return err;
}

/*
 * An interpreter's range would permit every script of its user; those that only this machine
 * reaches, and not root's, are let be.
 */
static bool is_too_much(const struct candidate *c)
{
	return c->kind == LEARN_RANGE && c->any_script &&
	       (c->scope != SCOPE_LOOPBACK || !c->user || !c->uid || c->uid == ID_UNKNOWN);
}

static const char *doubt_about(const struct candidate *c, bool founded)
{
	if (c->doubt)
		return c->doubt;
	if (!founded)
		return WHY_DELETED;
	if (is_ownerless(c) && c->kind == LEARN_RANGE)
		return WHY_NOBODY;
	return is_too_much(c) ? WHY_SCRIPTS : NULL;
}

/* --- scripts ---------------------------------------------------------------------------------------------- */

/* Not enough by itself, of an interpreter on one port, and of this user. */
static bool is_left(const struct candidate *c, const struct candidate *first)
{
	return !c->enough && !c->doubt && !c->taken && c->kind == LEARN_PORT &&
	       (c->argv || c->any_script) && !learn_compare_str(c->user, first->user);
}

struct left {
	unsigned named, unknown; /* of a script; of nothing that is known */
	struct bits nodes;
};

static int count_left(struct candidate **list, size_t n, const struct candidate *first,
		      struct left *ret)
{
	int err = 0;

	for (size_t k = 0; k < n && !err; k++) {
		if (!is_left(list[k], first))
			continue;
		ret->named += list[k]->argv && !list[k]->exact;
		ret->unknown += !list[k]->argv;
		err = bits_add(&ret->nodes, &list[k]->nodes);
	}
	return err;
}

static int merge_left(struct candidate **list, size_t n, struct candidate *into)
{
	unsigned ports = into->ports;
	int err = 0;

	for (size_t k = 0; k < n && !err; k++)
		if (list[k] != into && is_left(list[k], into))
			err = learn_merge(into, list[k]);
	free(take_ptr(into->argv));
	into->exact = false;
	into->any_script = into->enough = true;
	into->ports = ports;
	return err;
}

/*
 * Arguments that are other ones on each node, or known on some of them alone, make the quorum
 * together, as a rule for whatever the interpreter runs on this port. Different scripts do not: each
 * of them needs it alone.
 */
static int fold_arguments(const struct learner *l, struct candidate **list, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		struct left left = { 0 };
		bool is_first = is_left(list[i], list[i]);

		for (size_t k = 0; k < i && is_first; k++)
			is_first = !is_left(list[k], list[i]);
		if (!is_first)
			continue;
		err = count_left(list, n, list[i], &left);
		if (!err && left.named <= !!left.unknown && is_enough(l, left.nodes.count))
			err = merge_left(list, n, list[i]);
		free(left.nodes.p);
	}
	return err;
}

/* Of an interpreter with too many different arguments none is told apart. */
static int fold_variants(struct learner *l)
{
	int err = 0;

	for (size_t i = 0; i < l->len && !err; i++) {
		struct candidate *c = l->list[i], *whole = c->exact ? c->variants->whole : NULL;
		unsigned ports = whole ? whole->ports : 0;

		if (!whole)
			continue;
		err = learn_merge(whole, c);
		whole->ports = ports;
	}
	return err;
}

static int decide(struct output *out, struct candidate **list, size_t n)
{
	bool founded = is_founded(list, n);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		if (!doubt_about(list[i], founded))
			err = makes_quorum(out->l, list, n, i, &list[i]->enough);
	if (!err)
		err = fold_arguments(out->l, list, n);
	for (size_t i = 0; i < n && !err; i++) {
		const char *doubt = doubt_about(list[i], founded);

		if (!list[i]->taken)
			err = emit(out, list[i], doubt || !list[i]->enough, doubt);
	}
	return err;
}

static bool has_port_of(const struct candidate *o, const struct candidate *c)
{
	return o->kind == LEARN_PORT && o->proto == c->proto && o->scope == c->scope &&
	       c->lo >= o->lo && c->lo <= o->hi;
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
				   has_port_of(o, c);
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
	int err = fold_variants(l);

	l->len = compact(l);
	if (!err)
		err = learner_fold_ports(l);
	if (!err) {
		drop_ownerless(l);
		l->len = compact(l);
		sort(l);
	}
	for (size_t from = 0, to; from < l->len && !err; from = to) {
		for (to = from + 1; to < l->len; to++)
			if (!same_doors(l->list[from], l->list[to]) ||
			    learn_compare_str(l->list[from]->exe, l->list[to]->exe))
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
