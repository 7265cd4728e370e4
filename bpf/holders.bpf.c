/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who holds a door changes without any call on the socket: a program is replaced by exec, a process
 * ends and its child still has the descriptor, another takes it out of a message or, by
 * pidfd_getfd, out of a process. None of this says which doors are concerned and who else holds
 * them: the record only says that it is time to look, and a sweep does. These run for every process
 * of the machine: all but holders of doors and their children leave after one lookup.
 */
#include "sock.h"
#include "emit.h"

#define SOCKFS_MAGIC 0x534F434B
/*
 * Descriptors that are looked through after an exec; a process with a larger table is taken to hold
 * a door.
 */
#define FDS_MAX 256

static __always_inline bool file_is_door(struct file *f)
{
	struct inode *inode = BPF_CORE_READ(f, f_inode);
	struct socket_alloc *alloc;
	struct sock *sk;
	__u64 cookie;

	if (!inode || BPF_CORE_READ(inode, i_sb, s_magic) != SOCKFS_MAGIC)
		return false;
	alloc = (void *)inode - bpf_core_field_offset(struct socket_alloc, vfs_inode);
	sk = BPF_CORE_READ(alloc, socket.sk);
	if (!sk)
		return false;
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP &&
	    bpf_core_type_exists(struct mptcp_sock)) {
		struct mptcp_sock *msk = (void *)sk;
		struct sock *first = BPF_CORE_READ(msk, first);

		sk = first ? first : sk;
	}
	cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	return cookie && bpf_map_lookup_elem(&ajar_doors, &cookie);
}

/* at: the address of a slot of a process's table of descriptors. */
__noinline int holders_fd(__u64 at)
{
	struct file *f = NULL;

	return !bpf_probe_read_kernel(&f, sizeof(f), (void *)at) && f && file_is_door(f);
}

static __always_inline bool task_has_door(struct task_struct *t)
{
	struct fdtable *fdt = BPF_CORE_READ(t, files, fdt);
	__u32 len;
	__u64 fd;

	if (!fdt)
		return false;
	len = BPF_CORE_READ(fdt, max_fds);
	fd = (__u64)BPF_CORE_READ(fdt, fd);
	if (len > FDS_MAX)
		return true;
	for (__u32 i = 0; i < FDS_MAX && i < len; i++) {
		if (holders_fd(fd + i * sizeof(struct file *)))
			return true;
	}
	return false;
}

/*
 * A child has its parent's descriptors: it is watched, too, in case the parent ends or the child
 * becomes another program.
 */
SEC("tp_btf/sched_process_fork")
int holders_fork(__u64 *ctx)
{
	struct task_struct *parent = (void *)ctx[0], *child = (void *)ctx[1];
	__u32 from = parent->tgid, to = child->tgid;
	struct ajar_holder fresh = {};

	if (from == to || !bpf_map_lookup_elem(&ajar_holders, &from))
		return 0;
	fresh.exec_id = child->self_exec_id;
	bpf_map_update_elem(&ajar_holders, &to, &fresh, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int holders_exec(__u64 *ctx)
{
	struct task_struct *t = (void *)ctx[0];
	__u32 tgid = t->tgid;
	struct ajar_owner_key key;
	struct ajar_holder *h = bpf_map_lookup_elem(&ajar_holders, &tgid);
	bool seen;

	if (!h)
		return 0;
	seen = h->flags & AJAR_HOLDER_SEEN;
	task_key(t, &key);
	if (task_has_door(t)) {
		holder_note(&key);
		task_emit(&key, AJAR_TASK_EXEC);
		return 0;
	}
	/*
	 * Most children close all, or have it closed by exec. Who opened a door may have left it in
	 * a message or an io_uring, for what runs now.
	 */
	bpf_map_delete_elem(&ajar_holders, &tgid);
	if (seen)
		task_emit(&key, AJAR_TASK_EXEC);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int holders_exit(__u64 *ctx)
{
	struct task_struct *t = (void *)ctx[0];
	__u32 tgid = t->tgid;
	struct ajar_owner_key key;
	struct ajar_holder *h = bpf_map_lookup_elem(&ajar_holders, &tgid);

	if (!h || BPF_CORE_READ(t, signal, live.counter) > 0)
		return 0;
	if (h->flags & AJAR_HOLDER_SEEN) {
		task_key(t, &key);
		task_emit(&key, AJAR_TASK_EXIT);
	}
	bpf_map_delete_elem(&ajar_holders, &tgid);
	return 0;
}

static __always_inline int received(struct file *f)
{
	struct ajar_actor a;

	if (!f || !file_is_door(f))
		return 0;
	(void)task_current(&a);
	holder_note(&a.owner);
	task_emit(&a.owner, AJAR_TASK_RECEIVED);
	return 0;
}

/*
 * SCM_RIGHTS, pidfd_getfd and seccomp's addfd all end here; before 6.7 (eac9189c9619) it is
 * __receive_fd: the loader knows. Any function whose first argument is the file will do.
 */
SEC("fentry/receive_fd")
int holders_receive(__u64 *ctx)
{
	return received((void *)ctx[0]);
}
