/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BPF_TASK_H
#define AJAR_BPF_TASK_H

/*
 * What is read of tasks. A task from bpf_get_current_task_btf() or an iterator is typed, so its
 * members are plain loads that cannot fault; only strings go through a helper.
 */
#include "maps.h"

#include <bpf/bpf_core_read.h>

#define PF_KTHREAD 0x00200000

static __always_inline void task_key(struct task_struct *t, struct ajar_owner_key *k)
{
	k->start_ns = t->group_leader->start_boottime;
	k->tgid = t->tgid;
	k->exec_id = t->self_exec_id;
}

/* sockops has neither the uid nor the cgroup helper before 6.10: everything comes from the task. */
static __always_inline void task_actor(struct task_struct *t, struct ajar_actor *a)
{
	const struct cred *cred = t->cred;

	task_key(t, &a->owner);
	a->cgroup_id = t->cgroups->dfl_cgrp->kn->id;
	a->tid = t->pid;
	a->uid = cred->uid.val;
	a->gid = cred->gid.val;
	a->loginuid = bpf_core_field_exists(t->loginuid) ? t->loginuid.val : (__u32)-1;
	a->session = bpf_core_field_exists(t->sessionid) ? t->sessionid : (__u32)-1;
	a->flags = t->flags & PF_KTHREAD ? AJAR_ACTOR_KTHREAD : 0;
	bpf_probe_read_kernel(a->comm, sizeof(a->comm), &t->group_leader->comm);
	a->comm[sizeof(a->comm) - 1] = 0;
}

static __always_inline struct slot *slot_claim(void)
{
	__u32 first = bpf_get_smp_processor_id();

#pragma unroll
	for (__u32 i = 0; i < 4; i++) {
		__u32 key = (first + i * 9) % SLOTS_MAX;
		struct slot *s = bpf_map_lookup_elem(&ajar_slots, &key);

		if (s && __sync_val_compare_and_swap(&s->busy, 0, 1) == 0)
			return s;
	}
	return NULL;
}

static __always_inline void slot_release(struct slot *s)
{
	__sync_val_compare_and_swap(&s->busy, 1, 0);
}

#endif
