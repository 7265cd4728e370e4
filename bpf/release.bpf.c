/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The end of doors that have no state callback: UDP, raw, and TCP listeners that were open
 * before the sensor. It runs for every socket that is closed; a TCP connection leaves at once.
 */
#include "sock.h"
#include "emit.h"

SEC("cgroup/sock_release")
int release_sock(struct bpf_sock *ctx)
{
	__u32 protocol = ctx->protocol;
	struct ajar_door_state *st;
	__u64 cookie;

	if (protocol == IPPROTO_MPTCP || (protocol == IPPROTO_TCP && ctx->state != BPF_TCP_LISTEN))
		return 1;
	cookie = bpf_get_socket_cookie(ctx);
	st = bpf_map_lookup_elem(&ajar_doors, &cookie);
	if (!st || st->door.flags & AJAR_DOOR_HOOKED)
		return 1;
	if (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE)
		settling_end(cookie);
	emit_close(st, &st->door);
	return 1;
}
