/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_STORE_PLAN_H
#define AJAR_TESTS_STORE_PLAN_H

#include <sqlite3.h>

#include "base/buf.h"

/* Appends the steps of SQLite's plan for the query, each with "; " behind it, or why it has none. */
static inline void plan_read(sqlite3 *db, const char *sql, struct buf *plan)
{
	struct buf q = BUF_INIT(8192);
	sqlite3_stmt *st = NULL;

	buf_puts(&q, "EXPLAIN QUERY PLAN ");
	buf_puts(&q, sql);
	buf_puts(plan, "");
	if (sqlite3_prepare_v2(db, buf_str(&q), -1, &st, NULL))
		buf_puts(plan, sqlite3_errmsg(db));
	while (st && sqlite3_step(st) == SQLITE_ROW)
		buf_printf(plan, "%s; ", (const char *)sqlite3_column_text(st, 3));
	sqlite3_finalize(st);
	buf_done(&q);
}

#endif
