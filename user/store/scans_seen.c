/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "store/scan_changes.h"
#include "store/compared.h"
#include "store/sql.h"
#include "store/wrap.h"

/* What the scans saw. A host is committed whole, with its ports, by whoever holds its shard. */

static int put_port(struct store *s, const struct store_scan_host *h, uint64_t node_id,
		    const struct store_scan_port *p)
{
	return sql_run(
		s, NULL,
		"INSERT INTO scan_ports (scan_id, node_id, addr, proto, port, state, reason, "
		"reason_ttl, service, method, conf, product, version, extra, tunnel, fingerprint, "
		"seen_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		U(h->scan_id), U(node_id), S(h->addr), U(p->proto), U(p->port),
		S(port_state_name(p->state)), S(p->reason), U(p->reason_ttl), S(p->service),
		S(service_method_name(p->method)), U(p->conf), S(p->product), S(p->version),
		S(p->extra), S(p->tunnel), S(p->fingerprint), U(h->ended_ns));
}

/* Why a host's row was not there to be changed. */
static int not_ours(struct store *s, const struct store_scan_host *h, const char *owner)
{
	int err = scans_check_owner(s, h->scan_id, h->shard, owner);

	return err ? err
		   : store_set_why(s, -ECANCELED, "node %s is not ours to scan any more", h->node);
}

/* The host's row is there since the scan was made, so that nobody stores what was not asked for. */
static int put_host(struct store *s, const struct store_scan_host *h, const char *owner,
		    const struct store_scan_port *ports, size_t n)
{
	uint64_t node_id = 0, changed = 0;
	int err = sql_node_id(s, h->node, &node_id);

	if (!err)
		err = sql_run(s, &changed,
			      "UPDATE scan_hosts SET state = ?, started_ns = ?, ended_ns = ?, "
			      "asked = ?, folded = ?, open_count = ? WHERE scan_id = ? AND shard = "
			      "? AND node_id = ? AND addr = ? AND state = 'queued' AND EXISTS "
			      "(SELECT 1 FROM scan_shards h WHERE h.scan_id = ? AND h.shard = ? "
			      "AND h.owner = ? AND h.state = 'running')",
			      S(scan_host_state_name(h->state)), U(h->started_ns), U(h->ended_ns),
			      S(h->asked), S(h->folded), U(h->open_count), U(h->scan_id),
			      U(h->shard), U(node_id), S(h->addr), U(h->scan_id), U(h->shard),
			      S(owner));
	if (!err && !changed)
		err = not_ours(s, h, owner);
	for (size_t i = 0; !err && i < n; i++)
		err = put_port(s, h, node_id, &ports[i]);
	if (!err && h->state == SCAN_HOST_SEEN)
		err = scan_changes_note(s, h, node_id, owner, ports, n);
	return err;
}

int store_scan_host_put(struct store *s, const struct store_scan_host *h, const char *owner,
			const struct store_scan_port *ports, size_t n)
{
	return write_op(s, put_host(s, h, owner, ports, n));
}

/* --- reading ------------------------------------------------------------------------------------- */

#define OPEN_END INT64_MAX

int store_scans(struct store *s, const struct store_scan_query *want, store_scan_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q,
		"SELECT s.id, s.plan, s.kind, s.state, s.nodes, s.command, s.reason, s.created_ns, "
		"s.started_ns, s.ended_ns, s.rate, s.host_rate, s.priority, (SELECT count(*) FROM "
		"scan_hosts h WHERE h.scan_id = s.id), (SELECT count(*) FROM scan_hosts h WHERE "
		"h.scan_id = s.id AND h.state <> 'queued'), (SELECT count(*) FROM scan_shards d "
		"WHERE d.scan_id = s.id), (SELECT count(*) FROM scan_shards d WHERE d.scan_id = "
		"s.id AND d.state IN ('queued', 'running')) FROM scans s WHERE (? = 0 OR s.id = ?) "
		"AND s.created_ns >= ? AND s.created_ns < ? ORDER BY s.id DESC LIMIT ?",
		U(want->scan_id), U(want->scan_id), U(want->since_ns),
		U(want->until_ns ? want->until_ns : (uint64_t)OPEN_END),
		U(want->limit ? (uint64_t)want->limit : (uint64_t)OPEN_END));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_scan scan = {
			.id = sql_u64(&q, 0),
			.plan = sql_str(&q, 1),
			.kind = scan_kind_parse(sql_str(&q, 2)),
			.state = scan_state_parse(sql_str(&q, 3)),
			.nodes = sql_str(&q, 4),
			.command = sql_str(&q, 5),
			.reason = sql_str(&q, 6),
			.created_ns = sql_u64(&q, 7),
			.started_ns = sql_u64(&q, 8),
			.ended_ns = sql_u64(&q, 9),
			.rate = sql_u64(&q, 10),
			.host_rate = sql_u64(&q, 11),
			.priority = sql_u64(&q, 12),
			.hosts = sql_u64(&q, 13),
			.hosts_seen = sql_u64(&q, 14),
			.shards = sql_u64(&q, 15),
			.shards_left = sql_u64(&q, 16),
		};

		ret = fn(&scan, arg);
	}
	return ret;
}

