/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <string.h>

/* Changing profiles, the lines of their files, hits, proposals, and node classes by rule. */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* --- rows --------------------------------------------------------------------------------------- */

int my_profile_update(struct store *base, const char *host_type, uint64_t id,
		      const struct profile_row *row)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "UPDATE open_ports SET reason = ?, author = ?, expires_ns = ?, severity = ?, "
		     "line_no = ?, source_line = ? WHERE id = ? AND host_type = ?",
		     &u.st);
	if (err)
		return err;
	my_str(u.st, 1, or_empty(row->reason));
	my_str(u.st, 2, or_empty(row->author));
	my_u64(u.st, 3, row->expires_ns);
	my_str(u.st, 4, row->severity ? severity_name(row->severity) : "");
	my_u64(u.st, 5, row->line_no);
	my_str(u.st, 6, or_empty(row->line));
	my_u64(u.st, 7, id);
	my_str(u.st, 8, host_type);
	return my_run(s, u.st, NULL);
}

int my_profile_remove(struct store *base, const char *host_type, uint64_t id)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t changed = 0;
	int err;

	err = my_get(s, "DELETE FROM open_ports WHERE id = ? AND host_type = ?", &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, id);
	my_str(u.st, 2, host_type);
	err = my_run(s, u.st, &changed);
	if (!err && !changed)
		err = store_set_why(base, -ENOENT, "class %s has no row %llu", host_type,
				    (unsigned long long)id);
	return err;
}

int my_profile_count(struct store *base, const struct store_profile_hit *hits, size_t n)
{
	struct my *s = (struct my *)base;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		_my_use_ struct my_use u = { .s = s };

		err = my_get(s,
			     "INSERT INTO open_port_hits (row_id, hits, last_ns) "
			     "SELECT id, ?, ? FROM open_ports WHERE id = ? "
			     "ON DUPLICATE KEY UPDATE hits = open_port_hits.hits + ?, "
			     "last_ns = greatest(open_port_hits.last_ns, ?)",
			     &u.st);
		if (err)
			break;
		my_u64(u.st, 1, hits[i].hits);
		my_u64(u.st, 2, hits[i].last_ns);
		my_u64(u.st, 3, hits[i].row_id);
		my_u64(u.st, 4, hits[i].hits);
		my_u64(u.st, 5, hits[i].last_ns);
		err = my_run(s, u.st, NULL);
	}
	return err;
}

/* --- lines --------------------------------------------------------------------------------------- */

int my_profile_lines(struct store *base, const char *host_type, store_profile_line_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT line_no, source_line FROM profile_lines WHERE host_type = ? "
		     "ORDER BY line_no",
		     &u.st);
	if (ret)
		return ret;
	my_str(u.st, 1, host_type);
	while ((ret = my_step(s, u.st)) > 0) {
		const struct store_profile_line l = { (uint32_t)my_col_u64(u.st, 0),
						      or_empty(my_col_str(u.st, 1)) };

		ret = fn(&l, arg);
		if (ret)
			break;
	}
	return ret;
}

/* Runs a statement about one class. */
static int run_for(struct my *s, const char *sql, const char *host_type)
{
	_my_use_ struct my_use u = { .s = s };
	int err = my_get(s, sql, &u.st);

	if (err)
		return err;
	my_str(u.st, 1, host_type);
	return my_run(s, u.st, NULL);
}

static int put_line(struct my *s, const char *host_type, const struct store_profile_line *l)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "INSERT INTO profile_lines (host_type, line_no, source_line) VALUES (?, ?, ?)",
		     &u.st);
	if (err)
		return err;
	my_str(u.st, 1, host_type);
	my_u64(u.st, 2, l->number);
	my_str(u.st, 3, l->text);
	return my_run(s, u.st, NULL);
}

int my_profile_put_lines(struct store *base, const char *host_type,
			 const struct store_profile_line *lines, size_t n)
{
	struct my *s = (struct my *)base;
	int err = run_for(s, "DELETE FROM profile_lines WHERE host_type = ?", host_type);

	for (size_t i = 0; i < n && !err; i++)
		err = put_line(s, host_type, &lines[i]);
	return err;
}

/* --- proposals -------------------------------------------------------------------------------------- */

static int put_proposal(struct my *s, const char *host_type, const struct store_proposal *p)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(
		s,
		"INSERT INTO profile_proposals (host_type, number, kind, state, rule, why, nodes, "
		"nodes_seen, nodes_total, slots_seen, slots_total, made_ns, made_by, decided_ns, "
		"decided_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&u.st);
	if (err)
		return err;
	my_str(u.st, 1, host_type);
	my_u64(u.st, 2, p->number);
	my_str(u.st, 3, p->outlier ? "outlier" : "rule");
	my_str(u.st, 4, proposal_state_name(p->state));
	my_str(u.st, 5, p->rule);
	my_str(u.st, 6, or_empty(p->why));
	my_str(u.st, 7, or_empty(p->nodes));
	my_u64(u.st, 8, p->nodes_seen);
	my_u64(u.st, 9, p->nodes_total);
	my_u64(u.st, 10, p->slots_seen);
	my_u64(u.st, 11, p->slots_total);
	my_u64(u.st, 12, p->made_ns);
	my_str(u.st, 13, or_empty(p->made_by));
	my_u64(u.st, 14, p->decided_ns);
	my_str(u.st, 15, or_empty(p->decided_by));
	return my_run(s, u.st, NULL);
}

