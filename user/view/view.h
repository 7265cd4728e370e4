/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_VIEW_H
#define AJAR_VIEW_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/event.h"
#include "core/finding.h"

struct buf;
struct jsonw;
struct store_alert;

/* The JSON of INTERFACE.md; every key always there, unknown is null. */
struct view_event_ctx {
	const char *node, *host_type;
	enum verdict verdict;
	int64_t latency_us; /* -1: unknown */
};
void view_event_json(struct jsonw *w, const struct event *ev, const struct view_event_ctx *ctx);
void view_alert_json(struct jsonw *w, const struct store_alert *a);

/* "nc", "mlee", "← bash ← sshd": for tables; escaped. */
void view_who(struct buf *b, const struct process *p);
/* Name of a uid: the record's own, else this machine's account database, else the number. */
void view_user(struct buf *b, const struct process *p);

/* A table for people: columns fit the terminal, hostile bytes are escaped, colour only when asked for. */
struct table;
struct table_column {
	const char *name;
	double width_hint; /* 0..1 of the terminal, >1 characters */
	bool right, trunc;
};
must_check int table_new(const struct table_column *cols, unsigned n, bool colour, struct table **ret_table);
void table_free(struct table *t);
DEFINE_FREEP(struct table, table_free)
/* n_cells texts, copied; colour: an SGR such as "31" for the whole row, or NULL. */
must_check int table_row(struct table *t, const char *const *cells, unsigned n_cells, const char *colour);
must_check int table_print(struct table *t, FILE *out);

#endif