#define HOST_COLS                                                                                  \
	"SELECT h.scan_id, h.shard, n.name, h.addr, h.state, s.kind, s.plan, h.started_ns, "       \
	"h.ended_ns, h.asked, h.folded, h.open_count FROM scan_hosts h JOIN nodes n ON n.id = "    \
	"h.node_id JOIN scans s ON s.id = h.scan_id WHERE h.state <> 'queued' "

static int each_host(struct sql *q, store_scan_host_fn fn, void *arg)
{
	int ret;

	while ((ret = sql_step(q)) > 0) {
		const struct store_scan_host h = {
			.scan_id = sql_u64(q, 0),
			.shard = (uint32_t)sql_u64(q, 1),
			.node = sql_str(q, 2),
			.addr = sql_str(q, 3),
			.state = scan_host_state_parse(sql_str(q, 4)),
			.kind = scan_kind_parse(sql_str(q, 5)),
			.plan = sql_str(q, 6),
			.started_ns = sql_u64(q, 7),
			.ended_ns = sql_u64(q, 8),
			.asked = sql_str(q, 9),
			.folded = sql_str(q, 10),
			.open_count = sql_u64(q, 11),
		};

		ret = fn(&h, arg);
		if (ret)
			break;
	}
	return ret;
}

int store_scan_hosts(struct store *s, const struct store_scan_query *want, store_scan_host_fn fn,
		     void *arg)
{
	_sql_ struct sql q = { .s = s };
	const char *node = want->node ? want->node : "";
	int ret = sql_get(
		&q,
		HOST_COLS
		"AND (? = 0 OR h.scan_id = ?) AND (? = '' OR n.name = ?) AND h.ended_ns >= ? AND "
		"h.ended_ns < ? ORDER BY h.ended_ns, h.scan_id, n.name, h.addr LIMIT ?",
		U(want->scan_id), U(want->scan_id), S(node), S(node), U(want->since_ns),
		U(want->until_ns ? want->until_ns : (uint64_t)OPEN_END),
		U(want->limit ? (uint64_t)want->limit : (uint64_t)OPEN_END));

	return ret ? ret : each_host(&q, fn, arg);
}

int store_scan_host_newest(struct store *s, const char *node, store_scan_host_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, HOST_COLS "AND n.name = ? ORDER BY h.ended_ns DESC LIMIT 1", S(node));

	return ret ? ret : each_host(&q, fn, arg);
}

int store_scan_uncompared(struct store *s, uint64_t since_ns, uint32_t limit, store_scan_host_fn fn,
			  void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  HOST_COLS "AND h.compared_ns = 0 AND h.ended_ns >= ? ORDER BY "
				    "h.ended_ns, h.scan_id, n.name, h.addr LIMIT ?",
			  U(since_ns ? since_ns : 1), U(limit));

	return ret ? ret : each_host(&q, fn, arg);
}

int store_scan_ports(struct store *s, uint64_t scan_id, const char *node, const char *addr,
		     store_scan_port_fn fn, void *arg)
{
	const struct store_scan_host h = { .scan_id = scan_id, .node = node, .addr = addr };
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT p.proto, p.port, p.state, p.reason, p.reason_ttl, p.service, "
			  "p.method, p.conf, p.product, p.version, p.extra, p.tunnel, "
			  "p.fingerprint FROM scan_ports p JOIN nodes n ON n.id = p.node_id WHERE "
			  "p.scan_id = ? AND n.name = ? AND p.addr = ? ORDER BY p.proto, p.port",
			  U(scan_id), S(node), S(addr));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_scan_port p = {
			.proto = (enum door_proto)sql_u64(&q, 0),
			.port = (uint32_t)sql_u64(&q, 1),
			.state = port_state_parse(sql_str(&q, 2)),
			.reason = sql_str(&q, 3),
			.reason_ttl = (uint32_t)sql_u64(&q, 4),
			.service = sql_str(&q, 5),
			.method = service_method_parse(sql_str(&q, 6)),
			.conf = (uint32_t)sql_u64(&q, 7),
			.product = sql_str(&q, 8),
			.version = sql_str(&q, 9),
			.extra = sql_str(&q, 10),
			.tunnel = sql_str(&q, 11),
			.fingerprint = sql_str(&q, 12),
		};

		ret = fn(&h, &p, arg);
	}
	return ret;
}

