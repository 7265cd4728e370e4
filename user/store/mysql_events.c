/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql_put.h"

#include <errno.h>
#include <string.h>

/*
 * Putting events. Who inserts events of a boot holds the lock of its row in journals, and so does who judges them: what is
 * looked up under it stays true, a row is inserted once without INSERT IGNORE (which would also swallow broken values), and a
 * batch that is sent again, because nobody knows whether its commit happened, changes nothing. Rows go in statements of 500,
 * 256, 128 ... 1, each prepared once. The big ones cost the server megabytes: they are kept only while a backlog lasts.
 */
#define NS_PER_DAY (86400ULL * 1000000000ULL)
#define BIG_FROM 6 /* batch_sizes[]: statements that are not kept */
#define ROW_BYTES(len)                                                                             \
	(5 * (uint64_t)(len) + 600) /* a row at most: its bytes, and its texts escaped */

enum {
	E_NODE = 1,
	E_BOOT,
	E_SEQ,
	E_HAPPENED,
	E_RECORDED,
	E_RECEIVED,
	E_DAY,
	E_KIND,
	E_ORIGIN,
	E_PROTO,
	E_FAMILY,
	E_ADDR,
	E_PORT,
	E_SCOPE,
	E_NETNS,
	E_NETNS_COOKIE,
	E_COOKIE,
	E_PID,
	E_COMM,
	E_EXE,
	E_UID,
	E_USER,
	E_ARGV,
	E_OPENED,
	E_COUNT,
	E_GAP_FROM,
	E_GAP_TO,
	E_REASON,
	E_RECORD,
	E_CHAIN,
};
#define EVENT_PARAMS E_CHAIN

/* The table, or behind it what a node's account may insert into. */
static const char insert_sql[] = "INSERT INTO events", own_insert_sql[] = "INSERT INTO own_events";
static const char columns_sql[] =
	" (node_id, boot_seq, seq, happened_ns, recorded_ns, received_ns, day, kind, origin, "
	"proto, family, addr, port, scope, netns, netns_cookie, cookie, pid, comm, exe, uid, "
	"user_name, argv, opened_ns, record_count, gap_from, gap_to, reason, record, chain) "
	"VALUES ";
static const char values_sql[] = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
				 "?, ?, ?, ?, ?, ?, ?, ?, ?)";
static const unsigned batch_sizes[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, STORE_BATCH_MAX };

_Static_assert(array_len(batch_sizes) == array_len(((struct my *)0)->batch_sql),
	       "a text for each size");

/* --- inserting --------------------------------------------------------------------------------------- */

static int bind_door(struct my_stmt *st, unsigned at, const struct door *d)
{
	my_u64(st, at + E_PROTO, d->proto);
	my_u64(st, at + E_FAMILY, d->family);
	my_u64(st, at + E_PORT, d->port);
	my_u64(st, at + E_SCOPE, d->scope);
	if (d->netns)
		my_u64(st, at + E_NETNS, d->netns);
	my_u64(st, at + E_NETNS_COOKIE, d->netns_cookie);
	my_u64(st, at + E_COOKIE, d->cookie);
	return my_addr(st, at + E_ADDR, d);
}

static int bind_process(struct my_stmt *st, unsigned at, const struct process *p)
{
	const struct text comm = { p->comm, (uint32_t)strnlen(p->comm, COMM_LEN) };
	int err;

	if (!p->known)
		return 0;
	my_u64(st, at + E_PID, p->pid);
	/* comm lies in the decoded event, which does not live as long as the statement. */
	err = my_argv(st, at + E_COMM, comm);
	if (!err)
		err = my_esc(st, at + E_EXE, p->exe);
	if (!err)
		err = my_argv(st, at + E_ARGV, p->argv);
	if (p->uid != ID_UNKNOWN)
		my_u64(st, at + E_UID, p->uid);
	return err ? err : my_esc(st, at + E_USER, p->user);
}

static int bind_event(struct my_stmt *st, unsigned at, const struct event *ev)
{
	int err = 0;

	my_u64(st, at + E_HAPPENED, ev->time_ns);
	my_u64(st, at + E_DAY, ev->time_ns / NS_PER_DAY);
	my_u64(st, at + E_KIND, ev->kind);
	my_u64(st, at + E_ORIGIN, ev->origin);
	if (ev->door.proto)
		err = bind_door(st, at, &ev->door);
	if (!err)
		err = bind_process(st, at, &ev->opener);
	if (ev->kind == EVENT_CLOSE && ev->opened_ns)
		my_u64(st, at + E_OPENED, ev->opened_ns);
	if (ev->kind == EVENT_LOST || ev->kind == EVENT_GAP)
		my_u64(st, at + E_COUNT, ev->count);
	if (ev->kind == EVENT_GAP) {
		my_u64(st, at + E_GAP_FROM, ev->from_seq);
		my_u64(st, at + E_GAP_TO, ev->to_seq);
	}
	return err ? err : my_esc(st, at + E_REASON, ev->reason);
}

