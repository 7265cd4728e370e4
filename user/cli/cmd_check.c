/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/notify_status.h"
#include "cli/out.h"
#include "conf/conf.h"
#include "conf/paths.h"
#include "store/sinks.h"
#include "store/store.h"
#include "view/metrics.h"
#include "view/writer.h"

/*
 * One line and an exit code as the Monitoring Plugins' guidelines have it, for Nagios, Icinga and
 * their like. That nothing could be checked is never good news: no node is heard, nobody judges,
 * every class is still learning, the store is away: UNKNOWN.
 */
enum { CHECK_OK = 0, CHECK_WARNING = 1, CHECK_CRITICAL = 2, CHECK_UNKNOWN = 3 };
static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

#define OVERDUE 3 /* intervals of a plan after which its scan is overdue */
#define UNREPORTED_NS (5 * MINUTE_NS)
#define MINUTE_NS UINT64_C(60000000000)

struct check {
	struct cmd_ctx *c;
	struct store *store;
	const char *classes; /* patterns, or NULL */
	struct hostlist nodes;
	bool some_nodes;
	uint64_t warning, critical; /* so many alerts */
	uint64_t lag_ns;

	uint64_t open[4]; /* alerts by severity, 1..3 */
	char worst[400];
	enum severity worst_severity;
	struct view_health_sum health;
	struct judging judging;
	uint64_t learning, judged; /* classes with nodes */
	struct scan_ages scans;
	unsigned unreported; /* sinks that have not been told of something for long */
	char unreported_sink[256]; /* the first of them */
	struct buf why;
};

/* --- what counts -------------------------------------------------------------------------------------- */

static bool class_matches(const char *patterns, const char *class)
{
	char one[256];

	for (const char *p = patterns; *p;) {
		size_t n = strcspn(p, " ,");

		if (n && n < sizeof(one)) {
			memcpy(one, p, n);
			one[n] = '\0';
			if (!fnmatch(one, class, 0))
				return true;
		}
		p += n + strspn(p + n, " ,");
	}
	return false;
}

static bool wants(const char *node, const char *host_type, void *arg)
{
	struct check *k = arg;

	return (!k->classes || class_matches(k->classes, host_type)) &&
	       (!k->some_nodes || hostlist_has(&k->nodes, node));
}

/* An alert over several nodes counts when one of them does. */
static bool alert_counts(struct check *k, const struct store_alert *a)
{
	struct hostlist of = { 0 };
	struct hostlist_error e;
	bool any = !k->some_nodes;

	if (k->classes && !class_matches(k->classes, a->host_type))
		return false;
	if (any)
		return true;
	if (!hostlist_parse(&of, a->nodes, NULL, &e))
		for (size_t i = 0; i < of.len && !any; i++)
			any = hostlist_has(&k->nodes, of.names[i]);
	hostlist_done(&of);
	return any || hostlist_has(&k->nodes, a->node);
}

static int on_alert(const struct store_alert *a, void *arg)
{
	struct check *k = arg;

	if (a->state != ALERT_OPEN || a->severity > SEVERITY_CRITICAL || !alert_counts(k, a))
		return 0;
	k->open[a->severity]++;
	if (a->severity > k->worst_severity) {
		k->worst_severity = a->severity;
		snprintf(k->worst, sizeof(k->worst), "%s", a->summary);
	}
	return 0;
}

static int on_class(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		    uint64_t nodes, void *arg)
{
	struct check *k = arg;

	(void)accepted_ns;
	(void)rows;
	if (!nodes || (k->classes && !class_matches(k->classes, host_type)))
		return 0;
	if (accepted)
		k->judged++;
	else
		k->learning++;
	return 0;
}

/*
 * Alerts that reach nobody are as good as none; but a sink that was dropped from the configuration
 * is to get none.
 */
static int on_sink(const struct store_sink *s, void *arg)
{
	struct check *k = arg;
	uint64_t now_ns = clock_wall_ns();

	if (!s->behind || now_ns < s->behind_ns || now_ns - s->behind_ns < UNREPORTED_NS ||
	    sink_was_dropped(k->c->conf, s))
		return 0;
	if (!k->unreported++)
		snprintf(k->unreported_sink, sizeof(k->unreported_sink), "%s", s->name);
	return 0;
}

