/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>

/* Where alerts stand, and what people decide about them: see store/triage.h. */

/* What alerts and alert_log have in common, for copying a row of one into the other. */
#define LOG_COLS                                                                                   \
	"alert_key, kind, severity, state, host_type, nodes, open_count, proto, port, summary, "   \
	"why, remedy, first_ns, last_ns, boot_seq, seq, node, record, node_count, told_nodes, "    \
	"told_ns, until_ns, window_id"

static int open_count(struct sq *s, uint64_t alert_id, int64_t node_id, uint64_t *ret_open)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s, "SELECT open_count FROM alert_nodes WHERE alert_id = ? AND node_id = ?",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, alert_id);
	sq_u64(st, 2, (uint64_t)node_id);
	ret = sq_step(s, st);
	if (ret > 0)
		*ret_open = sq_col_u64(st, 0);
	return ret;
}

int sq_alert_node(struct store *base, const struct store_alert_step *step, uint64_t *ret_before,
		  uint64_t *ret_after)
{
	static const char insert[] =
		"INSERT INTO alert_nodes (open_count, last_ns, alert_id, node_id, first_ns) "
		"VALUES (?, ?, ?, ?, ?)";
	static const char update[] =
		"UPDATE alert_nodes SET open_count = ?, last_ns = max(last_ns, ?) "
		"WHERE alert_id = ? AND node_id = ?";
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	uint64_t before = 0, after;
	int64_t node_id;
	int ret;

	ret = sq_node_id(s, step->node, &node_id);
	if (ret)
		return ret;
	ret = open_count(s, step->alert_id, node_id, &before);
	if (ret < 0)
		return ret;
	after = store_alert_stepped(step, before);
	*ret_before = before;
	*ret_after = after;
	if (!ret && !after)
		return 0;
	{
		bool is_new = !ret;

		ret = sq_get(s, is_new ? insert : update, &st);
		if (ret)
			return ret;
		sq_u64(st, 1, after);
		sq_u64(st, 2, step->at_ns);
		sq_u64(st, 3, step->alert_id);
		sq_u64(st, 4, (uint64_t)node_id);
		if (is_new)
			sq_u64(st, 5, step->at_ns);
	}
	return sq_run(s, st);
}

int sq_alert_sum(struct store *base, uint64_t alert_id, struct store_alert_sum *ret)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "SELECT coalesce(sum(open_count), 0), coalesce(sum(open_count > 0), 0), "
		     "coalesce(max(last_ns), 0) FROM alert_nodes WHERE alert_id = ?",
		     &st);
	if (err)
		return err;
	sq_u64(st, 1, alert_id);
	err = sq_step(s, st);
	if (err <= 0)
		return err;
	ret->doors = sq_col_u64(st, 0);
	ret->nodes = sq_col_u64(st, 1);
	ret->last_ns = sq_col_u64(st, 2);
	return 0;
}

int sq_alert_nodes(struct store *base, uint64_t alert_id, bool open_only, store_alert_node_fn fn,
		   void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT n.name, n.host_type, x.first_ns, x.last_ns, x.open_count FROM "
		     "alert_nodes x "
		     "JOIN nodes n ON n.id = x.node_id WHERE x.alert_id = ? AND x.open_count >= ? "
		     "ORDER BY n.name",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, alert_id);
	sq_u64(st, 2, open_only);
	while ((ret = sq_step(s, st)) > 0) {
		const struct store_alert_node n = {
			.node = sq_col_str(st, 0),
			.host_type = sq_col_str(st, 1),
			.first_ns = sq_col_u64(st, 2),
			.last_ns = sq_col_u64(st, 3),
			.open = sq_col_u64(st, 4),
		};

		ret = fn(&n, arg);
		if (ret)
			break;
	}
	return ret;
}

int sq_alert_nodes_restart(struct store *base, uint64_t alert_id)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s, "DELETE FROM alert_nodes WHERE alert_id = ? AND open_count = 0", &st);
	if (err)
		return err;
	sq_u64(st, 1, alert_id);
	return sq_run(s, st);
}

static int has_alert(struct sq *s, uint64_t alert_id)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s, "SELECT id FROM alerts WHERE id = ?", &st);
	if (ret)
		return ret;
	sq_u64(st, 1, alert_id);
	ret = sq_step(s, st);
	return ret < 0 ? ret : ret ? 0 : -ENOENT;
}

int sq_alert_fold(struct store *base, uint64_t alert_id, const char *nodes, uint64_t node_count,
		  const char *summary)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = has_alert(s, alert_id);
	if (!err)
		err = sq_get(s,
			     "UPDATE alerts SET nodes = ?, node_count = ?, summary = coalesce(?, "
			     "summary) "
			     "WHERE id = ?",
			     &st);
	if (err)
		return err;
	sq_str(st, 1, nodes);
	sq_u64(st, 2, node_count);
	sq_str(st, 3, summary);
	sq_u64(st, 4, alert_id);
	return sq_run(s, st);
}

static int log_decision(struct sq *s, const struct store_decision *d, uint64_t *ret_log_id)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "INSERT INTO alert_log (" LOG_COLS
		     ", alert_id, at_ns, who, note) SELECT " LOG_COLS
		     ", id, ?, ?, ? FROM alerts WHERE id = ?",
		     &st);
	if (err)
		return err;
	sq_u64(st, 1, d->at_ns);
	sq_str(st, 2, d->who);
	sq_str(st, 3, d->note ? d->note : "");
	sq_u64(st, 4, d->alert_id);
	err = sq_run(s, st);
	if (!err)
		*ret_log_id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return err;
}

int sq_decide(struct store *base, const struct store_decision *d, uint64_t *ret_log_id)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s, "SELECT state FROM alerts WHERE id = ?", &st);
	if (ret)
		return ret;
	sq_u64(st, 1, d->alert_id);
	ret = sq_step(s, st);
	if (ret <= 0)
		return ret ? ret : store_set_why(base, -ENOENT, "no such alert");
	if (sq_col_u64(st, 0) != d->from)
		return store_set_why(base, -EAGAIN, "the alert has changed meanwhile");
	sq_put(take_ptr(st));
	ret = sq_get(s,
		     "UPDATE alerts SET state = ?, until_ns = ?, window_id = 0, told_nodes = "
		     "node_count, "
		     "told_ns = ? WHERE id = ?",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, d->to);
	sq_u64(st, 2, d->until_ns);
	sq_u64(st, 3, d->at_ns);
	sq_u64(st, 4, d->alert_id);
	ret = sq_run(s, st);
	return ret ? ret : log_decision(s, d, ret_log_id);
}

int sq_triage_marks(struct store *base, uint64_t *ret_log_id, uint64_t *ret_revision)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT (SELECT coalesce(max(id), 0) FROM alert_log), (SELECT CAST(value AS "
		     "INTEGER) "
		     "FROM settings WHERE name = 'triage_revision')",
		     &st);
	if (ret)
		return ret;
	ret = sq_step(s, st);
	if (ret <= 0)
		return ret;
	*ret_log_id = sq_col_u64(st, 0);
	*ret_revision = sq_col_u64(st, 1);
	return 0;
}
