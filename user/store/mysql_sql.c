/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"
#include "store/sql.h"

/* Statements of sql.h on MySQL and MariaDB. */

static int get(struct store *s, const char *text, void **ret_st)
{
	struct my_stmt *st = NULL;
	int err = my_get((struct my *)s, text, &st);

	if (!err)
		*ret_st = st;
	return err;
}

static void put(struct store *s, void *st)
{
	my_put((struct my *)s, st);
}

static int step(struct store *s, void *st)
{
	return my_step((struct my *)s, st);
}

static int run(struct store *s, void *st, uint64_t *ret_changed)
{
	return my_run((struct my *)s, st, ret_changed);
}

static void bind_u64(void *st, unsigned i, uint64_t v)
{
	my_u64(st, i, v);
}

static void bind_str(void *st, unsigned i, const char *v)
{
	my_str(st, i, v ? v : "");
}

static void bind_blob(void *st, unsigned i, const void *p, size_t n)
{
	my_blob(st, i, p, n);
}

static uint64_t col_u64(void *st, unsigned i)
{
	return my_col_u64(st, i);
}

static const char *col_str(void *st, unsigned i)
{
	const char *v = my_col_str(st, i);

	return v ? v : "";
}

static struct text col_blob(void *st, unsigned i)
{
	return my_col_blob(st, i);
}

static uint64_t last_id(struct store *s, void *st)
{
	(void)s;
	return mysql_stmt_insert_id(((struct my_stmt *)st)->st);
}

static int node_id(struct store *s, const char *node, uint64_t *ret_id)
{
	return my_node_id((struct my *)s, node, ret_id);
}

static int node_make(struct store *s, const char *node, const char *host_type, uint64_t now_ns,
		     uint64_t *ret_id)
{
	return my_node_make((struct my *)s, node, host_type, now_ns, ret_id);
}

static int lock_log(struct store *s)
{
	return my_lock_log((struct my *)s);
}

const struct store_sql my_sql = {
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
	.server = true,
	.lock_log = lock_log,
};
