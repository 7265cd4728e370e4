/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Nodes, how far each of their boots is judged, and settings. */

/* *ret_same: the node has said this class before (NULL host_type: not asked). */
static int find_node(struct my *s, const char *node, const char *host_type, uint64_t *ret_id,
		     bool *ret_same)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s, "SELECT id, reported_host_type = ? FROM nodes WHERE name = ?", &u.st);
	if (ret)
		return ret;
	my_str(u.st, 1, host_type);
	my_str(u.st, 2, node);
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	if (!ret)
		return store_set_why(&s->base, -ENOENT, "store %s knows no node %s", s->name, node);
	*ret_id = my_col_u64(u.st, 0);
	*ret_same = my_col_u64(u.st, 1);
	return 0;
}

static void remember_node(struct my *s, const char *node, const char *host_type, uint64_t id)
{
	snprintf(s->node, sizeof(s->node), "%s", node);
	snprintf(s->host_type, sizeof(s->host_type), "%s", host_type);
	s->node_id = id;
}

int my_node_id(struct my *s, const char *node, uint64_t *ret_id)
{
	bool same;
	int err;

	if (s->node[0] && !strcmp(s->node, node)) {
		*ret_id = s->node_id;
		return 0;
	}
	err = find_node(s, node, NULL, ret_id, &same);
	if (!err)
		remember_node(s, node, "", *ret_id);
	return err;
}

static int make_host_type(struct my *s, const char *host_type)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "INSERT INTO host_types (name, created_ns) VALUES (?, unix_timestamp() * "
		     "1000000000) "
		     "ON DUPLICATE KEY UPDATE name = name",
		     &u.st);
	if (err)
		return err;
	my_str(u.st, 1, host_type);
	return my_run(s, u.st, NULL);
}

static int insert_node(struct my *s, const char *node, const char *host_type, uint64_t now_ns)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "INSERT INTO nodes (name, host_type, reported_host_type, first_seen_ns, "
		     "last_seen_ns) "
		     "VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE name = name",
		     &u.st);
	if (err)
		return err;
	my_str(u.st, 1, node);
	my_str(u.st, 2, host_type);
	my_str(u.st, 3, host_type);
	my_u64(u.st, 4, now_ns);
	my_u64(u.st, 5, now_ns);
	return my_run(s, u.st, NULL);
}

/* What the node says of its class counts when it changes; what a person set stands until then. */
static int report_host_type(struct my *s, uint64_t id, const char *host_type)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "UPDATE nodes SET host_type = ?, reported_host_type = ? WHERE id = ? AND "
		     "reported_host_type <> ?",
		     &u.st);
	if (err)
		return err;
	my_str(u.st, 1, host_type);
	my_str(u.st, 2, host_type);
	my_u64(u.st, 3, id);
	my_str(u.st, 4, host_type);
	err = my_run(s, u.st, NULL);
	return err ? err : make_host_type(s, host_type);
}

int my_node_make(struct my *s, const char *node, const char *host_type, uint64_t now_ns,
		 uint64_t *ret_id)
{
	bool same = false;
	int err;

	if (s->node[0] && !strcmp(s->node, node) && !strcmp(s->host_type, host_type)) {
		*ret_id = s->node_id;
		return 0;
	}
	/* The server compares as if there were no blanks at the end: two such names would be one node. */
	if (node[strlen(node) - 1] == ' ' || host_type[strlen(host_type) - 1] == ' ')
		return store_set_why(&s->base, -EINVAL,
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

int my_nodes(struct store *base, store_node_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT name, host_type, first_seen_ns, last_seen_ns, event_count, "
		     "lost_count, tier, boot_seq, "
		     "seq, reported_host_type FROM nodes ORDER BY name",
		     &u.st);
	if (ret)
		return ret;
	while ((ret = my_step(s, u.st)) > 0) {
		struct store_node n = {
			.name = my_col_str(u.st, 0),
			.host_type = my_col_str(u.st, 1),
			.first_seen_ns = my_col_u64(u.st, 2),
			.last_seen_ns = my_col_u64(u.st, 3),
			.events = my_col_u64(u.st, 4),
			.lost = my_col_u64(u.st, 5),
			.tier = my_col_str(u.st, 6),
			.boot_seq = (uint32_t)my_col_u64(u.st, 7),
			.seq = my_col_u64(u.st, 8),
			.reported = my_col_str(u.st, 9),
		};

		ret = fn(&n, arg);
		if (ret)
			break;
	}
	return ret;
}

int my_set_host_type(struct store *base, const char *node, const char *host_type)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t id;
	int err;

	err = my_node_id(s, node, &id);
	if (!err)
		err = make_host_type(s, host_type);
	if (!err)
		err = my_get(s, "UPDATE nodes SET host_type = ? WHERE id = ?", &u.st);
	if (err)
		return err;
	my_str(u.st, 1, host_type);
	my_u64(u.st, 2, id);
	return my_run(s, u.st, NULL);
}

