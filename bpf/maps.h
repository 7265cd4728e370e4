/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BPF_MAPS_H
#define AJAR_BPF_MAPS_H

/*
 * The maps, the same in every object: weak, so that the linker keeps one of each; those of the ring
 * are in ring.h.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "ajar/event.h"

#define DOORS_MAX 131072
#define OWNERS_MAX 8192
#define SLOTS_MAX 32 /* of the plain objects: one for each CPU */
#define PORT0_MAX 1024
#define HOLDERS_MAX 65536
#define ROUND 64 /* steps; one loop of all would be too many jumps for the verifier */

/*
 * The one network namespace that is watched, by its cookie, which is never used again; 0: all. Set
 * before loading.
 */
const volatile __u64 cfg_netns_cookie __weak = 0;

/*
 * The PID namespace that the agent is in, by inode number: its init is the node's. 0: unknown. Set
 * before loading.
 */
const volatile __u32 cfg_pid_ns __weak = 0;
/* The mount namespace of the agent that loaded it: its files count as the node's, too. */
const volatile __u32 cfg_mnt_ns __weak = 0;

/*
 * Whether all programs have bpf_get_current_task_btf(): then members of the task are plain loads.
 * Set before loading.
 */
const volatile bool cfg_typed_task __weak = true;

/* Doors that are open. Not preallocated: 20 MiB for a table that is mostly empty. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, DOORS_MAX);
	__type(key, __u64);
	__type(value, struct ajar_door_state);
} ajar_doors __weak SEC(".maps");

/*
 * Where in the ring the record of an owner is: a position before it. What the reader has given back
 * is sent again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OWNERS_MAX);
	__type(key, struct ajar_owner_key);
	__type(value, __u64);
} ajar_owners __weak SEC(".maps");

/*
 * Processes that hold doors, and their children, by tgid: what they exec, and that they end, is
 * worth a look. One that finds no room is found by the timed sweep instead.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, HOLDERS_MAX);
	__type(key, __u32);
	__type(value, struct ajar_holder);
} ajar_holders __weak SEC(".maps");

/*
 * Cookies of sockets that ask for port 0, from bind4/6 to post_bind4/6. Direct mapped: a
 * collision within those microseconds costs the mark "autoport", nothing else.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PORT0_MAX);
	__type(key, __u32);
	__type(value, __u64);
} ajar_port0 __weak SEC(".maps");

/*
 * Where an owner record is built: the path grows downwards from PATH_END, the arguments upwards.
 * Slots are claimed by compare-and-swap, since these programs can be preempted: what is per CPU
 * would be overwritten by the next task on it (atomic.h: not before 5.11). The tail keeps the
 * verifier's bounds apart.
 */
#define PATH_END 8192
struct slot {
	__u64 busy;
	__u64 task; /* struct task_struct: whose record it is */
	/* What a loop has come to is here, where the verifier does not follow it. */
	__u64 begin; /* bytes: of the path, later of the record */
	__u64 start, end; /* bytes: of the cgroups; of what is written so far */
	__u64 dentry, mount; /* to be climbed from */
	__u64 dfl, kn; /* cgroup v2; what is to be named, 0: the next hierarchy's turn */
	__u64 link, head_link; /* the hierarchies of a css_set */
	__u32 done; /* the walk reached its end */
	__u32 at; /* its number */
	struct ajar_owner head; /* copied before the path when both are done */
	char bytes[2 * PATH_END];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS_MAX);
	__type(key, __u32);
	__type(value, struct slot);
} ajar_slots __weak SEC(".maps");

/*
 * Doors whose end may come without a hook, by cookie: the address of their struct sock, for
 * bpf/unhooked.bpf.c alone. One that finds no room stays open until its agent starts anew.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, DOORS_MAX);
	__type(key, __u64);
	__type(value, __u64);
} ajar_unhooked __weak SEC(".maps");

static __always_inline struct slot *slot_at(__u32 at)
{
	return bpf_map_lookup_elem(&ajar_slots, &at);
}

/*
 * UDP sockets that are not settled yet: what the look at them walks, in all network namespaces,
 * instead of everything that is open. Direct mapped by cookie, which count up: one that is
 * overwritten within its second is found by a sweep. The address is used only together with the
 * cookie that is read there, and no user space maps it.
 */
#define SETTLING_MAX 8192
struct settling {
	__u64 cookie; /* 0: empty */
	__u64 since_ns; /* CLOCK_BOOTTIME */
	__u64 sock; /* struct sock */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SETTLING_MAX);
	__type(key, __u32);
	__type(value, struct settling);
} ajar_settling __weak SEC(".maps");

#endif
