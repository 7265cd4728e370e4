/* SPDX-License-Identifier: GPL-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "core/event.h"
#include "journal/journal.h"
#include "ship/ship.h"
#include "store/store.h"
#include "tap.h"

/* The shipper against the store in memory: resuming, holes, damage, conflicts. */

static char dir[64];
static int dirfd_ = -1;
static unsigned damages, conflicts;

static int on_damage(const struct journal_damage *d, void *arg)
{
	(void)d;
	(void)arg;
	damages++;
	return 0;
}

static int on_conflict(struct journal_pos pos, const char *why, void *arg)
{
	(void)arg;
	ok(strstr(why, "other bytes"), "the conflict at %u:%llu is reported: %s", pos.boot_seq,
	   (unsigned long long)pos.seq, why);
	conflicts++;
	return 0;
}

static void fresh(void)
{
	snprintf(dir, sizeof(dir), "/tmp/ajar-shipunit-XXXXXX");
	if (!mkdtemp(dir))
		exit(1);
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	damages = conflicts = 0;
}

static void drop(void)
{
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] != '.')
			unlinkat(dirfd_, e->d_name, 0);
	}
	if (d)
		closedir(d);
	close(dirfd_);
	rmdir(dir);
}

static struct journal *journal(const char *boot_id)
{
	struct journal_opts o = { .node = "n1" };
	struct journal *j = NULL;
	char *why = NULL;

	if (journal_open(dirfd_, &o, boot_id, &j, &why))
		printf("# %s\n", why ? why : "?");
	free(why);
	return j;
}

static void append(struct journal *j, unsigned n)
{
	struct event ev = { .kind = EVENT_STOP,
			    .time_ns = 5,
			    .reason = TEXT("a reason to be found") };
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct journal_pos pos;
	uint64_t dropped;

	event_encode(&ev, &b);
	for (unsigned i = 0; i < n; i++) {
		if (journal_append(j, b.data, b.len, &pos))
			ok(false, "append");
	}
	if (journal_commit(j, &dropped))
		ok(false, "commit");
	buf_done(&b);
}

static struct store *memory(void)
{
	struct store *s = NULL;

	if (store_open("sqlite::memory:", STORE_CREATE, &s, NULL))
		ok(false, "store_open");
	return s;
}

static struct ship *ship(struct store *s)
{
	struct ship_opts o = {
		.node = "n1", .host_type = "compute", .damage = on_damage, .conflict = on_conflict
	};
	struct ship *sh = NULL;

	if (ship_new(dirfd_, s, &o, &sh))
		ok(false, "ship_new");
	return sh;
}

static int ship_all(struct ship *sh)
{
	int more;

	for (unsigned i = 0; i < 1000; i++) {
		more = ship_step(sh);
		if (more <= 0)
			return more;
	}
	return -ELOOP;
}

static uint64_t head(struct store *s, uint32_t boot)
{
	uint64_t seq = 0;

	return store_event_head(s, "n1", boot, &seq) ? UINT64_MAX : seq;
}

static void test_resume(void)
{
	struct journal *j;
	struct journal_pos ack;
	struct store *s = memory();
	struct ship *sh;

	fresh();
	j = journal("11111111-1111-1111-1111-111111111111");
	append(j, 700);
	sh = ship(s);
	is_int(ship_step(sh), 1, "after a full batch there may be more");
	is_int((long long)head(s, 1), STORE_BATCH_MAX, "one step is one batch");
	is_int(ship_all(sh), 0, "then the journal has no more");
	is_int((long long)head(s, 1), 700, "all is in the store");
	append(j, 5);
	is_int(ship_all(sh), 0, "what comes later");
	is_int((long long)head(s, 1), 705, "is shipped too");
	is_int((long long)ship_counts(sh)->sent, 705, "nothing was sent twice");
	ship_free(sh);
	sh = ship(s);
	is_int(ship_all(sh), 0, "a new shipper");
	is_int((long long)ship_counts(sh)->sent, 0, "sends nothing that the store has");
	journal_free(j);
	j = journal("22222222-2222-2222-2222-222222222222");
	append(j, 10);
	is_int(ship_all(sh), 0, "another boot");
	ok(head(s, 2) == 10 && ship_counts(sh)->sent == 10, "is shipped");
	is_int(journal_ack_read(dirfd_, &ack), 0, "the acknowledgement");
	ok(ack.boot_seq == 2 && ack.seq == 10, "is the last record");
	ship_free(sh);
	store_free(s);
	s = memory();
	sh = ship(s);
	is_int(ship_all(sh), 0, "to an empty store");
	ok(head(s, 1) == 705 && head(s, 2) == 10, "everything is sent again");
	ship_free(sh);
	store_free(s);
	journal_free(j);
	drop();
}

