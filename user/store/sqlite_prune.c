/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Retention. What is deleted of a boot's records is a prefix: base_seq says up to where, and the head goes on to mean "without
 * a hole from the oldest kept". A record is old by the store's clock (received_ns), so that a node's clock can neither keep
 * its records for ever nor be rid of them. The index of events holds nothing for that order, but records of one boot
 * are received in the order of their numbers: the walk ends at the first that is not old. journals.oldest_ns leads to
 * the boots that have something old, so that a piece costs what it deletes and not a look at every node.
 */
#define ALERTS_AT_ONCE 64
#define BOOTS_AT_ONCE 256

struct pruning {
	struct sq *s;
	const struct store_prune *q;
	struct store_pruned *ret;
};

struct prefix {
	int64_t node_id;
	uint64_t boot_seq, base,
		limit; /* base < x <= limit may go: judged, and no hole before it */
	uint64_t rows, last;
	uint64_t oldest_ns; /* of what is kept */
};

static uint64_t left(const struct pruning *p, uint64_t done)
{
	return p->q->limit > done ? p->q->limit - done : 0;
}

static int measure(struct pruning *p, struct prefix *x)
{
	_sq_put_ struct sq_stmt *st = NULL;
	uint64_t most = left(p, p->ret->events);
	int ret;

	ret = sq_get(p->s,
		     "SELECT seq, received_ns FROM events WHERE node_id = ? AND boot_seq = ? AND "
		     "seq > ? AND seq <= ? ORDER BY seq",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, (uint64_t)x->node_id);
	sq_u64(st, 2, x->boot_seq);
	sq_u64(st, 3, x->base);
	sq_u64(st, 4, x->limit);
	/* When all of it goes, what comes behind is received later. */
	x->oldest_ns = p->q->before_ns;
	while ((ret = sq_step(p->s, st)) > 0) {
		uint64_t received_ns = sq_col_u64(st, 1);

		if (received_ns >= p->q->before_ns || x->rows == most)
			x->oldest_ns = received_ns;
		if (received_ns >= p->q->before_ns)
			return 0;
		if (x->rows == most) {
			p->ret->more = true;
			return 0;
		}
		x->rows++;
		x->last = sq_col_u64(st, 0);
	}
	return ret < 0 ? ret : 0;
}

static int cut(struct pruning *p, const struct prefix *x)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(p->s, "DELETE FROM events WHERE node_id = ? AND boot_seq = ? AND seq <= ?",
		     &st);
	if (err)
		return err;
	sq_u64(st, 1, (uint64_t)x->node_id);
	sq_u64(st, 2, x->boot_seq);
	sq_u64(st, 3, x->last);
	err = sq_run(p->s, st);
	sq_put(take_ptr(st));
	if (!err)
		err = sq_get(p->s,
			     "UPDATE journals SET base_seq = ?3, oldest_ns = ?4, rows_pruned = "
			     "rows_pruned + ?5 WHERE node_id = ?1 AND boot_seq = ?2",
			     &st);
	if (err)
		return err;
	sq_u64(st, 1, (uint64_t)x->node_id);
	sq_u64(st, 2, x->boot_seq);
	sq_u64(st, 3, x->last);
	sq_u64(st, 4, x->oldest_ns);
	sq_u64(st, 5, x->rows);
	return sq_run(p->s, st);
}

struct boots {
	unsigned len;
	struct prefix x[BOOTS_AT_ONCE];
};

/* Boots with something old, those with the oldest first; taken whole, since cutting changes the order of the walk. */
static int collect_boots(struct pruning *p, struct boots *b, uint64_t offset)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(p->s,
		     "SELECT node_id, boot_seq, base_seq, min(judged_seq, head_seq) FROM journals "
		     "WHERE oldest_ns < ?1 AND base_seq < min(judged_seq, head_seq) "
		     "ORDER BY oldest_ns, node_id, boot_seq LIMIT ?2 OFFSET ?3",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, p->q->before_ns);
	sq_u64(st, 2, BOOTS_AT_ONCE);
	sq_u64(st, 3, offset);
	b->len = 0;
	while ((ret = sq_step(p->s, st)) > 0 && b->len < BOOTS_AT_ONCE)
		b->x[b->len++] = (struct prefix){ .node_id = sqlite3_column_int64(st->st, 0),
						  .boot_seq = sq_col_u64(st, 1),
						  .base = sq_col_u64(st, 2),
						  .last = sq_col_u64(st, 2),
						  .limit = sq_col_u64(st, 3) };
	return ret < 0 ? ret : 0;
}

static int prune_events(struct pruning *p)
{
	_free_ struct boots *b = calloc(1, sizeof(*b));
	uint64_t offset = 0;
	int err;

	if (!b)
		return -ENOMEM;
	do {
		err = collect_boots(p, b, offset);
		for (unsigned i = 0; !err && !p->ret->more && i < b->len; i++) {
			err = measure(p, &b->x[i]);
			if (!err && !p->q->count_only)
				err = cut(p, &b->x[i]);
			p->ret->events += err ? 0 : b->x[i].rows;
		}
		offset += b->len;
	} while (!err && p->q->count_only && b->len == BOOTS_AT_ONCE);
	if (b->len == BOOTS_AT_ONCE && !p->q->count_only)
		p->ret->more = true;
	return err;
}

