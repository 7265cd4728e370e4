/* SPDX-License-Identifier: GPL-2.0 */
#include "store/scan_changes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql.h"
#include "store/wrap.h"

/* How a port stood. */
struct stands {
	uint64_t id;
	enum door_proto proto;
	uint32_t port;
	enum port_state state;
	char service[SCAN_SERVICE_MAX];
};
struct standing {
	size_t len, cap;
	struct stands *rows;
};

struct noting {
	struct store *s;
	const struct store_scan_host *h;
	uint64_t node_id;
	const char *owner;
	bool locked;
};

static void scan_port_service(const struct store_scan_port *p, char to[SCAN_SERVICE_MAX])
{
	const char *tunnel = p->tunnel ? p->tunnel : "", *name = p->service ? p->service : "",
		   *product = p->product ? p->product : "", *version = p->version ? p->version : "";

	if (p->method != METHOD_PROBED)
		*to = '\0';
	else
		snprintf(to, SCAN_SERVICE_MAX, "%s%s%s%s%s%s%s", tunnel, *tunnel ? "/" : "", name,
			 *product ? " " : "", product, *version ? " " : "", version);
}

static int load(const struct noting *n, struct standing *all)
{
	_sql_ struct sql q = { .s = n->s };
	int ret = sql_get(&q,
			  "SELECT id, proto, port, state, service FROM scan_changes WHERE node_id "
			  "= ? AND newest = 1 AND addr = ?",
			  U(n->node_id), S(n->h->addr));

	while (!ret && (ret = sql_step(&q)) > 0) {
		struct stands *r;

		ret = 0;
		if (all->len == all->cap) {
			size_t cap = all->cap ? 2 * all->cap : 64;
			struct stands *rows = reallocarray(all->rows, cap, sizeof(*rows));

			if (!rows)
				return -ENOMEM;
			all->rows = rows;
			all->cap = cap;
		}
		r = &all->rows[all->len++];
		*r = (struct stands){ .id = sql_u64(&q, 0),
				      .proto = (enum door_proto)sql_u64(&q, 1),
				      .port = (uint32_t)sql_u64(&q, 2),
				      .state = port_state_parse(sql_str(&q, 3)) };
		snprintf(r->service, sizeof(r->service), "%s", sql_str(&q, 4));
	}
	return ret;
}

/*
 * Two scanners' changes are numbered in the order of their commits, so that whoever follows passes
 * none over.
 */
static int lock(struct noting *n)
{
	if (n->locked)
		return 0;
	n->locked = true;
	return sql_run(n->s, NULL,
		       "UPDATE settings SET value = CAST(value AS DECIMAL(20)) + 1 WHERE name = "
		       "'scan_change_lock'");
}

static int put(struct noting *n, const struct stands *was, const struct stands *now)
{
	int err = lock(n);

	if (!err && was)
		err = sql_run(n->s, NULL, "UPDATE scan_changes SET newest = 0 WHERE id = ?",
			      U(was->id));
	return err ? err
		   : sql_run(n->s, NULL,
			     "INSERT INTO scan_changes (at_ns, scan_id, node_id, addr, proto, "
			     "port, was, state, service_was, service, scanner) VALUES (?, ?, ?, ?, "
			     "?, ?, ?, ?, ?, ?, ?)",
			     U(n->h->ended_ns), U(n->h->scan_id), U(n->node_id), S(n->h->addr),
			     U(now->proto), U(now->port), S(was ? port_state_name(was->state) : ""),
			     S(port_state_name(now->state)), S(was ? was->service : ""),
			     S(now->service), S(n->owner));
}

/*
 * The service is reported for the first time: no change of the port, but what the next one is
 * compared with.
 */
static int learn(struct noting *n, const struct stands *was, const struct stands *now)
{
	return sql_run(n->s, NULL, "UPDATE scan_changes SET service = ? WHERE id = ?",
		       S(now->service), U(was->id));
}

static bool tells(enum port_state s)
{
	return s == PORT_OPEN || s == PORT_CLOSED || s == PORT_FILTERED;
}

static int compare(struct noting *n, const struct stands *was, struct stands *now)
{
	if (!tells(now->state))
		return 0;
	if (!was)
		return now->state == PORT_OPEN ? put(n, NULL, now) : 0;
	if (now->state == PORT_OPEN && !*now->service)
		snprintf(now->service, sizeof(now->service), "%s", was->service);
	if (now->state != was->state)
		return put(n, was, now);
	if (now->state != PORT_OPEN || !strcmp(now->service, was->service))
		return 0;
	return *was->service ? put(n, was, now) : learn(n, was, now);
}

static const struct stands *find(const struct standing *all, enum door_proto proto, uint32_t port)
{
	for (size_t i = 0; i < all->len; i++)
		if (all->rows[i].port == port && all->rows[i].proto == proto)
			return &all->rows[i];
	return NULL;
}

static const struct store_scan_port *find_port(const struct store_scan_port *ports, size_t n,
					       const struct stands *r)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i].port == r->port && ports[i].proto == r->proto)
			return &ports[i];
	return NULL;
}

