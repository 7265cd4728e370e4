/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The owner record of a program: executable, arguments, ancestors, cgroups, and how its
 * surroundings differ from the node's. Its functions are global, so that the verifier looks at each
 * once and by itself: below the many ways through a sweep 6.1 refuses them as too complex. A loop
 * calls one for each step, which kernels have that have no bpf_loop (5.17). Such a function takes
 * numbers alone: a slot, or the address of a task, of which all is read by CO-RE.
 */
#include "task.h"

/* Puts "/name" before the path; false when it does not fit. */
static __always_inline bool climb_prepend(struct slot *s, struct dentry *d)
{
	__u32 len = BPF_CORE_READ(d, d_name.len), off = s->begin;
	const unsigned char *name = BPF_CORE_READ(d, d_name.name);

	if (len > 255 || off > PATH_END || off < PATH_END - AJAR_EXE_MAX + len + 1)
		return false;
	off -= len + 1;
	/*
	 * clang 19 proves from what is above that the mask below changes nothing, and the verifier
	 * does not see it.
	 */
	asm volatile("" : "+r"(off));
	s->begin = off;
	s->bytes[off & (PATH_END - 1)] = '/';
	/* clang 14 forgets the bound on len without this. */
	asm volatile("" : "+r"(len));
	bpf_probe_read_kernel(&s->bytes[(off + 1) & (PATH_END - 1)], len & 255, name);
	return true;
}

/* One component or one mount upwards; not 0 ends the loop. */
__noinline int owner_climb(__u32 at)
{
	struct slot *s = slot_at(at);
	struct dentry *d, *parent;
	struct mount *m, *up;

	if (!s)
		return 1;
	d = (void *)s->dentry;
	m = (void *)s->mount;
	parent = BPF_CORE_READ(d, d_parent);
	if (d == BPF_CORE_READ(m, mnt.mnt_root) || d == parent) {
		up = BPF_CORE_READ(m, mnt_parent);
		if (up == m) {
			s->done = 1;
			return 1;
		}
		s->dentry = (__u64)BPF_CORE_READ(m, mnt_mountpoint);
		s->mount = (__u64)up;
		return 0;
	}
	if (!climb_prepend(s, d))
		return 1;
	s->dentry = (__u64)parent;
	return 0;
}

__noinline int owner_climb_on(__u32 at)
{
	for (__u32 i = 0; i < ROUND; i++) {
		if (owner_climb(at))
			return 1;
	}
	return 0;
}

/* The path of a file as /proc/PID/exe gives it, from s->begin to PATH_END. */
static __always_inline void owner_exe(struct slot *s, __u32 at, struct file *f)
{
	struct vfsmount *mnt = BPF_CORE_READ(f, f_path.mnt);
	struct dentry *d = BPF_CORE_READ(f, f_path.dentry);

	s->dentry = (__u64)d;
	s->mount = (__u64)mnt - bpf_core_field_offset(struct mount, mnt);
	s->done = 0;
	if (BPF_CORE_READ(d, d_parent) == d) {
		/* A memfd has a name and no place: "/memfd:name (deleted)". */
		s->done = climb_prepend(s, d);
	} else {
		for (__u32 i = 0; i < AJAR_EXE_MAX / ROUND; i++) {
			if (owner_climb_on(at))
				break;
		}
	}
	s->head.flags |= AJAR_OWNER_EXE;
	if (!s->done)
		s->head.flags |= AJAR_OWNER_EXE_CUT;
	if (!BPF_CORE_READ(d, d_hash.pprev))
		s->head.flags |= AJAR_OWNER_EXE_DELETED;
}

