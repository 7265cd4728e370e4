/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_MAN_H
#define AJAR_CLI_MAN_H

#include "base/err.h"

struct buf;
struct cmd;
struct conf;

/*
 * The lists of the manual in mdoc(7), out of the tables: "keys" (settings), "verbs" (each with its
 * options), "options" (those of every verb). deploy/man/make.sh puts them between the prose.
 * -EINVAL: no such list.
 */
must_check int man_list(const char *which, const struct cmd *const *table, const struct conf *conf,
			struct buf *b);

/* The audit's table and what makes a finding worse, for ajar-verdicts(7). */
void man_verdicts(struct buf *b);
void man_raises(struct buf *b);

#endif
