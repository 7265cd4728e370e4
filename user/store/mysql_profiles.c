/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <string.h>

#include "store/profile_words.h"

/* The profiles: open_ports and host_types. Triggers of the schema keep the revision and the acceptance. */

#define ROW_COLUMNS                                                                                \
	"port, port_end, protocol, service, host_type, scope, exe, user_name, origin, reason, "    \
	"author, created_ns, expires_ns, action, job, container, fingerprint, severity, line_no, " \
	"source_line, "
static const char all_rows[] = "SELECT p.id, " ROW_COLUMNS
			       "h.hits, h.last_ns FROM open_ports p LEFT JOIN open_port_hits h ON "
			       "h.row_id = p.id WHERE host_type = ? ORDER BY p.id";
/* A node's account sees its own class's, and not how often a row has decided. */
static const char own_rows[] =
	"SELECT id, " ROW_COLUMNS "0, 0 FROM own_profile WHERE host_type = ? ORDER BY id";

static int read_rows(struct my *s, struct profile *p)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s, s->limited ? own_rows : all_rows, &u.st);
	if (ret)
		return ret;
	my_str(u.st, 1, p->host_type);
	while ((ret = my_step(s, u.st)) > 0) {
		/* store_profile_push() copies; const char * does not fit the owner's fields. */
		struct profile_row row = {
			.id = my_col_u64(u.st, 0),
			.port = (uint32_t)my_col_u64(u.st, 1),
			.port_end = (uint32_t)my_col_u64(u.st, 2),
			.service = (char *)my_col_str(u.st, 4),
			.host_type = (char *)my_col_str(u.st, 5),
			.exe = (char *)my_col_str(u.st, 7),
			.user = (char *)my_col_str(u.st, 8),
			.origin = (char *)my_col_str(u.st, 9),
			.reason = (char *)my_col_str(u.st, 10),
			.author = (char *)my_col_str(u.st, 11),
			.created_ns = my_col_u64(u.st, 12),
			.expires_ns = my_col_u64(u.st, 13),
			.job = (char *)my_col_str(u.st, 15),
			.container = (char *)my_col_str(u.st, 16),
			.fingerprint = (char *)my_col_str(u.st, 17),
			.line_no = (uint32_t)my_col_u64(u.st, 19),
			.line = (char *)my_col_str(u.st, 20),
			.hits = my_col_u64(u.st, 21),
			.last_match_ns = my_col_u64(u.st, 22),
		};

		profile_words_parse(&row, my_col_str(u.st, 3), my_col_str(u.st, 6),
				    my_col_str(u.st, 14), my_col_str(u.st, 18));

		ret = store_profile_push(p, &row);
		if (ret)
			break;
	}
	return ret;
}

int my_profile_get(struct store *base, const char *host_type, struct profile **ret_profile)
{
	struct my *s = (struct my *)base;
	_cleanup_(profile_freep) struct profile *p = NULL;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     s->limited ? "SELECT accepted_ns <> 0 FROM own_class WHERE name = ?"
				: "SELECT accepted_ns <> 0 FROM host_types WHERE name = ?",
		     &u.st);
	if (ret)
		return ret;
	my_str(u.st, 1, host_type);
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	if (!ret)
		return store_set_why(base, -ENOENT, "store %s knows no node class %s", s->name,
				     host_type);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->accepted = my_col_u64(u.st, 0);
	p->host_type = strdup(host_type);
	if (!p->host_type)
		return -ENOMEM;
	ret = read_rows(s, p);
	if (ret)
		return ret;
	*ret_profile = take_ptr(p);
	return 0;
}

