/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/health_report.h"

/*
 * How a node is, told with the node's own account: the server decides what a report makes of the
 * node (own_report()).
 */

static int send_report(struct my *s, const char *host_type, const struct store_health *h,
		       uint64_t fresh_ns)
{
	_cleanup_(buf_done) struct buf words =
		BUF_INIT(HEALTH_SENSOR_MAX + HEALTH_ADDRESSES_MAX + 16);
	struct store_health told = *h;
	struct health_report r;

	/*
	 * own_report() takes them in one text: what it stores is in two columns
	 * (0022_addresses.sql).
	 */
	told.sensor = health_sensor_words(h, &words);
	health_report_init(&r, &told);
	return sql_run(&s->base, NULL,
		       "CALL own_report(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
		       "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       S(host_type), U(fresh_ns), B(h->installation, INSTALLATION_LEN),
		       B(h->session, SESSION_LEN), REPORT_VALUES(&r));
}

/* What the server made of it, and who holds the name when we do not. */
static int read_reply(struct my *s, const uint8_t *installation, struct store_health_reply *ret)
{
	_sql_ struct sql q = { .s = &s->base };
	int err = sql_first(
		&q,
		"SELECT received_ns, standing, accepted_ns, (SELECT o.host FROM own_health o WHERE "
		"o.standing = ? LIMIT 1) FROM own_health WHERE installation = ?",
		CONST(STANDING_CURRENT), B(installation, INSTALLATION_LEN));

	if (err <= 0)
		return err ? err : -ENOENT;
	ret->server_ns = sql_u64(&q, 0);
	ret->standing = (enum health_standing)sql_u64(&q, 1);
	ret->accepted = sql_u64(&q, 2);
	if (ret->standing == STANDING_REFUSED)
		snprintf(ret->current_host, sizeof(ret->current_host), "%s", sql_str(&q, 3));
	return 0;
}

int my_own_put_health(struct store *base, const char *node, const char *host_type,
		      const struct store_health *h, uint64_t fresh_ns,
		      struct store_health_reply *ret)
{
	struct my *s = (struct my *)base;
	int err = my_own_check(base, node);

	if (!err)
		err = send_report(s, host_type, h, fresh_ns);
	return err ? err : read_reply(s, h->installation, ret);
}

int my_own_claim_boot(struct store *base, const char *node,
		      const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		      uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	struct store_health_reply reply = { 0 };
	_sql_ struct sql q = { .s = base };
	int ret = my_own_check(base, node);

	if (!ret)
		ret = read_reply((struct my *)base, installation, &reply);
	if (!ret && reply.standing != STANDING_CURRENT)
		return store_set_why(base, -EACCES,
				     "another journal than this one reports as node %s: give one "
				     "of the two hosts another node.name",
				     node);
	if (!ret)
		ret = sql_run(base, NULL, "CALL own_claim(?, ?, ?)",
			      B(installation, INSTALLATION_LEN), S(boot_id), U(journal_boot));
	if (!ret)
		ret = sql_first(&q,
				"SELECT boot_seq FROM own_claims WHERE installation = ? AND "
				"journal_boot = ? AND boot_id = ?",
				B(installation, INSTALLATION_LEN), U(journal_boot), S(boot_id));
	else
		return ret;
	if (ret <= 0)
		return ret ? ret : -EAGAIN;
	*ret_boot_seq = (uint32_t)sql_u64(&q, 0);
	return 0;
}
