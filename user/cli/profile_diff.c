/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `ajar profile diff`: a class against a file, against another class, or against what is open now.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "ajar/exit.h"
#include "audit/audit.h"
#include "audit/script.h"
#include "audit/holder.h"
#include "audit/verdict.h"
#include "audit/match.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/profile_check.h"
#include "cli/profile_util.h"
#include "conf/conf.h"
#include "conf/profile_text.h"
#include "store/executables.h"
#include "store/store.h"
#include "core/exe_pattern.h"
#include "view/writer.h"

struct diff {
	struct cmd_ctx *c;
	struct buf b;
	struct writer w; /* for programs */
	size_t n;
};

/*
 * sign '-': only on the left; '+': only on the right; '!': the same door with another reason,
 * expiry ...
 */
static int put(struct diff *d, char sign, const struct profile_row *r, const char *remark)
{
	_cleanup_(buf_done) struct buf rule = BUF_INIT(1 << 15);
	int err;

	d->n++;
	profile_rule_plain(&rule, r);
	if (out_is_data(d->c)) {
		writer_start(&d->w, NULL);
		writer_str(&d->w, "change",
			   sign == '+'	 ? "added"
			   : sign == '-' ? "removed"
					 : "changed");
		writer_str(&d->w, "rule", buf_str(&rule));
		writer_str(&d->w, "remark", remark);
		return writer_end(&d->w);
	}
	if (d->c->colour)
		buf_puts(&d->b, sign == '+' ? "\033[32m" : sign == '-' ? "\033[31m" : "\033[33m");
	buf_printf(&d->b, "%c %s%s%s%s\n", sign, buf_str(&rule), remark ? "  # " : "",
		   remark ? remark : "", d->c->colour ? "\033[0m" : "");
	err = d->b.err ? d->b.err : out_put(&d->b);
	return err;
}

static const struct profile_row *find(const struct profile_row *rows, size_t n,
				      const struct profile_row *r)
{
	for (size_t i = 0; i < n; i++)
		if (profile_row_same(&rows[i], r))
			return &rows[i];
	return NULL;
}

static bool same_terms(const struct profile_row *a, const struct profile_row *b)
{
	return a->severity == b->severity && a->expires_ns == b->expires_ns &&
	       !strcmp(a->reason ? a->reason : "", b->reason ? b->reason : "");
}

static int compare_lists(struct diff *d, const struct profile_row *left, size_t n_left,
			 const struct profile_row *right, size_t n_right)
{
	int err = 0;

	for (size_t i = 0; i < n_left && !err; i++) {
		const struct profile_row *r = find(right, n_right, &left[i]);

		if (!r)
			err = put(d, '-', &left[i], NULL);
		else if (!same_terms(&left[i], r))
			err = put(d, '!', r, "reason, expiry or severity differ");
	}
	for (size_t i = 0; i < n_right && !err; i++)
		if (!find(left, n_left, &right[i]))
			err = put(d, '+', &right[i], NULL);
	return err;
}

/* --- against what is open --------------------------------------------------------------------------- */

struct seen {
	struct diff *d;
	struct store *store;
	const struct profile *p;
	uint64_t now_ns;
	uint64_t *used; /* by row: open doors that it decides about */
	struct profile_row *rows; /* doors that no row permits, as rules */
	struct hostlist *nodes; /* of each */
	size_t len;
};

