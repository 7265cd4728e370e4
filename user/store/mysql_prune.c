/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>

#include "base/clock.h"

/*
 * Retention, by the same rules as sqlite_prune.c: of a boot's records a prefix goes, old by the store's clock, judged
 * and without a hole; base_seq says up to where. The boot's row is locked first, as for whoever inserts or judges.
 * journals.oldest_ns leads to the boots that have something old, so that a piece costs what it deletes and not a look at
 * every node; few boots are locked at a time, since their shippers wait meanwhile.
 */
#define ALERTS_AT_ONCE 64
#define BOOTS_AT_ONCE 256
#define ROW_BYTES_FOR_NS UINT64_C(3000000000000)
#define ROWS_TELLING 1000 /* estimated rows from which on their average size says something */

struct pruning {
	struct my *s;
	const struct store_prune *q;
	struct store_pruned *ret;
};

struct prefix {
	uint64_t node_id, boot_seq, base, limit, rows, last; /* base < x <= limit may go */
	uint64_t hint_ns, oldest_ns; /* journals.oldest_ns as it was, and as it is then */
};

static uint64_t left(const struct pruning *p, uint64_t done)
{
	return p->q->limit > done ? p->q->limit - done : 0;
}

/* Where it begins and ends now, and holds it until the end of the transaction (unless we only count). */
static int lock_prefix(struct pruning *p, struct prefix *x)
{
	_my_use_ struct my_use u = { .s = p->s };
	int ret;

	ret = my_get(p->s,
		     p->q->count_only
			     ? "SELECT base_seq, least(judged_seq, head_seq) FROM journals WHERE "
			       "node_id = ? AND boot_seq = ?"
			     : "SELECT base_seq, least(judged_seq, head_seq) FROM journals WHERE "
			       "node_id = ? AND boot_seq = ? FOR UPDATE",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, x->node_id);
	my_u64(u.st, 2, x->boot_seq);
	ret = my_step(p->s, u.st);
	if (ret <= 0)
		return ret;
	x->last = x->base = my_col_u64(u.st, 0);
	x->limit = my_col_u64(u.st, 1);
	return 0;
}

/* A page of the prefix. 1: all of it was old, there may be more. */
static int measure_page(struct pruning *p, struct prefix *x)
{
	_my_use_ struct my_use u = { .s = p->s };
	uint64_t most = left(p, p->ret->events), n = 0;
	int ret;

	ret = my_get(p->s,
		     "SELECT seq, received_ns FROM events WHERE node_id = ? AND boot_seq = ? AND "
		     "seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, x->node_id);
	my_u64(u.st, 2, x->boot_seq);
	my_u64(u.st, 3, x->last);
	my_u64(u.st, 4, x->limit);
	my_u64(u.st, 5, STORE_PRUNE_MAX);
	while ((ret = my_step(p->s, u.st)) > 0) {
		x->oldest_ns = my_col_u64(u.st, 1);
		if (x->oldest_ns >= p->q->before_ns)
			return 0;
		if (x->rows == most) {
			p->ret->more = true;
			return 0;
		}
		x->rows++;
		x->last = my_col_u64(u.st, 0);
		n++;
	}
	/* What comes behind is received later. */
	x->oldest_ns = p->q->before_ns;
	return ret < 0 ? ret : n == STORE_PRUNE_MAX;
}

/* By a procedure that looks again whether it may: the monitor's account cannot delete an event in any other way. */
static int delete_prefix(struct my *s, const struct prefix *x)
{
	_my_use_ struct my_use u = { .s = s };
	int err = my_get(s, "CALL retention_events(?, ?, ?)", &u.st);

	if (err)
		return err;
	my_u64(u.st, 1, x->node_id);
	my_u64(u.st, 2, x->boot_seq);
	my_u64(u.st, 3, x->last);
	return my_run(s, u.st, NULL);
}

static int note_prefix(struct my *s, const struct prefix *x)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "UPDATE journals SET base_seq = ?, oldest_ns = ?, rows_pruned = rows_pruned + "
		     "? WHERE node_id = ? AND boot_seq = ?",
		     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, x->last);
	my_u64(u.st, 2, x->oldest_ns);
	my_u64(u.st, 3, x->rows);
	my_u64(u.st, 4, x->node_id);
	my_u64(u.st, 5, x->boot_seq);
	return my_run(s, u.st, NULL);
}

