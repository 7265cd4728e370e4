/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/state.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/buf.h"

#define BODY_MAX SLOT_BODY_MAX
#define HEAD_MAGIC 0x0a44414548524a41ULL /* "AJRHEAD\n" */
#define ACK_MAGIC 0x0a204b4341524a41ULL /* "AJRACK \n" */
#define READ_TRIES 4

/* --- two copies, a page each ------------------------------------------------------------------ */

void slot_get(struct slot_cursor *c, void *out, size_t n)
{
	if (n > c->n) {
		memset(out, 0, n);
		c->n = 0;
		return;
	}
	memcpy(out, c->p, n);
	c->p += n;
	c->n -= n;
}

uint32_t slot_u32(struct slot_cursor *c)
{
	uint32_t v;

	slot_get(c, &v, sizeof(v));
	return le32toh(v);
}

uint64_t slot_u64(struct slot_cursor *c)
{
	uint64_t v;

	slot_get(c, &v, sizeof(v));
	return le64toh(v);
}

/* CRC over magic, generation, length and body; the CRC's own place is between them. */
static uint32_t slot_crc(const uint8_t *slot, size_t body_len)
{
	return crc32c(crc32c(0, slot, 20), slot + SLOT_HEAD, body_len);
}

static bool slot_is_good(const uint8_t *slot, uint64_t magic, uint64_t *ret_gen, size_t *ret_len)
{
	struct slot_cursor c = { slot, SLOT_HEAD };
	uint64_t got = slot_u64(&c), gen = slot_u64(&c);
	uint32_t len = slot_u32(&c), crc = slot_u32(&c);

	if (got != magic || len > BODY_MAX || slot_crc(slot, len) != crc)
		return false;
	*ret_gen = gen;
	*ret_len = len;
	return true;
}

/*
 * The newer whole copy. A writer replaces the older one only, so one is always whole, but for real
 * damage.
 */
int slots_read(int fd, uint64_t magic, uint64_t *ret_gen, uint8_t body[BODY_MAX], size_t *ret_len)
{
	uint8_t page[2 * SLOT_LEN];
	uint64_t gen[2];
	size_t len[2];

	for (int i = 0; i < READ_TRIES; i++) {
		ssize_t got = pread(fd, page, sizeof(page), 0);
		bool good[2] = { false, false };
		int pick;

		if (got < 0)
			return -errno;
		memset(page + got, 0, sizeof(page) - (size_t)got);
		for (int k = 0; k < 2; k++)
			good[k] = slot_is_good(page + k * SLOT_LEN, magic, &gen[k], &len[k]);
		if (!good[0] && !good[1])
			continue;
		pick = good[0] && good[1] ? gen[1] > gen[0] : good[1];
		memcpy(body, page + pick * SLOT_LEN + SLOT_HEAD, len[pick]);
		*ret_gen = gen[pick];
		*ret_len = len[pick];
		return 0;
	}
	return -EBADMSG;
}

int slots_write(struct slots *s, uint64_t magic, const struct buf *body, bool sync)
{
	uint8_t slot[SLOT_LEN] = { 0 };
	size_t len = SLOT_HEAD + body->len;
	uint64_t gen = s->gen + 1, v;
	uint32_t w;

	if (body->err || body->len > BODY_MAX)
		return body->err ? body->err : -E2BIG;
	v = htole64(magic);
	memcpy(slot, &v, 8);
	v = htole64(gen);
	memcpy(slot + 8, &v, 8);
	w = htole32((uint32_t)body->len);
	memcpy(slot + 16, &w, 4);
	memcpy(slot + SLOT_HEAD, body->data, body->len);
	w = htole32(slot_crc(slot, body->len));
	memcpy(slot + 20, &w, 4);
	if (pwrite(s->fd, slot, len, (off_t)(gen % 2 * SLOT_LEN)) != (ssize_t)len)
		return errno ? -errno : -EIO;
	if (sync && fdatasync(s->fd) < 0)
		return -errno;
	s->gen = gen;
	return 0;
}

