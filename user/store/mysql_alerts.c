/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"

/* Alerts, every change of theirs, and how far the sinks have got. A key is found by its SHA-256. */

/* In this order in both tables and in bind_alert() and read_alert(). */
#define ALERT_COLS                                                                                 \
	"alert_key, kind, severity, state, host_type, nodes, open_count, proto, port, summary, "   \
	"why, remedy, "                                                                            \
	"first_ns, last_ns, boot_seq, seq, node, record, node_count, told_nodes, told_ns, "        \
	"until_ns, window_id"
#define ALERT_COUNT 23
#define ALERT_VALUES "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

void my_key_hash(const char *key, uint8_t out[SHA256_LEN])
{
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, key, strlen(key));
	sha256_final(&sha, out);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void bind_alert(struct my_stmt *st, unsigned at, const struct store_alert *a)
{
	my_str(st, at, a->key);
	my_u64(st, at + 1, a->kind);
	my_u64(st, at + 2, a->severity);
	my_u64(st, at + 3, a->state);
	my_str(st, at + 4, or_empty(a->host_type));
	my_str(st, at + 5, or_empty(a->nodes));
	my_u64(st, at + 6, a->count);
	my_u64(st, at + 7, a->proto);
	my_u64(st, at + 8, a->port);
	my_str(st, at + 9, or_empty(a->summary));
	my_str(st, at + 10, or_empty(a->why));
	my_str(st, at + 11, or_empty(a->remedy));
	my_u64(st, at + 12, a->first_ns);
	my_u64(st, at + 13, a->last_ns);
	my_u64(st, at + 14, a->boot_seq);
	my_u64(st, at + 15, a->seq);
	my_str(st, at + 16, or_empty(a->node));
	my_blob(st, at + 17, a->record.ptr, a->record.len);
	my_u64(st, at + 18, a->node_count);
	my_u64(st, at + 19, a->told_nodes);
	my_u64(st, at + 20, a->told_ns);
	my_u64(st, at + 21, a->until_ns);
	my_u64(st, at + 22, a->window_id);
}

/* The columns from `first` on. */
static void read_alert(const struct my_stmt *st, unsigned first, struct store_alert *ret_a)
{
	*ret_a = (struct store_alert){
		.key = my_col_str(st, first),
		.kind = (enum finding_kind)my_col_u64(st, first + 1),
		.severity = (enum severity)my_col_u64(st, first + 2),
		.state = (enum alert_state)my_col_u64(st, first + 3),
		.host_type = my_col_str(st, first + 4),
		.nodes = my_col_str(st, first + 5),
		.count = my_col_u64(st, first + 6),
		.proto = (enum door_proto)my_col_u64(st, first + 7),
		.port = (uint32_t)my_col_u64(st, first + 8),
		.summary = my_col_str(st, first + 9),
		.why = my_col_str(st, first + 10),
		.remedy = my_col_str(st, first + 11),
		.first_ns = my_col_u64(st, first + 12),
		.last_ns = my_col_u64(st, first + 13),
		.boot_seq = (uint32_t)my_col_u64(st, first + 14),
		.seq = my_col_u64(st, first + 15),
		.node = my_col_str(st, first + 16),
		.record = my_col_blob(st, first + 17),
		.node_count = my_col_u64(st, first + 18),
		.told_nodes = my_col_u64(st, first + 19),
		.told_ns = my_col_u64(st, first + 20),
		.until_ns = my_col_u64(st, first + 21),
		.window_id = my_col_u64(st, first + 22),
	};
}

static int give_alerts(struct my *s, struct my_stmt *st, store_alert_fn fn, void *arg)
{
	struct store_alert a;
	int ret;

	while ((ret = my_step(s, st)) > 0) {
		read_alert(st, 1, &a);
		a.id = my_col_u64(st, 0);
		ret = fn(&a, arg);
		if (ret)
			break;
	}
	return ret;
}

int my_alert_get(struct store *base, const char *key, store_alert_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint8_t hash[SHA256_LEN];
	struct store_alert a;
	int ret;

	ret = my_get(s, "SELECT id, " ALERT_COLS " FROM alerts WHERE alert_hash = ?", &u.st);
	if (ret)
		return ret;
	my_key_hash(key, hash);
	my_blob(u.st, 1, hash, sizeof(hash));
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	if (!ret)
		return store_set_why(base, -ENOENT, "store %s has no such alert", s->name);
	read_alert(u.st, 1, &a);
	a.id = my_col_u64(u.st, 0);
	return fn(&a, arg);
}

