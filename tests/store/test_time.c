/* SPDX-License-Identifier: GPL-2.0 */
#include <stdlib.h>

#include "monitor/retention.h"
#include "store/conformance.h"
#include "store/overview.h"

/*
 * The ring of time on a server: that a page of the timeline, from either end, of all nodes or of
 * one, costs the rows it shows and no sorting, however many there are; and that retention by bytes
 * deletes what it must and stops there. What the driver's statements really read is asked of a
 * server that nobody else uses.
 */
#define NODES 64
#define ALERTS 500
#define CHANGES 40
#define DOORS 200 /* of a node */

static unsigned rows_all = 40000;

/* Rows as put_events leaves them, by the server itself. */
static int fill(const char *db)
{
	char sql[1600];
	int err;

	snprintf(sql, sizeof(sql),
		 "INSERT INTO nodes (name, host_type, reported_host_type, first_seen_ns, "
		 "last_seen_ns, "
		 "event_count) SELECT concat('n', seq), 'compute', 'compute', 1, %llu, %u FROM "
		 "seq_1_to_%u",
		 T0 + rows_all * 1000000000ULL, rows_all / NODES, NODES);
	err = mdb_sql(&server, db, sql, NULL, 0);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO events (node_id, boot_seq, seq, happened_ns, recorded_ns, "
		 "received_ns, "
		 "day, kind, origin, proto, family, addr, port, scope, netns_cookie, cookie, "
		 "record, "
		 "chain) SELECT n.id, 1, s.seq div %u + 1, %llu + s.seq * 1000000000, 1, %llu + "
		 "s.seq "
		 "* 1000000000, 20000, 1, 1, 1, 2, '0.0.0.0', 80, 1, 1, s.seq, repeat('x', 200), "
		 "repeat('c', 32) FROM seq_0_to_%u s JOIN nodes n ON n.name = concat('n', s.seq %% "
		 "%u + 1)",
		 NODES, T0, T0, rows_all - 1, NODES);
	if (!err)
		err = mdb_sql(&server, db, sql, NULL, 0);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO journals (node_id, boot_seq, head_seq, stored_seq, judged_seq, "
		 "rows_stored) SELECT id, 1, %u, %u, %u, %u FROM nodes",
		 rows_all / NODES, rows_all / NODES, rows_all / NODES, rows_all / NODES);
	if (!err)
		err = mdb_sql(&server, db, sql, NULL, 0);
	return err ? err : mdb_sql(&server, db, "ANALYZE TABLE events", NULL, 0);
}

static uint64_t status(const char *which)
{
	char sql[300], out[40];

	snprintf(sql, sizeof(sql),
		 "SELECT sum(variable_value) FROM information_schema.global_status WHERE "
		 "variable_name IN (%s)",
		 which);
	return mdb_sql(&server, NULL, sql, out, sizeof(out)) ? 0 : strtoull(out, NULL, 10);
}

static int count(const struct store_event_row *row, void *arg)
{
	(void)row;
	++*(uint64_t *)arg;
	return 0;
}

static void page(struct store *s, const struct store_event_query *q, const char *what)
{
	static const char read[] = "'HANDLER_READ_FIRST', 'HANDLER_READ_KEY', 'HANDLER_READ_NEXT', "
				   "'HANDLER_READ_PREV', 'HANDLER_READ_RND', 'HANDLER_READ_LAST'";
	static const char sorted[] = "'SORT_ROWS'", scans[] = "'SELECT_SCAN'";
	uint64_t before, sorts, rows = 0, took;

	/* Once before, so that preparing it is not counted. */
	ok(!store_events(s, q, count, &rows), "%s", what);
	before = status(read);
	sorts = status(sorted);
	took = status(scans);
	rows = 0;
	ok(!store_events(s, q, count, &rows) && rows == q->limit, "it has its rows");
	sorts = status(sorted) - sorts;
	before = status(read) - before;
	is_int((long long)sorts, 0, "nothing is sorted");
	/*
	 * The event, its node and its door, each looked up; our own questions about the counters
	 * have a few.
	 */
	ok(before <= 6ULL * q->limit + 100,
	   "and no more is read than it shows (%llu for %u rows of %u)", (unsigned long long)before,
	   q->limit, rows_all);
	/* Each look at the counters scans their table, and nothing else does. */
	ok(status(scans) - took <= 4, "no table is walked through");
}

