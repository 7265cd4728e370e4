/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Prometheus text. A family is HELP, TYPE and its samples; names end with their unit, counters with
 * _total. Values of labels that are a person's or a process's words (class, sink) are escaped;
 * "\xNN" of other bytes stays as it is written.
 */
#include "view/metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "ajar/version.h"
#include "base/buf.h"
#include "base/text.h"
#include "store/sinks.h"
#include "store/tally.h"

#define LABEL_BYTES_MAX 128

enum kind { GAUGE, COUNTER };

static void family(struct buf *b, enum kind kind, const char *name, const char *help)
{
	buf_printf(b, "# HELP ajar_%s %s\n# TYPE ajar_%s %s\n", name, help, name,
		   kind == COUNTER ? "counter" : "gauge");
}

static void put_label(struct buf *b, const char *key, const char *value, bool first)
{
	_cleanup_(buf_done) struct buf t = BUF_INIT(4096);

	esc_text(&t, value ? value : "", value ? strlen(value) : 0, LABEL_BYTES_MAX);
	buf_printf(b, "%s%s=\"", first ? "{" : ",", key);
	for (size_t i = 0; i < t.len; i++) {
		if (t.data[i] == '\\' || t.data[i] == '"')
			buf_putc(b, '\\');
		buf_putc(b, t.data[i]);
	}
	buf_putc(b, '"');
}

static void number(struct buf *b, enum kind kind, const char *name, const char *help, uint64_t v)
{
	family(b, kind, name, help);
	buf_printf(b, "ajar_%s %" PRIu64 "\n", name, v);
}

static void seconds(struct buf *b, const char *name, const char *help, uint64_t ns)
{
	family(b, GAUGE, name, help);
	buf_printf(b, "ajar_%s %" PRIu64 ".%03u\n", name, ns / 1000000000,
		   (unsigned)(ns / 1000000 % 1000));
}

/* --- alerts and doors ------------------------------------------------------------------------------------- */

static int on_alerts(const struct store_alert_tally *t, void *arg)
{
	struct buf *b = arg;

	buf_puts(b, "ajar_alerts");
	put_label(b, "state", alert_state_name(t->state), true);
	put_label(b, "severity", severity_name(t->severity), false);
	put_label(b, "kind", finding_kind_name(t->kind), false);
	put_label(b, "class", t->host_type, false);
	buf_printf(b, "} %" PRIu64 "\n", t->alerts);
	return b->err;
}

static int on_doors(const struct store_door_tally *t, void *arg)
{
	const char *verdict = verdict_name(t->verdict);
	struct buf *b = arg;

	buf_puts(b, "ajar_doors_open");
	put_label(b, "class", t->host_type, true);
	put_label(b, "verdict", verdict ? verdict : "not judged", false);
	buf_printf(b, "} %" PRIu64 "\n", t->doors);
	return b->err;
}

/* --- sinks ------------------------------------------------------------------------------------------------ */

struct column {
	const char *name, *help;
	enum kind kind;
	size_t off;
	bool age; /* a time: written as the seconds since then */
};
static const struct column columns[] = {
	{ "sink_sent_total", "Changes of alerts that a sink has taken.", COUNTER,
	  offsetof(struct store_sink, sent), false },
	{ "sink_failed_total", "Tries to deliver a change that failed.", COUNTER,
	  offsetof(struct store_sink, failed), false },
	{ "sink_skipped_total", "Changes left out because the sink has no place here.", COUNTER,
	  offsetof(struct store_sink, skipped), false },
	{ "sink_given_up_total", "Changes refused until they were not tried any more.", COUNTER,
	  offsetof(struct store_sink, given_up), false },
	{ "sink_failures", "Tries in a row that failed; 0: the sink works.", GAUGE,
	  offsetof(struct store_sink, failures), false },
	{ "sink_behind_changes", "Changes that the sink has not been told of.", GAUGE,
	  offsetof(struct store_sink, behind), false },
	{ "sink_behind_seconds", "How long the oldest of these has waited.", GAUGE,
	  offsetof(struct store_sink, behind_ns), true },
	{ "sink_parked_changes", "Changes that were refused and put aside.", GAUGE,
	  offsetof(struct store_sink, retrying), false },
	{ "sink_cursor", "The number of the last change that the sink is done with.", GAUGE,
	  offsetof(struct store_sink, log_id), false },
};

struct sinks_walk {
	struct buf *b;
	const struct column *column;
	uint64_t now_ns;
};

static int on_sink(const struct store_sink *s, void *arg)
{
	const struct sinks_walk *w = arg;
	uint64_t v = 0;

	memcpy(&v, (const char *)s + w->column->off, sizeof(v));
	if (w->column->age)
		v = v && w->now_ns > v ? (w->now_ns - v) / 1000000000 : 0;
	buf_printf(w->b, "ajar_%s", w->column->name);
	put_label(w->b, "sink", s->name, true);
	buf_printf(w->b, "} %" PRIu64 "\n", v);
	return w->b->err;
}

static int put_sinks(struct store *s, uint64_t now_ns, struct buf *b)
{
	int err = 0;

	for (size_t i = 0; i < array_len(columns) && !err; i++) {
		struct sinks_walk w = { b, &columns[i], now_ns };

		family(b, columns[i].kind, columns[i].name, columns[i].help);
		err = store_sinks(s, on_sink, &w);
	}
	return err;
}

/* --- the rest --------------------------------------------------------------------------------------------- */

