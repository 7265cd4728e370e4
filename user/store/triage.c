/* SPDX-License-Identifier: GPL-2.0 */
#include "store/triage.h"

#include <errno.h>
#include <string.h>

#include "store/sql.h"
#include "store/wrap.h"

#define TEXT_MAX 4000 /* of a reason or a note */

int triage_check_text(struct store *s, const char *what, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len > TEXT_MAX)
		return store_set_why(s, -EINVAL, "%s has at most %d bytes", what, TEXT_MAX);
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_len((const unsigned char *)text + i, len - i);
		if (!n || (n == 1 && ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)))
			return store_set_why(s, -EINVAL, "%s is printable UTF-8", what);
	}
	return 0;
}

/* --- where an alert stands ------------------------------------------------------------------------ */

/* Doors of an alert on one node: so many more or less. */
struct store_alert_step {
	uint64_t alert_id;
	const char *node;
	uint64_t at_ns;
	int64_t doors;
};

/* What a node's count becomes. */
static uint64_t stepped(const struct store_alert_step *st, uint64_t before)
{
	return st->doors < 0 && (uint64_t)-st->doors > before ? 0 : before + (uint64_t)st->doors;
}

static int open_count(struct store *s, uint64_t alert_id, uint64_t node_id, uint64_t *ret_open)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q,
		SQL_LOCKED(s,
			   "SELECT open_count FROM alert_nodes WHERE alert_id = ? AND node_id = ?"),
		U(alert_id), U(node_id));

	if (!ret)
		ret = sql_step(&q);
	if (ret > 0)
		*ret_open = sql_u64(&q, 0);
	return ret;
}

static int alert_node(struct store *s, const struct store_alert_step *step, uint64_t *ret_before,
		      uint64_t *ret_after)
{
	uint64_t before = 0, after, id = 0;
	int ret = sql_node_id(s, step->node, &id);

	if (!ret)
		ret = open_count(s, step->alert_id, id, &before);
	if (ret < 0)
		return ret;
	after = stepped(step, before);
	*ret_before = before;
	*ret_after = after;
	if (ret)
		return sql_run(s, NULL,
			       "UPDATE alert_nodes SET open_count = ?, last_ns = CASE WHEN last_ns "
			       "> ? THEN last_ns ELSE ? END WHERE alert_id = ? AND node_id = ?",
			       U(after), U(step->at_ns), U(step->at_ns), U(step->alert_id), U(id));
	return !after ? 0
		      : sql_run(s, NULL,
				"INSERT INTO alert_nodes (open_count, last_ns, alert_id, node_id, "
				"first_ns) VALUES (?, ?, ?, ?, ?)",
				U(after), U(step->at_ns), U(step->alert_id), U(id), U(step->at_ns));
}

static int alert_sum(struct store *s, uint64_t alert_id, struct store_alert_sum *ret)
{
	_sql_ struct sql q = { .s = s };
	int err = sql_get(
		&q,
		"SELECT CAST(coalesce(sum(open_count), 0) AS UNSIGNED), "
		"CAST(coalesce(sum(open_count > 0), 0) AS UNSIGNED), CAST(coalesce(max(last_ns), "
		"0) AS UNSIGNED) FROM alert_nodes WHERE alert_id = ?",
		U(alert_id));

	if (!err)
		err = sql_step(&q);
	if (err <= 0)
		return err;
	ret->doors = sql_u64(&q, 0);
	ret->nodes = sql_u64(&q, 1);
	ret->last_ns = sql_u64(&q, 2);
	return 0;
}

int store_alert_nodes(struct store *s, uint64_t alert_id, bool open_only, store_alert_node_fn fn,
		      void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT n.name, n.host_type, x.first_ns, x.last_ns, x.open_count FROM "
			  "alert_nodes x JOIN nodes n ON n.id = x.node_id WHERE x.alert_id = ? AND "
			  "x.open_count >= ? ORDER BY n.name",
			  U(alert_id), U(open_only));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_alert_node n = {
			.node = sql_str(&q, 0),
			.host_type = sql_str(&q, 1),
			.first_ns = sql_u64(&q, 2),
			.last_ns = sql_u64(&q, 3),
			.open = sql_u64(&q, 4),
		};

		ret = fn(&n, arg);
	}
	return ret;
}

int store_alert_nodes_restart(struct store *s, uint64_t alert_id)
{
	return write_op(s, sql_run(s, NULL,
				   "DELETE FROM alert_nodes WHERE alert_id = ? AND open_count = 0",
				   U(alert_id)));
}

static int has_alert(struct store *s, uint64_t alert_id)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, "SELECT id FROM alerts WHERE id = ?", U(alert_id));

	if (ret)
		return ret;
	ret = sql_step(&q);
	return ret < 0 ? ret : ret ? 0 : -ENOENT;
}

