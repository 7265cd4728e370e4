/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/notifier.h"
#include "base/buf.h"
#include "journal/reader.h"

/* Reading; what a reader may and must believe is in journal.c's specification, "Readers". */

#define OPEN_TRIES 64 /* the oldest segments may be dropped between listing and opening */

int journal_reader_new(int dirfd, struct journal_pos after, struct journal_reader **ret_reader)
{
	_cleanup_(journal_reader_freep) struct journal_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->notifier_fd = -1;
	r->dirfd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dirfd < 0)
		return -errno;
	r->last = r->after = after;
	*ret_reader = take_ptr(r);
	return 0;
}

void journal_reader_free(struct journal_reader *r)
{
	if (!r)
		return;
	seg_free(r->seg);
	close_fd(&r->notifier_fd);
	close_fd(&r->dirfd);
	free(r);
}

int journal_reader_fd(struct journal_reader *r)
{
	int err = 0;

	if (r->notifier_fd < 0)
		err = notifier_listen(r->dirfd, "bell", &r->notifier_fd);
	return err ? err : r->notifier_fd;
}

/* --- damage ----------------------------------------------------------------------------------- */

static int damage(struct journal_reader *r, struct journal_damage *d, enum journal_damage_kind kind,
		  const char *file, uint64_t offset, const char *what)
{
	memset(d, 0, sizeof(*d));
	d->kind = kind;
	snprintf(d->file, sizeof(d->file), "%s", file);
	snprintf(d->what, sizeof(d->what), "%s", what);
	d->offset = offset;
	d->after = r->last;
	return 2;
}

static int damage_range(struct journal_reader *r, struct journal_damage *d,
			enum journal_damage_kind kind, struct journal_pos seg,
			struct journal_pos to, const char *what)
{
	char name[SEG_NAME_LEN + 1];

	seg_name(seg, name);
	damage(r, d, kind, name, 0, what);
	d->missing_to = to;
	r->last = to;
	return 2;
}

/* Positions up to `to` are not there any more: on purpose, or not. */
static int missing(struct journal_reader *r, struct journal_damage *d, struct journal_pos seg,
		   struct journal_pos to)
{
	if (r->have_head && pos_cmp(to, r->head.trim) <= 0)
		return damage_range(r, d, DAMAGE_DROPPED, seg, to, "dropped before it was read");
	return damage_range(r, d, DAMAGE_MISSING, seg, to, "segment missing before this one");
}

/* --- from segment to segment ------------------------------------------------------------------ */

static int refresh_head(struct journal_reader *r)
{
	struct head h;
	int err = head_read(r->dirfd, &h);

	/*
	 * The head never goes back, but reading it can: while the two copies are read one after the
	 * other, two commits may happen. Then what was seen before is still right.
	 */
	if (!err && r->have_head && pos_cmp(h.end.pos, r->head.end.pos) < 0)
		return 0;
	if (!err) {
		r->head = h;
		r->have_head = true;
		r->head_named = false;
		return 0;
	}
	return err == -ENOENT || err == -EBADMSG ? 0 : err;
}

/*
 * The segment to read next: behind the one just ended, or at the start the last that does not begin
 * behind `after`. False: there is none yet.
 */
static bool pick(const struct journal_reader *r, const struct journal_pos *list, size_t n,
		 struct journal_pos *ret_first)
{
	size_t i = 0;

	if (r->begun) {
		while (i < n && pos_cmp(list[i], r->seg_first) <= 0)
			i++;
	} else {
		while (i < n && r->have_head && pos_cmp(list[i], r->head.trim) <= 0)
			i++;
		while (i + 1 < n && pos_cmp(list[i + 1], r->after) <= 0)
			i++;
	}
	/* What lies beyond the published head is not committed, or is no segment of ours. */
	if (i >= n || (r->have_head && pos_cmp(list[i], r->head.seg) > 0))
		return false;
	*ret_first = list[i];
	return true;
}

static bool is_head_segment(const struct journal_reader *r)
{
	return !r->have_head || pos_cmp(r->seg->first, r->head.seg) == 0;
}

/*
 * How far the open segment may be read: to the published head, or, once it is complete, to where
 * its successor says it ended. Without a head file there is only the file's own end.
 */
static int set_limit(struct journal_reader *r)
{
	struct seg *s = r->seg;
	_free_ struct journal_pos *list = NULL;
	uint64_t want = 0;
	size_t n, i;
	int err = seg_refresh(s);

	if (err)
		return err;
	r->whole_len = 0;
	if (r->have_head && is_head_segment(r)) {
		want = r->head.end.len;
	} else if (r->have_head) {
		_cleanup_(seg_freep) struct seg *next = NULL;

		err = seg_list(r->dirfd, &list, &n);
		if (err)
			return err;
		for (i = 0; i < n && pos_cmp(list[i], s->first) <= 0; i++)
			;
		if (i < n && seg_open(r->dirfd, list[i], NULL, &next) == 0 &&
		    next->state == SEG_GOOD && seg_follows(&next->head, s->first))
			want = next->head.prev.len;
	}
	s->limit = want && want < s->size ? want : s->size;
	r->whole_len = want;
	return 0;
}

