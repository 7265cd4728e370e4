/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_PROFILE_UTIL_H
#define AJAR_CLI_PROFILE_UTIL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf;
struct cmd_ctx;
struct profile;
struct profile_row;
struct store;

/* What the words of `ajar profile` share. */

/*
 * Who gives this command, for the record only: whoever may write the store may say what they like
 * here.
 */
const char *profile_author(void);
/*
 * Words from argv[from] on as one rule; "allow" is put before them when they do not begin with an
 * action. Reports.
 */
must_check int profile_words(const struct cmd_ctx *c, int from, struct profile_row *ret_row);
/* The class's profile; reports, also that there is none. */
must_check int profile_load(struct cmd_ctx *c, struct store *s, const char *host_type,
			    struct profile **ret_profile);
/* A file or "-" as text; reports. */
must_check int profile_read_file(const char *path, struct buf *b);

/* The words, each in its file; all return the exit code. */
int profile_import(struct cmd_ctx *c);
int profile_export(struct cmd_ctx *c);
int profile_check(struct cmd_ctx *c);
int profile_edit(struct cmd_ctx *c); /* allow, require, deny */
int profile_rm(struct cmd_ctx *c);
int profile_test(struct cmd_ctx *c);
int profile_diff(struct cmd_ctx *c);
int profile_dead(struct cmd_ctx *c);
int profile_proposal(struct cmd_ctx *c);
int profile_accept(struct cmd_ctx *c);
int profile_reject(struct cmd_ctx *c);

/* "no host type 'x': known are a, b"; returns the exit code. */
int profile_no_such_class(struct store *s, const char *host_type, const char *own);

#endif
