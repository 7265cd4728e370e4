/* SPDX-License-Identifier: GPL-2.0 */
#include "conf/profile_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hostlist.h"
#include "conf/profile_words.h"

/* Lines, classes and problems; what a rule's words mean is in profile_rule.c. */

static void line_done(struct profile_line *l)
{
	free(l->text);
	free(l->host_type);
	free(l->nodes);
	profile_row_done(&l->row);
}

void profile_text_done(struct profile_text *t)
{
	for (size_t i = 0; i < t->len; i++)
		line_done(&t->lines[i]);
	for (size_t i = 0; i < t->problems_len; i++)
		free(t->problems[i].what);
	free(t->lines);
	free(t->problems);
	*t = (struct profile_text){ 0 };
}

/* Room for one more of an array that doubles at powers of two. */
static int grow(void *array_ptr, size_t len, size_t size)
{
	void **array = array_ptr, *more;

	if (len & (len - 1))
		return 0;
	more = reallocarray(*array, len ? 2 * len : 1, size);
	if (!more)
		return -ENOMEM;
	*array = more;
	return 0;
}

int profile_text_problem(struct profile_text *t, uint32_t line, uint32_t column, bool warning,
			 const char *fmt, ...)
{
	char *what = NULL;
	va_list ap;
	int n;

	if (t->problems_len == PROFILE_ERRORS_MAX) {
		t->problems_more++;
		return 0;
	}
	if (grow(&t->problems, t->problems_len, sizeof(*t->problems)))
		return -ENOMEM;
	va_start(ap, fmt);
	n = vasprintf(&what, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	t->problems[t->problems_len++] = (struct profile_problem){ line, column, warning, what };
	return 0;
}

static int compare_problems(const void *x, const void *y)
{
	const struct profile_problem *a = x, *b = y;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->column < b->column ? -1 : a->column > b->column;
}

void profile_text_sort_problems(struct profile_text *t)
{
	if (t->problems_len)
		qsort(t->problems, t->problems_len, sizeof(*t->problems), compare_problems);
}

size_t profile_text_errors(const struct profile_text *t)
{
	size_t n = t->problems_more;

	for (size_t i = 0; i < t->problems_len; i++)
		n += !t->problems[i].warning;
	return n;
}

/* --- one line -------------------------------------------------------------------------------------- */

struct reader {
	struct profile_text *t;
	char *host_type; /* of the lines to come */
	bool refused; /* the class line above was wrong: its rules are not said to lack a class */
	size_t nodes; /* named by the class lines so far: to read a set costs by what it names */
};

static int read_nodes(struct reader *r, struct profile_line *l, struct words *w)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	/* Groups are looked up when membership is, not here: any name will do. */
	static const struct hostlist_groups any = { .resolve = profile_any_group };
	struct hostlist_error e;
	const char *text;
	uint32_t column;
	int err;

	if (!words_next(w, &text, &column))
		return words_fail(w, w->column, "'nodes' wants a node set, such as node[001-480]");
	if (r->nodes >= PROFILE_NODES_MAX)
		return words_fail(
			w, column,
			"the node sets above name %zu nodes together, and %d are the most: "
			"put the classes into several files",
			r->nodes, PROFILE_NODES_MAX);
	err = hostlist_parse(&h, text, &any, &e);
	if (err == -ENOMEM)
		return err;
	r->nodes += err == -E2BIG ? HOSTLIST_NODES_MAX : h.len;
	if (err)
		return words_fail(w, column + (uint32_t)e.at, "node set '%s': %s", text, e.what);
	l->nodes = strdup(text);
	return l->nodes ? 0 : -ENOMEM;
}

static int read_class(struct reader *r, struct profile_line *l, struct words *w)
{
	const char *word;
	uint32_t column;
	int err = 0;

	r->refused = true;
	if (!words_next(w, &word, &column))
		return words_fail(w, w->column, "'class' wants the name of a node class");
	if (strlen(word) > 255)
		return words_fail(w, column, "the name of a class has at most 255 bytes");
	free(r->host_type);
	r->host_type = strdup(word);
	if (!r->host_type)
		return -ENOMEM;
	if (words_next(w, &word, &column)) {
		if (strcmp(word, "nodes"))
			return words_unknown(w, column, word, profile_class_words);
		err = read_nodes(r, l, w);
	}
	if (!err && words_next(w, &word, &column))
		err = words_fail(w, column, "nothing can follow the node set");
	if (!err)
		l->kind = LINE_CLASS;
	r->refused = err != 0;
	return err;
}

