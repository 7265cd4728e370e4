/* SPDX-License-Identifier: GPL-2.0 */
#include <poll.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "judge_help.h"
#include "store/health.h"

/*
 * What one node says costs that node alone: records that cannot be read, a boot that cannot be
 * judged, many boots.
 */

static sqlite3 *sql;

static void run_sql(const char *text)
{
	char *why = NULL;

	if (sqlite3_exec(sql, text, NULL, NULL, &why) != SQLITE_OK)
		ok(false, "%s: %s", text, why ? why : "?");
	sqlite3_free(why);
}

static void put_of(const char *node, struct event ev, uint32_t boot_seq, uint64_t seq)
{
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_event row = { .boot_seq = boot_seq, .seq = seq, .received_ns = now };
	size_t added;

	event_encode(&ev, &b);
	row.record = (struct text){ b.data, (uint32_t)b.len };
	if (store_put_events(store, node, "compute", &row, 1, &added))
		ok(false, "an event is put: %s", store_why(store));
	buf_done(&b);
}

struct seen {
	uint64_t refused, behind, failed_ns, failed_seq;
	char why[256];
};

static int on_health(const struct store_health_row *r, void *arg)
{
	struct seen *s = arg;

	s->refused = r->refused;
	if (!r->behind)
		return 0;
	s->behind = r->behind->records;
	s->failed_ns = r->behind->failed_ns;
	s->failed_seq = r->behind->failed_seq;
	snprintf(s->why, sizeof(s->why), "%s", r->behind->failed_why);
	return 0;
}

static struct seen seen_of(const char *node)
{
	struct seen s = { 0 };

	if (store_health(store, node, false, on_health, &s))
		ok(false, "%s: %s", node, store_why(store));
	return s;
}

static unsigned doors_of(const char *node)
{
	const struct store_door_query q = { .node = node, .open_only = true };
	struct counted c = { 0 };

	return store_doors(store, &q, count_door, &c) ? UINT32_MAX : c.n;
}

static void test_unreadable(void)
{
	struct event bad = door_event(EVENT_CLOSE, 1, 5555);

	bad.time_ns = 0;
	put_of("evil", bad, 1, 1);
	put_of("evil", door_event(EVENT_OPEN, 2, 5556), 1, 2);
	bad.time_ns = UINT64_MAX;
	put_of("evil", bad, 1, 3);
	put_of("victim", door_event(EVENT_OPEN, 1, 6666), 1, 1);
	step();
	is_int(doors_of("victim"), 1,
	       "a record without a time keeps no other node from being judged");
	is_int(doors_of("evil"), 1, "nor what the same node sends behind it");
	is_int((long long)seen_of("evil").refused, 2, "what cannot be read is counted");
	is_int((long long)seen_of("evil").behind, 0, "and passed over");
	run_sql("UPDATE journals SET judged_seq = 0");
	step();
	is_int((long long)seen_of("evil").refused, 2, "once, however often it is judged");
}

static void step_until_judged(const char *node)
{
	const uint64_t deadline = clock_boot_ns() + 20 * S;

	while (seen_of(node).behind && clock_boot_ns() < deadline) {
		step();
		poll(NULL, 0, 20);
	}
}

static void test_failing(void)
{
	struct seen s;

	run_sql("CREATE TRIGGER no AFTER INSERT ON doors WHEN NEW.port = 666 BEGIN SELECT "
		"RAISE(ABORT, 'no such door'); END");
	for (uint64_t seq = 1; seq <= 5; seq++)
		put_of("failing", door_event(EVENT_OPEN, seq, seq == 3 ? 666 : 7000), 1, seq);
	put_of("failing", door_event(EVENT_OPEN, 1, 7000), 2, 1);
	put_of("later", door_event(EVENT_OPEN, 1, 6667), 1, 1);
	step();
	is_int(doors_of("later"), 1, "an error while judging costs no other node its turn");
	is_int(doors_of("failing"), 3, "what lies before it is judged, and so is another boot");
	s = seen_of("failing");
	is_int((long long)s.failed_seq, 2, "the boot waits behind the last record that was judged");
	is_int((long long)s.behind, 3, "the rest of it is not called judged");
	ok(s.failed_ns && strstr(s.why, "no such door"), "since when and why is kept ('%s')",
	   s.why);
	run_sql("DROP TRIGGER no");
	step_until_judged("failing");
	is_int(doors_of("failing"), 6, "it is tried again, and judged when that goes");
	is_int((long long)seen_of("failing").failed_ns, 0, "and then it fails no more");
}