static int bind_row(struct put *p, struct my_stmt *st, unsigned at, const struct store_event *row,
		    uint16_t *kind)
{
	struct event ev;
	int err;

	my_decode(row, &ev);
	err = bind_event(st, at, &ev);
	my_u64(st, at + E_NODE, p->node_id);
	my_u64(st, at + E_BOOT, row->boot_seq);
	my_u64(st, at + E_SEQ, row->seq);
	my_u64(st, at + E_RECORDED, row->recorded_ns);
	my_u64(st, at + E_RECEIVED, p->server_ns ? p->server_ns : row->received_ns);
	my_blob(st, at + E_RECORD, row->record.ptr, row->record.len);
	my_blob(st, at + E_CHAIN, row->chain, SHA256_LEN);
	if (ev.kind == EVENT_LOST)
		p->lost = my_add_counts(p->lost, ev.count);
	if (row->received_ns > p->received_ns)
		p->received_ns = row->received_ns;
	*kind = ev.kind;
	return err;
}

/* The text is the key of the statement cache, so it is made once and kept; a grant or revocation between two connections changes it. */
static const char *batch_text(struct my *s, unsigned size)
{
	struct buf b = BUF_INIT(64 * 1024);

	for (unsigned i = 0; s->batch_own != s->base.limited && i < array_len(s->batch_sql); i++) {
		if (s->batch_sql[i])
			sql_stmt_forget(&s->base, s->batch_sql[i]);
		free(take_ptr(s->batch_sql[i]));
	}
	s->batch_own = s->base.limited;
	if (!s->batch_sql[size]) {
		buf_puts(&b, s->base.limited ? own_insert_sql : insert_sql);
		buf_puts(&b, columns_sql);
		for (unsigned i = 0; i < batch_sizes[size]; i++) {
			buf_puts(&b, i ? ", " : "");
			buf_puts(&b, values_sql);
		}
		s->batch_sql[size] = buf_take(&b);
		buf_done(&b);
	}
	return s->batch_sql[size];
}

static int insert_some(struct put *p, unsigned size, size_t first)
{
	_my_use_ struct my_use u = { .s = p->s };
	const char *sql = batch_text(p->s, size);
	int err = sql ? my_get(p->s, sql, &u.st) : -ENOMEM;

	for (unsigned i = 0; !err && i < batch_sizes[size]; i++)
		err = bind_row(p, u.st, i * EVENT_PARAMS, p->fresh[first + i],
			       &p->kinds[first + i]);
	if (!err)
		err = my_run(p->s, u.st, NULL);
	if (!err && mysql_warning_count(p->s->db))
		err = my_warned(p->s);
	return err;
}

/* The biggest statement for the rows that are left which stays below the limit of bytes. */
static unsigned size_for(const struct put *p, size_t first)
{
	uint64_t bytes = 0;
	unsigned best = 0;
	size_t n = 0;

	for (unsigned size = 0; size < array_len(batch_sizes); size++) {
		while (n < batch_sizes[size] && first + n < p->fresh_len)
			bytes += ROW_BYTES(p->fresh[first + n++]->record.len);
		if (n < batch_sizes[size] || bytes > MY_STATEMENT_BYTES_MAX)
			break;
		best = size;
	}
	return best;
}

static int insert_fresh(struct put *p)
{
	size_t done = 0;

	while (done < p->fresh_len) {
		unsigned size = size_for(p, done);
		int err = insert_some(p, size, done);

		if (err)
			return err;
		done += batch_sizes[size];
	}
	return 0;
}

/* --- what is there already -------------------------------------------------------------------------------- */

