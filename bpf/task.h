/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BPF_TASK_H
#define AJAR_BPF_TASK_H

/*
 * What is read of tasks. A task from bpf_get_current_task_btf() or an iterator is typed, so its
 * members are plain loads that cannot fault; only strings go through a helper.
 */
#include "atomic.h"
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

/* The same by reads that work for any address, and cost more. */
static __always_inline void task_actor_read(struct task_struct *t, struct ajar_actor *a)
{
	struct task_struct *leader = BPF_CORE_READ(t, group_leader);
	const struct cred *cred = BPF_CORE_READ(t, cred);

	a->owner.start_ns = BPF_CORE_READ(leader, start_boottime);
	a->owner.tgid = BPF_CORE_READ(t, tgid);
	a->owner.exec_id = BPF_CORE_READ(t, self_exec_id);
	a->cgroup_id = BPF_CORE_READ(t, cgroups, dfl_cgrp, kn, id);
	a->tid = BPF_CORE_READ(t, pid);
	a->uid = BPF_CORE_READ(cred, uid.val);
	a->gid = BPF_CORE_READ(cred, gid.val);
	a->loginuid =
		bpf_core_field_exists(t->loginuid) ? BPF_CORE_READ(t, loginuid.val) : (__u32)-1;
	a->session = bpf_core_field_exists(t->sessionid) ? BPF_CORE_READ(t, sessionid) : (__u32)-1;
	a->flags = BPF_CORE_READ(t, flags) & PF_KTHREAD ? AJAR_ACTOR_KTHREAD : 0;
	BPF_CORE_READ_INTO(&a->comm, leader, comm);
	a->comm[sizeof(a->comm) - 1] = 0;
}

/* Who calls; returns the task's address. */
static __always_inline __u64 task_current(struct ajar_actor *a)
{
	struct task_struct *t;

	if (cfg_typed_task) {
		t = bpf_get_current_task_btf();
		task_actor(t, a);
	} else {
		t = (void *)bpf_get_current_task();
		task_actor_read(t, a);
	}
	return (__u64)t;
}

static __always_inline struct slot *slot_claim(void)
{
	__u32 first = bpf_get_smp_processor_id();

#pragma unroll
	for (__u32 i = 0; i < SLOT_TRIES; i++) {
		__u32 key = SLOT_OF(first, i);
		struct slot *s = slot_at(key);

		if (s && atomic_claim(&s->busy)) {
			s->at = key;
			return s;
		}
	}
	return NULL;
}

static __always_inline void slot_release(struct slot *s)
{
	atomic_release(&s->busy);
}

#endif
