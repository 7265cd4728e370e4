/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_CLASSES_H
#define AJAR_MONITOR_CLASSES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct store;

/*
 * Which node is of which class, by the rules of the store as they were last resolved (`ajar node
 * class`). The first rule that names a node decides, by priority and then by age; a node that none
 * names is of the class it says itself.
 */
struct classes;
must_check int classes_load(struct store *s, struct classes **ret_k);
void classes_free(struct classes *k);
DEFINE_FREEP(struct classes, classes_free)

struct class_match {
	const char *host_type; /* NULL: no rule names it */
	uint64_t rule_id;
	uint32_t priority;
};
/* from: how many rules that name it to pass over. */
struct class_match classes_find(struct classes *k, const char *node, unsigned from);
/*
 * Moves every node of the store to where it belongs; unnamed_too: those that no rule names back to
 * what they say themselves. *ret_moved (optional): how many.
 */
must_check int classes_apply(struct classes *k, struct store *s, bool unnamed_too,
			     unsigned *ret_moved);

#endif
