/* SPDX-License-Identifier: GPL-2.0 */
/* `ajar profile import` and `export`: the profile language in files, comments kept. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "audit/match.h"
#include "audit/service.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/profile_check.h"
#include "cli/profile_util.h"
#include "conf/conf.h"
#include "conf/profile_text.h"
#include "store/profile.h"
#include "store/store.h"
#include "view/writer.h"

/* --- import ------------------------------------------------------------------------------------------ */

/*
 * The first line of an export: as of which revision of the profiles. What an import would remove is
 * asked about when they were changed since, for then it may be a rule that whoever edited the file
 * has never seen; and when it is much, whatever the file is.
 */
#define REVISION_LINE "# ajar profile export, revision "
#define REMOVED_UNASKED 10

struct import {
	struct cmd_ctx *c;
	struct store *s;
	struct profile_text t;
	uint64_t now_ns;
	bool add, try;
	bool look; /* what would go is counted, and nothing is said */
	size_t removed;
	uint64_t revision; /* of the store, when that was counted */
};

static int put_lines(struct import *im, const char *host_type)
{
	_free_ struct store_profile_line *lines = calloc(im->t.len + 1, sizeof(*lines));
	size_t n = 0;

	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < im->t.len; i++) {
		const struct profile_line *l = &im->t.lines[i];

		if (l->kind != LINE_RULE && l->host_type && !strcmp(l->host_type, host_type) &&
		    strncmp(l->text, REVISION_LINE, strlen(REVISION_LINE)))
			lines[n++] = (struct store_profile_line){ l->number, l->text };
	}
	return store_profile_put_lines(im->s, host_type, lines, n);
}

/* "class compute nodes node[001-480]" is a rule for membership as well. */
static int put_nodes(struct import *im, const struct profile_line *l)
{
	const struct store_class_rule r = {
		.priority = 100,
		.nodes = l->nodes,
		.host_type = l->host_type,
		.origin = "import",
		.author = profile_author(),
		.created_ns = im->now_ns,
		.resolved = strchr(l->nodes, '@') ? "" : l->nodes,
		.resolved_ns = strchr(l->nodes, '@') ? 0 : im->now_ns,
	};

	return store_class_rule_put(im->s, &r);
}

static int collect(struct import *im, const char *host_type, struct profile_row **ret_rows,
		   size_t *ret_n)
{
	struct profile_row *rows = calloc(im->t.len + 1, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < im->t.len; i++) {
		const struct profile_line *l = &im->t.lines[i];

		if (l->kind != LINE_RULE || strcmp(l->host_type, host_type))
			continue;
		rows[n] = l->row; /* borrowed */
		if (!rows[n].author)
			rows[n].author = (char *)profile_author();
		if (im->add)
			rows[n].line_no = 0; /* behind what is there */
		n++;
	}
	*ret_rows = rows;
	*ret_n = n;
	return 0;
}

static int import_class(struct import *im, const char *host_type)
{
	bool try = im->try || im->look;
	unsigned flags = (im->add ? 0 : STORE_PROFILE_REPLACE) |
			 (try ? STORE_PROFILE_TRY : STORE_PROFILE_ACCEPT);
	_free_ struct profile_row *rows = NULL;
	struct store_profile_change ch;
	size_t n;
	int err = collect(im, host_type, &rows, &n);

	if (!err)
		err = store_profile_set(im->s, host_type, rows, n, flags, im->now_ns, &ch);
	if (!err && !im->add && !try)
		err = put_lines(im, host_type);
	for (size_t i = 0; i < im->t.len && !err && !try; i++) {
		const struct profile_line *l = &im->t.lines[i];

		if (l->kind == LINE_CLASS && l->nodes && !strcmp(l->host_type, host_type))
			err = put_nodes(im, l);
	}
	if (!err)
		im->removed += ch.removed;
	if (!err && !im->look)
		log_info("class '%s': %s%zu added, %zu changed, %zu removed, %zu as before",
			 host_type, im->try ? "would be " : "", ch.added, ch.changed, ch.removed,
			 ch.kept);
	return err;
}

static bool seen_before(const struct profile_text *t, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (t->lines[k].kind != LINE_OTHER &&
		    !strcmp(t->lines[k].host_type, t->lines[i].host_type))
			return true;
	return false;
}

static int import_all(struct import *im)
{
	int err = 0;

	for (size_t i = 0; i < im->t.len && !err; i++)
		if (im->t.lines[i].kind != LINE_OTHER && !seen_before(&im->t, i))
			err = import_class(im, im->t.lines[i].host_type);
	return err;
}

