/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

/* Nodes, how far each of their boots is judged, and settings. */

static void remember_node(struct sq *s, const char *node, int64_t id)
{
	snprintf(s->node, sizeof(s->node), "%s", node);
	s->node_id = id;
}

int sq_node_id(struct sq *s, const char *node, int64_t *ret_id)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	if (s->node[0] && !strcmp(s->node, node)) {
		*ret_id = s->node_id;
		return 0;
	}
	ret = sq_get(s, "SELECT id FROM nodes WHERE name = ?", &st);
	if (ret)
		return ret;
	sq_str(st, 1, node);
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	if (!ret)
		return store_set_why(&s->base, -ENOENT, "store %s knows no node %s", s->shown,
				     node);
	*ret_id = sqlite3_column_int64(st->st, 0);
	remember_node(s, node, *ret_id);
	return 0;
}

static int make_host_type(struct sq *s, const char *host_type)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s, "INSERT INTO host_types (name) VALUES (?) ON CONFLICT DO NOTHING", &st);
	if (err)
		return err;
	sq_str(st, 1, host_type);
	return sq_run(s, st);
}

static int insert_node(struct sq *s, const char *node, const char *host_type, uint64_t now_ns)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "INSERT INTO nodes (name, host_type, reported_host_type, first_seen_ns, "
		     "last_seen_ns) VALUES (?1, ?2, ?2, ?3, ?3)",
		     &st);
	if (err)
		return err;
	sq_str(st, 1, node);
	sq_str(st, 2, host_type);
	sq_u64(st, 3, now_ns);
	return sq_run(s, st);
}

/* What the node says of its class counts when it changes; what a person set stands until then. */
static int report_host_type(struct sq *s, int64_t id, const char *host_type)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "UPDATE nodes SET host_type = ?2, reported_host_type = ?2 "
		     "WHERE id = ?1 AND reported_host_type <> ?2",
		     &st);
	if (err)
		return err;
	sq_u64(st, 1, (uint64_t)id);
	sq_str(st, 2, host_type);
	err = sq_run(s, st);
	if (!err && sqlite3_changes(s->db))
		err = make_host_type(s, host_type);
	return err;
}

int sq_node_make(struct sq *s, const char *node, const char *host_type, uint64_t now_ns,
		 int64_t *ret_id)
{
	int err;

	err = sq_node_id(s, node, ret_id);
	if (!err)
		return report_host_type(s, *ret_id, host_type);
	if (err != -ENOENT)
		return err;
	err = make_host_type(s, host_type);
	if (!err)
		err = insert_node(s, node, host_type, now_ns);
	if (!err)
		err = sq_node_id(s, node, ret_id);
	return err;
}

int sq_nodes(struct store *base, store_node_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(
		s,
		"SELECT name, host_type, first_seen_ns, last_seen_ns, event_count, lost_count, "
		"tier, boot_seq, seq, reported_host_type FROM nodes ORDER BY name",
		&st);
	if (ret)
		return ret;
	while ((ret = sq_step(s, st)) > 0) {
		struct store_node n = {
			.name = sq_col_str(st, 0),
			.host_type = sq_col_str(st, 1),
			.first_seen_ns = sq_col_u64(st, 2),
			.last_seen_ns = sq_col_u64(st, 3),
			.events = sq_col_u64(st, 4),
			.lost = sq_col_u64(st, 5),
			.tier = sq_col_str(st, 6),
			.boot_seq = (uint32_t)sq_col_u64(st, 7),
			.seq = sq_col_u64(st, 8),
			.reported = sq_col_str(st, 9),
		};

		ret = fn(&n, arg);
		if (ret)
			break;
	}
	return ret;
}

int sq_set_host_type(struct store *base, const char *node, const char *host_type)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int64_t id;
	int err;

	err = sq_node_id(s, node, &id);
	if (!err)
		err = make_host_type(s, host_type);
	if (!err)
		err = sq_get(s, "UPDATE nodes SET host_type = ? WHERE id = ?", &st);
	if (err)
		return err;
	sq_str(st, 1, host_type);
	sq_u64(st, 2, (uint64_t)id);
	return sq_run(s, st);
}

int sq_pending(struct store *base, store_pending_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT n.name, n.host_type, j.boot_seq, j.judged_seq, j.stored_seq "
		     "FROM journals j CROSS JOIN nodes n ON n.id = j.node_id "
		     "WHERE j.stored_seq > j.judged_seq ORDER BY j.node_id, j.boot_seq",
		     &st);
	if (ret)
		return ret;
	while ((ret = sq_step(s, st)) > 0) {
		struct store_pending p = {
			.node = sq_col_str(st, 0),
			.host_type = sq_col_str(st, 1),
			.boot_seq = (uint32_t)sq_col_u64(st, 2),
			.judged_seq = sq_col_u64(st, 3),
			.stored_seq = sq_col_u64(st, 4),
		};

		ret = fn(&p, arg);
		if (ret)
			break;
	}
	return ret;
}

static int why_not_judged(struct sq *s, int64_t id, const char *node, uint32_t boot_seq)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s, "SELECT 1 FROM journals WHERE node_id = ? AND boot_seq = ?", &st);
	if (ret)
		return ret;
	sq_u64(st, 1, (uint64_t)id);
	sq_u64(st, 2, boot_seq);
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	return ret ? store_set_why(&s->base, -ECANCELED,
				   "boot %u of %s: what is judged has changed meanwhile", boot_seq,
				   node)
		   : store_set_why(&s->base, -ENOENT, "store %s has nothing of boot %u of %s",
				   s->shown, boot_seq, node);
}

int sq_set_judged(struct store *base, const char *node, uint32_t boot_seq, uint64_t from_seq,
		  uint64_t judged_seq)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int64_t id;
	int err;

	err = sq_node_id(s, node, &id);
	if (!err)
		err = sq_get(
			s,
			"UPDATE journals SET judged_seq = ? WHERE node_id = ? AND boot_seq = ? AND "
			"judged_seq = ?",
			&st);
	if (err)
		return err;
	sq_u64(st, 1, judged_seq);
	sq_u64(st, 2, (uint64_t)id);
	sq_u64(st, 3, boot_seq);
	sq_u64(st, 4, from_seq);
	err = sq_run(s, st);
	return err || sqlite3_changes(s->db) ? err : why_not_judged(s, id, node, boot_seq);
}

int sq_setting_get(struct store *base, const char *name, struct buf *b)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s, "SELECT value FROM settings WHERE name = ?", &st);
	if (ret)
		return ret;
	sq_str(st, 1, name);
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	if (!ret)
		return -ENOENT;
	buf_puts(b, sq_col_str(st, 0));
	return b->err;
}

int sq_setting_set(struct store *base, const char *name, const char *value)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "INSERT INTO settings (name, value) VALUES (?1, ?2) "
		     "ON CONFLICT (name) DO UPDATE SET value = ?2",
		     &st);
	if (err)
		return err;
	sq_str(st, 1, name);
	sq_str(st, 2, value);
	return sq_run(s, st);
}
