/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CONF_PROFILE_TEXT_H
#define AJAR_CONF_PROFILE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/profile.h"

struct buf;

/*
 * The profile language: one rule a line, so that a diff, a blame and an "Allow" button touch one
 * line each.
 *
 * 	# what compute nodes may have open
 * 	class compute nodes node[001-480]
 * 	allow tcp 22 service ssh exe /usr/sbin/sshd user root    # always
 * 	allow tcp 1024-65535 job slurm                           # MPI, Jupyter inside a job
 * 	require tcp 6818 exe /usr/sbin/slurmd
 * 	deny tcp 111 severity critical reason "rpcbind is off since March"
 *
 * A line is: allow, require or deny; a protocol; a port, a range LO-HI or "any"; then words with a
 * value in any order. Values with blanks, "#" or quotes stand in "double quotes", with \" \\ and
 * \xNN inside. In the path behind exe a "*" stands for any bytes but "/" (core/exe_pattern.h).
 * "class" says whose the rules below it are; "nodes" behind it is a rule for
 * membership (ajar node class).
 */
#define PROFILE_LINE_MAX 8192
#define PROFILE_LINES_MAX 50000
#define PROFILE_FILE_MAX (8 << 20)
#define PROFILE_ERRORS_MAX 100
#define PROFILE_NODES_MAX                                                                          \
	(1 << 19) /* named by the class lines of a text together; more is a problem */

struct profile_line {
	enum { LINE_OTHER, LINE_CLASS, LINE_RULE } kind; /* other: a comment, a blank line */
	uint32_t number;
	char *text; /* as written */
	char *host_type; /* whose it is; NULL: no class was said */
	char *nodes; /* of a class line, or NULL */
	uint32_t column; /* where the first word stands */
	/* of a rule: host_type, line and line_no filled in, origin "import" */
	struct profile_row row;
};
struct profile_problem {
	uint32_t line, column;
	bool warning; /* it means something, though hardly what was meant */
	char *what;
};
struct profile_text {
	struct profile_line *lines;
	size_t len;
	struct profile_problem *problems;
	size_t problems_len;
	size_t problems_more; /* that were not kept */
};

/*
 * Reads all of it, wrong lines too: those are in problems, and their kind is LINE_OTHER. host_type:
 * whose rules stand before any class line, or NULL. Fails only for want of memory, and with -E2BIG.
 */
must_check int profile_text_parse(const char *p, size_t n, const char *host_type,
				  struct profile_text *ret_t);
void profile_text_done(struct profile_text *t);
must_check int profile_text_problem(struct profile_text *t, uint32_t line, uint32_t column,
				    bool warning, const char *fmt, ...) printf_like(5, 6);
/* In the order of lines. */
void profile_text_sort_problems(struct profile_text *t);
size_t profile_text_errors(const struct profile_text *t); /* without the warnings */

/*
 * One rule without a class: of a person's words. -EINVAL with *ret_why (caller frees): what is
 * wrong, without a place.
 */
must_check int profile_rule_parse(const char *line, struct profile_row *ret_row, char **ret_why);
/* Appends a rule as the language has it, without line end; what the line was is not looked at. */
void profile_rule_format(struct buf *b, const struct profile_row *r);
/* The same without by whom and why. */
void profile_rule_plain(struct buf *b, const struct profile_row *r);
/* Appends a value, in quotes when it needs them. */
void profile_word_format(struct buf *b, const char *s);
/*
 * The same as it was written, comment and all, when that still says what the row says; else
 * formatted, with the old comment.
 */
void profile_rule_export(struct buf *b, const struct profile_row *r);

/* Whether both say the same about doors: all but origin, author, times, line, hits. */
bool profile_row_equal(const struct profile_row *a, const struct profile_row *b);
/* The same door's row: what makes one row in the store, without reason, severity and expiry. */
bool profile_row_same(const struct profile_row *a, const struct profile_row *b);

#endif
