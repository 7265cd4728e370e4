/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "base/hostlist.h"
#include "store/sql.h"
#include "store/triage.h"
#include "store/wrap.h"

/* Exceptions and maintenance: see store/triage.h. */

static int bump(struct store *s)
{
	return sql_run(s, NULL,
		       "UPDATE settings SET value = CAST(CAST(value AS UNSIGNED) + 1 AS CHAR) "
		       "WHERE name = 'triage_revision'");
}

static int is_there(struct store *s, const char *text, uint64_t id, uint64_t at_ns)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first_args(&q, text, SQL(U(id), U(at_ns)));

	return ret < 0 ? ret : ret ? 0 : -ENOENT;
}

/* --- exceptions ----------------------------------------------------------------------------------- */

#define EXCEPTION_COLS "alert_key, nodes, reason, author, created_ns, expires_ns"

static int add_exception(struct store *s, const struct store_exception *e, uint64_t *ret_id)
{
	const struct sql_key key = sql_key(s, e->key);
	_sql_ struct sql q = { .s = s };
	int err = sql_exec(&q,
			   SQL_TEXT(s,
				    "INSERT INTO exceptions (" EXCEPTION_COLS
				    ", alert_hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
				    "INSERT INTO exceptions (" EXCEPTION_COLS
				    ") VALUES (?, ?, ?, ?, ?, ?)"),
			   S(e->key), S(e->nodes), S(e->reason), S(e->author), U(e->created_ns),
			   U(e->expires_ns), KEY_HASH(&key));

	if (err)
		return err;
	*ret_id = sql_last_id(&q);
	return bump(s);
}

int store_exception_add(struct store *s, const struct store_exception *e, uint64_t *ret_id)
{
	uint64_t id = 0;
	int err = triage_check_text(s, "a reason", e->reason);

	if (!err)
		err = store_check_name(s, "person", e->author);
	if (!err && (!e->key || !*e->key))
		err = store_set_why(s, -EINVAL, "an exception needs an alert's key");
	if (!err && (!e->nodes || !*e->nodes))
		err = store_set_why(s, -EINVAL, "an exception needs nodes");
	if (!err && strlen(e->nodes) > HOSTLIST_TEXT_MAX)
		err = store_set_why(s, -EINVAL, "an exception's nodes have at most %d bytes",
				    HOSTLIST_TEXT_MAX);
	if (err)
		return err;
	err = write_op(s, add_exception(s, e, &id));
	if (!err && ret_id)
		*ret_id = id;
	return err;
}

static int exception_stands(struct store *s, uint64_t id, uint64_t at_ns)
{
	int err = is_there(
		s, "SELECT id FROM exceptions WHERE id = ? AND (expires_ns = 0 OR expires_ns > ?)",
		id, at_ns);

	return err == -ENOENT
		       ? store_set_why(s, err, "no exception %llu stands", (unsigned long long)id)
		       : err;
}

static int end_exception(struct store *s, uint64_t id, uint64_t at_ns)
{
	int err = exception_stands(s, id, at_ns);

	if (!err)
		err = sql_run(s, NULL, "UPDATE exceptions SET expires_ns = ? WHERE id = ?",
			      U(at_ns), U(id));
	return err ? err : bump(s);
}

int store_exception_end(struct store *s, uint64_t id, uint64_t at_ns)
{
	return write_op(s, end_exception(s, id, at_ns));
}

static int keep_exception(struct store *s, uint64_t id, const char *nodes, uint64_t at_ns)
{
	int err = exception_stands(s, id, at_ns);

	if (!err)
		err = sql_run(s, NULL, "UPDATE exceptions SET nodes = ? WHERE id = ?", S(nodes),
			      U(id));
	return err ? err : bump(s);
}

int store_exception_keep(struct store *s, uint64_t id, const char *nodes, uint64_t at_ns)
{
	if (!*nodes)
		return store_exception_end(s, id, at_ns);
	if (strlen(nodes) > HOSTLIST_TEXT_MAX)
		return store_set_why(s, -EINVAL, "an exception's nodes have at most %d bytes",
				     HOSTLIST_TEXT_MAX);
	return write_op(s, keep_exception(s, id, nodes, at_ns));
}

