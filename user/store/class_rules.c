/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "store/profile.h"
#include "store/sql.h"
#include "store/wrap.h"

/* Node classes by rule. */

int store_class_rules(struct store *s, store_class_rule_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q, "SELECT id, priority, nodes, host_type, origin, reason, author, created_ns, "
		    "resolved, resolved_ns, problem FROM class_rules ORDER BY priority, id");

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_class_rule r = {
			.id = sql_u64(&q, 0),
			.priority = (uint32_t)sql_u64(&q, 1),
			.nodes = sql_str(&q, 2),
			.host_type = sql_str(&q, 3),
			.origin = sql_str(&q, 4),
			.reason = sql_str(&q, 5),
			.author = sql_str(&q, 6),
			.created_ns = sql_u64(&q, 7),
			.resolved = sql_str(&q, 8),
			.resolved_ns = sql_u64(&q, 9),
			.problem = sql_str(&q, 10),
		};

		ret = fn(&r, arg);
	}
	return ret;
}

static int find_rule(struct store *s, const struct store_class_rule *r, uint64_t *ret_id)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q, "SELECT id FROM class_rules WHERE id = ? OR (nodes = ? AND host_type = ?)",
		U(r->id), S(r->nodes), S(r->host_type));

	if (!ret)
		ret = sql_step(&q);
	if (ret > 0)
		*ret_id = sql_u64(&q, 0);
	return ret < 0 ? ret : 0;
}

static int put_rule(struct store *s, const struct store_class_rule *r)
{
	uint64_t id = 0;
	int err = find_rule(s, r, &id);

	if (err)
		return err;
	/* One list of values for both texts. */
	return sql_run(s, NULL,
		       id ? "UPDATE class_rules SET priority = ?, nodes = ?, host_type = ?, origin "
			    "= ?, reason = ?, author = ?, resolved = ?, resolved_ns = ?, problem = "
			    "? WHERE id = ?"
			  : "INSERT INTO class_rules (priority, nodes, host_type, origin, reason, "
			    "author, resolved, resolved_ns, problem, created_ns) VALUES (?, ?, ?, "
			    "?, ?, ?, ?, ?, ?, ?)",
		       U(r->priority), S(r->nodes), S(r->host_type),
		       S(r->origin && r->origin[0] ? r->origin : "manual"), S(r->reason),
		       S(r->author), S(r->resolved), U(r->resolved_ns), S(r->problem),
		       U(id ? id : r->created_ns));
}

static int remove_rule(struct store *s, uint64_t id)
{
	uint64_t changed = 0;
	int err = sql_run(s, &changed, "DELETE FROM class_rules WHERE id = ?", U(id));

	if (!err && !changed)
		err = store_set_why(s, -ENOENT, "no rule %llu", (unsigned long long)id);
	return err;
}

int store_class_rule_put(struct store *s, const struct store_class_rule *r)
{
	int err = store_check_name(s, "node class", r->host_type);

	if (!err && (!r->nodes || !r->nodes[0]))
		err = store_set_why(s, -EINVAL, "a rule for a class needs nodes");
	if (err)
		return err;
	return write_op(s, put_rule(s, r));
}

int store_class_rule_remove(struct store *s, uint64_t id)
{
	return write_op(s, remove_rule(s, id));
}
