/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_NODE_HEALTH_H
#define AJAR_VIEW_NODE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/health.h"
#include "base/err.h"

struct buf;
struct conf;
struct writer;
struct store;
struct store_health_row;

/* How one node is, by its heartbeat, for `ajar node`. */
struct node_health {
	bool known; /* it has reported */
	enum node_state state;
	const char *means; /* a sentence; NULL: the store keeps no health */
	const char *sgr; /* colour, or NULL */
	/* nobody records there since; 0: somebody does, or nobody knows */
	uint64_t silent_since_ns;
	void *inside;
};

/* Reads, and judges by the store's clock. */
must_check int node_health_get(struct store *s, const struct conf *conf, const char *node,
			       struct node_health *ret);
/* The same of rows that the caller reads: new, each row of the node, judge. */
must_check int node_health_new(struct node_health *ret);
must_check int node_health_take(struct node_health *h, const struct store_health_row *r);
void node_health_judge(struct node_health *h, const struct conf *conf, uint64_t now_ns);
void node_health_done(struct node_health *h);

/* One object under `key`; null when it has never reported. */
void node_health_json(const struct node_health *h, struct writer *w, const char *key);
/*
 * "unjudged", "judged_up_to" (null: all that is stored), "judging_lag_ms", "unreadable" of the
 * record that is open.
 */
void node_judging_json(const struct node_health *h, struct writer *w);
/* Lines "what value"; of one that has never reported only how far it is judged. */
void node_health_text(const struct node_health *h, struct buf *b);

#endif
