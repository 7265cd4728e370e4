/* SPDX-License-Identifier: GPL-2.0 */
#include "store/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "store/wrap.h"

static const struct scheme {
	const char *prefix;
	const struct store_ops *ops;
	bool remote;
} schemes[] = {
	{ "sqlite:", &store_sqlite_ops, false },
	{ "mysql:", &store_mysql_ops, true },
	{ "mariadb:", &store_mysql_ops, true },
};

int store_set_why(struct store *s, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	return err;
}

int store_open_why(char **ret_why, int err, const char *fmt, ...)
{
	char *why;
	va_list ap;

	if (!ret_why)
		return err;
	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) >= 0)
		*ret_why = why;
	va_end(ap);
	return err;
}

static int find_driver(const char *uri, const struct store_ops **ret_ops, const char **ret_where,
		       char **ret_why)
{
	for (size_t i = 0; i < array_len(schemes); i++) {
		size_t len = strlen(schemes[i].prefix);

		if (strncmp(uri, schemes[i].prefix, len))
			continue;
		*ret_ops = schemes[i].ops;
		*ret_where = uri + len;
		return 0;
	}
	/* A colon before any slash ends a scheme: "mysq://..." is a slip, not a file of that name. */
	if (uri[strcspn(uri, ":/")] == ':')
		return store_open_why(ret_why, -EOPNOTSUPP,
				      "store %s: no driver of that name: use sqlite:PATH or "
				      "mysql://USER@HOST/DATABASE",
				      uri);
	*ret_ops = &store_sqlite_ops;
	*ret_where = uri;
	return 0;
}

int store_uri_check(const char *uri, char **ret_why)
{
	const struct store_ops *ops;
	const char *where;
	int err = find_driver(uri, &ops, &where, ret_why);

	return err || !ops->check ? err : ops->check(where, ret_why);
}

int store_open(const char *uri, unsigned flags, struct store **ret_store, char **ret_why)
{
	const struct store_ops *ops;
	const char *where;
	int err;

	if (ret_why)
		*ret_why = NULL;
	if ((flags & STORE_CREATE) && (flags & STORE_READONLY))
		return store_open_why(ret_why, -EINVAL, "a store cannot be created read-only");
	err = find_driver(uri, &ops, &where, ret_why);
	if (!err)
		err = ops->open(where, flags, ret_store, ret_why);
	if (err)
		return err;
	(*ret_store)->ops = ops;
	(*ret_store)->readonly = flags & STORE_READONLY;
	return 0;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	store_rollback(s);
	s->ops->free(s);
}

const char *store_why(const struct store *s)
{
	return s->why;
}

bool store_is_remote(const char *uri)
{
	for (size_t i = 0; i < array_len(schemes); i++) {
		if (!strncmp(uri, schemes[i].prefix, strlen(schemes[i].prefix)))
			return schemes[i].remote;
	}
	return false;
}

unsigned store_connections(const struct store *s)
{
	return s->connections;
}

const char *store_cluster(const struct store *s)
{
	return s->cluster;
}

const char *store_group(const struct store *s)
{
	return s->group;
}

int store_schema(struct store *s, unsigned *ret_have, unsigned *ret_want)
{
	return s->ops->schema(s, ret_have, ret_want);
}

int store_notifier_fd(struct store *s)
{
	return s->ops->notifier_fd(s);
}

bool store_notifier_clear(struct store *s)
{
	return s->ops->notifier_clear(s);
}

/* --- checks ------------------------------------------------------------------------------------ */

static bool is_job_word(const char *job)
{
	return !strcasecmp(job, PROFILE_ANY) || !strcasecmp(job, PROFILE_NONE) ||
	       !strcasecmp(job, "slurm");
}

int store_check_profile_row(struct store *s, const struct profile_row *r)
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
	return 0;
}

/* --- the interface -------------------------------------------------------------------------------- */

/* --- for the drivers ---------------------------------------------------------------------------- */

static char *copy(const char *s, bool *bad)
{
	char *p = s && s[0] ? strdup(s) : NULL;

	if (s && s[0] && !p)
		*bad = true;
	return p;
}

int store_profile_push(struct profile *p, const struct profile_row *row)
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
	r->origin = copy(row->origin, &bad);
	r->reason = copy(row->reason, &bad);
	r->author = copy(row->author, &bad);
	r->job = copy(row->job, &bad);
	r->container = copy(row->container, &bad);
	r->fingerprint = copy(row->fingerprint, &bad);
	r->line = copy(row->line, &bad);
	return bad ? -ENOMEM : 0;
}