int store_exceptions(struct store *s, store_exception_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, "SELECT id, " EXCEPTION_COLS " FROM exceptions ORDER BY id");

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_exception e = {
			.id = sql_u64(&q, 0),
			.key = sql_str(&q, 1),
			.nodes = sql_str(&q, 2),
			.reason = sql_str(&q, 3),
			.author = sql_str(&q, 4),
			.created_ns = sql_u64(&q, 5),
			.expires_ns = sql_u64(&q, 6),
		};

		ret = fn(&e, arg);
	}
	return ret;
}

/* --- maintenance ---------------------------------------------------------------------------------- */

static int count_maintenances(struct store *s, uint64_t now_ns, uint64_t *ret_count)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q,
			    "SELECT count(*) FROM maintenances WHERE ends_ns > ? AND ended_ns = 0",
			    U(now_ns));

	if (ret > 0)
		*ret_count = sql_u64(&q, 0);
	return ret < 0 ? ret : 0;
}

static int add_maintenance(struct store *s, const struct store_maintenance *m, uint64_t *ret_id)
{
	_sql_ struct sql q = { .s = s };
	uint64_t count = 0;
	int err = count_maintenances(s, m->created_ns, &count);

	if (!err && count >= STORE_MAINTENANCES_MAX)
		err = store_set_why(s, -EINVAL,
				    "%d maintenances are under way or to come: end those that are "
				    "not needed, or name more nodes in one",
				    STORE_MAINTENANCES_MAX);
	if (err)
		return err;
	err = sql_exec(&q,
		       "INSERT INTO maintenances (nodes, host_type, starts_ns, ends_ns, "
		       "reason, author, created_ns) VALUES (?, ?, ?, ?, ?, ?, ?)",
		       S(m->nodes), S(m->host_type), U(m->starts_ns), U(m->ends_ns), S(m->reason),
		       S(m->author), U(m->created_ns));

	if (err)
		return err;
	*ret_id = sql_last_id(&q);
	return bump(s);
}

int store_maintenance_add(struct store *s, const struct store_maintenance *m, uint64_t *ret_id)
{
	uint64_t id = 0;
	int err = triage_check_text(s, "a reason", m->reason);

	if (!err)
		err = store_check_name(s, "person", m->author);
	if (!err && m->ends_ns <= m->starts_ns)
		err = store_set_why(s, -EINVAL, "a maintenance ends after it begins");
	if (err)
		return err;
	err = write_op(s, add_maintenance(s, m, &id));
	if (!err && ret_id)
		*ret_id = id;
	return err;
}

static int end_maintenance(struct store *s, uint64_t id, const char *who, uint64_t at_ns)
{
	int err = is_there(
		s, "SELECT id FROM maintenances WHERE id = ? AND ended_ns = 0 AND ends_ns > ?", id,
		at_ns);

	if (err == -ENOENT)
		return store_set_why(s, err, "no maintenance %llu is under way or to come",
				     (unsigned long long)id);
	if (!err)
		err = sql_run(s, NULL,
			      "UPDATE maintenances SET ended_ns = ?, ended_by = ? WHERE id = ?",
			      U(at_ns), S(who), U(id));
	return err ? err : bump(s);
}

int store_maintenance_end(struct store *s, uint64_t id, const char *who, uint64_t at_ns)
{
	int err = store_check_name(s, "person", who);

	return err ? err : write_op(s, end_maintenance(s, id, who, at_ns));
}

int store_maintenances(struct store *s, uint64_t since_ns, store_maintenance_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT id, nodes, host_type, starts_ns, ends_ns, reason, author, "
			  "created_ns, ended_ns, ended_by FROM maintenances WHERE ends_ns >= ? AND "
			  "(ended_ns = 0 OR ended_ns >= ?) ORDER BY starts_ns, id",
			  U(since_ns), U(since_ns));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_maintenance m = {
			.id = sql_u64(&q, 0),
			.nodes = sql_str(&q, 1),
			.host_type = sql_str(&q, 2),
			.starts_ns = sql_u64(&q, 3),
			.ends_ns = sql_u64(&q, 4),
			.reason = sql_str(&q, 5),
			.author = sql_str(&q, 6),
			.created_ns = sql_u64(&q, 7),
			.ended_ns = sql_u64(&q, 8),
			.ended_by = sql_str(&q, 9),
		};

		ret = fn(&m, arg);
	}
	return ret;
}