/* Arguments behind PATH_END. */
static __always_inline void owner_argv(struct slot *s, struct mm_struct *mm)
{
	unsigned long start = BPF_CORE_READ(mm, arg_start), end = BPF_CORE_READ(mm, arg_end);
	unsigned long want = end - start;
	__u32 n = AJAR_ARGV_MAX;

	if (start >= end)
		return;
	if (want < n)
		n = want;
	asm volatile("" : "+r"(n));
	if (bpf_probe_read_user(&s->bytes[PATH_END], n & (2 * AJAR_ARGV_MAX - 1), (void *)start)) {
		/* The next page may be out of memory: what is on the first one. */
		__u32 page = 4096 - (start & 4095);

		if (page >= n)
			return;
		n = page;
		asm volatile("" : "+r"(n));
		if (bpf_probe_read_user(&s->bytes[PATH_END], n & (2 * AJAR_ARGV_MAX - 1),
					(void *)start))
			return;
	}
	s->head.flags |= AJAR_OWNER_ARGV;
	s->head.argv_len = n;
	if (n < want)
		s->head.flags |= AJAR_OWNER_ARGV_CUT;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___old *old = (void *)kn;

	if (bpf_core_field_exists(kn->__parent))
		return BPF_CORE_READ(kn, __parent);
	return BPF_CORE_READ(old, parent);
}

static __always_inline bool cgroups_put(struct slot *s, const char *name)
{
	__u64 pos = s->end;
	long n = 1;

	if (pos - s->start > AJAR_CGROUPS_MAX - 256 || pos > PATH_END - 256)
		return false;
	if (name)
		n = bpf_probe_read_kernel_str(&s->bytes[PATH_END + pos], 256, name);
	else
		s->bytes[PATH_END + pos] = 0;
	if (n < 1)
		return false;
	s->end = pos + n;
	return true;
}

/* One name, or one hierarchy; not 0 ends the loop. */
__noinline int owner_cgroup(__u32 at)
{
	struct slot *s = slot_at(at);
	struct cgrp_cset_link *link;
	struct kernfs_node *kn, *parent;
	struct cgroup *cgrp;

	if (!s)
		return 1;
	kn = (void *)s->kn;
	if (kn) {
		parent = kernfs_parent(kn);
		if (!cgroups_put(s, parent ? BPF_CORE_READ(kn, name) : NULL))
			return 1;
		s->kn = (__u64)parent;
		return 0;
	}
	if (s->link == s->head_link) {
		s->done = 1;
		return 1;
	}
	link = (void *)s->link - bpf_core_field_offset(struct cgrp_cset_link, cgrp_link);
	cgrp = BPF_CORE_READ(link, cgrp);
	s->link = (__u64)BPF_CORE_READ(link, cgrp_link.next);
	if (!cgrp || !s->link)
		return 1;
	if ((__u64)cgrp == s->dfl)
		return 0;
	kn = BPF_CORE_READ(cgrp, kn);
	/* In the root of a v1 hierarchy: nothing to say. */
	s->kn = kernfs_parent(kn) ? (__u64)kn : 0;
	return 0;
}

#define CGROUPS_STEPS 256 /* names and hierarchies; beyond it the paths are unknown */

/* The cgroup paths behind the arguments. */
static __always_inline void owner_cgroups(struct slot *s, __u32 at, struct task_struct *t)
{
	struct css_set *cset = BPF_CORE_READ(t, cgroups);
	struct cgroup *dfl = BPF_CORE_READ(cset, dfl_cgrp);

	s->start = s->end = s->head.argv_len;
	s->dfl = (__u64)dfl;
	s->kn = (__u64)BPF_CORE_READ(dfl, kn);
	s->head_link = (__u64)cset + bpf_core_field_offset(struct css_set, cgrp_links);
	s->link = (__u64)BPF_CORE_READ(cset, cgrp_links.next);
	s->done = 0;
	for (__u32 i = 0; i < CGROUPS_STEPS; i++) {
		if (owner_cgroup(at))
			break;
	}
	if (!s->done)
		return;
	s->head.flags |= AJAR_OWNER_CGROUPS;
	s->head.cgroups_len = s->end - s->start;
}

/* A node's own PID namespace deeper than that is not found: all seem to be in others. */
#define PID_LEVELS 8

/*
 * The init of the node: of the PID namespace that the agent is in. NULL: the task is not below it.
 */
static __always_inline struct task_struct *node_init(struct pid *pid, __u32 *ret_level)
{
	struct upid *n = (void *)pid + bpf_core_field_offset(struct pid, numbers);
	__u32 level = BPF_CORE_READ(pid, level);

	for (__u32 i = 0; i < PID_LEVELS; i++) {
		struct pid_namespace *ns;

		if (i > level)
			break;
		ns = BPF_CORE_READ(n, ns);
		if (BPF_CORE_READ(ns, ns.inum) == cfg_pid_ns) {
			*ret_level = i;
			return BPF_CORE_READ(ns, child_reaper);
		}
		n = (void *)n + bpf_core_type_size(struct upid);
	}
	return NULL;
}

