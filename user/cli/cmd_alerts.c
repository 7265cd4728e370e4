/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/parse.h"
#include "view/alert_story.h"
#include "cli/alert_triage.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "core/holders.h"
#include "core/place.h"
#include "store/alert_ports.h"
#include "store/seen.h"
#include "store/store.h"
#include "view/view.h"
#include "view/writer.h"

#define TEXT_SHOWN_MAX 2000
#define STORY_BYTES_MAX (64 << 20)

struct list {
	struct cmd_ctx *c;
	struct store *s;
	struct writer w; /* of ls; of show as JSON */
	uint64_t n; /* of show */
	int out_err;
	struct buf b;
};

static int on_alert(const struct store_alert *a, void *arg)
{
	struct list *l = arg;
	struct writer *w = &l->w;
	struct store_alert own = *a;
	struct store_alert_ports ports;
	struct store_seen seen;
	bool over = a->state == ALERT_RESOLVED || a->state == ALERT_ALLOWED;
	int err = writer_for_people(w) ? 0 : view_alert_look_up(l->s, &own, &seen, &ports);

	if (err)
		return err;
	writer_start(w, NULL);
	view_alert_members(w, &own);
	writer_colour(w, over ? NULL : view_severity_sgr(a->severity));
	return writer_end(w);
}

static int list(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		COLUMN("id", "ID", .right = true),
		COLUMN("severity", "SEVERITY"),
		COLUMN("kind", "KIND"),
		COLUMN("state", "STATE"),
		COLUMN("nodes", "NODES", .trunc = true),
		FIELD("node_count"),
		FIELD("class"),
		FIELD("proto"),
		FIELD("port"),
		FIELD("ports"),
		FIELD("port_count"),
		COLUMN("count", "DOORS", .right = true),
		FIELD("first"),
		COLUMN("last", "LAST (UTC)", .brief = true),
		FIELD("until"),
		COLUMN("summary", "SUMMARY", .width = 0.4, .trunc = true),
		FIELD("why"),
		FIELD("remedy"),
		VIEW_SEEN_FIELDS("scan."),
		{ 0 },
	};
	const struct store_alert_query q = { .all = cmd_opt(c, "all") };
	_cleanup_(store_freep) struct store *s = NULL;
	struct list l = { .c = c };
	int err;

	if (cmd_store(c, STORE_READONLY, &s) || out_open(c, fields, &l.w))
		return AJAR_EXIT_ERROR;
	l.s = s;
	cmd_say_learning(c, s);
	err = store_alerts(s, &q, on_alert, &l);
	if (!err && !l.w.records)
		log_info(q.all ? "no alert was ever raised"
			       : "no open alert ('ajar alerts --all' shows those that are over)");
	return out_close(&l.w, err, s, "cannot read the alerts");
}

/* --- one alert ----------------------------------------------------------------------------------- */

static void put_field(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%-9s ", name);
	if (value && *value)
		esc_text(b, value, strlen(value), TEXT_SHOWN_MAX);
	else
		buf_putc(b, '-');
	buf_putc(b, '\n');
}

static void put_time(struct buf *b, const char *name, uint64_t wall_ns)
{
	buf_printf(b, "%-9s ", name);
	view_time(b, wall_ns, true);
	buf_puts(b, " UTC\n");
}

static void put_program(struct buf *b, const char *label, const struct process *p)
{
	buf_printf(b, "%-9s ", label);
	view_who(b, p);
	if (p->pid)
		buf_printf(b, " (pid %" PRIu32 ")", p->pid);
	if (p->alike > 1)
		buf_printf(b, " and %" PRIu32 " more of it", p->alike - 1);
	buf_putc(b, '\n');
	if (p->exe.ptr) {
		buf_printf(b, "%-9s ", "program");
		esc_text(b, p->exe.ptr, p->exe.len, TEXT_SHOWN_MAX);
		buf_putc(b, '\n');
	}
	if (p->argv.ptr) {
		buf_printf(b, "%-9s ", "command");
		view_argv(b, p);
		buf_putc(b, '\n');
	}
}

static void put_holders(struct buf *b, const struct event *ev)
{
	struct text list = ev->holders.list;
	struct process p;

	if (event_asker(ev, &p))
		put_program(b, "asked by", &p);
	while (holders_next(&list, &p)) {
		/* What the opener's lines have said already. */
		if (ev->holders.len > 1 || !holders_alike(&p, &ev->opener) ||
		    p.pid != ev->opener.pid)
			put_program(b, "holder", &p);
	}
	if (ev->holders.more)
		buf_printf(b, "%-9s and %" PRIu32 " kinds more\n", "", ev->holders.more);
	if (holders_hidden(ev))
		buf_printf(b, "%-9s not visible: a descriptor in a message or an io_uring\n",
			   "holder");
}