/* Copies some records by hand, so that the store has a hole. */
static void put_some(struct store *s, uint64_t first, uint64_t last, bool forge)
{
	struct journal_reader *r = NULL;
	struct journal_damage d;
	struct journal_record rec;
	size_t n;

	if (journal_reader_new(dirfd_, (struct journal_pos){ 0 }, &r))
		return;
	while (journal_next(r, &rec, &d) == 1) {
		struct store_event e = { .boot_seq = rec.pos.boot_seq,
					 .seq = rec.pos.seq,
					 .recorded_ns = rec.wall_ns,
					 .record = rec.payload };

		if (rec.pos.seq < first || rec.pos.seq > last)
			continue;
		memcpy(e.chain, rec.chain, SHA256_LEN);
		e.chain[0] ^= forge;
		if (store_put_events(s, "n1", "compute", &e, 1, &n))
			ok(false, "%s", store_why(s));
	}
	journal_reader_free(r);
}

static void test_holes(void)
{
	struct store *s = memory();
	struct journal *j;
	struct ship *sh;

	fresh();
	j = journal("11111111-1111-1111-1111-111111111111");
	append(j, 40);
	put_some(s, 1, 10, false);
	put_some(s, 21, 30, false);
	is_int((long long)head(s, 1), 10, "a store with a hole");
	sh = ship(s);
	is_int(ship_all(sh), 0, "a shipper");
	is_int((long long)head(s, 1), 40, "fills it");
	ok(ship_counts(sh)->sent == 30 && ship_counts(sh)->stored == 20,
	   "sending only what is behind the hole");
	ship_rewind(sh);
	is_int(ship_all(sh), 0, "walking again");
	is_int((long long)ship_counts(sh)->sent, 30, "sends nothing");
	ship_free(sh);
	store_free(s);
	journal_free(j);
	drop();
}

static void test_conflict(void)
{
	struct store *s = memory();
	struct journal *j;
	struct ship *sh;

	fresh();
	j = journal("11111111-1111-1111-1111-111111111111");
	append(j, 40);
	put_some(s, 7, 7, true);
	sh = ship(s);
	is_int(ship_all(sh), 0, "a store that has another record 7");
	is_int(conflicts, 1, "is reported once");
	is_int((long long)head(s, 1), 40, "and gets all the others");
	is_int((long long)ship_counts(sh)->quarantined, 1, "record 7 waits in quarantine");
	ship_rewind(sh);
	ship_offer_again(sh);
	is_int(ship_all(sh), 0, "it is offered again");
	ok(ship_counts(sh)->quarantined == 1 && conflicts == 1, "and refused, which is no news");
	ship_free(sh);
	store_free(s);
	s = memory();
	sh = ship(s);
	is_int(ship_all(sh), 0, "a store that was fixed");
	is_int((long long)ship_counts(sh)->quarantined, 0, "takes it");
	is_int((long long)head(s, 1), 40, "with all the others");
	ship_free(sh);
	store_free(s);
	journal_free(j);
	drop();
}

static void test_damage(void)
{
	struct store *s = memory();
	struct journal *j;
	struct ship *sh;
	DIR *d;

	fresh();
	j = journal("11111111-1111-1111-1111-111111111111");
	append(j, 20);
	append(j, 20);
	journal_free(j);
	d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;
		int fd = openat(dirfd_, e->d_name, O_RDWR | O_CLOEXEC);

		/* The segment is the one file that has room for 40 records. */
		if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 40 * 40 &&
		    pwrite(fd, "\xa5\x5a", 2, st.st_size / 4) != 2)
			ok(false, "pwrite");
		if (fd >= 0)
			close(fd);
	}
	if (d)
		closedir(d);
	sh = ship(s);
	is_int(ship_all(sh), 0, "a damaged journal is shipped");
	ok(damages >= 1, "the damage is reported");
	ok(ship_counts(sh)->stored >= 20 && ship_counts(sh)->stored < 40,
	   "everything else is delivered: %llu of 40", (unsigned long long)ship_counts(sh)->stored);
	damages = 0;
	ship_rewind(sh);
	is_int(ship_all(sh), 0, "walking again");
	is_int(damages, 0, "does not tell it again");
	ship_free(sh);
	store_free(s);
	drop();
}

int main(void)
{
	test_resume();
	test_holes();
	test_conflict();
	test_damage();
	return tap_done();
}
