/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "store/health_rules.h"
#include "store/sql.h"
#include "store/wrap.h"

/* Boots that installations have claimed: see store/health.h. */

/* 1: it has been claimed. */
static int find_boot(struct store *s, uint64_t id, const uint8_t *installation, const char *boot_id,
		     uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT boot_seq FROM node_boots WHERE node_id = ? AND installation = ? "
			  "AND journal_boot = ? AND boot_id = ?",
			  U(id), B(installation, INSTALLATION_LEN), U(journal_boot), S(boot_id));

	if (!ret)
		ret = sql_step(&q);
	if (ret > 0)
		*ret_boot_seq = (uint32_t)sql_u64(&q, 0);
	return ret;
}

static int look_at_boots(struct store *s, uint64_t id, const uint8_t *installation,
			 uint32_t journal_boot, struct health_boots *b)
{
	_sql_ struct sql q = { .s = s };
	uint32_t stored, claimed;
	int ret = sql_get(&q,
			  "SELECT (SELECT max(boot_seq) FROM journals WHERE node_id = ?), (SELECT "
			  "max(boot_seq) FROM node_boots WHERE node_id = ?), (SELECT count(*) FROM "
			  "node_boots WHERE node_id = ? AND boot_seq = ?), (SELECT count(*) FROM "
			  "node_boots WHERE node_id = ? AND installation <> ?)",
			  U(id), U(id), U(id), U(journal_boot), U(id),
			  B(installation, INSTALLATION_LEN));

	if (!ret)
		ret = sql_step(&q);
	if (ret <= 0)
		return ret;
	stored = (uint32_t)sql_u64(&q, 0);
	claimed = (uint32_t)sql_u64(&q, 1);
	b->max = stored > claimed ? stored : claimed;
	b->taken = sql_u64(&q, 2);
	b->others = sql_u64(&q, 3);
	return 0;
}

static int claim_boot(struct store *s, const char *node,
		      const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		      uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	struct health_past past = { 0 };
	struct health_boots boots = { 0 };
	uint64_t id = 0, now;
	int ret = sql_node_id(s, node, &id);

	if (!ret)
		ret = sql_lock_node(s, id, &now);
	if (!ret)
		ret = sql_installation(s, id, installation, &past);
	if (!ret && past.standing != STANDING_CURRENT)
		ret = store_set_why(s, -EACCES,
				    "another journal than this one reports as node %s: give one of "
				    "the two hosts another node.name",
				    node);
	if (!ret)
		ret = find_boot(s, id, installation, boot_id, journal_boot, ret_boot_seq);
	if (ret)
		return ret > 0 ? 0 : ret;
	ret = look_at_boots(s, id, installation, journal_boot, &boots);
	if (ret)
		return ret;
	*ret_boot_seq = health_boot_number(&boots, journal_boot);
	return sql_run(s, NULL,
		       "INSERT INTO node_boots (node_id, boot_seq, installation, boot_id, "
		       "journal_boot) VALUES (?, ?, ?, ?, ?)",
		       U(id), U((uint64_t)*ret_boot_seq), B(installation, INSTALLATION_LEN),
		       S(boot_id), U(journal_boot));
}

static int write_claim(struct store *s, const char *node,
		       const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		       uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	return s->limited ? s->ops->own_claim_boot(s, node, installation, boot_id, journal_boot,
						   ret_boot_seq)
			  : claim_boot(s, node, installation, boot_id, journal_boot, ret_boot_seq);
}

int store_claim_boot(struct store *s, const char *node,
		     const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		     uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	uint32_t number;
	int err;

	err = store_check_name(s, "node", node);
	if (!err && (!journal_boot || strlen(boot_id) > CLOCK_BOOT_ID_LEN))
		err = store_set_why(s, -EINVAL, "a boot has a number and its kernel's boot id");
	if (err)
		return err;
	err = write_op(s, (number = 0,
			   write_claim(s, node, installation, boot_id, journal_boot, &number)));
	if (!err)
		*ret_boot_seq = number;
	return err;
}

int store_boots(struct store *s, const char *node, store_boot_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	uint64_t id = 0;
	int ret = sql_node_id(s, node, &id);

	if (!ret)
		ret = sql_get(&q,
			      "SELECT boot_seq, journal_boot, installation, boot_id FROM "
			      "node_boots WHERE node_id = ? ORDER BY boot_seq",
			      U(id));
	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_boot b = {
			.boot_seq = (uint32_t)sql_u64(&q, 0),
			.journal_boot = (uint32_t)sql_u64(&q, 1),
			.installation = (const uint8_t *)sql_blob(&q, 2).ptr,
			.boot_id = sql_str(&q, 3),
		};

		ret = fn(&b, arg);
	}
	return ret;
}