/* Whoever starts at the oldest segment there is misses nothing. */
static int join_oldest(struct journal_reader *r, const struct seg_end *prev,
		       struct journal_damage *d)
{
	r->last = prev->pos;
	if (r->have_head && pos_cmp(prev->pos, r->head.trim) == 0 &&
	    memcmp(prev->chain, r->head.trim_chain, SHA256_LEN) != 0)
		return damage(r, d, DAMAGE_CHAIN, r->seg->name, 0,
			      "chain broken: does not go on from what was removed");
	return 0;
}

/*
 * What lies between the record read last and the one that the opened segment says came before it?
 */
static int join(struct journal_reader *r, struct journal_damage *d)
{
	const struct seg_end *prev = &r->seg->head.prev;
	bool from_start = !r->begun && pos_is_zero(r->after);
	int cmp = pos_cmp(prev->pos, r->last), ret = 0;
	int err = refresh_head(r); /* after the listing, so that trim covers what is not in it */

	if (err)
		return err;
	if (from_start && (!r->have_head || pos_cmp(prev->pos, r->head.trim) <= 0))
		ret = join_oldest(r, prev, d);
	else if (cmp > 0)
		ret = missing(r, d, r->seg->first, prev->pos);
	else if (cmp == 0 && r->sure && memcmp(prev->chain, r->chain, SHA256_LEN) != 0)
		ret = damage(r, d, DAMAGE_CHAIN, r->seg->name, 0,
			     "chain broken: does not go on from the segment before");
	else if (cmp < 0 && r->begun)
		ret = damage(r, d, DAMAGE_CHAIN, r->seg->name, 0,
			     "chain broken: overlaps the segment before");
	memcpy(r->chain, prev->chain, SHA256_LEN);
	r->sure = true;
	return ret;
}

static int start_segment(struct journal_reader *r, struct journal_damage *d)
{
	struct seg *s = r->seg;
	int ret = 0;

	if (s->state == SEG_GOOD) {
		ret = join(r, d);
	} else if (s->state == SEG_FOREIGN) {
		ret = damage(r, d, DAMAGE_VERSION, s->name, 0, "");
		snprintf(d->what, sizeof(d->what),
			 "segment of format version %u, this program reads %u", s->version,
			 SEG_VERSION);
	} else {
		ret = damage(r, d, DAMAGE_FILE, s->name, 0, "segment header damaged");
		r->sure = false;
	}
	r->begun = true;
	r->disorder = false;
	r->seg_first = s->first;
	return ret;
}

/* 1: a segment is open; 2: and damage before it; 0: there is none. */
static int open_segment(struct journal_reader *r, struct journal_damage *d)
{
	for (int i = 0; i < OPEN_TRIES; i++) {
		_free_ struct journal_pos *list = NULL;
		struct journal_pos first;
		size_t n;
		int err = refresh_head(r);

		if (!err)
			err = seg_list(r->dirfd, &list, &n);
		if (err)
			return err;
		if (!pick(r, list, n, &first)) {
			/* None, or the list is younger than the head we went by. */
			struct journal_pos seg = r->head.seg;

			err = refresh_head(r);
			if (err || pos_cmp(seg, r->head.seg) == 0)
				return err;
			continue;
		}
		err = seg_open(r->dirfd, first, r->have_head ? r->head.salt : NULL, &r->seg);
		if (err == -ENOENT)
			continue;
		if (err == -ENOMEM || err == -EMFILE || err == -ENFILE)
			return err;
		if (err) {
			r->begun = true;
			r->seg_first = first;
			r->sure = false;
			seg_name(first, r->seg_name);
			return damage(r, d, DAMAGE_FILE, r->seg_name, 0, "cannot be opened");
		}
		err = set_limit(r);
		if (err)
			return err;
		err = start_segment(r, d);
		return err ? err : 1;
	}
	return -EAGAIN;
}

/* Nothing more to read. Is that so, or is the rest gone? Said once. */
static int at_end(struct journal_reader *r, struct journal_damage *d)
{
	if (!r->have_head) {
		if (r->head_named || !r->begun)
			return 0;
		r->head_named = true;
		return damage(r, d, DAMAGE_MISSING, "head", 0, "head file missing or damaged");
	}
	if (pos_cmp(r->head.end.pos, r->last) > 0) {
		if (pos_cmp(r->head.end.pos, r->head.trim) <= 0 && pos_is_zero(r->last))
			r->last = r->head.end.pos; /* begun behind what was removed */
		else if (pos_cmp(r->head.end.pos, r->head.trim) <= 0)
			return missing(r, d, r->head.seg, r->head.end.pos);
		else
			return damage_range(r, d, DAMAGE_MISSING, r->head.seg, r->head.end.pos,
					    "segment missing at the end");
	}
	if (r->after.seq && pos_cmp(r->after, r->head.end.pos) > 0 && !r->ahead_named) {
		r->ahead_named = true;
		return damage(r, d, DAMAGE_MISSING, "head", 0,
			      "the journal ends before the position asked for: it was replaced");
	}
	return 0;
}

