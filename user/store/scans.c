/* SPDX-License-Identifier: GPL-2.0 */
#include "store/scans.h"

#include <errno.h>
#include <string.h>

#include "store/sql.h"
#include "store/wrap.h"

/* Plans and addresses. The queue is scans_queue.c, what was seen scans_seen.c. */

int store_scan_now(struct store *s, uint64_t *ret_ns)
{
	return sql_now(s, ret_ns);
}

#define PLAN_COLS                                                                                  \
	"kind, ports, classes, nodes, sort_order, idle_only, idle_wait_ns, every_ns, window_utc, " \
	"rate, host_rate, load_max, author, enabled"

int store_scan_plans(struct store *s, store_plan_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, "SELECT " PLAN_COLS
			      ", name, created_ns, claimed_ns FROM scan_plans ORDER BY name");

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_plan p = {
			.kind = scan_kind_parse(sql_str(&q, 0)),
			.ports = sql_str(&q, 1),
			.classes = sql_str(&q, 2),
			.nodes = sql_str(&q, 3),
			.order = sql_str(&q, 4),
			.idle_only = sql_u64(&q, 5) != 0,
			.idle_wait_ns = sql_u64(&q, 6),
			.every_ns = sql_u64(&q, 7),
			.window = sql_str(&q, 8),
			.rate = sql_u64(&q, 9),
			.host_rate = sql_u64(&q, 10),
			.load_max = sql_u64(&q, 11),
			.author = sql_str(&q, 12),
			.enabled = sql_u64(&q, 13) != 0,
			.name = sql_str(&q, 14),
			.created_ns = sql_u64(&q, 15),
			.claimed_ns = sql_u64(&q, 16),
		};

		ret = fn(&p, arg);
	}
	return ret;
}

static int plan_exists(struct store *s, const char *name)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, "SELECT 1 FROM scan_plans WHERE name = ?", S(name));

	return ret ? ret : sql_step(&q);
}

#define PLAN_VALUES(p)                                                                             \
	S(scan_kind_name((p)->kind)), S((p)->ports), S((p)->classes), S((p)->nodes),               \
		S((p)->order), U((p)->idle_only), U((p)->idle_wait_ns), U((p)->every_ns),          \
		S((p)->window), U((p)->rate), U((p)->host_rate), U((p)->load_max), S((p)->author), \
		U((p)->enabled)

static int put_plan(struct store *s, const struct store_plan *p)
{
	uint64_t now = 0;
	int ret = plan_exists(s, p->name);

	if (ret < 0)
		return ret;
	if (ret)
		return sql_run(s, NULL,
			       "UPDATE scan_plans SET kind = ?, ports = ?, classes = ?, nodes = ?, "
			       "sort_order = ?, idle_only = ?, idle_wait_ns = ?, every_ns = ?, "
			       "window_utc = ?, rate = ?, host_rate = ?, load_max = ?, author = ?, "
			       "enabled = ? WHERE name = ?",
			       PLAN_VALUES(p), S(p->name));
	ret = sql_now(s, &now);
	return ret ? ret
		   : sql_run(s, NULL,
			     "INSERT INTO scan_plans (" PLAN_COLS
			     ", name, created_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
			     "?, ?, ?)",
			     PLAN_VALUES(p), S(p->name), U(now));
}

int store_scan_plan_put(struct store *s, const struct store_plan *p)
{
	int err = store_check_name(s, "plan", p->name);

	return err ? err : write_op(s, put_plan(s, p));
}

static int delete_plan(struct store *s, const char *name)
{
	uint64_t n = 0;
	int err = sql_run(s, &n, "DELETE FROM scan_plans WHERE name = ?", S(name));

	if (err)
		return err;
	return n ? 0 : store_set_why(s, -ENOENT, "there is no plan '%s'", name);
}

int store_scan_plan_del(struct store *s, const char *name)
{
	return write_op(s, delete_plan(s, name));
}

static int claim_plan(struct store *s, const char *name, uint64_t last_ns, uint64_t now_ns,
		      bool *ret_ours)
{
	uint64_t n = 0;
	int err = sql_run(s, &n,
			  "UPDATE scan_plans SET claimed_ns = ? WHERE name = ? AND claimed_ns = ?",
			  U(now_ns), S(name), U(last_ns));

	if (!err)
		*ret_ours = n == 1;
	return err;
}

int store_scan_plan_claim(struct store *s, const char *name, uint64_t last_ns, uint64_t now_ns,
			  bool *ret_ours)
{
	bool ours = false;
	int err = write_op(s, claim_plan(s, name, last_ns, now_ns, &ours));

	if (!err)
		*ret_ours = ours;
	return err;
}

/* --- addresses ------------------------------------------------------------------------------------- */

int store_node_addrs(struct store *s, store_addr_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, "SELECT n.name, a.addr, a.origin, a.added_ns FROM node_addrs a JOIN "
			      "nodes n ON n.id = a.node_id ORDER BY n.name, a.addr");

	while (!ret && (ret = sql_step(&q)) > 0)
		ret = fn(sql_str(&q, 0), sql_str(&q, 1), sql_str(&q, 2), sql_u64(&q, 3), arg);
	return ret;
}

static int put_addr(struct store *s, const char *node, const char *addr, const char *origin,
		    uint64_t now_ns)
{
	uint64_t id = 0;
	int err = sql_node_id(s, node, &id);

	if (!err)
		err = sql_run(s, NULL, "DELETE FROM node_addrs WHERE node_id = ? AND addr = ?",
			      U(id), S(addr));
	if (!err)
		err = sql_run(s, NULL,
			      "INSERT INTO node_addrs (node_id, addr, origin, added_ns) VALUES (?, "
			      "?, ?, ?)",
			      U(id), S(addr), S(origin), U(now_ns));
	return err;
}

int store_node_addr_put(struct store *s, const char *node, const char *addr, const char *origin,
			uint64_t now_ns)
{
	return write_op(s, put_addr(s, node, addr, origin, now_ns));
}

static int delete_addr(struct store *s, const char *node, const char *addr)
{
	uint64_t id = 0, n = 0;
	int err = sql_node_id(s, node, &id);

	if (!err && addr)
		err = sql_run(s, &n, "DELETE FROM node_addrs WHERE node_id = ? AND addr = ?", U(id),
			      S(addr));
	else if (!err)
		err = sql_run(s, &n, "DELETE FROM node_addrs WHERE node_id = ?", U(id));
	if (err)
		return err;
	return n ? 0 : store_set_why(s, -ENOENT, "node %s has no such address here", node);
}

int store_node_addr_del(struct store *s, const char *node, const char *addr)
{
	return write_op(s, delete_addr(s, node, addr));
}