/* Room for both copies is taken at birth: later writes replace bytes that are there. */
int slots_make(int dirfd, const char *name, uint64_t magic, const struct buf *body,
	       struct slots *ret_slots)
{
	static const uint8_t zero[2 * SLOT_LEN];
	char tmp[32];
	_close_ int fd = -1;
	struct slots s;
	int err = 0;

	snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	fd = openat(dirfd, tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	s = (struct slots){ .fd = fd };
	if (pwrite(fd, zero, sizeof(zero), 0) != (ssize_t)sizeof(zero))
		err = errno ? -errno : -ENOSPC;
	if (!err)
		err = slots_write(&s, magic, body, true);
	if (!err && renameat(dirfd, tmp, dirfd, name) < 0)
		err = -errno;
	if (!err && fsync(dirfd) < 0)
		err = -errno;
	if (err) {
		unlinkat(dirfd, tmp, 0);
		return err;
	}
	s.fd = take_fd(fd);
	*ret_slots = s;
	return 0;
}

/* --- what is lost ----------------------------------------------------------------------------- */

static const char *const loss_texts[] = {
	[LOSS_CAP] = "removed unacknowledged: the journal reached its size cap",
	[LOSS_FULL] = "removed unacknowledged: the disk is full",
	[LOSS_DROP] = "never written: the disk is full or failed",
	[LOSS_DAMAGE] = "lost: the journal was damaged",
	[LOSS_MIXED] = "lost for several reasons: size cap, full disk or damage",
};

const char *loss_text(enum loss_why why)
{
	return loss_texts[why];
}

enum loss_why loss_of_text(struct text t)
{
	for (unsigned i = LOSS_CAP; i < array_len(loss_texts); i++)
		if (text_is(t, loss_texts[i]))
			return (enum loss_why)i;
	return LOSS_CAP;
}

static bool is_exact(const struct loss *l)
{
	return l->count == l->to - l->from + 1;
}

/*
 * Two ranges without holes that overlap or touch become one without holes; of one reason, unless
 * there are many.
 */
static bool grow(struct loss *a, const struct loss *b, bool many)
{
	if (a->boot_seq != b->boot_seq || !is_exact(a) || !is_exact(b))
		return false;
	if (b->from > a->to + 1 || a->from > b->to + 1)
		return false;
	if (a->why != b->why && a->why != LOSS_MIXED && b->why != LOSS_MIXED && !many)
		return false;
	if (a->why != b->why)
		a->why = LOSS_MIXED;
	a->from = a->from < b->from ? a->from : b->from;
	a->to = a->to > b->to ? a->to : b->to;
	a->count = a->to - a->from + 1;
	return true;
}

static void drop_loss(struct head *h, unsigned i)
{
	h->losses_len--;
	memmove(&h->losses[i], &h->losses[i + 1], (h->losses_len - i) * sizeof(h->losses[0]));
}

/*
 * Room in a full table: two of one boot become their hull, the two nearest; the count stays exact.
 * If each is of another boot the two oldest become one whose `from` is 0: it begins in an earlier
 * boot.
 */
static void fold(struct head *h)
{
	uint64_t best = UINT64_MAX;
	unsigned i, k, fold_i = 0, fold_k = 1;
	struct loss *a, *b;

	for (i = 0; i < h->losses_len; i++) {
		for (k = i + 1; k < h->losses_len; k++) {
			uint64_t span;

			a = &h->losses[i];
			b = &h->losses[k];
			span = (a->to > b->to ? a->to : b->to) -
			       (a->from < b->from ? a->from : b->from);
			if (a->boot_seq != b->boot_seq || span >= best)
				continue;
			best = span;
			fold_i = i;
			fold_k = k;
		}
	}
	a = &h->losses[fold_i];
	b = &h->losses[fold_k];
	if (a->boot_seq == b->boot_seq) {
		b->from = a->from < b->from ? a->from : b->from;
		b->to = a->to > b->to ? a->to : b->to;
	} else {
		b->from = 0;
	}
	if (a->why != b->why)
		b->why = LOSS_MIXED;
	b->count += a->count;
	drop_loss(h, fold_i);
}

void loss_add(struct head *h, struct loss l)
{
	if (!l.count)
		return;
	for (unsigned i = 0; i < h->losses_len; i++) {
		if (!grow(&h->losses[i], &l, h->losses_len >= LOSSES_MANY))
			continue;
		/* Grown, it may now touch another. */
		l = h->losses[i];
		drop_loss(h, i);
		loss_add(h, l);
		return;
	}
	if (h->losses_len == LOSSES_MAX)
		fold(h);
	h->losses[h->losses_len++] = l;
}

void loss_settle(struct head *h, uint32_t boot_seq, uint64_t from, uint64_t to)
{
	for (unsigned i = h->losses_len; i-- > 0;) {
		struct loss *l = &h->losses[i];

		if (l->boot_seq == boot_seq && l->from >= from && l->to <= to)
			drop_loss(h, i);
	}
}

/* --- head ------------------------------------------------------------------------------------- */

static void put_pos(struct buf *b, struct journal_pos p)
{
	buf_put_u32(b, p.boot_seq);
	buf_put_u64(b, p.seq);
}

static struct journal_pos get_pos(struct slot_cursor *c)
{
	struct journal_pos p = { .boot_seq = slot_u32(c) };

