/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>
#include <string.h>

#include "store/profile_words.h"

/* The profiles: open_ports and host_types. Triggers of the schema keep the revision and the acceptance. */

static int read_rows(struct sq *s, struct profile *p)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(
		s,
		"SELECT p.id, port, port_end, protocol, service, host_type, scope, exe, user_name, "
		"origin, "
		"reason, author, created_ns, expires_ns, action, job, container, fingerprint, "
		"severity, "
		"line_no, source_line, h.hits, h.last_ns FROM open_ports p "
		"LEFT JOIN open_port_hits h ON h.row_id = p.id WHERE host_type = ? ORDER BY p.id",
		&st);
	if (ret)
		return ret;
	sq_str(st, 1, p->host_type);
	while ((ret = sq_step(s, st)) > 0) {
		/* store_profile_push() copies; const char * does not fit the owner's fields. */
		struct profile_row row = {
			.id = sq_col_u64(st, 0),
			.port = (uint32_t)sq_col_u64(st, 1),
			.port_end = (uint32_t)sq_col_u64(st, 2),
			.service = (char *)sq_col_str(st, 4),
			.host_type = (char *)sq_col_str(st, 5),
			.exe = (char *)sq_col_str(st, 7),
			.user = (char *)sq_col_str(st, 8),
			.origin = (char *)sq_col_str(st, 9),
			.reason = (char *)sq_col_str(st, 10),
			.author = (char *)sq_col_str(st, 11),
			.created_ns = sq_col_u64(st, 12),
			.expires_ns = sq_col_u64(st, 13),
			.job = (char *)sq_col_str(st, 15),
			.container = (char *)sq_col_str(st, 16),
			.fingerprint = (char *)sq_col_str(st, 17),
			.line_no = (uint32_t)sq_col_u64(st, 19),
			.line = (char *)sq_col_str(st, 20),
			.hits = sq_col_u64(st, 21),
			.last_match_ns = sq_col_u64(st, 22),
		};

		profile_words_parse(&row, sq_col_str(st, 3), sq_col_str(st, 6), sq_col_str(st, 14),
				    sq_col_str(st, 18));

		ret = store_profile_push(p, &row);
		if (ret)
			break;
	}
	return ret;
}

int sq_profile_get(struct store *base, const char *host_type, struct profile **ret_profile)
{
	struct sq *s = (struct sq *)base;
	_cleanup_(profile_freep) struct profile *p = NULL;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s, "SELECT accepted_ns <> 0 FROM host_types WHERE name = ?", &st);
	if (ret)
		return ret;
	sq_str(st, 1, host_type);
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	if (!ret)
		return store_set_why(base, -ENOENT, "store %s knows no node class %s", s->shown,
				     host_type);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->accepted = sq_col_u64(st, 0);
	p->host_type = strdup(host_type);
	if (!p->host_type)
		return -ENOMEM;
	ret = read_rows(s, p);
	if (ret)
		return ret;
	*ret_profile = take_ptr(p);
	return 0;
}

int sq_host_types(struct store *base, store_host_type_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(
		s,
		"SELECT name, accepted_ns, (SELECT count(*) FROM open_ports p WHERE "
		"p.host_type = t.name), (SELECT count(*) FROM nodes n WHERE n.host_type = t.name) "
		"FROM host_types t ORDER BY name",
		&st);
	if (ret)
		return ret;
	while ((ret = sq_step(s, st)) > 0) {
		uint64_t accepted_ns = sq_col_u64(st, 1);

		ret = fn(sq_col_str(st, 0), accepted_ns != 0, accepted_ns, sq_col_u64(st, 2),
			 sq_col_u64(st, 3), arg);
		if (ret)
			break;
	}
	return ret;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static int add_row(struct sq *s, const char *host_type, const struct profile_row *r,
		   uint64_t now_ns, size_t *count)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(
		s,
		"INSERT INTO open_ports (port, port_end, protocol, service, host_type, scope, exe, "
		"user_name, origin, reason, author, created_ns, expires_ns, action, job, "
		"container, "
		"fingerprint, severity, line_no, source_line) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT DO NOTHING",
		&st);
	if (err)
		return err;
	sq_u64(st, 1, r->port);
	sq_u64(st, 2, r->port_end);
	sq_str(st, 3, door_proto_name(r->proto));
	sq_str(st, 4, or_empty(r->service));
	sq_str(st, 5, host_type);
	sq_str(st, 6, profile_scope_word(r->scope));
	sq_str(st, 7, or_empty(r->exe));
	sq_str(st, 8, or_empty(r->user));
	sq_str(st, 9, r->origin && r->origin[0] ? r->origin : "manual");
	sq_str(st, 10, or_empty(r->reason));
	sq_str(st, 11, or_empty(r->author));
	sq_u64(st, 12, r->created_ns ? r->created_ns : now_ns);
	sq_u64(st, 13, r->expires_ns);
	sq_str(st, 14, profile_action_name(r->action));
	sq_str(st, 15, or_empty(r->job));
	sq_str(st, 16, or_empty(r->container));
	sq_str(st, 17, or_empty(r->fingerprint));
	sq_str(st, 18, r->severity ? severity_name(r->severity) : "");
	sq_u64(st, 19, r->line_no);
	sq_str(st, 20, or_empty(r->line));
	err = sq_run(s, st);
	if (!err)
		*count += sqlite3_changes(s->db) > 0;
	return err;
}

static int accept_type(struct sq *s, const char *host_type, uint64_t now_ns)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s, "UPDATE host_types SET accepted_ns = ? WHERE name = ? AND accepted_ns = 0",
		     &st);
	if (err)
		return err;
	sq_u64(st, 1, now_ns ? now_ns : 1);
	sq_str(st, 2, host_type);
	return sq_run(s, st);
}

int sq_profile_add(struct store *base, const char *host_type, const struct profile_row *rows,
		   size_t n, bool accept, uint64_t now_wall_ns, size_t *ret_new)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	size_t count = 0;
	int err;

	err = sq_get(
		s, "INSERT INTO host_types (name, created_ns) VALUES (?, ?) ON CONFLICT DO NOTHING",
		&st);
	if (err)
		return err;
	sq_str(st, 1, host_type);
	sq_u64(st, 2, now_wall_ns);
	err = sq_run(s, st);
	/* Accepted first: the time is then ours, not that of the trigger. */
	if (!err && accept)
		err = accept_type(s, host_type, now_wall_ns);
	for (size_t i = 0; !err && i < n; i++)
		err = add_row(s, host_type, &rows[i], now_wall_ns, &count);
	if (!err)
		*ret_new = count;
	return err;
}

int sq_profile_revision(struct store *base, uint64_t *ret_rev)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'profile_revision'",
		     &st);
	if (ret)
		return ret;
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	*ret_rev = ret ? sq_col_u64(st, 0) : 0;
	return 0;
}