static int look(struct check *k)
{
	const struct store_alert_query q = { 0 };
	const struct view_health_in in = { .wants = wants,
					   .arg = k,
					   .silent_ns = k->c->conf->health_silent_ns };
	/* In this order: what is judged behind the first look has its alert at the second. */
	int err = view_health_sum(k->store, &in, &k->health);

	if (!err)
		err = store_alerts(k->store, &q, on_alert, k);
	if (!err)
		err = store_host_types(k->store, on_class, k);
	if (!err)
		err = store_sinks(k->store, on_sink, k);
	if (!err)
		err = view_scan_ages(k->store, &k->scans);
	return err ? err : view_judging(k->store, &k->judging);
}

/* --- what it means -------------------------------------------------------------------------------------- */

static void say(struct check *k, const char *fmt, ...) printf_like(2, 3);
static void say(struct check *k, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (k->why.len)
		buf_puts(&k->why, "; ");
	buf_puts(&k->why, text);
}

static bool too_long_ago(const struct check *k)
{
	return !k->judging.seen_ns || (k->judging.now_ns > k->judging.seen_ns &&
				       k->judging.now_ns - k->judging.seen_ns > k->lag_ns);
}

/* Says why nothing, or not enough, was checked. */
static bool is_unknown(struct check *k)
{
	const uint64_t *n = k->health.nodes;
	uint64_t all = 0;

	for (enum node_state v = 0; v < NODE_STATES; v++)
		all += n[v];
	if (!all)
		say(k, "no node is known");
	else if (!n[NODE_RECORDING])
		say(k, "none of %" PRIu64 " node%s is recording", all, plural(all));
	if (all && !k->judged)
		say(k, "no class has an accepted profile ('ajar profile learn --write')");
	if (too_long_ago(k))
		say(k, "no monitor has sent a heartbeat %s", k->judging.seen_ns ? "lately" : "yet");
	if (k->health.failing)
		say(k, "%" PRIu64 " node%s cannot be judged", k->health.failing,
		    plural(k->health.failing));
	if (k->health.lag_ns > k->lag_ns)
		say(k,
		    "%" PRIu64 " events wait to be judged, the oldest for %" PRIu64
		    " s, of node %s",
		    k->health.unjudged, k->health.lag_ns / 1000000000, k->health.last_judged);
	for (unsigned i = 0; i < k->scans.len; i++) {
		uint64_t ended_ns = k->scans.plans[i].ended_ns;

		if (ended_ns && k->scans.now_ns > ended_ns && k->scans.plans[i].every_ns &&
		    (k->scans.now_ns - ended_ns) / OVERDUE > k->scans.plans[i].every_ns)
			say(k, "the scan '%s' is overdue, the last was done %" PRIu64 " s ago",
			    k->scans.plans[i].name, (k->scans.now_ns - ended_ns) / 1000000000);
	}
	return k->why.len > 0;
}

/* Its alert decides, which somebody may have acknowledged. */
static void say_degraded(struct check *k)
{
	if (k->health.degraded)
		say(k, "%" PRIu64 " node%s degraded (%s)", k->health.degraded,
		    plural(k->health.degraded), k->health.degraded_node);
}

