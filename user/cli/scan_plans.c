/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/cmd_scan.h"
#include "cli/out.h"
#include "conf/conf.h"
#include "daemon/scan_conf.h"
#include "scan/nmap.h"
#include "scan/plan.h"
#include "view/scan_json.h"
#include "view/writer.h"

/* `ajar scan plans` and `ajar scan addrs`: what is scanned, when, and where it is. */

struct plans {
	struct cmd_ctx *c;
	struct writer w; /* of ls */
	const char *name; /* only this one */
	struct plan found;
	bool have;
};

static int on_plan(const struct store_plan *p, void *arg)
{
	_cleanup_(buf_done) struct buf what = BUF_INIT(1 << 16);
	struct plans *pl = arg;
	struct writer *w = &pl->w;

	if (pl->name && strcmp(pl->name, p->name))
		return 0;
	plan_format(&what, p);
	writer_start(w, NULL);
	view_plan_members(w, p);
	writer_cell(w, "what", "%s", buf_str(&what));
	return writer_end(w);
}

static int list_plans(struct plans *pl, struct store *s)
{
	return store_scan_plans(s, on_plan, pl);
}

static int find(const struct store_plan *p, void *arg)
{
	struct plans *pl = arg;

	if (strcmp(p->name, pl->name))
		return 0;
	pl->have = true;
	return plan_copy(p, &pl->found);
}

static const char *who(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw ? pw->pw_name : "";
}

static const struct store_plan fresh = {
	.kind = SCAN_CONNECT,
	.ports = "all",
	.classes = "",
	.nodes = "",
	.order = "oldest",
	.window = "",
	.author = "",
	.enabled = true,
	.idle_only = true,
	.rate = 60000,
	.host_rate = 10000,
};

static int set(struct plans *pl, struct store *s)
{
	const char *why = NULL;
	int err = store_scan_plans(s, find, pl);

	if (!err && !pl->have) {
		struct store_plan p = fresh;

		p.name = pl->name;
		err = plan_copy(&p, &pl->found);
	}
	for (int i = 2; !err && i < pl->c->argc; i++) {
		err = plan_set(&pl->found, pl->c->argv[i], &why);
		if (err)
			return log_usage("'%s': %s", pl->c->argv[i], why ? why : strerror(-err));
	}
	if (!err)
		err = plan_check(&pl->found.p, &why);
	if (err)
		return log_usage("plan '%s': %s", pl->name, why ? why : strerror(-err));
	if (pl->found.p.enabled && scan_kind_is_raw(pl->found.p.kind) && !pl->c->conf->scan_raw)
		return log_usage(
			"plan '%s': kind=%s needs CAP_NET_RAW in the monitor for nmap: set "
			"scan.raw (ajar.conf(5) says how the service gets it), or kind=connect",
			pl->name, scan_kind_name(pl->found.p.kind));
	pl->found.p.author = who();
	err = store_scan_plan_put(s, &pl->found.p);
	if (!err)
		log_info("plan '%s' is %s", pl->name, pl->have ? "changed" : "new");
	return err;
}

static int change(struct cmd_ctx *c, int (*what)(struct plans *pl, struct store *s), const char *of)
{
	struct plans pl = { .c = c, .name = c->argv[1] };
	_cleanup_(store_freep) struct store *s = NULL;
	int err;

	if (cmd_store(c, 0, &s))
		return AJAR_EXIT_ERROR;
	err = what(&pl, s);
	if (err && err != -EINVAL)
		cmd_store_err(err, s, of);
	plan_done(&pl.found);
	return err ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}

static int list(struct cmd_ctx *c, const struct writer_field *fields,
		int (*what)(struct plans *pl, struct store *s), const char *of)
{
	struct plans pl = { .c = c, .name = c->argc > 1 ? c->argv[1] : NULL };
	_cleanup_(store_freep) struct store *s = NULL;
	int err;

	if (cmd_store(c, STORE_READONLY, &s) || out_open(c, fields, &pl.w))
		return AJAR_EXIT_ERROR;
	err = what(&pl, s);
	if (err || !pl.name || pl.w.records)
		return out_close(&pl.w, err, s, of);
	writer_done(&pl.w);
	log_usage("there is no plan '%s': 'ajar scan plans' lists them", pl.name);
	return AJAR_EXIT_ERROR;
}

static int rm(struct plans *pl, struct store *s)
{
	return store_scan_plan_del(s, pl->name);
}

