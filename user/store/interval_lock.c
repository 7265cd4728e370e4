/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "store/health.h"
#include "store/sql.h"
#include "store/tally.h"
#include "store/wrap.h"

/* Interval locks: of several monitors one does what is due every so often. */

int store_clock(struct store *s, uint64_t *ret_now_ns)
{
	return sql_now(s, ret_now_ns);
}

/* From here on the row is ours until the transaction ends; the clock is read when we have it. */
static int lock_row(struct store *s, const char *name, uint64_t *ret_at_ns, uint64_t *ret_now_ns)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_run(
		s, NULL, SQL_INSERT_NEW(s, "INSERT INTO turns (name, at_ns) VALUES (?, 0)", "name"),
		S(name));

	if (!ret)
		ret = sql_first(&q, SQL_LOCKED(s, "SELECT at_ns FROM turns WHERE name = ?"),
				S(name));
	else
		return ret;
	if (ret <= 0)
		return ret ? ret : -ENOENT;
	*ret_at_ns = sql_u64(&q, 0);
	return sql_now(s, ret_now_ns);
}

int store_interval_lock(struct store *s, const char *name, uint64_t every_ns, uint64_t *ret_now_ns)
{
	uint64_t now = 0, at = 0;
	int err;

	if (!s->depth)
		return store_set_why(s, -EINVAL, "an interval lock is taken within a transaction");
	err = lock_row(s, name, &at, &now);
	if (!err)
		*ret_now_ns = now;
	/* A lock taken in the future: the clock was set back. */
	if (err || (now >= at && now - at < every_ns))
		return err;
	err = sql_run(s, NULL, "UPDATE turns SET at_ns = ? WHERE name = ?", U(now), S(name));
	return err ? err : 1;
}

int store_interval_locked_at(struct store *s, const char *name, uint64_t *ret_ns)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q, "SELECT at_ns FROM turns WHERE name = ?", S(name));

	if (ret < 0)
		return ret;
	*ret_ns = ret ? sql_u64(&q, 0) : 0;
	return 0;
}
