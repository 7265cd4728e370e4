/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>

/* Exceptions and maintenance: see store/triage.h. */

static int bump(struct sq *s)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE "
		     "name = 'triage_revision'",
		     &st);
	return err ? err : sq_run(s, st);
}

int sq_exception_add(struct store *base, const struct store_exception *e, uint64_t *ret_id)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "INSERT INTO exceptions (alert_key, reason, author, created_ns, expires_ns) "
		     "VALUES (?, ?, ?, ?, ?)",
		     &st);
	if (err)
		return err;
	sq_str(st, 1, e->key);
	sq_str(st, 2, e->reason ? e->reason : "");
	sq_str(st, 3, e->author);
	sq_u64(st, 4, e->created_ns);
	sq_u64(st, 5, e->expires_ns);
	err = sq_run(s, st);
	if (err)
		return err;
	*ret_id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return bump(s);
}

static int is_there(struct sq *s, const char *sql, uint64_t id, uint64_t at_ns)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s, sql, &st);
	if (ret)
		return ret;
	sq_u64(st, 1, id);
	if (at_ns)
		sq_u64(st, 2, at_ns);
	ret = sq_step(s, st);
	return ret < 0 ? ret : ret ? 0 : -ENOENT;
}

int sq_exception_end(struct store *base, uint64_t id, uint64_t at_ns)
{
	static const char find[] =
		"SELECT id FROM exceptions WHERE id = ? AND (expires_ns = 0 OR expires_ns > ?)";
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = is_there(s, find, id, at_ns);
	if (err == -ENOENT)
		return store_set_why(base, err, "no exception %llu stands", (unsigned long long)id);
	if (!err)
		err = sq_get(s, "UPDATE exceptions SET expires_ns = ? WHERE id = ?", &st);
	if (err)
		return err;
	sq_u64(st, 1, at_ns);
	sq_u64(st, 2, id);
	err = sq_run(s, st);
	return err ? err : bump(s);
}

int sq_exceptions(struct store *base, store_exception_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT id, alert_key, reason, author, created_ns, expires_ns FROM exceptions "
		     "ORDER BY id",
		     &st);
	if (ret)
		return ret;
	while ((ret = sq_step(s, st)) > 0) {
		const struct store_exception e = {
			.id = sq_col_u64(st, 0),
			.key = sq_col_str(st, 1),
			.reason = sq_col_str(st, 2),
			.author = sq_col_str(st, 3),
			.created_ns = sq_col_u64(st, 4),
			.expires_ns = sq_col_u64(st, 5),
		};

		ret = fn(&e, arg);
		if (ret)
			break;
	}
	return ret;
}

int sq_maintenance_add(struct store *base, const struct store_maintenance *m, uint64_t *ret_id)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(
		s,
		"INSERT INTO maintenances (nodes, host_type, starts_ns, ends_ns, reason, author, "
		"created_ns) VALUES (?, ?, ?, ?, ?, ?, ?)",
		&st);
	if (err)
		return err;
	sq_str(st, 1, m->nodes ? m->nodes : "");
	sq_str(st, 2, m->host_type ? m->host_type : "");
	sq_u64(st, 3, m->starts_ns);
	sq_u64(st, 4, m->ends_ns);
	sq_str(st, 5, m->reason ? m->reason : "");
	sq_str(st, 6, m->author);
	sq_u64(st, 7, m->created_ns);
	err = sq_run(s, st);
	if (err)
		return err;
	*ret_id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return bump(s);
}

int sq_maintenance_end(struct store *base, uint64_t id, const char *who, uint64_t at_ns)
{
	static const char find[] =
		"SELECT id FROM maintenances WHERE id = ? AND ended_ns = 0 AND ends_ns > ?";
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = is_there(s, find, id, at_ns);
	if (err == -ENOENT)
		return store_set_why(base, err, "no maintenance %llu is under way or to come",
				     (unsigned long long)id);
	if (!err)
		err = sq_get(s, "UPDATE maintenances SET ended_ns = ?, ended_by = ? WHERE id = ?",
			     &st);
	if (err)
		return err;
	sq_u64(st, 1, at_ns);
	sq_str(st, 2, who);
	sq_u64(st, 3, id);
	err = sq_run(s, st);
	return err ? err : bump(s);
}

int sq_maintenances(struct store *base, uint64_t since_ns, store_maintenance_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(
		s,
		"SELECT id, nodes, host_type, starts_ns, ends_ns, reason, author, created_ns, "
		"ended_ns, "
		"ended_by FROM maintenances WHERE ends_ns >= ? AND (ended_ns = 0 OR ended_ns >= ?) "
		"ORDER BY starts_ns, id",
		&st);
	if (ret)
		return ret;
	sq_u64(st, 1, since_ns);
	sq_u64(st, 2, since_ns);
	while ((ret = sq_step(s, st)) > 0) {
		const struct store_maintenance m = {
			.id = sq_col_u64(st, 0),
			.nodes = sq_col_str(st, 1),
			.host_type = sq_col_str(st, 2),
			.starts_ns = sq_col_u64(st, 3),
			.ends_ns = sq_col_u64(st, 4),
			.reason = sq_col_str(st, 5),
			.author = sq_col_str(st, 6),
			.created_ns = sq_col_u64(st, 7),
			.ended_ns = sq_col_u64(st, 8),
			.ended_by = sq_col_str(st, 9),
		};

		ret = fn(&m, arg);
		if (ret)
			break;
	}
	return ret;
}
