/* SPDX-License-Identifier: GPL-2.0 */
#include "store/seen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/scans.h"
#include "store/sql.h"

/*
 * The rows of a port that are looked through: for an open one among a node's addresses, and for the
 * newest probe.
 */
#define ROWS_MAX 16
/* A scan that raises an alert has ended before. */
#define RAISED_BEFORE_NS (3600 * UINT64_C(1000000000))

static void put_service(const struct sql *q, unsigned i, struct store_seen *seen)
{
	const char *tunnel = sql_str(q, i), *name = sql_str(q, i + 1), *product = sql_str(q, i + 2),
		   *version = sql_str(q, i + 3);

	if (!*seen->service)
		snprintf(seen->service, sizeof(seen->service), "%s%s%s%s%s%s%s", tunnel,
			 *tunnel ? "/" : "", name, *product ? " " : "", product,
			 *version ? " " : "", version);
}

/* By its own rows: all that is open, and what else was not folded away. */
static int look_at_port(struct store *s, uint64_t id, enum door_proto proto, uint16_t port,
			uint64_t since_ns, struct store_seen *seen)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q,
		"SELECT p.scan_id, p.seen_ns, p.state, p.addr, c.kind, p.method, p.tunnel, "
		"p.service, p.product, p.version FROM scan_ports p JOIN scan_hosts h ON h.scan_id "
		"= p.scan_id AND h.node_id = p.node_id AND h.addr = p.addr JOIN scans c ON c.id = "
		"p.scan_id WHERE p.node_id = ? AND p.proto = ? AND p.port = ? AND p.seen_ns >= ? "
		"AND h.state = 'seen' ORDER BY p.seen_ns DESC LIMIT ?",
		U(id), U(proto), U(port), U(since_ns), CONST(ROWS_MAX));

	while (!ret && (ret = sql_step(&q)) > 0) {
		enum port_state state = port_state_parse(sql_str(&q, 2));

		ret = 0;
		if (!seen->scan_id || (seen->scan_id == sql_u64(&q, 0) && state == PORT_OPEN)) {
			seen->scan_id = sql_u64(&q, 0);
			seen->ended_ns = sql_u64(&q, 1);
			seen->state = state;
			snprintf(seen->addr, sizeof(seen->addr), "%s", sql_str(&q, 3));
			seen->kind = scan_kind_parse(sql_str(&q, 4));
		}
		if (state == PORT_OPEN && service_method_parse(sql_str(&q, 5)) == METHOD_PROBED)
			put_service(&q, 6, seen);
	}
	return ret;
}

/* By its hosts that ended later: most of what is closed is only in their lists. */
static int look_at_hosts(struct store *s, uint64_t id, enum door_proto proto, uint16_t port,
			 uint64_t since_ns, struct store_seen *seen)
{
	_sql_ struct sql q = { .s = s };
	uint64_t after = seen->scan_id ? seen->ended_ns + 1 : since_ns, own = seen->scan_id;
	int ret = sql_get(&q,
			  "SELECT h.scan_id, h.ended_ns, h.folded, h.addr, c.kind FROM scan_hosts "
			  "h JOIN scans c ON c.id = h.scan_id WHERE h.node_id = ? AND h.ended_ns "
			  ">= ? AND h.state = 'seen' ORDER BY h.ended_ns DESC LIMIT ?",
			  U(id), U(after), CONST(STORE_SEEN_HOSTS_MAX));

	while (!ret && (ret = sql_step(&q)) > 0) {
		enum port_state state = port_folded_state(sql_str(&q, 2), proto, port);

		ret = 0;
		if (state == PORT_UNKNOWN || (sql_u64(&q, 0) == own && seen->state == PORT_OPEN))
			continue;
		seen->scan_id = sql_u64(&q, 0);
		seen->ended_ns = sql_u64(&q, 1);
		seen->state = state;
		snprintf(seen->addr, sizeof(seen->addr), "%s", sql_str(&q, 3));
		seen->kind = scan_kind_parse(sql_str(&q, 4));
		return 0;
	}
	return ret;
}

int store_seen_port(struct store *s, const char *node, enum door_proto proto, uint16_t port,
		    uint64_t since_ns, struct store_seen *ret)
{
	struct store_seen seen = { 0 };
	uint64_t id = 0;
	int err;

	*ret = seen;
	proto = proto_class(proto);
	snprintf(seen.node, sizeof(seen.node), "%s", node);
	err = sql_node_id(s, node, &id);
	if (!err)
		err = look_at_port(s, id, proto, port, since_ns, &seen);
	if (!err)
		err = look_at_hosts(s, id, proto, port, since_ns, &seen);
	if (err || !seen.scan_id)
		return err == -ENOENT ? 0 : err;
	/* What answered before is nothing that answers now. */
	if (seen.state != PORT_OPEN)
		seen.service[0] = '\0';
	seen.asked = 1;
	seen.reachable = seen.state == PORT_OPEN;
	*ret = seen;
	return 0;
}

