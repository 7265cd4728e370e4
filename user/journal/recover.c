/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/event.h"

/* Opening a journal for writing; the rules are in journal.c's specification, "Recovery". */

struct recovery {
	struct journal *j;
	struct buf *why;
	struct head head; /* as found, then as it goes on */
	bool have_head;
	bool doubt; /* numbers may have been given out that we do not know of */
	bool damaged; /* the last segment is not to be appended to */
	struct journal_pos *list; /* the segments of the folder */
	size_t n;
	uint32_t highest_boot; /* seen anywhere */
};

static void note(struct recovery *r, const char *fmt, ...) printf_like(2, 3);
static void note(struct recovery *r, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_printf(r->why, "%s%s", r->why->len ? "; " : "", line);
}

static int set_aside(struct recovery *r, const char *name, const char *what)
{
	char aside[64];

	for (int i = 0; i < 100; i++) {
		snprintf(aside, sizeof(aside), i ? "%s.damaged.%d" : "%s.damaged", name, i);
		if (faccessat(r->j->dirfd, aside, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (renameat(r->j->dirfd, name, r->j->dirfd, aside) < 0)
			return -errno;
		note(r, "%s %s: moved to %s", name, what, aside);
		return 0;
	}
	return -EEXIST;
}

static void lost(struct recovery *r, uint32_t boot_seq, uint64_t from, uint64_t to)
{
	if (from <= to)
		loss_add(&r->head, (struct loss){ boot_seq, LOSS_DAMAGE, from, to, to - from + 1 });
}

/* --- what there is ---------------------------------------------------------------------------- */

static int load_head(struct recovery *r)
{
	int err = head_read(r->j->dirfd, &r->head);

	r->have_head = !err;
	if (err == -EBADMSG)
		return set_aside(r, "head", "is damaged");
	return err == -ENOENT ? 0 : err;
}

/* Dropping that was cut short between account and deed. */
static void finish_dropping(struct recovery *r)
{
	size_t gone = 0;
	char name[SEG_NAME_LEN + 1];

	while (r->have_head && gone < r->n && pos_cmp(r->list[gone], r->head.trim) <= 0) {
		seg_name(r->list[gone++], name);
		unlinkat(r->j->dirfd, name, 0);
	}
	r->n -= gone;
	if (gone)
		memmove(r->list, r->list + gone, r->n * sizeof(*r->list));
}

static int load_folder(struct recovery *r)
{
	struct journal_pos ack = { 0 };
	int err = seg_list(r->j->dirfd, &r->list, &r->n);

	if (err)
		return err;
	finish_dropping(r);
	if (journal_ack_read(r->j->dirfd, &ack) < 0)
		note(r, "ack is damaged: what was acknowledged will be sent once more");
	if (r->n)
		r->highest_boot = r->list[r->n - 1].boot_seq;
	if (ack.boot_seq > r->highest_boot)
		r->highest_boot = ack.boot_seq;
	if (r->have_head && r->head.boot_seq > r->highest_boot)
		r->highest_boot = r->head.boot_seq;
	/* The shipper has seen more than we know to have written: another journal was here. */
	if (r->have_head ? pos_cmp(ack, r->head.end.pos) > 0 : !pos_is_zero(ack))
		r->doubt = true;
	if (!r->have_head && r->n) {
		note(r, "head is missing: going on with a new boot_seq");
		r->doubt = true;
	}
	return 0;
}

/* --- segments before the last one ------------------------------------------------------------- */

static int header_of(struct recovery *r, struct journal_pos first, enum seg_state *ret_state,
		     struct seg_header *ret_head)
{
	char name[SEG_NAME_LEN + 1];
	_close_ int fd = -1;
	uint32_t version = 0;

	seg_name(first, name);
	fd = openat(r->j->dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	return seg_header_read(fd, first, ret_state, ret_head, &version);
}

/* Where a segment ends whose successor cannot say it: by walking it. */
static int end_by_walking(struct recovery *r, struct journal_pos first, struct seg_end *ret_end)
{
	_cleanup_(seg_freep) struct seg *s = NULL;
	struct journal_record rec;
	struct seg_end end = { .pos = { first.boot_seq, first.seq - 1 } };
	int err = seg_open(r->j->dirfd, first, r->have_head ? r->head.salt : NULL, &s);

	if (err)
		return err;
	while ((err = seg_next(s, &rec)) == 1 || err == -EBADMSG) {
		if (err < 0)
			continue;
		end.pos = rec.pos;
		end.wall_ns = rec.wall_ns;
		memcpy(end.chain, rec.chain, SHA256_LEN);
	}
	end.len = s->size;
	*ret_end = end;
	return err;
}

/*
 * Takes segment i into the writer's list; its end is in its successor's header. Files of another
 * version and files that cannot be read are left alone: the reader names them.
 */
static int adopt(struct recovery *r, size_t i, const struct seg_end *end)
{
	struct segment seg = { .first = r->list[i] };
	enum seg_state state;
	struct seg_header next, own;
	int err = header_of(r, r->list[i], &state, &own);

	if (err)
		return err == -ENOMEM ? err : 0;
	if (state == SEG_FOREIGN)
		return 0;
	if (end) {
		seg.end = *end;
		return segs_add(r->j, seg);
	}
	err = header_of(r, r->list[i + 1], &state, &next);
	if (!err && state == SEG_GOOD && next.prev.len >= SEG_HEADER_LEN &&
	    seg_follows(&next, seg.first)) {
		seg.end = next.prev;
		return segs_add(r->j, seg);
	}
	err = end_by_walking(r, seg.first, &seg.end);
	return err ? err : segs_add(r->j, seg);
}

/* --- the tail --------------------------------------------------------------------------------- */

/* How far the segment is known to have been committed. */
static struct seg_end known_end(const struct recovery *r, size_t i)
{
	enum seg_state state = SEG_BAD_HEADER;
	struct seg_header next;

	if (i + 1 < r->n && header_of((struct recovery *)r, r->list[i + 1], &state, &next) == 0 &&
	    state == SEG_GOOD && seg_follows(&next, r->list[i]))
		return next.prev;
	if (r->have_head && pos_cmp(r->list[i], r->head.seg) == 0)
		return r->head.end;
	return (struct seg_end){ 0 };
}

/*
 * A record behind the published head: it was written, so it is kept; a gap record among them
 * settles what it says.
 */
static void take_record(struct recovery *r, const struct journal_record *rec)
{
	struct event ev;

	if (pos_cmp(rec->pos, r->head.end.pos) <= 0)
		return;
	r->head.end.pos = rec->pos;
	r->head.end.wall_ns = rec->wall_ns;
	memcpy(r->head.end.chain, rec->chain, SHA256_LEN);
	if (event_decode(rec->payload.ptr, rec->payload.len, &ev) == 0 && ev.kind == EVENT_GAP &&
	    !ev.opened_ns)
		loss_settle(&r->head, ev.gap_boot, ev.from_seq, ev.to_seq);
}

static bool chain_fits(const uint8_t prev[SHA256_LEN], const struct journal_record *rec)
{
	uint8_t chain[SHA256_LEN];

	journal_chain_step(prev, rec->pos, rec->wall_ns, rec->payload, chain);
	return memcmp(chain, rec->chain, SHA256_LEN) == 0;
}

static int cut_tail(struct recovery *r, struct seg *s, uint64_t at)
{
	_close_ int fd = openat(r->j->dirfd, s->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || ftruncate(fd, (off_t)at) < 0 || fdatasync(fd) < 0)
		return -errno;
	return seg_refresh(s);
}

/*
 * Walks one segment of the tail: what is whole is taken, what is not is cut if it was never
 * committed, else named.
 */
static int walk_tail(struct recovery *r, struct seg *s, const struct seg_end *known)
{
	uint64_t last = s->first.seq - 1;
	uint8_t chain[SHA256_LEN];
	bool hurt = false, sure = s->state == SEG_GOOD;
	struct journal_record rec;
	int err;

	if (sure)
		memcpy(chain, s->head.prev.chain, SHA256_LEN);
	while ((err = seg_next(s, &rec)) == 1 || err == -EBADMSG) {
		uint64_t at = err == 1 ? s->off - REC_OVERHEAD - rec.payload.len : s->bad_off;
		bool good = err == 1 && rec.pos.seq > last && (!sure || chain_fits(chain, &rec));

		if (!good && at >= known->len && r->have_head)
			return cut_tail(r, s, at);
		if (err != 1) {
			note(r, "%s is damaged at byte %llu (%s)", s->name, (unsigned long long)at,
			     s->bad_what);
			hurt = r->damaged = true;
			sure = false;
			continue;
		}
		if (!good) {
			note(r, "%s: the record at byte %llu does not belong there", s->name,
			     (unsigned long long)at);
			r->damaged = true;
			if (rec.pos.seq <= last)
				continue;
		}
		if (hurt && r->have_head)
			lost(r, s->first.boot_seq, last + 1, rec.pos.seq - 1);
		hurt = false;
		last = rec.pos.seq;
		memcpy(chain, rec.chain, SHA256_LEN);
		sure = true;
		take_record(r, &rec);
	}
	if (err)
		return err;
	if (s->size < known->len) {
		note(r, "%s is cut off at byte %llu of %llu", s->name, (unsigned long long)s->size,
		     (unsigned long long)known->len);
		r->damaged = true;
	}
	if (known->pos.boot_seq == s->first.boot_seq)
		lost(r, s->first.boot_seq, last + 1, known->pos.seq);
	return 0;
}

static int recover_segment(struct recovery *r, size_t i)
{
	_cleanup_(seg_freep) struct seg *s = NULL;
	struct seg_end known = known_end(r, i), end;
	int err = seg_open(r->j->dirfd, r->list[i], r->have_head ? r->head.salt : NULL, &s);

	if (err) {
		char name[SEG_NAME_LEN + 1];

		seg_name(r->list[i], name);
		return set_aside(r, name, "cannot be opened");
	}
	/* Born, and killed before the first byte: nothing was ever in it. */
	if (!s->size && !known.len && r->have_head)
		return unlinkat(r->j->dirfd, s->name, 0) < 0 ? -errno : 0;
	if (s->state == SEG_BAD_HEADER && !known.len && r->have_head)
		return set_aside(r, s->name, "is no segment");
	r->damaged = false;
	if (s->state == SEG_FOREIGN) {
		note(r, "%s is of format version %u, this program writes %u: left alone", s->name,
		     s->version, SEG_VERSION);
		r->damaged = r->doubt = true;
		return 0;
	}
	if (s->state == SEG_BAD_HEADER) {
		note(r, "%s has a damaged header", s->name);
		r->damaged = true;
	}
	err = walk_tail(r, s, &known);
	if (err)
		return err;
	r->head.seg = s->first;
	r->head.end.len = s->size;
	end = r->head.end;
	return adopt(r, i, &end);
}

/*
 * Without a head file what is missing in front cannot be told from what was dropped: the oldest
 * segment's word is taken.
 */
static void guess_trim(struct recovery *r)
{
	enum seg_state state = SEG_BAD_HEADER;
	struct seg_header h;

	if (!r->n || header_of(r, r->list[0], &state, &h) < 0 || state != SEG_GOOD)
		return;
	r->head.trim = h.prev.pos;
	memcpy(r->head.trim_chain, h.prev.chain, SHA256_LEN);
}

/*
 * From the segment that the head file names (without one: all) to the newest, which may be beyond
 * it.
 */
static int recover_tail(struct recovery *r)
{
	size_t i = r->n && r->have_head ? r->n - 1 : 0;
	bool found = false;
	int err = 0;

	if (!r->have_head)
		guess_trim(r);
	while (i > 0 && pos_cmp(r->list[i], r->head.seg) > 0)
		i--;
	for (size_t k = 0; !err && k < i; k++)
		err = adopt(r, k, NULL);
	if (r->n && r->have_head)
		found = pos_cmp(r->list[i], r->head.seg) == 0;
	if (!err && r->have_head && !found && pos_cmp(r->head.end.pos, r->head.trim) > 0) {
		char name[SEG_NAME_LEN + 1];

		seg_name(r->head.seg, name);
		note(r, "%s is missing", name);
		lost(r, r->head.seg.boot_seq, r->head.seg.seq, r->head.end.pos.seq);
		r->damaged = true;
	}
	for (; !err && i < r->n; i++)
		err = recover_segment(r, i);
	return err;
}

/* --- going on --------------------------------------------------------------------------------- */

static int number_boot(struct recovery *r, const char *boot_id)
{
	bool same =
		r->have_head && !r->doubt && !memcmp(r->head.boot_id, boot_id, CLOCK_BOOT_ID_LEN);
	struct journal *j = r->j;
	struct head *h = &r->head;

	if (!r->have_head && getrandom(h->salt, sizeof(h->salt), 0) != (ssize_t)sizeof(h->salt))
		return -EIO;
	j->next_seq = 1;
	if (!same) {
		if (r->highest_boot == UINT32_MAX)
			return -EOVERFLOW;
		h->boot_seq = r->highest_boot + 1;
		memcpy(h->boot_id, boot_id, CLOCK_BOOT_ID_LEN);
		return 0;
	}
	if (h->end.pos.boot_seq == h->boot_seq)
		j->next_seq = h->end.pos.seq + 1;
	for (unsigned i = 0; i < h->losses_len; i++)
		if (h->losses[i].boot_seq == h->boot_seq && h->losses[i].to >= j->next_seq)
			j->next_seq = h->losses[i].to + 1;
	return 0;
}

/*
 * Appends to the last segment if it is whole and of this boot; else the next batch begins a new
 * one.
 */
static int reopen_last(struct recovery *r)
{
	struct journal *j = r->j;
	const struct segment *last = j->segs_len ? &j->segs[j->segs_len - 1] : NULL;
	char name[SEG_NAME_LEN + 1];

	if (r->damaged || !last || pos_cmp(last->first, r->head.seg) != 0 ||
	    last->first.boot_seq != r->head.boot_seq)
		return 0;
	seg_name(last->first, name);
	j->fd = openat(j->dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (j->fd < 0)
		return -errno;
	/* What is published must be on disk, whoever wrote it. */
	if (fdatasync(j->fd) < 0)
		return -errno;
	j->mark = seg_mark(r->head.salt, last->first);
	return 0;
}

int recover(struct journal *j, const char *boot_id, struct buf *why)
{
	struct recovery r = { .j = j, .why = why };
	int err = load_head(&r);

	if (!err)
		err = load_folder(&r);
	if (!err)
		err = recover_tail(&r);
	if (!err)
		err = number_boot(&r, boot_id);
	if (!err)
		err = reopen_last(&r);
	if (!err)
		err = head_open(j->dirfd, &r.head, &j->slots);
	if (!err)
		err = ack_prepare(j->dirfd);
	/* Where nothing was a new journal begins, whatever a person left lying here. */
	if (!err)
		err = identity_make(j->dirfd, !r.have_head && !r.n);
	if (err == -ENOSPC)
		note(&r, "no room even for the files head, ack and identity (20 KiB): free disk "
			 "space");
	if (!err)
		j->head = r.head;
	free(r.list);
	return err;
}