/* Locks the boot's row, and makes it when the boot is new. */
static int lock_boot(struct put *p)
{
	static const char select_sql[] = "SELECT base_seq, head_seq, stored_seq FROM journals "
					 "WHERE node_id = ? AND boot_seq = ? FOR UPDATE";
	_my_use_ struct my_use u = { .s = p->s };
	int ret;

	for (int round = 0; round < 2; round++) {
		ret = my_get(p->s, select_sql, &u.st);
		if (ret)
			return ret;
		my_u64(u.st, 1, p->node_id);
		my_u64(u.st, 2, p->boot_seq);
		ret = my_step(p->s, u.st);
		if (ret < 0)
			return ret;
		if (ret) {
			p->base_seq = my_col_u64(u.st, 0);
			p->head_seq = my_col_u64(u.st, 1);
			p->stored_seq = my_col_u64(u.st, 2);
			return 0;
		}
		my_put(take_ptr(u.st));
		ret = my_get(p->s,
			     "INSERT INTO journals (node_id, boot_seq) VALUES (?, ?) ON DUPLICATE "
			     "KEY UPDATE boot_seq = boot_seq",
			     &u.st);
		if (ret)
			return ret;
		my_u64(u.st, 1, p->node_id);
		my_u64(u.st, 2, p->boot_seq);
		ret = my_run(p->s, u.st, NULL);
		if (ret)
			return ret;
		my_put(take_ptr(u.st));
	}
	return store_set_why(&p->s->base, -EIO, "store %s: a row of journals does not stay",
			     p->s->base.shown);
}

static bool same_bytes(const struct store_event *a, struct text record, struct text chain)
{
	return record.len == a->record.len && chain.len == SHA256_LEN &&
	       !memcmp(record.ptr, a->record.ptr, record.len) &&
	       !memcmp(chain.ptr, a->chain, SHA256_LEN);
}

static int conflict(struct put *p, uint64_t seq)
{
	return store_set_why(&p->s->base, -EEXIST,
			     "node %s, boot %u, record %llu is stored with other bytes: tampered, "
			     "or two nodes have one name",
			     p->node, p->boot_seq, (unsigned long long)seq);
}

/* Rows first to last of p->rows, in one query: those that are there must be the same, the others are fresh. */
static int sort_out(struct put *p, size_t first, size_t last)
{
	_my_use_ struct my_use u = { .s = p->s };
	int ret, more;

	ret = my_get(p->s,
		     p->s->base.limited
			     ? "SELECT seq, digest FROM own_digests WHERE boot_seq = ? AND "
			       "seq BETWEEN ? AND ? ORDER BY seq"
			     : "SELECT seq, record, chain FROM events WHERE boot_seq = ? AND "
			       "seq BETWEEN ? AND ? AND node_id = ? ORDER BY seq",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, p->boot_seq);
	my_u64(u.st, 2, p->rows[first]->seq);
	my_u64(u.st, 3, p->rows[last]->seq);
	if (!p->s->base.limited)
		my_u64(u.st, 4, p->node_id);
	more = my_step(p->s, u.st);
	for (size_t i = first; i <= last; i++) {
		const struct store_event *row = p->rows[i];

		while (more > 0 && my_col_u64(u.st, 0) < row->seq)
			more = my_step(p->s, u.st);
		if (more < 0)
			return more;
		if (!more || my_col_u64(u.st, 0) != row->seq)
			p->fresh[p->fresh_len++] = row;
		else if (p->s->base.limited
				 ? !my_own_same(row, my_col_blob(u.st, 1))
				 : !same_bytes(row, my_col_blob(u.st, 1), my_col_blob(u.st, 2)))
			return conflict(p, row->seq);
	}
	return more < 0 ? more : 0;
}

/* A batch is nearly always beyond all that is stored, and then nothing is asked. */
static int find_fresh(struct put *p)
{
	size_t first = 0, last;
	int err;

	p->fresh_len = 0;
	while (first < p->len && p->rows[first]->seq <= p->base_seq)
		first++; /* pruned: it was here */
	while (first < p->len && p->rows[first]->seq <= p->stored_seq) {
		/* As many as lie close together: a query must not read what is between far ones. */
		for (last = first; last + 1 < p->len && p->rows[last + 1]->seq <= p->stored_seq;
		     last++) {
			if (p->rows[last + 1]->seq - p->rows[first]->seq >= 2 * STORE_BATCH_MAX)
				break;
		}
		err = sort_out(p, first, last);
		if (err)
			return err;
		first = last + 1;
	}
	while (first < p->len)
		p->fresh[p->fresh_len++] = p->rows[first++];
	return 0;
}

static int put_boot(struct put *p, const char *host_type)
{
	int err = p->s->base.limited ? my_own_begin(p, host_type) : lock_boot(p);

	if (!err)
		err = find_fresh(p);
	if (err || !p->fresh_len)
		return err;
	p->max_seq = p->fresh[p->fresh_len - 1]->seq;
	if (p->max_seq < p->stored_seq)
		p->max_seq = p->stored_seq;
	p->new_rows += p->fresh_len;
	err = insert_fresh(p);
	if (!err && p->s->base.limited)
		return my_own_end(p);
	if (!err)
		err = my_note_kinds(p);
	if (!err)
		err = my_walk_head(p);
	return err ? err : my_finish_boot(p);
}

/* --- the whole batch -------------------------------------------------------------------------------------- */

