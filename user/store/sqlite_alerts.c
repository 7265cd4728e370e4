/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>

/* Alerts, every change of theirs, and how far the sinks have got. */

/* In this order in both tables and in bind_alert() and read_alert(). */
#define ALERT_COLS                                                                                 \
	"alert_key, kind, severity, state, host_type, nodes, open_count, proto, port, summary, "   \
	"why, remedy, first_ns, last_ns, boot_seq, seq, node, record, node_count, told_nodes, "    \
	"told_ns, until_ns, window_id"
#define ALERT_VALUES                                                                               \
	"?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, "   \
	"?20, ?21, ?22, ?23"

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void bind_alert(struct sq_stmt *st, const struct store_alert *a)
{
	sq_str(st, 1, a->key);
	sq_u64(st, 2, a->kind);
	sq_u64(st, 3, a->severity);
	sq_u64(st, 4, a->state);
	sq_str(st, 5, or_empty(a->host_type));
	sq_str(st, 6, or_empty(a->nodes));
	sq_u64(st, 7, a->count);
	sq_u64(st, 8, a->proto);
	sq_u64(st, 9, a->port);
	sq_str(st, 10, or_empty(a->summary));
	sq_str(st, 11, or_empty(a->why));
	sq_str(st, 12, or_empty(a->remedy));
	sq_u64(st, 13, a->first_ns);
	sq_u64(st, 14, a->last_ns);
	sq_u64(st, 15, a->boot_seq);
	sq_u64(st, 16, a->seq);
	sq_str(st, 17, or_empty(a->node));
	sq_blob(st, 18, a->record.ptr, a->record.len);
	sq_u64(st, 19, a->node_count);
	sq_u64(st, 20, a->told_nodes);
	sq_u64(st, 21, a->told_ns);
	sq_u64(st, 22, a->until_ns);
	sq_u64(st, 23, a->window_id);
}

/* The columns from `first` on. */
static void read_alert(struct sq_stmt *st, int first, struct store_alert *ret_a)
{
	*ret_a = (struct store_alert){
		.key = sq_col_str(st, first),
		.kind = (enum finding_kind)sq_col_u64(st, first + 1),
		.severity = (enum severity)sq_col_u64(st, first + 2),
		.state = (enum alert_state)sq_col_u64(st, first + 3),
		.host_type = sq_col_str(st, first + 4),
		.nodes = sq_col_str(st, first + 5),
		.count = sq_col_u64(st, first + 6),
		.proto = (enum door_proto)sq_col_u64(st, first + 7),
		.port = (uint32_t)sq_col_u64(st, first + 8),
		.summary = sq_col_str(st, first + 9),
		.why = sq_col_str(st, first + 10),
		.remedy = sq_col_str(st, first + 11),
		.first_ns = sq_col_u64(st, first + 12),
		.last_ns = sq_col_u64(st, first + 13),
		.boot_seq = (uint32_t)sq_col_u64(st, first + 14),
		.seq = sq_col_u64(st, first + 15),
		.node = sq_col_str(st, first + 16),
		.record = sq_col_blob(st, first + 17),
		.node_count = sq_col_u64(st, first + 18),
		.told_nodes = sq_col_u64(st, first + 19),
		.told_ns = sq_col_u64(st, first + 20),
		.until_ns = sq_col_u64(st, first + 21),
		.window_id = sq_col_u64(st, first + 22),
	};
}

static int give_alerts(struct sq *s, struct sq_stmt *st, store_alert_fn fn, void *arg)
{
	struct store_alert a;
	int ret;

	while ((ret = sq_step(s, st)) > 0) {
		read_alert(st, 1, &a);
		a.id = sq_col_u64(st, 0);
		ret = fn(&a, arg);
		if (ret)
			break;
	}
	return ret;
}

int sq_alert_get(struct store *base, const char *key, store_alert_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	struct store_alert a;
	int ret;

	ret = sq_get(s, "SELECT id, " ALERT_COLS " FROM alerts WHERE alert_key = ?", &st);
	if (ret)
		return ret;
	sq_str(st, 1, key);
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	if (!ret)
		return store_set_why(base, -ENOENT, "store %s has no such alert", s->shown);
	read_alert(st, 1, &a);
	a.id = sq_col_u64(st, 0);
	return fn(&a, arg);
}

/* Nobody has decided anything about it since the caller looked. */
static int is_as_it_was(struct sq *s, const struct store_alert *a)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	if (!a->was)
		return 0;
	ret = sq_get(s, "SELECT state FROM alerts WHERE alert_key = ?", &st);
	if (ret)
		return ret;
	sq_str(st, 1, a->key);
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	return ret && sq_col_u64(st, 0) == a->was ? 0 : -ECANCELED;
}

