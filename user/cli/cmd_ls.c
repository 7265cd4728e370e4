/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "ajar/exit.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/doorset.h"
#include "cli/verdicts.h"
#include "cli/out.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "store/store.h"
#include "view/match.h"

struct ls {
	const struct filter *filter;
	struct doorlist *list;
	bool outside; /* kept until it is known that they are few enough */
};

static int keep(const struct store_door *d, void *arg)
{
	struct ls *ls = arg;
	struct event ev = d->ev;

	ev.time_ns = d->opened_ns ? d->opened_ns : ev.time_ns;
	if (!view_match_event(ls->filter, &ev, d->node, d->host_type, d->verdict))
		return 0;
	if (ls->outside && ls->list->doors.len == DOORSET_OUTSIDE_MAX)
		return -E2BIG;
	return doorset_add(&ls->list->doors, &ev, d->node, d->host_type, d->verdict);
}

static int put_page(void *arg)
{
	struct ls *ls = arg;

	return ls->outside ? 0 : doorlist_put(ls->list);
}

static int look_outside(struct ls *ls, struct store *s)
{
	int err = doorset_look_outside(&ls->list->doors, s);

	return err ? err : doorlist_put(ls->list);
}

static int from_store(struct cmd_ctx *c, const struct filter *f, struct doorlist *list)
{
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 };
	struct store_door_query q = { .open_only = true };
	struct ls ls = { .filter = f, .list = list, .outside = cmd_opt(c, "outside") };
	int err = cmd_store(c, STORE_READONLY, &s);

	if (err)
		return err;
	cmd_say_learning(c, s);
	if (!*c->conf->store_uri && cmd_agent_runs(c) == 0)
		log_warn("no agent runs here: these doors are as the store last heard of them; "
			 "'sudo ajar watch' "
			 "shows what the kernel has now");
	err = filter_nodes(f, &nodes);
	q.nodes = (const char *const *)nodes.names;
	q.nodes_len = nodes.len;
	if (!err)
		err = store_doors_by_node(s, &q, keep, put_page, &ls);
	if (!err && ls.outside)
		err = look_outside(&ls, s);
	if (err == -E2BIG && ls.outside)
		return log_usage("--outside is for at most %d doors, these are more: give a "
				 "FILTER, such as node:NAME",
				 DOORSET_OUTSIDE_MAX);
	if (list->out_err)
		return 0;
	return err ? cmd_store_err(err, s, "cannot read the doors") : 0;
}

static int from_kernel(struct cmd_ctx *c, const struct filter *f, struct doorlist *list)
{
	_cleanup_(doorset_done) struct doorset all = { 0 };
	_cleanup_(verdicts_done) struct verdicts verdicts = { 0 };
	int err = verdicts_open(c, &verdicts);

	if (!err)
		err = kernel_doors(c, &all);
	if (err)
		return err;
	if (cmd_opt(c, "outside"))
		return log_usage("--outside shows what scans saw, which a store has: no agent has "
				 "reported to one yet");
	log_info("no agent has reported to a store yet: these are the doors the kernel shows now; "
		 "'ajar run' "
		 "keeps their history");
	cmd_say_learning(c, verdicts.store);
	for (size_t i = 0; i < all.len && !err; i++) {
		const struct doorset_item *it = &all.items[i];
		enum verdict v = verdicts_of(&verdicts, &it->ev);

		if (view_match_event(f, &it->ev, it->node, it->host_type, v))
			err = doorset_add(&list->doors, &it->ev, it->node, it->host_type, v);
	}
	if (err)
		return log_err(err, "cannot keep the doors");
	list->out_err = doorlist_put(list);
	return 0;
}

static int some_node(const struct store_node *n, void *arg)
{
	(void)n;
	(void)arg;
	return 1;
}

/*
 * A store that no node has reported to (made by `profile learn --write`) says nothing about doors:
 * 0. A negative errno has been reported.
 */
static int store_has_nodes(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	int ret;

	if (!cmd_store_meant(c))
		return 0;
	ret = cmd_store(c, STORE_READONLY, &s);
	if (ret)
		return ret;
	ret = store_nodes(s, some_node, NULL);
	return ret < 0 ? cmd_store_err(ret, s, "cannot read the nodes") : ret;
}

static int list_doors(struct cmd_ctx *c, struct doorlist *list)
{
	struct filter f;
	int err = words_filter(c, &f), has;

	if (err)
		return err;
	has = store_has_nodes(c);
	err = has < 0 ? has : has ? from_store(c, &f, list) : from_kernel(c, &f, list);
	if (!err && !list->len && !list->out_err)
		log_info(f.len ? "no open door matches" : "no door is open");
	return err;
}

static int run(struct cmd_ctx *c)
{
	_cleanup_(doorlist_done) struct doorlist list = { 0 };

	if (doorlist_open(&list, c) || list_doors(c, &list))
		return AJAR_EXIT_ERROR;
	return out_report(doorlist_close(&list));
}

static const struct cmd_option options[] = {
	{ "outside", 'o', NULL, "and what the last scan saw of each since it opened, and when" },
	CMD_CSV,
	{ 0 },
};

const struct cmd cmd_ls = {
	.options = options,
	.name = "ls",
	.args = "[FILTER...]",
	.max = CMD_ANY,
	.help = "doors open now: from the store, or from the kernel when there is none",
	.run = run,
};
