/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The owner record of a program: executable, arguments, ancestors, cgroups, and how its surroundings differ from the node's. Its
 * functions are global, so that the verifier looks at each once and by itself: below the many ways through a sweep 6.1 refuses
 * them as too complex. Such a function takes no typed pointer: the task comes as an address, and all is read by CO-RE.
 */
#include "task.h"

struct walk {
	struct slot *slot;
	struct dentry *dentry;
	struct mount *mount;
	__u32 off; /* where the path begins so far */
	__u32 done; /* reached the root */
};

/* Puts "/name" before the path; false when it does not fit. */
static __always_inline bool walk_prepend(struct walk *w, struct dentry *d)
{
	__u32 len = BPF_CORE_READ(d, d_name.len), off = w->off;
	const unsigned char *name = BPF_CORE_READ(d, d_name.name);

	if (len > 255 || off < PATH_END - AJAR_EXE_MAX + len + 1)
		return false;
	off -= len + 1;
	w->off = off;
	w->slot->bytes[off & (PATH_END - 1)] = '/';
	/* clang 14 forgets the bound on len without this. */
	asm volatile("" : "+r"(len));
	bpf_probe_read_kernel(&w->slot->bytes[(off + 1) & (PATH_END - 1)], len & 255, name);
	return true;
}

/* One component or one mount upwards; 1 ends the loop. */
static long walk_step(__u32 i, struct walk *w)
{
	struct dentry *d = w->dentry, *parent = BPF_CORE_READ(d, d_parent);
	struct mount *m = w->mount;

	if (d == BPF_CORE_READ(m, mnt.mnt_root) || d == parent) {
		struct mount *up = BPF_CORE_READ(m, mnt_parent);

		if (up == m) {
			w->done = 1;
			return 1;
		}
		w->dentry = BPF_CORE_READ(m, mnt_mountpoint);
		w->mount = up;
		return 0;
	}
	if (!walk_prepend(w, d))
		return 1;
	w->dentry = parent;
	return 0;
}

/* The path of a file as /proc/PID/exe gives it, ending at PATH_END; returns where it begins. */
static __always_inline __u32 walk_path(struct slot *s, struct file *f, __u32 *flags)
{
	struct walk w = { .slot = s, .off = PATH_END };
	struct vfsmount *mnt = BPF_CORE_READ(f, f_path.mnt);
	struct dentry *d = BPF_CORE_READ(f, f_path.dentry);

	w.dentry = d;
	w.mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	if (BPF_CORE_READ(d, d_parent) == d) {
		/* A memfd has a name and no place: "/memfd:name (deleted)". */
		w.done = walk_prepend(&w, d);
	} else {
		bpf_loop(AJAR_EXE_MAX, walk_step, &w, 0);
	}
	*flags |= AJAR_OWNER_EXE;
	if (!w.done)
		*flags |= AJAR_OWNER_EXE_CUT;
	if (!BPF_CORE_READ(d, d_hash.pprev))
		*flags |= AJAR_OWNER_EXE_DELETED;
	return w.off;
}

/* Arguments behind PATH_END; returns their length. */
static __always_inline __u32 task_argv(struct slot *s, struct mm_struct *mm, __u32 *flags)
{
	unsigned long start = BPF_CORE_READ(mm, arg_start), end = BPF_CORE_READ(mm, arg_end);
	unsigned long want = end - start;
	__u32 n = AJAR_ARGV_MAX;

	if (start >= end)
		return 0;
	if (want < n)
		n = want;
	asm volatile("" : "+r"(n));
	if (bpf_probe_read_user(&s->bytes[PATH_END], n & (2 * AJAR_ARGV_MAX - 1), (void *)start)) {
		/* The next page may be out of memory: what is on the first one. */
		__u32 page = 4096 - (start & 4095);

		if (page >= n)
			return 0;
		n = page;
		asm volatile("" : "+r"(n));
		if (bpf_probe_read_user(&s->bytes[PATH_END], n & (2 * AJAR_ARGV_MAX - 1),
					(void *)start))
			return 0;
	}
	*flags |= AJAR_OWNER_ARGV;
	if (n < want)
		*flags |= AJAR_OWNER_ARGV_CUT;
	return n;
}

struct cgroups_walk {
	struct slot *slot;
	struct list_head *head, *link; /* the hierarchies of a css_set */
	struct cgroup *dfl;
	struct kernfs_node *kn; /* NULL: the next hierarchy's turn */
	__u32 start;
	__u32 done;
};

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___old *old = (void *)kn;

	if (bpf_core_field_exists(kn->__parent))
		return BPF_CORE_READ(kn, __parent);
	return BPF_CORE_READ(old, parent);
}

