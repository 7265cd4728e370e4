/* SPDX-License-Identifier: GPL-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "core/event.h"
#include "journal/journal.h"
#include "ship/ship.h"
#include "store/store.h"
#include "tap.h"

/*
 * The shipper is killed at random moments while the journal grows: in the end the store is the
 * journal.
 */

static char top[64], dir[100], store_path[100];
static int dirfd_ = -1;

static void remove_files(const char *of)
{
	DIR *d = opendir(of);

	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

static struct journal *open_journal(const char *boot_id)
{
	struct journal_opts o = { .node = "n1", .segment_bytes = 1 << 20 };
	struct journal *j = NULL;
	char *why = NULL;

	if (journal_open(dirfd_, &o, boot_id, &j, &why))
		printf("# journal_open: %s\n", why ? why : "?");
	free(why);
	return j;
}

static bool append(struct journal *j, unsigned n)
{
	static uint64_t cookie;
	struct journal_pos pos;
	uint64_t dropped;

	for (unsigned i = 0; i < n; i++) {
		struct event ev = { .kind = EVENT_OPEN,
				    .origin = ORIGIN_EVENT,
				    .time_ns = clock_wall_ns(),
				    .door = { .proto = PROTO_TCP,
					      .family = FAMILY_INET,
					      .scope = SCOPE_ANY,
					      .port = 4444,
					      .netns_cookie = 1,
					      .cookie = ++cookie } };
		struct buf b = BUF_INIT(EVENT_RECORD_MAX);
		int err;

		event_encode(&ev, &b);
		err = journal_append(j, b.data, b.len, &pos);
		buf_done(&b);
		if (err)
			return false;
	}
	return !journal_commit(j, &dropped) && !dropped;
}

/* Ships until killed, or, when told to, until the journal has no more. */
static int shipper(bool drain)
{
	struct ship_opts o = { .node = "n1", .host_type = "compute" };
	struct ship *ship = NULL;
	struct store *s = NULL;
	struct pollfd p = { .events = POLLIN };
	int err;

	err = store_open(store_path, STORE_CREATE, &s, NULL);
	if (!err)
		err = ship_new(dirfd_, s, &o, &ship);
	if (!err)
		p.fd = ship_fd(ship);
	while (!err) {
		int more = ship_step(ship);

		if (more < 0)
			err = more;
		else if (!more && drain)
			break;
		else if (!more && poll(&p, 1, 10000) > 0)
			ship_fd_clear(ship);
	}
	ship_free(ship);
	store_free(s);
	return err ? 1 : 0;
}

static pid_t start(bool drain)
{
	pid_t pid = fork();

	if (!pid)
		_exit(shipper(drain));
	return pid;
}

static uint32_t next_random(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

static void run(unsigned kills)
{
	static const char *const boots[] = { "11111111-1111-1111-1111-111111111111",
					     "22222222-2222-2222-2222-222222222222" };
	unsigned shipped_alone = 0, early = 0;

	for (unsigned boot = 0; boot < 2; boot++) {
		struct journal *j = open_journal(boots[boot]);
		bool good = j;

		for (unsigned i = 0; good && i < kills / 2; i++) {
			uint64_t until = clock_boot_ns() + next_random() % 40000000;
			pid_t pid = start(false);
			int status;

			do
				good = append(j, 1 + next_random() % 120);
			while (good && clock_boot_ns() < until);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			early += !WIFSIGNALED(status);
			shipped_alone++;
		}
		ok(good, "boot %u: the journal takes everything while shippers die", boot + 1);
		journal_free(j);
	}
	is_int(early, 0, "%u shippers were killed, none ended by itself", shipped_alone);
}

static void drain(void)
{
	int status = -1;

	waitpid(start(true), &status, 0);
	is_int(status, 0, "the last shipper finds the end");
}

/* --- store == journal ---------------------------------------------------------------------------------- */

struct compare {
	struct journal_reader *r;
	uint64_t same, wrong;
	struct journal_pos last;
};

static int compare_row(const struct store_event_row *row, void *arg)
{
	struct compare *c = arg;
	struct journal_damage d;
	struct journal_record rec;

	if (journal_next(c->r, &rec, &d) == 1 && rec.pos.boot_seq == row->raw.boot_seq &&
	    rec.pos.seq == row->raw.seq && text_eq(rec.payload, row->raw.record) &&
	    rec.wall_ns == row->raw.recorded_ns && !memcmp(rec.chain, row->raw.chain, SHA256_LEN))
		c->same++;
	else
		c->wrong++;
	c->last = (struct journal_pos){ row->raw.boot_seq, row->raw.seq };
	return c->wrong > 10;
}

static void compare_all(void)
{
	struct compare c = { 0 };
	struct journal_verdict v = { 0 };
	struct journal_pos ack = { 0 };
	struct journal_damage d;
	struct journal_record rec;
	struct store *s = NULL;

	is_int(store_open(store_path, 0, &s, NULL), 0, "the store opens");
	is_int(journal_verify(dirfd_, NULL, NULL, &v), 0, "the journal is whole");
	is_int(journal_reader_new(dirfd_, (struct journal_pos){ 0 }, &c.r), 0,
	       "the journal is read");
	for (uint32_t boot = 1; s && boot <= v.last.boot_seq; boot++) {
		struct store_event_query q = { .node = "n1", .boot_seq = boot };

		if (store_events(s, &q, compare_row, &c))
			printf("# differs after %u:%llu\n", c.last.boot_seq,
			       (unsigned long long)c.last.seq);
	}
	is_int((long long)c.wrong, 0, "record by record the store is the journal");
	ok(c.same == v.records && c.same, "all %llu of them, none twice",
	   (unsigned long long)v.records);
	is_int(journal_next(c.r, &rec, &d), 0, "the journal has no more");
	is_int(journal_ack_read(dirfd_, &ack), 0, "the acknowledgement");
	ok(ack.boot_seq == v.last.boot_seq && ack.seq == v.last.seq, "is the last record");
	journal_reader_free(c.r);
	store_free(s);
}

int main(void)
{
	unsigned kills = getenv("AJAR_LONG") ? 200 : 20;

	snprintf(top, sizeof(top), "/tmp/ajar-ship-XXXXXX");
	if (!mkdtemp(top))
		return 1;
	snprintf(store_path, sizeof(store_path), "%s/store.db", top);
	snprintf(dir, sizeof(dir), "%s/journal", top);
	if (mkdir(dir, 0700))
		return 1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	run(kills);
	drain();
	compare_all();
	/* A store that is lost is filled again from the replay window. */
	remove_files(top);
	drain();
	compare_all();
	remove_files(dir);
	rmdir(dir);
	remove_files(top);
	rmdir(top);
	return tap_done();
}