static int count_door(const struct store_door *d, void *arg)
{
	(void)d;
	++*(uint64_t *)arg;
	return 0;
}

static void doors_of_node(struct store *s, const struct store_door_query *q, uint64_t want,
			  const char *what)
{
	static const char read[] = "'HANDLER_READ_FIRST', 'HANDLER_READ_KEY', 'HANDLER_READ_NEXT', "
				   "'HANDLER_READ_PREV', 'HANDLER_READ_RND', 'HANDLER_READ_LAST', "
				   "'HANDLER_READ_RND_NEXT'";
	uint64_t before, doors = 0;

	/* Once before, so that preparing it is not counted. */
	ok(!store_doors(s, q, count_door, &doors), "%s", what);
	doors = 0;
	before = status(read);
	ok(!store_doors(s, q, count_door, &doors) && doors == want, "they are there");
	before = status(read) - before;
	ok(before <= 6ULL * DOORS + 2000, "and no other node's are read (%llu rows of %u)",
	   (unsigned long long)before, NODES * DOORS);
}

static int no_page(void *arg)
{
	(void)arg;
	return 0;
}

/* A list of everything reads each door once and sorts nothing, however many pages it has. */
static void doors_by_node(struct store *s, const struct store_door_query *q, uint64_t want,
			  const char *what)
{
	static const char read[] = "'HANDLER_READ_FIRST', 'HANDLER_READ_KEY', 'HANDLER_READ_NEXT', "
				   "'HANDLER_READ_PREV', 'HANDLER_READ_RND', 'HANDLER_READ_LAST'";
	static const char sorted[] = "'SORT_ROWS'", scans[] = "'SELECT_SCAN'";
	uint64_t before, sorts, took, doors = 0;

	/* Once before, so that preparing it is not counted. */
	ok(!store_doors_by_node(s, q, count_door, no_page, &doors), "%s", what);
	doors = 0;
	sorts = status(sorted);
	took = status(scans);
	before = status(read);
	ok(!store_doors_by_node(s, q, count_door, no_page, &doors) && doors == want,
	   "they are there (%llu)", (unsigned long long)doors);
	before = status(read) - before;
	ok(before <= 2ULL * NODES * DOORS + 6 * want + 2000, "each is read once (%llu rows of %u)",
	   (unsigned long long)before, NODES * DOORS);
	is_int((long long)(status(sorted) - sorts), 0, "and none is sorted");
	ok(status(scans) - took <= 4, "no table is walked through");
}

/* Of some it reads no more than their doors. */
static void doors_of_some(struct store *s, struct store_door_query q, uint64_t want,
			  const char *what)
{
	static const char *const nodes[] = { "n1", "n33", "n7", "unknown" };
	static const char read[] = "'HANDLER_READ_FIRST', 'HANDLER_READ_KEY', 'HANDLER_READ_NEXT', "
				   "'HANDLER_READ_PREV', 'HANDLER_READ_RND', 'HANDLER_READ_LAST', "
				   "'HANDLER_READ_RND_NEXT'";
	uint64_t before, doors = 0;

	q.nodes = nodes;
	q.nodes_len = array_len(nodes);
	/* Once before, so that preparing it is not counted. */
	ok(!store_doors_by_node(s, &q, count_door, no_page, &doors), "%s", what);
	doors = 0;
	before = status(read);
	ok(!store_doors_by_node(s, &q, count_door, no_page, &doors), "they are read");
	is_int((long long)doors, (long long)want, "each of them");
	before = status(read) - before;
	ok(before <= 6ULL * 3 * DOORS + 2000, "and no other node's are read (%llu rows of %u)",
	   (unsigned long long)before, NODES * DOORS);
}

