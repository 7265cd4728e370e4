/* SPDX-License-Identifier: GPL-2.0 */
#include <sqlite3.h>

#include "judge_help.h"

/* What one node says costs that node alone: records that cannot be read, a boot that cannot be judged. */

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
}

static void test_failing(void)
{
	uint64_t next;

	run_sql("CREATE TRIGGER no AFTER INSERT ON doors WHEN NEW.port = 666 BEGIN SELECT "
		"RAISE(ABORT, 'no such door'); END");
	put_of("failing", door_event(EVENT_OPEN, 1, 666), 1, 1);
	put_of("failing", door_event(EVENT_OPEN, 1, 7000), 2, 1);
	put_of("later", door_event(EVENT_OPEN, 1, 6667), 1, 1);
	ok(judge_step(judge, now, &changes, &next) < 0, "a boot that cannot be judged is told");
	is_int(doors_of("later"), 1, "and costs no other node its turn");
	is_int(doors_of("failing"), 1, "nor another boot of its own");
	run_sql("DROP TRIGGER no");
	step();
	is_int(doors_of("failing"), 2, "it is judged when that goes");
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
	sqlite3_close(sql);
	return judge_end();
}
