/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>
#include <string.h>

/* Changing profiles, the lines of their files, hits, proposals, and node classes by rule. */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* --- rows --------------------------------------------------------------------------------------- */

int sq_profile_update(struct store *base, const char *host_type, uint64_t id,
		      const struct profile_row *row)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "UPDATE open_ports SET reason = ?, author = ?, expires_ns = ?, severity = ?, "
		     "line_no = ?, source_line = ? WHERE id = ? AND host_type = ?",
		     &st);
	if (err)
		return err;
	sq_str(st, 1, or_empty(row->reason));
	sq_str(st, 2, or_empty(row->author));
	sq_u64(st, 3, row->expires_ns);
	sq_str(st, 4, row->severity ? severity_name(row->severity) : "");
	sq_u64(st, 5, row->line_no);
	sq_str(st, 6, or_empty(row->line));
	sq_u64(st, 7, id);
	sq_str(st, 8, host_type);
	return sq_run(s, st);
}

int sq_profile_remove(struct store *base, const char *host_type, uint64_t id)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s, "DELETE FROM open_ports WHERE id = ? AND host_type = ?", &st);
	if (err)
		return err;
	sq_u64(st, 1, id);
	sq_str(st, 2, host_type);
	err = sq_run(s, st);
	if (!err && !sqlite3_changes(s->db))
		err = store_set_why(base, -ENOENT, "class %s has no row %llu", host_type,
				    (unsigned long long)id);
	return err;
}

int sq_profile_count(struct store *base, const struct store_profile_hit *hits, size_t n)
{
	struct sq *s = (struct sq *)base;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		_sq_put_ struct sq_stmt *st = NULL;

		err = sq_get(s,
			     "INSERT INTO open_port_hits (row_id, hits, last_ns) "
			     "SELECT id, ?2, ?3 FROM open_ports WHERE id = ?1 "
			     "ON CONFLICT (row_id) DO UPDATE SET hits = hits + ?2, "
			     "last_ns = max(last_ns, ?3)",
			     &st);
		if (err)
			break;
		sq_u64(st, 1, hits[i].row_id);
		sq_u64(st, 2, hits[i].hits);
		sq_u64(st, 3, hits[i].last_ns);
		err = sq_run(s, st);
	}
	return err;
}

/* --- lines --------------------------------------------------------------------------------------- */

int sq_profile_lines(struct store *base, const char *host_type, store_profile_line_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT line_no, source_line FROM profile_lines WHERE host_type = ? "
		     "ORDER BY line_no",
		     &st);
	if (ret)
		return ret;
	sq_str(st, 1, host_type);
	while ((ret = sq_step(s, st)) > 0) {
		const struct store_profile_line l = { (uint32_t)sq_col_u64(st, 0),
						      or_empty(sq_col_str(st, 1)) };

		ret = fn(&l, arg);
		if (ret)
			break;
	}
	return ret;
}

/* Runs a statement about one class. */
static int run_for(struct sq *s, const char *sql, const char *host_type)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err = sq_get(s, sql, &st);

	if (err)
		return err;
	sq_str(st, 1, host_type);
	return sq_run(s, st);
}

static int put_line(struct sq *s, const char *host_type, const struct store_profile_line *l)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "INSERT INTO profile_lines (host_type, line_no, source_line) VALUES (?, ?, ?)",
		     &st);
	if (err)
		return err;
	sq_str(st, 1, host_type);
	sq_u64(st, 2, l->number);
	sq_str(st, 3, l->text);
	return sq_run(s, st);
}

int sq_profile_put_lines(struct store *base, const char *host_type,
			 const struct store_profile_line *lines, size_t n)
{
	struct sq *s = (struct sq *)base;
	int err = run_for(s, "DELETE FROM profile_lines WHERE host_type = ?", host_type);

	for (size_t i = 0; i < n && !err; i++)
		err = put_line(s, host_type, &lines[i]);
	return err;
}

/* --- proposals -------------------------------------------------------------------------------------- */

static int put_proposal(struct sq *s, const char *host_type, const struct store_proposal *p)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(
		s,
		"INSERT INTO profile_proposals (host_type, number, kind, state, rule, why, nodes, "
		"nodes_seen, nodes_total, slots_seen, slots_total, made_ns, made_by, decided_ns, "
		"decided_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&st);
	if (err)
		return err;
	sq_str(st, 1, host_type);
	sq_u64(st, 2, p->number);
	sq_str(st, 3, p->outlier ? "outlier" : "rule");
	sq_str(st, 4, proposal_state_name(p->state));
	sq_str(st, 5, p->rule);
	sq_str(st, 6, or_empty(p->why));
	sq_str(st, 7, or_empty(p->nodes));
	sq_u64(st, 8, p->nodes_seen);
	sq_u64(st, 9, p->nodes_total);
	sq_u64(st, 10, p->slots_seen);
	sq_u64(st, 11, p->slots_total);
	sq_u64(st, 12, p->made_ns);
	sq_str(st, 13, or_empty(p->made_by));
	sq_u64(st, 14, p->decided_ns);
	sq_str(st, 15, or_empty(p->decided_by));
	return sq_run(s, st);
}