/* What is or was open on a node costs what that node has, whatever is open on the others. */
static void test_doors(struct store *s, const char *db)
{
	char sql[900];

	snprintf(
		sql, sizeof(sql),
		"INSERT INTO doors (node_id, boot_seq, netns_cookie, cookie, open_seq, opened_ns, "
		"closed_ns, proto, family, addr, addr_bytes, port, scope, v6only, autoport, netns, "
		"inode) SELECT n.id, 1, 2, s.seq, s.seq, 1000 + s.seq, if(s.seq %% 2, 0, 5000), 1, "
		"2, '0.0.0.0', '', 80, 1, 0, 0, 1, s.seq FROM nodes n JOIN seq_1_to_%u s",
		DOORS);
	ok(!mdb_sql(&server, db, sql, NULL, 0) &&
		   !mdb_sql(&server, db, "ANALYZE TABLE doors", NULL, 0),
	   "%u doors on each of %u nodes", DOORS, NODES);
	doors_of_node(s, &(struct store_door_query){ .node = "n7", .open_only = true }, DOORS / 2,
		      "open doors of one node");
	doors_of_node(s, &(struct store_door_query){ .node = "n7", .at_ns = 4000 }, DOORS,
		      "its doors at a time");
	doors_by_node(s, &(struct store_door_query){ .open_only = true }, NODES * DOORS / 2,
		      "open doors of all nodes");
	doors_by_node(s, &(struct store_door_query){ .at_ns = 4000 }, NODES * DOORS,
		      "all doors at a time");
	doors_of_some(s, (struct store_door_query){ .open_only = true }, 3 * DOORS / 2,
		      "open doors of some nodes");
	doors_of_some(s, (struct store_door_query){ .at_ns = 4000 }, 3 * DOORS,
		      "their doors at a time");
}

/* Alerts with their changes, as the monitor writes them. */
static int fill_alerts(const char *db)
{
	static const char cols[] =
		"kind, severity, state, host_type, nodes, open_count, proto, port, summary, why, "
		"remedy, first_ns, last_ns, boot_seq, seq, node, outside_node, outside_addr, "
		"subject";
	static const char values[] =
		"1, 3, 1, 'compute', 'n1', 1, 1, 22, 's', 'w', 'r', 1, 1, 1, 1, 'n1', '', '', ''";
	char sql[1600];
	int err;

	snprintf(sql, sizeof(sql),
		 "INSERT INTO alerts (alert_key, alert_hash, %s) SELECT concat('k', seq), "
		 "unhex(sha2(seq, 256)), %s FROM seq_1_to_%u",
		 cols, values, ALERTS);
	err = mdb_sql(&server, db, sql, NULL, 0);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO alert_log (alert_id, at_ns, author, cause, who, note, alert_key, %s) "
		 "SELECT a.id, c.seq, 1, 1, 'monitor', '', a.alert_key, %s FROM alerts a JOIN "
		 "seq_1_to_%u c",
		 cols, values, CHANGES);
	if (!err)
		err = mdb_sql(&server, db, sql, NULL, 0);
	return err ? err : mdb_sql(&server, db, "ANALYZE TABLE alert_log, alerts", NULL, 0);
}

static int count_alert(const struct store_alert *a, void *arg)
{
	(void)a;
	++*(uint64_t *)arg;
	return 0;
}

static int count_node(const struct store_node_then *n, void *arg)
{
	(void)n;
	++*(uint64_t *)arg;
	return 0;
}

