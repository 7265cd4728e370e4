/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "base/buf.h"
#include "store/sinks.h"
#include "store/sql.h"
#include "store/wrap.h"

/* Alerts, and every change of theirs. */

/* In the order of SQL_ALERT_COLS, as in read_alert(). */
#define ALERT_MARKS                                                                                \
	"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
#define UP_TO_REMEDY(a)                                                                            \
	U((a)->kind), U((a)->severity), U((a)->state), S((a)->host_type), S((a)->nodes),           \
		U((a)->count), U((a)->proto), U((a)->port), S((a)->summary), S((a)->why),          \
		S((a)->remedy)
#define FROM_LAST_NS(a)                                                                            \
	U((a)->last_ns), U((a)->boot_seq), U((a)->seq), S((a)->node),                              \
		B((a)->record.ptr, (a)->record.len), U((a)->node_count), U((a)->reported_nodes),   \
		U((a)->reported_ns), U((a)->until_ns), U((a)->window_id), U((a)->outside.state),   \
		U((a)->outside.port), S((a)->outside.node), S((a)->outside.addr), S((a)->subject)
#define ALERT_VALUES(a) S((a)->key), UP_TO_REMEDY(a), U((a)->first_ns), FROM_LAST_NS(a)

/* The columns from `first` on. */
static void read_alert(const struct sql *q, unsigned first, struct store_alert *ret_a)
{
	*ret_a = (struct store_alert){
		.key = sql_str(q, first),
		.kind = (enum finding_kind)sql_u64(q, first + 1),
		.severity = (enum severity)sql_u64(q, first + 2),
		.state = (enum alert_state)sql_u64(q, first + 3),
		.host_type = sql_str(q, first + 4),
		.nodes = sql_str(q, first + 5),
		.count = sql_u64(q, first + 6),
		.proto = (enum door_proto)sql_u64(q, first + 7),
		.port = (uint32_t)sql_u64(q, first + 8),
		.summary = sql_str(q, first + 9),
		.why = sql_str(q, first + 10),
		.remedy = sql_str(q, first + 11),
		.first_ns = sql_u64(q, first + 12),
		.last_ns = sql_u64(q, first + 13),
		.boot_seq = (uint32_t)sql_u64(q, first + 14),
		.seq = sql_u64(q, first + 15),
		.node = sql_str(q, first + 16),
		.record = sql_blob(q, first + 17),
		.node_count = sql_u64(q, first + 18),
		.reported_nodes = sql_u64(q, first + 19),
		.reported_ns = sql_u64(q, first + 20),
		.until_ns = sql_u64(q, first + 21),
		.window_id = sql_u64(q, first + 22),
		.outside = { .state = (enum port_state)sql_u64(q, first + 23),
			     .port = (uint32_t)sql_u64(q, first + 24),
			     .node = sql_str(q, first + 25),
			     .addr = sql_str(q, first + 26) },
		.subject = sql_str(q, first + 27),
	};
}

static int give_alert(const struct sql *q, store_alert_fn fn, void *arg)
{
	struct store_alert a;

	read_alert(q, 1, &a);
	a.id = sql_u64(q, 0);
	return fn(&a, arg);
}

int store_alert_get(struct store *s, const char *key, store_alert_fn fn, void *arg)
{
	const struct sql_key k = sql_key(s, key);
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(
		&q, SQL_BY_KEY(s, "SELECT id, " SQL_ALERT_COLS " FROM alerts WHERE ", ""), KEY(&k));

	if (ret < 0)
		return ret;
	return ret ? give_alert(&q, fn, arg)
		   : store_set_why(s, -ENOENT, "store %s has no such alert", s->shown);
}

const char *store_alert_why(const struct store_alert *a, struct buf *b)
{
	if (!a->outside.state)
		return a->why;
	buf_reset(b);
	buf_puts(b, a->why);
	port_look_words(&a->outside, b);
	return buf_str(b);
}

/* --- writing ------------------------------------------------------------------------------------------ */

int sql_lock_log(struct store *s)
{
	_sql_ struct sql q = { .s = s };
	int ret;

	if (!s->ops->sql->server)
		return 0;
	ret = sql_first(&q, "SELECT value FROM settings WHERE name = 'alert_log_lock' FOR UPDATE");
	return ret < 0 ? ret : 0;
}

