/* SPDX-License-Identifier: GPL-2.0 */
#include "base/clock.h"
#include "journal_util.h"
#include "tap.h"

#define CAP (256u << 10)
#define SEG (32u << 10)

static uint64_t folder_bytes;

static void add_size(const struct dir *d, const char *name, void *arg)
{
	struct stat st;

	(void)arg;
	if (fstatat(d->fd, name, &st, 0) == 0)
		folder_bytes += (uint64_t)st.st_size;
}

static uint64_t size_of(const struct dir *d)
{
	folder_bytes = 0;
	dir_each(d, add_size, NULL);
	return folder_bytes;
}

static void test_unread(void)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, CAP, SEG);
	uint64_t dropped, total_dropped = 0, over = 0, appended = 0;
	struct census c;

	for (int i = 0; i < 1000; i++) {
		for (int k = 0; k < 10; k++, appended++)
			append_one(j);
		if (journal_commit(j, &dropped) < 0)
			ok(false, "commit %d", i);
		total_dropped += dropped;
		over += size_of(&d) > CAP + 16384;
	}
	is_int(over, 0, "the folder never outgrows its cap");
	ok(total_dropped > 8000, "%d records were dropped", (int)total_dropped);
	c = census_of(&d, (struct journal_pos){ 0 });
	is_int(c.damages, 0, "a reader who begins now sees no damage");
	is_int(c.records + c.lost, journal_head(j).seq,
	       "delivered and lost are all there ever were");
	is_int(verify_damages(&d), 0, "and the journal verifies");
	c = census_of(&d, (struct journal_pos){ 1, 5 });
	is_int(c.dropped, 1, "a reader who was overtaken is told");
	is_int(c.records + c.lost, journal_head(j).seq, "and the gap records say what it missed");
	for (int k = 0; k < 1000; k++)
		append_one(j);
	is_int(journal_commit(j, &dropped), 0, "a batch of most of the cap still goes in");
	journal_free(j);
	dir_remove(&d);
}

static void test_too_big(void)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, CAP, SEG);
	struct census c;
	uint64_t dropped;

	append_n(j, 5);
	for (int k = 0; k < 2000; k++)
		append_one(j);
	is_int(journal_commit(j, &dropped), -ENOSPC, "a batch larger than the cap is dropped");
	is_int(dropped, 2000, "and counted");
	ok(journal_owes(j), "which is owed");
	append_n(j, 5);
	ok(!journal_owes(j), "until the next commit");
	is_int(journal_head(j).seq, 2011, "its numbers stay used");
	c = census_of(&d, (struct journal_pos){ 0 });
	is_int(c.lost, 2000, "the gap record has the count");
	is_int(c.records, 11, "beside ten records and itself");
	is_int(verify_damages(&d), 0, "the journal verifies");
	journal_free(j);
	dir_remove(&d);
}

static void test_acknowledged(void)
{
	struct dir d = dir_make();
	struct journal_opts o = { .node = "n1", .max_bytes = CAP, .segment_bytes = SEG };
	struct journal *j = must_open(&d, BOOT_A, CAP, SEG);
	uint64_t dropped, total = 0;
	struct census c;
	char *why = NULL;

	for (int i = 0; i < 500; i++) {
		for (int k = 0; k < 10; k++)
			append_one(j);
		if (journal_commit(j, &dropped) < 0 || journal_ack_write(d.fd, journal_head(j)) < 0)
			ok(false, "commit %d", i);
		total += dropped;
	}
	is_int(total, 0, "what is acknowledged goes without loss");
	c = census_of(&d, (struct journal_pos){ 0 });
	is_int(c.gap_records, 0, "and without gap records");
	ok(c.records > 800, "but stays as long as there is room (%d)", (int)c.records);
	is_int(c.damages, 0, "no reader sees damage");
	is_int(verify_damages(&d), 0, "acknowledged and expired is not missing");
	c = census_of(&d, (struct journal_pos){ 1, 5 });
	is_int(c.dropped, 1, "a reader that had not seen it is told");
	journal_free(j);

	/* A replay window of 1 ns: everything acknowledged goes at the next roll-over. */
	o.replay_ns = 1;
	if (journal_open(d.fd, &o, BOOT_A, &j, &why) < 0)
		bail("journal_open", EIO);
	append_n(j, 300);
	c = census_of(&d, (struct journal_pos){ 0 });
	ok(c.records < 500, "beyond the replay window it goes (%d left)", (int)c.records);
	is_int(verify_damages(&d), 0, "which verifies too");
	journal_free(j);
	dir_remove(&d);
}

static void test_partly(void)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, CAP, SEG);
	struct census c;

	append_n(j, 300);
	if (journal_ack_write(d.fd, (struct journal_pos){ 1, 200 }) < 0)
		ok(false, "ack");
	for (int i = 0; i < 300; i++)
		append_n(j, 10);
	c = census_of(&d, (struct journal_pos){ 0 });
	is_int(200 + c.lost + c.records, journal_head(j).seq,
	       "of a segment acknowledged in part only the rest is lost");
	is_int(verify_damages(&d), 0, "and the journal verifies");
	journal_free(j);
	dir_remove(&d);
}

static void test_boots(void)
{
	static const char *const boots[] = { BOOT_A, BOOT_B };
	struct dir d = dir_make();
	uint64_t appended = 0, gap_records = 0;
	struct census c;

	for (int i = 0; i < 100; i++) {
		struct journal *j = must_open(&d, boots[i % 2], CAP, SEG);

		append_n(j, 100);
		appended += 100;
		is_int(journal_head(j).boot_seq, i + 1, "boot %d has its number", i + 1);
		journal_free(j);
	}
	c = census_of(&d, (struct journal_pos){ 0 });
	gap_records = c.gap_records;
	ok(c.lost + c.records - gap_records >= appended,
	   "over a hundred boots all is delivered or lost (%d in %d gap records)", (int)c.lost,
	   (int)gap_records);
	is_int(c.damages, 0, "a reader sees no damage");
	is_int(verify_damages(&d), 0, "and the journal verifies");
	dir_remove(&d);
}

int main(void)
{
	test_unread();
	test_too_big();
	test_acknowledged();
	test_partly();
	test_boots();
	return tap_done();
}
