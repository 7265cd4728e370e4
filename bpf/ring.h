/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BPF_RING_H
#define AJAR_BPF_RING_H

/*
 * The only writer of the ring. Every record takes a number of its CPU before it asks for room,
 * so that a hole in the numbers is a lost record, and each loss is counted at once.
 *
 * Waking: the reader arms `armed` before it sleeps; the first record after that disarms it and
 * rings, all others are silent. The kernel's own rule (wake when the reader had caught up) costs a
 * wake-up per record at moderate rates. The reader is woken after the commit by a discarded record:
 * a reader that armed while our record was still busy has not seen it, but we see the arming now.
 */
#include "atomic.h"

#include "ajar/event.h"

/* User space sets the sizes of these three, which depend on the machine, before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ajar_ring __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ajar_cpu);
} ajar_cpus __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ajar_control);
} ajar_control __weak SEC(".maps");

static __always_inline struct ajar_cpu *emit_cpu(__u32 *ret_cpu)
{
	__u32 cpu = bpf_get_smp_processor_id();

	*ret_cpu = cpu;
	return bpf_map_lookup_elem(&ajar_cpus, &cpu);
}

static __always_inline struct ajar_control *emit_control(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ajar_control, &zero);
}

static __always_inline void emit_wakeup(void)
{
	struct ajar_control *ctl = emit_control();

	if (!ctl || !*(volatile __u32 *)&ctl->armed)
		return;
	if (!atomic_disarm(&ctl->armed))
		return;
	void *wakeup = bpf_ringbuf_reserve(&ajar_ring, 8, 0);
	if (wakeup)
		bpf_ringbuf_discard(wakeup, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void emit_header(struct ajar_header *h, __u16 type, __u32 size, __u64 now,
					__u32 cpu, __u64 seq)
{
	h->abi = AJAR_ABI;
	h->type = type;
	h->size = size;
	h->ktime_ns = now;
	h->cpu = cpu;
	h->pad = 0;
	h->cpu_seq = seq;
}

/* Room for a record with its header filled, or NULL and the loss is counted. */
static __always_inline void *emit_reserve(__u16 type, __u32 size, __u64 now)
{
	__u32 cpu;
	struct ajar_cpu *c = emit_cpu(&cpu);

	if (!c)
		return NULL;
	__u64 seq = atomic_next(&c->produced);
	struct ajar_header *h = bpf_ringbuf_reserve(&ajar_ring, size, 0);
	if (!h) {
		atomic_count(&c->dropped);
		return NULL;
	}
	emit_header(h, type, size, now, cpu, seq);
	return h;
}

static __always_inline void emit_submit(void *record)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	emit_wakeup();
}

#endif
