/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/cmd_scan.h"
#include "cli/out.h"
#include "conf/conf.h"
#include "daemon/scan_conf.h"
#include "scan/nmap.h"
#include "scan/plan.h"
#include "view/view.h"

/* `ajar scan plans` and `ajar scan addrs`: what is scanned, when, and where it is. */

struct plans {
	struct cmd_ctx *c;
	struct table *table;
	struct buf b;
	const char *name; /* only this one */
	struct plan found;
	bool have;
};

static int plan_json(struct plans *pl, const struct store_plan *p)
{
	struct jsonw w;

	buf_reset(&pl->b);
	jsonw_init(&w, &pl->b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "plan", p->name);
	jsonw_bool(&w, "enabled", p->enabled);
	jsonw_str(&w, "kind", scan_kind_name(p->kind));
	jsonw_str(&w, "ports", p->ports);
	jsonw_str(&w, "class", p->classes);
	jsonw_str(&w, "nodes", p->nodes);
	jsonw_str(&w, "order", p->order);
	jsonw_u64(&w, "every_s", p->every_ns / 1000000000);
	jsonw_str(&w, "window", p->window);
	jsonw_bool(&w, "idle", p->idle_only);
	jsonw_u64(&w, "idle_wait_s", p->idle_wait_ns / 1000000000);
	jsonw_u64(&w, "rate", p->rate);
	jsonw_u64(&w, "host_rate", p->host_rate);
	jsonw_u64(&w, "load_percent", p->load_max);
	jsonw_time(&w, "last_run", p->claimed_ns);
	jsonw_end_obj(&w);
	return out_json(&w);
}

static int on_plan(const struct store_plan *p, void *arg)
{
	struct plans *pl = arg;
	_cleanup_(buf_done) struct buf when = BUF_INIT(64);

	if (pl->name && strcmp(pl->name, p->name))
		return 0;
	pl->have = true;
	if (pl->c->json)
		return plan_json(pl, p);
	buf_reset(&pl->b);
	plan_format(&pl->b, p);
	buf_puts(&when, "");
	if (p->claimed_ns)
		view_time_short(&when, p->claimed_ns, clock_wall_ns());
	{
		const char *const cells[] = { p->name, p->claimed_ns ? buf_str(&when) : "never",
					      buf_str(&pl->b) };

		return table_row(pl->table, cells, array_len(cells), NULL);
	}
}

static int list(struct plans *pl, struct store *s)
{
	static const struct table_column columns[] = {
		{ "PLAN", 0, false, true },
		{ "LAST RUN (UTC)", 0, false, false },
		{ "WHAT", 0.7, false, true },
	};
	int err = table_new(columns, array_len(columns), pl->c->colour, &pl->table);

	if (!err)
		err = store_scan_plans(s, on_plan, pl);
	if (!err && !pl->c->json && pl->have)
		err = table_print(pl->table, stdout);
	return err ? err : out_flush();
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

static int plans(struct cmd_ctx *c, int (*what)(struct plans *pl, struct store *s), unsigned flags)
{
	struct plans pl = { .c = c,
			    .b = BUF_INIT(1 << 16),
			    .name = c->argc > 1 ? c->argv[1] : NULL };
	_cleanup_(store_freep) struct store *s = NULL;
	int err;

	if (cmd_store(c, flags, &s))
		return AJAR_EXIT_ERROR;
	err = what(&pl, s);
	if (!err && what == list && pl.name && !pl.have)
		err = log_usage("there is no plan '%s': 'ajar scan plans' lists them", pl.name);
	else if (err && err != -EINVAL && err != -EPIPE)
		cmd_store_err(err, s, "plans");
	plan_done(&pl.found);
	table_free(pl.table);
	buf_done(&pl.b);
	return err && err != -EPIPE ? AJAR_EXIT_ERROR : out_report(err);
}

static int rm(struct plans *pl, struct store *s)
{
	return store_scan_plan_del(s, pl->name);
}

static int run_list(struct cmd_ctx *c)
{
	return plans(c, list, STORE_READONLY);
}

static int run_set(struct cmd_ctx *c)
{
	return plans(c, set, 0);
}

static int run_rm(struct cmd_ctx *c)
{
	return plans(c, rm, 0);
}

#define FEW(word)                                                                                  \
	"'ajar scan plans " word "' wants the name of a plan: 'ajar scan plans' lists them"

const struct cmd scan_plans_rows[] = {
	{ .name = "ls", .args = "", .help = "the plans, and when each is due", .run = run_list },
	{ .name = "show",
	  .args = "NAME",
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
	struct plans *pl = arg;
	struct jsonw w;

	pl->have = true;
	if (!pl->c->json) {
		const char *const cells[] = { node, addr, origin };

		return table_row(pl->table, cells, array_len(cells), NULL);
	}
	buf_reset(&pl->b);
	jsonw_init(&w, &pl->b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "node", node);
	jsonw_str(&w, "addr", addr);
	jsonw_str(&w, "origin", origin);
	jsonw_time(&w, "added", added_ns);
	jsonw_end_obj(&w);
	return out_json(&w);
}

static int list_addrs(struct plans *pl, struct store *s)
{
	static const struct table_column columns[] = {
		{ "NODE", 0, false, true },
		{ "ADDRESS", 0, false, false },
		{ "ORIGIN", 0, false, false },
	};
	int err = table_new(columns, array_len(columns), pl->c->colour, &pl->table);

	if (!err)
		err = store_node_addrs(s, on_addr, pl);
	if (!err && !pl->have)
		log_info("no addresses are set: nodes are scanned where their names lead");
	if (!err && !pl->c->json && pl->have)
		err = table_print(pl->table, stdout);
	return err ? err : out_flush();
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

static int addrs(struct cmd_ctx *c, int (*what)(struct plans *pl, struct store *s), unsigned flags)
{
	struct plans pl = { .c = c,
			    .b = BUF_INIT(1 << 16),
			    .name = c->argc > 1 ? c->argv[1] : NULL };
	_cleanup_(store_freep) struct store *s = NULL;
	int err;

	if (cmd_store(c, flags, &s))
		return AJAR_EXIT_ERROR;
	err = what(&pl, s);
	if (err && err != -EINVAL && err != -EPIPE)
		cmd_store_err(err, s, "addresses");
	table_free(pl.table);
	buf_done(&pl.b);
	return err && err != -EPIPE ? AJAR_EXIT_ERROR : out_report(err);
}

static int rm_addrs(struct plans *pl, struct store *s)
{
	return store_node_addr_del(s, pl->name, NULL);
}

static int run_list_addrs(struct cmd_ctx *c)
{
	return addrs(c, list_addrs, STORE_READONLY);
}

static int run_set_addrs(struct cmd_ctx *c)
{
	return addrs(c, set_addrs, 0);
}

static int run_rm_addrs(struct cmd_ctx *c)
{
	return addrs(c, rm_addrs, 0);
}

const struct cmd scan_addrs_rows[] = {
	{ .name = "ls",
	  .args = "",
	  .help = "addresses that were set by hand",
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