static int put_nodes(struct store *s, const struct metrics_opts *o, struct buf *b)
{
	const struct view_health_in in = { .silent_ns = o->silent_ns };
	struct view_health_sum sum;
	int err = view_health_sum(s, &in, &sum);

	if (err)
		return err;
	family(b, GAUGE, "nodes", "Nodes by what their last report says.");
	for (enum node_state v = 0; v < NODE_STATES; v++) {
		if (v != NODE_REFUSED) /* a name counts once */
			buf_printf(b, "ajar_nodes{state=\"%s\"} %" PRIu64 "\n",
				   health_state_name(v), sum.nodes[v]);
	}
	family(b, GAUGE, "nodes_recording_tier",
	       "Nodes that record, by the tier of their sensor: A sees all, B to D less.");
	for (unsigned i = 0; i < SENSOR_TIERS; i++)
		buf_printf(b, "ajar_nodes_recording_tier{tier=\"%c\"} %" PRIu64 "\n", 'A' + (int)i,
			   sum.tiers[i]);
	number(b, COUNTER, "events_received_total", "Events in the store, deleted ones included.",
	       sum.events);
	number(b, COUNTER, "events_lost_total",
	       "Events that a sensor or a journal counted as lost.", sum.lost);
	number(b, COUNTER, "events_unreadable_total",
	       "Records that could not be read: they are kept, and not judged.", sum.unreadable);
	number(b, GAUGE, "ship_backlog_records",
	       "Records that nodes have and the store has not, by their last report.",
	       sum.backlog_records);
	number(b, GAUGE, "ship_backlog_bytes", "The same in bytes.", sum.backlog_bytes);
	seconds(b, "ship_backlog_wait_seconds",
		"How long the oldest of these has waited, of the node that waits longest.",
		sum.backlog_ns);
	number(b, GAUGE, "ship_quarantined_records",
	       "Records that the store refused and nodes keep aside.", sum.quarantined);
	return b->err;
}

static int put_judging(struct store *s, struct buf *b, uint64_t *ret_now_ns)
{
	struct judging j;
	int err = view_judging(s, &j);

	if (err)
		return err;
	number(b, GAUGE, "judging_pending_events", "Events that no monitor has judged yet.",
	       j.pending);
	seconds(b, "judging_lag_seconds", "How long the oldest of these has waited.", j.lag_ns);
	number(b, GAUGE, "judging_late_nodes",
	       "Nodes of which an event waits for more than a minute to be judged.", j.late);
	number(b, GAUGE, "judging_failing_nodes", "Nodes of which an event cannot be judged.",
	       j.failing);
	seconds(b, "monitor_last_seen_timestamp_seconds",
		"When a monitor last sent a heartbeat; 0: never.", j.seen_ns);
	*ret_now_ns = j.now_ns;
	return b->err;
}

static int put_store(struct store *s, const struct metrics_opts *o, uint64_t now_ns, struct buf *b)
{
	struct store_usage u = { 0 };
	int err = store_usage(s, false, &u);

	if (err)
		return err;
	number(b, GAUGE, "store_used_bytes", "What the store uses; deleting makes less of it.",
	       u.used_bytes);
	number(b, GAUGE, "store_file_bytes", "What its file takes, or its tables on a server.",
	       u.file_bytes);
	seconds(b, "store_oldest_event_age_seconds",
		"How long ago the oldest event that is kept was received; 0: there is none.",
		u.oldest_ns && now_ns > u.oldest_ns ? now_ns - u.oldest_ns : 0);
	number(b, GAUGE, "store_keep_bytes", "The limit store.keep-bytes; 0: none.", o->keep_bytes);
	seconds(b, "store_keep_seconds", "The limit store.keep-days; 0: none.", o->keep_ns);
	return b->err;
}

static int put_scans(struct store *s, struct buf *b)
{
	struct scan_ages a;
	int err = view_scan_ages(s, &a);

	if (err)
		return err;
	family(b, GAUGE, "scan_age_seconds", "How long ago a scan of the plan was last done.");
	for (unsigned i = 0; i < a.len; i++) {
		if (!a.plans[i].ended_ns)
			continue;
		buf_puts(b, "ajar_scan_age_seconds");
		put_label(b, "plan", a.plans[i].name, true);
		buf_printf(b, "} %" PRIu64 "\n",
			   a.now_ns > a.plans[i].ended_ns
				   ? (a.now_ns - a.plans[i].ended_ns) / 1000000000
				   : 0);
	}
	family(b, GAUGE, "scan_every_seconds",
	       "How often a scan of the plan is to be done; plans by hand have none.");
	for (unsigned i = 0; i < a.len; i++) {
		if (!a.plans[i].every_ns)
			continue;
		buf_puts(b, "ajar_scan_every_seconds");
		put_label(b, "plan", a.plans[i].name, true);
		buf_printf(b, "} %" PRIu64 "\n", a.plans[i].every_ns / 1000000000);
	}
	return b->err;
}

int view_metrics(struct store *s, const struct metrics_opts *o, struct buf *b)
{
	uint64_t now_ns = 0;
	int err;

	family(b, GAUGE, "build_info", "Always 1; the version is a label.");
	buf_puts(b, "ajar_build_info{version=\"" AJAR_VERSION "\"} 1\n");
	family(b, GAUGE, "alerts", "Alerts by state, severity, kind and node class.");
	err = store_tally_alerts(s, on_alerts, b);
	if (err)
		return err;
	family(b, GAUGE, "doors_open", "Doors that are open, by node class and verdict.");
	err = store_tally_doors(s, on_doors, b);
	if (!err)
		err = put_nodes(s, o, b);
	if (!err)
		err = put_judging(s, b, &now_ns);
	if (!err)
		err = put_store(s, o, now_ns, b);
	if (!err)
		err = put_scans(s, b);
	if (!err)
		err = put_sinks(s, now_ns, b);
	return err ? err : b->err;
}
