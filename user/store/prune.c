/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "store/sinks.h"
#include "store/sql.h"
#include "store/wrap.h"

/*
 * Retention. What is deleted of a boot's records is a prefix: base_seq says up to where, and the
 * head goes on to mean "without a hole from the oldest kept". A record is old by the store's clock
 * (received_ns), so that a node's clock can neither keep its records for ever nor be rid of them.
 * The index of events holds nothing for that order, but records of one boot are received in the
 * order of their numbers: the walk ends at the first that is not old. journals.oldest_ns leads to
 * the boots that have something old, so that a piece costs what it deletes and not a look at every
 * node. A boot's row is locked first, as by whoever inserts or judges; few boots are locked at a
 * time, since their shippers wait meanwhile.
 */
#define ALERTS_AT_ONCE 64
#define BOOTS_AT_ONCE 256

struct pruning {
	struct store *s;
	const struct store_prune *q;
	struct store_pruned *ret;
};

struct prefix {
	uint64_t node_id, boot_seq;
	uint64_t limit, rows,
		last; /* what is behind last and up to limit may go: judged, and no hole before it */
	uint64_t hint_ns, oldest_ns; /* journals.oldest_ns as it was, and as it is then */
};

struct boots {
	unsigned len;
	struct prefix x[BOOTS_AT_ONCE];
};

static uint64_t left(const struct pruning *p, uint64_t done)
{
	return p->q->limit > done ? p->q->limit - done : 0;
}

#define PREFIX                                                                                     \
	"SELECT base_seq, judged_seq, head_seq FROM journals WHERE node_id = ? AND boot_seq = ?"

/*
 * Where it begins and ends now, and holds it until the end of the transaction (unless we only
 * count).
 */
static int lock_prefix(struct pruning *p, struct prefix *x)
{
	_sql_ struct sql q = { .s = p->s };
	int ret = sql_first(&q, p->q->count_only ? PREFIX : SQL_LOCKED(p->s, PREFIX), U(x->node_id),
			    U(x->boot_seq));
	uint64_t judged, head;

	if (ret <= 0)
		return ret;
	judged = sql_u64(&q, 1);
	head = sql_u64(&q, 2);
	x->last = sql_u64(&q, 0);
	x->limit = judged < head ? judged : head;
	return 0;
}

/* A page of the prefix. 1: all of it was old, there may be more. */
static int measure_page(struct pruning *p, struct prefix *x)
{
	_sql_ struct sql q = { .s = p->s };
	uint64_t most = left(p, p->ret->events), n = 0;
	int ret = sql_get(&q,
			  "SELECT seq, received_ns FROM events WHERE node_id = ? AND boot_seq = ? "
			  "AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
			  U(x->node_id), U(x->boot_seq), U(x->last), U(x->limit),
			  CONST(STORE_PRUNE_MAX));

	while (!ret && (ret = sql_step(&q)) > 0) {
		x->oldest_ns = sql_u64(&q, 1);
		if (x->oldest_ns >= p->q->before_ns)
			return 0;
		if (x->rows == most) {
			p->ret->more = true;
			return 0;
		}
		x->rows++;
		x->last = sql_u64(&q, 0);
		n++;
		ret = 0;
	}
	/* What comes behind is received later. */
	x->oldest_ns = p->q->before_ns;
	return ret < 0 ? ret : n == STORE_PRUNE_MAX;
}

/*
 * On a server by a procedure that looks again whether it may: the monitor's account cannot delete
 * an event in any other way.
 */
static int delete_prefix(struct store *s, const struct prefix *x)
{
	return sql_run(
		s, NULL,
		SQL_TEXT(s, "CALL retention_events(?, ?, ?)",
			 "DELETE FROM events WHERE node_id = ? AND boot_seq = ? AND seq <= ?"),
		U(x->node_id), U(x->boot_seq), U(x->last));
}