static int note(struct noting *n, const struct store_scan_port *ports, size_t ports_len,
		const struct standing *all)
{
	int err = 0;

	for (size_t i = 0; i < ports_len && !err; i++) {
		struct stands now = { .proto = ports[i].proto,
				      .port = ports[i].port,
				      .state = ports[i].state };

		scan_port_service(&ports[i], now.service);
		err = compare(n, find(all, now.proto, now.port), &now);
	}
	for (size_t i = 0; i < all->len && !err; i++) {
		const struct stands *was = &all->rows[i];
		struct stands now = { .proto = was->proto, .port = was->port };

		if (find_port(ports, ports_len, was) || was->port > UINT16_MAX)
			continue;
		now.state = port_folded_state(n->h->folded ? n->h->folded : "", was->proto,
					      (uint16_t)was->port);
		err = compare(n, was, &now);
	}
	return err;
}

int scan_changes_note(struct store *s, const struct store_scan_host *h, uint64_t node_id,
		      const char *owner, const struct store_scan_port *ports, size_t n)
{
	struct noting to = { .s = s, .h = h, .node_id = node_id, .owner = owner };
	struct standing all = { 0 };
	int err = load(&to, &all);

	if (!err)
		err = note(&to, ports, n, &all);
	free(all.rows);
	return err;
}

int scan_changes_prune(struct store *s, uint64_t before_ns)
{
	return sql_run(s, NULL, "DELETE FROM scan_changes WHERE at_ns < ? AND newest = 0",
		       U(before_ns));
}

/* --- reading ------------------------------------------------------------------------------------- */

#define OPEN_END INT64_MAX
#define SELECT                                                                                     \
	"SELECT x.id, x.at_ns, x.scan_id, c.plan, c.kind, n.name, n.host_type, x.addr, x.proto, "  \
	"x.port, x.was, x.state, x.service_was, x.service, x.scanner FROM scan_changes x JOIN "    \
	"nodes n ON n.id = x.node_id LEFT JOIN scans c ON c.id = x.scan_id WHERE "
#define BY_TIME                                                                                    \
	"x.at_ns >= ? AND x.at_ns < ? AND (x.at_ns > ? OR x.id > ?) ORDER BY x.at_ns, x.id LIMIT " \
	"?"

static int give(const struct sql *q, store_scan_change_fn fn, void *arg)
{
	const struct store_scan_change c = {
		.id = sql_u64(q, 0),
		.at_ns = sql_u64(q, 1),
		.scan_id = sql_u64(q, 2),
		.plan = sql_str(q, 3),
		.kind = scan_kind_parse(sql_str(q, 4)),
		.node = sql_str(q, 5),
		.host_type = sql_str(q, 6),
		.addr = sql_str(q, 7),
		.proto = (enum door_proto)sql_u64(q, 8),
		.port = (uint32_t)sql_u64(q, 9),
		.was = port_state_parse(sql_str(q, 10)),
		.state = port_state_parse(sql_str(q, 11)),
		.service_was = sql_str(q, 12),
		.service = sql_str(q, 13),
		.scanner = sql_str(q, 14),
	};

	return fn(&c, arg);
}

#define BACK "x.at_ns >= ? AND x.at_ns < ? ORDER BY x.at_ns DESC, x.id DESC LIMIT ?"

/* A server sends all that is asked for: no more than anybody looks at. */
static int ask_back(struct sql *q, const struct store_scan_change_query *want)
{
	uint64_t limit = want->limit ? want->limit : SCAN_CHANGES_BACK_MAX, node = 0,
		 until = want->until_ns ? want->until_ns : (uint64_t)OPEN_END;
	int err;

	if (!want->node)
		return sql_get(q, SELECT BACK, U(want->since_ns), U(until), U(limit));
	err = sql_node_id(q->s, want->node, &node);
	return err ? err
		   : sql_get(q, SELECT "x.node_id = ? AND " BACK, U(node), U(want->since_ns),
			     U(until), U(limit));
}

static int ask(struct sql *q, const struct store_scan_change_query *want)
{
	uint64_t limit = want->limit ? want->limit : (uint64_t)OPEN_END,
		 until = want->until_ns ? want->until_ns : (uint64_t)OPEN_END,
		 since = want->since_ns > want->after_ns ? want->since_ns : want->after_ns;
	uint64_t node = 0;
	int err;

	if (want->newest_first)
		return ask_back(q, want);
	if (want->by_id)
		return sql_get(q, SELECT "x.id > ? ORDER BY x.id LIMIT ?", U(want->after_id),
			       U(limit));
	if (!want->node)
		return sql_get(q, SELECT BY_TIME, U(since), U(until), U(want->after_ns),
			       U(want->after_id), U(limit));
	err = sql_node_id(q->s, want->node, &node);
	return err ? err
		   : sql_get(q, SELECT "x.node_id = ? AND " BY_TIME, U(node), U(since), U(until),
			     U(want->after_ns), U(want->after_id), U(limit));
}

int store_scan_changes(struct store *s, const struct store_scan_change_query *want,
		       store_scan_change_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret;

	ret = ask(&q, want);
	while (!ret && (ret = sql_step(&q)) > 0)
		ret = give(&q, fn, arg);
	return ret;
}

int store_scan_change_last(struct store *s, uint64_t *ret_id)
{
	_sql_ struct sql q = { .s = s };
	int ret = 0;

	*ret_id = 0;
	ret = sql_get(&q, "SELECT id FROM scan_changes ORDER BY id DESC LIMIT 1");
	if (!ret)
		ret = sql_step(&q);
	if (ret > 0)
		*ret_id = sql_u64(&q, 0);
	return ret < 0 ? ret : 0;
}
