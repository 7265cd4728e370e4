/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_HOLDERS_H
#define AJAR_CORE_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/event.h"

/*
 * Who holds a door now, beside who opened it. The descriptor is inherited by fork, survives exec,
 * and travels in messages, so the two are different facts, and the verdict is about the holders.
 * Processes that are alike in program, user and place are one entry: a server's workers come and go
 * all day, and none of them is news.
 */

/*
 * Entries of one door. What is beyond is counted in `more`, and counts as a holder who is not
 * known.
 */
#define HOLDERS_MAX 12
#define HOLDERS_BYTES_MAX 6144

/* Appends p to the list in b; false when there is no room, which raises `more`. Borrows from b. */
bool holders_put(struct holders *h, struct buf *list, const struct process *p);
/* The next entry; false at the end. Start with a copy of h->list. */
bool holders_next(struct text *list, struct process *ret_p);

/*
 * Whether two processes are one entry: program, user and place are the same. Unknown is like
 * unknown alone.
 */
bool holders_alike(const struct process *a, const struct process *b);
/* Whether the same programs, users and places hold it, whatever the processes and their number. */
bool holders_same(const struct holders *a, const struct holders *b);

/*
 * What the knowledge of a door becomes with another event about it. The opening was seen once, and
 * a later look knows the opener by whoever is left: what is known better stays. now: an open or
 * held event, changed in place; then: what was known.
 */
void holders_merge(struct event *now, const struct event *then);

/*
 * Each who has to be permitted, into ret[]: the holders; who opened it where none is seen; a
 * process of which nothing is known for those that found no room. The opener's arguments are those
 * of then, also where it is a holder. Returns how many, at least one.
 */
#define HOLDERS_JUDGED_MAX (HOLDERS_MAX + 1)
size_t holders_judged(const struct event *ev, struct process ret[HOLDERS_JUDGED_MAX]);

/* The first of holders_judged(): for views with room for one. */
void holders_first(const struct event *ev, struct process *ret_p);
/* Whether it is held, and no process is seen to. */
bool holders_hidden(const struct event *ev);

#endif
