/* SPDX-License-Identifier: GPL-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "core/event.h"
#include "ship/quarantine.h"
#include "tap.h"

static char dir[64];
static int dirfd_;

static struct quarantined record(uint64_t seq, char *bytes, size_t len)
{
	struct quarantined one = { .pos = { 3, seq },
				   .recorded_ns = 11,
				   .put_ns = 12,
				   .record = { bytes, (uint32_t)len },
				   .why = text_of("because\nof \033 that") };

	memset(one.chain, (int)seq, sizeof(one.chain));
	return one;
}

static struct quarantine *reopen(struct quarantine *q)
{
	struct quarantine *again = NULL;

	quarantine_free(q);
	if (quarantine_open(dirfd_, &again))
		ok(false, "quarantine_open");
	return again;
}

static unsigned visited, wrong;

/* Odd ones may leave. */
static int take_odd(const struct quarantined *one, void *arg)
{
	char bytes[EVENT_RECORD_MAX];
	struct quarantined want = record(one->pos.seq, bytes, (size_t)one->pos.seq * 100);

	(void)arg;
	memset(bytes, (int)one->pos.seq, sizeof(bytes));
	visited++;
	wrong += one->pos.boot_seq != 3 || one->recorded_ns != 11 || one->put_ns != 12 ||
		 !text_eq(one->record, want.record) ||
		 memcmp(one->chain, want.chain, sizeof(want.chain)) != 0 ||
		 !text_is(one->why, "because\\x0aof \\x1b that");
	return one->pos.seq % 2;
}

static int fail(const struct quarantined *one, void *arg)
{
	(void)arg;
	return one->pos.seq == 2 ? 1 : -EIO;
}

static long long size_of_file(void)
{
	struct stat st;

	return fstatat(dirfd_, QUARANTINE_FILE, &st, 0) < 0 ? -errno : st.st_size;
}

static void test_waiting(void)
{
	char bytes[EVENT_RECORD_MAX];
	struct quarantine *q = reopen(NULL);
	struct quarantined one;
	int fd;

	is_int((long long)quarantine_count(q), 0, "nothing waits at first");
	for (uint64_t seq = 1; seq <= 6; seq++) {
		memset(bytes, (int)seq, sizeof(bytes));
		one = record(seq, bytes, (size_t)seq * 100);
		is_int(quarantine_put(q, &one), 1, "record %llu is put", (unsigned long long)seq);
	}
	is_int(quarantine_put(q, &one), 0, "one that waits already is no news");
	q = reopen(q);
	is_int((long long)quarantine_count(q), 6, "six wait");
	is_int(quarantine_offer(q, take_odd, NULL), 0, "they are offered");
	ok(visited == 6 && !wrong, "byte for byte as they were, with the reason");
	q = reopen(q);
	is_int((long long)quarantine_count(q), 3, "those that were taken have left");
	is_int(quarantine_offer(q, fail, NULL), -EIO, "an offer that fails in the middle");
	is_int((long long)quarantine_count(q), 2, "what had left by then has left");

	fd = openat(dirfd_, QUARANTINE_FILE, O_WRONLY | O_APPEND | O_CLOEXEC);
	is_int(file_write_all(fd, "3:99 1 2 ab", 11), 0, "a line that was never finished");
	close(fd);
	q = reopen(q);
	is_int((long long)quarantine_count(q), 2, "never was one");
	ok(!quarantine_was_damaged(q), "and is no damage");
	memset(bytes, 8, sizeof(bytes));
	one = record(8, bytes, EVENT_RECORD_MAX);
	is_int(quarantine_put(q, &one), 1, "the biggest record");
	q = reopen(q);
	is_int((long long)quarantine_count(q), 3, "is there whole");
	quarantine_free(q);
}

static int take_all(const struct quarantined *one, void *arg)
{
	(void)one;
	(void)arg;
	return 1;
}

static void test_full(void)
{
	static char bytes[EVENT_RECORD_MAX];
	struct quarantine *q = reopen(NULL);
	struct quarantined one;
	uint64_t seq = 100;
	int ret;

	is_int(quarantine_offer(q, take_all, NULL), 0, "all leave");
	is_int(size_of_file(), -ENOENT, "and the file with them");
	do {
		one = record(seq++, bytes, sizeof(bytes));
		ret = quarantine_put(q, &one);
	} while (ret == 1);
	is_int(ret, -ENOBUFS, "what is full says so");
	ok(size_of_file() <= QUARANTINE_BYTES_MAX && size_of_file() > QUARANTINE_BYTES_MAX - 40000,
	   "at its maximum");
	q = reopen(q);
	is_int((long long)quarantine_count(q), (long long)seq - 101, "and is read again");
	is_int(quarantine_offer(q, take_all, NULL), 0, "emptied");
	quarantine_free(q);
}

static void test_damage(void)
{
	static const char *const texts[] = {
		"hello\n", "1:2 3 4 zz 00 why\n", "1:2 3 4 00 00 why\n",
		"\n",	   "1:2 3 4 00 00 why\n", "4294967296:2 3 4 \n",
	};
	struct quarantine *q;
	unsigned kept = 0;
	DIR *d;

	for (size_t i = 0; i < array_len(texts); i++) {
		is_int(file_write_atomic(dirfd_, QUARANTINE_FILE, texts[i], strlen(texts[i]), 0600),
		       0, "a file that is none");
		q = reopen(NULL);
		ok(quarantine_was_damaged(q) && !quarantine_count(q),
		   "is said, and a new one begun");
		quarantine_free(q);
	}
	is_int(file_write_atomic(dirfd_, QUARANTINE_FILE, "a\0b\n", 4, 0600), 0, "a NUL in it");
	q = reopen(NULL);
	ok(quarantine_was_damaged(q), "is damage too");
	quarantine_free(q);
	d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		kept += strstr(e->d_name, ".damaged-") != NULL;
		unlinkat(dirfd_, e->d_name, 0);
	}
	if (d)
		closedir(d);
	is_int(kept, array_len(texts) + 1, "each is kept beside it");
}

int main(void)
{
	snprintf(dir, sizeof(dir), "/tmp/ajar-quarantine-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_waiting();
	test_full();
	test_damage();
	close(dirfd_);
	rmdir(dir);
	return tap_done();
}
