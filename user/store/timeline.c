/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql.h"
#include "store/wrap.h"

/*
 * Reading events, in pages: each begins behind the last row of the one before, in the order of an
 * index. So a walk over everything costs the client one page of memory and the server no sorting.
 */
#define PAGE 500

/*
 * STRAIGHT_JOIN and CROSS JOIN keep the events first: each query walks one index of theirs in its
 * order.
 */
#define SELECT(join)                                                                               \
	"SELECT n.name, n.host_type, e.boot_seq, e.seq, e.received_ns, e.record, e.chain, "        \
	"d.verdict, e.recorded_ns, e.happened_ns, e.node_id FROM events e " join                   \
	" nodes n ON n.id = e.node_id LEFT JOIN doors d ON d.node_id = e.node_id AND d.boot_seq "  \
	"= e.boot_seq AND d.netns_cookie = e.netns_cookie AND d.cookie = e.cookie WHERE "
#define OF_PORT                                                                                    \
	"AND (? <> 0 OR e.port IS NULL OR e.port BETWEEN ? AND ?) " /* in the index: other rows are not read */

#define BY_SEQ(join)                                                                               \
	SELECT(join)                                                                               \
	"e.node_id = ? AND e.boot_seq = ? AND e.seq > ? AND e.happened_ns BETWEEN ? AND ? ORDER "  \
	"BY e.seq LIMIT ?"
#define BY_NODE_TIME(join)                                                                         \
	SELECT(join)                                                                               \
	"e.node_id = ? AND e.happened_ns >= ? AND e.happened_ns < ? AND (e.happened_ns > ? OR "    \
	"e.boot_seq > ? OR (e.boot_seq = ? AND e.seq > ?)) " OF_PORT                               \
	"ORDER BY e.happened_ns, e.boot_seq, e.seq LIMIT ?"
#define BY_TIME(join)                                                                              \
	SELECT(join)                                                                               \
	"e.happened_ns >= ? AND e.happened_ns < ? AND (e.happened_ns > ? OR e.node_id > ? OR "     \
	"(e.node_id = ? AND (e.boot_seq > ? OR (e.boot_seq = ? AND e.seq > ?)))) " OF_PORT         \
	"ORDER BY e.happened_ns, e.node_id, e.boot_seq, e.seq LIMIT ?"
/* The same backwards: until_ns included, as the time of the last row. */
#define BY_NODE_TIME_BACK(join)                                                                    \
	SELECT(join)                                                                               \
	"e.node_id = ? AND e.happened_ns >= ? AND e.happened_ns <= ? AND (e.happened_ns < ? OR "   \
	"e.boot_seq < ? OR (e.boot_seq = ? AND e.seq < ?)) " OF_PORT                               \
	"ORDER BY e.happened_ns DESC, e.boot_seq DESC, e.seq DESC LIMIT ?"
#define BY_TIME_BACK(join)                                                                         \
	SELECT(join)                                                                               \
	"e.happened_ns >= ? AND e.happened_ns <= ? AND (e.happened_ns < ? OR e.node_id < ? OR "    \
	"(e.node_id = ? AND (e.boot_seq < ? OR (e.boot_seq = ? AND e.seq < ?)))) " OF_PORT         \
	"ORDER BY e.happened_ns DESC, e.node_id DESC, e.boot_seq DESC, e.seq DESC LIMIT ?"
#define ON_BOTH(s, text) SQL_TEXT(s, text("STRAIGHT_JOIN"), text("CROSS JOIN"))

static const char *page_text(const struct store *s, const struct store_event_query *q)
{
	if (q->boot_seq)
		return ON_BOTH(s, BY_SEQ);
	if (q->newest_first)
		return q->node ? ON_BOTH(s, BY_NODE_TIME_BACK) : ON_BOTH(s, BY_TIME_BACK);
	return q->node ? ON_BOTH(s, BY_NODE_TIME) : ON_BOTH(s, BY_TIME);
}

/* Where the next page begins: behind this; backwards, before it. */
struct walk {
	struct store *s;
	const struct store_event_query *q;
	uint64_t since_ns, until_ns, node_id, last_node_id, boot_seq, seq, left;
	uint64_t least_ns; /* whatever time a record has, its boot has it */
};

/* Borrows from q. */
static void read_row(const struct sql *q, struct store_event_row *ret)
{
	*ret = (struct store_event_row){
		.node = sql_str(q, 0),
		.host_type = sql_str(q, 1),
		.raw.boot_seq = (uint32_t)sql_u64(q, 2),
		.raw.seq = sql_u64(q, 3),
		.raw.received_ns = sql_u64(q, 4),
		.raw.record = sql_blob(q, 5),
		.verdict = (enum verdict)sql_u64(q, 7),
		.raw.recorded_ns = sql_u64(q, 8),
	};

	sql_copy(q, 6, ret->raw.chain, SHA256_LEN);
}

static int give_row(struct store_event_row *row, store_event_fn fn, void *arg)
{
	if (event_decode(row->raw.record.ptr, row->raw.record.len, &row->ev))
		row->ev = (struct event){ .time_ns = row->raw.recorded_ns, .raw = row->raw.record };
	row->ev.boot_seq = row->raw.boot_seq;
	row->ev.seq = row->raw.seq;
	return fn(row, arg);
}

/*
 * Whoever gets the rows may take his time over them: a pager that nobody scrolls. A statement that
 * is under way meanwhile would keep SQLite from ever truncating its log, so that a page is copied
 * first. (A server's results are taken whole, and who is in a transaction holds the log anyway.)
 */