/* The state of then costs what there is, however much happened to it before. */
static void test_then(struct store *s, const char *db, uint64_t mid)
{
	static const char read[] = "'HANDLER_READ_FIRST', 'HANDLER_READ_KEY', 'HANDLER_READ_NEXT', "
				   "'HANDLER_READ_PREV', 'HANDLER_READ_RND', 'HANDLER_READ_LAST', "
				   "'HANDLER_READ_RND_NEXT'";
	uint64_t before, alerts = 0, nodes = 0, other = 0;

	ok(!fill_alerts(db), "%u alerts that changed %u times", ALERTS, CHANGES);
	/* Once before, so that preparing it is not counted. */
	ok(!store_alerts_at(s, CHANGES - 1, 0, count_alert, &other) &&
		   !store_overview_nodes_at(s, mid, count_node, &other),
	   "the state of then is read");
	before = status(read);
	ok(!store_alerts_at(s, CHANGES - 1, 0, count_alert, &alerts), "alerts");
	before = status(read) - before;
	ok(alerts == ALERTS && before <= 6ULL * ALERTS + 2000,
	   "no more is read than the last change of each and what came since (%llu rows)",
	   (unsigned long long)before);
	before = status(read);
	ok(!store_overview_nodes_at(s, mid, count_node, &nodes), "nodes");
	before = status(read) - before;
	ok(nodes == NODES && before <= 6ULL * NODES + 2000,
	   "and no more than the oldest record of each (%llu rows)", (unsigned long long)before);
}

static void test_bytes(struct store *s)
{
	struct store_usage u = { 0 };
	struct retention r = { 0 };
	uint64_t pieces = 0, was, now = T0 + (rows_all + 7200ULL) * 1000000000ULL;

	ok(!store_usage(s, true, &u), "the store tells its size");
	is_int((long long)u.events, rows_all, "and its events");
	ok(u.used_bytes > rows_all * 250ULL, "which take room");
	was = u.used_bytes;
	r.keep_bytes = was / 2;
	do {
		if (retention_step(&r, s, now))
			break;
	} while (r.done.more && ++pieces < 2000);
	ok(!r.done.more, "retention by bytes comes to its end (%llu pieces)",
	   (unsigned long long)pieces);
	ok(!store_usage(s, true, &u) && u.used_bytes <= was / 2, "when it fits");
	ok(u.events > rows_all / 3, "and has not gone on from there (%llu of %u are left)",
	   (unsigned long long)u.events, rows_all);
	ok(u.oldest_ns > T0 + rows_all / 3 * 1000000000ULL, "from the oldest on");
}

int main(void)
{
	const uint64_t mid = T0 + 20000ULL * 1000000000ULL;
	char db[16];
	struct store *s;

	if (getenv("AJAR_LONG"))
		rows_all = 10000000 / NODES * NODES;
	rows_all = rows_all / NODES * NODES;
	if (mdb_start(&server, (const char *[]){ "--skip-networking",
						 "--innodb-buffer-pool-size=256M", NULL }))
		tap_skip_all(server.why);
	drv = &drivers[1];
	s = fresh();
	snprintf(db, sizeof(db), "c%u", server.databases);
	ok(s && !fill(db), "%u events of %d nodes", rows_all, NODES);
	page(s, &(struct store_event_query){ .since_ns = mid, .limit = 200 },
	     "a page from the middle");
	page(s, &(struct store_event_query){ .until_ns = mid, .newest_first = true, .limit = 200 },
	     "one backwards");
	page(s, &(struct store_event_query){ .newest_first = true, .limit = 200 }, "the last rows");
	page(s, &(struct store_event_query){ .node = "n7", .since_ns = mid, .limit = 200 },
	     "a page of one node");
	page(s, &(struct store_event_query){ .node = "n7", .newest_first = true, .limit = 200 },
	     "the last of one node");
	page(s,
	     &(struct store_event_query){
		     .node = "n7", .boot_seq = 1, .after_seq = 300, .limit = 200 },
	     "what a judge reads");
	test_bytes(s);
	test_then(s, db, mid);
	test_doors(s, db);
	drop(s);
	mdb_stop(&server);
	return tap_done();
}
