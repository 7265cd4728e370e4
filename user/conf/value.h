/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CONF_VALUE_H
#define AJAR_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf;

/*
 * A row of a table of keys: the table of conf.c, whose values are members of struct conf, and that
 * of a sink.
 */
enum conf_type {
	CONF_TEXT,
	CONF_BOOL,
	CONF_SIZE,
	CONF_DURATION,
	CONF_COUNT,
	CONF_LETTER,
	CONF_WORD
};

#define KIB (1ULL << 10)
#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define MS 1000000ULL
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t off; /* of its member */
	uint64_t min, max; /* bytes of text, bytes, ns */
	const char *range; /* the same for people */
	const char *const *words; /* of CONF_WORD, NULL-terminated: one of them is the value */
	const char *def, *help;
};

/* Of a row, from the words that a key takes: .words, and .range for people, "json, ecs or cef". */
/* clang-format off */
#define CONF_WORDS(...) CONF_WORDS_PICK(__VA_ARGS__, 5, 4, 3, 2, 0)(__VA_ARGS__)
#define CONF_WORDS_PICK(a, b, c, d, e, n, ...) CONF_WORDS_##n
#define CONF_WORDS_2(a, b) .range = a " or " b, CONF_WORDS_LIST(a, b)
#define CONF_WORDS_3(a, b, c) .range = a ", " b " or " c, CONF_WORDS_LIST(a, b, c)
#define CONF_WORDS_4(a, b, c, d) .range = a ", " b ", " c " or " d, CONF_WORDS_LIST(a, b, c, d)
#define CONF_WORDS_5(a, b, c, d, e)                                                                \
	.range = a ", " b ", " c ", " d " or " e, CONF_WORDS_LIST(a, b, c, d, e)
#define CONF_WORDS_LIST(...) .words = (const char *const[]){ __VA_ARGS__, NULL }
/* clang-format on */

/* The value as the key's type, stored in the struct at base; -EINVAL or -ERANGE when it is none. */
must_check int conf_value_set(void *base, const struct conf_key *k, const char *value);
void conf_value_put(const void *base, const struct conf_key *k, struct buf *b);
void conf_value_free(void *base, const struct conf_key *k);

/* Printable UTF-8 all through. */
bool conf_is_plain(const char *s);
must_check int conf_copy(char **member, const char *value);

/* Fills *ret_why (when asked for) with formatted text; always returns -EINVAL. */
int conf_why(char **ret_why, const char *fmt, ...) printf_like(2, 3);
/* "ORIGIN: bad value 'x' for KEY: RANGE"; err as of conf_value_set(). */
int conf_value_why(char **ret_why, const char *origin, const char *name, const struct conf_key *k,
		   const char *value, int err);
/* Hostile text for a message: escaped and cut. The buffer is the caller's. */
const char *conf_shown(struct buf *b, const char *s);

#endif
