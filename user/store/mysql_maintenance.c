/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>

/* Exceptions and maintenance: see store/triage.h. */

static int bump(struct my *s)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "UPDATE settings SET value = CAST(CAST(value AS UNSIGNED) + 1 AS CHAR) WHERE "
		     "name = 'triage_revision'",
		     &u.st);
	return err ? err : my_run(s, u.st, NULL);
}

int my_exception_add(struct store *base, const struct store_exception *e, uint64_t *ret_id)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint8_t hash[SHA256_LEN];
	int err;

	err = my_get(s,
		     "INSERT INTO exceptions (alert_key, reason, author, created_ns, expires_ns, "
		     "alert_hash) "
		     "VALUES (?, ?, ?, ?, ?, ?)",
		     &u.st);
	if (err)
		return err;
	my_str(u.st, 1, e->key);
	my_str(u.st, 2, e->reason ? e->reason : "");
	my_str(u.st, 3, e->author);
	my_u64(u.st, 4, e->created_ns);
	my_u64(u.st, 5, e->expires_ns);
	my_key_hash(e->key, hash);
	my_blob(u.st, 6, hash, sizeof(hash));
	err = my_run(s, u.st, NULL);
	if (err)
		return err;
	*ret_id = mysql_stmt_insert_id(u.st->st);
	return bump(s);
}

static int is_there(struct my *s, const char *sql, uint64_t id, uint64_t at_ns)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s, sql, &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, id);
	if (at_ns)
		my_u64(u.st, 2, at_ns);
	ret = my_step(s, u.st);
	return ret < 0 ? ret : ret ? 0 : -ENOENT;
}

int my_exception_end(struct store *base, uint64_t id, uint64_t at_ns)
{
	static const char find[] =
		"SELECT id FROM exceptions WHERE id = ? AND (expires_ns = 0 OR expires_ns > ?)";
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = is_there(s, find, id, at_ns);
	if (err == -ENOENT)
		return store_set_why(base, err, "no exception %llu stands", (unsigned long long)id);
	if (!err)
		err = my_get(s, "UPDATE exceptions SET expires_ns = ? WHERE id = ?", &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, at_ns);
	my_u64(u.st, 2, id);
	err = my_run(s, u.st, NULL);
	return err ? err : bump(s);
}

int my_exceptions(struct store *base, store_exception_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT id, alert_key, reason, author, created_ns, expires_ns FROM exceptions "
		     "ORDER BY id",
		     &u.st);
	if (ret)
		return ret;
	while ((ret = my_step(s, u.st)) > 0) {
		const struct store_exception e = {
			.id = my_col_u64(u.st, 0),
			.key = my_col_str(u.st, 1),
			.reason = my_col_str(u.st, 2),
			.author = my_col_str(u.st, 3),
			.created_ns = my_col_u64(u.st, 4),
			.expires_ns = my_col_u64(u.st, 5),
		};

		ret = fn(&e, arg);
		if (ret)
			break;
	}
	return ret;
}

int my_maintenance_add(struct store *base, const struct store_maintenance *m, uint64_t *ret_id)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(
		s,
		"INSERT INTO maintenances (nodes, host_type, starts_ns, ends_ns, reason, author, "
		"created_ns) VALUES (?, ?, ?, ?, ?, ?, ?)",
		&u.st);
	if (err)
		return err;
	my_str(u.st, 1, m->nodes ? m->nodes : "");
	my_str(u.st, 2, m->host_type ? m->host_type : "");
	my_u64(u.st, 3, m->starts_ns);
	my_u64(u.st, 4, m->ends_ns);
	my_str(u.st, 5, m->reason ? m->reason : "");
	my_str(u.st, 6, m->author);
	my_u64(u.st, 7, m->created_ns);
	err = my_run(s, u.st, NULL);
	if (err)
		return err;
	*ret_id = mysql_stmt_insert_id(u.st->st);
	return bump(s);
}

int my_maintenance_end(struct store *base, uint64_t id, const char *who, uint64_t at_ns)
{
	static const char find[] =
		"SELECT id FROM maintenances WHERE id = ? AND ended_ns = 0 AND ends_ns > ?";
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = is_there(s, find, id, at_ns);
	if (err == -ENOENT)
		return store_set_why(base, err, "no maintenance %llu is under way or to come",
				     (unsigned long long)id);
	if (!err)
		err = my_get(s, "UPDATE maintenances SET ended_ns = ?, ended_by = ? WHERE id = ?",
			     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, at_ns);
	my_str(u.st, 2, who);
	my_u64(u.st, 3, id);
	err = my_run(s, u.st, NULL);
	return err ? err : bump(s);
}

int my_maintenances(struct store *base, uint64_t since_ns, store_maintenance_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(
		s,
		"SELECT id, nodes, host_type, starts_ns, ends_ns, reason, author, created_ns, "
		"ended_ns, "
		"ended_by FROM maintenances WHERE ends_ns >= ? AND (ended_ns = 0 OR ended_ns >= ?) "
		"ORDER BY starts_ns, id",
		&u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, since_ns);
	my_u64(u.st, 2, since_ns);
	while ((ret = my_step(s, u.st)) > 0) {
		const struct store_maintenance m = {
			.id = my_col_u64(u.st, 0),
			.nodes = my_col_str(u.st, 1),
			.host_type = my_col_str(u.st, 2),
			.starts_ns = my_col_u64(u.st, 3),
			.ends_ns = my_col_u64(u.st, 4),
			.reason = my_col_str(u.st, 5),
			.author = my_col_str(u.st, 6),
			.created_ns = my_col_u64(u.st, 7),
			.ended_ns = my_col_u64(u.st, 8),
			.ended_by = my_col_str(u.st, 9),
		};

		ret = fn(&m, arg);
		if (ret)
			break;
	}
	return ret;
}
