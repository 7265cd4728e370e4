/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_HEADS_H
#define AJAR_MONITOR_HEADS_H

#include <stdint.h>

#include "base/err.h"

struct store;
struct store_health_row;
struct store_watch;

/*
 * Each node reports the newest record of its journal and the chain there. What the store has under
 * that number must agree: an end that was cut off, or written anew with all its chains, is seen by
 * nothing else. Only what is stored without a hole is compared, each head once and again every ten
 * minutes: a quiet node costs next to nothing.
 */
struct heads;

must_check int heads_new(struct store *s, struct heads **ret_h);
void heads_free(struct heads *h);

/* To be compared, if there is something new; w: the node's notes. */
must_check int heads_add(struct heads *h, const struct store_health_row *r,
			 const struct store_watch *w);
/*
 * fn gets the notes of each whose head is not there, with the place; non-zero ends it and is
 * returned.
 */
must_check int heads_compare(struct heads *h, uint64_t now_ns,
			     int (*fn)(const char *node, const struct store_watch *w, void *arg),
			     void *arg);
/* What was compared is compared again. */
void heads_forget(struct heads *h);

#endif
