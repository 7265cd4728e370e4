/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/*
 * The embedded default: one file in WAL mode with synchronous=FULL, so that what commit() returned
 * for survives a power cut. Writers take the lock at BEGIN IMMEDIATE and wait for each other;
 * readers never wait. Here: errors and statements.
 */

static int errno_of(struct sq *s, int rc)
{
	int sys = sqlite3_system_errno(s->db);

	if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY)
		return -EEXIST;
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -STORE_E_DAMAGED;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_INTERRUPT:
		return -EINTR;
	case SQLITE_CANTOPEN:
		/* The database is there: what cannot be made are the -wal and -shm beside it. */
		if (sys == ENOENT)
			return -EROFS;
		return sys > 0 ? -sys : -EIO;
	case SQLITE_IOERR:
		return sys == ENOSPC || sys == EDQUOT ? -ENOSPC : -EIO;
	default:
		return -EINVAL;
	}
}

/* A role cannot be run as somebody else: then the files must become its own. */
static const char *who_may(const struct sq *s, char *fix, size_t size)
{
	struct stat dir;
	const char *slash = strrchr(s->base.shown, '/');

	if (fstat(s->dirfd, &dir) || dir.st_uid != geteuid() || !slash)
		return "run as its owner or as root";
	snprintf(fix, size, "'chown -R %u:%u %.*s' gives it its own", (unsigned)dir.st_uid,
		 (unsigned)dir.st_gid, (int)(slash - s->base.shown), s->base.shown);
	return fix;
}

int sq_fail(struct sq *s, int rc)
{
	char fix[400];
	struct store *b = &s->base;
	const char *words = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
	int err = errno_of(s, rc);

	if ((rc & 0xff) == SQLITE_NOTADB)
		return store_set_why(b, err,
				     "store %s is not an ajar store (%s): give another --data or "
				     "--store, or move the file aside",
				     s->base.shown, words);
	switch (err) {
	case -STORE_E_DAMAGED:
		return store_set_why(b, err,
				     "store %s is damaged: %s: restore it or move it aside; the "
				     "journals send again what is in their replay window",
				     s->base.shown, words);
	case -ENOSPC:
		return store_set_why(b, err,
				     "store %s: the disk is full: make room; until then the "
				     "journals keep what is new",
				     s->base.shown);
	case -EBUSY:
		return store_set_why(
			b, err,
			"store %s: another process has held its lock for too long: see 'fuser %s'",
			s->base.shown, s->base.shown);
	case -EROFS:
		return store_set_why(b, err, "store %s cannot be written by uid %u: %s",
				     s->base.shown, (unsigned)geteuid(), words);
	case -EACCES:
	case -EPERM:
		return store_set_why(b, err, "store %s: uid %u may not use it: %s", s->base.shown,
				     (unsigned)geteuid(), who_may(s, fix, sizeof(fix)));
	default:
		return store_set_why(b, err, "store %s: %s", s->base.shown, words);
	}
}

/* --- statements ------------------------------------------------------------------------------- */

int sq_get(struct sq *s, const char *sql, struct sq_stmt **ret_st)
{
	struct sql_stmt *st = NULL;
	int err = sql_stmt_get(&s->base, sql, &st);

	if (!err)
		*ret_st = (struct sq_stmt *)st;
	return err;
}

void sq_put(struct sq_stmt *st)
{
	sql_stmt_put(st ? &st->base : NULL);
}

int sq_step(struct sq *s, struct sq_stmt *st)
{
	int rc = sqlite3_step(st->st);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : sq_fail(s, rc);
}

int sq_run(struct sq *s, struct sq_stmt *st)
{
	int ret = sq_step(s, st);

	return ret > 0 ? store_set_why(&s->base, -EINVAL, "unexpected row") : ret;
}

int sq_exec(struct sq *s, const char *sql)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s, sql, &st);
	return err ? err : sq_run(s, st);
}

/*
 * Binding to a parameter that exists, without a copy, cannot fail: the results are not looked at.
 */
void sq_u64(struct sq_stmt *st, int i, uint64_t v)
{
	sqlite3_bind_int64(st->st, i, (sqlite3_int64)v);
}

void sq_str(struct sq_stmt *st, int i, const char *v)
{
	sqlite3_bind_text(st->st, i, v, -1, SQLITE_STATIC);
}

uint64_t sq_col_u64(struct sq_stmt *st, int i)
{
	return (uint64_t)sqlite3_column_int64(st->st, i);
}

const char *sq_col_str(struct sq_stmt *st, int i)
{
	return (const char *)sqlite3_column_text(st->st, i);
}
