/* SPDX-License-Identifier: GPL-2.0 */
#include "store/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/argv_pattern.h"
#include "core/executable.h"
#include "store/profile_words.h"
#include "store/sql.h"
#include "store/wrap.h"

#define LINES_MAX 50000

/* --- rows ------------------------------------------------------------------------------------------- */

#define ROW_COLUMNS                                                                                \
	"port, port_end, protocol, service, host_type, scope, exe, user_name, origin, reason, "    \
	"author, created_ns, expires_ns, action, job, container, fingerprint, severity, line_no, " \
	"source_line, package, sha256, argv"

static bool is_job_word(const char *job)
{
	return !strcasecmp(job, PROFILE_ANY) || !strcasecmp(job, PROFILE_NONE) ||
	       !strcasecmp(job, "slurm");
}

static int check_row(struct store *s, const struct profile_row *r)
{
	if (r->port_end && r->port_end < r->port)
		return store_set_why(s, -EINVAL, "the port range %u-%u ends before it begins",
				     r->port, r->port_end);
	if (r->proto < PROTO_TCP || r->proto > PROTO_VSOCK)
		return store_set_why(s, -EINVAL, "a profile row needs a protocol");
	if ((unsigned)r->scope > SCOPE_LOOPBACK)
		return store_set_why(s, -EINVAL, "unknown scope %u", (unsigned)r->scope);
	if ((unsigned)r->action > PROFILE_DENY || (unsigned)r->severity > SEVERITY_CRITICAL)
		return store_set_why(s, -EINVAL, "unknown action or severity");
	if (r->job && r->job[0] && !is_job_word(r->job))
		return store_set_why(s, -EINVAL, "a row's job is any, none or slurm");
	if (r->sha256 && r->sha256[0] && !exe_digest_is_text(r->sha256))
		return store_set_why(s, -EINVAL, "a row's sha256 is 64 lower-case digits");
	if (r->package && strlen(r->package) >= EXE_PACKAGE_LEN)
		return store_set_why(s, -EINVAL, "the name of a row's package is too long");
	if (r->argv && r->argv[0] && !argv_pattern_is_valid(r->argv))
		return store_set_why(s, -EINVAL, "a row's argv is no pattern of arguments");
	return 0;
}

static char *copy(const char *s, bool *bad)
{
	char *p = s && s[0] ? strdup(s) : NULL;

	if (s && s[0] && !p)
		*bad = true;
	return p;
}

/* Appends a row, its texts copied, to an array that doubles. */
static int push_row(struct profile *p, const struct profile_row *row)
{
	struct profile_row *rows, *r;
	bool bad = false;

	if (!(p->rows_len & (p->rows_len - 1))) {
		rows = reallocarray(p->rows, p->rows_len ? 2 * p->rows_len : 1, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		p->rows = rows;
	}
	r = &p->rows[p->rows_len++];
	*r = *row;
	r->service = copy(row->service, &bad);
	r->host_type = copy(row->host_type, &bad);
	r->exe = copy(row->exe, &bad);
	r->user = copy(row->user, &bad);
	r->package = copy(row->package, &bad);
	r->sha256 = copy(row->sha256, &bad);
	r->argv = copy(row->argv, &bad);
	r->origin = copy(row->origin, &bad);
	r->reason = copy(row->reason, &bad);
	r->author = copy(row->author, &bad);
	r->job = copy(row->job, &bad);
	r->container = copy(row->container, &bad);
	r->fingerprint = copy(row->fingerprint, &bad);
	r->line = copy(row->line, &bad);
	return bad ? -ENOMEM : 0;
}

/* A node's account sees its own class's rows, and not how often one has decided. */
static int get_rows(struct sql *q, const char *host_type)
{
	if (q->s->limited)
		return sql_get(q,
			       "SELECT " ROW_COLUMNS
			       ", id, 0, 0 FROM own_profile WHERE host_type = ? ORDER BY id",
			       S(host_type));
	return sql_get(q,
		       "SELECT " ROW_COLUMNS
		       ", p.id, h.hits, h.last_ns FROM open_ports p LEFT JOIN open_port_hits h ON "
		       "h.row_id = p.id WHERE host_type = ? ORDER BY p.id",
		       S(host_type));
}

static int read_rows(struct store *s, struct profile *p)
{
	_sql_ struct sql q = { .s = s };
	int ret = get_rows(&q, p->host_type);

	while (!ret && (ret = sql_step(&q)) > 0) {
		/* It copies; const char * does not fit the owner's fields. */
		struct profile_row row = {
			.port = (uint32_t)sql_u64(&q, 0),
			.port_end = (uint32_t)sql_u64(&q, 1),
			.service = (char *)sql_str(&q, 3),
			.host_type = (char *)sql_str(&q, 4),
			.exe = (char *)sql_str(&q, 6),
			.user = (char *)sql_str(&q, 7),
			.origin = (char *)sql_str(&q, 8),
			.reason = (char *)sql_str(&q, 9),
			.author = (char *)sql_str(&q, 10),
			.created_ns = sql_u64(&q, 11),
			.expires_ns = sql_u64(&q, 12),
			.job = (char *)sql_str(&q, 14),
			.container = (char *)sql_str(&q, 15),
			.fingerprint = (char *)sql_str(&q, 16),
			.line_no = (uint32_t)sql_u64(&q, 18),
			.line = (char *)sql_str(&q, 19),
			.package = (char *)sql_str(&q, 20),
			.sha256 = (char *)sql_str(&q, 21),
			.argv = (char *)sql_str(&q, 22),
			.id = sql_u64(&q, 23),
			.hits = sql_u64(&q, 24),
			.last_match_ns = sql_u64(&q, 25),
		};

		profile_words_parse(&row, sql_str(&q, 2), sql_str(&q, 5), sql_str(&q, 13),
				    sql_str(&q, 17));
		ret = push_row(p, &row);
	}
	return ret;
}

int store_profile_get(struct store *s, const char *host_type, struct profile **ret_profile)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q,
			    s->limited ? "SELECT accepted_ns <> 0 FROM own_class WHERE name = ?"
				       : "SELECT accepted_ns <> 0 FROM host_types WHERE name = ?",
			    S(host_type));

	if (ret < 0)
		return ret;
	if (!ret)
		return store_set_why(s, -ENOENT, "store %s knows no node class %s", s->shown,
				     host_type);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->accepted = sql_u64(&q, 0);
	p->host_type = strdup(host_type);
	if (!p->host_type)
		return -ENOMEM;
	ret = read_rows(s, p);
	if (ret)
		return ret;
	*ret_profile = take_ptr(p);
	return 0;
}

