/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Doors that are open now, whoever opened them and whenever. iter/task_file sees every socket that
 * a file descriptor holds, in all network namespaces, with the holder; iter/tcp and iter/udp see
 * the sockets of the opener's namespace alone, those of the kernel included. Output is a stream of
 * the ring's records (SEEN, BIND, OWNER). A door that ajar_doors does not have is put there, so that its
 * end is reported; live events win.
 */
#include "sock.h"
#include "emit.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000

struct sweep {
	struct seq_file *seq;
	struct task_struct *task; /* the holder, or NULL */
	struct sock *sk;
	struct sock *named; /* the one that the door's cookie names */
	struct ajar_open rec;
};

/* What kind of door a socket is; 0: none. */
static __always_inline __u8 sweep_proto(struct sock *sk)
{
	__u16 family = SOCK_GET(sk, __sk_common.skc_family), protocol = SOCK_GET(sk, sk_protocol);
	__u8 state = SOCK_GET(sk, __sk_common.skc_state);

	if (family == AF_PACKET)
		return AJAR_PROTO_PACKET;
	if (family == AF_VSOCK)
		return state == BPF_TCP_LISTEN ? AJAR_PROTO_VSOCK : 0;
	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (SOCK_GET(sk, sk_type) == SOCK_RAW)
		return AJAR_PROTO_RAW;
	switch (protocol) {
	case IPPROTO_TCP:
		/* One whose listen() is under way, and may still fail, is none yet. */
		return state == BPF_TCP_LISTEN && sock_has_listened(sk) ? AJAR_PROTO_TCP : 0;
	case IPPROTO_MPTCP:
		return state == BPF_TCP_LISTEN ? AJAR_PROTO_MPTCP : 0;
	case IPPROTO_SCTP:
		return state == BPF_TCP_LISTEN ? AJAR_PROTO_SCTP : 0;
	case IPPROTO_UDP:
		return SOCK_GET(sk, __sk_common.skc_num) ? AJAR_PROTO_UDP : 0;
	case IPPROTO_UDPLITE:
		return SOCK_GET(sk, __sk_common.skc_num) ? AJAR_PROTO_UDPLITE : 0;
	}
	return 0;
}

/* A TCP socket that has a port, and neither listens nor is connected. */
static __always_inline bool sock_is_bound(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE &&
	       BPF_CORE_READ(sk, __sk_common.skc_num);
}

/* The kind of door that a bound socket may become; 0: none. */
static __always_inline __u8 sweep_bound_proto(struct sock *sk)
{
	__u16 family = SOCK_GET(sk, __sk_common.skc_family), protocol = SOCK_GET(sk, sk_protocol);

	if ((family != AF_INET && family != AF_INET6) || !sock_is_bound(sk))
		return 0;
	return protocol == IPPROTO_TCP	   ? AJAR_PROTO_TCP
	       : protocol == IPPROTO_MPTCP ? AJAR_PROTO_MPTCP
					   : 0;
}

/*
 * An MPTCP listener proper is the first subflow: it is what LISTEN_CB reports. No typed way leads to it on
 * 6.1; iter/tcp, which runs first, has given it its cookie in the own namespace, LISTEN_CB everywhere.
 */
static __always_inline void sweep_subflow(struct sweep *w, struct ajar_door *d)
{
	struct mptcp_sock *msk = (void *)w->sk;
	struct sock *first;

	if (!bpf_core_type_exists(struct mptcp_sock))
		return;
	first = BPF_CORE_READ(msk, first);
	if (!first)
		return;
	d->cookie = BPF_CORE_READ(first, __sk_common.skc_cookie.counter);
	if (d->cookie)
		w->named = first;
	d->flags &= ~AJAR_DOOR_AUTOPORT;
	if (!(BPF_CORE_READ_BITFIELD_PROBED(first, sk_userlocks) & SOCK_BINDPORT_LOCK))
		d->flags |= AJAR_DOOR_AUTOPORT;
}

/*
 * The others have no hook that tells of their end, and are not in ajar_doors: one that no sweep sees
 * is gone.
 */
static __always_inline bool sweep_is_inet(__u8 proto)
{
	return proto != AJAR_PROTO_PACKET && proto != AJAR_PROTO_VSOCK;
}

/* struct sockaddr_vm, as far as it matters. */
struct vsock_addr {
	__u16 family, reserved;
	__u32 port, cid;
};

/*
 * Its struct is a module's, of which there may be no BTF when this is loaded: a struct sock, a
 * pointer since 5.5, and the address, which says itself whether it is one.
 */
