/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql_put.h"

#include <errno.h>

/* What follows from events that were put: what was lost, what a node says of itself, how far a boot is here without a hole. */

uint64_t my_add_counts(uint64_t a, uint64_t b)
{
	return a + b > COUNT_MAX || b > COUNT_MAX ? COUNT_MAX : a + b;
}

void my_decode(const struct store_event *row, struct event *ev)
{
	*ev = (struct event){ 0 };
	if (event_decode(row->record.ptr, row->record.len, ev))
		*ev = (struct event){
			.time_ns = row->recorded_ns
		}; /* kept: a newer ajar may read it */
	if (row->gap_elsewhere)
		ev->to_seq = UINT64_MAX; /* counted, and no range of this boot */
}

/* --- gaps and starts ---------------------------------------------------------------------------------------- */

static int keep_gap(struct put *p, const struct store_event *row, const struct event *ev)
{
	_my_use_ struct my_use u = { .s = p->s };
	int err;

	err = my_get(p->s,
		     "INSERT INTO event_gaps (node_id, boot_seq, seq, gap_from, gap_to) VALUES (?, "
		     "?, ?, ?, ?)",
		     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, p->node_id);
	my_u64(u.st, 2, p->boot_seq);
	my_u64(u.st, 3, row->seq);
	my_u64(u.st, 4, ev->from_seq);
	my_u64(u.st, 5, ev->to_seq);
	return my_run(p->s, u.st, NULL);
}

/* How many records of the range a gap claims are not here: shed after they were shipped is not lost. */
static int add_gap(struct put *p, const struct store_event *row)
{
	_my_use_ struct my_use u = { .s = p->s };
	struct event ev;
	uint64_t range, have;
	int ret;

	my_decode(row, &ev);
	if (!ev.from_seq || ev.to_seq < ev.from_seq || ev.to_seq >= INT64_MAX) {
		p->lost = my_add_counts(p->lost, ev.count);
		return 0;
	}
	ret = keep_gap(p, row, &ev);
	if (!ret)
		ret = my_get(p->s,
			     "SELECT count(*) FROM events WHERE node_id = ? AND boot_seq = ? AND "
			     "seq BETWEEN ? AND ?",
			     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, p->node_id);
	my_u64(u.st, 2, p->boot_seq);
	my_u64(u.st, 3, ev.from_seq);
	my_u64(u.st, 4, ev.to_seq);
	ret = my_step(p->s, u.st);
	if (ret < 0)
		return ret;
	range = ev.to_seq - ev.from_seq + 1;
	have = my_col_u64(u.st, 0);
	p->lost = my_add_counts(p->lost, have < range ? range - have : 0);
	return 0;
}

/* A node tells its tier and hooks when it starts; the newest word counts. */
static int note_start(struct put *p, const struct store_event *row)
{
	_my_use_ struct my_use u = { .s = p->s };
	struct event ev;
	int err;

	my_decode(row, &ev);
	/* tier_seq before tier_boot_seq: each sees what is assigned to its left. */
	err = my_get(p->s,
		     "UPDATE nodes SET tier = ?, tier_seq = ?, tier_boot_seq = ? WHERE id = ? AND "
		     "(tier_boot_seq < ? OR (tier_boot_seq = ? AND tier_seq < ?))",
		     &u.st);
	if (!err)
		err = my_esc(u.st, 1, ev.reason);
	if (err)
		return err;
	my_u64(u.st, 2, row->seq);
	my_u64(u.st, 3, row->boot_seq);
	my_u64(u.st, 4, p->node_id);
	my_u64(u.st, 5, row->boot_seq);
	my_u64(u.st, 6, row->boot_seq);
	my_u64(u.st, 7, row->seq);
	return my_run(p->s, u.st, NULL);
}

int my_note_kinds(struct put *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->fresh_len; i++) {
		if (p->kinds[i] == EVENT_GAP)
			err = add_gap(p, p->fresh[i]);
		else if (p->kinds[i] == EVENT_START)
			err = note_start(p, p->fresh[i]);
	}
	return err;
}

/* --- the head: stored without a hole ---------------------------------------------------------------- */

#define WALK_MAX 1024

/* Returns 1 when the head has moved through `limit` rows and there may be more. */
static int walk_rows(struct put *p, uint64_t limit)
{
	_my_use_ struct my_use u = { .s = p->s };
	uint64_t n = 0;
	int ret;

	ret = my_get(p->s,
		     "SELECT seq FROM events WHERE node_id = ? AND boot_seq = ? AND seq > ? ORDER "
		     "BY seq LIMIT ?",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, p->node_id);
	my_u64(u.st, 2, p->boot_seq);
	my_u64(u.st, 3, p->head_seq);
	my_u64(u.st, 4, limit);
	while ((ret = my_step(p->s, u.st)) > 0) {
		if (my_col_u64(u.st, 0) != p->head_seq + 1)
			return 0;
		p->head_seq++;
		n++;
	}
	return ret < 0 ? ret : n == limit;
}

/* A gap record stands for the records it names. Returns 1 when one leads on. */
static int walk_gap(struct put *p)
{
	_my_use_ struct my_use u = { .s = p->s };
	uint64_t to;
	int ret;

	ret = my_get(p->s,
		     "SELECT CAST(coalesce(max(gap_to), 0) AS UNSIGNED) FROM event_gaps WHERE "
		     "node_id = ? AND boot_seq = ? AND gap_to > ? "
		     "AND gap_from <= ?",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, p->node_id);
	my_u64(u.st, 2, p->boot_seq);
	my_u64(u.st, 3, p->head_seq);
	my_u64(u.st, 4, p->head_seq + 1);
	ret = my_step(p->s, u.st);
	if (ret <= 0)
		return ret;
	to = my_col_u64(u.st, 0);
	if (to <= p->head_seq)
		return 0;
	p->head_seq = to;
	return 1;
}

int my_walk_head(struct put *p)
{
	uint64_t limit = 1;
	int ret = 1;

	for (size_t i = 0; i < p->len; i++)
		p->head_seq += p->rows[i]->seq == p->head_seq + 1;
	/* Behind the last record there may still be what a gap record at its end stands for. */
	while (ret > 0) {
		ret = p->head_seq < p->max_seq ? walk_rows(p, limit) : 0;
		if (!ret)
			ret = walk_gap(p);
		limit = limit < WALK_MAX ? 4 * limit : WALK_MAX;
	}
	return ret;
}

/* New rows of a boot move its head, and take back a judgement that has run past them. */
int my_finish_boot(struct put *p)
{
	_my_use_ struct my_use u = { .s = p->s };
	int err;

	err = my_get(p->s,
		     "UPDATE journals SET head_seq = ?, stored_seq = greatest(stored_seq, ?), "
		     "judged_seq = least(judged_seq, ?), rows_stored = rows_stored + ?, "
		     "touched_ns = CAST(unix_timestamp(now(6)) * 1000000 AS UNSIGNED) * 1000 "
		     "WHERE node_id = ? AND boot_seq = ?",
		     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, p->head_seq);
	my_u64(u.st, 2, p->max_seq);
	my_u64(u.st, 3, p->fresh[0]->seq - 1);
	my_u64(u.st, 4, p->fresh_len);
	my_u64(u.st, 5, p->node_id);
	my_u64(u.st, 6, p->boot_seq);
	return my_run(p->s, u.st, NULL);
}
