/* SPDX-License-Identifier: GPL-2.0 */
#include "store/verdicts.h"

#include <errno.h>

#include "base/buf.h"
#include "base/parse.h"
#include "store/sql.h"
#include "store/wrap.h"

int store_verdict_change_put(struct store *s, const struct store_verdict_change *c)
{
	uint64_t id;
	int err = sql_node_id(s, c->node, &id);

	return err ? err
		   : sql_run(s, NULL,
			     SQL_INSERT_NEW(
				     s,
				     "INSERT INTO verdict_changes (node_id, boot_seq, "
				     "netns_cookie, cookie, at_ns, was, verdict, rule_id, "
				     "author, made_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				     "at_ns"),
			     U(id), U(c->boot_seq), U(c->netns_cookie), U(c->cookie), U(c->at_ns),
			     U(c->was), U(c->verdict), U(c->rule_id), S(c->author), U(c->made_ns));
}

int store_verdict_changes(struct store *s, uint64_t after_ns, store_verdict_change_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q,
		"SELECT n.name, c.boot_seq, c.netns_cookie, c.cookie, c.at_ns, c.was, "
		"c.verdict, c.rule_id, c.author, c.made_ns FROM verdict_changes c JOIN nodes "
		"n ON n.id = c.node_id WHERE c.at_ns > ? ORDER BY c.at_ns",
		U(after_ns));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_verdict_change c = { .node = sql_str(&q, 0),
							.boot_seq = (uint32_t)sql_u64(&q, 1),
							.netns_cookie = sql_u64(&q, 2),
							.cookie = sql_u64(&q, 3),
							.at_ns = sql_u64(&q, 4),
							.was = (enum verdict)sql_u64(&q, 5),
							.verdict = (enum verdict)sql_u64(&q, 6),
							.rule_id = sql_u64(&q, 7),
							.author = sql_str(&q, 8),
							.made_ns = sql_u64(&q, 9) };

		ret = fn(&c, arg);
	}
	return ret;
}

int store_verdicts_forget(struct store *s)
{
	return sql_run(
		s, NULL,
		"DELETE FROM verdict_changes WHERE NOT EXISTS (SELECT 1 FROM doors d WHERE "
		"d.node_id = verdict_changes.node_id AND d.boot_seq = verdict_changes.boot_seq "
		"AND d.netns_cookie = verdict_changes.netns_cookie AND d.cookie = "
		"verdict_changes.cookie)");
}

int store_verdicts_since(struct store *s, uint64_t *ret_ns)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(64);
	int err = store_setting_get(s, "verdicts-since", &b);

	*ret_ns = 0;
	if (err)
		return err == -ENOENT ? 0 : err;
	return parse_u64(buf_str(&b), ret_ns) ? -EBADMSG : 0;
}
