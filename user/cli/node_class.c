/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `ajar node class`: which node is of which class. A person's word (set) comes before all rules;
 * rules (add) decide by priority and then by age; what none of them names is of the class that it
 * says itself (node.class).
 */
#include "cli/node_class.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/groups.h"
#include "cli/out.h"
#include "cli/profile_util.h"
#include "cli/reported.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "monitor/classes.h"
#include "store/profile.h"
#include "store/store.h"
#include "view/writer.h"

#define PERSON "person" /* origin of what was set by hand, with priority 0 */
#define TEXT_BYTES_MAX (1 << 20)

struct rule {
	uint64_t id, created_ns, resolved_ns;
	uint32_t priority;
	char *nodes, *host_type, *origin, *reason, *author, *resolved, *problem;
};
struct rules {
	struct cmd_ctx *c;
	struct store *s;
	struct rule *list;
	size_t len;
	struct hostlist reported; /* of list only */
};

static void rules_done(struct rules *r)
{
	for (size_t i = 0; i < r->len; i++) {
		struct rule *x = &r->list[i];
		char *const texts[] = { x->nodes,  x->host_type, x->origin, x->reason,
					x->author, x->resolved,	 x->problem };

		for (size_t k = 0; k < array_len(texts); k++)
			free(texts[k]);
	}
	free(r->list);
	hostlist_done(&r->reported);
	store_free(r->s);
}

static int keep(const struct store_class_rule *g, void *arg)
{
	struct rules *r = arg;
	struct rule *x;

	if (!(r->len & (r->len - 1))) {
		x = reallocarray(r->list, r->len ? 2 * r->len : 1, sizeof(*x));
		if (!x)
			return -ENOMEM;
		r->list = x;
	}
	x = &r->list[r->len++];
	*x = (struct rule){ .id = g->id,
			    .created_ns = g->created_ns,
			    .resolved_ns = g->resolved_ns,
			    .priority = g->priority,
			    .nodes = strdup(g->nodes),
			    .host_type = strdup(g->host_type),
			    .origin = strdup(g->origin),
			    .reason = strdup(g->reason),
			    .author = strdup(g->author),
			    .resolved = strdup(g->resolved),
			    .problem = strdup(g->problem) };
	return x->nodes && x->host_type && x->origin && x->reason && x->author && x->resolved &&
			       x->problem
		       ? 0
		       : -ENOMEM;
}

static int load(struct rules *r, unsigned flags)
{
	int err = cmd_store(r->c, flags, &r->s);

	if (err)
		return err;
	err = store_class_rules(r->s, keep, r);
	return err ? cmd_store_err(err, r->s, "cannot read the rules for classes") : 0;
}

static int put(struct rules *r, const struct rule *x)
{
	const struct store_class_rule out = {
		.id = x->id,
		.priority = x->priority,
		.nodes = x->nodes,
		.host_type = x->host_type,
		.origin = x->origin,
		.reason = x->reason,
		.author = x->author,
		.created_ns = x->created_ns,
		.resolved = x->resolved,
		.resolved_ns = x->resolved_ns,
		.problem = x->problem,
	};
	int err = store_class_rule_put(r->s, &out);

	return err ? cmd_store_err(err, r->s, "cannot write the rule") : 0;
}

/* --- resolving ------------------------------------------------------------------------------------------- */

/*
 * The node set without groups, folded; -EINVAL and the like with *ret_why, in the words of whoever
 * failed.
 */
static int resolve(struct cmd_ctx *c, const char *nodes, struct buf *out, struct buf *why)
{
	struct groups g = { .conf = c->conf };
	const struct hostlist_groups by = { groups_resolve, &g };
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	struct hostlist_error e = { 0 };
	int err = hostlist_parse(&h, nodes, &by, &e);

	if (err) {
		buf_printf(why, "%s", g.why[0] ? g.why : e.what);
		return err;
	}
	hostlist_fold(&h, out);
	return out->err;
}

/*
 * A rule whose groups cannot be looked up keeps what it was last resolved to: a Slurm that is away
 * moves no node.
 */
