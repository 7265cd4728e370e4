/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_ARRIVALS_H
#define AJAR_MONITOR_ARRIVALS_H

#include <stdint.h>

#include "audit/audit.h"
#include "base/err.h"

/*
 * The alerts that doors would open, of each user of each node and of each node, within the last
 * AUDIT_CROWD_NS of the store's clock: a node's own times may be invented. In memory: a monitor
 * that starts, or another one, counts anew. The same key counts once. Of one user the last
 * AUDIT_CROWD_USER_MAX are kept, of one node the last AUDIT_CROWD_NODE_MAX, so no node makes it
 * grow without end.
 */
struct arrivals;

must_check int arrivals_new(struct arrivals **ret_a);
void arrivals_free(struct arrivals *a);

/*
 * The door would open the alert of that key. *ret_of: on top of how many it comes: of its user, of
 * its node, or of not too many.
 */
must_check int arrivals_add(struct arrivals *a, const char *key, const struct audit_crowd *c,
			    uint64_t now_ns, enum crowd_of *ret_of);

#endif
