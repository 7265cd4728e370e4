/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sinks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/sql.h"
#include "store/wrap.h"

int store_sinks(struct store *s, store_sink_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q, "SELECT c.name, c.log_id, t.sent_count, t.failed_count, t.skipped_count, "
		    "t.given_up_count, t.failures, t.why, t.sent_ns, t.failed_ns, (SELECT "
		    "count(*) FROM alert_log l WHERE l.id > c.log_id), (SELECT min(l.at_ns) "
		    "FROM alert_log l WHERE l.id > c.log_id), (SELECT count(*) FROM "
		    "sink_parked p WHERE p.sink = c.name), t.holder FROM sink_cursors c LEFT JOIN "
		    "sink_states t ON t.name = c.name WHERE c.name NOT LIKE '% %' ORDER BY c.name");

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_sink sink = {
			.name = sql_str(&q, 0),
			.log_id = sql_u64(&q, 1),
			.sent = sql_u64(&q, 2),
			.failed = sql_u64(&q, 3),
			.skipped = sql_u64(&q, 4),
			.given_up = sql_u64(&q, 5),
			.failures = sql_u64(&q, 6),
			.why = sql_str(&q, 7),
			.sent_ns = sql_u64(&q, 8),
			.failed_ns = sql_u64(&q, 9),
			.behind = sql_u64(&q, 10),
			.behind_ns = sql_u64(&q, 11),
			.retrying = sql_u64(&q, 12),
			.holder = sql_str(&q, 13),
		};

		ret = fn(&sink, arg);
	}
	return ret;
}

/* --- the cursor, and the counters -------------------------------------------------------------------- */

static int set_cursor(struct store *s, const char *sink, uint64_t log_id)
{
	return sql_run(s, NULL,
		       SQL_UPSERT(s, "INSERT INTO sink_cursors (name, log_id) VALUES (?, ?)",
				  "name", "log_id = ?"),
		       S(sink), U(log_id), U(log_id));
}

/*
 * "NAME warning", "NAME critical": further rows of sink_cursors, where no sink is called so, see
 * conf/sinks.h. Only while they are ahead of the sink's own.
 */
static const char *const level_names[STORE_SINK_LEVELS] = { NULL, "warning", "critical" };
#define LEVEL_NAME_MAX 300

static void level_name(char ret[LEVEL_NAME_MAX], const char *sink, unsigned level)
{
	snprintf(ret, LEVEL_NAME_MAX, "%s %s", sink, level_names[level]);
}

int store_sink_ahead(struct store *s, const char *name, uint64_t ret_ahead[STORE_SINK_LEVELS])
{
	uint64_t ahead[STORE_SINK_LEVELS] = { 0 };
	int ret = 0;

	for (unsigned i = 1; i < STORE_SINK_LEVELS && ret >= 0; i++) {
		_sql_ struct sql q = { .s = s };
		char of[LEVEL_NAME_MAX];

		level_name(of, name, i);
		ret = sql_first(&q, "SELECT log_id FROM sink_cursors WHERE name = ?", S(of));
		if (ret > 0)
			ahead[i] = sql_u64(&q, 0);
	}
	if (ret < 0)
		return ret;
	memcpy(ret_ahead, ahead, sizeof(ahead));
	return 0;
}

static int put_ahead(struct store *s, const struct store_sink *sink)
{
	int err = 0;

	for (unsigned i = 1; i < STORE_SINK_LEVELS && !err; i++) {
		char of[LEVEL_NAME_MAX];

		level_name(of, sink->name, i);
		if (sink->ahead[i] > sink->log_id)
			err = set_cursor(s, of, sink->ahead[i]);
		else if (sink->ahead[i])
			err = sql_run(s, NULL, "DELETE FROM sink_cursors WHERE name = ?", S(of));
	}
	return err;
}

#define SINK_VALUES(k)                                                                             \
	U((k)->sent), U((k)->failed), U((k)->skipped), U((k)->given_up), U((k)->failures),         \
		S((k)->why), U((k)->sent_ns), U((k)->failed_ns)

static int put_sink(struct store *s, const struct store_sink *sink)
{
	int err = set_cursor(s, sink->name, sink->log_id);

	if (!err)
		err = put_ahead(s, sink);
	return err ? err
		   : sql_run(s, NULL,
			     SQL_UPSERT(s,
					"INSERT INTO sink_states (name, sent_count, failed_count, "
					"skipped_count, given_up_count, failures, why, sent_ns, "
					"failed_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
					"name",
					"sent_count = ?, failed_count = ?, skipped_count = ?, "
					"given_up_count = ?, failures = ?, why = ?, sent_ns = ?, "
					"failed_ns = ?"),
			     S(sink->name), SINK_VALUES(sink), SINK_VALUES(sink));
}

int store_sink_put(struct store *s, const struct store_sink *sink)
{
	int err = store_check_name(s, "sink", sink->name);

	return err ? err : write_op(s, put_sink(s, sink));
}

static int forget(struct store *s, const char *name)
{
	uint64_t n = 0;
	int err = sql_run(s, NULL, "DELETE FROM sink_parked WHERE sink = ?", S(name));

	for (unsigned i = 1; i < STORE_SINK_LEVELS && !err; i++) {
		char of[LEVEL_NAME_MAX];

		level_name(of, name, i);
		err = sql_run(s, NULL, "DELETE FROM sink_cursors WHERE name = ?", S(of));
	}
	if (!err)
		err = sql_run(s, NULL, "DELETE FROM sink_states WHERE name = ?", S(name));
	if (!err)
		err = sql_run(s, &n, "DELETE FROM sink_cursors WHERE name = ?", S(name));
	if (!err && !n)
		return store_set_why(s, -ENOENT, "store %s has no such sink", s->shown);
	return err;
}

