/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql_health.h"

#include <errno.h>

#include "store/mysql.h"
#include "store/sql_ops.h"

/* A node's own account tells how it is by procedures; all others, as sql_health.c has it. The clock is the server's. */

int my_put_health(struct store *base, const char *node, const char *host_type,
		  const struct store_health *h, uint64_t fresh_ns, struct store_health_reply *ret)
{
	struct my *s = (struct my *)base;

	return s->limited ? my_own_put_health(base, node, host_type, h, fresh_ns, ret)
			  : sql_put_health(base, node, host_type, h, fresh_ns, ret);
}

int my_claim_boot(struct store *base, const char *node,
		  const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		  uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	struct my *s = (struct my *)base;

	return s->limited ? my_own_claim_boot(base, node, installation, boot_id, journal_boot,
					      ret_boot_seq)
			  : sql_claim_boot(base, node, installation, boot_id, journal_boot,
					   ret_boot_seq);
}

/* --- turns --------------------------------------------------------------------------------------------- */

int my_clock(struct store *base, uint64_t *ret_now_ns)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s, "SELECT CAST(unix_timestamp(now(6)) * 1000000 AS UNSIGNED) * 1000", &u.st);
	if (!ret)
		ret = my_step(s, u.st);
	if (ret > 0)
		*ret_now_ns = my_col_u64(u.st, 0);
	return ret < 0 ? ret : 0;
}

/* From here on the row is ours until the transaction ends; the clock is read when we have it. */
static int lock_turn(struct my *s, const char *name, uint64_t *ret_at_ns, uint64_t *ret_now_ns)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "INSERT INTO turns (name, at_ns) VALUES (?, 0) ON DUPLICATE KEY UPDATE at_ns "
		     "= at_ns",
		     &u.st);
	if (!ret) {
		my_str(u.st, 1, name);
		ret = my_run(s, u.st, NULL);
	}
	my_put(take_ptr(u.st));
	if (!ret)
		ret = my_get(s, "SELECT at_ns FROM turns WHERE name = ? FOR UPDATE", &u.st);
	if (ret)
		return ret;
	my_str(u.st, 1, name);
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret ? ret : -ENOENT;
	*ret_at_ns = my_col_u64(u.st, 0);
	return my_clock(&s->base, ret_now_ns);
}

int my_take_turn(struct store *base, const char *name, uint64_t every_ns, uint64_t *ret_now_ns)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t now, at;
	int err = lock_turn(s, name, &at, &now);

	if (!err)
		*ret_now_ns = now;
	/* A turn taken in the future: the clock was set back. */
	if (err || (now >= at && now - at < every_ns))
		return err;
	err = my_get(s, "UPDATE turns SET at_ns = ? WHERE name = ?", &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, now);
	my_str(u.st, 2, name);
	err = my_run(s, u.st, NULL);
	return err ? err : 1;
}
