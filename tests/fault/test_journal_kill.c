/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kill -9 of a writer at random instants under load: on a disk, below a small cap, and on a full
 * file system. The child reports what journal_commit() said of each batch; afterwards every number
 * ever given out must be delivered with the payload that went in, or be in a gap record, or be
 * acknowledged and gone; never two of these, never none.
 *
 * A writer is killed after some records or some time, whichever is first: each account reads all
 * that was written so far, and where /tmp is memory 60 ms are 30,000 records.
 */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "journal_util.h"
#include "tap.h"

#define BOOTS_MAX 1024
#define SEQ_MAX (1 << 20)
#define RECORDS_A_RUN 8000

struct payload {
	uint32_t run;
	uint32_t counter;
	char pad[232];
};

/* What the child says after each commit. */
struct said {
	uint32_t run, counter, boot_seq, n;
	uint64_t first_seq;
	int32_t err;
};

enum state { NOTHING, COMMITTED, DROPPED };

struct number {
	uint32_t run, counter;
	uint8_t state, delivered, gapped, in_hull;
};

struct ledger {
	struct number *n[BOOTS_MAX];
	uint64_t len[BOOTS_MAX]; /* highest number known */
	uint64_t committed, dropped;
};

static const struct mode {
	const char *name;
	uint64_t max_bytes, segment_bytes;
	bool tiny_disk;
} modes[] = {
	{ "a disk with room", 0, 64 << 10, false },
	{ "a cap of 256 KiB", 256 << 10, 16 << 10, false },
	{ "a full file system", 0, 32 << 10, true },
};

static uint64_t rnd_state;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(rnd_state >> 33) % below;
}

static struct number *number(struct ledger *l, uint32_t boot_seq, uint64_t seq)
{
	if (boot_seq >= BOOTS_MAX || seq >= SEQ_MAX)
		bail("numbers beyond the test's table", ERANGE);
	if (!l->n[boot_seq])
		l->n[boot_seq] = calloc(SEQ_MAX, sizeof(struct number));
	if (!l->n[boot_seq])
		bail("ledger", ENOMEM);
	if (seq > l->len[boot_seq])
		l->len[boot_seq] = seq;
	return &l->n[boot_seq][seq];
}

/* --- the writer that gets killed ------------------------------------------------------------------ */

static void writer(const struct dir *d, const struct mode *m, const char *boot, uint32_t run,
		   int pipe)
{
	struct payload p = { .run = run };
	struct said s = { .run = run };
	char *why = NULL;
	struct journal *j = try_open(d, boot, m->max_bytes, m->segment_bytes, &why);
	uint64_t dropped;

	for (;;) {
		s.n = 1 + rnd(40);
		s.counter = p.counter;
		for (uint32_t i = 0; i < s.n; i++) {
			struct journal_pos pos;

			p.counter++;
			if (journal_append(j, &p, sizeof(p), &pos) < 0)
				_exit(3);
			if (!i)
				s.first_seq = pos.seq;
			s.boot_seq = pos.boot_seq;
		}
		s.err = journal_commit(j, &dropped);
		if (write(pipe, &s, sizeof(s)) != (ssize_t)sizeof(s))
			_exit(4);
	}
}

static void note_said(struct ledger *l, const struct said *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct number *n = number(l, s->boot_seq, s->first_seq + i);

		n->run = s->run;
		n->counter = s->counter + i + 1;
		n->state = s->err ? DROPPED : COMMITTED;
	}
	if (s->err)
		l->dropped += s->n;
	else
		l->committed += s->n;
}