/*
 * Whoever makes a user namespace mounts in it as he likes, so a path there says nothing of the
 * node's file of that path. It is the file's own mount that counts: a descriptor of such a file
 * runs in any namespace. One that is unmounted belongs to none.
 */
static __always_inline bool exe_is_foreign(struct task_struct *t, struct task_struct *init)
{
	struct file *exe = BPF_CORE_READ(t, mm, exe_file);
	struct dentry *d = BPF_CORE_READ(exe, f_path.dentry);
	struct mount *m;

	/* A memfd has no place at all. */
	if (!exe || BPF_CORE_READ(d, d_parent) == d)
		return false;
	m = (void *)BPF_CORE_READ(exe, f_path.mnt) - bpf_core_field_offset(struct mount, mnt);
	return BPF_CORE_READ(m, mnt_ns, user_ns) != BPF_CORE_READ(init, nsproxy, mnt_ns, user_ns);
}

#define MOUNTS_UP 64 /* mounts upon mounts; of a file below more nothing is doubted */
#define MOUNTS_ALIKE 512 /* on one directory, in all namespaces; beyond it none is doubted */

/*
 * Does the node (its init, or the agent) have this mount, too? mount and node are addresses, node
 * that of init's mount namespace. A namespace begins as a copy, whose mounts lie on the same
 * directories and have the same roots; a unit's has others that only lead to themselves (a part of
 * the tree that becomes read-only).
 */
__noinline int owner_mount_is_nodes(__u64 mount, __u64 node)
{
	struct mount *m = (void *)mount, *other;
	struct dentry *root = BPF_CORE_READ(m, mnt.mnt_root);
	struct hlist_node *n;

	if (root == BPF_CORE_READ(m, mnt_mountpoint))
		return 1;
	n = BPF_CORE_READ(m, mnt_mp, m_list.first);
	for (__u32 i = 0; i < MOUNTS_ALIKE; i++) {
		if (!n)
			return 0;
		other = (void *)n - bpf_core_field_offset(struct mount, mnt_mp_list);
		if (BPF_CORE_READ(other, mnt.mnt_root) == root &&
		    ((__u64)BPF_CORE_READ(other, mnt_ns) == node ||
		     BPF_CORE_READ(other, mnt_ns, ns.inum) == cfg_mnt_ns))
			return 1;
		n = BPF_CORE_READ(n, next);
	}
	return 1;
}

/*
 * A path means the same file to the node when each mount on the way up is the node's. What the node
 * has mounted over it meanwhile, or a namespace has unmounted, is not seen.
 */
__noinline int owner_file_is_nodes(__u64 mount, __u64 node)
{
	struct mnt_namespace *ns = (void *)node;

	for (__u32 i = 0; i < MOUNTS_UP; i++) {
		struct mount *m = (void *)mount, *up = BPF_CORE_READ(m, mnt_parent);

		if (up == m)
			return BPF_CORE_READ(m, mnt.mnt_root) ==
			       BPF_CORE_READ(ns, root, mnt.mnt_root);
		if (!owner_mount_is_nodes(mount, node))
			return 0;
		mount = (__u64)up;
	}
	return 1;
}

/* Of a program whose own mount is in a namespace that root made: is it another file? */
static __always_inline bool exe_is_another(struct task_struct *t, struct task_struct *init)
{
	struct file *exe = BPF_CORE_READ(t, mm, exe_file);
	struct dentry *d = BPF_CORE_READ(exe, f_path.dentry);
	struct mnt_namespace *node = BPF_CORE_READ(init, nsproxy, mnt_ns), *own;
	struct mount *m;

	if (!exe || BPF_CORE_READ(d, d_parent) == d)
		return false;
	m = (void *)BPF_CORE_READ(exe, f_path.mnt) - bpf_core_field_offset(struct mount, mnt);
	own = BPF_CORE_READ(m, mnt_ns);
	/* One that is unmounted belongs to none, and its way up is gone. */
	if (!own || !node || own == node || BPF_CORE_READ(own, ns.inum) == cfg_mnt_ns)
		return false;
	return !owner_file_is_nodes((__u64)m, (__u64)node);
}

