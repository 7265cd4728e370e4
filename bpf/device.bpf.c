/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A global function, so that the verifier looks at the loop once and not below everything that
 * reads a socket.
 */
#include "sock.h"

#define DEVICE_STEPS 512 /* of one list; beyond it the name stays unknown */

__noinline __u64 device_find(__u64 node, __u32 ifindex)
{
	struct hlist_node *n = (void *)node;
	struct net_device *dev;

	for (__u32 i = 0; n && i < DEVICE_STEPS; i++) {
		dev = (void *)n - bpf_core_field_offset(struct net_device, index_hlist);
		if ((__u32)BPF_CORE_READ(dev, ifindex) == ifindex)
			return (__u64)dev;
		n = BPF_CORE_READ(n, next);
	}
	return 0;
}