static int resolve_rule(struct rules *r, struct rule *x, unsigned *bad)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(TEXT_BYTES_MAX), why = BUF_INIT(1024);
	struct rule fresh = *x;
	int err = resolve(r->c, x->nodes, &out, &why);

	fresh.problem = err ? (char *)buf_str(&why) : (char *)"";
	if (!err) {
		fresh.resolved = (char *)buf_str(&out);
		fresh.resolved_ns = clock_wall_ns();
	} else {
		log_warn("rule %" PRIu64 " (%s): %s%s", x->id, x->nodes, buf_str(&why),
			 x->resolved_ns ? "; its nodes stay those of the last time" : "");
		(*bad)++;
	}
	if (!strcmp(fresh.resolved, x->resolved) && !strcmp(fresh.problem, x->problem) &&
	    x->resolved_ns)
		return 0;
	return put(r, &fresh);
}

static int apply(struct store *s)
{
	_cleanup_(classes_freep) struct classes *k = NULL;
	unsigned moved = 0;
	int err = classes_load(s, &k);

	if (!err)
		err = classes_apply(k, s, true, &moved);
	if (err)
		return cmd_store_err(err, s, "cannot move the nodes");
	if (moved)
		log_info("%u node%s moved to another class", moved, plural(moved));
	return 0;
}

static int sync_rules(struct cmd_ctx *c)
{
	_cleanup_(rules_done) struct rules r = { .c = c };
	unsigned bad = 0;
	int err;

	err = load(&r, 0);
	for (size_t i = 0; i < r.len && !err; i++)
		err = resolve_rule(&r, &r.list[i], &bad);
	if (!err)
		err = apply(r.s);
	if (err)
		return AJAR_EXIT_ERROR;
	return bad ? AJAR_EXIT_NEGATIVE : AJAR_EXIT_OK;
}

/* --- showing ---------------------------------------------------------------------------------------------- */

/* A rule for nodes of which none has ever reported: a mistake, or made ahead. */
static bool is_for_nobody(struct rules *r, const struct rule *x)
{
	return x->resolved_ns && *x->resolved && !reported_of_text(&r->reported, x->resolved);
}

static int put_rule(struct writer *w, struct rules *r, const struct rule *x)
{
	const char *note = x->problem[0]	 ? x->problem
			   : is_for_nobody(r, x) ? REPORTED_NONE
						 : x->reason;

	writer_start(w, NULL);
	writer_u64(w, "id", x->id);
	writer_u64(w, "priority", x->priority);
	writer_str(w, "nodes", x->nodes);
	writer_str(w, "class", x->host_type);
	writer_str(w, "origin", x->origin);
	writer_str_or_null(w, "reason", x->reason);
	writer_str_or_null(w, "author", x->author);
	writer_str(w, "resolved", x->resolved_ns ? x->resolved : NULL);
	writer_time(w, "resolved_at", x->resolved_ns);
	writer_str_or_null(w, "problem", x->problem);
	if (x->resolved_ns)
		writer_u64(w, "nodes_reported", reported_of_text(&r->reported, x->resolved));
	else
		writer_null(w, "nodes_reported");
	writer_cell(w, "note", "%s", note);
	writer_colour(w, note == x->reason ? NULL : "33");
	return writer_end(w);
}

static int list(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		COLUMN("id", "ID", .right = true),
		COLUMN("priority", "PRIORITY", .right = true),
		COLUMN("nodes", "NODES", .width = 0.3, .trunc = true),
		COLUMN("class", "CLASS", .trunc = true),
		FIELD("origin"),
		FIELD("author"),
		FIELD("reason"),
		COLUMN("resolved", "RESOLVED", .width = 0.3, .trunc = true, .none = "not yet"),
		FIELD("resolved_at"),
		FIELD("nodes_reported"),
		FIELD("problem"),
		COLUMN("note", "NOTE", .width = 0.2, .trunc = true, .people = true),
		{ 0 },
	};
	_cleanup_(rules_done) struct rules r = { .c = c };
	struct writer w;
	int err = 0;

	if (load(&r, STORE_READONLY))
		return AJAR_EXIT_ERROR;
	if (reported_load(r.s, &r.reported)) {
		cmd_store_err(-EIO, r.s, "cannot read the nodes");
		return AJAR_EXIT_ERROR;
	}
	if (out_open(c, fields, &w))
		return AJAR_EXIT_ERROR;
	if (!r.len)
		log_info("no rules: each node is of the class that it says itself (node.class); "
			 "'ajar node "
			 "class add NODESET CLASS' makes one");
	for (size_t i = 0; i < r.len && !err; i++)
		err = put_rule(&w, &r, &r.list[i]);
	return out_close(&w, err, r.s, "cannot read the rules for classes");
}