struct page {
	unsigned len;
	struct store_event_row *rows[PAGE]; /* each with what it borrows behind it */
};

static void page_free(struct page *p)
{
	for (unsigned i = 0; p && i < p->len; i++)
		free(p->rows[i]);
	free(p);
}
DEFINE_FREEP(struct page, page_free)

static int keep_row(struct page *p, const struct sql *q)
{
	struct store_event_row row, *copy;
	size_t node, class;
	char *bytes;

	read_row(q, &row);
	node = strlen(row.node) + 1;
	class = strlen(row.host_type) + 1;
	copy = malloc(sizeof(*copy) + node + class + row.raw.record.len);
	if (!copy)
		return -ENOMEM;
	bytes = (char *)(copy + 1);
	*copy = row;
	copy->node = memcpy(bytes, row.node, node);
	copy->host_type = memcpy(bytes + node, row.host_type, class);
	if (row.raw.record.len)
		copy->raw.record.ptr =
			memcpy(bytes + node + class, row.raw.record.ptr, row.raw.record.len);
	p->rows[p->len++] = copy;
	return 0;
}

static int get_page(const struct walk *w, struct sql *q)
{
	const char *text = page_text(w->s, w->q);
	uint64_t limit = w->left < PAGE ? w->left : PAGE;
	uint64_t edge = w->q->newest_first ? w->until_ns : w->since_ns;
	bool any_port = !w->q->port_hi;

	if (w->q->boot_seq)
		return sql_get(q, text, U(w->node_id), U(w->q->boot_seq), U(w->seq),
			       U(w->q->since_ns ? w->since_ns : w->least_ns),
			       U(w->q->until_ns ? w->until_ns - 1 : w->until_ns), U(limit));
	if (w->q->node)
		return sql_get(q, text, U(w->node_id), U(w->since_ns), U(w->until_ns), U(edge),
			       U(w->boot_seq), U(w->boot_seq), U(w->seq), U(any_port),
			       U(w->q->port_lo), U(w->q->port_hi), U(limit));
	return sql_get(q, text, U(w->since_ns), U(w->until_ns), U(edge), U(w->last_node_id),
		       U(w->last_node_id), U(w->boot_seq), U(w->boot_seq), U(w->seq), U(any_port),
		       U(w->q->port_lo), U(w->q->port_hi), U(limit));
}

/* Returns how many rows it had, or what the callback said in *ret_said. */
static int give_page(struct walk *w, store_event_fn fn, void *arg, int *ret_said)
{
	bool whole = !w->s->ops->sql->server && !w->s->depth;
	_cleanup_(page_freep) struct page *p = whole ? calloc(1, sizeof(*p)) : NULL;
	_sql_ struct sql q = { .s = w->s };
	int n = 0, ret = whole && !p ? -ENOMEM : get_page(w, &q);
	struct store_event_row row;

	while (!ret && (ret = sql_step(&q)) > 0) {
		w->seq = sql_u64(&q, 3);
		if (!w->q->boot_seq) {
			w->boot_seq = sql_u64(&q, 2);
			*(w->q->newest_first ? &w->until_ns : &w->since_ns) = sql_u64(&q, 9);
			w->last_node_id = sql_u64(&q, 10);
		}
		n++;
		ret = 0;
		if (p) {
			ret = keep_row(p, &q);
			continue;
		}
		read_row(&q, &row);
		*ret_said = give_row(&row, fn, arg);
		if (*ret_said)
			break;
	}
	sql_done(&q);
	for (unsigned i = 0; p && !ret && !*ret_said && i < p->len; i++)
		*ret_said = give_row(p->rows[i], fn, arg);
	w->left -= (uint64_t)n;
	return ret < 0 ? ret : n;
}

/*
 * A judge reads a boot in a transaction and sets its cursor in the same. On a server whoever
 * inserts a late record holds this lock too: it is either committed and read now, or it comes later
 * and takes the cursor back.
 */
static int lock_boot(struct walk *w)
{
	uint64_t judged;
	int ret;

	if (!w->q->boot_seq || !w->s->depth || !w->s->ops->sql->server)
		return 0;
	ret = sql_lock_boot(w->s, w->node_id, w->q->boot_seq, &judged);
	return ret < 0 ? ret : 0;
}

int store_events(struct store *s, const struct store_event_query *q, store_event_fn fn, void *arg)
{
	const uint64_t end = s->ops->sql->server ? UINT64_MAX : SQL_NO_LIMIT;
	struct walk w = {
		.s = s,
		.q = q,
		.since_ns = q->since_ns,
		.until_ns = q->until_ns ? q->until_ns : end,
		/* SQLite's numbers have a sign. */
		.least_ns = s->ops->sql->server ? 0 : (uint64_t)INT64_MIN,
		.seq = q->boot_seq ? q->after_seq : 0,
		.left = q->limit ? q->limit : UINT64_MAX,
	};
	int ret, said = 0;

	if (q->boot_seq && !q->node)
		return store_set_why(s, -EINVAL, "a boot_seq needs its node");
	if (q->boot_seq && (q->newest_first || q->port_hi))
		return store_set_why(s, -EINVAL, "the records of a boot are read in their order");
	ret = q->node ? sql_node_id(s, q->node, &w.node_id) : 0;
	if (!ret)
		ret = lock_boot(&w);
	if (ret)
		return ret;
	do {
		ret = give_page(&w, fn, arg, &said);
	} while (ret == PAGE && !said && w.left);
	return ret < 0 ? ret : said;
}
