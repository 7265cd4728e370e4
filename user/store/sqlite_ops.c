/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/notifier.h"
#include "store/put.h"
#include "store/sqlite.h"

/* Transactions, the notifier and the operations table. */

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
