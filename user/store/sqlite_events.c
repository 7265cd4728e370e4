/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

#define NS_PER_DAY (86400ULL * 1000000000ULL)

/*
 * Events: a row is inserted once and never changed. ON CONFLICT names the key, so that only "the
 * row is there already" is passed over; OR IGNORE would also swallow broken values.
 */
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
static const char insert_sql[] =
	"INSERT INTO events (node_id, boot_seq, seq, happened_ns, recorded_ns, received_ns, day, "
	"kind, origin, "
	"proto, family, addr, port, scope, netns, netns_cookie, cookie, pid, comm, exe, uid, "
	"user_name, argv, opened_ns, record_count, gap_from, gap_to, reason, record, chain) "
	"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
	"?, ?, ?) ON CONFLICT (node_id, boot_seq, seq) DO NOTHING";

/* What one call changes in the rows of the node and of one of its boots. */
struct tally {
	struct sq *s;
	uint64_t node_id;
	uint32_t boot_seq;
	uint64_t max_seq, min_new; /* of the current boot */
	uint64_t base_seq; /* pruned up to here */
	size_t new_rows;
	uint64_t lost, received_ns;
};

static int bind_door(struct sq_stmt *st, const struct door *d)
{
	struct buf addr = BUF_INIT(256);
	int err;

	door_addr_format(&addr, d);
	err = addr.err;
	if (!err && sqlite3_bind_text64(st->st, E_ADDR, buf_str(&addr), addr.len, SQLITE_TRANSIENT,
					SQLITE_UTF8))
		err = -ENOMEM;
	buf_done(&addr);
	sq_u64(st, E_PROTO, d->proto);
	sq_u64(st, E_FAMILY, d->family);
	sq_u64(st, E_PORT, d->port);
	sq_u64(st, E_SCOPE, d->scope);
	if (d->netns)
		sq_u64(st, E_NETNS, d->netns);
	sq_u64(st, E_NETNS_COOKIE, d->netns_cookie);
	sq_u64(st, E_COOKIE, d->cookie);
	return err;
}

static int bind_process(struct sq_stmt *st, const struct process *p)
{
	int err;

	if (!p->known)
		return 0;
	sq_u64(st, E_PID, p->pid);
	err = sq_esc(st, E_COMM, (struct text){ p->comm, (uint32_t)strnlen(p->comm, COMM_LEN) });
	if (!err)
		err = sq_esc(st, E_EXE, p->exe);
	if (!err)
		err = sq_argv(st, E_ARGV, p->argv);
	if (p->uid != ID_UNKNOWN)
		sq_u64(st, E_UID, p->uid);
	return err ? err : sq_esc(st, E_USER, p->user);
}

static int bind_event(struct sq_stmt *st, const struct event *ev)
{
	int err = 0;

	sq_u64(st, E_HAPPENED, ev->time_ns);
	sq_u64(st, E_DAY, ev->time_ns / NS_PER_DAY);
	sq_u64(st, E_KIND, ev->kind);
	sq_u64(st, E_ORIGIN, ev->origin);
	if (ev->door.proto)
		err = bind_door(st, &ev->door);
	if (!err)
		err = bind_process(st, &ev->opener);
	if (ev->kind == EVENT_CLOSE && ev->opened_ns)
		sq_u64(st, E_OPENED, ev->opened_ns);
	if (ev->kind == EVENT_LOST || ev->kind == EVENT_GAP)
		sq_u64(st, E_COUNT, ev->count);
	if (ev->kind == EVENT_GAP && ev->to_seq < INT64_MAX) {
		sq_u64(st, E_GAP_FROM, ev->from_seq);
		sq_u64(st, E_GAP_TO, ev->to_seq);
	}
	return err ? err : sq_esc(st, E_REASON, ev->reason);
}

/* The row is there: the same bytes are harmless, others are somebody else's record under this key. */
static int check_same(struct tally *t, const char *node, const struct store_event *row)
{
	_sq_put_ struct sq_stmt *st = NULL;
	struct text record, chain;
	int ret;

	ret = sq_get(t->s,
		     "SELECT record, chain FROM events WHERE node_id = ? AND boot_seq = ? AND "
		     "seq = ?",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, t->node_id);
	sq_u64(st, 2, row->boot_seq);
	sq_u64(st, 3, row->seq);
	ret = sq_step(t->s, st);
	if (ret < 0)
		return ret;
	record = sq_col_blob(st, 0);
	chain = sq_col_blob(st, 1);
	if (ret && record.len == row->record.len && chain.len == SHA256_LEN &&
	    !memcmp(record.ptr, row->record.ptr, record.len) &&
	    !memcmp(chain.ptr, row->chain, SHA256_LEN))
		return 0;
	return store_set_why(&t->s->base, -EEXIST,
			     "node %s, boot %u, record %llu is stored with other bytes: tampered, "
			     "or two nodes have one name",
			     node, row->boot_seq, (unsigned long long)row->seq);
}

