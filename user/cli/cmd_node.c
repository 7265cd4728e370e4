/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "audit/health.h"
#include "base/buf.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/node_class.h"
#include "cli/node_health.h"
#include "cli/node_ports.h"
#include "cli/out.h"
#include "conf/conf.h"
#include "core/redirect.h"
#include "store/health.h"
#include "store/redirect.h"
#include "store/store.h"
#include "view/view.h"
#include "view/writer.h"

#define REDIRECT_SHOWN 20 /* lines */

/*
 * What the store knows of each node's witness. "recording" is said only of one whose heartbeat says so and is fresh, or of
 * this machine's agent, which is seen to hold its journal; a node that never reported is "unknown" between two events:
 * that nothing comes is not that all is well.
 */
static const struct {
	const char *means, *sgr;
} without_heartbeat[NODE_STATES] = {
	[NODE_RECORDING] = { "its agent runs", NULL },
	[NODE_STOPPED] = { "its agent was stopped: doors that open now are not seen", "33" },
	[NODE_SILENT] = { "its agent ended without a word: 'ajar run' or ajar-agent starts it",
			  "31" },
	[NODE_UNKNOWN] = { "no record came since then; check on the node whether its agent runs",
			   NULL },
};

struct nodes {
	struct cmd_ctx *c;
	struct hostlist only; /* of one node all is shown */
	struct store *store;
	struct writer w;
	bool detail; /* of one node, for people */
	struct buf b;
	unsigned n;
	int err, out_err;
};

struct state {
	struct node_health heartbeat;
	enum node_state is;
	const char *means, *sgr;
	uint64_t since_ns; /* no witness since; 0: there is one, or nobody knows */
	uint64_t last_event_ns;
	uint64_t doors;
	struct buf redirects;
};

static int last_event(const struct store_event_row *row, void *arg)
{
	struct state *st = arg;

	st->last_event_ns = row->ev.time_ns;
	if (row->ev.kind == EVENT_STOP) {
		st->is = NODE_STOPPED;
		st->since_ns = row->ev.time_ns;
	} else {
		st->is = NODE_UNKNOWN;
		st->since_ns = 0;
	}
	return 0;
}

static int count_door(const struct store_door *d, void *arg)
{
	(void)d;
	++*(uint64_t *)arg;
	return 0;
}

static int look(struct nodes *k, const struct store_node *n, struct state *ret)
{
	const struct store_event_query newest = { .node = n->name,
						  .boot_seq = n->boot_seq,
						  .after_seq = n->seq ? n->seq - 1 : 0,
						  .limit = 1 };
	const struct store_door_query open = { .node = n->name, .open_only = true };
	bool ours = !*k->c->conf->store_uri && !strcmp(n->name, k->c->conf->node_name);
	int err = 0, runs = ours ? cmd_agent_runs(k->c) : -1;

	*ret = (struct state){ .is = NODE_UNKNOWN, .redirects = BUF_INIT(REDIRECT_STORED_MAX) };
	err = store_redirect_get(k->store, n->name, &ret->redirects, NULL);
	if (!err && n->boot_seq)
		err = store_events(k->store, &newest, last_event, ret);
	if (!err)
		err = store_doors(k->store, &open, count_door, &ret->doors);
	if (runs == 1) {
		ret->is = NODE_RECORDING;
		ret->since_ns = 0;
	} else if (!runs && ret->is != NODE_STOPPED) {
		ret->is = NODE_SILENT;
		ret->since_ns = n->last_seen_ns;
	}
	if (!err)
		err = node_health_get(k->store, k->c->conf, n->name, &ret->heartbeat);
	ret->means = without_heartbeat[ret->is].means;
	ret->sgr = without_heartbeat[ret->is].sgr;
	/* Our own agent is seen to run or not, whatever was reported last; that it runs does not say that it records. */
	if (err || !ret->heartbeat.known || !runs ||
	    (runs == 1 &&
	     (ret->heartbeat.state == NODE_SILENT || ret->heartbeat.state == NODE_STOPPED)))
		return err;
	ret->is = ret->heartbeat.state;
	ret->means = ret->heartbeat.means;
	ret->sgr = ret->heartbeat.sgr;
	ret->since_ns = ret->heartbeat.silent_since_ns;
	return 0;
}