static int read_rule(struct reader *r, struct profile_line *l, struct words *w)
{
	int err = profile_rule_read(w, &l->row);

	if (err) {
		profile_row_done(&l->row);
		return err;
	}
	if (!r->host_type) {
		profile_row_done(&l->row);
		if (r->refused)
			return -EINVAL;
		return words_fail(w, l->column, "no class: begin with a line 'class NAME'");
	}
	l->row.host_type = strdup(r->host_type);
	l->row.line = strdup(l->text);
	l->row.origin = strdup("import");
	l->row.line_no = l->number;
	if (!l->row.host_type || !l->row.line || !l->row.origin)
		return -ENOMEM;
	l->kind = LINE_RULE;
	return 0;
}

static int read_words(struct reader *r, struct profile_line *l)
{
	_cleanup_(words_done) struct words w = { 0 };
	const char *word;
	uint32_t column;
	int err = words_init(&w, l->text);

	if (!err && words_next(&w, &word, &column)) {
		l->column = column;
		if (!strcmp(word, "class"))
			err = read_class(r, l, &w);
		else
			err = read_rule(r, l, words_back(&w));
	}
	if (err == -EINVAL && w.why)
		return profile_text_problem(r->t, l->number, w.why_column, false, "%s", w.why);
	return err == -EINVAL ? 0 : err;
}

static int read_line(struct reader *r, const char *p, size_t n, uint32_t number)
{
	struct profile_line *l;
	int err = grow(&r->t->lines, r->t->len, sizeof(*r->t->lines));

	if (err)
		return err;
	l = &r->t->lines[r->t->len++];
	*l = (struct profile_line){ .number = number, .column = 1 };
	if (n && p[n - 1] == '\r')
		n--;
	l->text = strndup(p, n);
	if (!l->text)
		return -ENOMEM;
	if (n > PROFILE_LINE_MAX)
		return profile_text_problem(r->t, number, PROFILE_LINE_MAX, false,
					    "the line is longer than %d bytes", PROFILE_LINE_MAX);
	if (strlen(l->text) != n)
		return profile_text_problem(r->t, number, (uint32_t)strlen(l->text) + 1, false,
					    "NUL byte: not a text file");
	err = read_words(r, l);
	if (!err && r->host_type) {
		l->host_type = strdup(r->host_type);
		err = l->host_type ? 0 : -ENOMEM;
	}
	return err;
}

/*
 * Comments right above a class line are about that class, and those before any class about the
 * first.
 */
static int give_comments(struct profile_text *t)
{
	const char *below = NULL;
	bool near = false;

	for (size_t i = t->len; i-- > 0;) {
		struct profile_line *l = &t->lines[i];
		bool blank = !l->text[strspn(l->text, " \t")];

		if (l->kind == LINE_CLASS)
			below = l->host_type;
		near = l->kind == LINE_CLASS || (near && l->kind == LINE_OTHER && !blank);
		if (l->kind != LINE_OTHER || !below || (l->host_type && !near))
			continue;
		free(l->host_type);
		l->host_type = strdup(below);
		if (!l->host_type)
			return -ENOMEM;
	}
	return 0;
}

int profile_text_parse(const char *p, size_t n, const char *host_type, struct profile_text *ret_t)
{
	_cleanup_(profile_text_done) struct profile_text t = { 0 };
	struct reader r = { .t = &t };
	const char *end = p + n;
	int err = 0;

	if (n > PROFILE_FILE_MAX)
		return -E2BIG;
	if (host_type) {
		r.host_type = strdup(host_type);
		if (!r.host_type)
			return -ENOMEM;
	}
	for (uint32_t number = 1; p < end && !err; number++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p);

		err = number > PROFILE_LINES_MAX ? -E2BIG : read_line(&r, p, len, number);
		p += len + 1;
	}
	free(r.host_type);
	if (!err)
		err = give_comments(&t);
	if (err)
		return err;
	*ret_t = t;
	t = (struct profile_text){ 0 };
	return 0;
}
