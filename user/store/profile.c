/* SPDX-License-Identifier: GPL-2.0 */
#include "store/profile.h"

#include <errno.h>
#include <string.h>

#include "store/wrap.h"

#define LINES_MAX 50000
#define PROPOSALS_MAX 50000

static bool same_str(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

/* What makes one row in open_ports: its unique key. */
static bool same_row(const struct profile_row *a, const struct profile_row *b)
{
	return a->port == b->port && a->port_end == b->port_end && a->proto == b->proto &&
	       a->scope == b->scope && a->action == b->action && same_str(a->service, b->service) &&
	       same_str(a->exe, b->exe) && same_str(a->user, b->user) && same_str(a->job, b->job) &&
	       same_str(a->container, b->container) && same_str(a->fingerprint, b->fingerprint);
}

static bool same_terms(const struct profile_row *a, const struct profile_row *b)
{
	return a->expires_ns == b->expires_ns && a->severity == b->severity &&
	       same_str(a->reason, b->reason) && same_str(a->author, b->author);
}

/* Where it stands in a person's file, and how it is written there. */
static bool same_line(const struct profile_row *a, const struct profile_row *b)
{
	return a->line_no == b->line_no && same_str(a->line, b->line);
}

/* An author that is not given stays who it was, and so does the place in a person's file. */
static int update_row(struct store *s, const char *host_type, const struct profile_row *old,
		      const struct profile_row *new, bool try, struct store_profile_change *c)
{
	struct profile_row r = *new;

	if (!r.author || !r.author[0])
		r.author = old->author;
	if (!r.line_no)
		r.line_no = old->line_no;
	if (!r.line || !r.line[0])
		r.line = old->line;
	if (same_terms(old, &r))
		c->kept++;
	else
		c->changed++;
	if (try || (same_terms(old, &r) && same_line(old, &r)))
		return 0;
	return s->ops->profile_update(s, host_type, old->id, &r);
}

static int set_one(struct store *s, struct profile *have, const struct profile_row *row,
		   unsigned flags, uint64_t now_ns, struct store_profile_change *c)
{
	size_t added = 0;
	int err;

	for (size_t i = 0; i < have->rows_len; i++) {
		struct profile_row *old = &have->rows[i];

		if (!old->id || !same_row(old, row))
			continue;
		err = update_row(s, have->host_type, old, row, flags & STORE_PROFILE_TRY, c);
		old->id = 0; /* dealt with */
		return err;
	}
	c->added++;
	if (flags & STORE_PROFILE_TRY)
		return 0;
	err = s->ops->profile_add(s, have->host_type, row, 1, false, now_ns, &added);
	if (!err && !added)
		c->added--; /* twice in what was given */
	return err;
}

static int remove_rest(struct store *s, const struct profile *have, unsigned flags,
		       struct store_profile_change *c)
{
	int err = 0;

	for (size_t i = 0; i < have->rows_len && !err; i++) {
		if (!have->rows[i].id)
			continue;
		c->removed++;
		if (!(flags & STORE_PROFILE_TRY))
			err = s->ops->profile_remove(s, have->host_type, have->rows[i].id);
	}
	return err;
}

static int set_rows(struct store *s, const char *host_type, const struct profile_row *rows,
		    size_t n, unsigned flags, uint64_t now_ns, struct store_profile_change *c)
{
	_cleanup_(profile_freep) struct profile *have = NULL;
	size_t added;
	int err = s->ops->profile_get(s, host_type, &have);

	*c = (struct store_profile_change){ 0 };
	if (err == -ENOENT) {
		have = calloc(1, sizeof(*have));
		if (have)
			have->host_type = strdup(host_type);
		err = have && have->host_type ? 0 : -ENOMEM;
	}
	/* Accepted first: the time is then ours, and the class is made if there are no rows. */
	if (!err && !(flags & STORE_PROFILE_TRY))
		err = s->ops->profile_add(s, host_type, NULL, 0, flags & STORE_PROFILE_ACCEPT,
					  now_ns, &added);
	for (size_t i = 0; i < n && !err; i++)
		err = set_one(s, have, &rows[i], flags, now_ns, c);
	if (!err && (flags & STORE_PROFILE_REPLACE))
		err = remove_rest(s, have, flags, c);
	return err;
}

int store_profile_set(struct store *s, const char *host_type, const struct profile_row *rows,
		      size_t n, unsigned flags, uint64_t now_wall_ns,
		      struct store_profile_change *ret_change)
{
	struct store_profile_change c = { 0 };
	int err = store_check_name(s, "node class", host_type);

	for (size_t i = 0; i < n && !err; i++)
		err = store_check_profile_row(s, &rows[i]);
	if (err)
		return err;
	if (flags & STORE_PROFILE_TRY)
		err = set_rows(s, host_type, rows, n, flags, now_wall_ns, &c);
	else
		err = write_op(s, set_rows(s, host_type, rows, n, flags, now_wall_ns, &c));
	if (!err && ret_change)
		*ret_change = c;
	return err;
}

int store_profile_remove(struct store *s, const char *host_type, uint64_t row_id)
{
	return write_op(s, s->ops->profile_remove(s, host_type, row_id));
}

int store_profile_lines(struct store *s, const char *host_type, store_profile_line_fn fn, void *arg)
{
	return s->ops->profile_lines(s, host_type, fn, arg);
}

int store_profile_put_lines(struct store *s, const char *host_type,
			    const struct store_profile_line *lines, size_t n)
{
	int err = store_check_name(s, "node class", host_type);

	if (!err && n > LINES_MAX)
		err = store_set_why(s, -E2BIG, "more than %d lines in a profile", LINES_MAX);
	if (err)
		return err;
	return write_op(s, s->ops->profile_put_lines(s, host_type, lines, n));
}

int store_profile_count(struct store *s, const struct store_profile_hit *hits, size_t n)
{
	if (!n)
		return 0;
	return write_op(s, s->ops->profile_count(s, hits, n));
}

/* --- proposals ------------------------------------------------------------------------------------- */

static const char *const state_names[] = { "pending", "accepted", "rejected" };

const char *proposal_state_name(enum proposal_state s)
{
	return (unsigned)s < array_len(state_names) ? state_names[s] : "?";
}

int store_proposal_put(struct store *s, const char *host_type, const struct store_proposal *list,
		       size_t n)
{
	int err = store_check_name(s, "node class", host_type);

	if (!err && n > PROPOSALS_MAX)
		err = store_set_why(s, -E2BIG, "more than %d rules proposed", PROPOSALS_MAX);
	if (err)
		return err;
	return write_op(s, s->ops->proposal_put(s, host_type, list, n));
}

int store_proposals(struct store *s, const char *host_type, store_proposal_fn fn, void *arg)
{
	return s->ops->proposals(s, host_type, fn, arg);
}

int store_proposal_decide(struct store *s, const char *host_type, uint32_t number,
			  enum proposal_state state, const char *who, uint64_t now_wall_ns)
{
	return write_op(s, s->ops->proposal_decide(s, host_type, number, state, who, now_wall_ns));
}

/* --- classes ------------------------------------------------------------------------------------------ */

int store_class_rules(struct store *s, store_class_rule_fn fn, void *arg)
{
	return s->ops->class_rules(s, fn, arg);
}

int store_class_rule_put(struct store *s, const struct store_class_rule *r)
{
	int err = store_check_name(s, "node class", r->host_type);

	if (!err && (!r->nodes || !r->nodes[0]))
		err = store_set_why(s, -EINVAL, "a rule for a class needs nodes");
	if (err)
		return err;
	return write_op(s, s->ops->class_rule_put(s, r));
}

int store_class_rule_remove(struct store *s, uint64_t id)
{
	return write_op(s, s->ops->class_rule_remove(s, id));
}