	p.seq = slot_u64(c);
	return p;
}

static void head_encode(const struct head *h, struct buf *b)
{
	buf_put_u32(b, SEG_VERSION);
	buf_put_u32(b, h->boot_seq);
	buf_put(b, h->boot_id, CLOCK_BOOT_ID_LEN);
	buf_put(b, h->salt, SALT_LEN);
	put_pos(b, h->seg);
	put_pos(b, h->end.pos);
	buf_put_u64(b, h->end.len);
	buf_put_u64(b, h->end.wall_ns);
	buf_put(b, h->end.chain, SHA256_LEN);
	put_pos(b, h->trim);
	buf_put(b, h->trim_chain, SHA256_LEN);
	put_pos(b, h->acked);
	buf_put_u32(b, h->losses_len);
	for (unsigned i = 0; i < h->losses_len; i++) {
		const struct loss *l = &h->losses[i];

		buf_put_u32(b, l->boot_seq);
		buf_put_u32(b, (uint32_t)l->why);
		buf_put_u64(b, l->from);
		buf_put_u64(b, l->to);
		buf_put_u64(b, l->count);
	}
}

static int head_decode(struct slot_cursor c, struct head *h)
{
	memset(h, 0, sizeof(*h));
	if (slot_u32(&c) != SEG_VERSION)
		return -EBADMSG;
	h->boot_seq = slot_u32(&c);
	slot_get(&c, h->boot_id, CLOCK_BOOT_ID_LEN);
	slot_get(&c, h->salt, SALT_LEN);
	h->seg = get_pos(&c);
	h->end.pos = get_pos(&c);
	h->end.len = slot_u64(&c);
	h->end.wall_ns = slot_u64(&c);
	slot_get(&c, h->end.chain, SHA256_LEN);
	h->trim = get_pos(&c);
	slot_get(&c, h->trim_chain, SHA256_LEN);
	h->acked = get_pos(&c);
	h->losses_len = slot_u32(&c);
	if (h->losses_len > LOSSES_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < h->losses_len; i++) {
		struct loss *l = &h->losses[i];

		l->boot_seq = slot_u32(&c);
		l->why = (enum loss_why)slot_u32(&c);
		l->from = slot_u64(&c);
		l->to = slot_u64(&c);
		l->count = slot_u64(&c);
		if (l->why < LOSS_CAP || l->why > LOSS_MIXED || l->from > l->to)
			return -EBADMSG;
	}
	return 0;
}

int head_read(int dirfd, struct head *ret_head)
{
	_close_ int fd = openat(dirfd, "head", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint8_t body[BODY_MAX];
	uint64_t gen;
	size_t len;
	int err;

	if (fd < 0)
		return -errno;
	err = slots_read(fd, HEAD_MAGIC, &gen, body, &len);
	if (err)
		return err;
	return head_decode((struct slot_cursor){ body, len }, ret_head);
}

int head_open(int dirfd, const struct head *h, struct slots *ret_slots)
{
	struct buf b = BUF_INIT(BODY_MAX);
	uint8_t body[BODY_MAX];
	struct slots s = { .fd = openat(dirfd, "head", O_RDWR | O_CLOEXEC | O_NOFOLLOW) };
	size_t len;
	int err;

	if (s.fd < 0 && errno != ENOENT)
		return -errno;
	if (s.fd < 0) {
		head_encode(h, &b);
		err = slots_make(dirfd, "head", HEAD_MAGIC, &b, &s);
	} else {
		err = slots_read(s.fd, HEAD_MAGIC, &s.gen, body, &len);
		if (!err)
			err = head_write(&s, h, true);
		if (err)
			close(s.fd);
	}
	buf_done(&b);
	if (!err)
		*ret_slots = s;
	return err;
}

int head_write(struct slots *s, const struct head *h, bool sync)
{
	struct buf b = BUF_INIT(BODY_MAX);
	int err;

	head_encode(h, &b);
	err = slots_write(s, HEAD_MAGIC, &b, sync);
	buf_done(&b);
	return err;
}

/* --- acknowledgement -------------------------------------------------------------------------- */

int journal_ack_read(int dirfd, struct journal_pos *ret_pos)
{
	_close_ int fd = openat(dirfd, "ack", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint8_t body[BODY_MAX];
	uint64_t gen;
	struct slot_cursor c = { body, 0 };
	int err;

	if (fd < 0 && errno == ENOENT) {
		*ret_pos = (struct journal_pos){ 0 };
		return 0;
	}
	if (fd < 0)
		return -errno;
	err = slots_read(fd, ACK_MAGIC, &gen, body, &c.n);
	if (!err)
		*ret_pos = get_pos(&c);
	return err;
}

/*
 * A damaged ack file is no reason to stop: it is set aside, and what was acknowledged is sent once
 * more.
 */
static int ack_make(int dirfd, const struct buf *body)
{
	struct slots s;
	int err;

	if (renameat(dirfd, "ack", dirfd, "ack.damaged") < 0 && errno != ENOENT)
		return -errno;
	err = slots_make(dirfd, "ack", ACK_MAGIC, body, &s);
	if (!err)
		close(s.fd);
	return err;
}

static int ack_replace(int fd, struct journal_pos pos, const struct buf *body)
{
	struct slots s = { .fd = fd };
	uint8_t old[BODY_MAX];
	struct slot_cursor c = { old, 0 };
	int err = flock(fd, LOCK_EX) < 0 ? -errno : 0;

	if (!err)
		err = slots_read(fd, ACK_MAGIC, &s.gen, old, &c.n);
	if (err)
		return err;
	if (pos_cmp(pos, get_pos(&c)) <= 0)
		return 0;
	return slots_write(&s, ACK_MAGIC, body, true);
}

int ack_prepare(int dirfd)
{
	struct buf b = BUF_INIT(BODY_MAX);
	int err = 0;

	if (faccessat(dirfd, "ack", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	put_pos(&b, (struct journal_pos){ 0 });
	err = ack_make(dirfd, &b);
	buf_done(&b);
	return err;
}

int journal_ack_write(int dirfd, struct journal_pos pos)
{
	_close_ int fd = openat(dirfd, "ack", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct buf b = BUF_INIT(BODY_MAX);
	int err;

	put_pos(&b, pos);
	if (fd < 0 && errno != ENOENT)
		err = -errno;
	else if (fd < 0)
		err = ack_make(dirfd, &b);
	else
		err = ack_replace(fd, pos, &b);
	if (err == -EBADMSG)
		err = ack_make(dirfd, &b);
	buf_done(&b);
	return err;
}
