/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_POLLER_H
#define AJAR_SENSOR_POLLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ajar/event.h"
#include "base/err.h"

/*
 * Tiers C and D look again and again at descriptors of other users' processes and into other
 * network namespaces. Their owner gives up every privilege, so a child looks that keeps what this
 * needs (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN, each as far as it is there), runs as
 * uid:gid and takes three orders: look, glance, and who. It ends with its owner.
 */
struct poller;
must_check int poller_start(bool own_only, uint32_t netns_max, uid_t uid, gid_t gid,
			    struct poller **ret_p);
void poller_free(struct poller *p);

struct poller_sum {
	unsigned missed; /* enum poll_missed */
	uint64_t cpu_ns; /* what it cost */
	uint64_t mark; /* of a glance: another when a door of this namespace has opened or closed */
};
/* What a door adds to the mark. */
uint64_t poller_mark(const struct ajar_door *d);
/*
 * Each record is for fn: SEEN, and before the first of its holder's an OWNER. Its non-zero answer
 * is returned when all are read.
 */
must_check int poller_look(struct poller *p, int (*fn)(const struct ajar_header *h, void *arg),
			   void *arg, struct poller_sum *ret);
/* Without holders and other namespaces: cheap. */
must_check int poller_glance(struct poller *p, struct poller_sum *ret);
/*
 * Who the process is that did something at before_ns (boot time): fn gets an OWNER, if it was not
 * sent before, and a SEEN of no door (its cookie is 0) but with the process and its network
 * namespace; and where that is asked one for each TCP door that it holds. -ESRCH: it has ended.
 */
must_check int poller_who(struct poller *p, uint32_t tgid, uint64_t before_ns, bool doors,
			  int (*fn)(const struct ajar_header *h, void *arg), void *arg);

#endif