static int find_node(const struct store_node *n, void *arg)
{
	struct {
		const char *name;
		char *host_type, *reported;
	} *f = arg;

	if (strcmp(n->name, f->name))
		return 0;
	f->host_type = strdup(n->host_type);
	f->reported = n->reported ? strdup(n->reported) : NULL;
	return 1;
}

/* Which rule decides about a node, and which others name it. */
static int test(struct cmd_ctx *c)
{
	_cleanup_(classes_freep) struct classes *k = NULL;
	_cleanup_(store_freep) struct store *s = NULL;
	struct {
		const char *name;
		char *host_type, *reported;
	} f = { .name = c->argv[1] };
	struct class_match m;
	int err;

	if (cmd_store(c, STORE_READONLY, &s))
		return AJAR_EXIT_ERROR;
	err = classes_load(s, &k);
	if (!err)
		err = store_nodes(s, find_node, &f);
	if (err < 0) {
		cmd_store_err(err, s, "cannot read the rules for classes");
		return AJAR_EXIT_ERROR;
	}
	m = classes_find(k, f.name, 0);
	if (m.host_type)
		printf("%s: class %s, by rule %" PRIu64 " (priority %" PRIu32 ")\n", f.name,
		       m.host_type, m.rule_id, m.priority);
	else if (f.reported)
		printf("%s: class %s, as it says itself; no rule names it\n", f.name, f.reported);
	else
		printf("%s: no rule names it, and it has not reported yet\n", f.name);
	for (unsigned i = 1; m.host_type && (m = classes_find(k, f.name, i)).host_type; i++)
		printf("  rule %" PRIu64 " (priority %" PRIu32 ") names it too: %s\n", m.rule_id,
		       m.priority, m.host_type);
	free(f.host_type);
	free(f.reported);
	return out_report(out_flush()) || (!err && !classes_find(k, f.name, 0).host_type)
		       ? AJAR_EXIT_NEGATIVE
		       : AJAR_EXIT_OK;
}

/* --- changing ---------------------------------------------------------------------------------------------- */

static int parse_set(struct cmd_ctx *c, const char *text, struct hostlist *h)
{
	struct groups g = { .conf = c->conf };
	const struct hostlist_groups by = { groups_resolve, &g };
	struct hostlist_error e = { 0 };
	int err = hostlist_parse(h, text, &by, &e);

	if (!err)
		return 0;
	if (err == -EINVAL)
		return log_usage("node set '%s': %s (at %zu)", text, e.what, e.at + 1);
	return log_usage("node set '%s': %s", text, g.why[0] ? g.why : e.what);
}

/* Nodes that a person speaks of now are out of what a person said of them before. */
static int take_back(struct rules *r, struct hostlist *nodes, unsigned *changed)
{
	for (size_t i = 0; i < r->len; i++) {
		_cleanup_(hostlist_done) struct hostlist h = { 0 };
		_cleanup_(buf_done) struct buf b = BUF_INIT(TEXT_BYTES_MAX);
		struct hostlist_error e;
		struct rule x = r->list[i];
		size_t before;
		int err;

		if (strcmp(x.origin, PERSON) || hostlist_parse(&h, x.nodes, NULL, &e))
			continue;
		before = h.len;
		hostlist_subtract(&h, nodes);
		if (h.len == before)
			continue;
		(*changed)++;
		hostlist_fold(&h, &b);
		x.nodes = x.resolved = (char *)buf_str(&b);
		if (h.len)
			err = put(r, &x);
		else
			err = store_class_rule_remove(r->s, x.id);
		if (err)
			return h.len ? err : cmd_store_err(err, r->s, "cannot write the rule");
	}
	return 0;
}

