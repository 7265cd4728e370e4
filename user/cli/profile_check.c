/* SPDX-License-Identifier: GPL-2.0 */
/* `ajar profile check`: what is wrong with files, or with the profiles that are in the store. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ajar/exit.h"
#include "audit/explain.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/groups.h"
#include "cli/out.h"
#include "cli/profile_check.h"
#include "cli/profile_util.h"
#include "cli/reported.h"
#include "conf/conf.h"
#include "conf/profile_text.h"
#include "store/profile.h"
#include "store/store.h"
#include "view/profile_json.h"
#include "view/writer.h"

/* --- a file ------------------------------------------------------------------------------------------ */

/* The rules of one class among the lines, borrowed, so that they can be held against each other. */
static int check_class(struct profile_text *t, const char *host_type, bool *done, uint64_t now_ns)
{
	_free_ struct profile_row *rows = calloc(t->len + 1, sizeof(*rows));
	_free_ size_t *at = calloc(t->len + 1, sizeof(*at));
	size_t n = 0;
	int err = 0;

	if (!rows || !at)
		return -ENOMEM;
	for (size_t i = 0; i < t->len; i++) {
		if (t->lines[i].kind != LINE_RULE || strcmp(t->lines[i].row.host_type, host_type))
			continue;
		done[i] = true;
		at[n] = i;
		rows[n++] = t->lines[i].row;
	}
	for (size_t i = 0; i < n && !err; i++) {
		_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
		const struct profile_line *l = &t->lines[at[i]];

		if (profile_flaw_words(rows, n, i, now_ns, &b))
			err = profile_text_problem(t, l->number, l->column, true, "%s",
						   buf_str(&b));
	}
	return err;
}

int profile_check_text(struct profile_text *t, uint64_t now_ns)
{
	_free_ bool *done = calloc(t->len + 1, sizeof(*done));
	int err = done ? 0 : -ENOMEM;

	for (size_t i = 0; i < t->len && !err; i++)
		if (t->lines[i].kind == LINE_RULE && !done[i])
			err = check_class(t, t->lines[i].row.host_type, done, now_ns);
	profile_text_sort_problems(t);
	return err;
}

static int put_problem(const struct profile_problem *p, const char *path, struct writer *w)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20);

	if (!w) {
		esc_text(&b, path, strlen(path), 0);
		buf_printf(&b, ":%" PRIu32 ":%" PRIu32 ": %s%s\n", p->line, p->column,
			   p->warning ? "warning: " : "", p->what);
		return out_put(&b);
	}
	writer_start(w, NULL);
	writer_str(w, "file", path);
	writer_u64(w, "line", p->line);
	writer_u64(w, "column", p->column);
	writer_str(w, "level", p->warning ? "warning" : "error");
	writer_str(w, "problem", p->what);
	return writer_end(w);
}

int profile_print_problems(const struct profile_text *t, const char *path, struct writer *w)
{
	int err = 0;

	for (size_t i = 0; i < t->problems_len && !err; i++)
		err = put_problem(&t->problems[i], path, w);
	if (t->problems_more)
		log_warn("%s: and %zu problem%s more", path, t->problems_more,
			 plural(t->problems_more));
	return err ? err : out_flush();
}

/*
 * Lines that name nodes of which none has ever reported. Without a store, or before the first node,
 * there is nothing to say.
 */
static int check_nodes(struct cmd_ctx *c, struct profile_text *t)
{
	_cleanup_(hostlist_done) struct hostlist reported = { 0 };
	_cleanup_(store_freep) struct store *s = NULL;
	struct groups g = { .conf = c->conf };
	const struct hostlist_groups by = { groups_resolve, &g };
	bool any = false;
	int err = 0;

	for (size_t i = 0; i < t->len; i++)
		any |= t->lines[i].nodes != NULL;
	if (!any || !cmd_store_exists(c) || cmd_store(c, STORE_READONLY, &s) ||
	    reported_load(s, &reported))
		return 0;
	for (size_t i = 0; i < t->len && !err && reported.len; i++) {
		_cleanup_(hostlist_done) struct hostlist h = { 0 };
		const struct profile_line *l = &t->lines[i];
		struct hostlist_error ignored;

		if (!l->nodes || hostlist_parse(&h, l->nodes, &by, &ignored) || !h.len ||
		    reported_of(&reported, &h))
			continue;
		err = profile_text_problem(t, l->number, l->column, true, "%s: " REPORTED_NONE,
					   l->nodes);
	}
	return err;
}

static int check_file(struct cmd_ctx *c, struct writer *w, const char *path, bool *bad)
{
	_cleanup_(profile_text_done) struct profile_text t = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(PROFILE_FILE_MAX);
	int err = profile_read_file(path, &b);

	if (err)
		return err;
	err = profile_text_parse(b.data, b.len, cmd_opt(c, "class"), &t);
	if (!err)
		err = check_nodes(c, &t);
	if (!err)
		err = profile_check_text(&t, clock_wall_ns());
	if (err)
		return log_err(err, "cannot check '%s'", path);
	*bad |= t.problems_len > 0;
	err = profile_print_problems(&t, path, w);
	return err ? out_report(err) : 0;
}

/* --- the store ---------------------------------------------------------------------------------------- */