int store_host_types(struct store *s, store_host_type_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, "SELECT name, accepted_ns, (SELECT count(*) FROM open_ports p WHERE "
			      "p.host_type = t.name), (SELECT count(*) FROM nodes n WHERE "
			      "n.host_type = t.name) FROM host_types t ORDER BY name");

	while (!ret && (ret = sql_step(&q)) > 0) {
		uint64_t accepted_ns = sql_u64(&q, 1);

		ret = fn(sql_str(&q, 0), accepted_ns != 0, accepted_ns, sql_u64(&q, 2),
			 sql_u64(&q, 3), arg);
	}
	return ret;
}

int store_node_class(struct store *s, const char *node, char *ret, size_t size)
{
	_sql_ struct sql q = { .s = s };
	int found = s->limited
			    ? sql_first(&q, "SELECT name FROM own_class")
			    : sql_first(&q, "SELECT host_type FROM nodes WHERE name = ?", S(node));

	if (found <= 0)
		return found ? found : -ENOENT;
	snprintf(ret, size, "%s", sql_str(&q, 0));
	return 0;
}

int store_profile_revision(struct store *s, uint64_t *ret_rev)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q, s->limited ? "SELECT revision FROM own_class"
					   : "SELECT CAST(value AS UNSIGNED) FROM settings WHERE "
					     "name = 'profile_revision'");

	if (ret < 0)
		return ret;
	*ret_rev = ret ? sql_u64(&q, 0) : 0;
	return 0;
}

/*
 * -EEXIST: it is there. To pass it over in the text (IGNORE) would on a server also pass over
 * broken values.
 */
static int add_row(struct store *s, const char *host_type, const struct profile_row *r,
		   uint64_t now_ns, size_t *count)
{
	int err = sql_run(
		s, NULL,
		"INSERT INTO open_ports (" ROW_COLUMNS
		") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		U(r->port), U(r->port_end), S(door_proto_name(r->proto)), S(r->service),
		S(host_type), S(profile_scope_word(r->scope)), S(r->exe), S(r->user),
		S(r->origin && r->origin[0] ? r->origin : "manual"), S(r->reason), S(r->author),
		U(r->created_ns ? r->created_ns : now_ns), U(r->expires_ns),
		S(profile_action_name(r->action)), S(r->job), S(r->container), S(r->fingerprint),
		S(r->severity ? severity_name(r->severity) : ""), U(r->line_no), S(r->line),
		S(r->package), S(r->sha256), S(r->argv));

	if (err == -EEXIST)
		return 0;
	*count += !err;
	return err;
}

