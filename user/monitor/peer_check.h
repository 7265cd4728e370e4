/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_PEER_CHECK_H
#define AJAR_MONITOR_PEER_CHECK_H

#include <stdint.h>

#include "base/err.h"

struct alerting;
struct store;

/*
 * Looks over whole classes now and then (audit/siblings): what a profile requires and a node whose
 * agent is alive does not have, and nodes unlike their siblings in a class without a profile. The
 * open doors of some nodes are read at each step, so that a look over 10,000 nodes holds nothing
 * up; a finding is alerted when it has lasted for PEER_CHECK_GRACE_NS, which a boot, a restart and
 * an upgrade are through with.
 */
#define PEER_CHECK_EVERY_NS UINT64_C(60000000000)
#define PEER_CHECK_GRACE_NS UINT64_C(150000000000)
#define PEER_CHECK_ALIVE_NS UINT64_C(60000000000) /* a heartbeat is no older */

struct peer_check;
must_check int peer_check_new(struct store *s, struct alerting *a, struct peer_check **ret_c);
void peer_check_free(struct peer_check *c);
/*
 * Does a piece of what is to do; *ret_next_ns is made sooner when there is more. Transactions of
 * its own.
 */
must_check int peer_check_step(struct peer_check *c, uint64_t now_wall_ns, uint64_t *ret_next_ns);

#endif
