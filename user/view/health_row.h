/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_HEALTH_ROW_H
#define AJAR_VIEW_HEALTH_ROW_H

#include <stdint.h>

struct health_in;
struct store_health_row;
struct store_watch;

/* Moves the notes on: losses of an episode, since when a record is missing. */
void health_follow(const struct store_health_row *r, uint64_t now_ns, struct store_watch *w);
/* What is judged of a row (audit/health.h); borrows its texts. w: its notes, or newer ones. */
void health_row(const struct store_health_row *r, const struct store_watch *w,
		struct health_in *ret);

#endif