static void test_turns(void)
{
	const struct judge_opts o = { .slice_ns = 1 };
	uint64_t next = 0;

	for (uint32_t boot = 1; boot <= 20; boot++)
		put_of("a-many", door_event(EVENT_OPEN, boot, 7001), boot, 1);
	put_of("b-one", door_event(EVENT_OPEN, 1, 6668), 1, 1);
	judge_free(judge);
	judge = NULL;
	if (judge_new(store, &o, &judge))
		ok(false, "a judge");
	for (int i = 0; i < 4 && !doors_of("b-one"); i++) {
		if (judge_step(judge, now, &changes, &next))
			ok(false, "a step: %s", store_why(store));
	}
	is_int(doors_of("b-one"), 1, "a node with many boots has one turn, then it is another's");
	ok(doors_of("a-many") < 20, "which is before all of its boots are judged");
	ok(next == now, "a step that ends in time says that there is more");
	for (int i = 0; i < 100 && next == now; i++) {
		if (judge_step(judge, now, &changes, &next))
			ok(false, "a step: %s", store_why(store));
	}
	is_int(doors_of("a-many"), 20, "in the end all are judged");
}

/* A round that an earlier step left half done, or that an error ended, is no reason to wait. */
static void test_half_a_round(void)
{
	const struct judge_opts o = { .slice_ns = 1 };
	uint64_t next = 0;

	put_of("k-first", door_event(EVENT_OPEN, 1, 7002), 1, 1);
	put_of("m-last", door_event(EVENT_OPEN, 1, 7003), 1, 1);
	judge_free(judge);
	judge = NULL;
	if (judge_new(store, &o, &judge) || judge_step(judge, now, &changes, &next))
		ok(false, "a judge, and a step: %s", store_why(store));
	is_int(doors_of("k-first"), 1, "a step ends behind the first of two nodes");
	put_of("k-first", door_event(EVENT_OPEN, 2, 7004), 1, 2);
	for (int i = 0; i < 100 && next == now; i++) {
		if (judge_step(judge, now, &changes, &next))
			ok(false, "a step: %s", store_why(store));
	}
	is_int(doors_of("m-last"), 1, "the next step serves the other");
	is_int(doors_of("k-first"), 2, "and what came for the first meanwhile is not left lying");
	restart();
}

static int pending_of(void *arg, int n, char **values, char **names)
{
	(void)n;
	(void)names;
	*(long long *)arg = strtoll(values[0], NULL, 10);
	return 0;
}

static long long pending(void)
{
	long long n = -1;

	sqlite3_exec(sql, "SELECT count(*) FROM journals WHERE stored_seq > judged_seq", pending_of,
		     &n, NULL);
	return n;
}

static void test_invented(void)
{
	run_sql("INSERT INTO journals (node_id, boot_seq, stored_seq) WITH RECURSIVE n (i) AS "
		"(SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1199) SELECT id, i, "
		"9223372036854775806 FROM nodes, n WHERE name = 'evil'");
	is_int(pending(), 200, "boots are said to have records that are not there");
	is_int((long long)seen_of("evil").behind, 0, "which is nothing that waits");
	put_of("zlast", door_event(EVENT_OPEN, 1, 6669), 1, 1);
	for (int i = 0; i < 4 && !doors_of("zlast"); i++)
		step();
	is_int(doors_of("zlast"), 1, "they cost another node one turn");
	for (int i = 0; i < 900 && pending() > 0; i++)
		step();
	is_int(pending(), 0, "the judge takes what the rows show");
}

int main(void)
{
	char file[80];

	if (!judge_begin())
		return 1;
	snprintf(file, sizeof(file), "%s/ajar.db", judge_path);
	if (sqlite3_open(file, &sql) != SQLITE_OK)
		return 1;
	sqlite3_busy_timeout(sql, 5000);
	test_unreadable();
	test_failing();
	test_turns();
	test_half_a_round();
	test_invented();
	sqlite3_close(sql);
	return judge_end();
}
