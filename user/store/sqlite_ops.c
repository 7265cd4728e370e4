/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/notifier.h"
#include "store/put.h"
#include "store/spool.h"
#include "store/sqlite.h"
#include "store/wrap.h"

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

/* --- requests: files that the monitor takes ------------------------------------------------------------ */

/* The bell is the monitor's notifier; without it the monitor looks a little later. */
static int sq_hand_in(struct store *base, const struct store_request *r)
{
	struct sq *s = (struct sq *)base;
	_close_ int bell = -1;
	int err = s->in_memory ? -EROFS : spool_put(s->dirfd, r);

	if (err)
		return store_set_why(base, err,
				     err == -EBUSY ? "%s: too many requests wait for the monitor"
						   : "nothing can be handed in beside %s",
				     base->shown);
	if (notifier_open(s->dirfd, "bell", &bell) || notifier_notify(bell))
		store_set_why(base, 0, "store %s: its listeners cannot be notified", base->shown);
	return 0;
}

static bool sq_handed_in(struct store *base, uint64_t id)
{
	struct sq *s = (struct sq *)base;

	return !s->in_memory && spool_has(s->dirfd, id);
}

#define COLLECT_MAX 64
struct collected {
	struct store *s;
	uint64_t ids[COLLECT_MAX];
	unsigned n;
};

static int insert_taken(const struct store_request *taken, void *arg)
{
	struct store_request r = *taken;
	struct collected *c = arg;
	int err = sql_now(c->s, &r.at_ns);

	c->ids[c->n++] = r.id;
	if (!err)
		err = requests_insert(c->s, &r);
	return err == -EEXIST ? 0 : err;
}

/*
 * A file goes when its row is there for good: who asks for the request finds one of them at any
 * time.
 */
static int sq_collect(struct store *base, unsigned max, bool *ret_more)
{
	struct sq *s = (struct sq *)base;
	struct collected c = { .s = base };
	int err;

	*ret_more = false;
	if (s->in_memory || !spool_any(s->dirfd))
		return 0;
	err = store_begin(base);
	if (err)
		return err;
	err = spool_take(s->dirfd, max < COLLECT_MAX ? max : COLLECT_MAX, insert_taken, &c,
			 ret_more);
	if (!err)
		err = store_commit(base);
	if (err)
		store_rollback(base);
	else
		spool_drop(s->dirfd, c.ids, c.n);
	return err;
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
	.hand_in = sq_hand_in,
	.handed_in = sq_handed_in,
	.collect = sq_collect,
	.sql = &sq_sql,
};
