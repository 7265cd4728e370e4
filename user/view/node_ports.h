/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_NODE_PORTS_H
#define AJAR_VIEW_NODE_PORTS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

struct buf;
struct writer;
struct store;

/*
 * One node's ports as profile, kernel and scan have them, as a table; nothing when there are none.
 * Of very many those that matter less are left out, and their doors counted.
 */
must_check int node_ports_print(FILE *out, bool colour, struct store *s, const char *node,
				const char *host_type);

/* The same as the members "ports" and "more_doors". */
must_check int node_ports_json(struct writer *w, struct store *s, const char *node,
			       const char *host_type);

/*
 * How it stands from outside: a line for people, or the member "outside" (null: no scan has ended
 * for it).
 */
must_check int node_outside_text(struct buf *b, struct store *s, const char *node);
must_check int node_outside_json(struct writer *w, struct store *s, const char *node);

#endif
