/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_OUT_H
#define AJAR_CLI_OUT_H

#include <stdbool.h>

#include "base/err.h"

struct buf;
struct cmd_ctx;
struct store;
struct writer;
struct writer_field;

/*
 * Data goes to standard output through here. A reader that has gone away (EPIPE) is no error of
 * ours: it comes back as -EPIPE and out_report() does not speak about it.
 */

/* Writes b and empties it. */
must_check int out_put(struct buf *b);
must_check int out_flush(void);
/*
 * How many characters a line of standard output may have, or 0: no terminal, or one that does not
 * say.
 */
unsigned out_width(void);
/*
 * What a verb lists: a table, with -j JSON, with --csv CSV. What out_open() began out_close() ends:
 * with err of the walk (0: none); when that is the store's, what could not be done is said. Returns
 * the exit code. out_open() says what is wrong; then nothing is to be closed.
 */
/* For programs, -j or --csv? What people get is no table then, and is not made by out_open(). */
bool out_is_data(const struct cmd_ctx *c);
/* fields NULL: JSON alone, and that was asked for. */
must_check int out_open(const struct cmd_ctx *c, const struct writer_field *fields,
			struct writer *w);
int out_close(struct writer *w, int err, struct store *s, const char *what);
/*
 * The exit code for err of the functions above or of a walk that called them: 0 gives 0, -EPIPE
 * too; others are told.
 */
int out_report(int err);

#endif
