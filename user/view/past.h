/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_PAST_H
#define AJAR_VIEW_PAST_H

#include <stdint.h>

#include "base/err.h"
#include "core/event.h"
#include "core/finding.h"
#include "view/view.h"

struct map;
struct store;

/*
 * Verdicts of then: what the store knows of how they changed behind a time, kept for the walk over
 * the timeline.
 */
struct past {
	struct map *doors; /* node, boot and cookies -> its changes */
	uint64_t since_ns; /* of doors opened before, changes are not known */
	uint64_t changes, left_out;
};
#define PAST_CHANGES_MAX (1u << 20) /* more are left out, and counted */

must_check int past_load(struct store *s, uint64_t after_ns, struct past *ret_past);
void past_done(struct past *p);
/*
 * The verdict on the door at that time; now: the store's of now. *ret_later: what became of it,
 * with verdict NONE when nothing did; its author is borrowed. *ret_computed: it is from before
 * changes were kept, and so that of now.
 */
enum verdict past_verdict(const struct past *p, const char *node, uint32_t boot_seq,
			  const struct door *d, uint64_t at_ns, enum verdict now,
			  struct view_later *ret_later, bool *ret_computed);

#endif
