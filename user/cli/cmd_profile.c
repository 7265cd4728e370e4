/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/profile_learn.h"
#include "cli/profile_util.h"
#include "cli/profile_view.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "store/store.h"
#include "view/view.h"

struct classes {
	struct cmd_ctx *c;
	struct table *table;
	uint64_t n;
	int out_err;
	struct buf b;
	struct jsonw json;
};

static int class_json(struct classes *k, const char *host_type, bool accepted, uint64_t accepted_ns,
		      uint64_t rows, uint64_t nodes)
{
	jsonw_obj(&k->json, NULL);
	jsonw_str(&k->json, "class", host_type);
	jsonw_bool(&k->json, "accepted", accepted);
	jsonw_time(&k->json, "accepted_at", accepted_ns);
	jsonw_u64(&k->json, "rows", rows);
	jsonw_u64(&k->json, "nodes", nodes);
	jsonw_end_obj(&k->json);
	k->out_err = out_json(&k->json);
	return k->out_err;
}

static int on_class(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		    uint64_t nodes, void *arg)
{
	char rows_text[24], nodes_text[24];
	struct buf at = BUF_INIT(64);
	struct classes *k = arg;
	int err;

	k->n++;
	if (k->c->json)
		return class_json(k, host_type, accepted, accepted_ns, rows, nodes);
	snprintf(rows_text, sizeof(rows_text), "%" PRIu64, rows);
	snprintf(nodes_text, sizeof(nodes_text), "%" PRIu64, nodes);
	if (accepted_ns)
		view_time(&at, accepted_ns, false);
	{
		const char *const cells[] = { host_type, accepted ? "accepted" : "learning",
					      rows_text, nodes_text,
					      accepted_ns ? buf_str(&at) : "-" };

		err = table_row(k->table, cells, array_len(cells), NULL);
	}
	buf_done(&at);
	return err;
}

static int print_classes(struct classes *k, struct store *s)
{
	static const struct table_column columns[] = {
		{ "CLASS", 0, false, true },
		{ "STATE", 0, false, false },
		{ "ROWS", 0, true, false },
		{ "NODES", 0, true, false },
		{ "ACCEPTED (UTC)", 0, false, false },
	};
	int err = table_new(columns, array_len(columns), k->c->colour, &k->table);

	if (!err)
		err = store_host_types(s, on_class, k);
	if (!err && !k->c->json && k->n)
		err = k->out_err = table_print(k->table, stdout);
	if (!err)
		err = k->out_err = out_flush();
	if (!err && !k->n)
		log_info("no class yet: a node makes its own when it first reports");
	return err;
}

static int list(struct cmd_ctx *c)
{
	struct classes k = { .c = c, .b = BUF_INIT(1 << 16) };
	_cleanup_(store_freep) struct store *s = NULL;
	int err, rc;

	if (cmd_bad_words(c, 0, 1) || cmd_store(c, STORE_READONLY, &s))
		return AJAR_EXIT_ERROR;
	jsonw_init(&k.json, &k.b);
	cmd_say_learning(c, s);
	err = print_classes(&k, s);
	if (k.out_err || !err) {
		rc = out_report(k.out_err);
	} else {
		cmd_store_err(err, s, "cannot read the host types");
		rc = AJAR_EXIT_ERROR;
	}
	table_free(k.table);
	buf_done(&k.b);
	return rc;
}

static int show(struct cmd_ctx *c)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_(store_freep) struct store *s = NULL;
	const char *host_type;
	int err;

	if (cmd_bad_words(c, 1, 2) || cmd_store(c, STORE_READONLY, &s))
		return AJAR_EXIT_ERROR;
	host_type = c->argc > 1 ? c->argv[1] : c->conf->node_class;
	err = store_profile_get(s, host_type, &p);
	if (err == -ENOENT)
		return profile_no_such_class(s, host_type, c->conf->node_class);
	if (err) {
		cmd_store_err(err, s, "cannot read the profile");
		return AJAR_EXIT_ERROR;
	}
	if (!p->accepted)
		log_info("learning: class '%s' has no accepted profile, nothing alerts; accept "
			 "what stands open "
			 "with 'ajar profile learn%s%s --write'",
			 host_type, strcmp(host_type, c->conf->node_class) ? " --class " : "",
			 strcmp(host_type, c->conf->node_class) ? host_type : "");
	if (!p->rows_len)
		log_info("the profile of class '%s' has no rows", host_type);
	return out_report(profile_rows_print(c, p, p->rows, p->rows_len));
}

