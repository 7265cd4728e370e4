/* SPDX-License-Identifier: GPL-2.0 */
/* The layout between kernel and agent, frozen: a change here needs a new AJAR_ABI. */
#include <stddef.h>

#include "ajar/event.h"
#include "core/event.h"
#include "tap.h"

/* clang-format off */
#define FIELDS \
	F(ajar_header, abi, 0, 2) F(ajar_header, type, 2, 2) F(ajar_header, size, 4, 4) \
	F(ajar_header, ktime_ns, 8, 8) F(ajar_header, cpu, 16, 4) F(ajar_header, pad, 20, 4) \
	F(ajar_header, cpu_seq, 24, 8) \
	F(ajar_owner_key, start_ns, 0, 8) F(ajar_owner_key, tgid, 8, 4) F(ajar_owner_key, exec_id, 12, 4) \
	F(ajar_actor, owner, 0, 16) F(ajar_actor, cgroup_id, 16, 8) F(ajar_actor, tid, 24, 4) \
	F(ajar_actor, uid, 28, 4) F(ajar_actor, gid, 32, 4) F(ajar_actor, loginuid, 36, 4) \
	F(ajar_actor, session, 40, 4) F(ajar_actor, flags, 44, 4) F(ajar_actor, comm, 48, 16) \
	F(ajar_door, cookie, 0, 8) F(ajar_door, netns_cookie, 8, 8) F(ajar_door, inode, 16, 8) \
	F(ajar_door, addr, 24, 16) F(ajar_door, netns, 40, 4) F(ajar_door, port, 44, 4) \
	F(ajar_door, family, 48, 2) F(ajar_door, proto, 50, 1) F(ajar_door, flags, 51, 1) \
	F(ajar_door, ifindex, 52, 4) F(ajar_door, device, 56, 16) F(ajar_door, device_flags, 72, 4) \
	F(ajar_door, marks, 76, 4) \
	F(ajar_open, h, 0, 32) F(ajar_open, door, 32, 80) F(ajar_open, opener, 112, 64) \
	F(ajar_close, h, 0, 32) F(ajar_close, door, 32, 80) F(ajar_close, opened_ns, 112, 8) \
	F(ajar_close, opener, 120, 64) F(ajar_close, closer, 184, 64) \
	F(ajar_ancestor, tgid, 0, 4) F(ajar_ancestor, comm, 4, 16) \
	F(ajar_owner, h, 0, 32) F(ajar_owner, key, 32, 16) F(ajar_owner, flags, 48, 4) \
	F(ajar_owner, exe_len, 52, 2) F(ajar_owner, argv_len, 54, 2) F(ajar_owner, comm, 56, 16) \
	F(ajar_owner, ancestors, 72, 160) F(ajar_owner, cgroup_id, 232, 8) \
	F(ajar_owner, cgroups_len, 240, 2) F(ajar_owner, pad, 242, 6) \
	F(ajar_door_state, door, 0, 80) F(ajar_door_state, opened_ns, 80, 8) \
	F(ajar_door_state, opener, 88, 64) F(ajar_door_state, at, 152, 8) \
	F(ajar_end, h, 0, 32) F(ajar_end, cookie, 32, 8) F(ajar_end, closer, 40, 64) \
	F(ajar_cpu, produced, 0, 8) F(ajar_cpu, dropped, 8, 8) F(ajar_cpu, reported, 16, 8) \
	F(ajar_cpu, seen, 24, 8) F(ajar_cpu, pad, 32, 32) \
	F(ajar_control, abi, 0, 4) F(ajar_control, armed, 4, 4) F(ajar_control, part, 8, 4) F(ajar_control, part_mask, 12, 4) \
	 F(ajar_control, drained_ns, 16, 8) F(ajar_control, build, 24, 8) \
	F(ajar_control, doors_full, 32, 8) F(ajar_control, owners_busy, 40, 8) \
	F(ajar_control, since_ns, 48, 8) F(ajar_control, sweep, 56, 8) \
	F(ajar_task, h, 0, 32) F(ajar_task, key, 32, 16) F(ajar_task, what, 48, 4) F(ajar_task, pad, 52, 4) \
	F(ajar_state, h, 0, 32) F(ajar_state, sock, 32, 8) F(ajar_state, cgroup_id, 40, 8) F(ajar_state, addr, 48, 16) \
	F(ajar_state, port, 64, 4) F(ajar_state, family, 68, 2) F(ajar_state, proto, 70, 1) F(ajar_state, what, 71, 1) \
	F(ajar_state, tgid, 72, 4) F(ajar_state, tid, 76, 4) F(ajar_state, uid, 80, 4) F(ajar_state, gid, 84, 4) \
	F(ajar_state, comm, 88, 16) \
	F(ajar_holder, swept, 0, 8) F(ajar_holder, exec_id, 8, 4) F(ajar_holder, flags, 12, 4)
/* clang-format on */

int main(void)
{
#define F(type, field, offset, size)                                                               \
	ok(offsetof(struct type, field) == (offset) &&                                             \
		   sizeof(((struct type *)0)->field) == (size),                                    \
	   #type "." #field " is %d bytes at %d", (size), (offset));
	FIELDS
#undef F
	is_int(AJAR_ABI, 3, "this is ABI 3");
	is_int(AJAR_RECORD_OWNER, 1, "owner is record 1");
	is_int(AJAR_RECORD_OPEN, 2, "open is record 2");
	is_int(AJAR_RECORD_CLOSE, 3, "close is record 3");
	is_int(AJAR_RECORD_BIND, 4, "bind is record 4");
	is_int(AJAR_RECORD_SEEN, 5, "seen is record 5");
	is_int(AJAR_RECORD_TASK, 6, "task is record 6");
	is_int(AJAR_RECORD_SETTLE, 7, "settle is record 7");
	is_int(AJAR_RECORD_STATE, 8, "state is record 8");
	is_int(AJAR_RECORD_END, 9, "end is record 9");
	ok((int)AJAR_PROTO_TCP == (int)PROTO_TCP && (int)AJAR_PROTO_MPTCP == (int)PROTO_MPTCP &&
		   (int)AJAR_PROTO_UDP == (int)PROTO_UDP &&
		   (int)AJAR_PROTO_UDPLITE == (int)PROTO_UDPLITE &&
		   (int)AJAR_PROTO_SCTP == (int)PROTO_SCTP &&
		   (int)AJAR_PROTO_RAW == (int)PROTO_RAW &&
		   (int)AJAR_PROTO_PACKET == (int)PROTO_PACKET &&
		   (int)AJAR_PROTO_VSOCK == (int)PROTO_VSOCK,
	   "the protocols have the numbers of events");
	is_int(AJAR_COMM_LEN, COMM_LEN, "names are as long as in events");
	is_int(AJAR_ANCESTORS_MAX, ANCESTORS_MAX, "ancestors are as many as in events");
	return tap_done();
}