/* Nobody has decided anything about it since the caller looked. */
static int is_as_it_was(struct store *s, const struct store_alert *a, const struct sql_key *key)
{
	_sql_ struct sql q = { .s = s };
	int ret;

	if (!a->was)
		return 0;
	ret = sql_first(&q,
			SQL_TEXT(s, "SELECT state FROM alerts WHERE alert_hash = ? FOR UPDATE",
				 "SELECT state FROM alerts WHERE alert_key = ?"),
			KEY(key));
	if (ret < 0)
		return ret;
	return ret && sql_u64(&q, 0) == a->was ? 0 : -ECANCELED;
}

/*
 * Each value is bound twice: VALUES() goes away in MySQL, and what replaces it MariaDB does not
 * have.
 */
static int upsert_alert(struct store *s, const struct store_alert *a, const struct sql_key *key)
{
#define SET_ALERT                                                                                  \
	"kind = ?, severity = ?, state = ?, host_type = ?, nodes = ?, open_count = ?, proto = ?, " \
	"port = ?, summary = ?, why = ?, remedy = ?, first_ns = CASE WHEN first_ns < ? THEN "      \
	"first_ns ELSE ? END, last_ns = ?, boot_seq = ?, seq = ?, node = ?, record = ?, "          \
	"node_count = ?, told_nodes = ?, told_ns = ?, until_ns = ?, window_id = ?, "               \
	"outside = ?, outside_port = ?, outside_node = ?, outside_addr = ?, "                      \
	"subject = ?"
	return sql_run(s, NULL,
		       SQL_TEXT(s,
				"INSERT INTO alerts (" SQL_ALERT_COLS
				", alert_hash) VALUES (" ALERT_MARKS
				", ?) ON DUPLICATE KEY UPDATE " SET_ALERT,
				"INSERT INTO alerts (" SQL_ALERT_COLS ") VALUES (" ALERT_MARKS
				") ON CONFLICT (alert_key) DO UPDATE SET " SET_ALERT),
		       ALERT_VALUES(a), KEY_HASH(key), UP_TO_REMEDY(a), U(a->first_ns),
		       U(a->first_ns), FROM_LAST_NS(a));
}

/* Not the id of the insert: SQLite is silent about one that became an update. */
static int alert_id(struct store *s, const struct sql_key *key, uint64_t *ret_id)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q, SQL_BY_KEY(s, "SELECT id FROM alerts WHERE ", ""), KEY(key));

	if (ret <= 0)
		return ret ? ret : -ENOENT;
	*ret_id = sql_u64(&q, 0);
	return 0;
}

static int put_alert(struct store *s, const struct store_alert *a, const char *who,
		     const char *note, uint64_t now_ns, uint64_t *ret_id, uint64_t *ret_log_id)
{
	const struct sql_key key = sql_key(s, a->key);
	_sql_ struct sql q = { .s = s };
	int err = sql_lock_log(s);

	if (!err)
		err = is_as_it_was(s, a, &key);
	if (!err)
		err = upsert_alert(s, a, &key);
	if (!err)
		err = alert_id(s, &key, ret_id);
	if (!err)
		err = sql_exec(&q,
			       "INSERT INTO alert_log (" SQL_ALERT_COLS
			       ", alert_id, at_ns, author, cause, who, note) VALUES (" ALERT_MARKS
			       ", ?, ?, ?, ?, ?, ?)",
			       ALERT_VALUES(a), U(*ret_id), U(now_ns), CONST(AUTHOR_MONITOR),
			       U(a->cause), S(who), S(note));
	if (!err)
		*ret_log_id = sql_last_id(&q);
	return err;
}

int store_put_alert(struct store *s, const struct store_alert *a, const char *who, const char *note,
		    uint64_t now_wall_ns, uint64_t *ret_id, uint64_t *ret_log_id)
{
	struct store_alert told = *a;
	uint64_t id = 0, log_id = 0;
	int err;

	if (!a->key || !a->key[0])
		return store_set_why(s, -EINVAL, "an alert needs a key");
	told.reported_nodes = a->node_count;
	told.reported_ns = now_wall_ns;
	err = write_op(s, put_alert(s, &told, who, note, now_wall_ns, &id, &log_id));
	if (!err && ret_id)
		*ret_id = id;
	if (!err && ret_log_id)
		*ret_log_id = log_id;
	return err;
}