static int upsert_alert(struct sq *s, const struct store_alert *a, uint64_t *ret_id)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	/* No RETURNING and no last_insert_rowid: the first is not portable, the second is silent about updates. */
	ret = sq_get(
		s,
		"INSERT INTO alerts (" ALERT_COLS ") VALUES (" ALERT_VALUES ") "
		"ON CONFLICT (alert_key) DO UPDATE SET kind = ?2, severity = ?3, state = ?4, "
		"host_type = ?5, nodes = ?6, open_count = ?7, proto = ?8, port = ?9, summary = "
		"?10, why = ?11, remedy = ?12, first_ns = min(first_ns, ?13), last_ns = ?14, "
		"boot_seq = ?15, seq = ?16, node = ?17, record = ?18, node_count = ?19, "
		"told_nodes = ?20, told_ns = ?21, until_ns = ?22, window_id = ?23",
		&st);
	if (ret)
		return ret;
	bind_alert(st, a);
	ret = sq_run(s, st);
	sq_put(take_ptr(st));
	if (!ret)
		ret = sq_get(s, "SELECT id FROM alerts WHERE alert_key = ?", &st);
	if (ret)
		return ret;
	sq_str(st, 1, a->key);
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	*ret_id = sq_col_u64(st, 0);
	return 0;
}

int sq_put_alert(struct store *base, const struct store_alert *a, const char *who, const char *note,
		 uint64_t now_wall_ns, uint64_t *ret_id, uint64_t *ret_log_id)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	uint64_t id;
	int err;

	err = is_as_it_was(s, a);
	if (!err)
		err = upsert_alert(s, a, &id);
	if (!err)
		err = sq_get(s,
			     "INSERT INTO alert_log (" ALERT_COLS ", alert_id, at_ns, who, note) "
			     "VALUES (" ALERT_VALUES ", ?24, ?25, ?26, ?27)",
			     &st);
	if (err)
		return err;
	bind_alert(st, a);
	sq_u64(st, 24, id);
	sq_u64(st, 25, now_wall_ns);
	sq_str(st, 26, or_empty(who));
	sq_str(st, 27, or_empty(note));
	err = sq_run(s, st);
	if (err)
		return err;
	*ret_id = id;
	*ret_log_id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return 0;
}

int sq_alerts(struct store *base, const struct store_alert_query *q, store_alert_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     q->id ? "SELECT id, " ALERT_COLS " FROM alerts WHERE id = ?1"
			   : "SELECT id, " ALERT_COLS
			     " FROM alerts a WHERE (?2 OR state NOT IN (4, 5)) "
			     "AND ((?3 = 0 AND ?4 = 0) OR EXISTS (SELECT 1 FROM alert_log l WHERE "
			     "l.alert_id = a.id AND l.at_ns >= ?3 AND (?4 = 0 OR l.at_ns < ?4))) "
			     "ORDER BY last_ns DESC, id DESC",
		     &st);
	if (ret)
		return ret;
	if (q->id)
		sq_u64(st, 1, q->id);
	sq_u64(st, 2, q->all);
	sq_u64(st, 3, q->since_ns);
	sq_u64(st, 4, q->until_ns);
	return give_alerts(s, st, fn, arg);
}

int sq_alert_changes(struct store *base, uint64_t after_log_id, uint64_t since_ns,
		     uint64_t until_ns, uint32_t limit, store_change_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(
		s,
		"SELECT id, at_ns, who, note, alert_id, " ALERT_COLS " FROM alert_log "
		"WHERE id > ?1 AND at_ns >= ?2 AND (?3 = 0 OR at_ns < ?3) ORDER BY id LIMIT ?4",
		&st);
	if (ret)
		return ret;
	sq_u64(st, 1, after_log_id);
	sq_u64(st, 2, since_ns);
	sq_u64(st, 3, until_ns);
	sq_u64(st, 4, limit ? limit : INT64_MAX);
	while ((ret = sq_step(s, st)) > 0) {
		struct store_alert_change c = {
			.log_id = sq_col_u64(st, 0),
			.at_ns = sq_col_u64(st, 1),
			.who = sq_col_str(st, 2),
			.note = sq_col_str(st, 3),
		};

		read_alert(st, 5, &c.alert);
		c.alert.id = sq_col_u64(st, 4);
		c.state = c.alert.state;
		ret = fn(&c, arg);
		if (ret)
			break;
	}
	return ret;
}

int sq_sink_cursor_get(struct store *base, const char *sink, uint64_t *ret_log_id)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s, "SELECT log_id FROM sink_cursors WHERE name = ?", &st);
	if (ret)
		return ret;
	sq_str(st, 1, sink);
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	*ret_log_id = ret ? sq_col_u64(st, 0) : 0;
	return 0;
}

int sq_sink_cursor_set(struct store *base, const char *sink, uint64_t log_id)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "INSERT INTO sink_cursors (name, log_id) VALUES (?1, ?2) "
		     "ON CONFLICT (name) DO UPDATE SET log_id = ?2",
		     &st);
	if (err)
		return err;
	sq_str(st, 1, sink);
	sq_u64(st, 2, log_id);
	return sq_run(s, st);
}

int sq_touch_alert(struct store *base, const char *key, uint64_t count, uint64_t last_ns)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err = sq_get(s,
			 "UPDATE alerts SET open_count = ?, last_ns = max(last_ns, ?) "
			 "WHERE alert_key = ?",
			 &st);

	if (err)
		return err;
	sq_u64(st, 1, count);
	sq_u64(st, 2, last_ns);
	sq_str(st, 3, key);
	err = sq_run(s, st);
	return err || sqlite3_changes(s->db) ? err : -ENOENT;
}
