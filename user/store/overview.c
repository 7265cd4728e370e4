/* SPDX-License-Identifier: GPL-2.0 */
#include "store/overview.h"

#include "store/sql.h"

/* Sums over all nodes, for the page that shows them on one screen. */

static int give(struct sql *q, int ret, store_overview_fn fn, void *arg)
{
	while (!ret && (ret = sql_step(q)) > 0) {
		const struct store_overview_row row = {
			.node = sql_str(q, 0),
			.count = sql_u64(q, 1),
			.worst = (enum severity)sql_u64(q, 2),
			.at_ns = sql_u64(q, 3),
		};

		ret = fn(&row, arg);
	}
	return ret;
}

int store_overview_alerts(struct store *s, store_overview_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT n.name, count(*), max(a.severity), max(a.last_ns) FROM alerts a "
			  "JOIN alert_nodes x ON x.alert_id = a.id JOIN nodes n ON n.id = "
			  "x.node_id WHERE a.state = ? AND x.open_count > 0 GROUP BY n.id, n.name",
			  CONST(ALERT_OPEN));

	return give(&q, ret, fn, arg);
}

int store_overview_opened(struct store *s, uint64_t since_ns, uint64_t until_ns,
			  store_overview_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT n.name, count(*), 0, max(d.opened_ns) FROM doors d JOIN nodes n "
			  "ON n.id = d.node_id WHERE (d.closed_ns = 0 OR d.closed_ns >= ?) AND "
			  "d.opened_ns >= ? AND d.opened_ns <= ? AND d.verdict <> ? GROUP BY n.id, "
			  "n.name",
			  U(since_ns), U(since_ns), U(until_ns ? until_ns : SQL_NO_LIMIT),
			  CONST(VERDICT_CLIENT));

	return give(&q, ret, fn, arg);
}

int store_overview_scans(struct store *s, uint64_t until_ns, store_overview_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT n.name, 1, 0, h.ended_ns FROM nodes n JOIN (SELECT node_id, "
			  "max(ended_ns) AS ended_ns FROM scan_hosts WHERE ended_ns <= ? GROUP "
			  "BY node_id) h ON h.node_id = n.id WHERE h.ended_ns > 0",
			  U(until_ns ? until_ns : SQL_NO_LIMIT));

	return give(&q, ret, fn, arg);
}

int store_overview_nodes_at(struct store *s, uint64_t at_ns, store_node_then_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	/* Not the newest of up to then: a server would walk through all that came since. */
	int ret = sql_get(&q, "SELECT n.name, n.host_type, n.first_seen_ns, (SELECT e.happened_ns "
			      "FROM events e WHERE e.node_id = n.id ORDER BY e.node_id, "
			      "e.happened_ns LIMIT 1) FROM nodes n");

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_node_then n = { sql_str(&q, 0), sql_str(&q, 1) };
		uint64_t oldest_ns = sql_u64(&q, 3); /* 0: it has none */

		ret = sql_u64(&q, 2) <= at_ns || (oldest_ns && oldest_ns <= at_ns) ? fn(&n, arg)
										   : 0;
	}
	return ret;
}

int store_overview_oldest(struct store *s, uint64_t *ret_ns)
{
	return sql_one_u64(s, "SELECT min(happened_ns) FROM events", ret_ns);
}

int store_overview_severities(struct store *s, uint64_t ret_n[SEVERITY_CRITICAL + 1])
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT severity, count(*) FROM alerts WHERE state = ? GROUP BY severity",
			  CONST(ALERT_OPEN));

	for (unsigned i = 0; i <= SEVERITY_CRITICAL; i++)
		ret_n[i] = 0;
	while (!ret && (ret = sql_step(&q)) > 0) {
		if (sql_u64(&q, 0) <= SEVERITY_CRITICAL)
			ret_n[sql_u64(&q, 0)] = sql_u64(&q, 1);
		ret = 0;
	}
	return ret;
}

/* --- over time ------------------------------------------------------------------------------------------ */

static int give_buckets(struct sql *q, int ret, enum store_histogram_what what, uint64_t buckets,
			store_histogram_fn fn, void *arg)
{
	while (!ret && (ret = sql_step(q)) > 0) {
		const struct store_histogram_row row = {
			.what = what,
			.severity = (enum severity)sql_u64(q, 1),
			.bucket = sql_u64(q, 0),
			.count = sql_u64(q, 2),
		};

		ret = row.bucket < buckets ? fn(&row, arg) : 0;
	}
	return ret;
}

/*
 * MySQL divides to a decimal. Doors that were closed before cannot have opened in it: the index
 * (closed_ns, opened_ns) has the rest.
 */
#define OPENED(div)                                                                                \
	"SELECT (opened_ns - ?) " div " ? AS b, 0, count(*) FROM doors WHERE (closed_ns = 0 OR "   \
	"closed_ns >= ?) AND opened_ns >= ? AND opened_ns < ? GROUP BY b"
#define CLOSED(div)                                                                                \
	"SELECT (closed_ns - ?) " div " ? AS b, 0, count(*) FROM doors WHERE closed_ns >= ? AND "  \
	"closed_ns < ? GROUP BY b"
#define ALERTS(div)                                                                                \
	"SELECT (at_ns - ?) " div " ? AS b, severity, count(*) FROM alert_log WHERE at_ns >= ? "   \
	"AND at_ns < ? AND cause IN (?, ?) GROUP BY b, severity"

int store_histogram(struct store *s, uint64_t since_ns, uint64_t step_ns, uint64_t buckets,
		    store_histogram_fn fn, void *arg)
{
	const uint64_t until_ns = since_ns + step_ns * buckets;
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, SQL_TEXT(s, OPENED("DIV"), OPENED("/")), U(since_ns), U(step_ns),
			  U(since_ns), U(since_ns), U(until_ns));

	ret = give_buckets(&q, ret, HISTOGRAM_OPENED, buckets, fn, arg);
	sql_done(&q);
	q.s = s;
	if (!ret)
		ret = sql_get(&q, SQL_TEXT(s, CLOSED("DIV"), CLOSED("/")), U(since_ns), U(step_ns),
			      U(since_ns), U(until_ns));
	ret = give_buckets(&q, ret, HISTOGRAM_CLOSED, buckets, fn, arg);
	sql_done(&q);
	q.s = s;
	if (!ret)
		ret = sql_get(&q, SQL_TEXT(s, ALERTS("DIV"), ALERTS("/")), U(since_ns), U(step_ns),
			      U(since_ns), U(until_ns), CONST(CAUSE_OPENED), CONST(CAUSE_REOPENED));
	return give_buckets(&q, ret, HISTOGRAM_ALERTS, buckets, fn, arg);
}
