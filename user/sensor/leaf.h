/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_LEAF_H
#define AJAR_SENSOR_LEAF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * A process of ours in a cgroup of its own, ajar-canary-PID at the root of cgroup v2: it opens the
 * doors of our own (sensor/own_door.h) there. Hooks that are left at a subtree, such as our own
 * cgroup, see ours and not these. It stays root, with CAP_DAC_OVERRIDE alone, and hears nothing but
 * numbers of doors: it removes its cgroup when we end, however we do. What one leaves that was
 * killed itself goes with the next start.
 */
struct leaf;

/*
 * own_netns: at what a container has for the root. -EROFS and others: no cgroup can be made.
 */
must_check int leaf_start(bool own_netns, struct leaf **ret_l);
/* Ends the process and waits for that, so that the cgroup is gone. */
void leaf_free(struct leaf *l);

/*
 * Opens one of own_doors[] there, closed by the next call of either. -EPIPE: the process is gone;
 * others: it could not, or gave no answer in time.
 */
must_check int leaf_open(struct leaf *l, unsigned door, uint64_t *ret_cookie);
must_check int leaf_close(struct leaf *l);

#endif
