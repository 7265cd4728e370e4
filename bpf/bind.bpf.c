/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bound sockets: a UDP socket that is bound is a door. post_bind comes after success, with the real
 * port; bind4/6 is there only to know that port 0 was asked for. A TCP socket tells when it listens,
 * and a sweep finds one that never does.
 */
#include "sock.h"
#include "emit.h"

static __always_inline int bind_asked(struct bpf_sock_addr *ctx)
{
	__u64 *slot, cookie;

	if (ctx->protocol == IPPROTO_TCP)
		return 1;
	cookie = port0_slot(bpf_get_socket_cookie(ctx), &slot);
	if (!slot)
		return 1;
	/* An earlier bind of it, for port 0, may have failed. */
	if (!ctx->user_port)
		*slot = cookie;
	else if (*slot == cookie)
		*slot = 0;
	return 1;
}

static __always_inline void bind_read(struct bpf_sock *ctx, struct ajar_door *d)
{
	/* The context is the kernel's struct sock; see sock.h. */
	struct sock *sk = (void *)ctx;
	struct net *net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
	__u64 *slot, cookie;

	d->cookie = bpf_get_socket_cookie(ctx);
	d->netns_cookie = bpf_get_netns_cookie(ctx);
	d->netns = BPF_CORE_READ(net, ns.inum);
	d->inode = socket_inode(BPF_CORE_READ(sk, sk_socket));
	d->port = ctx->src_port;
	door_device(d, net, BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if));
	cookie = port0_slot(d->cookie, &slot);
	if (slot && *slot == cookie && !sock_sets_range(sk))
		d->flags |= AJAR_DOOR_AUTOPORT;
}

/*
 * Has another program of the cgroup said no before us? Who says so after us is found out when the
 * socket has settled.
 */
static __always_inline bool bind_is_denied(void)
{
	/* The helper is in programs of this kind since 6.0; the one that tells came in 6.1. */
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_tai_ns) &&
	       bpf_get_retval() < 0;
}

static __always_inline int bind_done(struct bpf_sock *ctx, struct ajar_door *d)
{
	switch (ctx->protocol) {
	case IPPROTO_TCP:
		/* For the sweep, which may not give it one everywhere (sock.h). */
		(void)bpf_get_socket_cookie(ctx);
		return 1;
	case IPPROTO_UDP:
		d->proto = AJAR_PROTO_UDP;
		break;
	case IPPROTO_UDPLITE:
		d->proto = AJAR_PROTO_UDPLITE;
		break;
	default:
		return 1;
	}
	if (bind_is_denied())
		return 1;
	bind_read(ctx, d);
	d->marks |= AJAR_MARK_BOUND;
	if (door_is_watched(d))
		settling_begin((void *)ctx, d->cookie, bpf_ktime_get_boot_ns());
	if (sock_is_kernels((void *)ctx)) {
		d->flags |= AJAR_DOOR_KERNEL;
		if (door_is_watched(d))
			unhooked_begin((void *)ctx, d->cookie);
	}
	emit_open(d);
	return 1;
}

SEC("cgroup/bind4")
int bind_bind4(struct bpf_sock_addr *ctx)
{
	return bind_asked(ctx);
}

SEC("cgroup/bind6")
int bind_bind6(struct bpf_sock_addr *ctx)
{
	return bind_asked(ctx);
}

SEC("cgroup/post_bind4")
int bind_post_bind4(struct bpf_sock *ctx)
{
	struct ajar_door d = { .family = AF_INET };

	*(__u32 *)d.addr = ctx->src_ip4;
	return bind_done(ctx, &d);
}

SEC("cgroup/post_bind6")
int bind_post_bind6(struct bpf_sock *ctx)
{
	struct ajar_door d = { .family = AF_INET6 };
	struct sock *sk = (void *)ctx;
	__u32 *addr = (__u32 *)d.addr;

	addr[0] = ctx->src_ip6[0];
	addr[1] = ctx->src_ip6[1];
	addr[2] = ctx->src_ip6[2];
	addr[3] = ctx->src_ip6[3];
	if (BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only))
		d.flags |= AJAR_DOOR_V6ONLY;
	return bind_done(ctx, &d);
}
