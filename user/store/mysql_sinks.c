/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "store/mysql.h"
#include "store/sinks.h"

/* How the sinks are doing, and what they refused. */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

int my_sinks(struct store *base, store_sink_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT c.name, c.log_id, t.sent_count, t.failed_count, t.skipped_count, "
		     "t.given_up_count, t.failures, t.why, t.sent_ns, t.failed_ns, "
		     "(SELECT count(*) FROM alert_log l WHERE l.id > c.log_id), "
		     "(SELECT min(l.at_ns) FROM alert_log l WHERE l.id > c.log_id), "
		     "(SELECT count(*) FROM sink_parked p WHERE p.sink = c.name) "
		     "FROM sink_cursors c LEFT JOIN sink_states t ON t.name = c.name "
		     "ORDER BY c.name",
		     &u.st);
	if (ret)
		return ret;
	while ((ret = my_step(s, u.st)) > 0) {
		const struct store_sink sink = {
			.name = my_col_str(u.st, 0),
			.log_id = my_col_u64(u.st, 1),
			.sent = my_col_u64(u.st, 2),
			.failed = my_col_u64(u.st, 3),
			.skipped = my_col_u64(u.st, 4),
			.given_up = my_col_u64(u.st, 5),
			.failures = my_col_u64(u.st, 6),
			.why = or_empty(my_col_str(u.st, 7)),
			.sent_ns = my_col_u64(u.st, 8),
			.failed_ns = my_col_u64(u.st, 9),
			.behind = my_col_u64(u.st, 10),
			.behind_ns = my_col_u64(u.st, 11),
			.parked = my_col_u64(u.st, 12),
		};

		ret = fn(&sink, arg);
		if (ret)
			return ret;
	}
	return ret;
}

int my_sink_put(struct store *base, const struct store_sink *sink)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err = my_sink_cursor_set(base, sink->name, sink->log_id);

	if (!err)
		err = my_get(
			s,
			"INSERT INTO sink_states (name, sent_count, failed_count, "
			"skipped_count, given_up_count, failures, why, sent_ns, failed_ns) "
			"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE "
			"sent_count = ?, failed_count = ?, skipped_count = ?, "
			"given_up_count = ?, failures = ?, why = ?, sent_ns = ?, failed_ns = ?",
			&u.st);
	if (err)
		return err;
	my_str(u.st, 1, sink->name);
	for (unsigned i = 2; i <= 10; i += 8) {
		my_u64(u.st, i, sink->sent);
		my_u64(u.st, i + 1, sink->failed);
		my_u64(u.st, i + 2, sink->skipped);
		my_u64(u.st, i + 3, sink->given_up);
		my_u64(u.st, i + 4, sink->failures);
		my_str(u.st, i + 5, or_empty(sink->why));
		my_u64(u.st, i + 6, sink->sent_ns);
		my_u64(u.st, i + 7, sink->failed_ns);
	}
	return my_run(s, u.st, NULL);
}

static int delete_of(struct my *s, const char *sql, const char *name, uint64_t *ret_changed)
{
	_my_use_ struct my_use u = { .s = s };
	int err = my_get(s, sql, &u.st);

	if (err)
		return err;
	my_str(u.st, 1, name);
	return my_run(s, u.st, ret_changed);
}

int my_sink_forget(struct store *base, const char *name)
{
	struct my *s = (struct my *)base;
	uint64_t n = 0;
	int err = delete_of(s, "DELETE FROM sink_parked WHERE sink = ?", name, &n);

	if (!err)
		err = delete_of(s, "DELETE FROM sink_states WHERE name = ?", name, &n);
	if (!err)
		err = delete_of(s, "DELETE FROM sink_cursors WHERE name = ?", name, &n);
	if (!err && !n)
		return store_set_why(base, -ENOENT, "store %s has no such sink", s->name);
	return err;
}

int my_park(struct store *base, const struct store_parked *p)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err = my_get(s,
			 "INSERT INTO sink_parked (sink, log_id, alert_id, tries, first_ns, "
			 "next_ns, why) VALUES (?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE "
			 "tries = ?, next_ns = ?, why = ?",
			 &u.st);

	if (err)
		return err;
	my_str(u.st, 1, p->sink);
	my_u64(u.st, 2, p->log_id);
	my_u64(u.st, 3, p->alert_id);
	my_u64(u.st, 4, p->tries);
	my_u64(u.st, 5, p->first_ns);
	my_u64(u.st, 6, p->next_ns);
	my_str(u.st, 7, or_empty(p->why));
	my_u64(u.st, 8, p->tries);
	my_u64(u.st, 9, p->next_ns);
	my_str(u.st, 10, or_empty(p->why));
	return my_run(s, u.st, NULL);
}

int my_unpark(struct store *base, const char *sink, uint64_t log_id)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err = my_get(s, "DELETE FROM sink_parked WHERE sink = ? AND log_id = ?", &u.st);

	if (err)
		return err;
	my_str(u.st, 1, sink);
	my_u64(u.st, 2, log_id);
	return my_run(s, u.st, NULL);
}

int my_parked(struct store *base, const char *sink, uint64_t due_ns, uint32_t limit,
	      store_parked_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret = my_get(s,
			 "SELECT sink, log_id, alert_id, tries, first_ns, next_ns, why FROM "
			 "sink_parked WHERE (? = '' OR sink = ?) AND (? = 0 OR (next_ns > 0 "
			 "AND next_ns <= ?)) ORDER BY next_ns, log_id, sink LIMIT ?",
			 &u.st);

	if (ret)
		return ret;
	my_str(u.st, 1, or_empty(sink));
	my_str(u.st, 2, or_empty(sink));
	my_u64(u.st, 3, due_ns);
	my_u64(u.st, 4, due_ns);
	my_u64(u.st, 5, limit ? limit : UINT32_MAX);
	while ((ret = my_step(s, u.st)) > 0) {
		const struct store_parked p = {
			.sink = my_col_str(u.st, 0),
			.log_id = my_col_u64(u.st, 1),
			.alert_id = my_col_u64(u.st, 2),
			.tries = my_col_u64(u.st, 3),
			.first_ns = my_col_u64(u.st, 4),
			.next_ns = my_col_u64(u.st, 5),
			.why = my_col_str(u.st, 6),
		};

		ret = fn(&p, arg);
		if (ret)
			return ret;
	}
	return ret;
}

int my_log_before(struct store *base, uint64_t at_ns, uint64_t *ret_log_id)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret = my_get(s, "SELECT max(id) FROM alert_log WHERE at_ns < ?", &u.st);

	if (ret)
		return ret;
	my_u64(u.st, 1, at_ns);
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	*ret_log_id = ret ? my_col_u64(u.st, 0) : 0;
	return 0;
}
