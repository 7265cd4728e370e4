/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/redirect.h"
#include "store/sql.h"
#include "store/wrap.h"

/* Nodes and their classes. */

/* *ret_same: the node has said this class before (NULL host_type: not asked). */
static int find_node(struct store *s, const char *node, const char *host_type, uint64_t *ret_id,
		     bool *ret_same)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q, "SELECT id, reported_host_type = ? FROM nodes WHERE name = ?",
			    S_NULL(host_type), S(node));

	if (ret < 0)
		return ret;
	if (!ret)
		return store_set_why(s, -ENOENT, "store %s knows no node %s", s->shown, node);
	*ret_id = sql_u64(&q, 0);
	*ret_same = sql_u64(&q, 1);
	return 0;
}

static void remember_node(struct store *s, const char *node, const char *host_type, uint64_t id)
{
	snprintf(s->node.name, sizeof(s->node.name), "%s", node);
	snprintf(s->node.host_type, sizeof(s->node.host_type), "%s", host_type);
	s->node.id = id;
}

static bool is_remembered(const struct store *s, const char *node)
{
	return s->node.name[0] && !strcmp(s->node.name, node);
}

int sql_node_id(struct store *s, const char *node, uint64_t *ret_id)
{
	bool same;
	int err;

	if (is_remembered(s, node)) {
		*ret_id = s->node.id;
		return 0;
	}
	err = find_node(s, node, NULL, ret_id, &same);
	if (!err)
		remember_node(s, node, "", *ret_id);
	return err;
}

static int make_host_type(struct store *s, const char *host_type)
{
	uint64_t now = 0;
	int err = sql_now(s, &now);

	return err ? err
		   : sql_run(s, NULL,
			     SQL_INSERT_NEW(
				     s, "INSERT INTO host_types (name, created_ns) VALUES (?, ?)",
				     "name"),
			     S(host_type), U(now));
}

static int insert_node(struct store *s, const char *node, const char *host_type, uint64_t now_ns)
{
	return sql_run(s, NULL,
		       SQL_INSERT_NEW(s,
				      "INSERT INTO nodes (name, host_type, reported_host_type, "
				      "first_seen_ns, last_seen_ns) VALUES (?, ?, ?, ?, ?)",
				      "name"),
		       S(node), S(host_type), S(host_type), U(now_ns), U(now_ns));
}

/* What the node says of its class counts when it changes; what a person set stands until then. */
static int report_host_type(struct store *s, uint64_t id, const char *host_type)
{
	int err = sql_run(s, NULL,
			  "UPDATE nodes SET host_type = ?, reported_host_type = ? WHERE id = ? AND "
			  "reported_host_type <> ?",
			  S(host_type), S(host_type), U(id), S(host_type));

	return err ? err : make_host_type(s, host_type);
}

int sql_node_make(struct store *s, const char *node, const char *host_type, uint64_t now_ns,
		  uint64_t *ret_id)
{
	bool same = false;
	int err;

	if (is_remembered(s, node) && !strcmp(s->node.host_type, host_type)) {
		*ret_id = s->node.id;
		return 0;
	}
	/*
	 * A server compares as if there were no blanks at the end: two such names would be one
	 * node.
	 */
	if (node[strlen(node) - 1] == ' ' || host_type[strlen(host_type) - 1] == ' ')
		return store_set_why(s, -EINVAL,
				     "the name of a node or class does not end with a blank");
	err = find_node(s, node, host_type, ret_id, &same);
	if (err == -ENOENT) {
		err = make_host_type(s, host_type);
		if (!err)
			err = insert_node(s, node, host_type, now_ns);
		if (!err)
			err = find_node(s, node, host_type, ret_id, &same);
	}
	if (!err && !same)
		err = report_host_type(s, *ret_id, host_type);
	if (!err)
		remember_node(s, node, host_type, *ret_id);
	return err;
}

#define NODE_COLS                                                                                  \
	"n.name, n.host_type, n.first_seen_ns, n.last_seen_ns, n.event_count, n.lost_count, "      \
	"n.tier, n.boot_seq, n.seq, n.reported_host_type"
#define NODE_COLS_LEN 10

static struct store_node read_node(const struct sql *q)
{
	return (struct store_node){
		.name = sql_str(q, 0),
		.host_type = sql_str(q, 1),
		.first_seen_ns = sql_u64(q, 2),
		.last_seen_ns = sql_u64(q, 3),
		.events = sql_u64(q, 4),
		.lost = sql_u64(q, 5),
		.tier = sql_str_null(q, 6),
		.boot_seq = (uint32_t)sql_u64(q, 7),
		.seq = sql_u64(q, 8),
		.reported = sql_str(q, 9),
	};
}

int store_nodes(struct store *s, store_node_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, "SELECT " NODE_COLS " FROM nodes n ORDER BY n.name");

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_node n = read_node(&q);

		ret = fn(&n, arg);
	}
	return ret;
}

/* Each part is looked up by an index, for each node. */
#define NODES_BETWEEN(doors, name, nodes)                                                          \
	"SELECT " NODE_COLS ", e.happened_ns, e.kind, (SELECT count(*) FROM doors d " doors        \
	" WHERE d.node_id = n.id AND d.closed_ns = 0), (SELECT v.value FROM settings v WHERE "     \
	"v.name = " name ") FROM nodes n " nodes " LEFT JOIN events e ON e.node_id = n.id AND "    \
	"e.boot_seq = n.boot_seq AND e.seq = n.seq WHERE n.name >= ? AND n.name <= ? ORDER BY "    \
	"n.name"

int store_nodes_between(struct store *s, const char *first, const char *last, store_node_more_fn fn,
			void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  SQL_TEXT(s,
				   NODES_BETWEEN("FORCE INDEX (doors_node)",
						 "concat('" REDIRECT_SETTING "', n.name)",
						 "FORCE INDEX (nodes_name)"),
				   NODES_BETWEEN("INDEXED BY doors_open",
						 "'" REDIRECT_SETTING "' || n.name", "")),
			  S(first), S(last));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_node n = read_node(&q);
		const struct store_node_more m = {
			.last_event_ns = sql_u64(&q, NODE_COLS_LEN),
			.stopped = sql_u64(&q, NODE_COLS_LEN + 1) == EVENT_STOP,
			.doors = sql_u64(&q, NODE_COLS_LEN + 2),
			.redirects = sql_str_null(&q, NODE_COLS_LEN + 3),
		};

		ret = fn(&n, &m, arg);
	}
	return ret;
}

static int set_host_type(struct store *s, const char *node, const char *host_type)
{
	uint64_t id = 0;
	int err = sql_node_id(s, node, &id);

	if (!err)
		err = make_host_type(s, host_type);
	return err ? err
		   : sql_run(s, NULL, "UPDATE nodes SET host_type = ? WHERE id = ?", S(host_type),
			     U(id));
}

int store_set_host_type(struct store *s, const char *node, const char *host_type)
{
	int err = store_check_name(s, "node class", host_type);

	return err ? err : write_op(s, set_host_type(s, node, host_type));
}
