/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SHIP_HEARTBEAT_H
#define AJAR_SHIP_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/health.h"

struct ship;

/*
 * The node's heartbeat: gathers how the node is from what lies in the journal's folder (the agent's
 * heartbeat, segments, acknowledgement) and from the shipper's counts, and reports it to the store.
 */
struct heartbeat;

struct heartbeat_opts {
	const char *node, *host_type; /* borrowed */
	uint64_t interval_ns; /* how often heartbeat_send() is meant to be called */
	/* an agent, or a node that holds our name, not heard for so long is silent */
	uint64_t silent_ns;
};

/* journal_dir is borrowed. */
must_check int heartbeat_new(int journal_dir, const struct heartbeat_opts *o,
			     struct heartbeat **ret_heartbeat);
void heartbeat_free(struct heartbeat *b);
DEFINE_FREEP(struct heartbeat, heartbeat_free)

/*
 * ship: whose counts to tell, or NULL. -ENODATA: no agent has made this journal yet, there is
 * nothing to report; other errors are the store's (see store_why()).
 */
must_check int heartbeat_send(struct heartbeat *b, struct store *s, const struct ship *ship,
			      bool stopping, struct store_health_reply *ret);
/*
 * A look at the agent's process, to be had every few seconds: true when it is no longer as the last
 * heartbeat told it, stopped by a signal or a debugger, or going on, which is worth one at once. It
 * takes two looks in turn, for a tracer stops for a moment whom it attaches to.
 */
bool heartbeat_look(struct heartbeat *b);
/* Of the journal; valid after a heartbeat_send() that went well. */
const uint8_t *heartbeat_installation(const struct heartbeat *b);

#endif