static int prune_boot(struct pruning *p, struct prefix *x)
{
	int ret = lock_prefix(p, x);

	if (!ret) {
		do {
			ret = measure_page(p, x);
		} while (ret > 0);
	}
	p->ret->events += ret ? 0 : x->rows;
	if (ret || p->q->count_only)
		return ret;
	if (x->rows)
		ret = delete_prefix(p->s, x);
	return ret ? ret : note_prefix(p->s, x);
}

/* Boots behind x that have something old, a page at a time; x ends as the last of them. 1: there may be more. */
static int prune_boots(struct pruning *p, struct prefix *x)
{
	_my_use_ struct my_use u = { .s = p->s };
	int ret, n = 0;

	ret = my_get(p->s,
		     "SELECT node_id, boot_seq, oldest_ns FROM journals WHERE oldest_ns >= ? AND "
		     "oldest_ns < ? AND base_seq < least(judged_seq, head_seq) AND (oldest_ns > ? "
		     "OR node_id > ? OR (node_id = ? AND boot_seq > ?)) "
		     "ORDER BY oldest_ns, node_id, boot_seq LIMIT ?",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, x->hint_ns);
	my_u64(u.st, 2, p->q->before_ns);
	my_u64(u.st, 3, x->hint_ns);
	my_u64(u.st, 4, x->node_id);
	my_u64(u.st, 5, x->node_id);
	my_u64(u.st, 6, x->boot_seq);
	my_u64(u.st, 7, BOOTS_AT_ONCE);
	while (!p->ret->more && (ret = my_step(p->s, u.st)) > 0) {
		*x = (struct prefix){ .node_id = my_col_u64(u.st, 0),
				      .boot_seq = my_col_u64(u.st, 1),
				      .hint_ns = my_col_u64(u.st, 2) };
		ret = prune_boot(p, x);
		if (ret)
			return ret;
		n++;
	}
	return ret < 0 ? ret : !p->ret->more && n == BOOTS_AT_ONCE;
}

static int prune_events(struct pruning *p)
{
	struct prefix x = { 0 };
	int ret;

	do {
		ret = prune_boots(p, &x);
	} while (ret > 0 && p->q->count_only);
	if (ret > 0)
		p->ret->more = true;
	return ret < 0 ? ret : 0;
}

/* A closed door goes when the record that opened it has gone. */
static int prune_doors(struct pruning *p)
{
	_my_use_ struct my_use u = { .s = p->s };
	uint64_t most = left(p, 0);
	int ret;

	if (p->q->count_only) {
		ret = my_get(p->s,
			     "SELECT count(*) FROM doors WHERE closed_ns > 0 AND closed_ns < ?",
			     &u.st);
		if (ret)
			return ret;
		my_u64(u.st, 1, p->q->before_ns);
		ret = my_step(p->s, u.st);
		p->ret->doors = ret > 0 ? my_col_u64(u.st, 0) : 0;
		return ret < 0 ? ret : 0;
	}
	ret = my_get(p->s,
		     "DELETE FROM doors WHERE closed_ns > 0 AND closed_ns < ? AND open_seq <= "
		     "(SELECT j.base_seq FROM journals j WHERE j.node_id = doors.node_id AND "
		     "j.boot_seq = doors.boot_seq) LIMIT ?",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, p->q->before_ns);
	my_u64(u.st, 2, most);
	ret = my_run(p->s, u.st, &p->ret->doors);
	if (!ret && p->ret->doors >= most)
		p->ret->more = true;
	return ret;
}

static int run_with(struct my *s, const char *sql, uint64_t v)
{
	_my_use_ struct my_use u = { .s = s };
	int err = my_get(s, sql, &u.st);

	if (err)
		return err;
	my_u64(u.st, 1, v);
	return my_run(s, u.st, NULL);
}

/* Resolved, nothing about it is new, no door of it is kept for another reason, and every sink has been told. */
static const char old_alerts[] =
	"SELECT a.id FROM alerts a WHERE a.state = ? AND a.last_ns < ? AND NOT EXISTS (SELECT 1 "
	"FROM doors d WHERE d.alert_hash = a.alert_hash AND (d.closed_ns = 0 OR d.closed_ns >= ?)) "
	"AND NOT EXISTS (SELECT 1 FROM alert_log l WHERE l.alert_id = a.id AND (l.at_ns >= ? OR "
	"l.id > (SELECT coalesce(min(log_id), 9223372036854775807) FROM sink_cursors))) LIMIT ?";

