/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"
#include "store/sql.h"

/* Statements of sql.h on MySQL and MariaDB. The clock is the server's: monitors on several machines share it. */

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

static int now(struct store *s, uint64_t *ret_ns)
{
	_my_use_ struct my_use u = { .s = (struct my *)s };
	int ret = my_get(u.s, "SELECT CAST(unix_timestamp(now(6)) * 1000000 AS UNSIGNED) * 1000",
			 &u.st);

	if (!ret)
		ret = my_step(u.s, u.st);
	if (ret <= 0)
		return ret;
	*ret_ns = my_col_u64(u.st, 0);
	return 0;
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
	.now = now,
	.node_id = node_id,
};
