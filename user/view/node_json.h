/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_NODE_JSON_H
#define AJAR_VIEW_NODE_JSON_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "view/node_health.h"

struct conf;
struct racks;
struct store;
struct store_node;
struct writer;

/* A node as `ajar node` and the web page show it. */
struct view_node {
	enum node_state is;
	const char *means; /* that in a sentence */
	const char *sgr; /* colour, or NULL */
	uint64_t since_ns; /* no witness since; 0: there is one, or nobody knows */
	uint64_t last_event_ns, doors;
	struct buf redirects;
	struct node_health heartbeat;
};

/*
 * Reads and judges. runs: whoever asks is on that node and saw its agent run (1) or not (0); -1: he
 * is not. view_node_done() is for it also after a failure.
 */
must_check int view_node_look(struct store *s, const struct conf *conf, const struct store_node *n,
			      int runs, struct view_node *ret);
/* The last step of it, for who has read all else: what that means. */
void view_node_conclude(const struct store_node *n, int runs, struct view_node *st);
void view_node_done(struct view_node *st);
/* Into an object of the caller's; racks may be NULL. A negative errno of the store. */
must_check int view_node_members(struct writer *w, struct store *s, const struct racks *racks,
				 const struct store_node *n, const struct view_node *st);

#endif
