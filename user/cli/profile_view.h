/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_PROFILE_VIEW_H
#define AJAR_CLI_PROFILE_VIEW_H

#include <stddef.h>

#include "base/err.h"

struct cmd_ctx;
struct jsonw;
struct profile;
struct profile_row;

/*
 * Rows of a profile as a table, or with -j one object a line; a negative errno of standard output.
 * p: the profile they are of, against whose other rows they are held; NULL: they are of none yet.
 */
must_check int profile_rows_print(const struct cmd_ctx *c, const struct profile *p,
				  const struct profile_row *rows, size_t n);

/* The members of a row's object. */
void profile_row_json(struct jsonw *w, const struct profile *p, const struct profile_row *r);

#endif