/* The node's own row, last: the transaction holds its lock only for a moment. */
static int finish_node(struct put *p, uint32_t boot_seq, uint64_t seq)
{
	_my_use_ struct my_use u = { .s = p->s };
	int err;

	/* seq before boot_seq: each sees what is assigned to its left. */
	err = my_get(p->s,
		     "UPDATE nodes SET event_count = event_count + ?, lost_count = "
		     "least(lost_count + ?, ?), last_seen_ns = greatest(last_seen_ns, ?), seq = "
		     "if(boot_seq < ? OR (boot_seq = ? AND seq < ?), ?, seq), boot_seq = "
		     "greatest(boot_seq, ?) WHERE id = ?",
		     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, p->new_rows);
	my_u64(u.st, 2, p->lost);
	my_u64(u.st, 3, COUNT_MAX);
	my_u64(u.st, 4, p->received_ns);
	my_u64(u.st, 5, boot_seq);
	my_u64(u.st, 6, boot_seq);
	my_u64(u.st, 7, seq);
	my_u64(u.st, 8, seq);
	my_u64(u.st, 9, boot_seq);
	my_u64(u.st, 10, p->node_id);
	return my_run(p->s, u.st, NULL);
}

static int by_key(const void *va, const void *vb)
{
	const struct store_event *a = *(const struct store_event *const *)va;
	const struct store_event *b = *(const struct store_event *const *)vb;

	if (a->boot_seq != b->boot_seq)
		return a->boot_seq < b->boot_seq ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* Takes the rows of the next boot from the sorted ones, each number once. */
static int take_boot(struct put *p, const struct store_event **sorted, size_t n, size_t *at)
{
	p->len = 0;
	p->boot_seq = sorted[*at]->boot_seq;
	for (; *at < n && sorted[*at]->boot_seq == p->boot_seq; (*at)++) {
		const struct store_event *row = sorted[*at],
					 *last = p->len ? p->rows[p->len - 1] : NULL;

		if (!last || last->seq != row->seq) {
			p->rows[p->len++] = row;
			continue;
		}
		if (!same_bytes(last, row->record,
				(struct text){ (const char *)row->chain, SHA256_LEN }))
			return conflict(p, row->seq);
	}
	return 0;
}

static void drop_big_statements(struct my *s)
{
	for (size_t i = BIG_FROM; i < array_len(s->batch_sql); i++) {
		if (s->batch_sql[i])
			sql_stmt_forget(&s->base, s->batch_sql[i]);
	}
}

int my_put_events(struct store *base, const char *node, const char *host_type,
		  const struct store_event *rows, size_t n, size_t *ret_new)
{
	const struct store_event *sorted[STORE_BATCH_MAX];
	_free_ struct put *p = calloc(1, sizeof(*p));
	size_t at = 0;
	int err;

	if (!p)
		return -ENOMEM;
	p->s = (struct my *)base;
	p->node = node;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &rows[i];
	qsort(sorted, n, sizeof(sorted[0]), by_key);
	if (p->s->base.limited)
		err = my_own_check(p->s, node);
	else
		err = sql_node_make(&p->s->base, node, host_type, n ? rows[0].received_ns : 0,
				    &p->node_id);
	while (!err && at < n) {
		err = take_boot(p, sorted, n, &at);
		if (!err)
			err = put_boot(p, host_type);
	}
	if (!err && p->new_rows && !p->s->base.limited)
		err = finish_node(p, sorted[n - 1]->boot_seq, sorted[n - 1]->seq);
	if (n < batch_sizes[BIG_FROM])
		drop_big_statements(p->s);
	if (!err)
		*ret_new = p->new_rows;
	return err;
}

static int boot_range(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_base,
		      uint64_t *ret_head)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	if (s->base.limited)
		return my_own_boot_range(s, node, boot_seq, ret_base, ret_head);
	ret = my_get(s,
		     "SELECT j.base_seq, j.head_seq FROM journals j JOIN nodes n ON n.id = "
		     "j.node_id WHERE n.name = ? AND j.boot_seq = ?",
		     &u.st);
	if (ret)
		return ret;
	my_str(u.st, 1, node);
	my_u64(u.st, 2, boot_seq);
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	*ret_base = ret ? my_col_u64(u.st, 0) : 0;
	*ret_head = ret ? my_col_u64(u.st, 1) : 0;
	return 0;
}

int my_event_head(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_seq)
{
	uint64_t from;

	return boot_range(base, node, boot_seq, &from, ret_seq);
}

int my_event_base(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_seq)
{
	uint64_t head;

	return boot_range(base, node, boot_seq, ret_seq, &head);
}
