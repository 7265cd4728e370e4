/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/profile_learn.h"
#include "cli/profile_util.h"
#include "cli/profile_view.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "store/store.h"
#include "view/profile_json.h"
#include "view/writer.h"

static int on_class(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		    uint64_t nodes, void *arg)
{
	struct writer *w = arg;

	writer_start(w, NULL);
	view_class_members(w, host_type, accepted, accepted_ns, rows, nodes);
	writer_cell(w, "accepted", "%s", accepted ? "accepted" : "learning");
	return writer_end(w);
}

static int list(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		COLUMN("class", "CLASS", .trunc = true), COLUMN("accepted", "STATE"),
		COLUMN("rows", "ROWS", .right = true),	 COLUMN("nodes", "NODES", .right = true),
		COLUMN("accepted_at", "ACCEPTED (UTC)"), { 0 },
	};
	_cleanup_(store_freep) struct store *s = NULL;
	struct writer w;
	int err;

	if (cmd_store(c, STORE_READONLY, &s) || out_open(c, fields, &w))
		return AJAR_EXIT_ERROR;
	cmd_say_learning(c, s);
	err = store_host_types(s, on_class, &w);
	if (!err && !w.records)
		log_info("no class yet: a node makes its own when it first reports");
	return out_close(&w, err, s, "cannot read the host types");
}

static int show(struct cmd_ctx *c)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_(store_freep) struct store *s = NULL;
	const char *host_type;
	int err;

	if (cmd_store(c, STORE_READONLY, &s))
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
			 "what is open "
			 "with 'ajar profile learn%s%s --write'",
			 host_type, strcmp(host_type, c->conf->node_class) ? " --class " : "",
			 strcmp(host_type, c->conf->node_class) ? host_type : "");
	if (!p->rows_len)
		log_info("the profile of class '%s' has no rows", host_type);
	return profile_rows_print(c, p, p->rows, p->rows_len);
}

static const struct cmd_option learn_options[] = {
	{ "class", 'c', "CLASS", "the class to learn for (default: this node's, node.class)" },
	{ "since", 0, "TIME", "also from doors that have closed since then: 2h, 7d, '2026-11-22'" },
	{ "quorum", 0, "FRACTION",
	  "of the class's nodes, 0.8 or 80% (the default); what is on fewer is left out and "
	  "shown" },
	{ "from-nmap", 0, "FILE", "from what nmap found open (nmap -p- -oX FILE HOST)" },
	{ "text", 0, NULL, "print a file to change and import" },
	{ "outliers", 0, NULL, "with -j: what is left out, too" },
	{ "propose", 0, NULL, "keep the proposal, to be decided rule by rule" },
	{ "write", 'w', NULL, "accept what is proposed" },
	CMD_CSV,
	{ 0 },
};
static const struct cmd_option check_options[] = {
	{ "class", 'c', "CLASS", "the class of rules above any 'class' line" },
	CMD_CSV,
	{ 0 },
};
static const struct cmd_option import_options[] = {
	{ "class", 'c', "CLASS", "the class of rules above any 'class' line" },
	{ "add", 0, NULL, "keep the rows that the file has not" },
	{ "dry-run", 'n', NULL, "only say what would change" },
	{ "yes", 'y', NULL, "without asking about what is removed" },
	{ 0 },
};
static const struct cmd_option edit_options[] = {
	{ "reason", 0, "TEXT", "why" },
	{ "expires", 0, "TIME", "for how long, 8h, 7d, or until '2026-12-31'" },
	{ 0 },
};
static const struct cmd_option dead_options[] = {
	{ "since", 0, "TIME", "never matched since then (default: 30d)" },
	CMD_CSV,
	{ 0 },
};
static const struct cmd_option accept_options[] = {
	{ "edit", 0, NULL, "decide in $EDITOR" },
	{ 0 },
};

#define EDIT_FEW(word)                                                                             \
	word " wants a class and a rule: ajar profile " word " compute tcp 8443 exe "              \
	     "/opt/app/server user app --reason 'vendor demo' --expires 7d"
