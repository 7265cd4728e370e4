/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Readers in other processes beside a writer that rolls over and drops: each record once, in order,
 * woken by the notifier; who is overtaken is told, and delivered + gap records + what was said to
 * be dropped is everything.
 */
#include <poll.h>
#include <sys/wait.h>

#include "base/notifier.h"
#include "base/clock.h"
#include "journal_util.h"
#include "tap.h"

#define TOTAL 60000

struct result {
	uint64_t delivered, out_of_order, damages, dropped_seqs, gap_lost, altered, timeouts;
	uint64_t holes; /* numbers skipped without a word */
};

static void take(struct result *res, const struct journal_record *rec, uint64_t *last, bool told)
{
	struct event ev;
	uint64_t n;

	res->out_of_order += rec->pos.seq <= *last;
	if (rec->pos.seq > *last + 1 && !told)
		res->holes += rec->pos.seq - *last - 1;
	*last = rec->pos.seq;
	res->delivered++;
	if (event_decode(rec->payload.ptr, rec->payload.len, &ev) == 0 && ev.kind == EVENT_GAP) {
		res->gap_lost += ev.count;
		return;
	}
	if (rec->payload.len < sizeof(n))
		return;
	memcpy(&n, rec->payload.ptr, sizeof(n));
	res->altered += n != rec->pos.seq;
}

/*
 * Reads until the record that the writer ends with; slow readers dawdle so that dropping overtakes
 * them.
 */
static void reader(const struct dir *d, bool slow, int out)
{
	struct journal_reader *r = NULL;
	struct journal_record rec;
	struct journal_damage dmg;
	struct result res = { 0 };
	uint64_t last = 0, start = clock_boot_ns();
	bool done = false, told = false;
	int fd;

	if (journal_reader_new(d->fd, (struct journal_pos){ 1, 0 }, &r) < 0)
		_exit(2);
	fd = journal_reader_fd(r);
	while (!done && clock_boot_ns() - start < 60000000000ULL) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int got;

		notifier_clear(fd);
		while ((got = journal_next(r, &rec, &dmg)) > 0) {
			if (got == 1) {
				take(&res, &rec, &last, told);
				told = false;
				done = rec.payload.len == 3;
				if (slow && rec.pos.seq % 64 == 0)
					poll(NULL, 0, 1);
			} else if (dmg.kind == DAMAGE_DROPPED) {
				res.dropped_seqs += dmg.missing_to.seq - last;
				told = true;
			} else {
				res.damages++;
				fprintf(stderr, "# %s byte %" PRIu64 ": %s, after %" PRIu64 "\n",
					dmg.file, dmg.offset, dmg.what, dmg.after.seq);
			}
		}
		if (got < 0)
			_exit(3);
		if (!done && poll(&p, 1, 10000) == 0)
			res.timeouts++;
	}
	if (!done)
		_exit(4);
	_exit(write(out, &res, sizeof(res)) != (ssize_t)sizeof(res));
}

static pid_t start_reader(const struct dir *d, bool slow, int *ret_fd)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		bail("pipe", errno);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		reader(d, slow, fds[1]);
	}
	close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

static uint64_t write_all(struct journal *j, int batch)
{
	uint64_t dropped, total = 0;
	struct journal_pos pos;

	for (int i = 0; i < TOTAL; i++) {
		uint64_t payload[16] = { journal_head(j).seq };

		/* The number it will get: the one behind the last appended. */
		payload[0] = journal_head(j).seq + 1 + (uint64_t)(i % batch);
		if (journal_append(j, payload, sizeof(payload), &pos) < 0)
			bail("append", EIO);
		if (i % batch == batch - 1) {
			if (journal_commit(j, &dropped) < 0)
				bail("commit", EIO);
			total += dropped;
		}
	}
	if (journal_append(j, "end", 3, &pos) < 0 || journal_commit(j, &dropped) < 0)
		bail("end", EIO);
	return total + dropped;
}

static void test(const char *name, uint64_t cap, uint64_t segment, bool slow)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, cap, segment);
	struct result res = { 0 };
	uint64_t dropped;
	int status, fd;
	pid_t pid;

	fflush(stdout);
	pid = start_reader(&d, slow, &fd);
	dropped = write_all(j, 20);
	if (read(fd, &res, sizeof(res)) != (ssize_t)sizeof(res))
		res.damages = 1;
	waitpid(pid, &status, 0);
	is_int(status, 0, "%s: the reader came to the end", name);
	is_int(res.out_of_order, 0, "each record once and in order");
	is_int(res.holes, 0, "nothing skipped without a word");
	is_int(res.damages, 0, "no damage named");
	is_int(res.altered, 0, "payloads as written");
	is_int(res.timeouts, 0, "no notification was missed");
	is_int(res.delivered + res.dropped_seqs, journal_head(j).seq,
	       "delivered and said to be dropped is everything (%d + %d)", (int)res.delivered,
	       (int)res.dropped_seqs);
	if (slow)
		ok(dropped > 0 && res.dropped_seqs > 0, "dropping did overtake the reader");
	close(fd);
	journal_free(j);
	dir_remove(&d);
}

int main(void)
{
	test("roll-overs", 0, 16 << 10, false);
	test("a cap of 4 MiB", 4 << 20, 64 << 10, false);
	test("a cap of 256 KiB, a slow reader", 256 << 10, 16 << 10, true);
	return tap_done();
}
