/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_REDIRECT_H
#define AJAR_STORE_REDIRECT_H

#include "store/store.h"

/*
 * What a node says of its redirects now (core/redirect.h), kept by the monitor as it judges: the
 * list of the newest event "steer", none since the newest start, and which network namespace is its
 * own. Escaped line by line. One row of `settings` a node, "steering NODE", which no node's account
 * can reach.
 */
must_check int store_redirect_note(struct store *s, const struct store_event_row *row);
#define REDIRECT_SETTING "steering " /* and the node's name: the setting */
/* Appends the list that a setting's value has. */
must_check int store_redirect_lines(const char *value, struct buf *b);
/*
 * Appends the list; nothing where the node has told of none. b: of at least REDIRECT_STORED_MAX.
 * *ret_netns: inode of the namespace that the node's agent is in, and so the addresses that are
 * scanned; 0: not known. Either may be NULL.
 */
#define REDIRECT_STORED_MAX 60000
must_check int store_redirect_get(struct store *s, const char *node, struct buf *b,
				  uint32_t *ret_netns);

#endif