/* Over an alert's nodes: how many were asked, and who last. */
static int count_nodes(struct store *s, const struct store_alert *a, uint64_t since_ns,
		       struct store_seen *all)
{
	enum door_proto proto = proto_class(a->proto);
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT n.name, (SELECT p.seen_ns FROM scan_ports p WHERE p.node_id = "
			  "x.node_id AND p.proto = ? AND p.port = ? AND p.seen_ns >= ? ORDER BY "
			  "p.seen_ns DESC LIMIT 1), (SELECT p.state FROM scan_ports p WHERE "
			  "p.node_id = x.node_id AND p.proto = ? AND p.port = ? AND p.seen_ns >= ? "
			  "ORDER BY p.seen_ns DESC LIMIT 1) FROM alert_nodes x JOIN nodes n ON "
			  "n.id = x.node_id WHERE x.alert_id = ? AND x.open_count > 0",
			  U(proto), U(a->port), U(since_ns), U(proto), U(a->port), U(since_ns),
			  U(a->id));

	while (!ret && (ret = sql_step(&q)) > 0) {
		uint64_t at = sql_u64(&q, 1);

		ret = 0;
		all->asked += at != 0;
		all->reachable += at && port_state_parse(sql_str(&q, 2)) == PORT_OPEN;
		if (at > all->ended_ns) {
			all->ended_ns = at;
			snprintf(all->node, sizeof(all->node), "%s", sql_str(&q, 0));
		}
	}
	return ret;
}

static bool has_port(const struct store_alert *a)
{
	return (a->proto == PROTO_TCP || a->proto == PROTO_MPTCP || a->proto == PROTO_UDP ||
		a->proto == PROTO_SCTP) &&
	       a->port && a->port <= UINT16_MAX && a->node && *a->node;
}

static uint64_t since(const struct store_alert *a)
{
	bool by_scan = a->kind == FINDING_HIDDEN || a->kind == FINDING_MASQUERADE ||
		       a->kind == FINDING_BLOCKED;

	if (!by_scan)
		return a->first_ns;
	return a->first_ns > RAISED_BEFORE_NS ? a->first_ns - RAISED_BEFORE_NS : 0;
}

int store_seen_alert(struct store *s, const struct store_alert *a, struct store_seen *ret)
{
	struct store_seen all = { 0 };
	int err = 0;

	*ret = all;
	if (!has_port(a))
		return 0;
	if (a->node_count > 1)
		err = count_nodes(s, a, since(a), &all);
	if (!err)
		err = store_seen_port(s, *all.node ? all.node : a->node, a->proto,
				      (uint16_t)a->port, since(a), ret);
	if (!err && all.asked > 1) {
		ret->asked = all.asked;
		ret->reachable = all.reachable;
	}
	return err;
}

/* --- a whole node ----------------------------------------------------------------------------------- */

static int keep_newest(const struct store_scan_host *h, void *arg)
{
	struct store_outside *o = arg;

	o->scan_id = h->scan_id;
	o->ended_ns = h->ended_ns;
	o->state = h->state;
	o->kind = h->kind;
	snprintf(o->plan, sizeof(o->plan), "%s", h->plan);
	snprintf(o->addr, sizeof(o->addr), "%s", h->addr);
	snprintf(o->asked, sizeof(o->asked), "%s", h->asked);
	o->open = h->open_count;
	return 0;
}

static int newest_seen(struct store *s, uint64_t id, struct store_outside *o)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT scan_id, ended_ns FROM scan_hosts WHERE node_id = ? AND state = "
			  "'seen' ORDER BY ended_ns DESC LIMIT 1",
			  U(id));

	if (!ret)
		ret = sql_step(&q);
	if (ret <= 0)
		return ret;
	o->seen_scan_id = sql_u64(&q, 0);
	o->seen_ns = sql_u64(&q, 1);
	return 0;
}

int store_outside(struct store *s, const char *node, struct store_outside *ret)
{
	uint64_t id = 0;
	int err;

	*ret = (struct store_outside){ 0 };
	err = sql_node_id(s, node, &id);
	if (!err)
		err = store_scan_host_newest(s, node, keep_newest, ret);
	if (!err)
		err = newest_seen(s, id, ret);
	return err == -ENOENT ? 0 : err;
}