#define EDIT(word, what)                                                                           \
	{                                                                                          \
		.name = word, .args = "CLASS RULE", .help = what, .min = 3, .max = CMD_ANY,        \
		.few = EDIT_FEW(word), .options = edit_options, .run = profile_edit                \
	}

static const struct cmd subs[] = {
	{ .name = "ls",
	  .args = "",
	  .help = "the classes and their profiles",
	  .options = cmd_csv_options,
	  .run = list },
	{ .name = "show",
	  .args = "[CLASS]",
	  .help = "the rules of one",
	  .max = 1,
	  .options = cmd_csv_options,
	  .run = show },
	{ .name = "learn",
	  .args = "",
	  .help = "propose one row for each door that is open",
	  .options = learn_options,
	  .run = profile_learn },
	{ .name = "check",
	  .args = "[FILE...]",
	  .help = "are the rules right, and of use? Exit code 1: no",
	  .max = CMD_ANY,
	  .options = check_options,
	  .run = profile_check },
	{ .name = "import",
	  .args = "FILE...",
	  .help = "make a class's profile what the file says",
	  .min = 1,
	  .max = CMD_ANY,
	  .few = "import wants a file, or - for standard input: ajar profile import FILE",
	  .options = import_options,
	  .run = profile_import },
	{ .name = "export",
	  .args = "[CLASS...]",
	  .help = "write it, with its comments",
	  .max = CMD_ANY,
	  .run = profile_export },
	{ .name = "diff",
	  .args = "CLASS [FILE|CLASS]",
	  .help = "compare with another, or with what is open now; exit code 1: they differ",
	  .min = 1,
	  .max = 2,
	  .options = cmd_csv_options,
	  .run = profile_diff },
	{ .name = "test",
	  .args = "CLASS DOOR",
	  .help = "which rule decides about a door, and what the others are about",
	  .min = 3,
	  .max = CMD_ANY,
	  .few = "test wants a class and a door: ajar profile test compute tcp 4444 exe "
		 "/usr/bin/nc "
		 "user root",
	  .run = profile_test },
	EDIT("allow", "a door that may be open"),
	EDIT("require", "one that must be open"),
	EDIT("deny", "one that may not, whatever other rules say"),
	{ .name = "rm",
	  .args = "CLASS ID|RULE",
	  .help = "take a rule away",
	  .min = 2,
	  .max = CMD_ANY,
	  .few = "rm wants a class and a row's number or the rule: ajar profile rm compute 12",
	  .run = profile_rm },
	{ .name = "dead",
	  .args = "[CLASS]",
	  .help = "rules that no door has matched for long; exit code 1: there are some",
	  .max = 1,
	  .options = dead_options,
	  .run = profile_dead },
	{ .name = "proposal",
	  .args = "[CLASS]",
	  .help = "what 'learn --propose' has proposed",
	  .max = 1,
	  .options = cmd_csv_options,
	  .run = profile_proposal },
	{ .name = "accept",
	  .args = "[CLASS [NR...]]",
	  .help = "take proposed rules: 1-5, or all",
	  .max = CMD_ANY,
	  .options = accept_options,
	  .run = profile_accept },
	{ .name = "reject",
	  .args = "CLASS NR...",
	  .help = "refuse them",
	  .max = CMD_ANY,
	  .run = profile_reject },
	{ 0 },
};

const struct cmd cmd_profile = {
	.name = "profile",
	.args = "",
	.help = "what a class of nodes may have open: rules, learned or written",
	.more = "'learn' shows what it leaves out, and changes nothing until '--write' accepts the "
		"proposal.\nFrom then on everything else is unexpected and alerts.\n"
		"A RULE is such as 'tcp 22 exe /usr/sbin/sshd user root' or 'tcp 1024-65535 job "
		"slurm'; a file has one a line:\n"
		"see ajar-profile(5).",
	.subs = subs,
};
