/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>

#include "store/wrap.h"

/*
 * Transactions, the notifier and the operations table.
 *
 * The notifier. A server pushes nothing, so while somebody listens a timer of 50 ms asks it one
 * question that costs a few index entries: has a setting or profile changed, is there a new
 * alert_log row, is a boot pending, which boots were written in the last two seconds (of the
 * server's clock; what commits later than that after its statement still shows as pending). Its
 * cost: 20 small queries a second and listener, about 0.1 ms of the server's time each.
 */
#define NOTIFIER_NS 50000000
#define PENDING 2 /* of what look() gives: by itself it says enough */
#define NOTIFIER_WINDOW_NS UINT64_C(2000000000)

static int my_begin(struct store *base)
{
	struct my *s = (struct my *)base;
	int err = my_query(s, "START TRANSACTION");

	/*
	 * Nothing was sent yet: an idle connection that the server has closed is simply made anew.
	 */
	if (err == -ENOTCONN && !s->base.stmts_busy)
		err = my_query(s, "START TRANSACTION");
	return err;
}

static int my_commit(struct store *base)
{
	return my_query((struct my *)base, "COMMIT");
}

/* The reason of the failure that led here is worth more than what follows from it. */
static int query_quietly(struct my *s, const char *sql)
{
	char why[sizeof(s->base.why)];
	int err;

	if (s->lost)
		return -ENOTCONN;
	memcpy(why, s->base.why, sizeof(why));
	err = my_query(s, sql);
	memcpy(s->base.why, why, sizeof(why));
	return err;
}

static void my_rollback(struct store *base)
{
	struct my *s = (struct my *)base;

	s->base.node.name[0] = '\0';
	/*
	 * When even that fails the state of the session is unknown: the next one is a new
	 * connection.
	 */
	if (query_quietly(s, "ROLLBACK"))
		s->lost = true;
}

/* By a session that else only reads: one row. */
static int my_hand_in(struct store *base, const struct store_request *r)
{
	static const char begin[] = "START TRANSACTION READ WRITE";
	struct my *s = (struct my *)base;
	int err = my_query(s, begin);

	if (err == -ENOTCONN && !s->base.stmts_busy)
		err = my_query(s, begin);
	if (!err)
		err = requests_insert(base, r);
	if (!err)
		return my_commit(base);
	my_rollback(base);
	return err;
}

/*
 * A Galera server undoes a transaction that another server's has overtaken, and says so with the
 * next answer. When that answer is to a message that the library sends by itself (a statement is
 * closed) nobody hears it, and what follows would be kept one by one: half of a batch, whose doors
 * are then known and never counted.
 */
static int my_save(struct store *base)
{
	struct my *s = (struct my *)base;
	int err = my_query(s, "SAVEPOINT put");

	if (err || s->db->server_status & SERVER_STATUS_IN_TRANS)
		return err;
	return store_set_why(base, -STORE_E_UNDONE,
			     "store %s: the server has undone the transaction, which another one "
			     "overtook",
			     base->shown);
}

static int my_release(struct store *base)
{
	return my_query((struct my *)base, "RELEASE SAVEPOINT put");
}

static int my_undo(struct store *base)
{
	struct my *s = (struct my *)base;
	int err;

	s->base.node.name[0] = '\0';
	err = query_quietly(s, "ROLLBACK TO SAVEPOINT put");
	return err ? err : query_quietly(s, "RELEASE SAVEPOINT put");
}

/* --- the notifier --------------------------------------------------------------------------------------- */