/* 0: the file does not say. */
static uint64_t exported_revision(const struct profile_text *t)
{
	uint64_t revision = 0;

	for (size_t i = 0; i < t->len; i++)
		if (t->lines[i].kind == LINE_OTHER &&
		    !strncmp(t->lines[i].text, REVISION_LINE, strlen(REVISION_LINE)) &&
		    !parse_u64(t->lines[i].text + strlen(REVISION_LINE), &revision))
			return revision;
	return 0;
}

static int ask(const struct import *im, const char *path, bool stale)
{
	char line[16];

	log_warn("'%s' would remove %zu rule%s%s: 'ajar profile diff CLASS %s' shows them", path,
		 im->removed, plural(im->removed),
		 stale ? ", and the profiles were changed since it was exported" : "", path);
	if (cmd_opt(im->c, "yes"))
		return 0;
	if (!isatty(STDIN_FILENO))
		return log_usage("nothing is removed without a word: add --yes%s",
				 stale ? ", or export it again" : "");
	fputs("remove them? [y/N] ", stderr);
	if (!fgets(line, sizeof(line), stdin) || (line[0] != 'y' && line[0] != 'Y'))
		return log_usage("nothing was changed");
	return 0;
}

/* Before anything is locked: a person takes his time. */
static int may_remove(struct import *im, const char *path)
{
	uint64_t exported = exported_revision(&im->t);
	int err = store_profile_revision(im->s, &im->revision);
	bool stale;

	im->look = true;
	if (!err)
		err = import_all(im);
	im->look = false;
	if (err)
		return cmd_store_err(err, im->s, "cannot compare with the profile");
	stale = im->removed && exported && exported != im->revision;
	return stale || im->removed > REMOVED_UNASKED ? ask(im, path, stale) : 0;
}

static int nobody_else(struct import *im)
{
	uint64_t now = 0;
	int err = store_profile_revision(im->s, &now);

	if (!err && im->removed && now != im->revision)
		err = log_usage("somebody changed the profiles just now: do it again");
	return err;
}

static int write_all(struct import *im, const char *path)
{
	bool have = im->try && !cmd_store_exists(im->c);
	int err = cmd_store(im->c, im->try && !have ? STORE_READONLY : STORE_CREATE, &im->s);

	if (!err && !im->try)
		err = may_remove(im, path);
	if (err) {
		store_free(take_ptr(im->s));
		return err;
	}
	if (!im->try)
		err = store_begin(im->s);
	if (!err && !im->try)
		err = nobody_else(im);
	if (!err)
		err = import_all(im);
	if (!err && !im->try)
		err = store_commit(im->s);
	if (err) {
		store_rollback(im->s);
		cmd_store_err(err, im->s, "cannot write the profile");
	} else if (!im->t.len) {
		log_info("'%s' is empty: nothing to import", path);
	}
	store_free(take_ptr(im->s));
	return err;
}

static int import_file(struct import *im, const char *path)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(PROFILE_FILE_MAX);
	struct writer w = { 0 };
	int err = profile_read_file(path, &b);

	if (err)
		return err;
	err = profile_text_parse(b.data, b.len, cmd_opt(im->c, "class"), &im->t);
	if (!err)
		err = profile_check_text(&im->t, im->now_ns);
	if (err)
		return log_err(err, "cannot read '%s'", path);
	if (im->c->json && out_open(im->c, NULL, &w))
		return -ENOMEM;
	err = profile_print_problems(&im->t, path, im->c->json ? &w : NULL);
	writer_done(&w);
	if (err)
		return out_report(err) ? err : 0;
	if (profile_text_errors(&im->t)) {
		(void)log_usage("'%s' has %zu mistake%s: nothing is imported", path,
				profile_text_errors(&im->t), plural(profile_text_errors(&im->t)));
		return -EINVAL;
	}
	return write_all(im, path);
}

int profile_import(struct cmd_ctx *c)
{
	for (int i = 1; i < c->argc; i++) {
		struct import im = { .c = c,
				     .now_ns = clock_wall_ns(),
				     .add = cmd_opt(c, "add") != NULL,
				     .try = cmd_opt(c, "dry-run") != NULL };
		int err = import_file(&im, c->argv[i]);

		profile_text_done(&im.t);
		if (err)
			return AJAR_EXIT_ERROR;
	}
	return AJAR_EXIT_OK;
}

/* --- export ------------------------------------------------------------------------------------------ */