static int touch_alert(struct store *s, const char *key, uint64_t count, uint64_t last_ns)
{
	const struct sql_key k = sql_key(s, key);
	uint64_t id = 0;
	int err = alert_id(s, &k, &id);

	return err ? err
		   : sql_run(s, NULL,
			     "UPDATE alerts SET open_count = ?, last_ns = CASE WHEN last_ns > ? "
			     "THEN last_ns ELSE ? END WHERE id = ?",
			     U(count), U(last_ns), U(last_ns), U(id));
}

int store_touch_alert(struct store *s, const char *key, uint64_t count, uint64_t last_ns)
{
	return write_one(s, touch_alert(s, key, count, last_ns));
}

/* --- reading ------------------------------------------------------------------------------------------ */

int store_alerts(struct store *s, const struct store_alert_query *want, store_alert_fn fn,
		 void *arg)
{
	_sql_ struct sql q = { .s = s };
	bool timed = want->since_ns || want->until_ns;
	int ret;

	if (want->id)
		ret = sql_get(&q, "SELECT id, " SQL_ALERT_COLS " FROM alerts WHERE id = ?",
			      U(want->id));
	else
		ret = sql_get(&q,
			      "SELECT id, " SQL_ALERT_COLS
			      " FROM alerts a WHERE (? <> 0 OR state NOT IN (?, ?)) AND (? = 0 OR "
			      "EXISTS (SELECT 1 FROM alert_log l WHERE l.alert_id = a.id AND "
			      "l.at_ns >= ? AND l.at_ns < ?)) ORDER BY last_ns DESC, id DESC",
			      U(want->all), CONST(ALERT_ALLOWED), CONST(ALERT_RESOLVED), U(timed),
			      U(want->since_ns), U(want->until_ns ? want->until_ns : SQL_NO_LIMIT));
	while (!ret && (ret = sql_step(&q)) > 0)
		ret = give_alert(&q, fn, arg);
	return ret;
}

/* The row is looked up in the index alert_log_alert (alert_id, at_ns), from its end. */
#define LAST_OF(alert)                                                                             \
	"(SELECT x.id FROM alert_log x WHERE x.alert_id = " alert " AND x.at_ns <= ? ORDER BY "    \
	"x.alert_id DESC, x.at_ns DESC, x.id DESC LIMIT 1)"
#define THEN(of) "SELECT alert_id, " SQL_ALERT_COLS " FROM " of " state NOT IN (?, ?)"

int store_alerts_at(struct store *s, uint64_t at_ns, uint64_t id, store_alert_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret;

	if (id)
		ret = sql_get(&q, THEN("alert_log WHERE id = " LAST_OF("?") " AND"), U(id),
			      U(at_ns), CONST(ALERT_ALLOWED), CONST(ALERT_RESOLVED));
	else
		ret = sql_get(
			&q,
			THEN("(SELECT " LAST_OF("a.id") " AS last_id FROM alerts a) t JOIN "
							"alert_log l ON l.id = t.last_id WHERE"),
			U(at_ns), CONST(ALERT_ALLOWED), CONST(ALERT_RESOLVED));
	while (!ret && (ret = sql_step(&q)) > 0)
		ret = give_alert(&q, fn, arg);
	return ret;
}

#define CHANGES_PAGE 500
#define CHANGE_COLS "id, at_ns, author, cause, who, note, alert_id, " SQL_ALERT_COLS

static int give_change(const struct sql *q, store_change_fn fn, void *arg)
{
	struct store_alert_change c = {
		.log_id = sql_u64(q, 0),
		.at_ns = sql_u64(q, 1),
		.author = (enum change_author)sql_u64(q, 2),
		.cause = (enum alert_cause)sql_u64(q, 3),
		.who = sql_str(q, 4),
		.note = sql_str(q, 5),
	};

	read_alert(q, 7, &c.alert);
	c.alert.id = sql_u64(q, 6);
	c.state = c.alert.state;
	return fn(&c, arg);
}