static __always_inline void sweep_vsock(struct sweep *w)
{
	void *at = (void *)w->sk + bpf_core_type_size(struct sock);
	struct vsock_addr a = {};

	bpf_probe_read_kernel(&a, sizeof(a), at + sizeof(void *));
	if (a.family != AF_VSOCK)
		bpf_probe_read_kernel(&a, sizeof(a), at);
	if (a.family != AF_VSOCK)
		return;
	w->rec.door.port = a.port;
	*(__u32 *)w->rec.door.addr = bpf_htonl(a.cid);
}

static __always_inline void sweep_fill(struct sweep *w, __u8 proto)
{
	struct ajar_door *d = &w->rec.door;
	struct sock *sk = w->sk;

	if (!sweep_is_inet(proto)) {
		struct net *net = SOCK_GET(sk, __sk_common.skc_net.net);

		d->netns_cookie = net_cookie_of(net);
		d->netns = SOCK_GET(net, ns.inum);
		d->inode = socket_inode(SOCK_GET(sk, sk_socket));
		d->family = SOCK_GET(sk, __sk_common.skc_family);
	} else {
		door_of_sock(sk, d);
		if (proto == AJAR_PROTO_RAW)
			d->flags &= ~AJAR_DOOR_AUTOPORT;
	}
	d->proto = proto;
	d->cookie = 0;
	w->named = sk;
	if (proto == AJAR_PROTO_MPTCP && SOCK_GET(sk, sk_protocol) == IPPROTO_MPTCP)
		sweep_subflow(w, d);
	if (!d->cookie)
		d->cookie = sock_cookie_of(sk);
	d->flags |= AJAR_DOOR_SWEPT;
	if (proto == AJAR_PROTO_UDP || proto == AJAR_PROTO_UDPLITE)
		door_state_of_udp(sk, d);
}

/* The holder's owner record into the stream, once a sweep. */
static __always_inline int sweep_owner(struct sweep *w)
{
	struct ajar_control *ctl = emit_control();
	struct ajar_owner_key *key = &w->rec.opener.owner;
	struct ajar_holder *h;
	struct slot *s;
	__u32 len;
	void *record;
	int full;

	holder_note(key);
	h = bpf_map_lookup_elem(&ajar_holders, &key->tgid);
	if (h && ctl && h->swept == ctl->sweep)
		return 0;
	s = slot_claim();
	if (!s)
		return 0;
	emit_header(&s->head.h, AJAR_RECORD_OWNER, 0, w->rec.h.ktime_ns, 0, 0);
	record = owner_fill(s, (__u64)w->task, key, &len);
	full = bpf_seq_write(w->seq, record, len);
	slot_release(s);
	if (!full && h && ctl)
		h->swept = ctl->sweep;
	return full;
}

/* Not inlined: its struct and owner_build() are not on the stack at the same time. */
static __noinline void sweep_keep(const struct ajar_open *rec)
{
	struct ajar_door_state st = { .door = rec->door, .opener = rec->opener };

	bpf_map_update_elem(&ajar_doors, &st.door.cookie, &st, BPF_NOEXIST);
}

/* What an iterator finds here no hook has seen: of TCP, and of the kernel's own, none may see the end. */
static __always_inline void sweep_watch(const struct sweep *w, __u8 proto)
{
	if (proto == AJAR_PROTO_TCP || proto == AJAR_PROTO_MPTCP ||
	    w->rec.door.flags & AJAR_DOOR_KERNEL)
		unhooked_begin(w->named, w->rec.door.cookie);
}

/* Is the door of the part that the sweep is at? */
static __always_inline bool sweep_is_at(__u64 cookie)
{
	const struct ajar_control *ctl = emit_control();

	return !ctl || ((__u32)cookie & ctl->part_mask) == ctl->part;
}

/* The record and, before it, that of its holder; not 0: the output is full. */
static __always_inline int sweep_tell(struct sweep *w, __u16 type)
{
	emit_header(&w->rec.h, type, sizeof(w->rec), bpf_ktime_get_boot_ns(), 0, 0);
	if (w->task) {
		task_actor(w->task, &w->rec.opener);
		if (sweep_owner(w))
			return 1;
	} else {
		w->rec.opener.flags = AJAR_ACTOR_NONE;
	}
	return bpf_seq_write(w->seq, &w->rec, sizeof(w->rec)) ? 1 : 0;
}

