/* SPDX-License-Identifier: GPL-2.0 */
#include "store/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "store/sql.h"
#include "store/wrap.h"

static const char *const verbs[] = {
	[REQUEST_ACK] = "ack",	   [REQUEST_SNOOZE] = "snooze",	  [REQUEST_REOPEN] = "reopen",
	[REQUEST_ALLOW] = "allow", [REQUEST_PREVIEW] = "preview",
};
static const char *const states[] = {
	[REQUEST_WAITING] = "waiting",
	[REQUEST_DONE] = "done",
	[REQUEST_REFUSED] = "refused",
};

const char *request_state_name(enum request_state s)
{
	return s < array_len(states) && states[s] ? states[s] : "waiting";
}

int request_verb_parse(const char *s, enum request_verb *ret_v)
{
	for (unsigned i = 1; i < array_len(verbs); i++)
		if (!strcmp(verbs[i], s)) {
			*ret_v = (enum request_verb)i;
			return 0;
		}
	return -EINVAL;
}

bool request_may(const char *role, enum request_verb v)
{
	if (!strcmp(role, "approver"))
		return v >= REQUEST_ACK && v <= REQUEST_PREVIEW;
	return !strcmp(role, "operator") && v >= REQUEST_ACK && v <= REQUEST_REOPEN;
}

/* --- handing in ------------------------------------------------------------------------------------ */

static int waiting_of(struct store *s, const char *login, uint64_t *ret_n)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q, "SELECT count(*) FROM requests WHERE state = 1 AND login = ?",
			    S(login));

	*ret_n = ret > 0 ? sql_u64(&q, 0) : 0;
	return ret < 0 ? ret : 0;
}

int requests_insert(struct store *s, const struct store_request *r)
{
	return sql_run(s, NULL,
		       "INSERT INTO requests (id, at_ns, login, login_role, verb, alerts, reason, "
		       "ticket, until_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       U(r->id), U(r->at_ns), S(r->login), S(r->role), U(r->verb), S(r->alerts),
		       S(r->reason), S(r->ticket), U(r->until_ns));
}

static int check(struct store *s, const struct store_request *r)
{
	int err = store_check_name(s, "person", r->login);

	if (!err)
		err = triage_check_text(s, "a reason", r->reason);
	if (!err)
		err = triage_check_text(s, "a ticket", r->ticket);
	if (!err &&
	    (strlen(r->reason) > REQUEST_REASON_MAX || strlen(r->ticket) > REQUEST_TICKET_MAX))
		return store_set_why(s, -EINVAL, "a reason has at most %d bytes, a ticket %d",
				     REQUEST_REASON_MAX, REQUEST_TICKET_MAX);
	return err;
}

int store_request_put(struct store *s, struct store_request *r)
{
	uint64_t waiting = 0;
	int err = check(s, r);

	if (!err)
		err = waiting_of(s, r->login, &waiting);
	if (!err && waiting >= REQUESTS_WAITING_MAX)
		return store_set_why(s, -EBUSY, "%d requests wait for the monitor already",
				     REQUESTS_WAITING_MAX);
	if (!err)
		err = sql_now(s, &r->at_ns);
	if (!err && getrandom(&r->id, sizeof(r->id), 0) != sizeof(r->id))
		err = -EIO;
	r->id = r->id % REQUEST_ID_MAX + 1;
	if (err)
		return err;
	return s->readonly ? s->ops->hand_in(s, r) : write_op(s, requests_insert(s, r));
}

/* --- reading ------------------------------------------------------------------------------------------ */

#define COLS                                                                                       \
	"id, at_ns, login, login_role, verb, alerts, reason, ticket, until_ns, state, answer, "    \
	"answered_ns"

static int give(const struct sql *q, store_request_fn fn, void *arg)
{
	const struct store_request r = {
		.id = sql_u64(q, 0),
		.at_ns = sql_u64(q, 1),
		.login = sql_str(q, 2),
		.role = sql_str(q, 3),
		.verb = (enum request_verb)sql_u64(q, 4),
		.alerts = sql_str(q, 5),
		.reason = sql_str(q, 6),
		.ticket = sql_str(q, 7),
		.until_ns = sql_u64(q, 8),
		.state = (enum request_state)sql_u64(q, 9),
		.answer = sql_str(q, 10),
		.answered_ns = sql_u64(q, 11),
	};

	return fn(&r, arg);
}