static int put_node(struct nodes *k, const struct store_node *n, const struct state *st)
{
	struct writer *w = &k->w;

	writer_start(w, NULL);
	writer_str(w, "node", n->name);
	writer_str(w, "class", n->host_type);
	writer_str(w, "state", health_state_name(st->is));
	writer_time(w, "silent_since", st->since_ns);
	writer_time(w, "last_event", st->last_event_ns);
	writer_time(w, "first_heard", n->first_seen_ns);
	writer_time(w, "last_heard", n->last_seen_ns);
	writer_u64(w, "boot_seq", n->boot_seq);
	writer_u64(w, "seq", n->seq);
	writer_u64(w, "events", n->events);
	writer_u64(w, "lost", n->lost);
	writer_u64(w, "doors", st->doors);
	writer_str(w, "tier", n->tier);
	writer_list(w, "steering");
	for (struct text list = text_of(st->redirects.data), text; redirect_next(&list, &text);)
		writer_text(w, NULL, text);
	writer_end(w);
	node_health_json(&st->heartbeat, w, "health");
	if (writer_wants(w, "outside"))
		k->err = node_outside_json(w, k->store, n->name);
	if (!k->err && w->form == WRITER_JSON && k->only.len == 1)
		k->err = node_ports_json(w, k->store, n->name, n->host_type);
	writer_colour(w, st->sgr);
	return k->err ? 0 : writer_end(w);
}

static void line(struct buf *b, const char *what, const char *value)
{
	buf_printf(b, "%-11s %s\n", what, value);
}

static void time_line(struct buf *b, const char *what, uint64_t ns)
{
	buf_printf(b, "%-11s ", what);
	if (ns)
		view_time(b, ns, false);
	buf_puts(b, ns ? " UTC\n" : "-\n");
}

/* What answers there without a door, as the node says. */
static void redirect_lines(const struct buf *redirects, struct buf *b)
{
	struct text list = text_of(redirects->data), text;

	for (unsigned n = 0; n < REDIRECT_SHOWN && redirect_next(&list, &text); n++) {
		buf_printf(b, "%-11s ", n ? "" : "redirects");
		redirect_format_line(b, text);
		buf_putc(b, '\n');
	}
	if (list.len)
		buf_printf(b, "%-11s and more: 'ajar node -j' has all\n", "");
}

static int node_text(struct nodes *k, const struct store_node *n, const struct state *st)
{
	struct buf *b = &k->b;

	buf_reset(b);
	line(b, "node", n->name);
	line(b, "class", n->host_type);
	buf_printf(b, "%-11s %s (%s)\n", "state", health_state_name(st->is), st->means);
	if (st->since_ns)
		time_line(b, "since", st->since_ns);
	time_line(b, "last event", st->last_event_ns);
	time_line(b, "last heard", n->last_seen_ns);
	time_line(b, "first heard", n->first_seen_ns);
	buf_printf(b, "%-11s %" PRIu32 ", record %" PRIu64 "\n", "boot", n->boot_seq, n->seq);
	buf_printf(b, "%-11s %" PRIu64 ", and %" PRIu64 " lost\n", "events", n->events, n->lost);
	buf_printf(b, "%-11s %" PRIu64 "\n", "open doors", st->doors);
	line(b, "sensor", n->tier ? n->tier : "-");
	node_health_text(&st->heartbeat, b);
	redirect_lines(&st->redirects, b);
	k->err = node_outside_text(b, k->store, n->name);
	return k->err ? 0 : out_put(b);
}

static int on_node(const struct store_node *n, void *arg)
{
	struct nodes *k = arg;
	struct state st;

	if (k->c->argc && !hostlist_has(&k->only, n->name) && strcmp(k->c->argv[0], n->name))
		return 0;
	k->n++;
	k->err = look(k, n, &st);
	if (!k->err && k->detail)
		k->out_err = node_text(k, n, &st);
	else if (!k->err)
		k->out_err = put_node(k, n, &st);
	if (!k->err && !k->out_err && k->detail)
		k->err = node_ports_print(k->c, k->store, n->name, n->host_type);
	node_health_done(&st.heartbeat);
	buf_done(&st.redirects);
	return k->err ? k->err : k->out_err;
}