/* A closed door goes when the record that opened it has gone. */
static int prune_doors(struct pruning *p)
{
	_sq_put_ struct sq_stmt *st = NULL;
	uint64_t most = left(p, 0);
	int ret;

	ret = sq_get(
		p->s,
		p->q->count_only
			? "SELECT count(*) FROM doors WHERE closed_ns > 0 AND closed_ns < ?1 AND ?2"
			: "DELETE FROM doors WHERE rowid IN (SELECT d.rowid FROM doors d JOIN "
			  "journals j ON j.node_id = d.node_id AND j.boot_seq = d.boot_seq "
			  "WHERE d.closed_ns > 0 AND d.closed_ns < ?1 AND d.open_seq <= "
			  "j.base_seq LIMIT ?2)",
		&st);
	if (ret)
		return ret;
	sq_u64(st, 1, p->q->before_ns);
	sq_u64(st, 2, most < INT64_MAX ? most : INT64_MAX);
	ret = sq_step(p->s, st);
	if (ret < 0)
		return ret;
	p->ret->doors = ret ? sq_col_u64(st, 0) : (uint64_t)sqlite3_changes64(p->s->db);
	if (!ret && p->ret->doors >= most)
		p->ret->more = true;
	return 0;
}

static int run_with(struct sq *s, const char *sql, int64_t v)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err = sq_get(s, sql, &st);

	if (err)
		return err;
	sq_u64(st, 1, (uint64_t)v);
	return sq_run(s, st);
}

/* Resolved, nothing about it is new, no door of it is kept for another reason, and every sink has been told. */
static const char old_alerts[] =
	"SELECT a.id FROM alerts a WHERE a.state = ?1 AND a.last_ns < ?2 AND NOT EXISTS (SELECT 1 "
	"FROM doors d WHERE d.alert_key = a.alert_key AND (d.closed_ns = 0 OR d.closed_ns >= ?2)) "
	"AND NOT EXISTS (SELECT 1 FROM alert_log l WHERE l.alert_id = a.id AND (l.at_ns >= ?2 OR "
	"l.id > (SELECT coalesce(min(log_id), 9223372036854775807) FROM sink_cursors))) LIMIT ?3";

static int prune_alerts(struct pruning *p)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int64_t ids[ALERTS_AT_ONCE];
	unsigned n = 0;
	int ret;

	ret = sq_get(p->s, old_alerts, &st);
	if (ret)
		return ret;
	sq_u64(st, 1, ALERT_RESOLVED);
	sq_u64(st, 2, p->q->before_ns);
	sq_u64(st, 3, p->q->count_only ? INT64_MAX : ALERTS_AT_ONCE);
	while ((ret = sq_step(p->s, st)) > 0) {
		p->ret->alerts++;
		if (!p->q->count_only)
			ids[n++] = sqlite3_column_int64(st->st, 0);
	}
	sq_put(take_ptr(st));
	for (unsigned i = 0; !ret && i < n; i++) {
		ret = run_with(p->s, "DELETE FROM alert_log WHERE alert_id = ?", ids[i]);
		if (!ret)
			ret = run_with(p->s, "DELETE FROM alert_nodes WHERE alert_id = ?", ids[i]);
		if (!ret)
			ret = run_with(p->s, "DELETE FROM alerts WHERE id = ?", ids[i]);
	}
	if (n == ALERTS_AT_ONCE)
		p->ret->more = true;
	return ret;
}

/* Doors and alerts when the events are through: a door that has to wait for its records would be looked at by each piece. */
int sq_prune(struct store *base, const struct store_prune *q, struct store_pruned *ret)
{
	struct pruning p = { (struct sq *)base, q, ret };
	int err = prune_events(&p);

	if (!err && !ret->more)
		err = prune_doors(&p);
	return err || ret->more ? err : prune_alerts(&p);
}

/* --- what is there --------------------------------------------------------------------------------------- */

static int one_u64(struct sq *s, const char *sql, uint64_t *ret_v)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret = sq_get(s, sql, &st);

	if (!ret)
		ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	*ret_v = ret ? sq_col_u64(st, 0) : 0;
	return 0;
}

int sq_usage(struct store *base, bool count, struct store_usage *ret)
{
	struct sq *s = (struct sq *)base;
	uint64_t page = 0, pages = 0, unused = 0;
	const char *slash = strrchr(s->path, '/');
	_free_ char *wal = NULL;
	struct stat st;
	int err;

	err = one_u64(s, "PRAGMA page_size", &page);
	if (!err)
		err = one_u64(s, "PRAGMA page_count", &pages);
	if (!err)
		err = one_u64(s, "PRAGMA freelist_count", &unused);
	if (!err)
		err = one_u64(s,
			      "SELECT coalesce(min((SELECT received_ns FROM events e WHERE "
			      "e.node_id = j.node_id AND e.boot_seq = j.boot_seq ORDER BY e.seq "
			      "LIMIT 1)), 0) FROM journals j",
			      &ret->oldest_ns);
	if (!err)
		err = one_u64(s, "SELECT coalesce(max(last_seen_ns), 0) FROM nodes",
			      &ret->newest_ns);
	if (!err && count)
		err = one_u64(s,
			      "SELECT (SELECT coalesce(sum(event_count), 0) FROM nodes) - (SELECT "
			      "coalesce(sum(rows_pruned), 0) FROM journals)",
			      &ret->events);
	if (err)
		return err;
	ret->used_bytes = (pages - unused) * page;
	ret->file_bytes = pages * page;
	if (asprintf(&wal, "%s-wal", slash ? slash + 1 : s->path) < 0) {
		wal = NULL;
		return -ENOMEM;
	}
	ret->wal_bytes = fstatat(s->dirfd, wal, &st, 0) ? 0 : (uint64_t)st.st_size;
	return 0;
}