static int learn(struct cmd_ctx *c)
{
	return cmd_bad_words(c, 1, 1) ? AJAR_EXIT_ERROR : profile_learn(c);
}

static int run(struct cmd_ctx *c)
{
	static const char *const words[] = { "ls",     "show", "learn", "check",    "import",
					     "export", "diff", "test",	"allow",    "require",
					     "deny",   "rm",   "dead",	"proposal", "accept",
					     "reject", NULL };
	static int (*const runs[])(struct cmd_ctx * c) = {
		list,		show,	      learn,	    profile_check,    profile_import,
		profile_export, profile_diff, profile_test, profile_edit,     profile_edit,
		profile_edit,	profile_rm,   profile_dead, profile_proposal, profile_accept,
		profile_reject,
	};
	int what = 0;

	if (words_sub(c, words, &what))
		return AJAR_EXIT_ERROR;
	return runs[what](c);
}

static const struct cmd_option options[] = {
	{ "class", 'c', "CLASS",
	  "learn: the class to learn for (default: this node's, node.class); import, check: the "
	  "class "
	  "of rules above any 'class' line" },
	{ "since", 0, "TIME",
	  "learn: also from doors that have closed since then: 2h, 7d, '2026-11-22'; dead: never "
	  "matched since then (default: 30d)" },
	{ "quorum", 0, "FRACTION",
	  "learn: of the class's nodes, 0.8 or 80% (the default); what is on fewer is left out and "
	  "shown" },
	{ "from-nmap", 0, "FILE", "learn: from what nmap found open (nmap -p- -oX FILE HOST)" },
	{ "text", 0, NULL, "learn: print a file to change and import" },
	{ "outliers", 0, NULL, "learn -j: what is left out, too" },
	{ "propose", 0, NULL, "learn: keep the proposal, to be decided rule by rule" },
	{ "edit", 0, NULL, "accept: decide in $EDITOR" },
	{ "write", 'w', NULL, "learn: accept what is proposed" },
	{ "add", 0, NULL, "import: keep the rows that the file has not" },
	{ "dry-run", 'n', NULL, "import: only say what would change" },
	{ "reason", 0, "TEXT", "allow, require, deny: why" },
	{ "expires", 0, "TIME",
	  "allow, require, deny: for how long, 8h, 7d, or until '2026-12-31'" },
	{ 0 },
};

const struct cmd cmd_profile = {
	.name = "profile",
	.args = "[ls | show [CLASS] | learn | check [FILE...] | import FILE... | export [CLASS...] "
		"| diff CLASS "
		"[FILE|CLASS] | test CLASS DOOR | allow CLASS RULE | require CLASS RULE | deny "
		"CLASS RULE | "
		"rm CLASS ID|RULE | dead [CLASS] | proposal [CLASS] | accept CLASS [NR...] | "
		"reject CLASS NR...]",
	.help = "what a class of nodes may have open: rules, learned or written",
	.options = options,
	.more = "'learn' proposes one row for each door that stands open and shows what it leaves "
		"out; nothing is\n"
		"changed until '--write' accepts the proposal. From then on everything else is "
		"unexpected and alerts.\n"
		"A RULE is such as 'tcp 22 exe /usr/sbin/sshd user root' or 'tcp 1024-65535 job "
		"slurm'; "
		"a file has one a line:\n"
		"see ajar-profile(5). 'import' makes a class's profile what the file says, "
		"'export' "
		"writes it with its comments.\n"
		"'test' says which rule decides about a door and what the others are about; 'diff' "
		"without a second name\n"
		"compares with what stands open now. accept and reject take numbers, 1-5, or all. "
		"check, diff, dead and test exit with 1 when "
		"they "
		"have found something.",
	.run = run,
};
