/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_OUT_H
#define AJAR_CLI_OUT_H

#include "base/err.h"

struct buf;
struct jsonw;

/*
 * Data goes to standard output through here. A reader that has gone away (EPIPE) is no error of
 * ours: it comes back as -EPIPE and out_report() does not speak about it.
 */

/* Writes b and empties it. */
must_check int out_put(struct buf *b);
/* The object just written, as a line. */
must_check int out_json(struct jsonw *w);
must_check int out_flush(void);
/*
 * How many characters a line of standard output may have, or 0: no terminal, or one that does not
 * say.
 */
unsigned out_width(void);
/*
 * The exit code for err of the functions above or of a walk that called them: 0 gives 0, -EPIPE
 * too; others are told.
 */
int out_report(int err);

#endif
