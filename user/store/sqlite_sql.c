/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "base/buf.h"
#include "store/sqlite.h"

/* Statements of sql.h on SQLite. */

static int prepare(struct store *base, const char *text, struct sql_stmt **ret_st)
{
	struct sq *s = (struct sq *)base;
	struct sq_stmt *st = calloc(1, sizeof(*st));
	int rc;

	if (!st)
		return -ENOMEM;
	rc = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &st->st, NULL);
	if (rc) {
		free(st);
		return sq_fail(s, rc);
	}
	*ret_st = &st->base;
	return 0;
}

static void close_stmt(struct sql_stmt *st)
{
	sqlite3_finalize(((struct sq_stmt *)st)->st);
	free(st);
}

static void reset(struct sql_stmt *st)
{
	sqlite3_reset(((struct sq_stmt *)st)->st);
	sqlite3_clear_bindings(((struct sq_stmt *)st)->st);
}

static unsigned params(const struct sql_stmt *st)
{
	return (unsigned)sqlite3_bind_parameter_count(((const struct sq_stmt *)st)->st);
}

static int step(struct sql_stmt *st)
{
	return sq_step((struct sq *)st->s, (struct sq_stmt *)st);
}

static int run(struct sql_stmt *st, uint64_t *ret_changed)
{
	struct sq *s = (struct sq *)st->s;
	int err = sq_run(s, (struct sq_stmt *)st);

	if (!err && ret_changed)
		*ret_changed = (uint64_t)sqlite3_changes(s->db);
	return err;
}

/*
 * Binding to a parameter that exists, without a copy, cannot fail: the results are not looked at.
 */
static void bind_u64(struct sql_stmt *st, unsigned i, uint64_t v)
{
	sqlite3_bind_int64(((struct sq_stmt *)st)->st, (int)i, (sqlite3_int64)v);
}

static void bind_str(struct sql_stmt *st, unsigned i, const char *v, size_t n)
{
	sqlite3_bind_text64(((struct sq_stmt *)st)->st, (int)i, v, n, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_blob(struct sql_stmt *st, unsigned i, const void *p, size_t n)
{
	sqlite3_bind_blob64(((struct sq_stmt *)st)->st, (int)i, p, n, SQLITE_STATIC);
}

static int copy(struct sql_stmt *st, unsigned i, struct buf *text)
{
	return sqlite3_bind_text64(((struct sq_stmt *)st)->st, (int)i, buf_str(text), text->len,
				   SQLITE_TRANSIENT, SQLITE_UTF8)
		       ? -ENOMEM
		       : 0;
}

static uint64_t col_u64(struct sql_stmt *st, unsigned i)
{
	return (uint64_t)sqlite3_column_int64(((struct sq_stmt *)st)->st, (int)i);
}

static const char *col_str(struct sql_stmt *st, unsigned i)
{
	return (const char *)sqlite3_column_text(((struct sq_stmt *)st)->st, (int)i);
}

static struct text col_blob(struct sql_stmt *st, unsigned i)
{
	const void *p = sqlite3_column_blob(((struct sq_stmt *)st)->st, (int)i);

	return (struct text){ p,
			      p ? (uint32_t)sqlite3_column_bytes(((struct sq_stmt *)st)->st, (int)i)
				: 0 };
}

static uint64_t last_id(struct sql_stmt *st)
{
	return (uint64_t)sqlite3_last_insert_rowid(((struct sq *)st->s)->db);
}

const struct store_sql sq_sql = {
	.prepare = prepare,
	.close = close_stmt,
	.reset = reset,
	.params = params,
	.step = step,
	.run = run,
	.u64 = bind_u64,
	.str = bind_str,
	.blob = bind_blob,
	.copy = copy,
	.col_u64 = col_u64,
	.col_str = col_str,
	.col_blob = col_blob,
	.last_id = last_id,
};
