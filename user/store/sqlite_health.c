/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite_health.h"

#include "base/clock.h"
#include "store/sqlite.h"

/* The clock is this machine's: whoever opens the file is on it. */

int sq_clock(struct store *base, uint64_t *ret_now_ns)
{
	(void)base;
	*ret_now_ns = clock_wall_ns();
	return 0;
}

static int read_turn(struct sq *s, const char *name, uint64_t *ret_at_ns)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret = sq_get(s, "SELECT at_ns FROM turns WHERE name = ?", &st);

	if (ret)
		return ret;
	sq_str(st, 1, name);
	ret = sq_step(s, st);
	*ret_at_ns = ret > 0 ? sq_col_u64(st, 0) : 0;
	return ret < 0 ? ret : 0;
}

int sq_take_turn(struct store *base, const char *name, uint64_t every_ns, uint64_t *ret_now_ns)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	uint64_t now = clock_wall_ns(), at;
	int err = read_turn(s, name, &at);

	*ret_now_ns = now;
	/* A turn taken in the future: the clock was set back. */
	if (err || (now >= at && now - at < every_ns))
		return err;
	err = sq_get(s, "REPLACE INTO turns (name, at_ns) VALUES (?, ?)", &st);
	if (err)
		return err;
	sq_str(st, 1, name);
	sq_u64(st, 2, now);
	err = sq_run(s, st);
	return err ? err : 1;
}