static int alert_fold(struct store *s, uint64_t alert_id, const char *nodes, uint64_t node_count,
		      const char *summary)
{
	int err = has_alert(s, alert_id);

	if (!err)
		err = sql_run(s, NULL, "UPDATE alerts SET nodes = ?, node_count = ? WHERE id = ?",
			      S(nodes), U(node_count), U(alert_id));
	if (!err && summary)
		err = sql_run(s, NULL, "UPDATE alerts SET summary = ? WHERE id = ?", S(summary),
			      U(alert_id));
	return err;
}

int store_alert_node_add(struct store *s, uint64_t alert_id, const char *node, int64_t doors,
			 uint64_t at_ns, uint64_t *ret_before, uint64_t *ret_after)
{
	const struct store_alert_step step = { alert_id, node, at_ns, doors };
	uint64_t before = 0, after = 0;
	int err = write_one(s, alert_node(s, &step, &before, &after));

	if (err)
		return err;
	*ret_before = before;
	*ret_after = after;
	return 0;
}

int store_alert_sum(struct store *s, uint64_t alert_id, struct store_alert_sum *ret_sum)
{
	struct store_alert_sum sum = { 0 };
	int err = alert_sum(s, alert_id, &sum);

	if (!err)
		*ret_sum = sum;
	return err;
}

int store_alert_fold(struct store *s, uint64_t alert_id, const char *nodes, uint64_t node_count,
		     const char *summary)
{
	return write_op(s, alert_fold(s, alert_id, nodes, node_count, summary));
}

/* --- what people decide --------------------------------------------------------------------------- */

static int log_decision(struct store *s, const struct store_decision *d, uint64_t *ret_log_id)
{
	_sql_ struct sql q = { .s = s };
	int err =
		sql_exec(&q,
			 "INSERT INTO alert_log (" SQL_ALERT_COLS
			 ", alert_id, at_ns, author, who, note) SELECT " SQL_ALERT_COLS
			 ", id, ?, ?, ?, ? FROM alerts WHERE id = ?",
			 U(d->at_ns), CONST(AUTHOR_PERSON), S(d->who), S(d->note), U(d->alert_id));

	if (!err)
		*ret_log_id = sql_last_id(&q);
	return err;
}

static int is_as_it_was(struct store *s, const struct store_decision *d)
{
	_sql_ struct sql q = { .s = s };
	int ret =
		sql_get(&q, SQL_LOCKED(s, "SELECT state FROM alerts WHERE id = ?"), U(d->alert_id));

	if (ret)
		return ret;
	ret = sql_step(&q);
	if (ret <= 0)
		return ret ? ret : store_set_why(s, -ENOENT, "no such alert");
	if (sql_u64(&q, 0) != d->from)
		return store_set_why(s, -EAGAIN, "the alert has changed meanwhile");
	return 0;
}

static int decide(struct store *s, const struct store_decision *d, uint64_t *ret_log_id)
{
	int err = sql_lock_log(s);

	if (!err)
		err = is_as_it_was(s, d);
	if (!err)
		err = sql_run(s, NULL,
			      "UPDATE alerts SET state = ?, until_ns = ?, window_id = 0, "
			      "told_nodes = node_count, told_ns = ? WHERE id = ?",
			      U(d->to), U(d->until_ns), U(d->at_ns), U(d->alert_id));
	return err ? err : log_decision(s, d, ret_log_id);
}

int store_decide(struct store *s, const struct store_decision *d, uint64_t *ret_log_id)
{
	uint64_t log_id = 0;
	int err = triage_check_text(s, "a note", d->note);

	if (!err)
		err = store_check_name(s, "person", d->who);
	if (err)
		return err;
	if ((d->to == ALERT_SNOOZED) != (d->until_ns > 0))
		return store_set_why(s, -EINVAL, "a snooze has an end, and nothing else has");
	err = write_op(s, decide(s, d, &log_id));
	if (!err && ret_log_id)
		*ret_log_id = log_id;
	return err;
}

int store_triage_marks(struct store *s, uint64_t *ret_log_id, uint64_t *ret_revision)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q,
		"SELECT (SELECT CAST(coalesce(max(id), 0) AS UNSIGNED) FROM alert_log), (SELECT "
		"CAST(value AS UNSIGNED) FROM settings WHERE name = 'triage_revision')");

	if (!ret)
		ret = sql_step(&q);
	if (ret <= 0)
		return ret;
	*ret_log_id = sql_u64(&q, 0);
	*ret_revision = sql_u64(&q, 1);
	return 0;
}