/*
 * How the task's surroundings differ from those of the node's init: a container has at least a root
 * of its own.
 */
__noinline int owner_space(__u64 task)
{
	struct task_struct *t = (void *)task, *init;
	struct pid *pid = BPF_CORE_READ(t, thread_pid);
	__u32 level = 0, flags = 0;

	if (!pid || !cfg_pid_ns)
		return 0;
	init = node_init(pid, &level);
	if (!init)
		return AJAR_OWNER_SPACE | AJAR_OWNER_OTHER_PID;
	if (BPF_CORE_READ(pid, level) != level)
		flags |= AJAR_OWNER_OTHER_PID;
	if (BPF_CORE_READ(t, cred, user_ns) != BPF_CORE_READ(init, cred, user_ns))
		flags |= AJAR_OWNER_OTHER_USER;
	/* A chroot alone is none, nor is a mount namespace of a unit with PrivateTmp=. */
	if (BPF_CORE_READ(t, nsproxy, mnt_ns) != BPF_CORE_READ(init, nsproxy, mnt_ns) &&
	    BPF_CORE_READ(t, fs, root.dentry) != BPF_CORE_READ(init, fs, root.dentry))
		flags |= AJAR_OWNER_OTHER_ROOT;
	if (exe_is_foreign(t, init))
		flags |= AJAR_OWNER_OTHER_EXE;
	else if (exe_is_another(t, init))
		flags |= AJAR_OWNER_OTHER_FILE;
	return flags | AJAR_OWNER_SPACE;
}

static __always_inline void task_ancestors(struct task_struct *t, struct ajar_owner *o)
{
	struct task_struct *p = BPF_CORE_READ(t, group_leader, real_parent);

#pragma unroll
	for (int i = 0; i < AJAR_ANCESTORS_MAX; i++) {
		__u32 tgid = BPF_CORE_READ(p, tgid);

		if (!tgid)
			break;
		o->ancestors[i].tgid = tgid;
		BPF_CORE_READ_INTO(&o->ancestors[i].comm, p, group_leader, comm);
		o->ancestors[i].comm[AJAR_COMM_LEN - 1] = 0;
		p = BPF_CORE_READ(p, real_parent);
	}
}

/*
 * Builds the owner record of the slot's task, whose key is in the head, as is the header, size
 * excepted. The head belongs right before the path: the record begins at the slot's `begin`.
 * Returns its length in bytes, 0 for no slot.
 */
__noinline int owner_build(__u32 at)
{
	struct task_struct *t, *current = (void *)bpf_get_current_task();
	struct slot *s = slot_at(at);
	struct mm_struct *mm;
	struct ajar_owner *o;
	struct file *exe;
	__u32 off;

	if (!s)
		return 0;
	t = (void *)s->task;
	o = &s->head;
	s->begin = PATH_END;
	__builtin_memset(o->ancestors, 0, sizeof(o->ancestors));
	__builtin_memset(o->pad, 0, sizeof(o->pad));
	o->argv_len = o->cgroups_len = 0;
	BPF_CORE_READ_INTO(&o->comm, t, group_leader, comm);
	o->comm[sizeof(o->comm) - 1] = 0;
	o->cgroup_id = BPF_CORE_READ(t, cgroups, dfl_cgrp, kn, id);
	o->flags = owner_space(s->task);
	task_ancestors(t, o);
	mm = BPF_CORE_READ(t, mm);
	if (mm) {
		exe = BPF_CORE_READ(mm, exe_file);
		if (exe)
			owner_exe(s, at, exe);
		/* An iterator looks at others, whose memory is not mapped here. */
		if (BPF_CORE_READ(current, mm) == mm)
			owner_argv(s, mm);
	}
	owner_cgroups(s, at, t);
	off = s->begin;
	o->exe_len = PATH_END - off;
	o->h.size = sizeof(*o) + o->exe_len + o->argv_len + o->cgroups_len;
	off -= sizeof(*o);
	bpf_probe_read_kernel(&s->bytes[off & (PATH_END - 1)], sizeof(*o), o);
	s->begin = off;
	return o->h.size;
}
