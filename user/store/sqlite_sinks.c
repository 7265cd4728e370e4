/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "store/sinks.h"
#include "store/sqlite.h"

/* How the sinks are doing, and what they refused. */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

int sq_sinks(struct store *base, store_sink_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT c.name, c.log_id, t.sent_count, t.failed_count, t.skipped_count, "
		     "t.given_up_count, t.failures, t.why, t.sent_ns, t.failed_ns, "
		     "(SELECT count(*) FROM alert_log l WHERE l.id > c.log_id), "
		     "(SELECT min(l.at_ns) FROM alert_log l WHERE l.id > c.log_id), "
		     "(SELECT count(*) FROM sink_parked p WHERE p.sink = c.name) "
		     "FROM sink_cursors c LEFT JOIN sink_states t ON t.name = c.name "
		     "ORDER BY c.name",
		     &st);
	if (ret)
		return ret;
	while ((ret = sq_step(s, st)) > 0) {
		const struct store_sink sink = {
			.name = sq_col_str(st, 0),
			.log_id = sq_col_u64(st, 1),
			.sent = sq_col_u64(st, 2),
			.failed = sq_col_u64(st, 3),
			.skipped = sq_col_u64(st, 4),
			.given_up = sq_col_u64(st, 5),
			.failures = sq_col_u64(st, 6),
			.why = or_empty(sq_col_str(st, 7)),
			.sent_ns = sq_col_u64(st, 8),
			.failed_ns = sq_col_u64(st, 9),
			.behind = sq_col_u64(st, 10),
			.behind_ns = sq_col_u64(st, 11),
			.parked = sq_col_u64(st, 12),
		};

		ret = fn(&sink, arg);
		if (ret)
			break;
	}
	return ret;
}

int sq_sink_put(struct store *base, const struct store_sink *sink)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err = sq_sink_cursor_set(base, sink->name, sink->log_id);

	if (!err)
		err = sq_get(s,
			     "INSERT INTO sink_states (name, sent_count, failed_count, "
			     "skipped_count, given_up_count, failures, why, sent_ns, failed_ns) "
			     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (name) DO "
			     "UPDATE SET sent_count = ?2, failed_count = ?3, skipped_count = ?4, "
			     "given_up_count = ?5, failures = ?6, why = ?7, sent_ns = ?8, "
			     "failed_ns = ?9",
			     &st);
	if (err)
		return err;
	sq_str(st, 1, sink->name);
	sq_u64(st, 2, sink->sent);
	sq_u64(st, 3, sink->failed);
	sq_u64(st, 4, sink->skipped);
	sq_u64(st, 5, sink->given_up);
	sq_u64(st, 6, sink->failures);
	sq_str(st, 7, or_empty(sink->why));
	sq_u64(st, 8, sink->sent_ns);
	sq_u64(st, 9, sink->failed_ns);
	return sq_run(s, st);
}

static int delete_of(struct sq *s, const char *sql, const char *name)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err = sq_get(s, sql, &st);

	if (err)
		return err;
	sq_str(st, 1, name);
	return sq_run(s, st);
}

int sq_sink_forget(struct store *base, const char *name)
{
	struct sq *s = (struct sq *)base;
	int err = delete_of(s, "DELETE FROM sink_parked WHERE sink = ?", name);

	if (!err)
		err = delete_of(s, "DELETE FROM sink_states WHERE name = ?", name);
	if (!err)
		err = delete_of(s, "DELETE FROM sink_cursors WHERE name = ?", name);
	if (!err && !sqlite3_changes(s->db))
		return store_set_why(base, -ENOENT, "store %s has no such sink", s->shown);
	return err;
}

int sq_park(struct store *base, const struct store_parked *p)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err = sq_get(s,
			 "INSERT INTO sink_parked (sink, log_id, alert_id, tries, first_ns, "
			 "next_ns, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (sink, "
			 "log_id) DO UPDATE SET tries = ?4, next_ns = ?6, why = ?7",
			 &st);

	if (err)
		return err;
	sq_str(st, 1, p->sink);
	sq_u64(st, 2, p->log_id);
	sq_u64(st, 3, p->alert_id);
	sq_u64(st, 4, p->tries);
	sq_u64(st, 5, p->first_ns);
	sq_u64(st, 6, p->next_ns);
	sq_str(st, 7, or_empty(p->why));
	return sq_run(s, st);
}

int sq_unpark(struct store *base, const char *sink, uint64_t log_id)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err = sq_get(s, "DELETE FROM sink_parked WHERE sink = ? AND log_id = ?", &st);

	if (err)
		return err;
	sq_str(st, 1, sink);
	sq_u64(st, 2, log_id);
	return sq_run(s, st);
}

int sq_parked(struct store *base, const char *sink, uint64_t due_ns, uint32_t limit,
	      store_parked_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret = sq_get(s,
			 "SELECT sink, log_id, alert_id, tries, first_ns, next_ns, why FROM "
			 "sink_parked WHERE (?1 IS NULL OR sink = ?1) AND (?2 = 0 OR (next_ns > 0 "
			 "AND next_ns <= ?2)) ORDER BY next_ns, log_id, sink LIMIT ?3",
			 &st);

	if (ret)
		return ret;
	sq_str(st, 1, sink);
	sq_u64(st, 2, due_ns);
	sq_u64(st, 3, limit ? limit : INT64_MAX);
	while ((ret = sq_step(s, st)) > 0) {
		const struct store_parked p = {
			.sink = sq_col_str(st, 0),
			.log_id = sq_col_u64(st, 1),
			.alert_id = sq_col_u64(st, 2),
			.tries = sq_col_u64(st, 3),
			.first_ns = sq_col_u64(st, 4),
			.next_ns = sq_col_u64(st, 5),
			.why = sq_col_str(st, 6),
		};

		ret = fn(&p, arg);
		if (ret)
			break;
	}
	return ret;
}

int sq_log_before(struct store *base, uint64_t at_ns, uint64_t *ret_log_id)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret = sq_get(s, "SELECT max(id) FROM alert_log WHERE at_ns < ?", &st);

	if (ret)
		return ret;
	sq_u64(st, 1, at_ns);
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	*ret_log_id = ret ? sq_col_u64(st, 0) : 0;
	return 0;
}