static __always_inline bool cgroups_put(struct cgroups_walk *w, const char *name)
{
	__u64 pos = w->slot->end;
	long n = 1;

	if (pos - w->start > AJAR_CGROUPS_MAX - 256 || pos > PATH_END - 256)
		return false;
	if (name)
		n = bpf_probe_read_kernel_str(&w->slot->bytes[PATH_END + pos], 256, name);
	else
		w->slot->bytes[PATH_END + pos] = 0;
	if (n < 1)
		return false;
	w->slot->end = pos + n;
	return true;
}

/* One name, or one hierarchy; 1 ends the loop. */
static long cgroups_step(__u32 i, struct cgroups_walk *w)
{
	struct kernfs_node *kn = w->kn, *parent;
	struct cgrp_cset_link *link;
	struct cgroup *cgrp;

	/* CO-RE wants locals: it would relocate our own struct, too. */
	if (kn) {
		parent = kernfs_parent(kn);
		if (!cgroups_put(w, parent ? BPF_CORE_READ(kn, name) : NULL))
			return 1;
		w->kn = parent;
		return 0;
	}
	if (w->link == w->head) {
		w->done = 1;
		return 1;
	}
	link = (void *)w->link - bpf_core_field_offset(struct cgrp_cset_link, cgrp_link);
	cgrp = BPF_CORE_READ(link, cgrp);
	w->link = BPF_CORE_READ(link, cgrp_link.next);
	if (!cgrp || !w->link)
		return 1;
	if (cgrp == w->dfl)
		return 0;
	kn = BPF_CORE_READ(cgrp, kn);
	/* In the root of a v1 hierarchy: nothing to say. */
	w->kn = kernfs_parent(kn) ? kn : NULL;
	return 0;
}

#define CGROUPS_STEPS 256 /* names and hierarchies; beyond it the paths are unknown */

/* The cgroup paths behind the arguments; returns their length. */
static __always_inline __u32 task_cgroups(struct slot *s, struct task_struct *t, __u32 pos,
					  __u32 *flags)
{
	struct css_set *cset = BPF_CORE_READ(t, cgroups);
	struct cgroups_walk w = { .slot = s, .start = pos };
	struct cgroup *dfl = BPF_CORE_READ(cset, dfl_cgrp);

	s->end = pos;
	w.dfl = dfl;
	w.kn = BPF_CORE_READ(dfl, kn);
	w.head = (void *)cset + bpf_core_field_offset(struct css_set, cgrp_links);
	w.link = BPF_CORE_READ(cset, cgrp_links.next);
	bpf_loop(CGROUPS_STEPS, cgroups_step, &w, 0);
	if (!w.done)
		return 0;
	*flags |= AJAR_OWNER_CGROUPS;
	return s->end - pos;
}

/* A node's own PID namespace deeper than that is not found: all seem to be in others. */
#define PID_LEVELS 8

/* The init of the node: of the PID namespace that the agent is in. NULL: the task is not below it. */
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

/* How the task's surroundings differ from those of the node's init: a container has at least a root of its own. */
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
 * Builds the owner record of s->task, whose key is in the head, as is the header, size excepted. The head belongs right before
 * the path: the record begins at s->begin. Returns its length in bytes, 0 for no slot.
 */
__noinline int owner_build(struct slot *s)
{
	struct task_struct *t, *current = bpf_get_current_task_btf();
	__u32 off = PATH_END, argv_len = 0, flags = 0;
	struct mm_struct *mm;
	struct ajar_owner *o;
	struct file *exe;

	if (!s)
		return 0;
	t = (void *)s->task;
	o = &s->head;
	__builtin_memset(o->ancestors, 0, sizeof(o->ancestors));
	BPF_CORE_READ_INTO(&o->comm, t, group_leader, comm);
	o->comm[sizeof(o->comm) - 1] = 0;
	task_ancestors(t, o);
	mm = BPF_CORE_READ(t, mm);
	if (mm) {
		exe = BPF_CORE_READ(mm, exe_file);
		if (exe)
			off = walk_path(s, exe, &flags);
		/* An iterator looks at others, whose memory is not mapped here. */
		if (current->mm == mm)
			argv_len = task_argv(s, mm, &flags);
	}
	flags |= owner_space(s->task);
	o->cgroup_id = BPF_CORE_READ(t, cgroups, dfl_cgrp, kn, id);
	o->cgroups_len = task_cgroups(s, t, argv_len, &flags);
	__builtin_memset(o->pad, 0, sizeof(o->pad));
	o->flags = flags;
	o->exe_len = PATH_END - off;
	o->argv_len = argv_len;
	o->h.size = sizeof(*o) + o->exe_len + o->argv_len + o->cgroups_len;
	off -= sizeof(*o);
	bpf_probe_read_kernel(&s->bytes[off & (PATH_END - 1)], sizeof(*o), o);
	s->begin = off;
	return o->h.size;
}