static int verdict(struct check *k)
{
	const uint64_t *n = k->health.nodes, *open = k->open;
	uint64_t bad = n[NODE_SILENT] + n[NODE_STALLED] + n[NODE_BLIND];
	bool unknown;

	if (open[SEVERITY_CRITICAL] + open[SEVERITY_WARNING] + open[SEVERITY_NOTICE])
		say(k, "%" PRIu64 " critical, %" PRIu64 " warning, %" PRIu64 " notice open: %s",
		    open[SEVERITY_CRITICAL], open[SEVERITY_WARNING], open[SEVERITY_NOTICE],
		    k->worst);
	if (open[SEVERITY_CRITICAL] >= k->critical) {
		(void)is_unknown(k); /* said, too; but this is known */
		return CHECK_CRITICAL;
	}
	buf_reset(&k->why);
	unknown = is_unknown(k);
	if (unknown)
		return CHECK_UNKNOWN;
	if (open[SEVERITY_WARNING] + open[SEVERITY_CRITICAL] >= k->warning)
		say(k, "%" PRIu64 " alert%s open: %s",
		    open[SEVERITY_WARNING] + open[SEVERITY_CRITICAL],
		    plural(open[SEVERITY_WARNING] + open[SEVERITY_CRITICAL]), k->worst);
	if (bad)
		say(k, "%" PRIu64 " node%s silent, stalled or blind", bad, plural(bad));
	if (k->unreported)
		say(k,
		    "the sink '%s' has not been told of alerts for minutes ('ajar notify "
		    "--status'; is it gone for good: --forget)",
		    k->unreported_sink);
	if (k->why.len) {
		say_degraded(k);
		return CHECK_WARNING;
	}
	say(k, "%" PRIu64 " node%s recording", n[NODE_RECORDING], plural(n[NODE_RECORDING]));
	say_degraded(k);
	if (open[SEVERITY_CRITICAL] + open[SEVERITY_WARNING] + open[SEVERITY_NOTICE])
		say(k, "%" PRIu64 " critical, %" PRIu64 " warning, %" PRIu64 " notice open",
		    open[SEVERITY_CRITICAL], open[SEVERITY_WARNING], open[SEVERITY_NOTICE]);
	else
		say(k, "no alert open");
	if (k->health.unjudged)
		say(k, "%" PRIu64 " event%s not judged yet", k->health.unjudged,
		    plural(k->health.unjudged));
	if (k->learning)
		say(k, "%" PRIu64 " class%s still learning", k->learning,
		    k->learning == 1 ? "" : "es");
	return CHECK_OK;
}

/* --- what is printed ------------------------------------------------------------------------------------- */

/* A bar would begin the figures, a line break end the line. */
static void put_line(struct check *k, int code, struct buf *b)
{
	const uint64_t *n = k->health.nodes;
	_cleanup_(buf_done) struct buf t = BUF_INIT(8192);

	esc_text(&t, buf_str(&k->why), k->why.len, 1000);
	for (size_t i = 0; i < t.len; i++)
		if (t.data[i] == '|')
			t.data[i] = '/';
	buf_printf(b, "AJAR %s - %s | ", words[code], buf_str(&t));
	buf_printf(b,
		   "critical=%" PRIu64 ";;%" PRIu64 ";0 warning=%" PRIu64 ";%" PRIu64
		   ";;0 notice=%" PRIu64 ";;;0 ",
		   k->open[SEVERITY_CRITICAL], k->critical, k->open[SEVERITY_WARNING], k->warning,
		   k->open[SEVERITY_NOTICE]);
	buf_printf(b,
		   "recording=%" PRIu64 ";;;0 silent=%" PRIu64 ";;;0 stalled=%" PRIu64
		   ";;;0 stopped=%" PRIu64 ";;;0 blind=%" PRIu64 ";;;0 degraded=%" PRIu64 ";;;0 ",
		   n[NODE_RECORDING], n[NODE_SILENT], n[NODE_STALLED], n[NODE_STOPPED],
		   n[NODE_BLIND], k->health.degraded);
	buf_printf(b, "judging_lag=%" PRIu64 ".%03us;;%" PRIu64 ";0 lost=%" PRIu64 "c\n",
		   k->health.lag_ns / 1000000000, (unsigned)(k->health.lag_ns / 1000000 % 1000),
		   k->lag_ns / 1000000000, k->health.lost);
}

static int put_json(struct check *k, int code)
{
	struct writer w;

	if (out_open(k->c, NULL, &w))
		return AJAR_EXIT_ERROR;
	writer_start(&w, NULL);
	writer_str(&w, "state", words[code]);
	writer_str(&w, "why", buf_str(&k->why));
	writer_u64(&w, "critical", k->open[SEVERITY_CRITICAL]);
	writer_u64(&w, "warning", k->open[SEVERITY_WARNING]);
	writer_u64(&w, "notice", k->open[SEVERITY_NOTICE]);
	writer_start(&w, "nodes");
	for (enum node_state v = 0; v < NODE_STATES; v++) {
		if (v != NODE_REFUSED) /* a name counts once */
			writer_u64(&w, health_state_name(v), k->health.nodes[v]);
	}
	writer_end(&w);
	writer_u64(&w, "degraded", k->health.degraded);
	writer_u64(&w, "judging_pending", k->health.unjudged);
	writer_u64(&w, "judging_lag_ms", k->health.lag_ns / 1000000);
	writer_u64(&w, "nodes_not_judgeable", k->health.failing);
	writer_time(&w, "monitor_seen", k->judging.seen_ns);
	writer_u64(&w, "classes_learning", k->learning);
	writer_end(&w);
	return out_close(&w, 0, NULL, "");
}

