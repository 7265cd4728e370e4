/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_OPTIONS_H
#define AJAR_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "cli/cmd.h"

/* What a command line says, before any configuration is read. */
struct options {
	bool help, version, no_color;
	const char *store, *data; /* --store, --data */
};

/*
 * Options stand anywhere, those of a verb behind it; "--" ends them. Fills ctx, but for its table,
 * which is given (cmd NULL: no verb given; after a mistake it is the verb); ctx->argv is in argv,
 * with the words that are left moved to its front. An option that the row does not have, and words
 * it does not take, are mistakes. Says what is wrong and returns -EINVAL.
 */
must_check int options_parse(int argc, char **argv, struct options *ret_o, struct cmd_ctx *ret_ctx);

/* `ajar --help`, and without all of it what `ajar` alone prints. */
void help_program(FILE *out, const struct cmd *const *table, bool all);
void help_row(FILE *out, const struct cmd_ctx *c);

extern const struct cmd_option global_options[];

#endif
