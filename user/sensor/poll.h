/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_POLL_H
#define AJAR_SENSOR_POLL_H

#include <stdbool.h>
#include <stdint.h>

#include "ajar/event.h"
#include "base/err.h"

/*
 * Tier D, a machine without BPF: the doors that are open by sock_diag, their holders by /proc.
 * Other network namespaces and other users' processes only with the privileges for them.
 */
typedef int (*poll_fn)(const struct ajar_open *seen, void *arg);

/* What a look leaves out. */
enum poll_missed {
	POLL_NETNS_MORE = 1, /* there are more network namespaces than may be looked into */
	POLL_NETNS_SHUT = 2, /* another network namespace may not be entered */
};

/*
 * Calls fn for each door, with the holder that is the oldest; its non-zero answer ends it.
 * own_only: of this namespace alone. At most netns_max namespaces. *ret_missed: enum poll_missed.
 */
must_check int poll_doors(bool own_only, uint32_t netns_max, poll_fn fn, void *arg,
			  unsigned *ret_missed);

/* Only TCP doors that this process holds, in its network namespace. */
must_check int poll_listeners_of(bool own_only, uint32_t pid, poll_fn fn, void *arg);

/* --- diag.c --- */

/* The doors of this thread's network namespace; record.opener is not filled. */
must_check int diag_doors(uint32_t netns, poll_fn fn, void *arg);
/* Of them those of TCP. */
must_check int diag_listeners(uint32_t netns, poll_fn fn, void *arg);
/* Of the same namespace; 0: the kernel (before 5.14) does not tell. */
uint64_t diag_netns_cookie(void);

/* --- holders.c --- */

/* A process and its network namespace (0: not ours to see); -ENOENT when it is gone. */
must_check int holders_actor(uint32_t pid, struct ajar_actor *ret, uint32_t *ret_netns);

struct socket_holders;
/* Of more than netns_max network namespaces only so many are known. */
must_check int holders_read(uint32_t netns_max, struct socket_holders **ret_h);
/* What one process holds, and its network namespace. */
must_check int holders_of(uint32_t pid, struct socket_holders **ret_h);
bool holders_more_netns(const struct socket_holders *h);
void holders_free(struct socket_holders *h);
/* The oldest process that holds the socket, or NULL. */
const struct ajar_actor *holders_find(const struct socket_holders *h, uint64_t inode);
/* Network namespaces of the processes: for each, until fn's non-zero answer. */
must_check int holders_each_netns(struct socket_holders *h,
				  int (*fn)(uint32_t netns, uint32_t pid, void *arg), void *arg);

#endif
