/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/retention.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "tap.h"

#define DAY UINT64_C(86400000000000)
#define T0 (20000 * DAY)
#define PER_DAY 200

static char folder[64];

/* Thirty days of events, judged, of which the newest is received at T0 + 30 days. */
static int put_days(struct store *s, unsigned days)
{
	struct event ev = { .kind = EVENT_OPEN,
			    .origin = ORIGIN_EVENT,
			    .door = { .proto = PROTO_TCP, .family = FAMILY_INET, .port = 80 } };
	int err = 0;

	for (unsigned i = 0; !err && i < days * PER_DAY; i++) {
		struct buf b = BUF_INIT(EVENT_RECORD_MAX);
		struct store_event row = { .boot_seq = 1, .seq = i + 1 };
		size_t fresh;

		ev.time_ns = T0 + (i + 1) * (DAY / PER_DAY);
		ev.door.cookie = i + 1;
		event_encode(&ev, &b);
		row.recorded_ns = row.received_ns = ev.time_ns;
		row.record = (struct text){ b.data, (uint32_t)b.len };
		err = store_put_events(s, "n1", "compute", &row, 1, &fresh);
		buf_done(&b);
	}
	return err ? err : store_set_judged(s, "n1", 1, 0, days * PER_DAY);
}

static struct store *make(const char *uri)
{
	struct store *s = NULL;
	int err = store_open(uri, STORE_CREATE, &s, NULL);

	if (!err)
		err = store_begin(s);
	if (!err)
		err = put_days(s, 30);
	if (!err)
		err = store_commit(s);
	ok(!err, "%s: thirty days of events are put", uri);
	return s;
}

/* Until the round is over; the most that one piece deleted, or -1. */
static long round_of(struct retention *r, struct store *s, uint64_t now_ns, unsigned *ret_pieces)
{
	uint64_t before = 0, most = 0;

	*ret_pieces = 0;
	do {
		if (retention_step(r, s, now_ns))
			return -1;
		if (r->done.events - before > most)
			most = r->done.events - before;
		before = r->done.events;
		if (++*ret_pieces > 1000)
			return -1;
	} while (r->done.more);
	return (long)most;
}

static struct store_usage usage(struct store *s)
{
	struct store_usage u = { 0 };

	ok(!store_usage(s, true, &u), "the store tells its size");
	return u;
}

static void test_age(struct store *s, const char *name)
{
	struct retention r = { .keep_ns = 10 * DAY };
	unsigned pieces;
	long most = round_of(&r, s, T0 + 30 * DAY, &pieces);

	ok(most > 0 && most <= STORE_PRUNE_MAX, "%s: no piece is larger than a batch", name);
	/* Received before the limit, not at it. */
	is_int(r.done.events, 20 * PER_DAY - 1, "%s: what is older than ten days goes", name);
	ok(pieces >= 20 * PER_DAY / STORE_PRUNE_MAX, "%s: in pieces (%u)", name, pieces);
	is_int(usage(s).events, 10 * PER_DAY + 1, "%s: the rest stays", name);
	is_int(round_of(&r, s, T0 + 30 * DAY, &pieces), 0, "%s: the next round finds nothing",
	       name);
	is_int(pieces, 1, "%s: at once", name);
	is_int(r.done.events, 0, "%s: and counts anew", name);
}

static void test_bytes(struct store *s, const char *name)
{
	const uint64_t used = usage(s).used_bytes;
	struct retention r = { .keep_bytes = used };
	struct store_usage u;
	unsigned pieces;

	is_int(round_of(&r, s, T0 + 30 * DAY, &pieces), 0, "%s: a store that fits is left alone",
	       name);
	r.keep_bytes = used * 3 / 4;
	ok(round_of(&r, s, T0 + 30 * DAY, &pieces) > 0, "%s: one that does not is cut", name);
	u = usage(s);
	ok(u.used_bytes <= r.keep_bytes, "%s: until it fits (%llu of %llu)", name,
	   (unsigned long long)u.used_bytes, (unsigned long long)r.keep_bytes);
	ok(u.oldest_ns > T0 + 20 * DAY && u.newest_ns == T0 + 30 * DAY, "%s: from the oldest on",
	   name);
	ok(u.events > 4 * PER_DAY, "%s: and not much further (%llu left)", name,
	   (unsigned long long)u.events);
	r.keep_bytes = 1;
	ok(round_of(&r, s, T0 + 30 * DAY, &pieces) > 0 && pieces < 200,
	   "%s: a limit that cannot be met ends too (%u pieces)", name, pieces);
	u = usage(s);
	ok(u.events && u.oldest_ns + DAY / 12 >= T0 + 30 * DAY &&
		   u.oldest_ns + DAY / 24 <= T0 + 30 * DAY + DAY / PER_DAY,
	   "%s: with the last hour kept (%llu left)", name, (unsigned long long)u.events);
}

static void test_store(const char *uri)
{
	struct store *s = make(uri);

	if (!s)
		return;
	test_age(s, uri);
	test_bytes(s, uri);
	store_free(s);
}

int main(void)
{
	static const char *const files[] = { "s.db", "s.db-wal", "s.db-shm", "bell" };
	char path[128];

	test_store("sqlite::memory:");
	snprintf(folder, sizeof(folder), "/tmp/ajar-retention-XXXXXX");
	if (!ok(mkdtemp(folder), "a folder"))
		return tap_done();
	snprintf(path, sizeof(path), "sqlite:%s/s.db", folder);
	test_store(path);
	for (size_t i = 0; i < array_len(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
	return tap_done();
}
