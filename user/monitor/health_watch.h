/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_HEALTH_WATCH_H
#define AJAR_MONITOR_HEALTH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct store;

/*
 * Watches the nodes' heartbeats and raises, changes and resolves the alerts about nodes: one for
 * each issue and class, over all nodes that have it (audit/health.h). Of several monitors on one
 * store one does each round. No clock: the store's counts.
 */
struct health_watch;

struct health_watch_opts {
	uint64_t silent_ns, skew_ns, hole_ns; /* as in struct health_limits */
	bool shared; /* other monitors may watch the same store */
};

must_check int health_watch_new(struct store *s, const struct health_watch_opts *o,
				struct health_watch **ret_v);
void health_watch_free(struct health_watch *v);
DEFINE_FREEP(struct health_watch, health_watch_free)

/* How often health_watch_step() wants to be called. */
uint64_t health_watch_every_ns(const struct health_watch *v);
/* *ret_changes: how many alert_log rows it wrote. */
must_check int health_watch_step(struct health_watch *v, unsigned *ret_changes);

#endif