static int prune_alerts(struct pruning *p)
{
	_my_use_ struct my_use u = { .s = p->s };
	uint64_t ids[ALERTS_AT_ONCE];
	unsigned n = 0;
	int ret;

	ret = my_get(p->s, old_alerts, &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, ALERT_RESOLVED);
	my_u64(u.st, 2, p->q->before_ns);
	my_u64(u.st, 3, p->q->before_ns);
	my_u64(u.st, 4, p->q->before_ns);
	my_u64(u.st, 5, p->q->count_only ? INT64_MAX : ALERTS_AT_ONCE);
	while ((ret = my_step(p->s, u.st)) > 0) {
		p->ret->alerts++;
		if (!p->q->count_only)
			ids[n++] = my_col_u64(u.st, 0);
	}
	for (unsigned i = 0; !ret && i < n; i++)
		ret = run_with(p->s, "CALL retention_alert(?)", ids[i]);
	if (n == ALERTS_AT_ONCE)
		p->ret->more = true;
	return ret;
}

/* Doors and alerts when the events are through: a door that has to wait for its records would be looked at by each piece. */
int my_prune(struct store *base, const struct store_prune *q, struct store_pruned *ret)
{
	struct pruning p = { (struct my *)base, q, ret };
	int err = prune_events(&p);

	if (!err && !ret->more)
		err = prune_doors(&p);
	return err || ret->more ? err : prune_alerts(&p);
}

/* --- what is there --------------------------------------------------------------------------------------- */

static int one_u64(struct my *s, const char *sql, uint64_t *ret_v)
{
	_my_use_ struct my_use u = { .s = s };
	int ret = my_get(s, sql, &u.st);

	if (!ret)
		ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	*ret_v = ret ? my_col_u64(u.st, 0) : 0;
	return 0;
}

/*
 * Of events: the rows we know of, by what a row takes as the server last estimated. Its own figure of the table's size lags
 * behind what was deleted, and a round of pruning that went by it would delete nearly everything. So would one that took
 * the average anew meanwhile: rows go from the estimate at once, their pages when the server gets round to it.
 */
static int used_bytes(struct my *s, uint64_t rows, uint64_t *ret_bytes)
{
	_my_use_ struct my_use u = { .s = s };
	const uint64_t now_ns = clock_boot_ns();
	uint64_t bytes, estimate;
	int ret;

	ret = my_get(s,
		     "SELECT CAST(coalesce(sum(if(table_name = 'events', 0, data_length + "
		     "index_length)), 0) AS UNSIGNED), "
		     "CAST(coalesce(sum(if(table_name = 'events', data_length + index_length, 0)), "
		     "0) AS UNSIGNED), "
		     "CAST(coalesce(sum(if(table_name = 'events', table_rows, 0)), 0) AS UNSIGNED) "
		     "FROM information_schema.tables WHERE table_schema = database()",
		     &u.st);
	if (!ret)
		ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	bytes = my_col_u64(u.st, 1);
	estimate = my_col_u64(u.st, 2);
	if (estimate >= ROWS_TELLING && now_ns >= s->row_bytes_until_ns) {
		s->row_bytes = (double)bytes / (double)estimate;
		s->row_bytes_until_ns = now_ns + ROW_BYTES_FOR_NS;
	}
	if (s->row_bytes_until_ns)
		bytes = (uint64_t)(s->row_bytes * (double)rows);
	*ret_bytes = my_col_u64(u.st, 0) + bytes;
	return 0;
}

int my_usage(struct store *base, bool count, struct store_usage *ret)
{
	struct my *s = (struct my *)base;
	uint64_t rows = 0;
	int err;

	err = one_u64(
		s,
		"SELECT CAST(coalesce(min((SELECT received_ns FROM events e WHERE e.node_id = "
		"j.node_id AND e.boot_seq = j.boot_seq ORDER BY e.seq LIMIT 1)), 0) AS "
		"UNSIGNED) FROM journals j",
		&ret->oldest_ns);
	if (!err)
		err = one_u64(s,
			      "SELECT CAST(coalesce(max(last_seen_ns), 0) AS UNSIGNED) FROM nodes",
			      &ret->newest_ns);
	if (!err)
		err = one_u64(s,
			      "SELECT CAST(coalesce(sum(rows_stored - rows_pruned), 0) AS "
			      "UNSIGNED) FROM journals",
			      &rows);
	if (!err)
		err = used_bytes(s, rows, &ret->used_bytes);
	if (!err)
		err = one_u64(s,
			      "SELECT CAST(coalesce(sum(data_length + index_length + data_free), "
			      "0) AS UNSIGNED) FROM information_schema.tables WHERE table_schema = "
			      "database()",
			      &ret->file_bytes);
	if (ret->file_bytes < ret->used_bytes)
		ret->file_bytes = ret->used_bytes;
	ret->events = count ? rows : 0;
	return err;
}