int store_scan_host_ports(struct store *s, const char *node, const char *addr, uint64_t since_ns,
			  store_scan_port_fn fn, void *arg)
{
	const struct store_scan_host h = { .node = node, .addr = addr };
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q,
		"SELECT p.proto, p.port, p.state FROM nodes n JOIN scan_hosts h ON h.node_id = "
		"n.id JOIN scan_ports p ON p.scan_id = h.scan_id AND p.node_id = h.node_id AND "
		"p.addr = h.addr WHERE n.name = ? AND h.addr = ? AND h.state = 'seen' AND "
		"h.ended_ns >= ? ORDER BY h.ended_ns, h.scan_id, p.proto, p.port",
		S(node), S(addr), U(since_ns));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_scan_port p = { .proto = (enum door_proto)sql_u64(&q, 0),
						   .port = (uint32_t)sql_u64(&q, 1),
						   .state = port_state_parse(sql_str(&q, 2)) };

		ret = fn(&h, &p, arg);
	}
	return ret;
}

int store_scan_detected(struct store *s, store_detected_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT n.name, p.addr, p.port, h.started_ns, p.method, p.fingerprint "
			  "FROM scans s JOIN scan_hosts h ON h.scan_id = s.id JOIN scan_ports p ON "
			  "p.scan_id = h.scan_id AND p.node_id = h.node_id AND p.addr = h.addr "
			  "JOIN nodes n ON n.id = h.node_id WHERE s.kind = 'version' AND h.state = "
			  "'seen' AND p.proto = ? AND p.state = 'open' ORDER BY h.ended_ns",
			  CONST(PROTO_TCP));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_detected d = {
			.node = sql_str(&q, 0),
			.addr = sql_str(&q, 1),
			.port = (uint32_t)sql_u64(&q, 2),
			.started_ns = sql_u64(&q, 3),
			.spoke = service_method_parse(sql_str(&q, 4)) == METHOD_PROBED ||
				 *sql_str(&q, 5),
		};

		ret = fn(&d, arg);
	}
	return ret;
}

int store_scan_last(struct store *s, enum scan_kind kind, store_scan_last_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT n.name, max(h.ended_ns) FROM scan_hosts h JOIN nodes n ON n.id = "
			  "h.node_id JOIN scans s ON s.id = h.scan_id WHERE s.kind = ? AND h.state "
			  "= 'seen' GROUP BY n.name ORDER BY n.name",
			  S(scan_kind_name(kind)));

	while (!ret && (ret = sql_step(&q)) > 0)
		ret = fn(sql_str(&q, 0), sql_u64(&q, 1), arg);
	return ret;
}

/* --- retention --------------------------------------------------------------------------------------- */

/* The oldest scan that may go: each of its hosts was seen again by a later one of its kind; but a scan of the deferred queue asks for less than a
 * whole pass. 1: there is one. */
static int find_old(struct store *s, uint64_t before_ns, uint64_t *ret_id)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT s.id FROM scans s WHERE s.ended_ns > 0 AND s.ended_ns < ? AND "
			  "NOT EXISTS (SELECT 1 FROM scan_hosts h WHERE h.scan_id = s.id AND "
			  "h.state = 'seen' AND NOT EXISTS (SELECT 1 FROM scan_hosts m JOIN scans "
			  "t ON t.id = m.scan_id WHERE m.node_id = h.node_id AND m.addr = h.addr "
			  "AND m.ended_ns > h.ended_ns AND m.state = 'seen' AND t.kind = s.kind "
			  "AND (t.priority > 0 OR s.priority = 0))) ORDER BY s.ended_ns LIMIT 1",
			  U(before_ns));

	if (!ret)
		ret = sql_step(&q);
	if (ret > 0)
		*ret_id = sql_u64(&q, 0);
	return ret;
}

static int delete_scan(struct store *s, uint64_t id)
{
	int err = sql_run(s, NULL, "DELETE FROM scan_ports WHERE scan_id = ?", U(id));

	if (!err)
		err = sql_run(s, NULL, "DELETE FROM scan_hosts WHERE scan_id = ?", U(id));
	if (!err)
		err = sql_run(s, NULL, "DELETE FROM scan_shards WHERE scan_id = ?", U(id));
	return err ? err : sql_run(s, NULL, "DELETE FROM scans WHERE id = ?", U(id));
}

int store_scan_prune(struct store *s, uint64_t before_ns, uint64_t limit, uint64_t *ret_n)
{
	uint64_t n = 0, id = 0;
	int ret = 0;

	while (n < limit && (ret = find_old(s, before_ns, &id)) > 0) {
		ret = write_op(s, delete_scan(s, id));
		if (ret)
			break;
		n++;
	}
	if (ret >= 0)
		ret = write_op(s, scan_changes_prune(s, before_ns));
	if (!ret)
		*ret_n = n;
	return ret;
}