static int show(struct nodes *k)
{
	static const struct writer_field fields[] = {
		COLUMN("node", "NODE", .trunc = true),
		COLUMN("class", "CLASS", .trunc = true),
		COLUMN("state", "STATE"),
		COLUMN("last_heard", "LAST HEARD (UTC)", .none = "?"),
		COLUMN("boot_seq", "BOOT", .right = true),
		FIELD("seq"),
		COLUMN("events", "EVENTS", .right = true),
		COLUMN("lost", "LOST", .right = true),
		COLUMN("doors", "DOORS", .right = true),
		COLUMN("tier", "SENSOR", .trunc = true),
		FIELD("silent_since"),
		FIELD("last_event"),
		FIELD("first_heard"),
		FIELD("steering"),
		FIELD("health.issues"),
		FIELD("health.last_report"),
		FIELD("health.host"),
		FIELD("health.version"),
		FIELD("health.agent"),
		FIELD("health.agent_age_ms"),
		FIELD("health.backlog_records"),
		FIELD("health.backlog_ms"),
		FIELD("health.journal_bytes"),
		FIELD("health.journal_max_bytes"),
		FIELD("health.quarantined"),
		FIELD("health.clock_skew_ms"),
		FIELD("health.installation"),
		FIELD("outside.state"),
		FIELD("outside.scan"),
		FIELD("outside.time"),
		FIELD("outside.addr"),
		FIELD("outside.open"),
		{ 0 },
	};
	int err = out_open(k->c, fields, &k->w);

	if (err)
		return AJAR_EXIT_ERROR;
	k->detail = k->only.len == 1 && writer_for_people(&k->w);
	err = store_nodes(k->store, on_node, k);
	if (k->out_err)
		return out_report(k->out_err);
	if (err) {
		log_err(err, "cannot read the nodes: %s", store_why(k->store));
		return AJAR_EXIT_ERROR;
	}
	if (!k->n && k->c->argc) {
		log_usage("no node '%s' has reported here: 'ajar node' lists those that have",
			  k->c->argv[0]);
		return AJAR_EXIT_NEGATIVE;
	}
	if (!k->n)
		log_info("no node has reported yet");
	return out_report(writer_close(&k->w));
}

