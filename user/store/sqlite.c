/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/notifier.h"
#include "base/clock.h"
#include "store/put.h"

/*
 * The embedded default: one file in WAL mode with synchronous=FULL, so that what commit() returned for
 * survives a power cut. Writers take the lock at BEGIN IMMEDIATE and wait for each other; readers never
 * wait. Here: errors, the statement cache, transactions and the operations table.
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

/* Binding to a parameter that exists, without a copy, cannot fail: the results are not looked at. */
void sq_u64(struct sq_stmt *st, int i, uint64_t v)
{
	sqlite3_bind_int64(st->st, i, (sqlite3_int64)v);
}

void sq_str(struct sq_stmt *st, int i, const char *v)
{
	sqlite3_bind_text(st->st, i, v, -1, SQLITE_STATIC);
}

void sq_blob(struct sq_stmt *st, int i, const void *p, size_t n)
{
	sqlite3_bind_blob64(st->st, i, p, n, SQLITE_STATIC);
}

uint64_t sq_col_u64(struct sq_stmt *st, int i)
{
	return (uint64_t)sqlite3_column_int64(st->st, i);
}

const char *sq_col_str(struct sq_stmt *st, int i)
{
	return (const char *)sqlite3_column_text(st->st, i);
}

struct text sq_col_blob(struct sq_stmt *st, int i)
{
	const void *p = sqlite3_column_blob(st->st, i);

	return (struct text){ p, p ? (uint32_t)sqlite3_column_bytes(st->st, i) : 0 };
}

/* --- transactions ------------------------------------------------------------------------------- */

static int sq_begin(struct store *base)
{
	return sq_exec((struct sq *)base, "BEGIN IMMEDIATE");
}

static int sq_commit(struct store *base)
{
	struct sq *s = (struct sq *)base;
	int err;

	if (sqlite3_get_autocommit(s->db))
		return store_set_why(base, -EIO, "store %s: the transaction was undone",
				     s->base.shown);
	err = sq_exec(s, "COMMIT");
	if (err)
		return err;
	/* It is stored, and that is the answer, even if the ring fails and wakes nobody. */
	if (!s->in_memory && notifier_notify(s->ring_fd))
		store_set_why(base, 0, "store %s: its listeners cannot be notified", s->base.shown);
	return 0;
}

static void sq_rollback(struct store *base)
{
	struct sq *s = (struct sq *)base;

	s->base.node.name[0] = '\0';
	if (!sqlite3_get_autocommit(s->db) && sq_exec(s, "ROLLBACK"))
		return; /* only when SQLite has rolled back by itself */
}

static int sq_save(struct store *base)
{
	return sq_exec((struct sq *)base, "SAVEPOINT put");
}

static int sq_release(struct store *base)
{
	return sq_exec((struct sq *)base, "RELEASE put");
}

static int sq_undo(struct store *base)
{
	struct sq *s = (struct sq *)base;
	char why[sizeof(base->why)];
	int err;

	/* The reason of the failure that led here is worth more than what follows from it. */
	memcpy(why, base->why, sizeof(why));
	s->base.node.name[0] = '\0';
	err = sqlite3_get_autocommit(s->db) ? -EIO : sq_exec(s, "ROLLBACK TO put");
	if (!err)
		err = sq_exec(s, "RELEASE put");
	memcpy(base->why, why, sizeof(why));
	return err;
}

static int sq_notifier_fd(struct store *base)
{
	struct sq *s = (struct sq *)base;
	int err;

	if (s->in_memory)
		return store_set_why(base, -EOPNOTSUPP, "a store in memory has no notifier");
	if (s->notifier_fd < 0) {
		err = notifier_listen(s->dirfd, "bell", &s->notifier_fd);
		if (err)
			return store_set_why(base, err,
					     "store %s: its notifier cannot be listened to: %s",
					     s->base.shown, strerror(-err));
	}
	return s->notifier_fd;
}

static bool sq_notifier_clear(struct store *base)
{
	struct sq *s = (struct sq *)base;

	if (s->notifier_fd >= 0)
		notifier_clear(s->notifier_fd);
	return true;
}

static int sq_insert(struct put *p)
{
	int err = 0;

	for (size_t i = 0; i < p->fresh_len && !err; i++) {
		_sql_ struct sql q = { .s = p->s };

		err = sql_stmt_get(p->s, "INSERT INTO events" PUT_COLUMNS PUT_MARKS, &q.st);
		if (!err)
			err = put_bind_row(p, q.st, 0, i);
		if (!err)
			err = sq_run((struct sq *)p->s, (struct sq_stmt *)q.st);
	}
	return err;
}

/* This machine's: whoever opens the file is on it. */
static int sq_clock(struct store *base, uint64_t *ret_now_ns)
{
	(void)base;
	*ret_now_ns = clock_wall_ns();
	return 0;
}

static int sq_usage(struct store *base, uint64_t rows, struct store_usage *ret)
{
	struct sq *s = (struct sq *)base;
	uint64_t page = 0, pages = 0, unused = 0;
	const char *slash = strrchr(s->path, '/');
	_free_ char *wal = NULL;
	struct stat st;
	int err = sql_one_u64(base, "PRAGMA page_size", &page);

	(void)rows;
	if (!err)
		err = sql_one_u64(base, "PRAGMA page_count", &pages);
	if (!err)
		err = sql_one_u64(base, "PRAGMA freelist_count", &unused);
	if (err)
		return err;
	ret->used_bytes = (pages - unused) * page;
	ret->file_bytes = pages * page;
	if (asprintf(&wal, "%s-wal", slash ? slash + 1 : s->path) < 0) {
		wal = NULL;
		return -ENOMEM;
	}
	ret->wal_bytes = fstatat(s->dirfd, wal, &st, 0) ? 0 : (uint64_t)st.st_size;
	return 0;
}

static void sq_free(struct store *base)
{
	struct sq *s = (struct sq *)base;

	sql_stmt_forget_all(base);
	sqlite3_close(s->db);
	close_fd(&s->ring_fd);
	close_fd(&s->notifier_fd);
	close_fd(&s->dirfd);
	free(s->path);
	free(s->base.shown);
	free(s);
}

const struct store_ops store_sqlite_ops = {
	.name = "sqlite",
	.open = sq_open,
	.free = sq_free,
	.schema = sq_schema,
	.begin = sq_begin,
	.commit = sq_commit,
	.rollback = sq_rollback,
	.save = sq_save,
	.release = sq_release,
	.undo = sq_undo,
	.notifier_fd = sq_notifier_fd,
	.notifier_clear = sq_notifier_clear,
	.insert = sq_insert,
	.usage = sq_usage,
	.clock = sq_clock,
	.sql = &sq_sql,
};