int sq_proposal_put(struct store *base, const char *host_type, const struct store_proposal *list,
		    size_t n)
{
	struct sq *s = (struct sq *)base;
	int err = run_for(s, "DELETE FROM profile_proposals WHERE host_type = ?", host_type);

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

int sq_proposals(struct store *base, const char *host_type, store_proposal_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(
		s,
		"SELECT host_type, number, kind, state, rule, why, nodes, nodes_seen, nodes_total, "
		"slots_seen, slots_total, made_ns, made_by, decided_ns, decided_by "
		"FROM profile_proposals WHERE ? = '' OR host_type = ? ORDER BY host_type, number",
		&st);
	if (ret)
		return ret;
	sq_str(st, 1, or_empty(host_type));
	sq_str(st, 2, or_empty(host_type));
	while ((ret = sq_step(s, st)) > 0) {
		const struct store_proposal p = {
			.host_type = sq_col_str(st, 0),
			.number = (uint32_t)sq_col_u64(st, 1),
			.outlier = !strcmp(sq_col_str(st, 2), "outlier"),
			.state = state_of(sq_col_str(st, 3)),
			.rule = sq_col_str(st, 4),
			.why = sq_col_str(st, 5),
			.nodes = sq_col_str(st, 6),
			.nodes_seen = (uint32_t)sq_col_u64(st, 7),
			.nodes_total = (uint32_t)sq_col_u64(st, 8),
			.slots_seen = (uint32_t)sq_col_u64(st, 9),
			.slots_total = (uint32_t)sq_col_u64(st, 10),
			.made_ns = sq_col_u64(st, 11),
			.made_by = sq_col_str(st, 12),
			.decided_ns = sq_col_u64(st, 13),
			.decided_by = sq_col_str(st, 14),
		};

		ret = fn(&p, arg);
		if (ret)
			break;
	}
	return ret;
}

int sq_proposal_decide(struct store *base, const char *host_type, uint32_t number,
		       enum proposal_state state, const char *who, uint64_t now_ns)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "UPDATE profile_proposals SET state = ?, decided_by = ?, decided_ns = ? "
		     "WHERE host_type = ? AND number = ?",
		     &st);
	if (err)
		return err;
	sq_str(st, 1, proposal_state_name(state));
	sq_str(st, 2, who);
	sq_u64(st, 3, now_ns);
	sq_str(st, 4, host_type);
	sq_u64(st, 5, number);
	err = sq_run(s, st);
	if (!err && !sqlite3_changes(s->db))
		err = store_set_why(base, -ENOENT, "nothing is proposed for class %s as number %u",
				    host_type, number);
	return err;
}

/* --- classes --------------------------------------------------------------------------------------------- */

int sq_class_rules(struct store *base, store_class_rule_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT id, priority, nodes, host_type, origin, reason, author, created_ns, "
		     "resolved, "
		     "resolved_ns, problem FROM class_rules ORDER BY priority, id",
		     &st);
	if (ret)
		return ret;
	while ((ret = sq_step(s, st)) > 0) {
		const struct store_class_rule r = {
			.id = sq_col_u64(st, 0),
			.priority = (uint32_t)sq_col_u64(st, 1),
			.nodes = sq_col_str(st, 2),
			.host_type = sq_col_str(st, 3),
			.origin = sq_col_str(st, 4),
			.reason = or_empty(sq_col_str(st, 5)),
			.author = sq_col_str(st, 6),
			.created_ns = sq_col_u64(st, 7),
			.resolved = or_empty(sq_col_str(st, 8)),
			.resolved_ns = sq_col_u64(st, 9),
			.problem = or_empty(sq_col_str(st, 10)),
		};

		ret = fn(&r, arg);
		if (ret)
			break;
	}
	return ret;
}

static int find_rule(struct sq *s, const struct store_class_rule *r, uint64_t *ret_id)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s, "SELECT id FROM class_rules WHERE id = ? OR (nodes = ? AND host_type = ?)",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, r->id);
	sq_str(st, 2, r->nodes);
	sq_str(st, 3, r->host_type);
	ret = sq_step(s, st);
	if (ret > 0)
		*ret_id = sq_col_u64(st, 0);
	return ret < 0 ? ret : 0;
}

int sq_class_rule_put(struct store *base, const struct store_class_rule *r)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	uint64_t id = 0;
	int err;

	/* One text for both: the parameters are the same and in the same order. */
	err = find_rule(s, r, &id);
	if (!err)
		err = sq_get(
			s,
			id ? "UPDATE class_rules SET priority = ?, nodes = ?, host_type = ?, "
			     "origin = ?, reason = ?, author = ?, resolved = ?, resolved_ns = ?, "
			     "problem = ? WHERE id = ?"
			   : "INSERT INTO class_rules (priority, nodes, host_type, origin, reason, "
			     "author, resolved, resolved_ns, problem, created_ns) "
			     "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			&st);
	if (err)
		return err;
	sq_u64(st, 1, r->priority);
	sq_str(st, 2, r->nodes);
	sq_str(st, 3, r->host_type);
	sq_str(st, 4, r->origin && r->origin[0] ? r->origin : "manual");
	sq_str(st, 5, or_empty(r->reason));
	sq_str(st, 6, or_empty(r->author));
	sq_str(st, 7, or_empty(r->resolved));
	sq_u64(st, 8, r->resolved_ns);
	sq_str(st, 9, or_empty(r->problem));
	sq_u64(st, 10, id ? id : r->created_ns);
	return sq_run(s, st);
}

int sq_class_rule_remove(struct store *base, uint64_t id)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s, "DELETE FROM class_rules WHERE id = ?", &st);
	if (err)
		return err;
	sq_u64(st, 1, id);
	err = sq_run(s, st);
	if (!err && !sqlite3_changes(s->db))
		err = store_set_why(base, -ENOENT, "no rule %llu", (unsigned long long)id);
	return err;
}
