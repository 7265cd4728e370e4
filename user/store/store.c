/* SPDX-License-Identifier: GPL-2.0 */
#include "store/store.h"

#include <errno.h>
#include <string.h>

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
	/*
	 * A colon before any slash ends a scheme: "mysq://..." is a slip, not a file of that name.
	 */
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
		err = ops->open(ops, where, flags, ret_store, ret_why);
	if (err)
		return err;
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
