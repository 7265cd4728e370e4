/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "store/profile.h"
#include "store/sql.h"
#include "store/wrap.h"

/* What learning proposes for a class, until a person decides. */

#define PROPOSALS_MAX 50000

static const char *const state_names[] = { "pending", "accepted", "rejected" };

const char *proposal_state_name(enum proposal_state s)
{
	return (unsigned)s < array_len(state_names) ? state_names[s] : "?";
}

#define PROPOSAL_COLS                                                                              \
	"host_type, number, kind, state, rule, why, nodes, nodes_seen, nodes_total, slots_seen, "  \
	"slots_total, made_ns, made_by, decided_ns, decided_by"

static int put_proposal(struct store *s, const char *host_type, const struct store_proposal *p)
{
	return sql_run(s, NULL,
		       "INSERT INTO profile_proposals (" PROPOSAL_COLS
		       ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       S(host_type), U(p->number), S(p->outlier ? "outlier" : "rule"),
		       S(proposal_state_name(p->state)), S(p->rule), S(p->why), S(p->nodes),
		       U(p->nodes_seen), U(p->nodes_total), U(p->slots_seen), U(p->slots_total),
		       U(p->made_ns), S(p->made_by), U(p->decided_ns), S(p->decided_by));
}

static int put_all(struct store *s, const char *host_type, const struct store_proposal *list,
		   size_t n)
{
	int err =
		sql_run(s, NULL, "DELETE FROM profile_proposals WHERE host_type = ?", S(host_type));

	for (size_t i = 0; i < n && !err; i++)
		err = put_proposal(s, host_type, &list[i]);
	return err;
}

static enum proposal_state state_of(const char *name)
{
	for (unsigned i = PROPOSAL_PENDING; i <= PROPOSAL_REJECTED; i++)
		if (!strcmp(name, proposal_state_name((enum proposal_state)i)))
			return (enum proposal_state)i;
	return PROPOSAL_REJECTED; /* the schema refuses it */
}

int store_proposals(struct store *s, const char *host_type, store_proposal_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q,
		"SELECT " PROPOSAL_COLS
		" FROM profile_proposals WHERE ? = '' OR host_type = ? ORDER BY host_type, number",
		S(host_type), S(host_type));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_proposal p = {
			.host_type = sql_str(&q, 0),
			.number = (uint32_t)sql_u64(&q, 1),
			.outlier = !strcmp(sql_str(&q, 2), "outlier"),
			.state = state_of(sql_str(&q, 3)),
			.rule = sql_str(&q, 4),
			.why = sql_str(&q, 5),
			.nodes = sql_str(&q, 6),
			.nodes_seen = (uint32_t)sql_u64(&q, 7),
			.nodes_total = (uint32_t)sql_u64(&q, 8),
			.slots_seen = (uint32_t)sql_u64(&q, 9),
			.slots_total = (uint32_t)sql_u64(&q, 10),
			.made_ns = sql_u64(&q, 11),
			.made_by = sql_str(&q, 12),
			.decided_ns = sql_u64(&q, 13),
			.decided_by = sql_str(&q, 14),
		};

		ret = fn(&p, arg);
	}
	return ret;
}

static int decide(struct store *s, const char *host_type, uint32_t number,
		  enum proposal_state state, const char *who, uint64_t now_ns)
{
	uint64_t changed = 0;
	int err =
		sql_run(s, &changed,
			"UPDATE profile_proposals SET state = ?, decided_by = ?, decided_ns = ? "
			"WHERE host_type = ? AND number = ?",
			S(proposal_state_name(state)), S(who), U(now_ns), S(host_type), U(number));

	if (!err && !changed)
		err = store_set_why(s, -ENOENT, "nothing is proposed for class %s as number %u",
				    host_type, number);
	return err;
}

int store_proposal_put(struct store *s, const char *host_type, const struct store_proposal *list,
		       size_t n)
{
	int err = store_check_name(s, "node class", host_type);

	if (!err && n > PROPOSALS_MAX)
		err = store_set_why(s, -E2BIG, "more than %d rules proposed", PROPOSALS_MAX);
	if (err)
		return err;
	return write_op(s, put_all(s, host_type, list, n));
}

int store_proposal_decide(struct store *s, const char *host_type, uint32_t number,
			  enum proposal_state state, const char *who, uint64_t now_wall_ns)
{
	return write_op(s, decide(s, host_type, number, state, who, now_wall_ns));
}
