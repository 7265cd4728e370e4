/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql_health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/mysql_put.h"
#include "store/sql.h"
#include "store/sql_ops.h"

/* How a node is, told with the node's own account: the server decides what a report makes of the node (own_report()). */

static int send_report(struct my *s, const char *host_type, const struct store_health *h,
		       uint64_t fresh_ns)
{
	struct sql_report r;

	sql_report_init(&r, h);
	return sql_run(&s->base, NULL,
		       "CALL own_report(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
		       "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       S(host_type), U(fresh_ns), B(h->installation, INSTALLATION_LEN),
		       B(h->session, SESSION_LEN), REPORT_VALUES(&r));
}

/* What the server made of it, and who holds the name when we do not. */
static int read_reply(struct my *s, const uint8_t *installation, struct store_health_reply *ret)
{
	_my_use_ struct my_use u = { .s = s };
	const char *host;
	int err;

	err = my_get(s,
		     "SELECT received_ns, standing, accepted_ns, (SELECT o.host FROM own_health o "
		     "WHERE o.standing = 1 LIMIT 1) FROM own_health WHERE installation = ?",
		     &u.st);
	if (err)
		return err;
	my_blob(u.st, 1, installation, INSTALLATION_LEN);
	err = my_step(s, u.st);
	if (err <= 0)
		return err ? err : -ENOENT;
	host = my_col_str(u.st, 3);
	ret->server_ns = my_col_u64(u.st, 0);
	ret->standing = (enum health_standing)my_col_u64(u.st, 1);
	ret->accepted = my_col_u64(u.st, 2);
	if (ret->standing == STANDING_REFUSED)
		snprintf(ret->current_host, sizeof(ret->current_host), "%s", host ? host : "");
	return 0;
}

int my_own_put_health(struct store *base, const char *node, const char *host_type,
		      const struct store_health *h, uint64_t fresh_ns,
		      struct store_health_reply *ret)
{
	struct my *s = (struct my *)base;
	int err = my_own_check(s, node);

	if (!err)
		err = send_report(s, host_type, h, fresh_ns);
	return err ? err : read_reply(s, h->installation, ret);
}

static int claim(struct my *s, const uint8_t *installation, const char *boot_id,
		 uint32_t journal_boot)
{
	_my_use_ struct my_use u = { .s = s };
	int err = my_get(s, "CALL own_claim(?, ?, ?)", &u.st);

	if (err)
		return err;
	my_blob(u.st, 1, installation, INSTALLATION_LEN);
	my_str(u.st, 2, boot_id);
	my_u64(u.st, 3, journal_boot);
	return my_run(s, u.st, NULL);
}

int my_own_claim_boot(struct store *base, const char *node,
		      const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		      uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	struct store_health_reply reply = { 0 };
	int ret = my_own_check(s, node);

	if (!ret)
		ret = read_reply(s, installation, &reply);
	if (!ret && reply.standing != STANDING_CURRENT)
		return store_set_why(base, -EACCES,
				     "another journal than this one reports as node %s: give one "
				     "of the two hosts another node.name",
				     node);
	if (!ret)
		ret = claim(s, installation, boot_id, journal_boot);
	if (!ret)
		ret = my_get(s,
			     "SELECT boot_seq FROM own_claims WHERE installation = ? AND "
			     "journal_boot = ? AND boot_id = ?",
			     &u.st);
	if (ret)
		return ret;
	my_blob(u.st, 1, installation, INSTALLATION_LEN);
	my_u64(u.st, 2, journal_boot);
	my_str(u.st, 3, boot_id);
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret ? ret : -EAGAIN;
	*ret_boot_seq = (uint32_t)my_col_u64(u.st, 0);
	return 0;
}
