/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_TIMELINE_H
#define AJAR_CLI_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "view/past.h"
#include "core/filter.h"
#include "view/encode.h"
#include "view/writer.h"

struct cmd_ctx;
struct doorset;
struct store;
struct store_alert_change;
struct store_event_row;
struct store_scan_change;

/* What the ways of showing the timeline (as it is, following it, one moment of it) share. */
struct timeline {
	struct cmd_ctx *c;
	struct store *store;
	struct filter filter;
	uint64_t since_ns, until_ns; /* 0: open */
	uint64_t last; /* -n: only the last so many; 0 all */
	struct past past; /* verdicts of then */
	bool one_node; /* its name would only repeat itself in each row */
	struct buf b; /* the row being written */
	bool records; /* JSON or CSV, by w, into b */
	struct writer w;
	bool formatted; /* --format: what has no words in it is left out */
	enum view_format format;
	char uuid[64]; /* of the store, for ids */
	int out_err; /* of standard output: not the store's */
};

bool timeline_wants(const struct timeline *t, const struct store_event_row *row);
/*
 * Append one row with its newline to t->b; false, and nothing appended, when the filter does not
 * want it.
 */
bool timeline_put_event(struct timeline *t, const struct store_event_row *row);
bool timeline_put_change(struct timeline *t, const struct store_alert_change *c);
bool timeline_put_scan(struct timeline *t, const struct store_scan_change *c);

/* Prints the doors that were open at at_ns (0: are open now); says so when there are none. */
must_check int timeline_doors(struct timeline *t, uint64_t at_ns);

/* Everything, in time order: *ret_rows of them. */
must_check int timeline_walk(struct timeline *t, uint64_t *ret_rows);

/* From now on, until a signal. */
must_check int timeline_follow(struct timeline *t);

/* `ajar timeline verify`: returns the exit code. */
int timeline_verify(struct cmd_ctx *c);

#endif