/* Another program eats the room, or gives it back. */
static void fill_disk(const struct dir *d, bool full)
{
	static const char block[4096];
	int fd = openat(d->fd, "filler", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (int i = 0; full && fd >= 0 && i < 256 && write(fd, block, sizeof(block)) > 0; i++)
		;
	if (fd >= 0)
		close(fd);
}

static const char *boot_of(uint32_t run)
{
	return run / 6 % 2 ? BOOT_B : BOOT_A;
}

static void run_and_kill(const struct dir *d, const struct mode *m, uint32_t run, struct ledger *l)
{
	const char *boot = boot_of(run);
	uint64_t end = clock_boot_ns() + 1000000ULL * (2 + rnd(60));
	uint32_t said = 0, most = 1 + rnd(RECORDS_A_RUN);
	int fds[2];
	struct said s;
	pid_t pid;

	/* One page: a writer is at most 128 batches ahead of what was read. */
	if (pipe2(fds, O_CLOEXEC) < 0 || fcntl(fds[1], F_SETPIPE_SZ, 4096) < 0)
		bail("pipe", errno);
	pid = fork();
	if (pid < 0)
		bail("fork", errno);
	if (!pid) {
		close(fds[0]);
		writer(d, m, boot, run, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	for (;;) {
		struct pollfd p = { .fd = fds[0], .events = POLLIN };
		uint64_t now = clock_boot_ns();
		int ms = end > now ? (int)((end - now) / 1000000) : 0;

		if (poll(&p, 1, ms) > 0 && read(fds[0], &s, sizeof(s)) == (ssize_t)sizeof(s)) {
			note_said(l, &s);
			said += s.n;
		}
		if (m->tiny_disk && rnd(40) == 0)
			fill_disk(d, rnd(2));
		if (clock_boot_ns() >= end || said >= most)
			break;
	}
	kill(pid, SIGKILL);
	while (read(fds[0], &s, sizeof(s)) == (ssize_t)sizeof(s))
		note_said(l, &s);
	waitpid(pid, NULL, 0);
	close(fds[0]);
}

/* --- the account ------------------------------------------------------------------------------------- */

struct account {
	uint64_t delivered, doubled, altered, gap_records, gapped, damages, hull_count, in_hulls;
	uint64_t lost, unexplained, both, wrongly_there;
};

static void take_gap(struct ledger *l, struct account *a, const struct event *ev)
{
	a->gap_records++;
	a->gapped += ev->count;
	/*
	 * A journal written over many times unread: many ranges are one, whose count is exact
	 * still.
	 */
	if (ev->count != ev->to_seq - ev->from_seq + 1) {
		a->hull_count += ev->count;
		for (uint64_t seq = ev->from_seq; seq <= ev->to_seq; seq++)
			number(l, ev->gap_boot, seq)->in_hull = 1;
		return;
	}
	for (uint64_t seq = ev->from_seq; seq <= ev->to_seq; seq++) {
		struct number *n = number(l, ev->gap_boot, seq);

		a->doubled += n->gapped++ > 0;
	}
}

static void take_record(struct ledger *l, struct account *a, const struct journal_record *rec)
{
	struct number *n = number(l, rec->pos.boot_seq, rec->pos.seq);
	struct payload p;
	struct event ev;

	a->delivered++;
	a->doubled += n->delivered++ > 0;
	if (rec->payload.len != sizeof(p)) {
		if (event_decode(rec->payload.ptr, rec->payload.len, &ev) < 0 ||
		    ev.kind != EVENT_GAP)
			a->altered++;
		else
			take_gap(l, a, &ev);
		a->altered += n->state != NOTHING;
		return;
	}
	memcpy(&p, rec->payload.ptr, sizeof(p));
	a->altered += n->state && (p.run != n->run || p.counter != n->counter);
}

static struct account take_account(const struct dir *d, struct ledger *l, struct journal_pos ack)
{
	struct journal_reader *r = NULL;
	struct journal_record rec;
	struct journal_damage dmg;
	struct account a = { 0 };
	int got = journal_reader_new(d->fd, (struct journal_pos){ 0 }, &r);

	while (got >= 0 && (got = journal_next(r, &rec, &dmg)) > 0) {
		if (got == 1)
			take_record(l, &a, &rec);
		else
			a.damages++;
	}
	journal_reader_free(r);
	for (uint32_t b = 1; b < BOOTS_MAX; b++) {
		for (uint64_t seq = 1; seq <= l->len[b]; seq++) {
			struct number *n = &l->n[b][seq];
			bool acked = b < ack.boot_seq || (b == ack.boot_seq && seq <= ack.seq);

			a.both += n->delivered && n->gapped;
			a.lost += n->state == COMMITTED && !n->delivered && !n->gapped &&
				  !n->in_hull && !acked;
			a.wrongly_there += n->state == DROPPED && n->delivered;
			a.unexplained += !n->delivered && !n->gapped && !n->in_hull && !acked;
			a.in_hulls += n->in_hull && !n->delivered && !n->gapped;
			n->delivered = n->gapped = n->in_hull = 0;
		}
	}
	return a;
}

/* --- one mode ------------------------------------------------------------------------------------------ */

static void mount_tiny(struct dir *d)
{
	if (mount("ajar-test", d->path, "tmpfs", 0, "size=1m,mode=700") < 0)
		bail("mount", errno);
	close(d->fd);
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void reopen(const struct dir *d, const struct mode *m, uint32_t run)
{
	char *why = NULL;
	struct journal *j;
	uint64_t dropped;
	int err;

	unlinkat(d->fd, "filler", 0);
	/* What is owed gets written, and nothing else. */
	j = try_open(d, boot_of(run), m->max_bytes, m->segment_bytes, &why);
	err = journal_commit(j, &dropped);
	if (err || journal_owes(j))
		bail("what is owed cannot be written", err);
	if (why)
		bail(why, EBADMSG);
	journal_free(j);
}

static void test_mode(const struct mode *m, unsigned runs)
{
	struct ledger *l = calloc(1, sizeof(*l));
	struct account sum = { 0 }, a = { 0 };
	struct journal_pos ack = { 0 };
	uint64_t verified = 0, inexact = 0;
	struct dir d;

	if (!m->tiny_disk)
		setenv("AJAR_TEST_DIR", "/tmp", 1);
	d = dir_make();
	unsetenv("AJAR_TEST_DIR");
	if (m->tiny_disk)
		mount_tiny(&d);
	for (uint32_t run = 0; run < runs; run++) {
		run_and_kill(&d, m, run, l);
		reopen(&d, m, run);
		verified += verify_damages(&d);
		a = take_account(&d, l, ack);
		sum.lost += a.lost;
		sum.unexplained += a.unexplained;
		sum.both += a.both;
		sum.doubled += a.doubled;
		sum.altered += a.altered;
		sum.damages += a.damages;
		inexact += a.hull_count != a.in_hulls && !ack.boot_seq;
		sum.wrongly_there += a.wrongly_there;
		if (rnd(3) == 0) {
			ack = (struct journal_pos){ rnd(3) ? ack.boot_seq : run / 6, rnd(20000) };
			if (journal_ack_write(d.fd, ack) < 0 || journal_ack_read(d.fd, &ack) < 0)
				bail("ack", EIO);
		}
	}
	ok(l->committed > 0,
	   "%s: %u kills, %" PRIu64 " committed, %" PRIu64 " dropped, at last %" PRIu64
	   " delivered and %" PRIu64 " in %" PRIu64 " gap records",
	   m->name, runs, l->committed, l->dropped, a.delivered, a.gapped, a.gap_records);
	is_int(sum.lost, 0, "no committed record is lost");
	is_int(sum.unexplained, 0, "every number is delivered or in a gap record");
	is_int(sum.both, 0, "and not in both");
	is_int(sum.doubled, 0, "none comes twice");
	is_int(inexact, 0, "the counts of gap records are exact");
	is_int(sum.altered, 0, "payloads are what went in");
	is_int(sum.wrongly_there, 0, "a batch reported as dropped is not there");
	is_int(sum.damages, 0, "no reader names damage");
	is_int(verified, 0, "the journal verifies after each kill");
	for (unsigned i = 0; i < BOOTS_MAX; i++)
		free(l->n[i]);
	free(l);
	if (m->tiny_disk) {
		close(d.fd);
		umount2(d.path, MNT_DETACH);
		rmdir(d.path);
	} else {
		dir_remove(&d);
	}
}

int main(void)
{
	unsigned runs = getenv("AJAR_LONG") ? 200 : 20;
	const char *seed = getenv("AJAR_SEED");
	bool own_mounts =
		unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;

	rnd_state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("# AJAR_SEED=%" PRIu64 "\n", rnd_state);
	fflush(stdout);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (modes[i].tiny_disk && !own_mounts)
			printf("# not root: %s is not tried\n", modes[i].name);
		else
			test_mode(&modes[i], runs);
	}
	return tap_done();
}