/*
 * The open segment is read to its limit: 1 there is more now, 2 damage, 0 nothing more at present.
 */
static int at_limit(struct journal_reader *r, struct journal_damage *d)
{
	struct seg *s = r->seg;
	int err = refresh_head(r);

	if (err)
		return err;
	if (r->have_head && is_head_segment(r) && s->off >= r->head.end.len)
		return at_end(r, d);
	err = set_limit(r);
	if (err)
		return err;
	if (s->off < s->limit)
		return 1;
	if (r->whole_len > s->size && !r->cut_named) {
		r->cut_named = true;
		r->sure = false;
		return damage(r, d, DAMAGE_FILE, s->name, s->size, "file cut off");
	}
	if (r->have_head && is_head_segment(r))
		return at_end(r, d);
	seg_free(take_ptr(r->seg));
	r->cut_named = false;
	return 1;
}

/* --- records ---------------------------------------------------------------------------------- */

/* What judge() says of a record. */
enum { SKIP = 0, DELIVER = 1, NAME_DAMAGE = 2, NAME_THEN_DELIVER = 3 };
#define READ_ON 3

static int judge(struct journal_reader *r, struct journal_record *rec, struct journal_damage *d)
{
	uint8_t chain[SHA256_LEN];
	bool broken = false;

	if (pos_cmp(rec->pos, r->last) <= 0 && pos_cmp(rec->pos, r->after) > 0) {
		if (r->disorder)
			return SKIP;
		r->disorder = true;
		r->sure = false;
		damage(r, d, DAMAGE_CHAIN, r->seg->name, r->rec_off,
		       "out of order: a record that was there before");
		return NAME_DAMAGE;
	}
	memset(rec->prev_chain, 0, SHA256_LEN);
	if (r->sure) {
		memcpy(rec->prev_chain, r->chain, SHA256_LEN);
		journal_chain_step(r->chain, rec->pos, rec->wall_ns, rec->payload, chain);
		broken = memcmp(chain, rec->chain, SHA256_LEN) != 0;
	}
	memcpy(r->chain, rec->chain, SHA256_LEN);
	r->sure = true;
	if (broken) {
		damage(r, d, DAMAGE_CHAIN, r->seg->name, r->rec_off,
		       "chain broken: this record or one before it was altered, removed or moved");
		memset(rec->prev_chain, 0, SHA256_LEN);
	}
	if (pos_cmp(rec->pos, r->after) <= 0)
		return broken ? NAME_DAMAGE : SKIP;
	r->last = rec->pos;
	return broken ? NAME_THEN_DELIVER : DELIVER;
}

static int next_in_segment(struct journal_reader *r, struct journal_record *rec,
			   struct journal_damage *d)
{
	int err;

	r->rec_off = r->seg->off;
	err = seg_next(r->seg, rec);
	if (err == -EBADMSG) {
		r->sure = false;
		return damage(r, d, DAMAGE_FILE, r->seg->name, r->seg->bad_off, r->seg->bad_what);
	}
	if (err <= 0)
		return err;
	switch (judge(r, rec, d)) {
	case DELIVER:
		return 1;
	case NAME_DAMAGE:
		return 2;
	case NAME_THEN_DELIVER:
		r->held = *rec;
		r->holding = true;
		return 2;
	}
	return READ_ON;
}

int journal_next(struct journal_reader *r, struct journal_record *ret_rec,
		 struct journal_damage *ret_damage)
{
	if (r->holding) {
		r->holding = false;
		*ret_rec = r->held;
		return 1;
	}
	for (;;) {
		struct journal_record rec;
		int err;

		if (!r->seg) {
			err = open_segment(r, ret_damage);
			if (!err)
				return at_end(r, ret_damage);
			if (err != 1)
				return err;
		}
		err = next_in_segment(r, &rec, ret_damage);
		if (err == 1)
			*ret_rec = rec;
		if (err == 1 || err == 2 || err < 0)
			return err;
		if (err == READ_ON)
			continue;
		err = at_limit(r, ret_damage);
		if (err != 1)
			return err;
	}
}

int journal_node(int dirfd, struct buf *b)
{
	_free_ struct journal_pos *list = NULL;
	size_t n;
	int err = seg_list(dirfd, &list, &n);

	if (err)
		return err;
	while (n--) {
		_cleanup_(seg_freep) struct seg *s = NULL;

		if (seg_open(dirfd, list[n], NULL, &s) < 0 || s->state != SEG_GOOD)
			continue;
		buf_puts(b, s->head.node);
		return b->err;
	}
	return -ENOENT;
}