static int look(struct my *s, uint64_t now[4], uint64_t *ret_touched)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT (SELECT CAST(coalesce(sum(crc32(concat(name, '=', value))), 0) AS "
		     "UNSIGNED) FROM settings), (SELECT CAST(coalesce(max(id), 0) AS UNSIGNED) "
		     "FROM alert_log), (SELECT count(*) FROM (SELECT 1 FROM journals WHERE "
		     "is_pending = 1 LIMIT 1) p), (SELECT CAST(coalesce(sum(rows_stored), 0) AS "
		     "UNSIGNED) FROM journals WHERE touched_ns >= ?), (SELECT "
		     "CAST(coalesce(max(touched_ns), 0) AS UNSIGNED) FROM journals)",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, s->notifier_since);
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < 4; i++)
		now[i] = my_col_u64(u.st, i);
	*ret_touched = my_col_u64(u.st, 4);
	return 0;
}

/*
 * Whether there may be something new; a server that does not answer is news too: the listener's own
 * question says why.
 */
static bool has_news(struct my *s)
{
	uint64_t now[4], touched;
	bool news;

	if (look(s, now, &touched))
		return true;
	news = now[PENDING];
	for (unsigned i = 0; i < 4; i++)
		news |= i != PENDING && now[i] != s->notifier[i];
	/*
	 * The window moves on with the newest write; what it holds then is what the next look
	 * compares with.
	 */
	if (touched > NOTIFIER_WINDOW_NS && touched - NOTIFIER_WINDOW_NS > s->notifier_since) {
		s->notifier_since = touched - NOTIFIER_WINDOW_NS;
		if (look(s, now, &touched))
			return true;
	}
	memcpy(s->notifier, now, sizeof(now));
	return news;
}

static int my_notifier_fd(struct store *base)
{
	const struct itimerspec every = { { 0, NOTIFIER_NS }, { 0, NOTIFIER_NS } };
	struct my *s = (struct my *)base;

	if (s->notifier_fd >= 0)
		return s->notifier_fd;
	s->notifier_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->notifier_fd < 0 || timerfd_settime(s->notifier_fd, 0, &every, NULL))
		return store_set_why(base, -errno, "store %s: no timer for its notifier: %s",
				     s->base.shown, strerror(errno));
	(void)has_news(s);
	return s->notifier_fd;
}

static bool my_notifier_clear(struct store *base)
{
	struct my *s = (struct my *)base;
	uint64_t ticks;

	if (s->notifier_fd < 0 || read(s->notifier_fd, &ticks, sizeof(ticks)) != sizeof(ticks))
		return true;
	return has_news(s);
}

static int my_clock(struct store *base, uint64_t *ret_now_ns)
{
	_sql_ struct sql q = { .s = base };
	int ret = sql_first(&q, "SELECT CAST(unix_timestamp(now(6)) * 1000000 AS UNSIGNED) * 1000");

	if (ret > 0)
		*ret_now_ns = sql_u64(&q, 0);
	return ret < 0 ? ret : 0;
}

static void my_free(struct store *base)
{
	struct my *s = (struct my *)base;

	my_disconnect(s);
	for (size_t i = 0; i < array_len(s->batch_sql); i++)
		free(s->batch_sql[i]);
	close_fd(&s->notifier_fd);
	my_uri_done(&s->uri);
	if (s->password)
		explicit_bzero(s->password, strlen(s->password));
	free(s->password);
	free(s->base.shown);
	free(s);
}

const struct store_ops store_mysql_ops = {
	.name = "mysql",
	.check = my_uri_check,
	.open = my_open,
	.free = my_free,
	.schema = my_schema,
	.begin = my_begin,
	.commit = my_commit,
	.rollback = my_rollback,
	.save = my_save,
	.release = my_release,
	.undo = my_undo,
	.hand_in = my_hand_in,
	.notifier_fd = my_notifier_fd,
	.notifier_clear = my_notifier_clear,
	.insert = my_insert,
	.inserted = my_inserted,
	.own_check = my_own_check,
	.own_begin = my_own_begin,
	.own_end = my_own_end,
	.usage = my_usage,
	.clock = my_clock,
	.own_put_health = my_own_put_health,
	.own_claim_boot = my_own_claim_boot,
	.grant = my_grant,
	.revoke = my_revoke,
	.accounts = my_accounts,
	.whoami = my_whoami,
	.sql = &my_sql,
};
