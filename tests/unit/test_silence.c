/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "journal/silence.h"
#include "journal/status.h"
#include "journal_util.h"
#include "tap.h"

#define S UINT64_C(1000000000)

static void put(struct journal *j, enum event_kind kind, uint64_t boot_ns)
{
	struct event ev = { .kind = kind, .time_ns = clock_wall_ns(), .boot_ns = boot_ns };
	struct buf b = BUF_INIT(1024);
	struct journal_pos pos;
	uint64_t dropped;

	if (kind == EVENT_GAP)
		ev.opened_ns = ev.time_ns - S;
	event_encode(&ev, &b);
	if (b.err || journal_append(j, b.data, b.len, &pos) || journal_commit(j, &dropped))
		bail("a record", EIO);
	buf_done(&b);
}

static void beat(const struct dir *d, const char *boot, uint64_t boot_ns)
{
	struct journal_status st = { .written_boot_ns = boot_ns, .tier = 'A' };
	struct journal_pen *pen = NULL;

	memcpy(st.boot_id, boot, CLOCK_BOOT_ID_LEN);
	if (journal_pen_new(d->fd, &st, &pen))
		bail("a heartbeat", EIO);
	journal_pen_free(pen);
}

/* How long ago, 0: it says nothing. */
static uint64_t silence(const struct dir *d, const char *boot)
{
	uint64_t since = 0;
	int ret = journal_silence(d->fd, boot, &since);

	if (ret < 0)
		bail("journal_silence", ret);
	return ret ? clock_wall_ns() - since : 0;
}

static bool about(uint64_t ns, uint64_t want)
{
	return ns >= want && ns < want + 60 * S;
}

static void test_endings(void)
{
	struct dir d = dir_make();
	struct journal *j;
	const uint64_t now = clock_boot_ns();

	is_int((long long)silence(&d, BOOT_A), 0, "no journal: nobody was there before");
	j = must_open(&d, BOOT_A, 0, 0);
	is_int((long long)silence(&d, BOOT_A), 0, "an empty one: nobody either");
	put(j, EVENT_START, now / 2);
	ok(about(silence(&d, BOOT_A), now / 2), "silent since the last record");
	beat(&d, BOOT_A, now / 4 * 3);
	ok(about(silence(&d, BOOT_A), now / 4), "or since the heartbeat behind it");
	beat(&d, BOOT_A, now / 4);
	ok(about(silence(&d, BOOT_A), now / 2), "not since one before it");
	put(j, EVENT_STOP, now);
	is_int((long long)silence(&d, BOOT_A), 0, "a stop record says it");
	put(j, EVENT_GAP, now);
	is_int((long long)silence(&d, BOOT_A), 0, "with a gap record behind it too");
	put(j, EVENT_START, now / 2);
	ok(silence(&d, BOOT_A), "one that was started again no more");
	journal_free(j);
	dir_remove(&d);
}

static void test_reboot(void)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, 0, 0);
	uint64_t far = clock_boot_ns() + 7200 * S;

	put(j, EVENT_START, far);
	beat(&d, BOOT_A, far);
	journal_free(j);
	j = must_open(&d, BOOT_B, 0, 0);
	ok(about(silence(&d, BOOT_B), 0), "of another boot the record's wall time counts");
	put(j, EVENT_STOP, 1);
	is_int((long long)silence(&d, BOOT_B), 0, "and a stop record in this one");
	journal_free(j);
	dir_remove(&d);
}

/* A gap of time is none of records: it neither hides a hole nor is counted as records. */
static void test_account(void)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, 0, 0);
	struct journal_verdict v;

	put(j, EVENT_START, 1);
	put(j, EVENT_GAP, 2);
	is_int(journal_verify(d.fd, NULL, NULL, &v), 0, "a journal with a gap of time is whole");
	ok(v.records == 2 && !v.gap_records && !v.gaps && !v.damages,
	   "and says nothing of records that are missing");
	journal_free(j);
	dir_remove(&d);
}

int main(void)
{
	test_endings();
	test_reboot();
	test_account();
	return tap_done();
}
