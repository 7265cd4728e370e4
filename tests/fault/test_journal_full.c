/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file system of one mebibyte, really full: by the journal itself, and by somebody else's file.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "journal_util.h"
#include "tap.h"

static struct dir d;

static void fill(bool full)
{
	static const char block[4096];
	int fd = openat(d.fd, "filler", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	while (full && write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static int batch(struct journal *j, int n, uint64_t *dropped)
{
	while (n--)
		append_one(j);
	return journal_commit(j, dropped);
}

static void test_by_journal(void)
{
	struct journal *j = must_open(&d, BOOT_A, 0, 64 << 10);
	uint64_t dropped, total = 0;
	struct census c;
	int failed = 0;

	for (int i = 0; i < 500; i++) {
		failed += batch(j, 50, &dropped) < 0;
		total += dropped;
	}
	is_int(failed, 0, "a journal that fills its disk goes on");
	ok(total > 0, "by dropping (%d records)", (int)total);
	c = census_of(&d, (struct journal_pos){ 0 });
	is_int(c.records + c.lost, journal_head(j).seq, "and accounts for all");
	is_int(c.damages, 0, "without damage");
	is_int(verify_damages(&d), 0, "it verifies");
	journal_free(j);
	dir_empty(&d);
}

static void test_by_others(void)
{
	struct journal *j = must_open(&d, BOOT_A, 0, 64 << 10);
	uint64_t dropped, refused = 0, before;
	struct census c;

	for (int i = 0; i < 20; i++)
		append_n(j, 50);
	before = count_records(&d);
	/* Whatever is freed is taken at once: the segment being written must not be eaten. */
	for (int i = 0; i < 40; i++) {
		fill(true);
		if (batch(j, 20, &dropped) == -ENOSPC)
			refused += 20;
	}
	ok(refused > 0, "when nothing gives room batches are refused (%d records)", (int)refused);
	ok(journal_owes(j), "and a gap record is owed");
	ok(count_records(&d) > 0 && count_records(&d) <= before + 800, "the last records are kept");
	is_int(verify_damages(&d), 0, "the journal verifies while full");
	journal_free(j);
	{
		/* Killed while full: the account is in the head file. */
		struct journal *again = must_open(&d, BOOT_A, 0, 64 << 10);

		/* It may have found room for that in the last page of a file. */
		ok(journal_owes(again) || census_of(&d, (struct journal_pos){ 0 }).lost >= refused,
		   "a writer that comes back knows what it owes");
		fill(false);
		is_int(journal_commit(again, &dropped), 0,
		       "once there is room an empty commit pays");
		ok(!journal_owes(again), "nothing is owed any more");
		append_n(again, 1);
		c = census_of(&d, (struct journal_pos){ 0 });
		is_int(c.records + c.lost, journal_head(again).seq,
		       "every number is accounted for");
		is_int(c.damages, 0, "without damage");
		is_int(verify_damages(&d), 0, "and the journal verifies");
		journal_free(again);
	}
	dir_empty(&d);
}

static void test_no_room_to_begin(void)
{
	const struct journal_opts o = { .node = "n1" };
	struct journal *j = NULL;
	char *why = NULL;

	fill(true);
	is_int(journal_open(d.fd, &o, BOOT_A, &j, &why), -ENOSPC, "no room to begin is an error");
	ok(why, "with a reason: %s", why ? why : "");
	free(why);
	fill(false);
	j = must_open(&d, BOOT_A, 0, 0);
	ok(j, "and fixed by room");
	fill(true);
	is_int(journal_ack_write(d.fd, (struct journal_pos){ 1, 1 }), 0,
	       "a full disk does not keep the shipper from acknowledging");
	journal_free(j);
	dir_empty(&d);
}

/*
 * A limit on the size of files fails writes with EFBIG in the middle of a record: nothing half
 * stays.
 */
static void test_short_writes(void)
{
	struct journal *j = must_open(&d, BOOT_A, 0, 64 << 10);
	uint64_t dropped, bad = 0;
	struct census c;

	for (int room = 0; room < 60; room++) {
		char block[331] = { 0 };
		int fd;

		fill(true);
		fd = openat(d.fd, "filler", O_WRONLY | O_CLOEXEC);
		bad += fd < 0 || ftruncate(fd, lseek(fd, 0, SEEK_END) - 4096 * (room % 5)) < 0;
		close(fd);
		block[0] = 1;
		for (int i = 0; i < room; i++) {
			struct journal_pos pos;

			bad += journal_append(j, block, sizeof(block), &pos) != 0;
		}
		if (journal_commit(j, &dropped) < 0)
			errno = 0;
		bad += verify_damages(&d) != 0;
	}
	fill(false);
	append_n(j, 1);
	is_int(bad, 0, "writes that stop half-way leave a journal that verifies");
	c = census_of(&d, (struct journal_pos){ 0 });
	is_int(c.records + c.lost, journal_head(j).seq, "and every number accounted for");
	journal_free(j);
	dir_empty(&d);
}

int main(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		tap_skip_all("needs root for a mount namespace");
	d = dir_make();
	if (mount("ajar-test", d.path, "tmpfs", 0, "size=1m,mode=700") < 0)
		bail("mount", errno);
	close(d.fd);
	d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_by_journal();
	test_by_others();
	test_no_room_to_begin();
	test_short_writes();
	close(d.fd);
	umount2(d.path, MNT_DETACH);
	rmdir(d.path);
	return tap_done();
}