static int note_prefix(struct store *s, const struct prefix *x)
{
	return sql_run(s, NULL,
		       "UPDATE journals SET base_seq = ?, oldest_ns = ?, rows_pruned = rows_pruned "
		       "+ ? WHERE node_id = ? AND boot_seq = ?",
		       U(x->last), U(x->oldest_ns), U(x->rows), U(x->node_id), U(x->boot_seq));
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

/*
 * Boots behind x that have something old, those with the oldest first; taken whole, since pruning
 * changes the order of the walk.
 */
static int collect_boots(struct pruning *p, const struct prefix *x, struct boots *b)
{
	_sql_ struct sql q = { .s = p->s };
	int ret = sql_get(&q,
			  "SELECT node_id, boot_seq, oldest_ns FROM journals WHERE oldest_ns >= ? "
			  "AND oldest_ns < ? AND base_seq < judged_seq AND base_seq < head_seq AND "
			  "(oldest_ns > ? OR node_id > ? OR (node_id = ? AND boot_seq > ?)) ORDER "
			  "BY oldest_ns, node_id, boot_seq LIMIT ?",
			  U(x->hint_ns), U(p->q->before_ns), U(x->hint_ns), U(x->node_id),
			  U(x->node_id), U(x->boot_seq), CONST(BOOTS_AT_ONCE));

	b->len = 0;
	while (!ret && b->len < BOOTS_AT_ONCE && (ret = sql_step(&q)) > 0) {
		b->x[b->len++] = (struct prefix){ .node_id = sql_u64(&q, 0),
						  .boot_seq = sql_u64(&q, 1),
						  .hint_ns = sql_u64(&q, 2) };
		ret = 0;
	}
	return ret < 0 ? ret : 0;
}

static int prune_events(struct pruning *p)
{
	_free_ struct boots *b = calloc(1, sizeof(*b));
	struct prefix x = { 0 };
	int err;

	if (!b)
		return -ENOMEM;
	do {
		err = collect_boots(p, &x, b);
		for (unsigned i = 0; !err && !p->ret->more && i < b->len; i++)
			err = prune_boot(p, &b->x[i]);
		if (b->len)
			x = b->x[b->len - 1];
	} while (!err && p->q->count_only && b->len == BOOTS_AT_ONCE);
	if (b->len == BOOTS_AT_ONCE && !p->q->count_only)
		p->ret->more = true;
	return err;
}

static int count_doors(struct pruning *p)
{
	_sql_ struct sql q = { .s = p->s };
	int ret = sql_first(&q, "SELECT count(*) FROM doors WHERE closed_ns > 0 AND closed_ns < ?",
			    U(p->q->before_ns));

	if (ret > 0)
		p->ret->doors = sql_u64(&q, 0);
	return ret < 0 ? ret : 0;
}

/* A closed door goes when the record that opened it has gone. */
static int prune_doors(struct pruning *p)
{
	uint64_t most = left(p, 0);
	int err;

	if (p->q->count_only)
		return count_doors(p);
	err = sql_run(p->s, &p->ret->doors,
		      SQL_TEXT(p->s,
			       "DELETE FROM doors WHERE closed_ns > 0 AND closed_ns < ? AND "
			       "open_seq <= (SELECT j.base_seq FROM journals j WHERE j.node_id = "
			       "doors.node_id AND j.boot_seq = doors.boot_seq) LIMIT ?",
			       "DELETE FROM doors WHERE rowid IN (SELECT d.rowid FROM doors d JOIN "
			       "journals j ON j.node_id = d.node_id AND j.boot_seq = d.boot_seq "
			       "WHERE d.closed_ns > 0 AND d.closed_ns < ? AND d.open_seq <= "
			       "j.base_seq LIMIT ?)"),
		      U(p->q->before_ns), U(most));
	if (!err && p->ret->doors >= most)
		p->ret->more = true;
	return err;
}

static int delete_alert(struct store *s, uint64_t id)
{
	int err;

	if (s->ops->sql->server)
		return sql_run(s, NULL, "CALL retention_alert(?)", U(id));
	err = sql_run(s, NULL, "DELETE FROM alert_log WHERE alert_id = ?", U(id));
	if (!err)
		err = sql_run(s, NULL, "DELETE FROM alert_nodes WHERE alert_id = ?", U(id));
	return err ? err : sql_run(s, NULL, "DELETE FROM alerts WHERE id = ?", U(id));
}

/*
 * Resolved, nothing about it is new, no door of it is kept for another reason, and every sink that
 * is somebody's has been told.
 */
#define OLD_ALERTS(key)                                                                            \
	"SELECT a.id FROM alerts a WHERE a.state = ? AND a.last_ns < ? AND NOT EXISTS (SELECT 1 "  \
	"FROM doors d WHERE d." key " = a." key " AND (d.closed_ns = 0 OR d.closed_ns >= ?)) AND " \
	"NOT EXISTS (SELECT 1 FROM alert_log l WHERE l.alert_id = a.id AND (l.at_ns >= ? OR l.id " \
	"> (SELECT coalesce(min(c.log_id), 9223372036854775807) FROM sink_cursors c LEFT JOIN "    \
	"sink_states t ON t.name = c.name WHERE c.name NOT LIKE '% %' AND (t.name IS NULL OR "     \
	"t.lease_ns >= ? OR t.sent_ns >= ? OR t.failed_ns >= ?)))) LIMIT ?"

static int prune_alerts(struct pruning *p)
{
	uint64_t ids[ALERTS_AT_ONCE], before = p->q->before_ns, held = 0;
	_sql_ struct sql q = { .s = p->s };
	unsigned n = 0;
	int ret = sql_now(p->s, &held);

	held = held > STORE_SINK_DROPPED_NS ? held - STORE_SINK_DROPPED_NS : 0;
	if (!ret)
		ret = sql_get(&q, SQL_TEXT(p->s, OLD_ALERTS("alert_hash"), OLD_ALERTS("alert_key")),
			      CONST(ALERT_RESOLVED), U(before), U(before), U(before), U(held),
			      U(held), U(held),
			      U(p->q->count_only ? SQL_NO_LIMIT : ALERTS_AT_ONCE));

	while (!ret && (ret = sql_step(&q)) > 0) {
		p->ret->alerts++;
		if (!p->q->count_only)
			ids[n++] = sql_u64(&q, 0);
		ret = 0;
	}
	sql_done(&q);
	for (unsigned i = 0; !ret && i < n; i++)
		ret = delete_alert(p->s, ids[i]);
	if (n == ALERTS_AT_ONCE)
		p->ret->more = true;
	return ret;
}

/*
 * Doors and alerts when the events are through: a door that has to wait for its records would be
 * looked at by each piece.
 */
static int prune(struct store *s, const struct store_prune *q, struct store_pruned *ret)
{
	struct pruning p = { s, q, ret };
	int err;

	*ret = (struct store_pruned){ 0 };
	err = prune_events(&p);
	if (!err && !ret->more)
		err = prune_doors(&p);
	return err || ret->more ? err : prune_alerts(&p);
}

int store_prune(struct store *s, const struct store_prune *q, struct store_pruned *ret)
{
	struct store_pruned done = { 0 };
	struct store_prune some = *q;
	int err;

	if (q->count_only) {
		some.limit = SQL_NO_LIMIT;
		err = prune(s, &some, &done);
	} else {
		if (!q->limit || q->limit > STORE_PRUNE_MAX)
			some.limit = STORE_PRUNE_MAX;
		err = write_op(s, prune(s, &some, &done));
	}
	if (!err)
		*ret = done;
	return err;
}

/* --- what is there --------------------------------------------------------------------------------------- */

int store_usage(struct store *s, bool count, struct store_usage *ret)
{
	struct store_usage u = { 0 };
	uint64_t rows = 0;
	int err = sql_one_u64(s,
			      "SELECT CAST(coalesce(min((SELECT received_ns FROM events e WHERE "
			      "e.node_id = j.node_id AND e.boot_seq = j.boot_seq ORDER BY e.seq "
			      "LIMIT 1)), 0) AS UNSIGNED) FROM journals j",
			      &u.oldest_ns);

	if (!err)
		err = sql_one_u64(s, "SELECT max(last_seen_ns) FROM nodes", &u.newest_ns);
	if (!err && (count || s->ops->sql->server))
		err = sql_one_u64(
			s,
			SQL_TEXT(s,
				 "SELECT CAST(coalesce(sum(rows_stored - rows_pruned), 0) AS "
				 "UNSIGNED) FROM journals",
				 "SELECT (SELECT coalesce(sum(event_count), 0) FROM nodes) - "
				 "(SELECT coalesce(sum(rows_pruned), 0) FROM journals)"),
			&rows);
	if (!err)
		err = s->ops->usage(s, rows, &u);
	u.events = count ? rows : 0;
	if (!err)
		*ret = u;
	return err;
}
