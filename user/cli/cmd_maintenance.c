/* SPDX-License-Identifier: GPL-2.0 */
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
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/reported.h"
#include "cli/profile_util.h"
#include "cli/words.h"
#include "store/store.h"
#include "store/triage.h"
#include "view/view.h"
#include "view/writer.h"

/* Times at which doors are recorded and judged, and alerts held back until they are over. */

#define NODES_MAX 60000
#define LONGEST_NS (UINT64_C(90) * 86400 * 1000000000)

/* --- what there is ------------------------------------------------------------------------------------ */

struct list {
	uint64_t now_ns;
	struct writer w;
};

static uint64_t end_of(const struct store_maintenance *m)
{
	return m->ended_ns && m->ended_ns < m->ends_ns ? m->ended_ns : m->ends_ns;
}

static const char *state_of(const struct list *l, const struct store_maintenance *m)
{
	if (end_of(m) <= l->now_ns)
		return "over";
	return m->starts_ns > l->now_ns ? "to come" : "under way";
}

static int on_window(const struct store_maintenance *m, void *arg)
{
	struct list *l = arg;
	struct writer *w = &l->w;

	writer_start(w, NULL);
	writer_u64(w, "id", m->id);
	writer_str(w, "state", state_of(l, m));
	writer_str(w, "nodes", m->nodes);
	writer_str_or_null(w, "class", m->host_type);
	writer_time(w, "starts", m->starts_ns);
	writer_time(w, "ends", end_of(m));
	writer_str(w, "reason", m->reason);
	writer_str(w, "author", m->author);
	if (*m->host_type)
		writer_cell(w, "nodes", "class:%s", m->host_type);
	else if (!*m->nodes)
		writer_cell(w, "nodes", "all");
	return writer_end(w);
}

static int ls(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		COLUMN("id", "ID", .right = true),
		COLUMN("state", "STATE"),
		COLUMN("nodes", "NODES", .width = 0.3, .trunc = true),
		FIELD("class"),
		COLUMN("starts", "FROM (UTC)"),
		COLUMN("ends", "TO (UTC)"),
		COLUMN("author", "BY"),
		COLUMN("reason", "REASON", .width = 0.3, .trunc = true),
		{ 0 },
	};
	struct list l = { .now_ns = clock_wall_ns() };
	_cleanup_(store_freep) struct store *s = NULL;
	int err;

	if (cmd_store(c, STORE_READONLY, &s) || out_open(c, fields, &l.w))
		return AJAR_EXIT_ERROR;
	err = store_maintenances(s, cmd_opt(c, "all") ? 0 : l.now_ns, on_window, &l);
	if (!err && !l.w.records)
		log_info("no maintenance is under way or to come ('ajar maintenance --all' shows "
			 "those that are over)");
	return out_close(&l.w, err, s, "cannot list the maintenance");
}

/* --- a new one ------------------------------------------------------------------------------------------ */

/* "all", "class:NAME" or a node set; into m, whose texts are b's or the word's. */
static int read_where(const char *word, struct store_maintenance *m, struct buf *b)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	struct hostlist_error why;
	int err;

	if (!strcmp(word, "all"))
		return 0;
	if (!strncmp(word, "class:", 6) && word[6]) {
		m->host_type = word + 6;
		return 0;
	}
	if (!strncmp(word, "node:", 5))
		word += 5;
	err = hostlist_parse(&h, word, NULL, &why);
	if (err)
		return log_usage("'%s' is no node set (%s): give node[001-064], class:NAME or all",
				 word, why.what);
	if (!h.len)
		return log_usage("'%s' names no node", word);
	hostlist_sort(&h);
	hostlist_fold(&h, b);
	m->nodes = buf_str(b);
	return b->err ? log_usage("'%s' is too many names: give class:NAME", word) : 0;
}

static void say_unknown(struct store *s, const char *nodes)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	struct hostlist_error ignored;

	if (nodes && !hostlist_parse(&h, nodes, NULL, &ignored))
		reported_say(s, &h, nodes);
}

