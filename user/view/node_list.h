/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_NODE_LIST_H
#define AJAR_VIEW_NODE_LIST_H

#include "base/err.h"

struct conf;
struct store;
struct store_node;
struct view_node;

/* All nodes by name, as view_node_look() shows one, a page of them after the other. */
struct node_list {
	const char *own; /* the node that whoever asks is on, or NULL */
	int own_runs; /* does its agent run? */
	int (*node)(const struct store_node *n, const struct view_node *st, void *arg);
	/* Behind each page. No statement is under way, here and in node(). */
	int (*page)(void *arg);
	void *arg;
};
must_check int node_list_walk(const struct node_list *l, struct store *s, const struct conf *conf);

#endif
