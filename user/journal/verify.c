/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/event.h"
#include "journal/reader.h"

/*
 * Verifying is reading everything up to the head that stood when it began, plus keeping the
 * account: each number that no record has must be named by a gap record (or be owed by one, in the
 * head file), or belong to damage that was reported.
 */

#define HOLES_MAX 65536 /* open at a time; that there were more is damage of its own */

struct hole {
	uint32_t boot_seq;
	uint64_t from, to;
};

struct verify {
	int dirfd;
	int (*fn)(const struct journal_damage *d, void *arg);
	void *arg;
	struct journal_verdict v;
	struct head head; /* when it began */
	bool have_head;
	struct hole *holes;
	size_t holes_len, holes_cap;
	struct journal_pos last;
	bool too_many; /* holes: more were not kept */
	struct hole first_lost; /* of those */
	bool excused; /* damage was reported behind last: what is missing next is known */
	struct journal_pos segment; /* counted last */
};

static int report(struct verify *v, const struct journal_damage *d)
{
	v->v.damages++;
	return v->fn ? v->fn(d, v->arg) : 0;
}

/* --- the account ------------------------------------------------------------------------------ */

static int add_hole(struct verify *v, uint32_t boot_seq, uint64_t from, uint64_t to)
{
	if (from > to)
		return 0;
	if (v->holes_len == HOLES_MAX) {
		if (!v->too_many)
			v->first_lost = (struct hole){ boot_seq, from, to };
		v->too_many = true;
		return 0;
	}
	if (v->holes_len == v->holes_cap) {
		size_t cap = v->holes_cap ? v->holes_cap * 2 : 32;
		void *more = realloc(v->holes, cap * sizeof(*v->holes));

		if (!more)
			return -ENOMEM;
		v->holes = more;
		v->holes_cap = cap;
	}
	v->holes[v->holes_len++] = (struct hole){ boot_seq, from, to };
	return 0;
}

static int explain(struct verify *v, uint32_t boot_seq, uint64_t from, uint64_t to)
{
	for (size_t i = v->holes_len; i-- > 0;) {
		struct hole h = v->holes[i];
		int err = 0;

		if (h.boot_seq != boot_seq || h.to < from || h.from > to)
			continue;
		v->holes[i] = v->holes[--v->holes_len];
		if (h.from < from)
			err = add_hole(v, boot_seq, h.from, from - 1);
		if (!err && h.to > to)
			err = add_hole(v, boot_seq, to + 1, h.to);
		if (err)
			return err;
	}
	return 0;
}

/* What was dropped in front must have been acknowledged or be in a gap record. */
static int expect_trim(struct verify *v)
{
	struct journal_pos ack = { 0 }, trim = v->head.trim;

	if (journal_ack_read(v->dirfd, &ack) < 0 || pos_cmp(ack, v->head.acked) < 0)
		ack = v->head.acked;
	v->last = trim;
	if (pos_cmp(trim, ack) <= 0)
		return 0;
	return add_hole(v, trim.boot_seq, trim.boot_seq == ack.boot_seq ? ack.seq + 1 : 1,
			trim.seq);
}

static int take(struct verify *v, const struct journal_record *rec)
{
	uint64_t next = rec->pos.boot_seq == v->last.boot_seq ? v->last.seq + 1 : 1;
	struct event ev;
	int err = 0;

	if (!v->v.records)
		v->v.first = rec->pos;
	v->v.records++;
	v->v.last = rec->pos;
	memcpy(v->v.chain, rec->chain, SHA256_LEN);
	if (!v->excused)
		err = add_hole(v, rec->pos.boot_seq, next, rec->pos.seq - 1);
	v->last = rec->pos;
	v->excused = false;
	if (err || event_decode(rec->payload.ptr, rec->payload.len, &ev) < 0 ||
	    ev.kind != EVENT_GAP || ev.opened_ns)
		return err;
	v->v.gap_records++;
	v->v.gaps += ev.count;
	return explain(v, ev.gap_boot, ev.from_seq, ev.to_seq);
}