/* A socket that is no door, and has a port. */
static __always_inline int sweep_emit_bound(struct sweep *w, __u8 proto)
{
	sweep_fill(w, proto);
	/* The other of an MPTCP pair is closed as well when their connection has ended. */
	if (!w->rec.door.cookie || !door_is_watched(&w->rec.door) ||
	    !sweep_is_at(w->rec.door.cookie) || !sock_is_bound(w->named))
		return 0;
	return sweep_tell(w, AJAR_RECORD_BIND);
}

static __always_inline int sweep_emit(struct sweep *w, __u8 proto)
{
	struct ajar_door_state *known;
	bool connected;

	/* Of most sockets their cookie is all that needs to be read. */
	if (proto != AJAR_PROTO_MPTCP && !sweep_is_at(sock_cookie_of(w->sk)))
		return 0;
	sweep_fill(w, proto);
	if (!w->rec.door.cookie || !door_is_watched(&w->rec.door) ||
	    !sweep_is_at(w->rec.door.cookie))
		return 0;
	connected = w->rec.door.flags & AJAR_DOOR_CONNECTED;
	known = bpf_map_lookup_elem(&ajar_doors, &w->rec.door.cookie);
	if (known)
		w->rec.door.flags |= AJAR_DOOR_KNOWN;
	else if (connected)
		return 0;
	if (sweep_tell(w, AJAR_RECORD_SEEN))
		return 1;
	/* iter/tcp and iter/udp, which run first, have put doors there without an opener. */
	if (known && w->task && known->opener.flags & AJAR_ACTOR_NONE)
		known->opener = w->rec.opener;
	if (!known && sweep_is_inet(proto)) {
		/* No event told of it: whether it stays is looked at like that of any other. */
		if (proto == AJAR_PROTO_UDP || proto == AJAR_PROTO_UDPLITE)
			settling_begin(w->sk, w->rec.door.cookie, w->rec.h.ktime_ns);
		sweep_keep(&w->rec);
		sweep_watch(w, proto);
	}
	return 0;
}

/* The helper came in 5.11 (dba4a9256bb4); what it does, by loads. */
#ifdef AJAR_PLAIN
static __always_inline struct sock *sweep_sock(struct file *file)
{
	struct socket *socket;

	if ((file->f_inode->i_mode & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = file->private_data;
	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}
#else
static __always_inline struct sock *sweep_sock(struct file *file)
{
	struct socket *socket = bpf_sock_from_file(file);

	return socket ? socket->sk : NULL;
}
#endif

SEC("iter/task_file")
int sweep_task_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct sweep w = {};

	/* Threads that share their leader's files are left out by the iterator. */
	if (!task || !file)
		return 0;
	struct sock *sk = sweep_sock(file);
	if (!sk)
		return 0;
	__u8 proto = sweep_proto(sk);
	w.seq = ctx->meta->seq;
	w.task = task;
	w.sk = sk;
	if (!proto) {
		proto = sweep_bound_proto(sk);
		return proto ? sweep_emit_bound(&w, proto) : 0;
	}
	if (proto == AJAR_PROTO_PACKET) {
		struct packet_sock *p = (void *)sk;

		w.rec.door.port = bpf_ntohs(BPF_CORE_READ(p, num));
	}
	if (proto == AJAR_PROTO_VSOCK)
		sweep_vsock(&w);
	return sweep_emit(&w, proto);
}

/*
 * Sockets of this namespace, also those that no process has a descriptor of: the kernel's own, or
 * one that is under way.
 */
static __always_inline int sweep_own(struct seq_file *seq, struct sock *sk, __u8 proto)
{
	struct sweep w = { .seq = seq, .sk = sk };

	if (proto != AJAR_PROTO_MPTCP && sock_is_kernels(sk))
		w.rec.door.flags |= AJAR_DOOR_KERNEL;
	return sweep_emit(&w, proto);
}

SEC("iter/tcp")
int sweep_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *c = ctx->sk_common;

	if (!c || c->skc_state != BPF_TCP_LISTEN)
		return 0;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(c);
	if (!tp)
		return 0;
	return sweep_own(ctx->meta->seq, &tp->inet_conn.icsk_inet.sk,
			 bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp ? AJAR_PROTO_MPTCP
									     : AJAR_PROTO_TCP);
}

SEC("iter/udp")
int sweep_udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *up = ctx->udp_sk;
	__u8 proto;

	if (!up)
		return 0;
	proto = sweep_proto(&up->inet.sk);
	if (proto != AJAR_PROTO_UDP && proto != AJAR_PROTO_UDPLITE)
		return 0;
	return sweep_own(ctx->meta->seq, &up->inet.sk, proto);
}