/* --- accept --------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_installation(const char *s, uint8_t out[INSTALLATION_LEN])
{
	if (strlen(s) != 2 * INSTALLATION_LEN)
		return -EINVAL;
	for (size_t i = 0; i < INSTALLATION_LEN; i++) {
		int hi = hex_digit(s[2 * i]), lo = hex_digit(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

struct accepting {
	struct store *store;
	const uint8_t *installation;
	unsigned changed;
	int err;
};

static int accept_one(struct accepting *a, const char *node)
{
	bool changed = false;

	a->err = store_accept_node(a->store, node, a->installation, &changed);
	if (a->err == -ENOTUNIQ)
		return log_usage("several hosts report as %s: 'ajar node %s' lists them, name one: "
				 "'ajar node accept %s INSTALLATION'",
				 node, node, node);
	if (a->err == -ENOENT)
		return log_usage("cannot accept %s: %s", node, store_why(a->store));
	if (a->err)
		return log_err(a->err, "cannot accept %s: %s", node, store_why(a->store));
	if (changed)
		log_info("%s: accepted", node);
	else
		log_info("%s: there was nothing to accept", node);
	a->changed += changed;
	return 0;
}

static int accept_nodes(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 };
	uint8_t installation[INSTALLATION_LEN];
	struct hostlist_error why = { 0 };
	struct accepting a = { 0 };

	if (hostlist_parse(&nodes, c->argv[1], NULL, &why)) {
		log_usage("'%s' is no set of nodes: %s", c->argv[1], why.what);
		return AJAR_EXIT_ERROR;
	}
	if (c->argc > 2 && (parse_installation(c->argv[2], installation) || nodes.len != 1)) {
		log_usage("'%s' is no installation of one node: 'ajar node %s' shows them",
			  c->argv[2], c->argv[1]);
		return AJAR_EXIT_ERROR;
	}
	if (cmd_store(c, 0, &s))
		return AJAR_EXIT_ERROR;
	a.store = s;
	a.installation = c->argc > 2 ? installation : NULL;
	for (size_t i = 0; i < nodes.len; i++) {
		if (accept_one(&a, nodes.names[i]))
			return AJAR_EXIT_ERROR;
	}
	return a.changed ? AJAR_EXIT_OK : AJAR_EXIT_NEGATIVE;
}

static int retire_nodes(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 };
	bool back = cmd_opt(c, "back") != NULL, any = false;
	struct hostlist_error why = { 0 };

	if (hostlist_parse(&nodes, c->argv[1], NULL, &why)) {
		log_usage("'%s' is no set of nodes: %s", c->argv[1], why.what);
		return AJAR_EXIT_ERROR;
	}
	if (cmd_store(c, 0, &s))
		return AJAR_EXIT_ERROR;
	for (size_t i = 0; i < nodes.len; i++) {
		bool changed = false;
		int err = store_node_retire(s, nodes.names[i], !back, &changed);

		if (err) {
			log_usage("cannot change %s: %s", nodes.names[i], store_why(s));
			return AJAR_EXIT_ERROR;
		}
		if (changed)
			log_info("%s: %s", nodes.names[i],
				 back ? "back: silence alerts again"
				      : "retired, until it reports again");
		any |= changed;
	}
	return any ? AJAR_EXIT_OK : AJAR_EXIT_NEGATIVE;
}

static const struct cmd_option retire_options[] = {
	{ "back", 0, NULL, "it is not gone: its silence alerts again" },
	{ 0 },
};

static int run(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	struct hostlist_error why;
	struct nodes k = { .c = c, .b = BUF_INIT(4 << 20) };
	int rc;

	if (cmd_store(c, STORE_READONLY, &s))
		return AJAR_EXIT_ERROR;
	/* A name that is no set of nodes is one node's all the same. */
	if (c->argc && (hostlist_parse(&k.only, c->argv[0], NULL, &why) || !k.only.len) &&
	    hostlist_add(&k.only, c->argv[0])) {
		log_err(-ENOMEM, "cannot show the node");
		return AJAR_EXIT_ERROR;
	}
	k.store = s;
	rc = show(&k);
	writer_done(&k.w);
	hostlist_done(&k.only);
	buf_done(&k.b);
	return rc;
}

static const struct cmd subs[] = {
	{ .name = "accept",
	  .args = "NODES [INSTALLATION]",
	  .help = "that a node was installed anew, moved, or has a broken chain, is right",
	  .min = 1,
	  .max = 2,
	  .run = accept_nodes },
	{ .name = "retire",
	  .args = "NODES",
	  .help = "they are gone for good: their silence alerts no more, until they report again",
	  .min = 1,
	  .max = 1,
	  .options = retire_options,
	  .run = retire_nodes },
	{ .name = "class",
	  .args = "[ls | ...]",
	  .help = "which node is of which class",
	  .subs = node_class_rows },
	{ 0 },
};

const struct cmd cmd_node = {
	.name = "node",
	.args = "[NODES]",
	.max = 1,
	.options = cmd_csv_options,
	.subs = subs,
	.help = "the nodes that have reported, and how their witnesses are",
	.more = "'recording' is said only of a node whose heartbeat says so and is fresh; "
		"'stopped' was "
		"told so,\n"
		"'silent' is not heard, 'stalled' has an agent that sends no heartbeat, 'blind' "
		"a "
		"sensor that sees\n"
		"nothing; of one that never reported it is 'unknown' what is behind its last "
		"event.\n"
		"accept: that a node was installed anew, moved to another machine, or has a broken "
		"chain, is right.\n"
		"class: which node is of which class. set: a person's word, before all rules, "
		"until 'auto'; "
		"add: a rule, such as\n"
		"'node[001-480]', '@gpu' (ClusterShell), '@genders:compute', '@slurm:batch!node7'; "
		"sync: "
		"groups are looked up again.",
	.run = run,
};
