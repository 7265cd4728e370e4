/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "store/mem.h"

/* Changing profiles, the lines of their files, hits, proposals, and node classes by rule, in memory. */

/* Deletes the rows for which is_it() says so; *ret_n: how many. */
static int delete_if(struct mem *m, enum mem_table t,
		     bool (*is_it)(const void *row, const void *arg), const void *arg,
		     size_t *ret_n)
{
	size_t n = 0;
	int err = 0;

	for (size_t i = m->now.tables[t]->len; i-- > 0 && !err;) {
		if (!is_it(m->now.tables[t]->row[i], arg))
			continue;
		err = mem_del(m, t, i, 1);
		n++;
	}
	*ret_n = n;
	return err;
}

/* --- rows ------------------------------------------------------------------------------------------- */

static const struct profile_row *find_row(struct mem *m, uint64_t id)
{
	return mem_find(m, MEM_PORTS, &(struct profile_row){ .id = id });
}

int mem_profile_update(struct store *base, const char *host_type, uint64_t id,
		       const struct profile_row *row)
{
	struct mem *m = (struct mem *)base;
	const struct profile_row *old = find_row(m, id);
	struct profile_row r;

	if (!old || strcmp(old->host_type, host_type))
		return 0;
	r = *old;
	r.reason = (char *)mem_str(m, row->reason);
	r.author = (char *)mem_str(m, row->author);
	r.line = (char *)mem_str(m, row->line);
	r.expires_ns = row->expires_ns;
	r.severity = row->severity;
	r.line_no = row->line_no;
	if (!r.reason || !r.author || !r.line)
		return -ENOMEM;
	m->now.revision++;
	return mem_put(m, MEM_PORTS, &r, sizeof(r));
}

int mem_profile_remove(struct store *base, const char *host_type, uint64_t id)
{
	struct mem *m = (struct mem *)base;
	const struct profile_row *old = find_row(m, id);

	if (!old || strcmp(old->host_type, host_type))
		return store_set_why(base, -ENOENT, "class %s has no row %llu", host_type,
				     (unsigned long long)id);
	m->now.revision++;
	return mem_del(m, MEM_PORTS, mem_seek(m, MEM_PORTS, old), 1);
}

int mem_profile_count(struct store *base, const struct store_profile_hit *hits, size_t n)
{
	struct mem *m = (struct mem *)base;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		const struct profile_row *old = find_row(m, hits[i].row_id);
		struct profile_row r;

		if (!old)
			continue;
		r = *old;
		r.hits += hits[i].hits;
		if (hits[i].last_ns > r.last_match_ns)
			r.last_match_ns = hits[i].last_ns;
		err = mem_put(m, MEM_PORTS, &r, sizeof(r));
	}
	return err;
}

/* --- lines ------------------------------------------------------------------------------------------- */

static bool is_line_of(const void *row, const void *host_type)
{
	return !strcmp(((const struct mem_line *)row)->host_type, host_type);
}

int mem_profile_lines(struct store *base, const char *host_type, store_profile_line_fn fn,
		      void *arg)
{
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref((struct mem *)base, MEM_LINES);
	int ret = 0;

	for (size_t i = 0; !ret && i < r->len; i++)
		if (is_line_of(r->row[i], host_type))
			ret = fn(&((const struct mem_line *)r->row[i])->l, arg);
	return ret;
}

int mem_profile_put_lines(struct store *base, const char *host_type,
			  const struct store_profile_line *lines, size_t n)
{
	struct mem *m = (struct mem *)base;
	size_t gone;
	int err = delete_if(m, MEM_LINES, is_line_of, host_type, &gone);

	for (size_t i = 0; i < n && !err; i++) {
		struct mem_line l = { mem_str(m, host_type),
				      { lines[i].number, mem_str(m, lines[i].text) } };

		if (!l.host_type || !l.l.text)
			return -ENOMEM;
		if (mem_find(m, MEM_LINES, &l))
			return store_set_why(base, -EEXIST, "line %u stands twice", l.l.number);
		err = mem_put(m, MEM_LINES, &l, sizeof(l));
	}
	return err;
}

/* --- proposals ---------------------------------------------------------------------------------------- */

static bool is_proposal_of(const void *row, const void *host_type)
{
	return !strcmp(((const struct store_proposal *)row)->host_type, host_type);
}

static int put_proposal(struct mem *m, const struct store_proposal *given, const char *host_type)
{
	struct store_proposal p = *given;

	p.host_type = mem_str(m, host_type);
	p.rule = mem_str(m, given->rule);
	p.why = mem_str(m, given->why);
	p.nodes = mem_str(m, given->nodes);
	p.made_by = mem_str(m, given->made_by);
	p.decided_by = mem_str(m, given->decided_by);
	if (!p.host_type || !p.rule || !p.why || !p.nodes || !p.made_by || !p.decided_by)
		return -ENOMEM;
	return mem_put(m, MEM_PROPOSALS, &p, sizeof(p));
}

