/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SQLITE_H
#define AJAR_STORE_SQLITE_H

#include <sqlite3.h>

#include "store/sql.h"

/* What the files of the SQLite driver share. SQL is constant text; values are always bound. */
struct sq_stmt {
	struct sql_stmt base;
	sqlite3_stmt *st;
};

struct sq {
	struct store base;
	sqlite3 *db;
	char *path; /* to open; base.shown is always absolute for a role's own store */
	int dirfd, ring_fd, notifier_fd; /* in memory: none of them */
	bool in_memory;
};

/* Turns an SQLite result into a negative errno and leaves the line for store_why(). */
int sq_fail(struct sq *s, int rc);

/* A prepared statement, from the cache unless it is in use further up the stack. */
must_check int sq_get(struct sq *s, const char *sql, struct sq_stmt **ret_st);
void sq_put(struct sq_stmt *st);
DEFINE_FREEP(struct sq_stmt, sq_put)
#define _sq_put_ _cleanup_(sq_putp)

/* 1: a row; 0: done; or a negative errno. */
must_check int sq_step(struct sq *s, struct sq_stmt *st);
/* Runs a statement that gives no rows. */
must_check int sq_run(struct sq *s, struct sq_stmt *st);
must_check int sq_exec(struct sq *s, const char *sql);

/* Binding borrows: the value must live until the statement is put back. NULL binds NULL. */
void sq_u64(struct sq_stmt *st, int i, uint64_t v);
void sq_str(struct sq_stmt *st, int i, const char *v);

uint64_t sq_col_u64(struct sq_stmt *st, int i);
const char *sq_col_str(struct sq_stmt *st, int i); /* NULL for NULL */

/* sqlite_open.c */
int sq_open(const struct store_ops *ops, const char *path, unsigned flags, struct store **ret_store,
	    char **ret_why);
int sq_schema(struct store *base, unsigned *ret_have, unsigned *ret_want);

#endif
