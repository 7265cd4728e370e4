/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_ARGV_PATTERN_H
#define AJAR_CORE_ARGV_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

/*
 * The arguments of a profile's row: one pattern for each argument behind the program's own name
 * (argv[0], which whoever starts it picks), a blank between them. In a pattern "*" stands for any
 * bytes but "/", also for none; a star does not fit an argument with a component "..". The last may
 * be "...": any further arguments, also none. A blank, a star or a backslash of an argument itself
 * has a backslash before it, and so has the first dot of an argument "...". Argument by argument,
 * so that none with a blank in it can pass for two.
 *
 *	/opt/a.py ...		python3 /opt/a.py, whatever is behind it
 *	-m http.server 8000	exactly these three
 */
#define ARGV_PATTERN_MAX 1024 /* bytes; a longer one is not valid */
#define ARGV_PATTERN_REST "..."

/* An empty argument, or none at all, cannot be written; a "..." alone would say nothing. */
bool argv_pattern_is_valid(const char *pattern);

enum argv_fit {
	ARGV_DIFFERS,
	ARGV_UNKNOWN, /* the record ends before it is decided, or has no arguments */
	ARGV_FITS,
};
/* argv as struct process has it; cut: there were more. A pattern that is not valid fits nothing. */
enum argv_fit argv_pattern_fit(const char *pattern, struct text argv, bool cut);
/* Whether every argv that fits b fits a; false where that cannot be told. */
bool argv_pattern_covers(const char *a, const char *b);

/*
 * The pattern of what is recorded: of the first n arguments behind the name, and any further ones;
 * 0: of exactly all. *ret_pattern NULL: there are fewer, they cannot be written, or are not known
 * whole. The caller frees it.
 */
must_check int argv_pattern_of(struct text argv, bool cut, uint32_t n, char **ret_pattern);

struct buf;
/* The next argument of *list, which moves on; false at the end. *ret_whole: its end is known. */
bool argv_next(struct text *list, struct text *ret_arg, bool *ret_whole);

/* One argument as a pattern has it: for people, too, since no blank then passes for an end. */
void argv_pattern_put(struct buf *b, struct text arg);
/* The arguments that the pattern asks for, each ended by NUL; a star stays one. */
void argv_pattern_example(struct buf *b, const char *pattern);

#endif
