/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BPF_SOCK_H
#define AJAR_BPF_SOCK_H

/*
 * What is read of sockets. Two ways to the same door: from a typed pointer (sockops, iterators),
 * where members are plain loads, and from the context of cgroup/sock programs, which is the struct
 * sock itself but typed as bpf_sock, so the rest of it is read with a helper.
 */
#include "maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17
#define AF_VSOCK 40
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_SCTP 132
#define IPPROTO_UDPLITE 136
#define IPPROTO_MPTCP 262
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define TCP_ESTABLISHED 1
#define TCP_CLOSE 7
#define SOCK_BINDPORT_LOCK 8

/*
 * A member of a socket. In the plain objects a pointer may be just a number, since iter/task_file
 * comes to sockets by file.private_data.
 */
#ifdef AJAR_PLAIN
#define SOCK_GET(p, member) BPF_CORE_READ(p, member)
#define SOCK_GET_BITS(p, member) BPF_CORE_READ_BITFIELD_PROBED(p, member)
#else
#define SOCK_GET(p, member) ((p)->member)
#define SOCK_GET_BITS(p, member) BPF_CORE_READ_BITFIELD(p, member)
#endif

/* Before 5.12 (3d368ab87cf6) it was an atomic64_t that is set when somebody asks for it. */
struct net___old {
	struct {
		__s64 counter;
	} net_cookie;
} __attribute__((preserve_access_index));

static __always_inline __u64 net_cookie_of(struct net *net)
{
	struct net___old *old = (void *)net;

	if (bpf_core_field_exists(old->net_cookie.counter))
		return BPF_CORE_READ(old, net_cookie.counter);
	return SOCK_GET(net, net_cookie);
}

/*
 * Tracing programs may ask for one since 5.12 (c5dbb89fc2ac). It is 0 until somebody asked: user
 * space has sock_diag give one to all before a sweep, and the cgroup hooks do as they go.
 */
static __always_inline __u64 sock_cookie_of(struct sock *sk)
{
#ifdef AJAR_PLAIN
	return BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
#else
	return bpf_get_socket_cookie(sk);
#endif
}

/* Is the door in what this sensor watches? */
static __always_inline bool door_is_watched(const struct ajar_door *d)
{
	return !cfg_netns_cookie || d->netns_cookie == cfg_netns_cookie;
}

static __always_inline void door_addr(struct ajar_door *d, __u16 family, __u32 v4,
				      const struct in6_addr *v6)
{
	__u32 *a = (__u32 *)d->addr;

	if (family == AF_INET6) {
		a[0] = SOCK_GET(v6, in6_u.u6_addr32[0]);
		a[1] = SOCK_GET(v6, in6_u.u6_addr32[1]);
		a[2] = SOCK_GET(v6, in6_u.u6_addr32[2]);
		a[3] = SOCK_GET(v6, in6_u.u6_addr32[3]);
	} else {
		a[0] = v4;
	}
}

#define IFF_LOOPBACK 8
#define DEVICE_SLOTS 256 /* NETDEV_HASHENTRIES */

/* The struct net_device of that number in a list, 0 for none: device.bpf.c. */
__u64 device_find(__u64 node, __u32 ifindex);

/*
 * The device that a socket is bound to: its name is known here alone, in the namespace where the
 * number means it.
 */
static __always_inline void door_device(struct ajar_door *d, struct net *net, __u32 ifindex)
{
	struct hlist_node *node = NULL;
	struct hlist_head *heads;
	struct net_device *dev;

	d->ifindex = ifindex;
	if (!ifindex)
		return;
	heads = BPF_CORE_READ(net, dev_index_head);
	bpf_probe_read_kernel(&node, sizeof(node), &heads[ifindex & (DEVICE_SLOTS - 1)]);
	dev = (void *)device_find((__u64)node, ifindex);
	if (!dev)
		return;
	BPF_CORE_READ_INTO(&d->device, dev, name);
	d->device[sizeof(d->device) - 1] = 0;
	if (BPF_CORE_READ(dev, flags) & IFF_LOOPBACK)
		d->device_flags |= AJAR_DEVICE_LOOPBACK;
}

static __always_inline __u64 socket_inode(struct socket *s)
{
	struct socket_alloc *alloc;

	if (!s)
		return 0;
	alloc = (void *)s - bpf_core_field_offset(struct socket_alloc, socket);
	return BPF_CORE_READ(alloc, vfs_inode.i_ino);
}

/* A range that the program set (IP_LOCAL_PORT_RANGE): it chose, were it by one port in it. */
static __always_inline bool sock_sets_range(struct sock *sk)
{
	struct inet_sock *inet = (void *)sk;

	return bpf_core_field_exists(inet->local_port_range) &&
	       BPF_CORE_READ(inet, local_port_range);
}

