/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP doors on a kernel without BTF: a plain tracepoint, whose record the kernel describes in
 * tracefs. No type of the kernel is known here, so there is neither a cookie nor a network
 * namespace: user space asks sock_diag at once. It fires before listen() has its port, and for a
 * listen() that fails twice: the second time with the same function below it on the stack, which no
 * close() has.
 *
 * The sequence numbers are kept without atomic operations (AJAR_PLAIN): the kernel runs one program
 * of a tracepoint on a CPU at a time (bpf_prog_active).
 */
#include "ring.h"

#define STATE_CLOSE 7
#define STATE_LISTEN 10
#define AF_INET6 10
#define IPPROTO_TCP 6

/* Of /sys/kernel/tracing/events/sock/inet_sock_set_state/format. */
#define STATE_HEAD                                                                                 \
	__u64 common;                                                                              \
	__u64 sock;                                                                                \
	__s32 oldstate, newstate;                                                                  \
	__u16 sport, dport, family

struct state_wide {
	STATE_HEAD;
	__u16 protocol;
	__u8 saddr[4], daddr[4], saddr_v6[16], daddr_v6[16];
};

/* Before 5.6 the protocol has one byte (bf9765145b85), and what follows is elsewhere. */
struct state_narrow {
	STATE_HEAD;
	__u8 protocol;
	__u8 saddr[4], daddr[4], saddr_v6[16], daddr_v6[16];
};

/* Which of the two it is. Set before loading. */
const volatile bool cfg_narrow = false;

/*
 * The innermost callers of the tracepoint: inet_csk_listen_start() and who called it are there. What
 * runs the programs of a tracepoint may come before them: on arm64 always, as it has no static calls.
 */
#define FRAMES 6
struct listening {
	__u64 ip[FRAMES];
};

/* Looked at within the same listen(): what is forgotten by its end was a door. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct listening);
} ajar_listening SEC(".maps");

static __always_inline void state_emit(const struct state_wide *wide, __u8 what)
{
	const struct state_narrow *narrow = (const void *)wide;
	struct ajar_state *e = emit_reserve(AJAR_RECORD_STATE, sizeof(*e), bpf_ktime_get_boot_ns());
	__u64 id, user;

	/* At once, for the verifier of 6.1: settle.bpf.c. */
	if (!e)
		return;
	id = bpf_get_current_pid_tgid();
	user = bpf_get_current_uid_gid();
	e->sock = wide->sock;
	e->cgroup_id = bpf_get_current_cgroup_id();
	__builtin_memset(e->addr, 0, sizeof(e->addr));
	e->family = wide->family;
	if (e->family == AF_INET6 && cfg_narrow)
		__builtin_memcpy(e->addr, narrow->saddr_v6, sizeof(narrow->saddr_v6));
	else if (e->family == AF_INET6)
		__builtin_memcpy(e->addr, wide->saddr_v6, sizeof(wide->saddr_v6));
	else if (cfg_narrow)
		__builtin_memcpy(e->addr, narrow->saddr, sizeof(narrow->saddr));
	else
		__builtin_memcpy(e->addr, wide->saddr, sizeof(wide->saddr));
	e->port = wide->sport;
	e->proto = AJAR_PROTO_TCP;
	e->what = what;
	e->tgid = id >> 32;
	e->tid = (__u32)id;
	e->uid = (__u32)user;
	e->gid = user >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	emit_submit(e);
}

/*
 * Frames in common come first: what runs the programs. Then those of this call of the tracepoint, and
 * one of the two below them is the same call of inet_csk_listen_start(), or is not.
 */
static __always_inline bool is_same_call(const struct listening *a, const struct listening *b)
{
	int own = 0;

#pragma unroll
	for (int i = 0; i < FRAMES; i++) {
		bool same = a->ip[i] == b->ip[i];

		if (!own)
			own = !same;
		else if (same)
			return a->ip[i];
		else if (++own == 3)
			return false;
	}
	return false;
}

SEC("tracepoint/sock/inet_sock_set_state")
int state_bare(struct state_wide *wide)
{
	const struct state_narrow *narrow = (const void *)wide;
	__s32 before = wide->oldstate, after = wide->newstate;
	struct listening now = {}, *was;
	__u64 sock;

	/*
	 * It runs for every change of every connection; a connection begins as a copy of the
	 * listener, which goes from LISTEN to another state.
	 */
	if (after != STATE_LISTEN && (before != STATE_LISTEN || after != STATE_CLOSE))
		return 0;
	if (before == after)
		return 0;
	/* MPTCP's own socket changes, too: its subflow tells. */
	if ((cfg_narrow ? narrow->protocol : wide->protocol) != IPPROTO_TCP)
		return 0;
	sock = wide->sock;
	bpf_get_stack(wide, now.ip, sizeof(now.ip), 0);
	if (after == STATE_LISTEN) {
		bpf_map_update_elem(&ajar_listening, &sock, &now, BPF_ANY);
		state_emit(wide, AJAR_STATE_LISTEN);
		return 0;
	}
	was = bpf_map_lookup_elem(&ajar_listening, &sock);
	state_emit(wide, was && is_same_call(was, &now) ? AJAR_STATE_FAILED : AJAR_STATE_END);
	if (was)
		bpf_map_delete_elem(&ajar_listening, &sock);
	return 0;
}

char _license[] SEC("license") = "GPL";