/* One page; *after moves on, *left goes down. */
static int give_changes(struct store *s, uint64_t *after, uint64_t *left, uint64_t since_ns,
			uint64_t until_ns, store_change_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT " CHANGE_COLS
			  " FROM alert_log WHERE id > ? AND at_ns >= ? AND at_ns < ? ORDER BY id "
			  "LIMIT ?",
			  U(*after), U(since_ns), U(until_ns ? until_ns : SQL_NO_LIMIT),
			  U(*left < CHANGES_PAGE ? *left : CHANGES_PAGE));

	while (!ret && (ret = sql_step(&q)) > 0) {
		*after = sql_u64(&q, 0);
		--*left;
		ret = give_change(&q, fn, arg);
	}
	return ret;
}

int store_alert_changes(struct store *s, uint64_t after_log_id, uint64_t since_ns,
			uint64_t until_ns, uint32_t limit, store_change_fn fn, void *arg)
{
	uint64_t left = limit ? limit : UINT64_MAX, before;
	int ret;

	do {
		before = left;
		ret = give_changes(s, &after_log_id, &left, since_ns, until_ns, fn, arg);
	} while (!ret && left && before - left == CHANGES_PAGE);
	return ret;
}

int store_log_last(struct store *s, uint64_t *ret_log_id)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q, "SELECT max(id) FROM alert_log");

	if (ret < 0)
		return ret;
	*ret_log_id = ret ? sql_u64(&q, 0) : 0;
	return 0;
}

int store_log_read(struct store *s, const struct store_log_part *p, uint32_t limit,
		   store_change_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT " CHANGE_COLS
			  " FROM alert_log WHERE id > ? AND id <= ? AND severity >= ? ORDER BY id "
			  "LIMIT ?",
			  U(p->after_id), U(p->upto_id), U(p->least),
			  U(limit < CHANGES_PAGE ? limit : CHANGES_PAGE));

	while (!ret && (ret = sql_step(&q)) > 0)
		ret = give_change(&q, fn, arg);
	return ret;
}

int store_log_count(struct store *s, const struct store_log_part *p, uint64_t *ret_n)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q,
			    "SELECT count(*) FROM alert_log WHERE id > ? AND id <= ? AND severity "
			    ">= ?",
			    U(p->after_id), U(p->upto_id), U(p->least));

	if (ret < 0)
		return ret;
	*ret_n = ret ? sql_u64(&q, 0) : 0;
	return 0;
}

int store_log_lesser(struct store *s, uint64_t after_id, uint64_t upto_id, enum severity than,
		     uint64_t *ret_log_id)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q,
			    "SELECT id FROM alert_log WHERE id > ? AND id <= ? AND severity < ? "
			    "ORDER BY id LIMIT 1",
			    U(after_id), U(upto_id), U(than));

	if (ret < 0)
		return ret;
	*ret_log_id = ret ? sql_u64(&q, 0) : 0;
	return 0;
}

int store_log_worse(struct store *s, uint64_t alert_id, uint64_t after_id, uint64_t upto_id,
		    enum severity than, bool *ret_worse)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q,
			    "SELECT id FROM alert_log WHERE alert_id = ? AND id > ? AND id <= ? "
			    "AND severity > ? AND window_id = 0 LIMIT 1",
			    U(alert_id), U(after_id), U(upto_id), U(than));

	if (ret < 0)
		return ret;
	*ret_worse = ret > 0;
	return 0;
}

/* Pages, so that a server sends no more than is read. */
int store_alert_changes_back(struct store *s, uint64_t since_ns, uint64_t until_ns,
			     store_change_fn fn, void *arg)
{
	uint64_t at_ns = until_ns ? until_ns : SQL_NO_LIMIT, id = 0, n;
	int ret;

	do {
		_sql_ struct sql q = { .s = s };

		n = 0;
		ret = sql_get(&q,
			      "SELECT " CHANGE_COLS
			      " FROM alert_log WHERE at_ns >= ? AND at_ns <= ? AND (at_ns < ? OR "
			      "id < ?) ORDER BY at_ns DESC, id DESC LIMIT ?",
			      U(since_ns), U(at_ns), U(at_ns), U(id), CONST(CHANGES_PAGE));
		while (!ret && (ret = sql_step(&q)) > 0) {
			id = sql_u64(&q, 0);
			at_ns = sql_u64(&q, 1);
			n++;
			ret = give_change(&q, fn, arg);
		}
	} while (!ret && n == CHANGES_PAGE);
	return ret;
}
