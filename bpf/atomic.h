/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BPF_ATOMIC_H
#define AJAR_BPF_ATOMIC_H

/*
 * What tasks and CPUs contend for. Atomic operations that give back what was there came in 5.12
 * (5ca419f2864a). The objects are built a second time without them (AJAR_PLAIN) for kernels before
 * that; there a program is not preempted (migrate_disable() was preempt_disable() until 5.11), so
 * what belongs to one CPU is safe by plain loads and stores from all but an interrupt in between,
 * and none of our programs writes records in one.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#ifndef AJAR_PLAIN

/* Any of some, so that a task which was preempted in one does not keep another from it. */
#define SLOT_TRIES 4
#define SLOT_OF(cpu, i) (((cpu) + (i)*9) % SLOTS_MAX)

/* The number of this CPU's next record. */
static __always_inline __u64 atomic_next(__u64 *n)
{
	return __sync_fetch_and_add(n, 1);
}

/* Was it 1? Then it is 0 now, and no other caller is told so. */
static __always_inline bool atomic_disarm(__u32 *armed)
{
	return __sync_val_compare_and_swap(armed, 1, 0) == 1;
}

static __always_inline bool atomic_claim(__u64 *busy)
{
	return __sync_val_compare_and_swap(busy, 0, 1) == 0;
}

static __always_inline void atomic_release(__u64 *busy)
{
	__sync_val_compare_and_swap(busy, 1, 0);
}

#else

/* Of its own CPU alone: user space makes one for each. */
#define SLOT_TRIES 1
#define SLOT_OF(cpu, i) (cpu)

static __always_inline __u64 atomic_next(__u64 *n)
{
	__u64 was = *(volatile __u64 *)n;

	*(volatile __u64 *)n = was + 1;
	return was;
}

/* Two CPUs may both be told: then both wake the reader. */
static __always_inline bool atomic_disarm(__u32 *armed)
{
	*(volatile __u32 *)armed = 0;
	return true;
}

static __always_inline bool atomic_claim(__u64 *busy)
{
	if (*(volatile __u64 *)busy)
		return false;
	*(volatile __u64 *)busy = 1;
	return true;
}

static __always_inline void atomic_release(__u64 *busy)
{
	*(volatile __u64 *)busy = 0;
}

#endif

/* A total that is only read from outside. */
static __always_inline void atomic_count(__u64 *n)
{
	__sync_fetch_and_add(n, 1);
}

#endif
