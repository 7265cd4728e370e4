/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "store/sql.h"
#include "store/sql_ops.h"

/* Changing profiles, the lines of their files, hits, proposals, and node classes by rule. */

/* --- rows --------------------------------------------------------------------------------------- */

int sql_profile_update(struct store *s, const char *host_type, uint64_t id,
		       const struct profile_row *row)
{
	return sql_run(s, NULL,
		       "UPDATE open_ports SET reason = ?, author = ?, expires_ns = ?, severity = "
		       "?, line_no = ?, source_line = ? WHERE id = ? AND host_type = ?",
		       S(row->reason), S(row->author), U(row->expires_ns),
		       S(row->severity ? severity_name(row->severity) : ""), U(row->line_no),
		       S(row->line), U(id), S(host_type));
}

int sql_profile_remove(struct store *s, const char *host_type, uint64_t id)
{
	uint64_t changed = 0;
	int err = sql_run(s, &changed, "DELETE FROM open_ports WHERE id = ? AND host_type = ?",
			  U(id), S(host_type));

	if (!err && !changed)
		err = store_set_why(s, -ENOENT, "class %s has no row %llu", host_type,
				    (unsigned long long)id);
	return err;
}

#define HIT                                                                                        \
	"INSERT INTO open_port_hits (row_id, hits, last_ns) SELECT id, ?, ? FROM open_ports "      \
	"WHERE id = ? "

int sql_profile_count(struct store *s, const struct store_profile_hit *hits, size_t n)
{
	const char *text = SQL_TEXT(
		s,
		HIT "ON DUPLICATE KEY UPDATE hits = open_port_hits.hits + ?, last_ns = "
		    "greatest(open_port_hits.last_ns, ?)",
		HIT
		"ON CONFLICT (row_id) DO UPDATE SET hits = hits + ?, last_ns = max(last_ns, ?)");
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = sql_run(s, NULL, text, U(hits[i].hits), U(hits[i].last_ns), U(hits[i].row_id),
			      U(hits[i].hits), U(hits[i].last_ns));
	return err;
}

/* --- lines --------------------------------------------------------------------------------------- */

int sql_profile_lines(struct store *s, const char *host_type, store_profile_line_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT line_no, source_line FROM profile_lines WHERE host_type = ? "
			  "ORDER BY line_no",
			  S(host_type));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_profile_line l = { (uint32_t)sql_u64(&q, 0), sql_str(&q, 1) };

		ret = fn(&l, arg);
	}
	return ret;
}

int sql_profile_put_lines(struct store *s, const char *host_type,
			  const struct store_profile_line *lines, size_t n)
{
	int err = sql_run(s, NULL, "DELETE FROM profile_lines WHERE host_type = ?", S(host_type));

	for (size_t i = 0; i < n && !err; i++)
		err = sql_run(s, NULL,
			      "INSERT INTO profile_lines (host_type, line_no, source_line) VALUES "
			      "(?, ?, ?)",
			      S(host_type), U(lines[i].number), S(lines[i].text));
	return err;
}

/* --- proposals -------------------------------------------------------------------------------------- */

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

int sql_proposal_put(struct store *s, const char *host_type, const struct store_proposal *list,
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

int sql_proposals(struct store *s, const char *host_type, store_proposal_fn fn, void *arg)
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

int sql_proposal_decide(struct store *s, const char *host_type, uint32_t number,
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

/* --- classes --------------------------------------------------------------------------------------------- */

int sql_class_rules(struct store *s, store_class_rule_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q, "SELECT id, priority, nodes, host_type, origin, reason, author, created_ns, "
		    "resolved, resolved_ns, problem FROM class_rules ORDER BY priority, id");

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_class_rule r = {
			.id = sql_u64(&q, 0),
			.priority = (uint32_t)sql_u64(&q, 1),
			.nodes = sql_str(&q, 2),
			.host_type = sql_str(&q, 3),
			.origin = sql_str(&q, 4),
			.reason = sql_str(&q, 5),
			.author = sql_str(&q, 6),
			.created_ns = sql_u64(&q, 7),
			.resolved = sql_str(&q, 8),
			.resolved_ns = sql_u64(&q, 9),
			.problem = sql_str(&q, 10),
		};

		ret = fn(&r, arg);
	}
	return ret;
}

static int find_rule(struct store *s, const struct store_class_rule *r, uint64_t *ret_id)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q, "SELECT id FROM class_rules WHERE id = ? OR (nodes = ? AND host_type = ?)",
		U(r->id), S(r->nodes), S(r->host_type));

	if (!ret)
		ret = sql_step(&q);
	if (ret > 0)
		*ret_id = sql_u64(&q, 0);
	return ret < 0 ? ret : 0;
}

int sql_class_rule_put(struct store *s, const struct store_class_rule *r)
{
	uint64_t id = 0;
	int err = find_rule(s, r, &id);

	if (err)
		return err;
	/* One list of values for both texts. */
	return sql_run(s, NULL,
		       id ? "UPDATE class_rules SET priority = ?, nodes = ?, host_type = ?, origin "
			    "= ?, reason = ?, author = ?, resolved = ?, resolved_ns = ?, problem = "
			    "? WHERE id = ?"
			  : "INSERT INTO class_rules (priority, nodes, host_type, origin, reason, "
			    "author, resolved, resolved_ns, problem, created_ns) VALUES (?, ?, ?, "
			    "?, ?, ?, ?, ?, ?, ?)",
		       U(r->priority), S(r->nodes), S(r->host_type),
		       S(r->origin && r->origin[0] ? r->origin : "manual"), S(r->reason),
		       S(r->author), S(r->resolved), U(r->resolved_ns), S(r->problem),
		       U(id ? id : r->created_ns));
}

int sql_class_rule_remove(struct store *s, uint64_t id)
{
	uint64_t changed = 0;
	int err = sql_run(s, &changed, "DELETE FROM class_rules WHERE id = ?", U(id));

	if (!err && !changed)
		err = store_set_why(s, -ENOENT, "no rule %llu", (unsigned long long)id);
	return err;
}
