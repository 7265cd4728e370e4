/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <string.h>

/*
 * Reading events, in pages: each begins behind the last row of the one before, in the order of an index, so a walk over
 * everything costs the client one page of memory and the server no sorting.
 */
#define PAGE 500

/* STRAIGHT_JOIN keeps the events first: each query walks one index of theirs in its order. */
#define EVENT_SELECT                                                                               \
	"SELECT n.name, n.host_type, e.boot_seq, e.seq, e.received_ns, e.record, e.chain, "        \
	"CAST(coalesce(d.verdict, 0) AS UNSIGNED), "                                               \
	"e.recorded_ns, e.happened_ns, e.node_id FROM events e STRAIGHT_JOIN nodes n ON n.id = "   \
	"e.node_id "                                                                               \
	"LEFT JOIN doors d ON d.node_id = e.node_id AND d.boot_seq = e.boot_seq AND "              \
	"d.netns_cookie = e.netns_cookie "                                                         \
	"AND d.cookie = e.cookie "

#define OF_PORT                                                                                    \
	"AND (? OR e.port IS NULL OR e.port BETWEEN ? AND ?) " /* in the index: other rows are not read */

static const char by_seq[] = EVENT_SELECT "WHERE e.node_id = ? AND e.boot_seq = ? AND e.seq > ? "
					  "AND e.happened_ns >= ? AND e.happened_ns < ? "
					  "ORDER BY e.seq LIMIT ?";
static const char by_node_time[] = EVENT_SELECT
	"WHERE e.node_id = ? AND e.happened_ns >= ? AND e.happened_ns < ? AND (e.happened_ns > ? "
	"OR e.boot_seq > ? OR "
	"(e.boot_seq = ? AND e.seq > ?)) " OF_PORT
	"ORDER BY e.happened_ns, e.boot_seq, e.seq LIMIT ?";
static const char by_time[] =
	EVENT_SELECT "WHERE e.happened_ns >= ? AND e.happened_ns < ? AND (e.happened_ns > ? OR "
		     "e.node_id > ? OR (e.node_id = ? AND "
		     "(e.boot_seq > ? OR (e.boot_seq = ? AND e.seq > ?)))) " OF_PORT
		     "ORDER BY e.happened_ns, e.node_id, e.boot_seq, e.seq LIMIT ?";
/* The same backwards: until_ns included, as the time of the last row. */
static const char by_node_time_back[] = EVENT_SELECT
	"WHERE e.node_id = ? AND e.happened_ns >= ? AND e.happened_ns <= ? AND (e.happened_ns < ? "
	"OR e.boot_seq < ? OR (e.boot_seq = ? AND e.seq < ?)) " OF_PORT
	"ORDER BY e.happened_ns DESC, e.boot_seq DESC, e.seq DESC LIMIT ?";
static const char by_time_back[] =
	EVENT_SELECT "WHERE e.happened_ns >= ? AND e.happened_ns <= ? AND (e.happened_ns < ? OR "
		     "e.node_id < ? OR (e.node_id = ? AND "
		     "(e.boot_seq < ? OR (e.boot_seq = ? AND e.seq < ?)))) " OF_PORT
		     "ORDER BY e.happened_ns DESC, e.node_id DESC, e.boot_seq DESC, e.seq DESC "
		     "LIMIT ?";

static const char *page_sql(const struct store_event_query *q)
{
	if (q->boot_seq)
		return by_seq;
	if (q->newest_first)
		return q->node ? by_node_time_back : by_time_back;
	return q->node ? by_node_time : by_time;
}

/* Where the next page begins: behind this; backwards, before it. */
struct walk {
	struct my *s;
	const struct store_event_query *q;
	uint64_t since_ns, until_ns, node_id, last_node_id, boot_seq, seq, left;
};

