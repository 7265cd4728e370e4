/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_FAILING_H
#define AJAR_BASE_FAILING_H

#include <stdbool.h>

/* More reasons than this at one time are not told apart: the others stay unsaid. */
#define FAILING_REASONS 4

/*
 * Something that fails and is tried again: each reason for it is said once, and not at each try.
 * All zero: it goes well.
 */
struct failing {
	int said[FAILING_REASONS];
};

/* It failed with err, a negative errno or store error: whether to say so. */
bool failing_is_new(struct failing *t, int err);
/* It went well: whether it had failed before. */
bool failing_is_over(struct failing *t);
/* Whether the last try failed. */
bool failing_lasts(const struct failing *t);

#endif
