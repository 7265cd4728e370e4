/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The journal
 * ===========
 *
 * A folder that belongs to one writer. All numbers are little-endian, all CRCs are CRC-32C, all
 * chains SHA-256.
 *
 *	BBBBBBBB-SSSSSSSSSSSSSSSS.seg	segments: the records, append-only; the name is the position (boot_seq, seq) of the first
 *	head				what is committed, what was removed, what is owed; the writer's, changed in place
 *	ack				what the shipper has safely stored; the shipper's, changed in place
 *	bell, lock			base/notifier.h; flock'd while a writer lives
 *	*.damaged			a file that was in the way, kept for a person to look at
 *
 * Identity. A record is named by (boot_seq, seq), given once and never again. boot_seq grows by one
 * when the kernel's boot_id is not the last one's; seq begins at 1 in each. Stores keep the first
 * record they see under a name and ignore others, so giving a name twice would lose a record in
 * silence. Hence the rule: in doubt about the last number given out (head file lost, a segment of a
 * newer version, an acknowledgement beyond what we know) a new boot_seq is begun. Skipping one
 * costs nothing.
 *
 * Segment
 * -------
 *	  0  8  "AJARSEG\n"
 *	  8  4  version = 1
 *	 12  4  header length = 512; of any version: the last four bytes of the header are the CRC of those before
 *	 16  8  mark: begins every record of this segment
 *	 24  4  boot_seq, 32 8 seq: the first position, as in the name (24+4 and every other gap: 0)
 *	 40  4  boot_seq, 48 8 seq: the last record of the segment before; 0, 0 in the very first
 *	 56  8  committed length of the segment before
 *	 64  8  wall clock (ns) of its last commit
 *	 72  8  wall clock at creation
 *	 80 32  chain behind its last record; zeros in the very first
 *	112 36  boot_id
 *	148  1  length of the node's name, 149 255 the name
 *	404  4  boot_seq, 408 8 seq: the first position of the segment before, which need not exist any more
 *	508  4  CRC of bytes 0..507
 *
 * then records of one boot_seq, back to back:
 *
 *	  0  8  mark
 *	  8  4  length of the payload, 1..EVENT_RECORD_MAX
 *	 12  4  boot_seq
 *	 16  8  seq, greater than that of the record before
 *	 24  8  wall clock (ns) at the append
 *	 32  4  CRC of payload and chain
 *	 36  4  CRC of bytes 0..35
 *	 40  n  payload: an encoded event (core/event.h)
 *	 +n 32  chain = SHA-256(chain before || length || boot_seq || seq || wall clock || payload), the first 0s
 *
 * Two CRCs, so that a damaged payload costs one record: the length in front of it is still trusted.
 * When the head itself is damaged reading goes on at the next mark that begins a record head with a
 * right CRC. Payloads hold what strangers chose (argv), and must not be able to pass for records
 * there: the mark is SHA-256(salt || position) cut to 8 bytes, and the salt, random, is in the head
 * file only. So a lost segment header does not cost the records behind it either.
 *
 * Head and ack
 * ------------
 * Two copies, at 0 and 4096: { u64 magic, u64 generation, u32 body length, u32 CRC of the rest,
 * body }. A write replaces the older one; the valid one of the higher generation counts. Neither a
 * reader beside the writer nor a crash can find both torn, and since the blocks exist the write
 * needs no room: what is lost on a full disk can still be said. Body of ack: u32 boot_seq, u64 seq.
 * Of head:
 *
 *	u32 version, u32 boot_seq, 36 bytes boot_id, 16 bytes salt
 *	the segment being written: u32, u64; end: last record u32, u64; u64 length of the segment; u64 wall clock; chain
 *	trim: everything up to u32, u64 has been removed on purpose; chain behind it; ack when that was done: u32, u64
 *	u32 n, then n losses that no gap record covers yet: u32 boot_seq, u32 why, u64 from, u64 to, u64 count
 *
 * Commit
 * ------
 * Written, one fdatasync (for a new segment: header and batch together, and an fsync of the
 * folder), then the head is rewritten (not synced) and the listeners notified. A reader believes
 * nothing beyond the head's `end`, so it sees no record that a crash of the machine could still
 * take away. A failed write is cut off again; where that fails too, or the sync has failed (the
 * kernel then drops what it could not write), the file is not written to any more: the next
 * segment's header says where it ended.
 *
 * Dropping
 * --------
 * When the cap is reached, or the disk says ENOSPC or EDQUOT, whole segments go, oldest first.
 * Since an acknowledgement covers everything before it, acknowledged ones go first by themselves;
 * with room to spare they stay for the replay window and go at the next roll-over. The segment
 * being written never goes, unless all of it is acknowledged: another program that fills the disk
 * must not eat our last records. EIO drops nothing: deleting does not fix a disk. If nothing helps
 * the batch is dropped; its numbers stay used. What goes unacknowledged is a loss: per boot_seq and
 * reason one gap record { gap_boot, from, to, count, why } is appended behind the next batch that
 * succeeds. count is the records in from..to that are gone, gap records among them; it is less than
 * to-from+1 only when more ranges were owed than the head file holds and neighbours were folded
 * into one (from 0: it begins in an earlier boot). If an unacknowledged gap record is itself
 * dropped, what it said is owed again. First the head file is written and synced with trim and
 * losses, then the segment is unlinked; segments up to trim that still exist after a crash are
 * unlinked at the next open, and no reader begins in one. So each number is delivered, or
 * acknowledged, or in exactly one gap record. (A reader ahead of its own acknowledgement may have
 * had a dropped record already.)
 *
 * Recovery
 * --------
 * Opening walks from the segment that the head names to the newest. Up to the committed length (of
 * the head, or of the next segment's header) whatever is not whole is damage: it is named, left as
 * it is, its numbers become a loss, and a new segment is begun. Beyond it nothing was promised:
 * whole records whose chain goes on are kept (they are real, and the caller merely was not told), a
 * gap record among them settles what it covers, and at the first that is not whole the file is cut.
 * An empty file that died at its birth is removed; a file that is no segment is moved aside. Why
 * this suffices: the head is written after the sync and so never runs ahead of the data, it is
 * synced whenever a segment is begun or dropped, and so lags by less than a segment; losses are
 * synced before their cause.
 *
 * Readers
 * -------
 * need read permission and no lock. They follow names in order up to the head's segment, check
 * CRCs, chain, order and that each segment goes on from where the last ended, name what is wrong,
 * and deliver all the rest. A reader that dropping has overtaken says so (DAMAGE_DROPPED).
 * Verifying adds the account: numbers that neither a record, a gap record, a loss in the head file
 * nor an acknowledgement explains.
 *
 * Against whom. CRCs are for disks, the chain for people: who alters, removes, inserts or moves a
 * record must compute every later chain anew, and then no longer agrees with any chain kept
 * elsewhere. Cutting the tail and forging the head file is seen only from outside.
 */
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/notifier.h"
#include "base/clock.h"
#include "core/event.h"
#include "journal/writer.h"

#define MAX_BYTES_DEFAULT (1ULL << 30)
#define MAX_BYTES_MIN (256ULL << 10)
#define SEGMENT_BYTES_DEFAULT (8ULL << 20)
#define SEGMENT_BYTES_MIN 4096
#define REPLAY_NS_DEFAULT (24ULL * 3600 * 1000000000)
#define BATCH_BYTES_MAX (16U << 20)

/* --- opening ---------------------------------------------------------------------------------- */

static int set_options(struct journal *j, const struct journal_opts *o)
{
	size_t n = strlen(o->node);

	if (!n || n > NODE_MAX)
		return -EINVAL;
	memcpy(j->node, o->node, n);
	j->max_bytes = o->max_bytes ? o->max_bytes : MAX_BYTES_DEFAULT;
	j->segment_bytes = o->segment_bytes ? o->segment_bytes : SEGMENT_BYTES_DEFAULT;
	j->replay_ns = o->replay_ns ? o->replay_ns : REPLAY_NS_DEFAULT;
	if (j->max_bytes < MAX_BYTES_MIN || j->segment_bytes < SEGMENT_BYTES_MIN)
		return -EINVAL;
	/*
	 * Dropping works by whole segments: a cap of fewer than four would throw away too much at
	 * once.
	 */
	if (j->segment_bytes > j->max_bytes / 4)
		j->segment_bytes = j->max_bytes / 4;
	return 0;
}

/*
 * flock, not fcntl: it belongs to the open file, so a library that opens and closes `lock` cannot
 * drop it.
 */
static int take_lock(struct journal *j, struct buf *why)
{
	int err;

	j->lock_fd = openat(j->dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (j->lock_fd < 0) {
		err = -errno;
		buf_printf(why, "cannot write in the journal's folder");
		return err;
	}
	if (flock(j->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	buf_printf(why, "another process writes this journal");
	return err;
}

static int open_files(struct journal *j, int dirfd, const char *boot_id, struct buf *why)
{
	int err;

	j->dirfd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dirfd < 0)
		return -errno;
	err = take_lock(j, why);
	if (!err)
		err = notifier_open(j->dirfd, "bell", &j->notifier_fd);
	if (!err)
		err = recover(j, boot_id, why);
	return err;
}

int journal_open(int dirfd, const struct journal_opts *o, const char *boot_id,
		 struct journal **ret_journal, char **ret_why)
{
	_cleanup_(journal_freep) struct journal *j = calloc(1, sizeof(*j));
	struct buf why = BUF_INIT(64 * 1024);
	uint64_t dropped;
	int err;

	if (!j)
		return -ENOMEM;
	j->dirfd = j->lock_fd = j->notifier_fd = j->fd = j->slots.fd = -1;
	j->batch = (struct buf)BUF_INIT(BATCH_BYTES_MAX + LOSSES_MAX * GAP_RECORD_MAX);
	err = strlen(boot_id) < CLOCK_BOOT_ID_LEN ? -EINVAL : set_options(j, o);
	if (!err)
		err = open_files(j, dirfd, boot_id, &why);
	*ret_why = why.len ? buf_take(&why) : NULL;
	buf_done(&why);
	if (err)
		return err;
	/*
	 * What recovery found lost is said at once if there is room, else later: no reason not to
	 * start.
	 */
	if (journal_owes(j) && journal_commit(j, &dropped) < 0)
		drop_expired(j);
	*ret_journal = take_ptr(j);
	return 0;
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	retire_active(j);
	close_fd(&j->slots.fd);
	close_fd(&j->notifier_fd);
	close_fd(&j->dirfd);
	close_fd(&j->lock_fd); /* last: the lock goes with it */
	free(j->segs);
	buf_done(&j->batch);
	free(j);
}

/* --- appending -------------------------------------------------------------------------------- */

static int stage(struct journal *j, const void *record, size_t len, struct journal_pos pos,
		 uint64_t wall_ns)
{
	static const uint8_t zero[REC_HEAD_LEN];
	size_t at = j->batch.len;

	buf_put(&j->batch, zero, REC_HEAD_LEN);
	buf_put(&j->batch, record, len);
	buf_put(&j->batch, zero, SHA256_LEN);
	if (j->batch.err) {
		int err = j->batch.err;

		j->batch.err = 0;
		j->batch.len = at;
		return err;
	}
	rec_describe((uint8_t *)j->batch.data + at, pos, wall_ns, (uint32_t)len);
	return 0;
}

int journal_append(struct journal *j, const void *record, size_t len, struct journal_pos *ret_pos)
{
	struct journal_pos pos = { j->head.boot_seq, j->next_seq };
	int err;

	if (!len || len > EVENT_RECORD_MAX)
		return -EINVAL;
	if (j->batch.len + len + REC_OVERHEAD > BATCH_BYTES_MAX)
		return -ENOBUFS;
	err = stage(j, record, len, pos, clock_wall_ns());
	if (err)
		return err;
	j->next_seq++;
	j->batch_records++;
	*ret_pos = pos;
	return 0;
}

/* Adds the gap records that are owed behind the batch; n says how many numbers they take. */
static int stage_gaps(struct journal *j, uint64_t *ret_n)
{
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	uint64_t now = clock_wall_ns();
	int err = 0;

	for (unsigned i = 0; !err && i < j->head.losses_len; i++) {
		const struct loss *l = &j->head.losses[i];
		struct journal_pos pos = { j->head.boot_seq, j->next_seq + i };
		struct event ev = { .kind = EVENT_GAP,
				    .time_ns = now,
				    .boot_ns = clock_boot_ns(),
				    .gap_boot = l->boot_seq,
				    .from_seq = l->from,
				    .to_seq = l->to,
				    .count = l->count,
				    .reason = text_of(loss_text(l->why)) };

		buf_reset(&b);
		event_encode(&ev, &b);
		err = b.err ? b.err : stage(j, b.data, b.len, pos, now);
	}
	buf_done(&b);
	if (!err)
		*ret_n = j->head.losses_len;
	return err;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int write_all(int fd, const struct iovec *iov, size_t n, uint64_t off)
{
	for (size_t i = 0; i < n; i++) {
		const char *p = iov[i].iov_base;
		size_t left = iov[i].iov_len;

		while (left) {
			ssize_t did = pwrite(fd, p, left, (off_t)off);

			if (did < 0 && errno == EINTR)
				continue;
			if (did <= 0)
				return did ? -errno : -ENOSPC;
			p += did;
			left -= (size_t)did;
			off += (uint64_t)did;
		}
	}
	return 0;
}

static void seal_batch(struct journal *j, uint64_t mark, uint8_t chain[SHA256_LEN])
{
	uint8_t *p = (uint8_t *)j->batch.data, *end = p + j->batch.len;

	while (p < end)
		p += rec_seal(p, mark, chain);
}

static int write_on(struct journal *j, uint8_t chain[SHA256_LEN])
{
	uint64_t at = j->head.end.len;
	struct iovec iov = { j->batch.data, j->batch.len };
	int err;

	seal_batch(j, j->mark, chain);
	err = write_all(j->fd, &iov, 1, at);
	if (!err && fdatasync(j->fd) < 0)
		err = -errno;
	if (!err)
		return 0;
	/*
	 * Take back what came through. A file that cannot even be cut, or whose sync failed, is not
	 * written to again.
	 */
	if (ftruncate(j->fd, (off_t)at) < 0 || (err != -ENOSPC && err != -EDQUOT))
		retire_active(j);
	return err;
}

/*
 * A file of that name is in the way, and is no segment of ours or it would have been recovered: set
 * it aside.
 */
static int create_segment(struct journal *j, const char *name)
{
	int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(j->dirfd, name, flags, 0640);
	char aside[SEG_NAME_LEN + 16];

	if (fd >= 0 || errno != EEXIST)
		return fd >= 0 ? fd : -errno;
	for (int i = 0; i < 100; i++) {
		snprintf(aside, sizeof(aside), i ? "%s.damaged.%d" : "%s.damaged", name, i);
		if (faccessat(j->dirfd, aside, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (renameat(j->dirfd, name, j->dirfd, aside) < 0)
			return -errno;
		fd = openat(j->dirfd, name, flags, 0640);
		return fd >= 0 ? fd : -errno;
	}
	return -EEXIST;
}

static int write_new(struct journal *j, struct journal_pos first, uint8_t chain[SHA256_LEN])
{
	struct seg_header h = { .first = first,
				.created_ns = clock_wall_ns(),
				.mark = seg_mark(j->head.salt, first),
				.prev = j->head.end,
				.prev_first = j->head.seg };
	uint8_t head[SEG_HEADER_LEN];
	struct iovec iov[2] = { { head, sizeof(head) }, { j->batch.data, j->batch.len } };
	char name[SEG_NAME_LEN + 1];
	_close_ int fd = -1;
	int err;

	memcpy(h.node, j->node, sizeof(h.node));
	memcpy(h.boot_id, j->head.boot_id, sizeof(h.boot_id));
	seg_header_encode(&h, head);
	seal_batch(j, h.mark, chain);
	seg_name(first, name);
	fd = create_segment(j, name);
	if (fd < 0)
		return fd;
	err = write_all(fd, iov, 2, 0);
	if (!err && (fdatasync(fd) < 0 || fsync(j->dirfd) < 0))
		err = -errno;
	if (!err)
		err = segs_add(j, (struct segment){ .first = first, .end.len = SEG_HEADER_LEN });
	if (err) {
		unlinkat(j->dirfd, name, 0);
		return err;
	}
	j->head.seg = first;
	j->head.end.len = SEG_HEADER_LEN;
	j->mark = h.mark;
	j->fd = take_fd(fd);
	return 0;
}

/* The batch is on disk: say so. A head that cannot be written now will be with the next batch. */
static void publish(struct journal *j, struct journal_pos last, bool sync,
		    const uint8_t chain[SHA256_LEN])
{
	struct segment *s = &j->segs[j->segs_len - 1];
	struct seg_end *end = &j->head.end;

	end->pos = last;
	end->len += j->batch.len;
	end->wall_ns = clock_wall_ns();
	memcpy(end->chain, chain, SHA256_LEN);
	j->total_bytes += end->len - s->end.len;
	s->end = *end;
	j->head.losses_len = 0;
	j->next_seq = last.seq + 1;
	if (head_write(&j->slots, &j->head, sync) < 0 || notifier_notify(j->notifier_fd) < 0)
		errno = 0;
}

static int write_batch(struct journal *j, struct journal_pos first, struct journal_pos last)
{
	uint8_t chain[SHA256_LEN];
	bool begin;
	int err;

	if (j->fd >= 0 && j->head.end.len > SEG_HEADER_LEN &&
	    j->head.end.len + j->batch.len > j->segment_bytes) {
		retire_active(j);
		drop_expired(j);
	}
	begin = j->fd < 0;
	memcpy(chain, j->head.end.chain, SHA256_LEN);
	err = begin ? write_new(j, first, chain) : write_on(j, chain);
	if (!err)
		publish(j, last, begin, chain);
	return err;
}

static bool is_lack_of_room(int err)
{
	return err == -ENOSPC || err == -EDQUOT;
}

/*
 * Tries until it is written or nothing more can be done. Each turn drops one segment, or is the one
 * second chance after an error that is not lack of room, so the turns are bounded.
 */
static int commit_batch(struct journal *j, size_t own_len, uint64_t *dropped)
{
	struct journal_pos first = { j->head.boot_seq, j->next_seq - j->batch_records }, last;
	bool second = false;
	uint64_t gaps;
	int err;

	for (;;) {
		if (!drop_to_cap(j, own_len, dropped))
			return -ENOSPC;
		j->batch.len = own_len;
		err = stage_gaps(j, &gaps);
		if (err)
			return err;
		last = (struct journal_pos){ j->head.boot_seq, j->next_seq + gaps - 1 };
		err = write_batch(j, first, last);
		if (!err)
			return 0;
		if (is_lack_of_room(err) && drop_oldest(j, LOSS_FULL, dropped))
			continue;
		if (is_lack_of_room(err) || second)
			return err;
		second = true;
		retire_active(j);
	}
}

int journal_commit(struct journal *j, uint64_t *ret_dropped)
{
	uint64_t n = j->batch_records, dropped = 0;
	int err;

	*ret_dropped = 0;
	if (!n && !j->head.losses_len)
		return 0;
	err = commit_batch(j, j->batch.len, &dropped);
	if (err && n) {
		uint64_t from = j->next_seq - n, to = j->next_seq - 1;

		dropped += n;
		loss_add(&j->head, (struct loss){ j->head.boot_seq, LOSS_DROP, from, to, n });
		if (head_write(&j->slots, &j->head, true) < 0)
			errno = 0; /* it stays in memory, and the next commit tries again */
	}
	j->batch.len = 0;
	j->batch_records = 0;
	*ret_dropped = dropped;
	return err;
}

struct journal_pos journal_head(const struct journal *j)
{
	return j->head.end.pos;
}

bool journal_owes(const struct journal *j)
{
	return j->head.losses_len > 0;
}
