/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/event.h"

/* Making room; the rules are in journal.c's specification, "Dropping". */

/*
 * The account of one segment that goes: what in it was not acknowledged, and the ranges its own gap
 * records stood for.
 */
struct account {
	struct head *head;
	struct journal_pos ack;
	enum loss_why why;
	uint64_t records;
};

static void lose(struct account *a, enum loss_why why, uint32_t boot_seq, uint64_t from,
		 uint64_t to)
{
	if (boot_seq < a->ack.boot_seq)
		return;
	if (boot_seq == a->ack.boot_seq && from <= a->ack.seq)
		from = a->ack.seq + 1;
	if (from > to)
		return;
	a->records += to - from + 1;
	loss_add(a->head, (struct loss){ boot_seq, why, from, to, to - from + 1 });
}

static void lose_record(struct account *a, const struct journal_record *rec)
{
	struct event ev;

	if (pos_cmp(rec->pos, a->ack) <= 0)
		return;
	lose(a, a->why, rec->pos.boot_seq, rec->pos.seq, rec->pos.seq);
	/* A gap record that nobody has read yet: what it says must be said again. */
	if (event_decode(rec->payload.ptr, rec->payload.len, &ev) == 0 && ev.kind == EVENT_GAP &&
	    !ev.opened_ns)
		loss_add(a->head, (struct loss){ ev.gap_boot, loss_of_text(ev.reason), ev.from_seq,
						 ev.to_seq, ev.count });
}

static void account_for(struct journal *j, const struct segment *seg, struct account *a)
{
	_cleanup_(seg_freep) struct seg *s = NULL;
	struct journal_record rec;
	uint64_t last = seg->first.seq - 1;
	bool hurt = false;
	int r = seg_open(j->dirfd, seg->first, j->head.salt, &s);

	if (!r && s->limit > seg->end.len)
		s->limit = seg->end.len;
	while (!r && ((r = seg_next(s, &rec)) == 1 || r == -EBADMSG)) {
		if (r == 1 && rec.pos.seq > last) {
			if (hurt)
				lose(a, LOSS_DAMAGE, seg->first.boot_seq, last + 1,
				     rec.pos.seq - 1);
			last = rec.pos.seq;
			lose_record(a, &rec);
		}
		hurt = r < 0;
		r = 0;
	}
	if (seg->end.pos.boot_seq == seg->first.boot_seq)
		lose(a, LOSS_DAMAGE, seg->first.boot_seq, last + 1, seg->end.pos.seq);
}

void retire_active(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
}

int segs_add(struct journal *j, struct segment s)
{
	if (j->segs_len == j->segs_cap) {
		size_t cap = j->segs_cap ? j->segs_cap * 2 : 16;
		void *more = realloc(j->segs, cap * sizeof(*j->segs));

		if (!more)
			return -ENOMEM;
		j->segs = more;
		j->segs_cap = cap;
	}
	j->segs[j->segs_len++] = s;
	j->total_bytes += s.end.len;
	return 0;
}

static struct journal_pos read_ack(const struct journal *j)
{
	struct journal_pos ack = { 0 };

	/* No readable acknowledgement is none: the careful side. */
	if (journal_ack_read(j->dirfd, &ack) < 0)
		ack = (struct journal_pos){ 0 };
	return ack;
}

bool drop_oldest(struct journal *j, enum loss_why why, uint64_t *dropped)
{
	struct head h = j->head;
	struct account a = { .head = &h, .ack = read_ack(j), .why = why };
	const struct segment *oldest = j->segs;
	char name[SEG_NAME_LEN + 1];
	bool acked;

	if (!j->segs_len)
		return false;
	acked = pos_cmp(oldest->end.pos, a.ack) <= 0;
	if (j->segs_len == 1 && !acked)
		return false;
	if (j->segs_len == 1)
		retire_active(j);
	if (!acked)
		account_for(j, oldest, &a);
	h.trim = oldest->end.pos;
	memcpy(h.trim_chain, oldest->end.chain, SHA256_LEN);
	h.acked = a.ack;
	/*
	 * First the account, durably, then the deed: a crash between the two is finished by
	 * recover().
	 */
	if (head_write(&j->slots, &h, true) < 0)
		return false;
	j->head = h;
	seg_name(oldest->first, name);
	unlinkat(j->dirfd, name, 0);
	j->total_bytes -= oldest->end.len;
	j->segs_len--;
	memmove(j->segs, j->segs + 1, j->segs_len * sizeof(*j->segs));
	*dropped += a.records;
	return true;
}

static uint64_t bytes_with(const struct journal *j, uint64_t len)
{
	return j->total_bytes + SEG_HEADER_LEN + len + j->head.losses_len * GAP_RECORD_MAX;
}

bool drop_to_cap(struct journal *j, uint64_t len, uint64_t *dropped)
{
	while (bytes_with(j, len) > j->max_bytes)
		if (!drop_oldest(j, LOSS_CAP, dropped))
			return false;
	return true;
}

void drop_expired(struct journal *j)
{
	struct journal_pos ack = read_ack(j);
	uint64_t now = clock_wall_ns(), none = 0;

	while (j->segs_len > 1 && pos_cmp(j->segs->end.pos, ack) <= 0 &&
	       j->segs->end.wall_ns + j->replay_ns < now)
		if (!drop_oldest(j, LOSS_CAP, &none))
			return;
}
