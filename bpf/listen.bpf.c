/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP doors. LISTEN_CB comes only after listen() succeeded and has the real port; STATE_CB,
 * switched on for that socket alone, tells when it stops listening: at close, shutdown or
 * disconnect. A second listen() changes the backlog and calls neither. sockops runs for every
 * connection of the host: the first switch sends all else away.
 */
#include "sock.h"
#include "emit.h"

static __always_inline int listen_opened(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct ajar_door d = {};

	if (!sk)
		return 1;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 1;
	door_of_tcp(tp, &d);
	if (!door_is_watched(&d))
		return 1;
	d.cookie = bpf_get_socket_cookie(ctx);
	if (!bpf_sock_ops_cb_flags_set(ctx,
				       ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG))
		d.flags |= AJAR_DOOR_HOOKED;
	emit_open(&d);
	return 1;
}

static __always_inline int listen_closed(struct bpf_sock_ops *ctx)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct ajar_door_state *st = bpf_map_lookup_elem(&ajar_doors, &cookie);
	struct ajar_door d = {};

	if (!st) {
		/*
		 * It found no room in the map: what the socket itself still says. Else it is not
		 * ours: another sensor has switched the callback on, and sock_release has told.
		 */
		struct ajar_control *ctl = emit_control();
		if (!ctl || !ctl->doors_full)
			return 1;
		struct bpf_sock *sk = ctx->sk;
		struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;

		if (!tp)
			return 1;
		door_of_tcp(tp, &d);
		if (!door_is_watched(&d))
			return 1;
		d.cookie = cookie;
		/* An autobound port is given back before; its copy in network order stays. */
		if (!d.port)
			d.port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
	}
	emit_close(st, &d);
	return 1;
}

SEC("sockops")
int listen_sockops(struct bpf_sock_ops *ctx)
{
	switch (ctx->op) {
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		return listen_opened(ctx);
	case BPF_SOCK_OPS_STATE_CB:
		if (ctx->args[0] == BPF_TCP_LISTEN)
			return listen_closed(ctx);
	}
	return 1;
}

char _license[] SEC("license") = "GPL";