/* Triggers of the schema keep the revision, and end the learning with a row by hand. */
static int add_rows(struct store *s, const char *host_type, const struct profile_row *rows,
		    size_t n, bool accept, uint64_t now_ns, size_t *ret_new)
{
	int err =
		sql_run(s, NULL,
			SQL_INSERT_NEW(s, "INSERT INTO host_types (name, created_ns) VALUES (?, ?)",
				       "name"),
			S(host_type), U(now_ns));

	*ret_new = 0;
	/* Accepted first: the time is then ours, not that of the trigger. */
	if (!err && accept)
		err = sql_run(
			s, NULL,
			"UPDATE host_types SET accepted_ns = ? WHERE name = ? AND accepted_ns = 0",
			U(now_ns ? now_ns : 1), S(host_type));
	for (size_t i = 0; !err && i < n; i++)
		err = add_row(s, host_type, &rows[i], now_ns, ret_new);
	return err;
}

int store_profile_add(struct store *s, const char *host_type, const struct profile_row *rows,
		      size_t n, bool accept, uint64_t now_wall_ns, size_t *ret_new)
{
	size_t new_rows = 0;
	int err;

	err = store_check_name(s, "node class", host_type);
	for (size_t i = 0; !err && i < n; i++)
		err = check_row(s, &rows[i]);
	if (err)
		return err;
	err = write_op(s, add_rows(s, host_type, rows, n, accept, now_wall_ns, &new_rows));
	if (!err && ret_new)
		*ret_new = new_rows;
	return err;
}

static int update_in_place(struct store *s, const char *host_type, uint64_t id,
			   const struct profile_row *row)
{
	return sql_run(s, NULL,
		       "UPDATE open_ports SET reason = ?, author = ?, expires_ns = ?, severity = "
		       "?, line_no = ?, source_line = ? WHERE id = ? AND host_type = ?",
		       S(row->reason), S(row->author), U(row->expires_ns),
		       S(row->severity ? severity_name(row->severity) : ""), U(row->line_no),
		       S(row->line), U(id), S(host_type));
}

static int remove_row(struct store *s, const char *host_type, uint64_t id)
{
	uint64_t changed = 0;
	int err = sql_run(s, &changed, "DELETE FROM open_ports WHERE id = ? AND host_type = ?",
			  U(id), S(host_type));

	if (!err && !changed)
		err = store_set_why(s, -ENOENT, "class %s has no row %llu", host_type,
				    (unsigned long long)id);
	return err;
}

/* --- sets of rows ------------------------------------------------------------------------------------ */

