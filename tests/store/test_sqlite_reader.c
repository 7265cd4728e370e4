/* SPDX-License-Identifier: GPL-2.0 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/store.h"
#include "tap.h"

/* A reader that takes his time hurts no writer of the embedded store. */

#define T0 UINT64_C(1728000000000000000)
#define ROWS 10

static int put(struct store *s)
{
	struct store_event rows[ROWS];
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	const struct event ev = {
		.kind = EVENT_OPEN,
		.time_ns = T0,
		.door = { .proto = PROTO_TCP, .family = FAMILY_INET, .port = 4444 }
	};
	size_t new_rows;
	int err;

	event_encode(&ev, &b);
	for (size_t i = 0; i < ROWS; i++)
		rows[i] = (struct store_event){ .boot_seq = 1,
						.seq = 1 + i,
						.recorded_ns = T0,
						.received_ns = T0,
						.record = { b.data, (uint32_t)b.len } };
	err = store_put_events(s, "n1", "compute", rows, ROWS, &new_rows);
	buf_done(&b);
	return err;
}

struct slow_reader {
	sqlite3 *db; /* of the writer */
	unsigned rows, odd, blocked;
};

/* A row is being shown: can the log be truncated now? */
static int on_slow_row(const struct store_event_row *row, void *arg)
{
	struct slow_reader *r = arg;

	r->odd += strcmp(row->node, "n1") != 0 || row->ev.seq != row->raw.seq || !row->ev.time_ns;
	r->rows++;
	r->blocked += sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
						NULL) != SQLITE_OK;
	return 0;
}

int main(void)
{
	const struct store_event_query all = { 0 }, back = { .newest_first = true };
	char dir[] = "/tmp/ajar-reader-XXXXXX", path[64], command[80];
	struct slow_reader r = { 0 };
	struct store *s = NULL, *reader = NULL;

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/store.db", dir);
	is_int(store_open(path, STORE_CREATE, &s, NULL), 0, "a store");
	is_int(put(s), 0, "some rows");
	is_int(store_open(path, STORE_READONLY, &reader, NULL), 0, "somebody reads it");
	is_int(sqlite3_open(path, &r.db), SQLITE_OK, "a writer");
	is_int(store_events(reader, &all, on_slow_row, &r), 0, "a reader that takes his time");
	is_int(store_events(reader, &back, on_slow_row, &r), 0, "another one backwards");
	is_int(r.rows, 2 * ROWS, "they see all");
	is_int(r.odd, 0, "each row whole");
	is_int(r.blocked, 0, "and never keep the log from being truncated");
	sqlite3_close(r.db);
	store_free(reader);
	store_free(s);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) ? 1 : tap_done();
}
