/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CONF_PROFILE_WORDS_H
#define AJAR_CONF_PROFILE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf;
struct profile_row;

/*
 * One line cut into words, with the column of each; what profile_text.c and profile_rule.c share.
 */
#define WORDS_MAX 64
struct words {
	char *copy; /* the words, each ended by NUL */
	struct {
		const char *text;
		uint32_t column; /* from 1 */
	} word[WORDS_MAX];
	size_t len, next;
	uint32_t column; /* behind the word that was read last */
	uint32_t end_column; /* behind the last of the line */
	const char *comment; /* of the line given, from "#" on, or NULL */
	char *why; /* what words_fail() said first */
	uint32_t why_column;
};
/* -EINVAL: a quote that is not closed and its like, in why. */
must_check int words_init(struct words *w, const char *line);
void words_done(struct words *w);
bool words_next(struct words *w, const char **ret_word, uint32_t *ret_column);
struct words *words_back(struct words *w); /* the word that was read last comes again */
/* -EINVAL */
int words_fail(struct words *w, uint32_t column, const char *fmt, ...) printf_like(3, 4);
/* "unknown keyword 'alow' (did you mean 'allow'?)"; known is NULL-terminated. */
int words_unknown(struct words *w, uint32_t column, const char *word, const char *const *known);

/* A rule from its first word on. */
must_check int profile_rule_read(struct words *w, struct profile_row *ret_row);
extern const char *const profile_class_words[];
/* For reading node sets whose groups are somebody else's business. */
int profile_any_group(const char *group, struct buf *text, void *arg);

#endif