int my_proposal_put(struct store *base, const char *host_type, const struct store_proposal *list,
		    size_t n)
{
	struct my *s = (struct my *)base;
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

int my_proposals(struct store *base, const char *host_type, store_proposal_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(
		s,
		"SELECT host_type, number, kind, state, rule, why, nodes, nodes_seen, nodes_total, "
		"slots_seen, slots_total, made_ns, made_by, decided_ns, decided_by "
		"FROM profile_proposals WHERE ? = '' OR host_type = ? ORDER BY host_type, number",
		&u.st);
	if (ret)
		return ret;
	my_str(u.st, 1, or_empty(host_type));
	my_str(u.st, 2, or_empty(host_type));
	while ((ret = my_step(s, u.st)) > 0) {
		const struct store_proposal p = {
			.host_type = my_col_str(u.st, 0),
			.number = (uint32_t)my_col_u64(u.st, 1),
			.outlier = !strcmp(my_col_str(u.st, 2), "outlier"),
			.state = state_of(my_col_str(u.st, 3)),
			.rule = my_col_str(u.st, 4),
			.why = my_col_str(u.st, 5),
			.nodes = my_col_str(u.st, 6),
			.nodes_seen = (uint32_t)my_col_u64(u.st, 7),
			.nodes_total = (uint32_t)my_col_u64(u.st, 8),
			.slots_seen = (uint32_t)my_col_u64(u.st, 9),
			.slots_total = (uint32_t)my_col_u64(u.st, 10),
			.made_ns = my_col_u64(u.st, 11),
			.made_by = my_col_str(u.st, 12),
			.decided_ns = my_col_u64(u.st, 13),
			.decided_by = my_col_str(u.st, 14),
		};

		ret = fn(&p, arg);
		if (ret)
			break;
	}
	return ret;
}

int my_proposal_decide(struct store *base, const char *host_type, uint32_t number,
		       enum proposal_state state, const char *who, uint64_t now_ns)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t changed = 0;
	int err;

	err = my_get(s,
		     "UPDATE profile_proposals SET state = ?, decided_by = ?, decided_ns = ? "
		     "WHERE host_type = ? AND number = ?",
		     &u.st);
	if (err)
		return err;
	my_str(u.st, 1, proposal_state_name(state));
	my_str(u.st, 2, who);
	my_u64(u.st, 3, now_ns);
	my_str(u.st, 4, host_type);
	my_u64(u.st, 5, number);
	err = my_run(s, u.st, &changed);
	if (!err && !changed)
		err = store_set_why(base, -ENOENT, "nothing is proposed for class %s as number %u",
				    host_type, number);
	return err;
}

/* --- classes --------------------------------------------------------------------------------------------- */

int my_class_rules(struct store *base, store_class_rule_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT id, priority, nodes, host_type, origin, reason, author, created_ns, "
		     "resolved, "
		     "resolved_ns, problem FROM class_rules ORDER BY priority, id",
		     &u.st);
	if (ret)
		return ret;
	while ((ret = my_step(s, u.st)) > 0) {
		const struct store_class_rule r = {
			.id = my_col_u64(u.st, 0),
			.priority = (uint32_t)my_col_u64(u.st, 1),
			.nodes = my_col_str(u.st, 2),
			.host_type = my_col_str(u.st, 3),
			.origin = my_col_str(u.st, 4),
			.reason = or_empty(my_col_str(u.st, 5)),
			.author = my_col_str(u.st, 6),
			.created_ns = my_col_u64(u.st, 7),
			.resolved = or_empty(my_col_str(u.st, 8)),
			.resolved_ns = my_col_u64(u.st, 9),
			.problem = or_empty(my_col_str(u.st, 10)),
		};

		ret = fn(&r, arg);
		if (ret)
			break;
	}
	return ret;
}

static int find_rule(struct my *s, const struct store_class_rule *r, uint64_t *ret_id)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s, "SELECT id FROM class_rules WHERE id = ? OR (nodes = ? AND host_type = ?)",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, r->id);
	my_str(u.st, 2, r->nodes);
	my_str(u.st, 3, r->host_type);
	ret = my_step(s, u.st);
	if (ret > 0)
		*ret_id = my_col_u64(u.st, 0);
	return ret < 0 ? ret : 0;
}

int my_class_rule_put(struct store *base, const struct store_class_rule *r)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t id = 0;
	int err;

	/* One text for both: the parameters are the same and in the same order. */
	err = find_rule(s, r, &id);
	if (!err)
		err = my_get(
			s,
			id ? "UPDATE class_rules SET priority = ?, nodes = ?, host_type = ?, "
			     "origin = ?, reason = ?, author = ?, resolved = ?, resolved_ns = ?, "
			     "problem = ? WHERE id = ?"
			   : "INSERT INTO class_rules (priority, nodes, host_type, origin, reason, "
			     "author, resolved, resolved_ns, problem, created_ns) "
			     "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			&u.st);
	if (err)
		return err;
	my_u64(u.st, 1, r->priority);
	my_str(u.st, 2, r->nodes);
	my_str(u.st, 3, r->host_type);
	my_str(u.st, 4, r->origin && r->origin[0] ? r->origin : "manual");
	my_str(u.st, 5, or_empty(r->reason));
	my_str(u.st, 6, or_empty(r->author));
	my_str(u.st, 7, or_empty(r->resolved));
	my_u64(u.st, 8, r->resolved_ns);
	my_str(u.st, 9, or_empty(r->problem));
	my_u64(u.st, 10, id ? id : r->created_ns);
	return my_run(s, u.st, NULL);
}

int my_class_rule_remove(struct store *base, uint64_t id)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t changed = 0;
	int err;

	err = my_get(s, "DELETE FROM class_rules WHERE id = ?", &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, id);
	err = my_run(s, u.st, &changed);
	if (!err && !changed)
		err = store_set_why(base, -ENOENT, "no rule %llu", (unsigned long long)id);
	return err;
}