static int add_row(struct seen *s, const struct profile_row *r, const char *node)
{
	struct hostlist *nodes;
	struct profile_row *rows;

	for (size_t i = 0; i < s->len; i++)
		if (profile_row_same(&s->rows[i], r))
			return hostlist_add(&s->nodes[i], node);
	if (!(s->len & (s->len - 1))) {
		rows = reallocarray(s->rows, s->len ? 2 * s->len : 1, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		s->rows = rows;
		nodes = reallocarray(s->nodes, s->len ? 2 * s->len : 1, sizeof(*nodes));
		if (!nodes)
			return -ENOMEM;
		s->nodes = nodes;
	}
	s->nodes[s->len] = (struct hostlist){ 0 };
	s->rows[s->len] =
		(struct profile_row){ .proto = r->proto, .port = r->port, .scope = r->scope };
	s->rows[s->len].exe = r->exe ? strdup(r->exe) : NULL;
	s->rows[s->len].argv = r->argv ? strdup(r->argv) : NULL;
	s->rows[s->len].user = r->user ? strdup(r->user) : NULL;
	s->len++;
	return hostlist_add(&s->nodes[s->len - 1], node);
}

static int as_rule(struct seen *s, const struct store_door *d, const struct process *p)
{
	_free_ char *exe = NULL;
	int err = p->known && p->exe.ptr ? exe_pattern_of(p->exe, &exe) : 0;
	struct script script = { 0 };
	int failed = err ? err : script_of(p, &script);
	_free_ char *argv = script.argv;
	_free_ char *user = p->known && p->user.ptr ? strndup(p->user.ptr, p->user.len) : NULL;
	const struct profile_row r = { .proto = proto_class(d->door.proto),
				       .port = d->door.port,
				       .scope = d->door.scope == SCOPE_ANY ? 0 : d->door.scope,
				       .exe = exe,
				       .argv = argv,
				       .user = user };

	return failed ? failed : add_row(s, &r, d->node);
}

static int look(const struct store_door *d, void *arg)
{
	struct seen *s = arg;
	struct exe_account files[HOLDERS_JUDGED_MAX];
	struct event ev = d->ev;
	struct judgement j;
	struct process who;
	int err;

	if (strcmp(d->host_type, s->p->host_type))
		return 0;
	err = store_event_files(s->store, d->node, s->p, d->verdict == VERDICT_SETTLING, &ev,
				files);
	if (err)
		return err;
	audit_judge_event(s->p, &ev, s->now_ns, OUTSIDE_UNKNOWN, &j, &who);
	if (j.verdict == VERDICT_PROFILED && j.row)
		s->used[j.row - s->p->rows]++;
	else if (j.verdict != VERDICT_CLIENT && j.verdict != VERDICT_PROFILED)
		return as_rule(s, d, &who);
	return 0;
}

static int print_seen(struct seen *s)
{
	int err = 0;

	for (size_t i = 0; i < s->p->rows_len && !err; i++)
		if (!s->used[i] && s->p->rows[i].action != PROFILE_DENY)
			err = put(s->d, '-', &s->p->rows[i], "nothing is open for it");
	for (size_t i = 0; i < s->len && !err; i++) {
		_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

		hostlist_fold_short(&s->nodes[i], &b, 200);
		err = put(s->d, '+', &s->rows[i], buf_str(&b));
	}
	return err;
}

static int against_doors(struct diff *d, struct store *st, struct profile *p, int *out_err)
{
	static const struct store_door_query q = { .open_only = true };
	struct seen s = { .d = d, .store = st, .p = p, .now_ns = clock_wall_ns() };
	bool accepted = p->accepted;
	int err;

	s.used = calloc(p->rows_len + 1, sizeof(*s.used));
	if (!s.used)
		return -ENOMEM;
	p->accepted = true; /* what the rows say, also while the class learns */
	err = store_doors(st, &q, look, &s);
	p->accepted = accepted;
	if (!err)
		err = *out_err = print_seen(&s);
	for (size_t i = 0; i < s.len; i++) {
		profile_row_done(&s.rows[i]);
		hostlist_done(&s.nodes[i]);
	}
	free(s.rows);
	free(s.nodes);
	free(s.used);
	return err;
}

/* --- against a file ---------------------------------------------------------------------------------------- */

static int against_file(struct diff *d, const struct profile *p, const char *path, int *out_err)
{
	_cleanup_(profile_text_done) struct profile_text t = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(PROFILE_FILE_MAX);
	_free_ struct profile_row *rows = NULL;
	size_t n = 0;
	int err = profile_read_file(path, &b);

	if (err)
		return err;
	err = profile_text_parse(b.data, b.len, p->host_type, &t);
	if (err)
		return log_err(err, "cannot read '%s'", path);
	if (profile_text_errors(&t))
		return log_usage("'%s' has mistakes: see 'ajar profile check %s'", path, path);
	rows = calloc(t.len + 1, sizeof(*rows));
	if (!rows)
		return log_err(-ENOMEM, "cannot compare");
	for (size_t i = 0; i < t.len; i++)
		if (t.lines[i].kind == LINE_RULE && !strcmp(t.lines[i].host_type, p->host_type))
			rows[n++] = t.lines[i].row;
	*out_err = compare_lists(d, p->rows, p->rows_len, rows, n);
	return 0;
}

static bool is_file(const char *name)
{
	struct stat st;

	return !strcmp(name, "-") || strchr(name, '/') || !stat(name, &st);
}

static int compare(struct diff *d, struct store *s, struct profile *p, int *out_err)
{
	_cleanup_(profile_freep) struct profile *other = NULL;
	struct cmd_ctx *c = d->c;
	int err;

	if (c->argc == 2) {
		err = against_doors(d, s, p, out_err);
		return err && !*out_err ? cmd_store_err(err, s, "cannot read the doors") : 0;
	}
	/* A class of that name is meant, if there is one. */
	if (store_profile_get(s, c->argv[2], &other) == -ENOENT && is_file(c->argv[2]))
		return against_file(d, p, c->argv[2], out_err);
	if (!other && profile_load(c, s, c->argv[2], &other))
		return -ENOENT;
	*out_err = compare_lists(d, p->rows, p->rows_len, other->rows, other->rows_len);
	return 0;
}

int profile_diff(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		FIELD("change"), FIELD("rule"), FIELD("remark"), { 0 }
	};
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_(store_freep) struct store *s = NULL;
	struct diff d = { .c = c, .b = BUF_INIT(1 << 17) };
	int out_err = 0, err;

	if (cmd_store(c, STORE_READONLY, &s) || profile_load(c, s, c->argv[1], &p))
		return AJAR_EXIT_ERROR;
	if (out_is_data(c) && out_open(c, fields, &d.w))
		return AJAR_EXIT_ERROR;
	err = compare(&d, s, p, &out_err);
	if (!err && !out_err)
		out_err = out_is_data(c) ? writer_close(&d.w) : out_flush();
	writer_done(&d.w);
	buf_done(&d.b);
	if (err || out_report(out_err))
		return AJAR_EXIT_ERROR;
	return d.n ? AJAR_EXIT_NEGATIVE : AJAR_EXIT_OK;
}