static void put_door(struct buf *b, const struct store_alert *a)
{
	char where[PLACE_WHERE_MAX];
	struct event ev;

	if (!a->record.ptr || event_decode(a->record.ptr, a->record.len, &ev) < 0)
		return;
	buf_printf(b, "%-9s %s ", "door", door_proto_name(ev.door.proto));
	door_endpoint_format(b, &ev.door);
	place_where(&ev.door, &ev.opener, where);
	if (where[0]) {
		buf_printf(b, "\n%-9s ", "in");
		esc_text(b, where, strlen(where), TEXT_SHOWN_MAX);
	}
	buf_putc(b, '\n');
	put_program(b, "opener", &ev.opener);
	put_holders(b, &ev);
}

/* The alert as in the list, and its story in "log". */
static int show_json(struct list *l, const struct store_alert *a)
{
	int err;

	writer_start(&l->w, NULL);
	view_alert_members(&l->w, a);
	err = alert_story_json(l->s, a, &l->w);
	l->out_err = writer_end(&l->w);
	return err ? err : l->out_err;
}

/* Why no scan that is made here can tell; false: one could. */
static bool put_no_witness(struct buf *b, const struct cmd_ctx *c, const struct store_alert *a)
{
	char where[PLACE_WHERE_MAX] = "";
	struct event ev = { 0 };

	if (a->record.ptr && !event_decode(a->record.ptr, a->record.len, &ev))
		place_where(&ev.door, &ev.opener, where);
	if (ev.door.scope == SCOPE_LOOPBACK) {
		buf_puts(b, "not reachable: only its own loopback leads to it");
	} else if (ev.door.elsewhere) {
		buf_puts(b, "cannot be judged: it is in ");
		esc_text(b, where[0] ? where : "another network namespace",
			 strlen(where[0] ? where : "another network namespace"), 0);
		buf_puts(b, ", where the node's addresses do not lead");
	} else if (a->node && c->conf->node_name && !strcmp(a->nodes, c->conf->node_name)) {
		buf_puts(b, "cannot be judged from here: this machine is not outside of itself; a "
			    "monitor on another one can ('ajar scan')");
	} else {
		return false;
	}
	return true;
}

/* The second witness: what a scan saw of that door last. */
static void put_outside(struct buf *b, const struct cmd_ctx *c, const struct store_alert *a)
{
	if (!a->port || a->port > UINT16_MAX ||
	    (a->proto != PROTO_TCP && a->proto != PROTO_MPTCP && a->proto != PROTO_UDP))
		return;
	buf_printf(b, "%-9s ", "outside");
	if (a->seen->scan_id || !put_no_witness(b, c, a))
		view_seen_text(b, a->seen);
	if (a->seen->scan_id) {
		buf_puts(b, ", ");
		view_time(b, a->seen->ended_ns, false);
		buf_printf(b, " UTC (scan %" PRIu64 ")", a->seen->scan_id);
	}
	buf_putc(b, '\n');
}

static int show_one(const struct store_alert *found, void *arg)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(8192);
	struct list *l = arg;
	struct buf *b = &l->b;
	struct store_alert_ports ports;
	struct store_seen seen;
	struct store_alert own = *found, *a = &own;
	int err = view_alert_look_up(l->s, &own, &seen, &ports);

	if (err)
		return err;
	l->n++;
	if (l->c->json)
		return show_json(l, a);
	buf_printf(b, "alert %" PRIu64 ": %s, %s, %s, %" PRIu64 " %s\n", a->id,
		   severity_name(a->severity), finding_kind_name(a->kind),
		   alert_state_name(a->state), a->count, a->count == 1 ? "door" : "doors");
	put_field(b, "summary", a->summary);
	put_field(b, "why", store_alert_why(a, &why));
	put_field(b, "remedy", a->remedy);
	put_field(b, "class", a->host_type);
	put_field(b, "nodes", a->nodes);
	if (a->ports && a->ports->count > 1)
		buf_printf(b, "%-9s %s (%" PRIu32 ")\n", "ports", a->ports->folded,
			   a->ports->count);
	if (a->until_ns)
		put_time(b, "until", a->until_ns);
	put_time(b, "first", a->first_ns);
	put_time(b, "last", a->last_ns);
	put_door(b, a);
	put_outside(b, l->c, a);
	err = alert_story(l->s, a, b);
	if (!err)
		err = l->out_err = out_put(b);
	return err;
}

static int show_it(struct list *l, struct store *s)
{
	struct store_alert_query q = { .all = true };
	int err;

	if (l->c->argc < 2 || parse_u64(l->c->argv[1], &q.id) || !q.id)
		return log_usage(
			"'ajar alerts show' wants an alert's number: 'ajar alerts' lists them");
	err = store_alerts(s, &q, show_one, l);
	if (!err)
		err = l->out_err = out_flush();
	if (!err && !l->n)
		return log_usage("no alert %s: 'ajar alerts --all' lists them", l->c->argv[1]);
	return err;
}