static int set(struct cmd_ctx *c, const char *host_type)
{
	_cleanup_(rules_done) struct rules r = { .c = c };
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(TEXT_BYTES_MAX);
	struct rule x = { .host_type = (char *)host_type,
			  .origin = (char *)PERSON,
			  .problem = (char *)"" };
	unsigned changed = 0;
	int err = parse_set(c, c->argv[1], &nodes);

	if (!err)
		err = load(&r, 0);
	if (!err)
		err = store_begin(r.s) ? cmd_store_err(-EIO, r.s, "cannot write the rule") : 0;
	if (!err)
		err = take_back(&r, &nodes, &changed);
	hostlist_fold(&nodes, &b);
	x.nodes = x.resolved = (char *)buf_str(&b);
	x.reason = (char *)(cmd_opt(c, "reason") ? cmd_opt(c, "reason") : "");
	x.author = (char *)profile_author();
	x.created_ns = x.resolved_ns = clock_wall_ns();
	if (!err && host_type && nodes.len)
		err = put(&r, &x);
	if (!err)
		err = apply(r.s);
	if (!err && store_commit(r.s))
		err = cmd_store_err(-EIO, r.s, "cannot write the rule");
	if (err) {
		if (r.s)
			store_rollback(r.s);
		return AJAR_EXIT_ERROR;
	}
	if (host_type) {
		log_info("%s: class '%s', whatever rules say", buf_str(&b), host_type);
		reported_say(r.s, &nodes, c->argv[1]);
	} else if (!changed) {
		log_info("%s: nobody had set a class", buf_str(&b));
	}
	return AJAR_EXIT_OK;
}

static int set_words(struct cmd_ctx *c)
{
	return set(c, c->argv[2]);
}

static int auto_words(struct cmd_ctx *c)
{
	return set(c, NULL);
}

static int add(struct cmd_ctx *c)
{
	_cleanup_(rules_done) struct rules r = { .c = c };
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(TEXT_BYTES_MAX);
	uint64_t priority = 100;
	struct rule x = { .origin = (char *)"manual", .problem = (char *)"" };
	int err;

	if (words_count(c, "priority", 1, 1000000, &priority) || parse_set(c, c->argv[1], &nodes))
		return AJAR_EXIT_ERROR;
	hostlist_fold(&nodes, &b);
	x.nodes = c->argv[1];
	x.host_type = c->argv[2];
	x.priority = (uint32_t)priority;
	x.resolved = (char *)buf_str(&b);
	x.reason = (char *)(cmd_opt(c, "reason") ? cmd_opt(c, "reason") : "");
	x.author = (char *)profile_author();
	x.created_ns = x.resolved_ns = clock_wall_ns();
	err = load(&r, STORE_CREATE);
	if (!err)
		err = put(&r, &x);
	if (!err)
		err = apply(r.s);
	if (err)
		return AJAR_EXIT_ERROR;
	log_info("class '%s': %s", x.host_type, nodes.len ? buf_str(&b) : "no node yet");
	reported_say(r.s, &nodes, c->argv[1]);
	return AJAR_EXIT_OK;
}

static int rm(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	uint64_t id;
	int err;

	if (parse_u64(c->argv[1], &id)) {
		log_usage("'%s' is no number of a rule: see 'ajar node class'", c->argv[1]);
		return AJAR_EXIT_ERROR;
	}
	if (cmd_store(c, 0, &s))
		return AJAR_EXIT_ERROR;
	err = store_class_rule_remove(s, id);
	if (err) {
		cmd_store_err(err, s, "cannot remove the rule");
		return AJAR_EXIT_ERROR;
	}
	return apply(s) ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}

static const struct cmd_option set_options[] = {
	{ "reason", 0, "TEXT", "why" },
	{ 0 },
};
static const struct cmd_option add_options[] = {
	{ "reason", 0, "TEXT", "why" },
	{ "priority", 0, "N", "the smallest decides (default: 100)" },
	{ 0 },
};

const struct cmd node_class_rows[] = {
	{ .name = "ls", .args = "", .help = "the rules", .options = cmd_csv_options, .run = list },
	{ .name = "test",
	  .args = "NODE",
	  .help = "which rule decides about a node",
	  .min = 1,
	  .max = 1,
	  .run = test },
	{ .name = "sync", .args = "", .help = "groups are looked up again", .run = sync_rules },
	{ .name = "set",
	  .args = "NODES CLASS",
	  .help = "a person's word, before all rules",
	  .min = 2,
	  .max = 2,
	  .options = set_options,
	  .run = set_words },
	{ .name = "auto",
	  .args = "NODES",
	  .help = "take that word back: rules decide",
	  .min = 1,
	  .max = 1,
	  .run = auto_words },
	{ .name = "add",
	  .args = "NODES CLASS",
	  .help = "a rule, such as 'node[001-480]', '@gpu', '@genders:compute', "
		  "'@slurm:batch!node7', '@rack:r01'",
	  .min = 2,
	  .max = 2,
	  .options = add_options,
	  .run = add },
	{ .name = "rm", .args = "ID", .help = "take a rule away", .min = 1, .max = 1, .run = rm },
	{ 0 },
};