int store_request_get(struct store *s, uint64_t id, store_request_fn fn, void *arg)
{
	const struct store_request handed_in = {
		.id = id,
		.login = "",
		.role = "",
		.alerts = "",
		.reason = "",
		.ticket = "",
		.state = REQUEST_WAITING,
		.answer = "",
	};
	/* Before the table is looked at: what is no file any more is there. */
	bool waits = s->ops->handed_in && s->ops->handed_in(s, id);
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q, "SELECT " COLS " FROM requests WHERE id = ?", U(id));

	if (ret > 0)
		return give(&q, fn, arg);
	if (ret < 0)
		return ret;
	return waits ? fn(&handed_in, arg) : -ENOENT;
}

/* --- for the monitor ---------------------------------------------------------------------------------- */

int store_requests_collect(struct store *s, unsigned max, bool *ret_more)
{
	*ret_more = false;
	return s->ops->collect ? s->ops->collect(s, max, ret_more) : 0;
}

int store_requests_waiting(struct store *s, unsigned max, uint64_t *ids, unsigned *ret_n)
{
	_sql_ struct sql q = { .s = s };
	unsigned n = 0;
	int ret = sql_get(&q, "SELECT id FROM requests WHERE state = 1 ORDER BY at_ns, id LIMIT ?",
			  U(max));

	while (!ret && n < max && (ret = sql_step(&q)) > 0) {
		ids[n++] = sql_u64(&q, 0);
		ret = 0;
	}
	*ret_n = n;
	return ret < 0 ? ret : 0;
}

int store_request_hold(struct store *s, uint64_t id, store_request_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  SQL_LOCKED(s, "SELECT " COLS " FROM requests WHERE id = ? AND state = 1"),
			  U(id));

	if (!ret)
		ret = sql_step(&q);
	if (ret <= 0)
		return ret ? ret : -EALREADY;
	return give(&q, fn, arg);
}

static int put_answer(struct store *s, uint64_t id, enum request_state state, const char *answer)
{
	uint64_t now = 0;
	int err = sql_now(s, &now);

	return err ? err
		   : sql_run(s, NULL,
			     "UPDATE requests SET state = ?, answer = ?, answered_ns = ? WHERE id "
			     "= ? AND state = 1",
			     U(state), S(answer), U(now), U(id));
}

int store_request_answer(struct store *s, uint64_t id, enum request_state state, const char *answer)
{
	return write_op(s, put_answer(s, id, state, answer));
}

/* Until when the answered ones go, so that no more than keep stay. */
static int keep_from(struct store *s, uint64_t before_ns, uint64_t keep, uint64_t *ret_before)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q,
			    "SELECT at_ns FROM requests WHERE state > 1 ORDER BY at_ns DESC LIMIT "
			    "1 OFFSET ?",
			    U(keep));

	*ret_before = ret > 0 && sql_u64(&q, 0) >= before_ns ? sql_u64(&q, 0) + 1 : before_ns;
	return ret < 0 ? ret : 0;
}

static int old_ones(struct store *s, uint64_t before_ns, unsigned max, uint64_t *ids,
		    unsigned *ret_n)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT id FROM requests WHERE state > 1 AND at_ns < ? ORDER BY at_ns "
			  "LIMIT ?",
			  U(before_ns), U(max));

	for (*ret_n = 0; !ret && *ret_n < max && (ret = sql_step(&q)) > 0; ret = 0)
		ids[(*ret_n)++] = sql_u64(&q, 0);
	return ret < 0 ? ret : 0;
}

static int prune(struct store *s, const uint64_t *ids, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = sql_run(s, NULL, "DELETE FROM requests WHERE id = ? AND state > 1",
			      U(ids[i]));
	return err;
}

int store_requests_prune(struct store *s, uint64_t before_ns, uint64_t keep, unsigned max)
{
	_free_ uint64_t *ids = calloc(max, sizeof(*ids));
	uint64_t before = 0;
	unsigned n = 0;
	int err = ids ? keep_from(s, before_ns, keep, &before) : -ENOMEM;

	if (!err)
		err = old_ones(s, before, max, ids, &n);
	return err || !n ? err : write_op(s, prune(s, ids, n));
}