/* Is it a member of a multicast group? */
static __always_inline bool sock_is_member(struct sock *sk)
{
	struct inet_sock *inet = (void *)sk;
	struct ipv6_pinfo *v6;

	if (BPF_CORE_READ(inet, mc_list))
		return true;
	if (!bpf_core_field_exists(inet->pinet6) || !bpf_core_type_exists(struct ipv6_pinfo))
		return false;
	v6 = BPF_CORE_READ(inet, pinet6);
	return v6 && BPF_CORE_READ(v6, ipv6_mc_list);
}

/*
 * What a UDP socket is, beside its address: connected, a member. By probe reads: sk may be just a
 * number.
 */
static __always_inline void door_state_of_udp(struct sock *sk, struct ajar_door *d)
{
	d->flags &= ~AJAR_DOOR_CONNECTED;
	d->marks &= ~AJAR_MARK_MULTICAST;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_ESTABLISHED)
		d->flags |= AJAR_DOOR_CONNECTED;
	if (sock_is_member(sk))
		d->marks |= AJAR_MARK_MULTICAST;
}

static __always_inline struct settling *settling_slot(__u64 cookie)
{
	__u32 key = cookie % SETTLING_MAX;

	return bpf_map_lookup_elem(&ajar_settling, &key);
}

/* The cookie is last: a look in between takes the slot for empty. */
static __always_inline void settling_begin(struct sock *sk, __u64 cookie, __u64 now)
{
	struct settling *s = settling_slot(cookie);

	if (!s)
		return;
	*(volatile __u64 *)&s->cookie = 0;
	s->since_ns = now;
	s->sock = (__u64)sk;
	*(volatile __u64 *)&s->cookie = cookie;
}

static __always_inline void settling_end(__u64 cookie)
{
	struct settling *s = settling_slot(cookie);

	if (s && s->cookie == cookie)
		*(volatile __u64 *)&s->cookie = 0;
}

static __always_inline void unhooked_begin(struct sock *sk, __u64 cookie)
{
	__u64 at = (__u64)sk;

	bpf_map_update_elem(&ajar_unhooked, &cookie, &at, BPF_ANY);
}

/*
 * The kernel's own: VXLAN, WireGuard, nfsd ... Whatever asked for the tunnel or the service runs,
 * it has no descriptor of it. An MPTCP subflow is made the same way for a socket of a process.
 */
static __always_inline bool sock_is_kernels(struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock);
}

/* Everything but the cookie, from a typed sock. d is zeroed. */
static __always_inline void door_of_sock(struct sock *sk, struct ajar_door *d)
{
	struct sock_common *c = &sk->__sk_common;
	struct net *net = SOCK_GET(c, skc_net.net);

	d->netns_cookie = net_cookie_of(net);
	d->netns = SOCK_GET(net, ns.inum);
	d->inode = socket_inode(SOCK_GET(sk, sk_socket));
	d->family = SOCK_GET(c, skc_family);
	d->port = SOCK_GET(c, skc_num);
	door_addr(d, d->family, SOCK_GET(c, skc_rcv_saddr), &c->skc_v6_rcv_saddr);
	door_device(d, net, SOCK_GET(c, skc_bound_dev_if));
	if (d->family == AF_INET6 && SOCK_GET_BITS(c, skc_ipv6only))
		d->flags |= AJAR_DOOR_V6ONLY;
	if (!(SOCK_GET_BITS(sk, sk_userlocks) & SOCK_BINDPORT_LOCK) && !sock_sets_range(sk))
		d->flags |= AJAR_DOOR_AUTOPORT;
}

/*
 * Has it ever listened? A TCP socket is in LISTEN before its port is known to be free; only one
 * that got it is hashed as a listener, which sets this flag for good.
 */
static __always_inline bool sock_has_listened(struct sock *sk)
{
	return SOCK_GET(sk, __sk_common.skc_flags) >>
		       bpf_core_enum_value(enum sock_flags, SOCK_RCU_FREE) &
	       1;
}

/* The same for a listening TCP socket or MPTCP subflow. */
static __always_inline void door_of_tcp(struct tcp_sock *tp, struct ajar_door *d)
{
	door_of_sock(&tp->inet_conn.icsk_inet.sk, d);
	d->proto = bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp ? AJAR_PROTO_MPTCP
								       : AJAR_PROTO_TCP;
	if (d->proto == AJAR_PROTO_TCP && sock_is_kernels(&tp->inet_conn.icsk_inet.sk))
		d->flags |= AJAR_DOOR_KERNEL;
}

static __always_inline __u64 port0_slot(__u64 cookie, __u64 **ret_slot)
{
	__u32 key = cookie % PORT0_MAX;

	*ret_slot = bpf_map_lookup_elem(&ajar_port0, &key);
	return cookie;
}

#endif