static int show(struct cmd_ctx *c)
{
	struct list l = { .c = c, .b = BUF_INIT(STORY_BYTES_MAX) };
	_cleanup_(store_freep) struct store *s = NULL;
	int err, rc;

	if (cmd_store(c, STORE_READONLY, &s))
		return AJAR_EXIT_ERROR;
	l.s = s;
	if (c->json && out_open(c, NULL, &l.w))
		return AJAR_EXIT_ERROR;
	cmd_say_learning(c, s);
	err = show_it(&l, s);
	if (l.out_err)
		rc = out_report(l.out_err);
	else
		rc = err ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
	if (err && !l.out_err && err != -EINVAL)
		cmd_store_err(err, s, "cannot read the alerts");
	writer_done(&l.w);
	buf_done(&l.b);
	return rc;
}

static const struct cmd_option list_options[] = {
	{ "all", 'a', NULL, "also those that are resolved or allowed" },
	CMD_CSV,
	{ 0 },
};
static const struct cmd_option decide_options[] = {
	{ "note", 0, "TEXT", "why, for the log" },
	{ 0 },
};
static const struct cmd_option snooze_options[] = {
	{ "for", 0, "TIME", "how long, such as 2h" },
	{ "note", 0, "TEXT", "why, for the log" },
	{ 0 },
};
static const struct cmd_option allow_options[] = {
	{ "reason", 0, "TEXT", "why it may be" },
	{ "expires", 0, "TIME", "for how long, such as 7d" },
	{ "yes", 'y', NULL, "without asking" },
	{ 0 },
};
static const struct cmd_option exceptions_options[] = {
	{ "all", 'a', NULL, "also those that are over" },
	CMD_CSV,
	{ 0 },
};

static const struct cmd_option except_rm_options[] = {
	{ "node", 0, "NODESET", "only for these nodes; for its others they go on" },
	{ 0 },
};

static const struct cmd exceptions[] = {
	{ .name = "ls",
	  .args = "",
	  .help = "what was excepted because no profile row can allow it",
	  .options = exceptions_options,
	  .run = alerts_exceptions_ls },
	{ .name = "rm",
	  .args = "ID...",
	  .help = "take exceptions back: the finding counts again",
	  .min = 1,
	  .max = CMD_ANY,
	  .few = "'ajar alerts exceptions rm' wants a number: 'ajar alerts exceptions' lists them",
	  .options = except_rm_options,
	  .run = alerts_exceptions_rm },
	{ 0 },
};

static const struct cmd subs[] = {
	{ .name = "ls", .args = "", .help = "what is open", .options = list_options, .run = list },
	{ .name = "show",
	  .args = "ID",
	  .help = "one alert with its whole story, and what to do",
	  .min = 1,
	  .max = 1,
	  .few = "'ajar alerts show' wants an alert's number: 'ajar alerts' lists them",
	  .run = show },
	{ .name = "ack",
	  .args = "ID|FILTER...",
	  .help = "quiet until it gets worse or stands on many more nodes (alert.reopen-nodes)",
	  .max = CMD_ANY,
	  .options = decide_options,
	  .run = alerts_ack },
	{ .name = "snooze",
	  .args = "ID|FILTER...",
	  .help = "quiet until its time is up",
	  .max = CMD_ANY,
	  .options = snooze_options,
	  .run = alerts_snooze },
	{ .name = "reopen",
	  .args = "ID|FILTER...",
	  .help = "take ack or snooze back",
	  .max = CMD_ANY,
	  .options = decide_options,
	  .run = alerts_reopen },
	{ .name = "allow",
	  .args = "ID|FILTER...",
	  .help = "write one narrow profile row, after showing what it would have silenced",
	  .max = CMD_ANY,
	  .options = allow_options,
	  .run = alerts_allow },
	{ .name = "exceptions",
	  .args = "[ls | rm ID...]",
	  .help = "what was excepted",
	  .subs = exceptions },
	{ 0 },
};

const struct cmd cmd_alerts = {
	.name = "alerts",
	.args = "",
	.help = "alerts that are open, one with its whole story, and what you decide about them",
	.more = "What 'allow' would have silenced is shown for the last 30 days. What no row can "
		"allow (a missing\nservice, a silent node) it excepts, on the nodes of the alert: "
		"another node alerts. An exception\nabout a node ends when that is well again, but "
		"for 'degraded'. 'exceptions' lists them,\n'exceptions rm' takes one back, or with "
		"--node a part of it; rows are taken back by 'ajar profile rm'.\n"
		"For example: ajar alerts ack class:compute :4444 --note 'ticket 4711'.",
	.subs = subs,
};