static int insert_alert(struct my *s, const struct store_alert *a, const uint8_t hash[SHA256_LEN])
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	/* Each value is bound twice: VALUES() goes away in MySQL, and what replaces it MariaDB does not have. */
	err = my_get(
		s,
		"INSERT INTO alerts (" ALERT_COLS ", alert_hash) VALUES (" ALERT_VALUES
		", ?) ON DUPLICATE KEY UPDATE alert_key = ?, kind = ?, severity = ?, state = ?, "
		"host_type = ?, "
		"nodes = ?, open_count = ?, proto = ?, port = ?, summary = ?, why = ?, remedy = ?, "
		"first_ns = least(first_ns, ?), last_ns = ?, boot_seq = ?, seq = ?, node = ?, "
		"record = ?, node_count = ?, told_nodes = ?, told_ns = ?, until_ns = ?, "
		"window_id = ?",
		&u.st);
	if (err)
		return err;
	bind_alert(u.st, 1, a);
	my_blob(u.st, ALERT_COUNT + 1, hash, SHA256_LEN);
	bind_alert(u.st, ALERT_COUNT + 2, a);
	return my_run(s, u.st, NULL);
}

static int alert_id(struct my *s, const uint8_t hash[SHA256_LEN], uint64_t *ret_id)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s, "SELECT id FROM alerts WHERE alert_hash = ?", &u.st);
	if (ret)
		return ret;
	my_blob(u.st, 1, hash, SHA256_LEN);
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret ? ret : -ENOENT;
	*ret_id = my_col_u64(u.st, 0);
	return 0;
}

/*
 * Numbers of alert_log are drawn before the commit. A sink that has delivered 11 would never see 10, were that committed later:
 * so they are drawn one transaction after the other.
 */
int my_lock_log(struct my *s)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s, "SELECT value FROM settings WHERE name = 'alert_log_lock' FOR UPDATE",
		     &u.st);
	if (!ret)
		ret = my_step(s, u.st);
	return ret < 0 ? ret : 0;
}

/* Nobody has decided anything about it since the caller looked. */
static int is_as_it_was(struct my *s, const struct store_alert *a, const uint8_t hash[SHA256_LEN])
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	if (!a->was)
		return 0;
	ret = my_get(s, "SELECT state FROM alerts WHERE alert_hash = ? FOR UPDATE", &u.st);
	if (ret)
		return ret;
	my_blob(u.st, 1, hash, SHA256_LEN);
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	return ret && my_col_u64(u.st, 0) == a->was ? 0 : -ECANCELED;
}

int my_put_alert(struct store *base, const struct store_alert *a, const char *who, const char *note,
		 uint64_t now_wall_ns, uint64_t *ret_id, uint64_t *ret_log_id)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint8_t hash[SHA256_LEN];
	uint64_t id = 0;
	int err;

	my_key_hash(a->key, hash);
	err = my_lock_log(s);
	if (!err)
		err = is_as_it_was(s, a, hash);
	if (!err)
		err = insert_alert(s, a, hash);
	if (!err)
		err = alert_id(s, hash, &id);
	if (!err)
		err = my_get(s,
			     "INSERT INTO alert_log (" ALERT_COLS
			     ", alert_id, at_ns, who, note) VALUES (" ALERT_VALUES ", ?, ?, ?, ?)",
			     &u.st);
	if (err)
		return err;
	bind_alert(u.st, 1, a);
	my_u64(u.st, ALERT_COUNT + 1, id);
	my_u64(u.st, ALERT_COUNT + 2, now_wall_ns);
	my_str(u.st, ALERT_COUNT + 3, or_empty(who));
	my_str(u.st, ALERT_COUNT + 4, or_empty(note));
	err = my_run(s, u.st, NULL);
	if (err)
		return err;
	*ret_id = id;
	*ret_log_id = mysql_stmt_insert_id(u.st->st);
	return 0;
}