struct walk {
	struct cmd_ctx *c;
	struct writer *w; /* NULL: for people */
	struct store *s;
	bool bad;
	int out_err;
};

static int check_rows(struct walk *w, const struct profile *p)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);
	uint64_t now = clock_wall_ns();
	struct writer *j = w->w;
	int err = 0;

	for (size_t i = 0; i < p->rows_len && !err; i++) {
		_cleanup_(buf_done) struct buf what = BUF_INIT(1024), rule = BUF_INIT(1 << 15);

		if (!profile_flaw_words(p->rows, p->rows_len, i, now, &what))
			continue;
		w->bad = true;
		profile_rule_plain(&rule, &p->rows[i]);
		if (w->w) {
			writer_start(j, NULL);
			writer_str(j, "class", p->host_type);
			writer_u64(j, "row", p->rows[i].id);
			writer_str(j, "rule", buf_str(&rule));
			writer_str(j, "level", "warning");
			writer_str(j, "problem", buf_str(&what));
			err = writer_end(j);
		} else {
			esc_text(&b, p->host_type, strlen(p->host_type), 0);
			buf_printf(&b, ": row %" PRIu64 ": %s: %s\n", p->rows[i].id, buf_str(&rule),
				   buf_str(&what));
			err = out_put(&b);
		}
	}
	return err;
}

static int check_type(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		      uint64_t nodes, void *arg)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct walk *w = arg;
	const char *only = cmd_opt(w->c, "class");
	int err;

	(void)accepted;
	(void)accepted_ns;
	(void)nodes;
	if (!rows || (only && strcmp(only, host_type)))
		return 0;
	err = store_profile_get(w->s, host_type, &p);
	if (err)
		return err;
	return w->out_err = check_rows(w, p);
}

struct rule_walk {
	struct walk *w;
	struct hostlist reported;
};

/* A rule for membership that nobody is a member by. */
static int check_rule(const struct store_class_rule *r, void *arg)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 21);
	struct rule_walk *rw = arg;
	const char *only = cmd_opt(rw->w->c, "class");
	struct writer *j = rw->w->w;

	if (!r->resolved_ns || !*r->resolved || (only && strcmp(only, r->host_type)) ||
	    reported_of_text(&rw->reported, r->resolved))
		return 0;
	rw->w->bad = true;
	if (!j) {
		esc_text(&b, r->host_type, strlen(r->host_type), 0);
		buf_printf(&b, ": rule %" PRIu64 " of 'ajar node class': ", r->id);
		esc_text(&b, r->nodes, strlen(r->nodes), 200);
		buf_puts(&b, ": " REPORTED_NONE "\n");
		return rw->w->out_err = out_put(&b);
	}
	writer_start(j, NULL);
	writer_str(j, "class", r->host_type);
	writer_u64(j, "class_rule", r->id);
	writer_str(j, "nodes", r->nodes);
	writer_str(j, "level", "warning");
	writer_str(j, "problem", REPORTED_NONE);
	return rw->w->out_err = writer_end(j);
}

static int check_rules(struct walk *w)
{
	struct rule_walk rw = { .w = w };
	int err = reported_load(w->s, &rw.reported);

	if (!err && rw.reported.len)
		err = store_class_rules(w->s, check_rule, &rw);
	hostlist_done(&rw.reported);
	return err;
}

static int check_store(struct cmd_ctx *c, struct writer *writer)
{
	_cleanup_(store_freep) struct store *s = NULL;
	struct walk w = { .c = c, .w = writer };
	int err;

	if (cmd_store(c, STORE_READONLY, &s))
		return AJAR_EXIT_ERROR;
	w.s = s;
	err = store_host_types(s, check_type, &w);
	if (!err)
		err = check_rules(&w);
	if (!err)
		w.out_err = err = writer ? writer_close(writer) : out_flush();
	if (w.out_err)
		return out_report(w.out_err);
	if (err) {
		cmd_store_err(err, s, "cannot read the profiles");
		return AJAR_EXIT_ERROR;
	}
	return w.bad ? AJAR_EXIT_NEGATIVE : AJAR_EXIT_OK;
}

static int check_files(struct cmd_ctx *c, struct writer *w)
{
	bool bad = false;

	for (int i = 1; i < c->argc; i++)
		if (check_file(c, w, c->argv[i], &bad))
			return AJAR_EXIT_ERROR;
	if (w && out_report(writer_close(w)))
		return AJAR_EXIT_ERROR;
	return bad ? AJAR_EXIT_NEGATIVE : AJAR_EXIT_OK;
}

int profile_check(struct cmd_ctx *c)
{
	static const struct writer_field of_store[] = {
		FIELD("class"), FIELD("row"),	FIELD("rule"),	  FIELD("class_rule"),
		FIELD("nodes"), FIELD("level"), FIELD("problem"), { 0 },
	};
	static const struct writer_field of_file[] = { FIELD("file"),	 FIELD("line"),
						       FIELD("column"),	 FIELD("level"),
						       FIELD("problem"), { 0 } };
	bool files = c->argc > 1;
	struct writer w = { 0 }, *data = out_is_data(c) ? &w : NULL;
	int rc;

	if (data && out_open(c, files ? of_file : of_store, data))
		return AJAR_EXIT_ERROR;
	rc = files ? check_files(c, data) : check_store(c, data);
	writer_done(&w);
	return rc;
}