static int read_times(const struct cmd_ctx *c, struct store_maintenance *m)
{
	const char *length = cmd_opt(c, "for");
	uint64_t ns;

	m->created_ns = m->starts_ns = clock_wall_ns();
	if (words_time(c, "from", &m->starts_ns))
		return -EINVAL;
	if (!length || parse_duration(length, &ns) || !ns || ns > LONGEST_NS)
		return log_usage("a maintenance has an end: give --for 2h (at most 90d)");
	m->ends_ns = m->starts_ns + ns;
	return m->ends_ns > m->created_ns
		       ? 0
		       : log_usage("that maintenance is over already: give a later --from");
}

static int add(struct cmd_ctx *c)
{
	_cleanup_(buf_done) struct buf nodes = BUF_INIT(NODES_MAX);
	_cleanup_(store_freep) struct store *s = NULL;
	struct store_maintenance m = { .reason = cmd_opt(c, "reason"), .author = profile_author() };
	struct buf until = BUF_INIT(64);
	uint64_t id = 0;
	int err = 0;

	if (!m.reason || !*m.reason)
		err = log_usage(
			"a maintenance has a reason: give --reason 'firmware, ticket 4711'");
	if (!err)
		err = read_where(c->argv[1], &m, &nodes);
	if (!err)
		err = read_times(c, &m);
	if (!err)
		err = cmd_store(c, 0, &s);
	if (err)
		return AJAR_EXIT_ERROR;
	err = store_maintenance_add(s, &m, &id);
	if (err) {
		cmd_store_err(err, s, "cannot add the maintenance");
		return AJAR_EXIT_ERROR;
	}
	say_unknown(s, m.nodes);
	view_time(&until, m.ends_ns, false);
	if (!c->quiet)
		printf("maintenance %" PRIu64 " until %s UTC: alerts are held back, doors are "
		       "recorded\n",
		       id, buf_str(&until));
	buf_done(&until);
	return AJAR_EXIT_OK;
}

/* --- its end ---------------------------------------------------------------------------------------------- */

static int end(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	uint64_t id = 0;
	int err;

	if (parse_u64(c->argv[1], &id) || !id) {
		(void)log_usage(
			"'ajar maintenance %s' wants a number: 'ajar maintenance' lists them",
			c->argv[0]);
		return AJAR_EXIT_ERROR;
	}
	err = cmd_store(c, 0, &s);
	if (err)
		return AJAR_EXIT_ERROR;
	err = store_maintenance_end(s, id, profile_author(), clock_wall_ns());
	if (err) {
		cmd_store_err(err, s, "nothing was ended");
		return AJAR_EXIT_ERROR;
	}
	if (!c->quiet)
		printf("maintenance %" PRIu64 " ended: what still stands is alerted now\n", id);
	return AJAR_EXIT_OK;
}

static const struct cmd_option ls_options[] = {
	{ "all", 'a', NULL, "also those that are over" },
	CMD_CSV,
	{ 0 },
};
static const struct cmd_option add_options[] = {
	{ "for", 0, "TIME", "how long, such as 2h" },
	{ "from", 0, "TIME", "when it begins; now by default" },
	{ "reason", 0, "TEXT", "why, for whoever wonders" },
	{ 0 },
};

#define END_FEW "a number is wanted: 'ajar maintenance' lists them"

static const struct cmd subs[] = {
	{ .name = "ls",
	  .args = "",
	  .help = "those that are on or to come",
	  .options = ls_options,
	  .run = ls },
	{ .name = "add",
	  .args = "NODES",
	  .help = "hold the alerts of some nodes back for a time",
	  .few = "'ajar maintenance add' wants a node set, class:NAME or all: ajar maintenance add "
		 "'node[001-064]' --for 2h --reason firmware",
	  .min = 1,
	  .max = 1,
	  .options = add_options,
	  .run = add },
	{ .name = "end",
	  .args = "ID",
	  .help = "end one now",
	  .min = 1,
	  .max = 1,
	  .few = END_FEW,
	  .run = end },
	{ .name = "rm", .args = "ID", .min = 1, .max = 1, .few = END_FEW, .run = end },
	{ 0 },
};

const struct cmd cmd_maintenance = {
	.name = "maintenance",
	.args = "",
	.help = "times at which alerts of some nodes are held back",
	.more = "NODES is a node set (node[001-064]), class:NAME or all. Doors are recorded and "
		"judged as ever;\n"
		"what still stands when the maintenance is over is alerted then.",
	.subs = subs,
};
