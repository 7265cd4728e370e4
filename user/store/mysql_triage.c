/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>

/* Where alerts stand, and what people decide about them: see store/triage.h. */

/* What alerts and alert_log have in common, for copying a row of one into the other. */
#define LOG_COLS                                                                                   \
	"alert_key, kind, severity, state, host_type, nodes, open_count, proto, port, summary, "   \
	"why, remedy, first_ns, last_ns, boot_seq, seq, node, record, node_count, told_nodes, "    \
	"told_ns, until_ns, window_id"

static int open_count(struct my *s, uint64_t alert_id, uint64_t node_id, uint64_t *ret_open)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(
		s,
		"SELECT open_count FROM alert_nodes WHERE alert_id = ? AND node_id = ? FOR UPDATE",
		&u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, alert_id);
	my_u64(u.st, 2, node_id);
	ret = my_step(s, u.st);
	if (ret > 0)
		*ret_open = my_col_u64(u.st, 0);
	return ret;
}

int my_alert_node(struct store *base, const struct store_alert_step *step, uint64_t *ret_before,
		  uint64_t *ret_after)
{
	static const char insert[] =
		"INSERT INTO alert_nodes (open_count, last_ns, alert_id, node_id, first_ns) "
		"VALUES (?, ?, ?, ?, ?)";
	static const char update[] =
		"UPDATE alert_nodes SET open_count = ?, last_ns = greatest(last_ns, ?) "
		"WHERE alert_id = ? AND node_id = ?";
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t before = 0, after;
	uint64_t node_id;
	int ret;

	ret = my_node_id(s, step->node, &node_id);
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

		ret = my_get(s, is_new ? insert : update, &u.st);
		if (ret)
			return ret;
		my_u64(u.st, 1, after);
		my_u64(u.st, 2, step->at_ns);
		my_u64(u.st, 3, step->alert_id);
		my_u64(u.st, 4, node_id);
		if (is_new)
			my_u64(u.st, 5, step->at_ns);
	}
	return my_run(s, u.st, NULL);
}

int my_alert_sum(struct store *base, uint64_t alert_id, struct store_alert_sum *ret)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(
		s,
		"SELECT CAST(coalesce(sum(open_count), 0) AS UNSIGNED), "
		"CAST(coalesce(sum(open_count > 0), 0) AS UNSIGNED), "
		"CAST(coalesce(max(last_ns), 0) AS UNSIGNED) FROM alert_nodes WHERE alert_id = ?",
		&u.st);
	if (err)
		return err;
	my_u64(u.st, 1, alert_id);
	err = my_step(s, u.st);
	if (err <= 0)
		return err;
	ret->doors = my_col_u64(u.st, 0);
	ret->nodes = my_col_u64(u.st, 1);
	ret->last_ns = my_col_u64(u.st, 2);
	return 0;
}

int my_alert_nodes(struct store *base, uint64_t alert_id, bool open_only, store_alert_node_fn fn,
		   void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT n.name, n.host_type, x.first_ns, x.last_ns, x.open_count FROM "
		     "alert_nodes x "
		     "JOIN nodes n ON n.id = x.node_id WHERE x.alert_id = ? AND x.open_count >= ? "
		     "ORDER BY n.name",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, alert_id);
	my_u64(u.st, 2, open_only);
	while ((ret = my_step(s, u.st)) > 0) {
		const struct store_alert_node n = {
			.node = my_col_str(u.st, 0),
			.host_type = my_col_str(u.st, 1),
			.first_ns = my_col_u64(u.st, 2),
			.last_ns = my_col_u64(u.st, 3),
			.open = my_col_u64(u.st, 4),
		};

		ret = fn(&n, arg);
		if (ret)
			break;
	}
	return ret;
}

int my_alert_nodes_restart(struct store *base, uint64_t alert_id)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s, "DELETE FROM alert_nodes WHERE alert_id = ? AND open_count = 0", &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, alert_id);
	return my_run(s, u.st, NULL);
}

static int has_alert(struct my *s, uint64_t alert_id)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s, "SELECT id FROM alerts WHERE id = ?", &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, alert_id);
	ret = my_step(s, u.st);
	return ret < 0 ? ret : ret ? 0 : -ENOENT;
}

int my_alert_fold(struct store *base, uint64_t alert_id, const char *nodes, uint64_t node_count,
		  const char *summary)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = has_alert(s, alert_id);
	if (!err)
		err = my_get(s,
			     "UPDATE alerts SET nodes = ?, node_count = ?, summary = coalesce(?, "
			     "summary) "
			     "WHERE id = ?",
			     &u.st);
	if (err)
		return err;
	my_str(u.st, 1, nodes);
	my_u64(u.st, 2, node_count);
	my_str(u.st, 3, summary);
	my_u64(u.st, 4, alert_id);
	return my_run(s, u.st, NULL);
}

static int log_decision(struct my *s, const struct store_decision *d, uint64_t *ret_log_id)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "INSERT INTO alert_log (" LOG_COLS
		     ", alert_id, at_ns, who, note) SELECT " LOG_COLS
		     ", id, ?, ?, ? FROM alerts WHERE id = ?",
		     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, d->at_ns);
	my_str(u.st, 2, d->who);
	my_str(u.st, 3, d->note ? d->note : "");
	my_u64(u.st, 4, d->alert_id);
	err = my_run(s, u.st, NULL);
	if (!err)
		*ret_log_id = mysql_stmt_insert_id(u.st->st);
	return err;
}

int my_decide(struct store *base, const struct store_decision *d, uint64_t *ret_log_id)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_lock_log(s);
	if (ret)
		return ret;
	ret = my_get(s, "SELECT state FROM alerts WHERE id = ? FOR UPDATE", &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, d->alert_id);
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret ? ret : store_set_why(base, -ENOENT, "no such alert");
	if (my_col_u64(u.st, 0) != d->from)
		return store_set_why(base, -EAGAIN, "the alert has changed meanwhile");
	my_put(s, take_ptr(u.st));
	ret = my_get(s,
		     "UPDATE alerts SET state = ?, until_ns = ?, window_id = 0, told_nodes = "
		     "node_count, "
		     "told_ns = ? WHERE id = ?",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, d->to);
	my_u64(u.st, 2, d->until_ns);
	my_u64(u.st, 3, d->at_ns);
	my_u64(u.st, 4, d->alert_id);
	ret = my_run(s, u.st, NULL);
	return ret ? ret : log_decision(s, d, ret_log_id);
}

int my_triage_marks(struct store *base, uint64_t *ret_log_id, uint64_t *ret_revision)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT (SELECT CAST(coalesce(max(id), 0) AS UNSIGNED) FROM alert_log), "
		     "(SELECT CAST(value AS "
		     "UNSIGNED) "
		     "FROM settings WHERE name = 'triage_revision')",
		     &u.st);
	if (ret)
		return ret;
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret;
	*ret_log_id = my_col_u64(u.st, 0);
	*ret_revision = my_col_u64(u.st, 1);
	return 0;
}