static int report_holes(struct verify *v)
{
	int err = 0;

	for (unsigned i = 0; !err && i < v->head.losses_len; i++)
		err = explain(v, v->head.losses[i].boot_seq, v->head.losses[i].from,
			      v->head.losses[i].to);
	for (size_t i = 0; !err && i < v->holes_len; i++) {
		const struct hole *h = &v->holes[i];
		struct journal_damage d = { .kind = DAMAGE_HOLE,
					    .after = { h->boot_seq, h->from - 1 },
					    .missing_to = { h->boot_seq, h->to } };

		snprintf(d.what, sizeof(d.what), "missing without a gap record");
		err = report(v, &d);
	}
	if (!err && v->too_many) {
		const struct hole *h = &v->first_lost;
		struct journal_damage d = { .kind = DAMAGE_HOLE,
					    .after = { h->boot_seq, h->from - 1 },
					    .missing_to = { h->boot_seq, h->to } };

		snprintf(d.what, sizeof(d.what),
			 "more than %d places without a record: those behind this one are not "
			 "accounted for",
			 HOLES_MAX);
		err = report(v, &d);
	}
	return err;
}

/* --- the walk --------------------------------------------------------------------------------- */

static int take_damage(struct verify *v, const struct journal_damage *d)
{
	v->excused = true;
	if (pos_cmp(d->missing_to, v->last) > 0)
		v->last = d->missing_to;
	/* Dropped while we read: the writer goes on meanwhile, and its own account covers it. */
	return d->kind == DAMAGE_DROPPED ? 0 : report(v, d);
}

static int walk(struct verify *v, struct journal_reader *r)
{
	struct journal_record rec;
	struct journal_damage d;
	int err;

	while (!v->have_head || pos_cmp(r->last, v->head.end.pos) < 0 || r->holding) {
		err = journal_next(r, &rec, &d);
		if (err <= 0)
			return err;
		if (r->begun && pos_cmp(r->seg_first, v->segment) != 0) {
			v->segment = r->seg_first;
			v->v.segments++;
		}
		err = err == 1 ? take(v, &rec) : take_damage(v, &d);
		if (err)
			return err;
	}
	return 0;
}

static int compare_head(struct verify *v)
{
	struct journal_damage d = { .kind = DAMAGE_CHAIN, .file = "head", .after = v->v.last };
	const struct seg_end *end = &v->head.end;

	if (!v->have_head || v->v.damages)
		return 0;
	if (!v->v.records) /* nothing yet, or all of it dropped */
		return 0;
	if (pos_cmp(v->v.last, end->pos) == 0 && !memcmp(v->v.chain, end->chain, SHA256_LEN))
		return 0;
	snprintf(d.what, sizeof(d.what), "the head file does not agree with the records");
	return report(v, &d);
}

/*
 * A file with a segment's name beyond the head that is none. One just being born is whole or
 * shorter than a header.
 */
static int look_beyond(struct verify *v)
{
	_free_ struct journal_pos *list = NULL;
	size_t n;
	int err = seg_list(v->dirfd, &list, &n);

	for (size_t i = 0; !err && v->have_head && i < n; i++) {
		_cleanup_(seg_freep) struct seg *s = NULL;
		struct journal_damage d = { .kind = DAMAGE_FILE, .after = v->last };

		if (pos_cmp(list[i], v->head.seg) <= 0 ||
		    seg_open(v->dirfd, list[i], NULL, &s) < 0 || s->state == SEG_GOOD ||
		    s->size < SEG_HEADER_LEN)
			continue;
		snprintf(d.file, sizeof(d.file), "%s", s->name);
		snprintf(d.what, sizeof(d.what), "%s",
			 s->state == SEG_FOREIGN ? "segment of another format version"
						 : "no segment, or its header is damaged");
		d.kind = s->state == SEG_FOREIGN ? DAMAGE_VERSION : DAMAGE_FILE;
		err = report(v, &d);
	}
	return err;
}

int journal_verify(int dirfd, int (*fn)(const struct journal_damage *d, void *arg), void *arg,
		   struct journal_verdict *ret_verdict)
{
	_cleanup_(journal_reader_freep) struct journal_reader *r = NULL;
	struct verify v = { .dirfd = dirfd, .fn = fn, .arg = arg };
	int err = head_read(dirfd, &v.head);

	v.have_head = !err;
	if (err && err != -ENOENT && err != -EBADMSG)
		return err;
	err = journal_reader_new(dirfd, (struct journal_pos){ 0 }, &r);
	if (!err && v.have_head)
		err = expect_trim(&v);
	if (!err)
		err = walk(&v, r);
	if (!err)
		err = report_holes(&v);
	if (!err)
		err = compare_head(&v);
	if (!err)
		err = look_beyond(&v);
	free(v.holes);
	if (!err)
		*ret_verdict = v.v;
	return err;
}
