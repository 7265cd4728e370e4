/* SPDX-License-Identifier: GPL-2.0 */
#include "store/compared.h"

#include <errno.h>

#include "store/sql.h"
#include "store/wrap.h"

static int mark_compared(struct store *s, const struct store_scan_host *h, uint64_t now_ns,
			 bool *ret_ours)
{
	uint64_t id = 0, n = 0;
	int err = sql_node_id(s, h->node, &id);

	if (!err)
		err = sql_run(s, &n,
			      "UPDATE scan_hosts SET compared_ns = ? WHERE scan_id = ? AND node_id "
			      "= ? AND addr = ? AND compared_ns = 0",
			      U(now_ns), U(h->scan_id), U(id), S(h->addr));
	if (!err)
		*ret_ours = n == 1;
	return err;
}

int store_scan_compare(struct store *s, const struct store_scan_host *h, uint64_t now_ns,
		       bool *ret_ours)
{
	bool ours = false;
	int err = write_op(s, mark_compared(s, h, now_ns, &ours));

	if (!err)
		*ret_ours = ours;
	return err;
}

/* --- unconfirmed ------------------------------------------------------------------------------------- */

#define UNCONFIRMED_COLS "n.name, d.addr, d.proto, d.port, d.kind, d.scan_id, d.due_ns"

static int each_unconfirmed(struct sql *q, store_unconfirmed_fn fn, void *arg)
{
	int ret;

	while ((ret = sql_step(q)) > 0) {
		const struct store_unconfirmed d = {
			.node = sql_str(q, 0),
			.addr = sql_str(q, 1),
			.proto = (enum door_proto)sql_u64(q, 2),
			.port = (uint32_t)sql_u64(q, 3),
			.kind = (enum finding_kind)sql_u64(q, 4),
			.scan_id = sql_u64(q, 5),
			.due_ns = sql_u64(q, 6),
		};

		ret = fn(&d, arg);
		if (ret)
			break;
	}
	return ret;
}

int store_unconfirmed_of(struct store *s, const char *node, const char *addr,
			 store_unconfirmed_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT " UNCONFIRMED_COLS " FROM scan_doubts d JOIN nodes n ON n.id = "
			  "d.node_id WHERE n.name = ? AND d.addr = ?",
			  S(node), S(addr));

	return ret ? ret : each_unconfirmed(&q, fn, arg);
}

int store_unconfirmed_due(struct store *s, uint64_t now_ns, uint32_t limit, store_unconfirmed_fn fn,
			  void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT " UNCONFIRMED_COLS
			  " FROM scan_doubts d JOIN nodes n ON n.id = d.node_id WHERE d.asked_ns = "
			  "0 AND d.due_ns <= ? ORDER BY n.name, d.addr, d.port LIMIT ?",
			  U(now_ns), U(limit));

	return ret ? ret : each_unconfirmed(&q, fn, arg);
}

static int del_unconfirmed(struct store *s, const struct store_unconfirmed *d, uint64_t *ret_id)
{
	int err = sql_node_id(s, d->node, ret_id);

	return err ? err
		   : sql_run(s, NULL,
			     "DELETE FROM scan_doubts WHERE node_id = ? AND addr = ? AND proto = ? "
			     "AND port = ?",
			     U(*ret_id), S(d->addr), U(d->proto), U(d->port));
}

static int put_unconfirmed(struct store *s, const struct store_unconfirmed *d)
{
	uint64_t id = 0;
	int err = del_unconfirmed(s, d, &id);

	return err ? err
		   : sql_run(s, NULL,
			     "INSERT INTO scan_doubts (node_id, addr, proto, port, kind, scan_id, "
			     "due_ns, asked_ns) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
			     U(id), S(d->addr), U(d->proto), U(d->port), U(d->kind), U(d->scan_id),
			     U(d->due_ns));
}

int store_unconfirmed_put(struct store *s, const struct store_unconfirmed *d)
{
	return write_op(s, put_unconfirmed(s, d));
}

int store_unconfirmed_del(struct store *s, const struct store_unconfirmed *d)
{
	uint64_t id = 0;

	return write_op(s, del_unconfirmed(s, d, &id));
}

static int mark_asked(struct store *s, const struct store_unconfirmed *d, uint64_t now_ns)
{
	uint64_t id = 0;
	int err = sql_node_id(s, d->node, &id);

	return err ? err
		   : sql_run(s, NULL,
			     "UPDATE scan_doubts SET asked_ns = ? WHERE node_id = ? AND addr = ? "
			     "AND proto = ? AND port = ?",
			     U(now_ns), U(id), S(d->addr), U(d->proto), U(d->port));
}

int store_unconfirmed_asked(struct store *s, const struct store_unconfirmed *d, uint64_t now_ns)
{
	return write_op(s, mark_asked(s, d, now_ns));
}

int store_unconfirmed_prune(struct store *s, uint64_t before_ns)
{
	return write_op(s, sql_run(s, NULL,
				   "DELETE FROM scan_doubts WHERE asked_ns > 0 AND asked_ns < ?",
				   U(before_ns)));
}

/* --- alerts of a node ------------------------------------------------------------------------------- */

int store_alerts_on(struct store *s, const char *node, store_alert_on_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q,
		"SELECT a.id, a.alert_key, a.kind, a.severity, a.state, a.host_type, "
		"a.proto, a.port, a.subject FROM alert_nodes t JOIN alerts a ON a.id = t.alert_id "
		"JOIN nodes n ON n.id = t.node_id WHERE n.name = ? AND t.open_count > 0",
		S(node));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_alert a = {
			.id = sql_u64(&q, 0),
			.key = sql_str(&q, 1),
			.kind = (enum finding_kind)sql_u64(&q, 2),
			.severity = (enum severity)sql_u64(&q, 3),
			.state = (enum alert_state)sql_u64(&q, 4),
			.host_type = sql_str(&q, 5),
			.proto = (enum door_proto)sql_u64(&q, 6),
			.port = (uint32_t)sql_u64(&q, 7),
			.subject = sql_str(&q, 8),
			.node = node,
		};

		ret = fn(&a, arg);
	}
	return ret;
}

static int look(struct store *s, uint64_t alert_id, const struct port_look *l)
{
	return sql_run(s, NULL,
		       "UPDATE alerts SET outside = ?, outside_port = ?, outside_node = ?, "
		       "outside_addr = ? WHERE id = ?",
		       U(l->state), U(l->port), S(l->node), S(l->addr), U(alert_id));
}

int store_alert_look(struct store *s, uint64_t alert_id, const struct port_look *l)
{
	return write_op(s, look(s, alert_id, l));
}
