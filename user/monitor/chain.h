/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_CHAIN_H
#define AJAR_MONITOR_CHAIN_H

#include <stdbool.h>

#include "base/err.h"

struct store;
struct store_event_row;

/*
 * Whether each record's chain goes on from the one before it, as the events of a boot are judged in
 * their order: a row that was altered, or put there by somebody who does not know the journal, is
 * noticed when it is judged. Behind a hole nothing can be said until the record after the next.
 */
struct chains;

must_check int chains_new(struct store *s, struct chains **ret_c);
void chains_free(struct chains *c);
DEFINE_FREEP(struct chains, chains_free)
/* *ret_whole false: it does not. */
must_check int chains_check(struct chains *c, const struct store_event_row *row, bool *ret_whole);
/*
 * Notes in the store that this node's chain is broken here, unless it is known to be. In the
 * caller's transaction.
 */
must_check int chains_note(struct chains *c, const struct store_event_row *row);

#endif