static int print(struct check *k, int code)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);
	int err;

	if (k->c->json)
		return put_json(k, code) ? CHECK_UNKNOWN : code;
	put_line(k, code, &b);
	err = out_put(&b);
	return out_report(err ? err : out_flush()) ? CHECK_UNKNOWN : code;
}

/* The plugin's reader looks at standard output and nowhere else. */
static int unknown(const char *why)
{
	printf("AJAR UNKNOWN - %s\n", why);
	fflush(stdout);
	return CHECK_UNKNOWN;
}

static int mistaken(void)
{
	return unknown("a mistake in usage or configuration, which standard error names");
}

static int take_number(struct check *k, const char *option, uint64_t *ret_v)
{
	const char *given = cmd_opt(k->c, option);

	*ret_v = 1;
	return given ? parse_u64(given, ret_v) : 0;
}

static int take_options(struct check *k)
{
	const char *lag = cmd_opt(k->c, "judging-lag"), *nodes = cmd_opt(k->c, "node");
	struct hostlist_error e;
	int err = take_number(k, "warning", &k->warning);

	k->classes = cmd_opt(k->c, "class");
	k->lag_ns = MINUTE_NS;
	if (!err)
		err = take_number(k, "critical", &k->critical);
	if (!err && lag)
		err = parse_duration(lag, &k->lag_ns);
	k->some_nodes = nodes != NULL;
	if (!err && nodes)
		err = hostlist_parse(&k->nodes, nodes, NULL, &e);
	return err || !k->warning || !k->critical ? -EINVAL : 0;
}

static int run(struct cmd_ctx *c)
{
	struct check k = { .c = c, .why = BUF_INIT(4096) };
	_cleanup_(buf_done) struct buf uri = BUF_INIT(4096);
	_free_ char *why = NULL;
	int err, code;

	if (take_options(&k)) {
		hostlist_done(&k.nodes);
		return unknown("usage: ajar check [--class LIST] [--node NODESET] [--warning N] "
			       "[--critical N] "
			       "[--judging-lag TIME], N at least 1");
	}
	err = paths_store_uri(c->conf, &uri);
	if (!err)
		err = store_open(uri.data, STORE_READONLY, &k.store, &why);
	if (!err)
		err = look(&k);
	if (!err)
		code = print(&k, verdict(&k));
	else
		code = unknown(why				? why
			       : k.store && *store_why(k.store) ? store_why(k.store)
								: strerror(-err));
	store_free(k.store);
	hostlist_done(&k.nodes);
	buf_done(&k.why);
	return code;
}

static const struct cmd_option options[] = {
	{ "class", 0, "LIST",
	  "only these node classes, commas between them, '*' and '?' as in the shell" },
	{ "node", 0, "NODESET", "only these nodes: node[001-064]" },
	{ "warning", 0, "N",
	  "WARNING from so many open alerts of severity warning or more on (1)" },
	{ "critical", 0, "N", "CRITICAL from so many open critical alerts on (1)" },
	{ "judging-lag", 0, "TIME",
	  "UNKNOWN when events wait longer to be judged, or no monitor was seen for so long "
	  "(60s)" },
	{ 0 },
};

const struct cmd cmd_check = {
	.name = "check",
	.args = "",
	.help = "one line and an exit code for Nagios and Icinga",
	.options = options,
	.more = "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; a mistake in usage is UNKNOWN, and so is "
		"that "
		"nothing was checked:\nno node records, nobody judges, every class is still "
		"learning, the "
		"store is away. Alerts that\nsomebody has acknowledged or snoozed do not count.",
	.run = run,
	.mistaken = mistaken,
};
