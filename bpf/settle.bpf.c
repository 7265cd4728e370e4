/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What UDP sockets do after their bind. Reading this iterator writes a record to the ring for each
 * that is AJAR_SETTLE_NS old, once: it tells what the socket is then, connected to one peer, a
 * member of a multicast group, or without a port (the bind was refused after all, or undone). What
 * was closed is not there. Where the ring has no room the next reading does it.
 */
#include "sock.h"
#include "emit.h"

static __always_inline struct ajar_open *settle_reserve(__u64 now)
{
	struct ajar_open *e = bpf_ringbuf_reserve(&ajar_ring, sizeof(*e), 0);
	__u32 cpu;
	struct ajar_cpu *c = emit_cpu(&cpu);

	if (!e)
		return NULL;
	if (!c) {
		bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP);
		return NULL;
	}
	emit_header(&e->h, AJAR_RECORD_SETTLE, sizeof(*e), now, cpu, atomic_next(&c->produced));
	return e;
}

static __always_inline void settle_tell(struct ajar_door_state *st, struct sock *sk, __u64 now)
{
	__u64 cookie = st->door.cookie;
	__u32 port = BPF_CORE_READ(sk, __sk_common.skc_num);
	/*
	 * Checked at once: with a call in between, the verifier of 6.1 takes what is reserved for
	 * what may be NULL and not given back.
	 */
	struct ajar_open *e = settle_reserve(now);

	if (!e)
		return;
	if (port)
		door_state_of_udp(sk, &st->door);
	st->door.marks |= AJAR_MARK_SETTLED;
	e->door = st->door;
	e->door.port = port;
	e->opener = st->opener;
	emit_submit(e);
	settling_end(cookie);
	if (!port)
		bpf_map_delete_elem(&ajar_doors, &cookie);
}

__noinline int settle_slot(__u32 i, __u64 now)
{
	struct settling *s = bpf_map_lookup_elem(&ajar_settling, &i);
	__u64 cookie;
	struct ajar_door_state *st;
	struct sock *sk;

	if (!s)
		return 0;
	cookie = *(volatile __u64 *)&s->cookie;
	if (!cookie || now < s->since_ns || now - s->since_ns < AJAR_SETTLE_NS)
		return 0;
	sk = (void *)s->sock;
	st = bpf_map_lookup_elem(&ajar_doors, &cookie);
	/* Closed meanwhile, or there was no room for it: a sweep tells. */
	if (!st || (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) != cookie) {
		settling_end(cookie);
		return 0;
	}
	settle_tell(st, sk, now);
	return 0;
}

__noinline int settle_round(__u32 first, __u64 now)
{
	for (__u32 i = 0; i < ROUND; i++)
		settle_slot(first + i, now);
	return 0;
}

/*
 * It goes over the few maps of the machine, of which it needs none: once at the end it is called
 * without one.
 */
SEC("iter/bpf_map")
int settle_look(struct bpf_iter__bpf_map *ctx)
{
	__u64 now;

	if (ctx->map)
		return 0;
	now = bpf_ktime_get_boot_ns();
	for (__u32 i = 0; i < SETTLING_MAX / ROUND; i++)
		settle_round(i * ROUND, now);
	return 0;
}
