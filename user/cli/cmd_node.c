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
#include "view/executable.h"
#include "view/node_health.h"
#include "view/node_ports.h"
#include "cli/out.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "core/racks.h"
#include "core/redirect.h"
#include "store/health.h"
#include "store/redirect.h"
#include "store/store.h"
#include "view/node_json.h"
#include "view/node_list.h"
#include "view/view.h"
#include "view/writer.h"

#define REDIRECT_SHOWN 20 /* lines */

struct nodes {
	struct cmd_ctx *c;
	struct hostlist only; /* of one node all is shown */
	const struct racks *racks; /* or NULL */
	struct store *store;
	struct writer w;
	bool detail; /* of one node, for people */
	struct buf b;
	unsigned n;
	int err, out_err;
};

static int put_node(struct nodes *k, const struct store_node *n, const struct view_node *st)
{
	struct writer *w = &k->w;

	writer_start(w, NULL);
	k->err = view_node_members(w, k->store, k->racks, n, st);
	if (!k->err && w->form == WRITER_JSON && k->only.len == 1)
		k->err = node_ports_json(w, k->store, n->name, n->host_type);
	if (!k->err && w->form == WRITER_JSON && k->only.len == 1)
		k->err = node_executables_json(k->store, n->name, w);
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

static int node_text(struct nodes *k, const struct store_node *n, const struct view_node *st)
{
	struct buf *b = &k->b;

	buf_reset(b);
	line(b, "node", n->name);
	line(b, "class", n->host_type);
	if (k->racks)
		line(b, "rack", racks_name_of(k->racks, n->name) ?: "-");
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
	if (!k->err)
		k->err = node_executables_text(k->store, n->name, b);
	return k->err ? 0 : out_put(b);
}

static bool wants(struct nodes *k, const char *name)
{
	return !k->c->argc || hostlist_has(&k->only, name) || !strcmp(k->c->argv[0], name);
}

static int on_node(const struct store_node *n, void *arg)
{
	struct nodes *k = arg;
	struct view_node st;
	bool ours;

	if (!wants(k, n->name))
		return 0;
	k->n++;
	ours = !*k->c->conf->store_uri && !strcmp(n->name, k->c->conf->node_name);
	k->err = view_node_look(k->store, k->c->conf, n, ours ? cmd_agent_runs(k->c) : -1, &st);
	if (!k->err && k->detail)
		k->out_err = node_text(k, n, &st);
	else if (!k->err)
		k->out_err = put_node(k, n, &st);
	if (!k->err && !k->out_err && k->detail)
		k->err = node_ports_print(stdout, k->c->colour, k->store, n->name, n->host_type);
	view_node_done(&st);
	return k->err ? k->err : k->out_err;
}

static int on_listed(const struct store_node *n, const struct view_node *st, void *arg)
{
	struct nodes *k = arg;

	if (!wants(k, n->name))
		return 0;
	k->n++;
	k->out_err = put_node(k, n, st);
	return k->err ? k->err : k->out_err;
}

static int on_page(void *arg)
{
	struct nodes *k = arg;

	return k->out_err = writer_page(&k->w);
}

#define FEW 64 /* nodes */

/* A few that are named are looked up alone, all in pages. */
static int walk(struct nodes *k)
{
	const struct conf *conf = k->c->conf;
	struct node_list l = { .node = on_listed, .page = on_page, .arg = k };

	if (k->only.len && k->only.len <= FEW)
		return store_nodes(k->store, on_node, k);
	if (!*conf->store_uri) {
		l.own = conf->node_name;
		l.own_runs = cmd_agent_runs(k->c);
	}
	return node_list_walk(&l, k->store, conf);
}

static int show(struct nodes *k)
{
	static const struct writer_field fields[] = {
		COLUMN("node", "NODE", .trunc = true),
		COLUMN("class", "CLASS", .trunc = true),
		COLUMN("rack", "RACK", .trunc = true),
		COLUMN("state", "STATE"),
		COLUMN("last_heard", "LAST HEARD (UTC)", .none = "?"),
		COLUMN("boot_seq", "BOOT", .right = true),
		FIELD("seq"),
		COLUMN("events", "EVENTS", .right = true),
		COLUMN("unjudged", "UNJUDGED", .right = true),
		COLUMN("lost", "LOST", .right = true),
		COLUMN("doors", "DOORS", .right = true),
		COLUMN("tier", "SENSOR", .trunc = true),
		FIELD("silent_since"),
		FIELD("last_event"),
		FIELD("first_heard"),
		FIELD("judged_up_to"),
		FIELD("judging_lag_ms"),
		FIELD("unreadable"),
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
	if (!k->racks)
		writer_hide(&k->w, "rack");
	k->detail = k->only.len == 1 && writer_for_people(&k->w);
	err = walk(k);
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

static int parse_installation(const char *s, uint8_t out[INSTALLATION_LEN])
{
	size_t len = 0;
	int err = text_unhex(text_of(s), out, INSTALLATION_LEN, &len);

	return err ? err : len == INSTALLATION_LEN ? 0 : -EINVAL;
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
	rc = words_racks(c, &k.racks) ? AJAR_EXIT_ERROR : show(&k);
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
		"'node[001-480]', '@gpu' (ClusterShell), '@genders:compute', "
		"'@slurm:batch!node7',\n"
		"'@rack:r01' (web.racks); "
		"sync: "
		"groups are looked up again.",
	.run = run,
};