/* How many records of the range a gap claims are not here: shed after they were shipped is not lost. */
static int add_gap(struct tally *t, const struct event *ev)
{
	_sq_put_ struct sq_stmt *st = NULL;
	uint64_t range = ev->to_seq - ev->from_seq + 1, have;
	int ret;

	if (!ev->from_seq || ev->to_seq < ev->from_seq || ev->to_seq >= INT64_MAX) {
		t->lost += ev->count;
		return 0;
	}
	ret = sq_get(t->s,
		     "SELECT count(*) FROM events WHERE node_id = ? AND boot_seq = ? AND seq "
		     "BETWEEN ? AND ?",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, t->node_id);
	sq_u64(st, 2, t->boot_seq);
	sq_u64(st, 3, ev->from_seq);
	sq_u64(st, 4, ev->to_seq);
	ret = sq_step(t->s, st);
	if (ret < 0)
		return ret;
	have = sq_col_u64(st, 0);
	t->lost += have < range ? range - have : 0;
	return 0;
}

/* A node tells its tier and hooks when it starts; the newest word counts. */
static int note_start(struct tally *t, const struct store_event *row, const struct event *ev)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(t->s,
		     "UPDATE nodes SET tier = ?2, tier_boot_seq = ?3, tier_seq = ?4 WHERE id = ?1 "
		     "AND (tier_boot_seq, tier_seq) < (?3, ?4)",
		     &st);
	if (err)
		return err;
	sq_u64(st, 1, t->node_id);
	err = sq_esc(st, 2, ev->reason);
	if (err)
		return err;
	sq_u64(st, 3, row->boot_seq);
	sq_u64(st, 4, row->seq);
	return sq_run(t->s, st);
}

static int put_row(struct tally *t, const char *node, const struct store_event *row)
{
	_sq_put_ struct sq_stmt *st = NULL;
	struct event ev = { 0 };
	int err;

	if (row->seq <= t->base_seq)
		return 0; /* pruned: it was here */
	if (event_decode(row->record.ptr, row->record.len, &ev))
		ev = (struct event){
			.time_ns = row->recorded_ns
		}; /* kept: a newer ajar may read it */
	if (row->gap_elsewhere)
		ev.to_seq = UINT64_MAX; /* counted, and no range of this boot */
	err = sq_get(t->s, insert_sql, &st);
	if (!err)
		err = bind_event(st, &ev);
	if (err)
		return err;
	sq_u64(st, E_NODE, t->node_id);
	sq_u64(st, E_BOOT, row->boot_seq);
	sq_u64(st, E_SEQ, row->seq);
	sq_u64(st, E_RECORDED, row->recorded_ns);
	sq_u64(st, E_RECEIVED, row->received_ns);
	sq_blob(st, E_RECORD, row->record.ptr, row->record.len);
	sq_blob(st, E_CHAIN, row->chain, SHA256_LEN);
	err = sq_run(t->s, st);
	if (err)
		return err;
	if (!sqlite3_changes(t->s->db))
		return check_same(t, node, row);
	t->new_rows++;
	if (row->seq < t->min_new)
		t->min_new = row->seq;
	if (row->seq > t->max_seq)
		t->max_seq = row->seq;
	if (row->received_ns > t->received_ns)
		t->received_ns = row->received_ns;
	if (ev.kind == EVENT_LOST)
		t->lost += ev.count;
	if (ev.kind == EVENT_GAP)
		return add_gap(t, &ev);
	return ev.kind == EVENT_START ? note_start(t, row, &ev) : 0;
}

/* --- the head: stored without a hole ---------------------------------------------------------------- */

static int walk_rows(struct tally *t, uint64_t *head)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(t->s,
		     "SELECT seq FROM events WHERE node_id = ? AND boot_seq = ? AND seq > ? "
		     "ORDER BY seq",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, t->node_id);
	sq_u64(st, 2, t->boot_seq);
	sq_u64(st, 3, *head);
	while ((ret = sq_step(t->s, st)) > 0) {
		if (sq_col_u64(st, 0) != *head + 1)
			return 0;
		(*head)++;
	}
	return ret;
}

/* A gap record stands for the records it names. Returns 1 when one leads on. */
static int walk_gap(struct tally *t, uint64_t *head)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(t->s,
		     "SELECT max(gap_to) FROM events WHERE node_id = ? AND boot_seq = ? AND "
		     "kind = 5 AND gap_to > ?3 AND gap_from <= ?3 + 1",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, t->node_id);
	sq_u64(st, 2, t->boot_seq);
	sq_u64(st, 3, *head);
	ret = sq_step(t->s, st);
	if (ret <= 0)
		return ret;
	if (sqlite3_column_type(st->st, 0) == SQLITE_NULL)
		return 0;
	*head = sq_col_u64(st, 0);
	return 1;
}

