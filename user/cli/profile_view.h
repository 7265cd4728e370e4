/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_PROFILE_VIEW_H
#define AJAR_CLI_PROFILE_VIEW_H

#include <stddef.h>

#include "base/err.h"

struct cmd_ctx;
struct profile;
struct profile_row;
struct writer;

/*
 * Lists rows of a profile; returns the exit code. p: the profile they are of, against whose other
 * rows they are held; NULL: they are of none yet.
 */
int profile_rows_print(const struct cmd_ctx *c, const struct profile *p,
		       const struct profile_row *rows, size_t n);

/* The fields of a row, into a record that has begun; for people also "rule" and "note". */
void profile_row_put(struct writer *w, const struct profile *p, const struct profile_row *r);
#define PROFILE_ROW_FIELDS                                                                         \
	FIELD("host_type"), FIELD("action"), FIELD("protocol"), FIELD("port"), FIELD("port_end"),  \
		FIELD("service"), FIELD("scope"), FIELD("exe"), FIELD("package"), FIELD("sha256"), \
		FIELD("argv"), FIELD("user"), FIELD("job"), FIELD("container"),                    \
		FIELD("fingerprint"), FIELD("severity")

#endif
