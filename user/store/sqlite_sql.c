/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sql.h"
#include "store/sqlite.h"

/* Statements of sql.h on SQLite. */

static int get(struct store *s, const char *text, void **ret_st)
{
	struct sq_stmt *st = NULL;
	int err = sq_get((struct sq *)s, text, &st);

	if (!err)
		*ret_st = st;
	return err;
}

static void put(struct store *s, void *st)
{
	(void)s;
	sq_put(st);
}

static int step(struct store *s, void *st)
{
	return sq_step((struct sq *)s, st);
}

static int run(struct store *s, void *st, uint64_t *ret_changed)
{
	int err = sq_run((struct sq *)s, st);

	if (!err && ret_changed)
		*ret_changed = (uint64_t)sqlite3_changes(((struct sq *)s)->db);
	return err;
}

static void bind_u64(void *st, unsigned i, uint64_t v)
{
	sq_u64(st, (int)i, v);
}

static void bind_str(void *st, unsigned i, const char *v)
{
	sq_str(st, (int)i, v ? v : "");
}

static void bind_blob(void *st, unsigned i, const void *p, size_t n)
{
	sq_blob(st, (int)i, p, n);
}

static uint64_t col_u64(void *st, unsigned i)
{
	return sq_col_u64(st, (int)i);
}

static const char *col_str(void *st, unsigned i)
{
	const char *v = sq_col_str(st, (int)i);

	return v ? v : "";
}

static struct text col_blob(void *st, unsigned i)
{
	return sq_col_blob(st, (int)i);
}

static uint64_t last_id(struct store *s, void *st)
{
	(void)st;
	return (uint64_t)sqlite3_last_insert_rowid(((struct sq *)s)->db);
}

static int node_id(struct store *s, const char *node, uint64_t *ret_id)
{
	int64_t id = 0;
	int err = sq_node_id((struct sq *)s, node, &id);

	if (!err)
		*ret_id = (uint64_t)id;
	return err;
}

static int node_make(struct store *s, const char *node, const char *host_type, uint64_t now_ns,
		     uint64_t *ret_id)
{
	int64_t id = 0;
	int err = sq_node_make((struct sq *)s, node, host_type, now_ns, &id);

	if (!err)
		*ret_id = (uint64_t)id;
	return err;
}

const struct store_sql sq_sql = {
	.get = get,
	.put = put,
	.step = step,
	.run = run,
	.u64 = bind_u64,
	.str = bind_str,
	.blob = bind_blob,
	.col_u64 = col_u64,
	.col_str = col_str,
	.col_blob = col_blob,
	.last_id = last_id,
	.node_id = node_id,
	.node_make = node_make,
};