static int run_list(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		COLUMN("plan", "PLAN", .trunc = true),
		COLUMN("last_run", "LAST RUN (UTC)", .brief = true, .none = "never"),
		COLUMN("what", "WHAT", .width = 0.7, .trunc = true, .people = true),
		FIELD("enabled"),
		FIELD("kind"),
		FIELD("ports"),
		FIELD("class"),
		FIELD("nodes"),
		FIELD("order"),
		FIELD("every_s"),
		FIELD("window"),
		FIELD("idle"),
		FIELD("idle_wait_s"),
		FIELD("rate"),
		FIELD("host_rate"),
		FIELD("load_percent"),
		{ 0 },
	};

	return list(c, fields, list_plans, "plans");
}

static int run_set(struct cmd_ctx *c)
{
	return change(c, set, "plans");
}

static int run_rm(struct cmd_ctx *c)
{
	return change(c, rm, "plans");
}

#define FEW(word)                                                                                  \
	"'ajar scan plans " word "' wants the name of a plan: 'ajar scan plans' lists them"

const struct cmd scan_plans_rows[] = {
	{ .name = "ls",
	  .args = "",
	  .help = "the plans, and when each is due",
	  .options = cmd_csv_options,
	  .run = run_list },
	{ .name = "show",
	  .args = "NAME",
	  .options = cmd_csv_options,
	  .help = "one",
	  .min = 1,
	  .max = 1,
	  .few = FEW("show"),
	  .run = run_list },
	{ .name = "set",
	  .args = "NAME WORD=VALUE...",
	  .help = "change one, or make it",
	  .min = 1,
	  .max = CMD_ANY,
	  .few = FEW("set"),
	  .run = run_set },
	{ .name = "rm",
	  .args = "NAME",
	  .help = "take it away",
	  .min = 1,
	  .max = 1,
	  .few = FEW("rm"),
	  .run = run_rm },
	{ 0 },
};

/* --- addresses --------------------------------------------------------------------------------------------- */

static int on_addr(const char *node, const char *addr, const char *origin, uint64_t added_ns,
		   void *arg)
{
	struct writer *w = arg;

	writer_start(w, NULL);
	writer_str(w, "node", node);
	writer_str(w, "addr", addr);
	writer_str(w, "origin", origin);
	writer_time(w, "added", added_ns);
	return writer_end(w);
}

static int list_addrs(struct plans *pl, struct store *s)
{
	int err = store_node_addrs(s, on_addr, &pl->w);

	if (!err && !pl->w.records)
		log_info("no addresses are set: nodes are scanned where their names lead");
	return err;
}

static int set_addrs(struct plans *pl, struct store *s)
{
	struct scan_conf sc;
	int err = scan_conf_read(pl->c->conf, &sc);

	if (err)
		return err;
	for (int i = 2; i < pl->c->argc; i++) {
		struct address a;

		if (address_parse(pl->c->argv[i], &a) || !address_is_host(&a))
			return log_usage("'%s' is not the address of a host", pl->c->argv[i]);
		if (!networks_have(&sc.networks, &a))
			return log_usage("%s is outside of what may be scanned (scan.networks): "
					 "add its network there first",
					 pl->c->argv[i]);
	}
	err = store_begin(s);
	if (err)
		return err;
	err = store_node_addr_del(s, pl->name, NULL);
	if (err == -ENOENT)
		err = 0;
	for (int i = 2; !err && i < pl->c->argc; i++) {
		struct address a;
		char text[ADDRESS_TEXT_MAX];

		err = address_parse(pl->c->argv[i], &a);
		address_format(&a, text);
		if (!err)
			err = store_node_addr_put(s, pl->name, text, "manual", clock_wall_ns());
	}
	if (!err)
		return store_commit(s);
	store_rollback(s);
	return err;
}

static int rm_addrs(struct plans *pl, struct store *s)
{
	return store_node_addr_del(s, pl->name, NULL);
}

static int run_list_addrs(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		COLUMN("node", "NODE", .trunc = true),
		COLUMN("addr", "ADDRESS"),
		COLUMN("origin", "ORIGIN"),
		FIELD("added"),
		{ 0 },
	};

	return list(c, fields, list_addrs, "addresses");
}

static int run_set_addrs(struct cmd_ctx *c)
{
	return change(c, set_addrs, "addresses");
}

static int run_rm_addrs(struct cmd_ctx *c)
{
	return change(c, rm_addrs, "addresses");
}

const struct cmd scan_addrs_rows[] = {
	{ .name = "ls",
	  .args = "",
	  .help = "addresses that were set by hand",
	  .options = cmd_csv_options,
	  .run = run_list_addrs },
	{ .name = "set",
	  .args = "NODE ADDRESS...",
	  .help = "where to scan a node",
	  .min = 2,
	  .max = CMD_ANY,
	  .run = run_set_addrs },
	{ .name = "rm",
	  .args = "NODE",
	  .help = "its name leads there again",
	  .min = 1,
	  .max = 1,
	  .run = run_rm_addrs },
	{ 0 },
};