int my_host_types(struct store *base, store_host_type_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT name, accepted_ns, (SELECT count(*) FROM open_ports p WHERE "
		     "p.host_type = t.name), "
		     "(SELECT count(*) FROM nodes n WHERE n.host_type = t.name) FROM host_types t "
		     "ORDER BY name",
		     &u.st);
	if (ret)
		return ret;
	while ((ret = my_step(s, u.st)) > 0) {
		uint64_t accepted_ns = my_col_u64(u.st, 1);

		ret = fn(my_col_str(u.st, 0), accepted_ns != 0, accepted_ns, my_col_u64(u.st, 2),
			 my_col_u64(u.st, 3), arg);
		if (ret)
			break;
	}
	return ret;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static int add_row(struct my *s, const char *host_type, const struct profile_row *r,
		   uint64_t now_ns, size_t *count)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	/* Not IGNORE, which would also swallow broken values; a plain error for "it is there" is no error. */
	err = my_get(
		s,
		"INSERT INTO open_ports (port, port_end, protocol, service, host_type, scope, exe, "
		"user_name, origin, reason, author, created_ns, expires_ns, action, job, "
		"container, "
		"fingerprint, severity, line_no, source_line) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&u.st);
	if (err)
		return err;
	my_u64(u.st, 1, r->port);
	my_u64(u.st, 2, r->port_end);
	my_str(u.st, 3, door_proto_name(r->proto));
	my_str(u.st, 4, or_empty(r->service));
	my_str(u.st, 5, host_type);
	my_str(u.st, 6, profile_scope_word(r->scope));
	my_str(u.st, 7, or_empty(r->exe));
	my_str(u.st, 8, or_empty(r->user));
	my_str(u.st, 9, r->origin && r->origin[0] ? r->origin : "manual");
	my_str(u.st, 10, or_empty(r->reason));
	my_str(u.st, 11, or_empty(r->author));
	my_u64(u.st, 12, r->created_ns ? r->created_ns : now_ns);
	my_u64(u.st, 13, r->expires_ns);
	my_str(u.st, 14, profile_action_name(r->action));
	my_str(u.st, 15, or_empty(r->job));
	my_str(u.st, 16, or_empty(r->container));
	my_str(u.st, 17, or_empty(r->fingerprint));
	my_str(u.st, 18, r->severity ? severity_name(r->severity) : "");
	my_u64(u.st, 19, r->line_no);
	my_str(u.st, 20, or_empty(r->line));
	err = my_run(s, u.st, NULL);
	if (err == -EEXIST)
		return 0;
	*count += !err;
	return err;
}

static int make_type(struct my *s, const char *host_type, uint64_t now_ns)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "INSERT INTO host_types (name, created_ns) VALUES (?, ?) ON DUPLICATE KEY "
		     "UPDATE name = name",
		     &u.st);
	if (err)
		return err;
	my_str(u.st, 1, host_type);
	my_u64(u.st, 2, now_ns);
	return my_run(s, u.st, NULL);
}

static int accept_type(struct my *s, const char *host_type, uint64_t now_ns)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s, "UPDATE host_types SET accepted_ns = ? WHERE name = ? AND accepted_ns = 0",
		     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, now_ns ? now_ns : 1);
	my_str(u.st, 2, host_type);
	return my_run(s, u.st, NULL);
}

int my_profile_add(struct store *base, const char *host_type, const struct profile_row *rows,
		   size_t n, bool accept, uint64_t now_wall_ns, size_t *ret_new)
{
	struct my *s = (struct my *)base;
	size_t count = 0;
	int err;

	err = make_type(s, host_type, now_wall_ns);
	/* Accepted first: the time is then ours, not that of the trigger. */
	if (!err && accept)
		err = accept_type(s, host_type, now_wall_ns);
	for (size_t i = 0; !err && i < n; i++)
		err = add_row(s, host_type, &rows[i], now_wall_ns, &count);
	if (!err)
		*ret_new = count;
	return err;
}

int my_profile_revision(struct store *base, uint64_t *ret_rev)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     s->limited ? "SELECT revision FROM own_class"
				: "SELECT CAST(value AS UNSIGNED) FROM settings WHERE name = "
				  "'profile_revision'",
		     &u.st);
	if (ret)
		return ret;
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	*ret_rev = ret ? my_col_u64(u.st, 0) : 0;
	return 0;
}