int store_sink_forget(struct store *s, const char *name)
{
	return write_op(s, forget(s, name));
}

/* --- what is put aside -------------------------------------------------------------------------------- */

static int put_retry(struct store *s, const struct store_retry *p)
{
	return sql_run(s, NULL,
		       SQL_UPSERT(s,
				  "INSERT INTO sink_parked (sink, log_id, alert_id, tries, "
				  "first_ns, next_ns, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
				  "sink, log_id", "tries = ?, next_ns = ?, why = ?"),
		       S(p->sink), U(p->log_id), U(p->alert_id), U(p->tries), U(p->first_ns),
		       U(p->next_ns), S(p->why), U(p->tries), U(p->next_ns), S(p->why));
}

int store_retry_put(struct store *s, const struct store_retry *p)
{
	int err = store_check_name(s, "sink", p->sink);

	return err ? err : write_op(s, put_retry(s, p));
}

int store_retry_del(struct store *s, const char *sink, uint64_t log_id)
{
	return write_op(s, sql_run(s, NULL, "DELETE FROM sink_parked WHERE sink = ? AND log_id = ?",
				   S(sink), U(log_id)));
}

int store_retries(struct store *s, const char *sink, uint64_t due_ns, uint32_t limit,
		  store_retry_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT sink, log_id, alert_id, tries, first_ns, next_ns, why FROM "
			  "sink_parked WHERE (? = '' OR sink = ?) AND (? = 0 OR (next_ns > 0 AND "
			  "next_ns <= ?)) ORDER BY next_ns, log_id, sink LIMIT ?",
			  S(sink), S(sink), U(due_ns), U(due_ns), U(limit ? limit : SQL_NO_LIMIT));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_retry p = {
			.sink = sql_str(&q, 0),
			.log_id = sql_u64(&q, 1),
			.alert_id = sql_u64(&q, 2),
			.tries = sql_u64(&q, 3),
			.first_ns = sql_u64(&q, 4),
			.next_ns = sql_u64(&q, 5),
			.why = sql_str(&q, 6),
		};

		ret = fn(&p, arg);
	}
	return ret;
}

int store_log_before(struct store *s, uint64_t at_ns, uint64_t *ret_log_id)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q, "SELECT max(id) FROM alert_log WHERE at_ns < ?", U(at_ns));

	if (ret < 0)
		return ret;
	*ret_log_id = ret ? sql_u64(&q, 0) : 0;
	return 0;
}

/* --- leases ------------------------------------------------------------------------------------------- */

/* Who has it; 0: nobody ever had. */
static int read_holder(struct store *s, const char *sink, char ret[STORE_HOLDER_MAX + 1])
{
	_sql_ struct sql q = { .s = s };
	int found = sql_get(&q, "SELECT holder FROM sink_states WHERE name = ?", S(sink));

	if (!found)
		found = sql_step(&q);
	if (found > 0)
		snprintf(ret, STORE_HOLDER_MAX + 1, "%s", sql_str(&q, 0));
	return found;
}

/*
 * Each step is one statement that decides by itself, whatever another does between two of them. A
 * lease for longer than anybody asks for is of a clock that was wrong.
 */
static int lease(struct store *s, const char *sink, const char *holder, const char *gone,
		 uint64_t lease_ns, enum store_lease_state *ret_state, char *ret_other)
{
	uint64_t now = 0, n = 0;
	int err = sql_now(s, &now), found;

	*ret_state = LEASE_KEPT;
	if (!err)
		err = sql_run(s, &n,
			      "UPDATE sink_states SET lease_ns = ? WHERE name = ? AND holder = ?",
			      U(now + lease_ns), S(sink), S(holder));
	if (err || n)
		return err;
	*ret_state = LEASE_TAKEN;
	err = sql_run(s, &n,
		      "UPDATE sink_states SET holder = ?, lease_ns = ? WHERE name = ? AND "
		      "(lease_ns <= ? OR lease_ns > ? OR holder = ?)",
		      S(holder), U(now + lease_ns), S(sink), U(now), U(now + 2 * lease_ns),
		      S(gone));
	if (err || n)
		return err;
	found = read_holder(s, sink, ret_other);
	if (found > 0)
		*ret_state = strcmp(ret_other, holder) ? LEASE_OTHERS : LEASE_KEPT;
	if (found)
		return found < 0 ? found : 0;
	return sql_run(s, NULL,
		       "INSERT INTO sink_states (name, why, holder, lease_ns) VALUES (?, '', ?, ?)",
		       S(sink), S(holder), U(now + lease_ns));
}

int store_sink_lease(struct store *s, const char *sink, const char *holder, const char *gone,
		     uint64_t lease_ns, enum store_lease_state *ret_state,
		     char ret_other[STORE_HOLDER_MAX + 1])
{
	int err = store_check_name(s, "sink", sink);

	if (err)
		return err;
	return write_op(s, lease(s, sink, holder, gone, lease_ns, ret_state, ret_other));
}

int store_sink_release(struct store *s, const char *sink, const char *holder)
{
	return write_op(s,
			sql_run(s, NULL,
				"UPDATE sink_states SET lease_ns = 0 WHERE name = ? AND holder = ?",
				S(sink), S(holder)));
}