int my_pending(struct store *base, store_pending_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT n.name, n.host_type, j.boot_seq, j.judged_seq, j.stored_seq FROM "
		     "journals j "
		     "JOIN nodes n ON n.id = j.node_id WHERE j.is_pending = 1 ORDER BY j.node_id, "
		     "j.boot_seq",
		     &u.st);
	if (ret)
		return ret;
	while ((ret = my_step(s, u.st)) > 0) {
		struct store_pending p = {
			.node = my_col_str(u.st, 0),
			.host_type = my_col_str(u.st, 1),
			.boot_seq = (uint32_t)my_col_u64(u.st, 2),
			.judged_seq = my_col_u64(u.st, 3),
			.stored_seq = my_col_u64(u.st, 4),
		};

		ret = fn(&p, arg);
		if (ret)
			break;
	}
	return ret;
}

/* An update that changes no value counts no row, so it is looked at first, and held. */
static int lock_judged(struct my *s, uint64_t id, uint32_t boot_seq, uint64_t *ret_stands)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(
		s, "SELECT judged_seq FROM journals WHERE node_id = ? AND boot_seq = ? FOR UPDATE",
		&u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, id);
	my_u64(u.st, 2, boot_seq);
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret ? ret : -ENOENT;
	*ret_stands = my_col_u64(u.st, 0);
	return 0;
}

int my_set_judged(struct store *base, const char *node, uint32_t boot_seq, uint64_t from_seq,
		  uint64_t judged_seq)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t id, stands;
	int err;

	err = my_node_id(s, node, &id);
	if (!err)
		err = lock_judged(s, id, boot_seq, &stands);
	if (err == -ENOENT)
		return store_set_why(base, err, "store %s has nothing of boot %u of %s", s->name,
				     boot_seq, node);
	if (!err && stands != from_seq)
		return store_set_why(base, -ECANCELED,
				     "boot %u of %s: what is judged has changed meanwhile",
				     boot_seq, node);
	if (!err)
		err = my_get(
			s, "UPDATE journals SET judged_seq = ? WHERE node_id = ? AND boot_seq = ?",
			&u.st);
	if (err)
		return err;
	my_u64(u.st, 1, judged_seq);
	my_u64(u.st, 2, id);
	my_u64(u.st, 3, boot_seq);
	return my_run(s, u.st, NULL);
}

int my_setting_get(struct store *base, const char *name, struct buf *b)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s, "SELECT value FROM settings WHERE name = ?", &u.st);
	if (ret)
		return ret;
	my_str(u.st, 1, name);
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	if (!ret)
		return -ENOENT;
	buf_puts(b, my_col_str(u.st, 0));
	return b->err;
}

int my_setting_set(struct store *base, const char *name, const char *value)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "INSERT INTO settings (name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE "
		     "value = ?",
		     &u.st);
	if (err)
		return err;
	my_str(u.st, 1, name);
	my_str(u.st, 2, value);
	my_str(u.st, 3, value);
	return my_run(s, u.st, NULL);
}
