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

static uint64_t col_u64(void *st, unsigned i)
{
	return my_col_u64(st, i);
}

static const char *col_str(void *st, unsigned i)
{
	const char *v = my_col_str(st, i);

	return v ? v : "";
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

const struct store_sql my_sql = {
	.get = get,
	.put = put,
	.step = step,
	.run = run,
	.u64 = bind_u64,
	.str = bind_str,
	.col_u64 = col_u64,
	.col_str = col_str,
	.last_id = last_id,
	.node_id = node_id,
};
