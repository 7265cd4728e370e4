/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sinks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/sql.h"
#include "store/wrap.h"

int store_sinks(struct store *s, store_sink_fn fn, void *arg)
{
	return s->ops->sinks(s, fn, arg);
}

int store_sink_put(struct store *s, const struct store_sink *sink)
{
	int err = store_check_name(s, "sink", sink->name);

	if (err)
		return err;
	return write_op(s, s->ops->sink_put(s, sink));
}

int store_sink_forget(struct store *s, const char *name)
{
	return write_op(s, s->ops->sink_forget(s, name));
}

int store_park(struct store *s, const struct store_parked *p)
{
	int err = store_check_name(s, "sink", p->sink);

	if (err)
		return err;
	return write_op(s, s->ops->park(s, p));
}

int store_unpark(struct store *s, const char *sink, uint64_t log_id)
{
	return write_op(s, s->ops->unpark(s, sink, log_id));
}

int store_parked(struct store *s, const char *sink, uint64_t due_ns, uint32_t limit,
		 store_parked_fn fn, void *arg)
{
	return s->ops->parked(s, sink, due_ns, limit, fn, arg);
}

int store_log_before(struct store *s, uint64_t at_ns, uint64_t *ret_log_id)
{
	return s->ops->log_before(s, at_ns, ret_log_id);
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
 * Each step is one statement that decides by itself, whatever another does between two of them. A lease for longer than
 * anybody asks for is of a clock that was wrong.
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
		      S(gone ? gone : ""));
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