static bool same_str(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

/* What makes one row in open_ports: its unique key. */
static bool same_row(const struct profile_row *a, const struct profile_row *b)
{
	return a->port == b->port && a->port_end == b->port_end && a->proto == b->proto &&
	       a->scope == b->scope && a->action == b->action && same_str(a->service, b->service) &&
	       same_str(a->exe, b->exe) && same_str(a->user, b->user) && same_str(a->job, b->job) &&
	       same_str(a->container, b->container) && same_str(a->fingerprint, b->fingerprint) &&
	       same_str(a->package, b->package) && same_str(a->sha256, b->sha256) &&
	       same_str(a->argv, b->argv);
}

static bool same_terms(const struct profile_row *a, const struct profile_row *b)
{
	return a->expires_ns == b->expires_ns && a->severity == b->severity &&
	       same_str(a->reason, b->reason) && same_str(a->author, b->author);
}

/* Where it stands in a person's file, and how it is written there. */
static bool same_line(const struct profile_row *a, const struct profile_row *b)
{
	return a->line_no == b->line_no && same_str(a->line, b->line);
}

/* An author that is not given stays who it was, and so does the place in a person's file. */
static int update_row(struct store *s, const char *host_type, const struct profile_row *old,
		      const struct profile_row *new, bool try, struct store_profile_change *c)
{
	struct profile_row r = *new;

	if (!r.author || !r.author[0])
		r.author = old->author;
	if (!r.line_no)
		r.line_no = old->line_no;
	if (!r.line || !r.line[0])
		r.line = old->line;
	if (same_terms(old, &r))
		c->kept++;
	else
		c->changed++;
	if (try || (same_terms(old, &r) && same_line(old, &r)))
		return 0;
	return update_in_place(s, host_type, old->id, &r);
}

static int set_one(struct store *s, struct profile *have, const struct profile_row *row,
		   unsigned flags, uint64_t now_ns, struct store_profile_change *c)
{
	size_t added = 0;
	int err;

	for (size_t i = 0; i < have->rows_len; i++) {
		struct profile_row *old = &have->rows[i];

		if (!old->id || !same_row(old, row))
			continue;
		err = update_row(s, have->host_type, old, row, flags & STORE_PROFILE_TRY, c);
		old->id = 0; /* dealt with */
		return err;
	}
	c->added++;
	if (flags & STORE_PROFILE_TRY)
		return 0;
	err = add_rows(s, have->host_type, row, 1, false, now_ns, &added);
	if (!err && !added)
		c->added--; /* twice in what was given */
	return err;
}

static int remove_rest(struct store *s, const struct profile *have, unsigned flags,
		       struct store_profile_change *c)
{
	int err = 0;

	for (size_t i = 0; i < have->rows_len && !err; i++) {
		if (!have->rows[i].id)
			continue;
		c->removed++;
		if (!(flags & STORE_PROFILE_TRY))
			err = remove_row(s, have->host_type, have->rows[i].id);
	}
	return err;
}

static int set_rows(struct store *s, const char *host_type, const struct profile_row *rows,
		    size_t n, unsigned flags, uint64_t now_ns, struct store_profile_change *c)
{
	_cleanup_(profile_freep) struct profile *have = NULL;
	size_t added;
	int err = store_profile_get(s, host_type, &have);

	*c = (struct store_profile_change){ 0 };
	if (err == -ENOENT) {
		have = calloc(1, sizeof(*have));
		if (have)
			have->host_type = strdup(host_type);
		err = have && have->host_type ? 0 : -ENOMEM;
	}
	/* Accepted first: the time is then ours, and the class is made if there are no rows. */
	if (!err && !(flags & STORE_PROFILE_TRY))
		err = add_rows(s, host_type, NULL, 0, flags & STORE_PROFILE_ACCEPT, now_ns, &added);
	for (size_t i = 0; i < n && !err; i++)
		err = set_one(s, have, &rows[i], flags, now_ns, c);
	if (!err && (flags & STORE_PROFILE_REPLACE))
		err = remove_rest(s, have, flags, c);
	return err;
}

int store_profile_set(struct store *s, const char *host_type, const struct profile_row *rows,
		      size_t n, unsigned flags, uint64_t now_wall_ns,
		      struct store_profile_change *ret_change)
{
	struct store_profile_change c = { 0 };
	int err = store_check_name(s, "node class", host_type);

	for (size_t i = 0; i < n && !err; i++)
		err = check_row(s, &rows[i]);
	if (err)
		return err;
	if (flags & STORE_PROFILE_TRY)
		err = set_rows(s, host_type, rows, n, flags, now_wall_ns, &c);
	else
		err = write_op(s, set_rows(s, host_type, rows, n, flags, now_wall_ns, &c));
	if (!err && ret_change)
		*ret_change = c;
	return err;
}

int store_profile_remove(struct store *s, const char *host_type, uint64_t row_id)
{
	return write_op(s, remove_row(s, host_type, row_id));
}

/* --- a person's file ------------------------------------------------------------------------------- */

int store_profile_lines(struct store *s, const char *host_type, store_profile_line_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT line_no, source_line FROM profile_lines WHERE host_type = ? "
			  "ORDER BY line_no",
			  S(host_type));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_profile_line l = { (uint32_t)sql_u64(&q, 0), sql_str(&q, 1) };

		ret = fn(&l, arg);
	}
	return ret;
}

static int put_lines(struct store *s, const char *host_type, const struct store_profile_line *lines,
		     size_t n)
{
	int err = sql_run(s, NULL, "DELETE FROM profile_lines WHERE host_type = ?", S(host_type));

	for (size_t i = 0; i < n && !err; i++)
		err = sql_run(s, NULL,
			      "INSERT INTO profile_lines (host_type, line_no, source_line) VALUES "
			      "(?, ?, ?)",
			      S(host_type), U(lines[i].number), S(lines[i].text));
	return err;
}

int store_profile_put_lines(struct store *s, const char *host_type,
			    const struct store_profile_line *lines, size_t n)
{
	int err = store_check_name(s, "node class", host_type);

	if (!err && n > LINES_MAX)
		err = store_set_why(s, -E2BIG, "more than %d lines in a profile", LINES_MAX);
	if (err)
		return err;
	return write_op(s, put_lines(s, host_type, lines, n));
}

/* --- hits --------------------------------------------------------------------------------------------- */

static int count_hits(struct store *s, const struct store_profile_hit *hits, size_t n)
{
	const char *text =
		SQL_UPSERT(s,
			   "INSERT INTO open_port_hits (row_id, hits, last_ns) SELECT id, ?, ? "
			   "FROM open_ports WHERE id = ?",
			   "row_id",
			   "hits = open_port_hits.hits + ?, last_ns = CASE WHEN "
			   "open_port_hits.last_ns > ? THEN open_port_hits.last_ns ELSE ? END");
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = sql_run(s, NULL, text, U(hits[i].hits), U(hits[i].last_ns), U(hits[i].row_id),
			      U(hits[i].hits), U(hits[i].last_ns), U(hits[i].last_ns));
	return err;
}

int store_profile_count(struct store *s, const struct store_profile_hit *hits, size_t n)
{
	if (!n)
		return 0;
	return write_op(s, count_hits(s, hits, n));
}