struct entry {
	uint32_t number;
	char *text; /* of a line that is no row */
	const struct profile_row *row;
};
struct sheet {
	struct entry *entries;
	size_t len;
	bool headed; /* has a line "class ..." */
	size_t cap;
};

static void sheet_done(struct sheet *sh)
{
	for (size_t i = 0; i < sh->len; i++)
		free(sh->entries[i].text);
	free(sh->entries);
}

static int push(struct sheet *sh, struct entry e)
{
	if (sh->len == sh->cap) {
		size_t cap = sh->cap ? 2 * sh->cap : 64;
		struct entry *more = reallocarray(sh->entries, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		sh->entries = more;
		sh->cap = cap;
	}
	sh->entries[sh->len++] = e;
	return 0;
}

static int add_line(const struct store_profile_line *l, void *arg)
{
	struct sheet *sh = arg;
	char *copy = strdup(l->text);
	int err = copy ? push(sh, (struct entry){ l->number, copy, NULL }) : -ENOMEM;

	if (err)
		free(copy);
	else if (!strncmp(copy + strspn(copy, " \t"), "class", 5))
		sh->headed = true;
	return err;
}

/* By line; what came from no file comes last, in the order of ports. */
static int compare_entries(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;

	if (!a->number != !b->number)
		return a->number ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	if (!a->row || !b->row)
		return (a->row != NULL) - (b->row != NULL);
	return row_compare(a->row, b->row);
}

static int write_sheet(const struct sheet *sh, const char *host_type, struct buf *b)
{
	int err = 0;

	if (!sh->headed) {
		buf_puts(b, "class ");
		profile_word_format(b, host_type);
		buf_putc(b, '\n');
	}
	for (size_t i = 0; i < sh->len && !err; i++) {
		if (sh->entries[i].row)
			profile_rule_export(b, sh->entries[i].row);
		else
			buf_puts(b, sh->entries[i].text);
		buf_putc(b, '\n');
		err = b->err ? b->err : out_put(b);
	}
	return err;
}

static int export_class(struct store *s, const char *host_type, int *out_err)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_(sheet_done) struct sheet sh = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 17);
	int err = store_profile_get(s, host_type, &p);

	if (!err)
		err = store_profile_lines(s, host_type, add_line, &sh);
	/*
	 * Whoever imports the file says what is in it: a name that only the port's number gave
	 * stays behind.
	 */
	for (size_t i = 0; !err && i < p->rows_len; i++)
		if (!audit_service_known(&p->rows[i]))
			free(take_ptr(p->rows[i].service));
	for (size_t i = 0; !err && i < p->rows_len; i++)
		err = push(&sh, (struct entry){ p->rows[i].line_no, NULL, &p->rows[i] });
	if (err)
		return err;
	if (sh.len)
		qsort(sh.entries, sh.len, sizeof(*sh.entries), compare_entries);
	return *out_err = write_sheet(&sh, host_type, &b);
}

struct export
{
	struct store *s;
	int out_err;
};

static int put_revision(struct store *s)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(128);
	uint64_t revision = 0;
	int err = store_profile_revision(s, &revision);

	if (err)
		return err;
	buf_printf(&b, REVISION_LINE "%" PRIu64 "\n", revision);
	return out_put(&b);
}

static int export_type(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		       uint64_t nodes, void *arg)
{
	struct export *ex = arg;

	(void)accepted;
	(void)accepted_ns;
	(void)nodes;
	return rows ? export_class(ex->s, host_type, &ex->out_err) : 0;
}

int profile_export(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	struct export ex = { 0 };
	int err = 0;

	if (cmd_store(c, STORE_READONLY, &s))
		return AJAR_EXIT_ERROR;
	ex.s = s;
	for (int i = 1; i < c->argc; i++) {
		_cleanup_(profile_freep) struct profile *p = NULL;

		if (profile_load(c, s, c->argv[i], &p))
			return AJAR_EXIT_ERROR;
	}
	err = ex.out_err = put_revision(s);
	for (int i = 1; i < c->argc && !err; i++)
		err = export_class(s, c->argv[i], &ex.out_err);
	if (c->argc == 1)
		err = store_host_types(s, export_type, &ex);
	if (!err)
		err = ex.out_err = out_flush();
	if (ex.out_err)
		return out_report(ex.out_err);
	if (err) {
		cmd_store_err(err, s, "cannot read the profiles");
		return AJAR_EXIT_ERROR;
	}
	return AJAR_EXIT_OK;
}