int mem_proposal_put(struct store *base, const char *host_type, const struct store_proposal *list,
		     size_t n)
{
	struct mem *m = (struct mem *)base;
	size_t gone;
	int err = delete_if(m, MEM_PROPOSALS, is_proposal_of, host_type, &gone);

	for (size_t i = 0; i < n && !err; i++)
		err = put_proposal(m, &list[i], host_type);
	return err;
}

int mem_proposals(struct store *base, const char *host_type, store_proposal_fn fn, void *arg)
{
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref((struct mem *)base, MEM_PROPOSALS);
	int ret = 0;

	for (size_t i = 0; !ret && i < r->len; i++)
		if (!host_type || is_proposal_of(r->row[i], host_type))
			ret = fn(r->row[i], arg);
	return ret;
}

int mem_proposal_decide(struct store *base, const char *host_type, uint32_t number,
			enum proposal_state state, const char *who, uint64_t now_ns)
{
	struct mem *m = (struct mem *)base;
	const struct store_proposal *old =
		mem_find(m, MEM_PROPOSALS,
			 &(struct store_proposal){ .host_type = host_type, .number = number });
	struct store_proposal p;

	if (!old)
		return store_set_why(base, -ENOENT, "nothing is proposed for class %s as number %u",
				     host_type, number);
	p = *old;
	p.state = state;
	p.decided_by = who;
	p.decided_ns = now_ns;
	return put_proposal(m, &p, host_type);
}

/* --- classes ------------------------------------------------------------------------------------------- */

static int by_priority(const void *x, const void *y)
{
	const struct store_class_rule *a = *(const struct store_class_rule *const *)x;
	const struct store_class_rule *b = *(const struct store_class_rule *const *)y;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

int mem_class_rules(struct store *base, store_class_rule_fn fn, void *arg)
{
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref((struct mem *)base, MEM_CLASS_RULES);
	_free_ const struct store_class_rule **sorted = calloc(r->len + 1, sizeof(void *));
	int ret = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < r->len; i++)
		sorted[i] = r->row[i];
	qsort(sorted, r->len, sizeof(*sorted), by_priority);
	for (size_t i = 0; !ret && i < r->len; i++)
		ret = fn(sorted[i], arg);
	return ret;
}

static const struct store_class_rule *find_rule(struct mem *m, const struct store_class_rule *want)
{
	const struct mem_rows *r = m->now.tables[MEM_CLASS_RULES];

	for (size_t i = 0; i < r->len; i++) {
		const struct store_class_rule *c = r->row[i];

		if (c->id == want->id ||
		    (!strcmp(c->nodes, want->nodes) && !strcmp(c->host_type, want->host_type)))
			return c;
	}
	return NULL;
}

int mem_class_rule_put(struct store *base, const struct store_class_rule *given)
{
	struct mem *m = (struct mem *)base;
	const struct store_class_rule *old = find_rule(m, given);
	struct store_class_rule r = *given;

	r.id = old ? old->id : ++m->now.last_id;
	r.created_ns = old ? old->created_ns : given->created_ns;
	r.nodes = mem_str(m, given->nodes);
	r.host_type = mem_str(m, given->host_type);
	r.origin = mem_str(m, given->origin && given->origin[0] ? given->origin : "manual");
	r.reason = mem_str(m, given->reason);
	r.author = mem_str(m, given->author);
	r.resolved = mem_str(m, given->resolved);
	r.problem = mem_str(m, given->problem);
	if (!r.nodes || !r.host_type || !r.origin || !r.reason || !r.author || !r.resolved ||
	    !r.problem)
		return -ENOMEM;
	if (!old || strcmp(old->resolved, r.resolved) || strcmp(old->host_type, r.host_type) ||
	    old->priority != r.priority)
		m->now.revision++;
	return mem_put(m, MEM_CLASS_RULES, &r, sizeof(r));
}

int mem_class_rule_remove(struct store *base, uint64_t id)
{
	struct mem *m = (struct mem *)base;
	const struct store_class_rule key = { .id = id };

	if (!mem_find(m, MEM_CLASS_RULES, &key))
		return store_set_why(base, -ENOENT, "no rule %llu", (unsigned long long)id);
	m->now.revision++;
	return mem_del(m, MEM_CLASS_RULES, mem_seek(m, MEM_CLASS_RULES, &key), 1);
}