static int give_event(struct my_stmt *st, store_event_fn fn, void *arg)
{
	struct store_event_row row = {
		.node = my_col_str(st, 0),
		.host_type = my_col_str(st, 1),
		.raw.boot_seq = (uint32_t)my_col_u64(st, 2),
		.raw.seq = my_col_u64(st, 3),
		.raw.received_ns = my_col_u64(st, 4),
		.raw.record = my_col_blob(st, 5),
		.verdict = (enum verdict)my_col_u64(st, 7),
		.raw.recorded_ns = my_col_u64(st, 8),
	};
	struct text chain = my_col_blob(st, 6);

	if (chain.len == SHA256_LEN)
		memcpy(row.raw.chain, chain.ptr, SHA256_LEN);
	if (event_decode(row.raw.record.ptr, row.raw.record.len, &row.ev))
		row.ev = (struct event){ .time_ns = row.raw.recorded_ns, .raw = row.raw.record };
	row.ev.boot_seq = row.raw.boot_seq;
	row.ev.seq = row.raw.seq;
	return fn(&row, arg);
}

static void bind_page(struct walk *w, struct my_stmt *st)
{
	unsigned i = 1;

	if (w->q->node)
		my_u64(st, i++, w->node_id);
	if (w->q->boot_seq) {
		my_u64(st, i++, w->q->boot_seq);
		my_u64(st, i++, w->seq);
		my_u64(st, i++, w->since_ns);
		my_u64(st, i++, w->until_ns);
	} else {
		my_u64(st, i++, w->since_ns);
		my_u64(st, i++, w->until_ns);
		my_u64(st, i++, w->q->newest_first ? w->until_ns : w->since_ns);
		if (!w->q->node) {
			my_u64(st, i++, w->last_node_id);
			my_u64(st, i++, w->last_node_id);
		}
		my_u64(st, i++, w->boot_seq);
		my_u64(st, i++, w->boot_seq);
		my_u64(st, i++, w->seq);
		my_u64(st, i++, !w->q->port_hi);
		my_u64(st, i++, w->q->port_lo);
		my_u64(st, i++, w->q->port_hi);
	}
	my_u64(st, i, w->left < PAGE ? w->left : PAGE);
}

/* Returns how many rows it had, or what the callback said in *ret_said. */
static int give_page(struct walk *w, const char *sql, store_event_fn fn, void *arg, int *ret_said)
{
	_my_use_ struct my_use u = { .s = w->s };
	int ret, n = 0;

	ret = my_get(w->s, sql, &u.st);
	if (ret)
		return ret;
	bind_page(w, u.st);
	while ((ret = my_step(w->s, u.st)) > 0) {
		w->seq = my_col_u64(u.st, 3);
		if (!w->q->boot_seq) {
			w->boot_seq = my_col_u64(u.st, 2);
			*(w->q->newest_first ? &w->until_ns : &w->since_ns) = my_col_u64(u.st, 9);
			w->last_node_id = my_col_u64(u.st, 10);
		}
		n++;
		*ret_said = give_event(u.st, fn, arg);
		if (*ret_said)
			break;
	}
	w->left -= (uint64_t)n;
	return ret < 0 ? ret : n;
}

/*
 * A judge reads a boot in a transaction and sets its cursor in the same. Whoever inserts a late record holds this lock too: it is
 * either committed and read now, or it comes later and takes the cursor back.
 */
static int lock_boot(struct my *s, uint64_t node_id, uint32_t boot_seq)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(
		s, "SELECT judged_seq FROM journals WHERE node_id = ? AND boot_seq = ? FOR UPDATE",
		&u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, node_id);
	my_u64(u.st, 2, boot_seq);
	ret = my_step(s, u.st);
	return ret < 0 ? ret : 0;
}

int my_events(struct store *base, const struct store_event_query *q, store_event_fn fn, void *arg)
{
	struct walk w = {
		.s = (struct my *)base,
		.q = q,
		.since_ns = q->since_ns,
		.until_ns = q->until_ns ? q->until_ns : UINT64_MAX,
		.seq = q->boot_seq ? q->after_seq : 0,
		.left = q->limit ? q->limit : UINT64_MAX,
	};
	int ret, said = 0;

	ret = q->node ? my_node_id(w.s, q->node, &w.node_id) : 0;
	if (!ret && q->boot_seq && base->depth)
		ret = lock_boot(w.s, w.node_id, q->boot_seq);
	if (ret)
		return ret;
	do {
		ret = give_page(&w, page_sql(q), fn, arg, &said);
	} while (ret == PAGE && !said && w.left);
	return ret < 0 ? ret : said;
}