static int walk_head(struct tally *t, uint64_t *head)
{
	int ret;

	do {
		ret = walk_rows(t, head);
		if (!ret)
			ret = walk_gap(t, head);
	} while (ret > 0);
	return ret;
}

static int read_journal(struct tally *t, uint64_t *ret_base, uint64_t *ret_head)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(t->s,
		     "SELECT base_seq, head_seq FROM journals WHERE node_id = ? AND boot_seq = ?",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, t->node_id);
	sq_u64(st, 2, t->boot_seq);
	ret = sq_step(t->s, st);
	if (ret < 0)
		return ret;
	*ret_base = ret ? sq_col_u64(st, 0) : 0;
	*ret_head = ret ? sq_col_u64(st, 1) : 0;
	return 0;
}

/* New rows of a boot move its head, and take back a judgement that has run past them. */
static int finish_boot(struct tally *t)
{
	_sq_put_ struct sq_stmt *st = NULL;
	uint64_t head = 0;
	int err;

	if (!t->max_seq)
		return 0;
	err = read_journal(t, &t->base_seq, &head);
	if (!err)
		err = walk_head(t, &head);
	if (!err)
		err = sq_get(
			t->s,
			"INSERT INTO journals (node_id, boot_seq, head_seq, stored_seq) "
			"VALUES (?1, ?2, ?3, ?4) ON CONFLICT (node_id, boot_seq) DO UPDATE SET "
			"head_seq = ?3, stored_seq = max(stored_seq, ?4), "
			"judged_seq = min(judged_seq, ?5 - 1)",
			&st);
	if (err)
		return err;
	sq_u64(st, 1, t->node_id);
	sq_u64(st, 2, t->boot_seq);
	sq_u64(st, 3, head);
	sq_u64(st, 4, t->max_seq);
	sq_u64(st, 5, t->min_new);
	err = sq_run(t->s, st);
	sq_put(take_ptr(st));
	if (!err)
		err = sq_get(t->s,
			     "UPDATE nodes SET boot_seq = ?2, seq = ?3 WHERE id = ?1 AND "
			     "(boot_seq, seq) < (?2, ?3)",
			     &st);
	if (err)
		return err;
	sq_u64(st, 1, t->node_id);
	sq_u64(st, 2, t->boot_seq);
	sq_u64(st, 3, t->max_seq);
	return sq_run(t->s, st);
}

static int finish_node(struct tally *t)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	if (!t->new_rows)
		return 0;
	err = sq_get(
		t->s,
		"UPDATE nodes SET event_count = event_count + ?2, lost_count = lost_count + ?3, "
		"last_seen_ns = max(last_seen_ns, ?4) WHERE id = ?1",
		&st);
	if (err)
		return err;
	sq_u64(st, 1, t->node_id);
	sq_u64(st, 2, t->new_rows);
	sq_u64(st, 3, t->lost);
	sq_u64(st, 4, t->received_ns);
	return sq_run(t->s, st);
}

static int begin_boot(struct tally *t, uint32_t boot_seq)
{
	uint64_t head;

	t->boot_seq = boot_seq;
	t->max_seq = 0;
	t->min_new = UINT64_MAX;
	return read_journal(t, &t->base_seq, &head);
}

int sq_put_events(struct store *base, const char *node, const char *host_type,
		  const struct store_event *rows, size_t n, size_t *ret_new)
{
	struct tally t = { .s = (struct sq *)base, .min_new = UINT64_MAX };
	int err;

	err = sql_node_make(&t.s->base, node, host_type, n ? rows[0].received_ns : 0, &t.node_id);
	for (size_t i = 0; !err && i < n; i++) {
		if (rows[i].boot_seq != t.boot_seq) {
			err = finish_boot(&t);
			if (!err)
				err = begin_boot(&t, rows[i].boot_seq);
			if (err)
				break;
		}
		err = put_row(&t, node, &rows[i]);
	}
	if (!err)
		err = finish_boot(&t);
	if (!err)
		err = finish_node(&t);
	if (!err)
		*ret_new = t.new_rows;
	return err;
}

static int event_range(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_base,
		       uint64_t *ret_head)
{
	struct tally t = { .s = (struct sq *)base, .boot_seq = boot_seq };
	int err;

	err = sql_node_id(&t.s->base, node, &t.node_id);
	if (err == -ENOENT) {
		*ret_base = *ret_head = 0;
		return 0;
	}
	return err ? err : read_journal(&t, ret_base, ret_head);
}

int sq_event_head(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_seq)
{
	uint64_t pruned;

	return event_range(base, node, boot_seq, &pruned, ret_seq);
}

int sq_event_base(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_seq)
{
	uint64_t head;

	return event_range(base, node, boot_seq, ret_seq, &head);
}
