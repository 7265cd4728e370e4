/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_REPORTED_H
#define AJAR_CLI_REPORTED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/hostlist.h"

struct store;

/*
 * The nodes that have ever reported to the store: a rule for others is a mistake, or made ahead,
 * and that is said.
 */
must_check int reported_load(struct store *s, struct hostlist *ret_nodes);
/* How many of the set have. */
size_t reported_of(struct hostlist *reported, const struct hostlist *set);
/* The same of a set as text, without groups; 0 for what is none. */
size_t reported_of_text(struct hostlist *reported, const char *text);
/*
 * Says of a set that was just written which is the case, when some nodes have reported and none of
 * them is in it; what: "rule 3".
 */
void reported_say(struct store *s, const struct hostlist *set, const char *what);

#define REPORTED_NONE "none of its nodes has ever reported"

#endif
