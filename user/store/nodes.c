/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/sql.h"
#include "store/wrap.h"

/* Nodes, and how far each of their boots is judged. */

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
	/* A server compares as if there were no blanks at the end: two such names would be one node. */
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

int store_nodes(struct store *s, store_node_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q, "SELECT name, host_type, first_seen_ns, last_seen_ns, event_count, lost_count, "
		    "tier, boot_seq, seq, reported_host_type FROM nodes ORDER BY name");

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_node n = {
			.name = sql_str(&q, 0),
			.host_type = sql_str(&q, 1),
			.first_seen_ns = sql_u64(&q, 2),
			.last_seen_ns = sql_u64(&q, 3),
			.events = sql_u64(&q, 4),
			.lost = sql_u64(&q, 5),
			.tier = sql_str_null(&q, 6),
			.boot_seq = (uint32_t)sql_u64(&q, 7),
			.seq = sql_u64(&q, 8),
			.reported = sql_str(&q, 9),
		};

		ret = fn(&n, arg);
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

/* --- what is judged --------------------------------------------------------------------------------- */

#define PENDING(which)                                                                             \
	"SELECT n.name, n.host_type, j.boot_seq, j.judged_seq, j.stored_seq FROM journals j "      \
	"CROSS JOIN nodes n ON n.id = j.node_id WHERE " which " ORDER BY j.node_id, j.boot_seq"

int store_pending(struct store *s, store_pending_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	/* Each is what an index of pending boots is made for. */
	int ret = sql_get(&q, SQL_TEXT(s, PENDING("j.is_pending = 1"),
				       PENDING("j.stored_seq > j.judged_seq")));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_pending p = {
			.node = sql_str(&q, 0),
			.host_type = sql_str(&q, 1),
			.boot_seq = (uint32_t)sql_u64(&q, 2),
			.judged_seq = sql_u64(&q, 3),
			.stored_seq = sql_u64(&q, 4),
		};

		ret = fn(&p, arg);
	}
	return ret;
}

int sql_lock_boot(struct store *s, uint64_t node_id, uint32_t boot_seq, uint64_t *ret_judged_seq)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(
		&q,
		SQL_LOCKED(s, "SELECT judged_seq FROM journals WHERE node_id = ? AND boot_seq = ?"),
		U(node_id), U(boot_seq));

	if (ret > 0)
		*ret_judged_seq = sql_u64(&q, 0);
	return ret;
}

/* An update that changes no value counts no row on a server, so it is looked at first, and held. */
static int set_judged(struct store *s, const char *node, uint32_t boot_seq, uint64_t from_seq,
		      uint64_t judged_seq)
{
	uint64_t id = 0, stands = 0;
	int ret = sql_node_id(s, node, &id);

	if (!ret)
		ret = sql_lock_boot(s, id, boot_seq, &stands);
	if (ret < 0)
		return ret;
	if (!ret)
		return store_set_why(s, -ENOENT, "store %s has nothing of boot %u of %s", s->shown,
				     boot_seq, node);
	if (stands != from_seq)
		return store_set_why(s, -ECANCELED,
				     "boot %u of %s: what is judged has changed meanwhile",
				     boot_seq, node);
	return sql_run(s, NULL,
		       "UPDATE journals SET judged_seq = ? WHERE node_id = ? AND boot_seq = ?",
		       U(judged_seq), U(id), U(boot_seq));
}

int store_set_judged(struct store *s, const char *node, uint32_t boot_seq, uint64_t from_seq,
		     uint64_t judged_seq)
{
	return write_op(s, set_judged(s, node, boot_seq, from_seq, judged_seq));
}