int my_alerts(struct store *base, const struct store_alert_query *q, store_alert_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     q->id ? "SELECT id, " ALERT_COLS " FROM alerts WHERE id = ?"
			   : "SELECT id, " ALERT_COLS
			     " FROM alerts a WHERE (? <> 0 OR state NOT IN (4, 5)) AND (? = 0 OR "
			     "EXISTS (SELECT 1 FROM alert_log l WHERE l.alert_id = a.id AND "
			     "l.at_ns >= ? AND "
			     "l.at_ns < ?)) ORDER BY last_ns DESC, id DESC",
		     &u.st);
	if (ret)
		return ret;
	if (q->id) {
		my_u64(u.st, 1, q->id);
	} else {
		my_u64(u.st, 1, q->all);
		my_u64(u.st, 2, q->since_ns || q->until_ns);
		my_u64(u.st, 3, q->since_ns);
		my_u64(u.st, 4, q->until_ns ? q->until_ns : UINT64_MAX);
	}
	return give_alerts(s, u.st, fn, arg);
}

#define CHANGES_PAGE 500

/* One page; *after moves on, *left goes down. Returns 1 when there may be more. */
static int give_changes(struct my *s, uint64_t *after, uint64_t *left, uint64_t since_ns,
			uint64_t until_ns, store_change_fn fn, void *arg)
{
	_my_use_ struct my_use u = { .s = s };
	uint64_t want = *left < CHANGES_PAGE ? *left : CHANGES_PAGE, n = 0;
	int ret;

	ret = my_get(s,
		     "SELECT id, at_ns, who, note, alert_id, " ALERT_COLS
		     " FROM alert_log WHERE id > ? AND at_ns >= ? "
		     "AND at_ns < ? ORDER BY id LIMIT ?",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, *after);
	my_u64(u.st, 2, since_ns);
	my_u64(u.st, 3, until_ns ? until_ns : UINT64_MAX);
	my_u64(u.st, 4, want);
	while ((ret = my_step(s, u.st)) > 0) {
		struct store_alert_change c = {
			.log_id = my_col_u64(u.st, 0),
			.at_ns = my_col_u64(u.st, 1),
			.who = my_col_str(u.st, 2),
			.note = my_col_str(u.st, 3),
		};

		read_alert(u.st, 5, &c.alert);
		c.alert.id = my_col_u64(u.st, 4);
		c.state = c.alert.state;
		*after = c.log_id;
		n++;
		ret = fn(&c, arg);
		if (ret)
			return ret;
	}
	*left -= n;
	return ret < 0 ? ret : 0;
}

int my_alert_changes(struct store *base, uint64_t after_log_id, uint64_t since_ns,
		     uint64_t until_ns, uint32_t limit, store_change_fn fn, void *arg)
{
	uint64_t left = limit ? limit : UINT64_MAX, before;
	int ret;

	do {
		before = left;
		ret = give_changes((struct my *)base, &after_log_id, &left, since_ns, until_ns, fn,
				   arg);
	} while (!ret && left && before - left == CHANGES_PAGE);
	return ret;
}

int my_sink_cursor_get(struct store *base, const char *sink, uint64_t *ret_log_id)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s, "SELECT log_id FROM sink_cursors WHERE name = ?", &u.st);
	if (ret)
		return ret;
	my_str(u.st, 1, sink);
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	*ret_log_id = ret ? my_col_u64(u.st, 0) : 0;
	return 0;
}

int my_sink_cursor_set(struct store *base, const char *sink, uint64_t log_id)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "INSERT INTO sink_cursors (name, log_id) VALUES (?, ?) ON DUPLICATE KEY "
		     "UPDATE log_id = ?",
		     &u.st);
	if (err)
		return err;
	my_str(u.st, 1, sink);
	my_u64(u.st, 2, log_id);
	my_u64(u.st, 3, log_id);
	return my_run(s, u.st, NULL);
}

int my_touch_alert(struct store *base, const char *key, uint64_t count, uint64_t last_ns)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint8_t hash[SHA256_LEN];
	uint64_t id;
	int err;

	my_key_hash(key, hash);
	err = alert_id(s, hash, &id);
	if (!err)
		err = my_get(s,
			     "UPDATE alerts SET open_count = ?, last_ns = greatest(last_ns, ?) "
			     "WHERE id = ?",
			     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, count);
	my_u64(u.st, 2, last_ns);
	my_u64(u.st, 3, id);
	return my_run(s, u.st, NULL);
}
