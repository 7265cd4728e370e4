/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP doors where there is no cgroup v2 to hook sockops to. The tracepoint fires before listen()
 * has its port: the record says that it is unsure, and user space confirms it with a sweep. The end
 * tells of itself whether there ever was a listener, so that one which is gone before anybody
 * looked is reported too.
 */
#include "sock.h"
#include "emit.h"

/* Nobody has asked for its cookie, and we may not (sock.h): a sweep names it, at once. */
static __always_inline int state_unnamed(const struct ajar_door *d)
{
	struct ajar_actor a;

	if (!door_is_watched(d))
		return 0;
	(void)task_current(&a);
	task_emit(&a.owner, AJAR_TASK_RECEIVED);
	return 0;
}

static __always_inline int state_opened(struct sock *sk, struct tcp_sock *tp)
{
	struct ajar_door d = {};

	door_of_tcp(tp, &d);
	d.cookie = sock_cookie_of(sk);
	if (!d.cookie)
		return state_unnamed(&d);
	d.flags |= AJAR_DOOR_HOOKED | AJAR_DOOR_UNSURE;
	emit_open(&d);
	return 0;
}

static __always_inline int state_closed(struct sock *sk, struct tcp_sock *tp)
{
	__u64 cookie = sock_cookie_of(sk);
	struct ajar_door_state *st = bpf_map_lookup_elem(&ajar_doors, &cookie);
	struct ajar_control *ctl = emit_control();
	struct ajar_door d = {};

	if (!st && (!ctl || !ctl->doors_full))
		return 0;
	if (!st) {
		door_of_tcp(tp, &d);
		if (!door_is_watched(&d))
			return 0;
		d.cookie = cookie;
	}
	struct ajar_door *told = st ? &st->door : &d;
	/* An autobound port is given back before; its copy in network order stays. */
	told->port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
	told->flags &= (__u8)~AJAR_DOOR_UNSURE;
	if (!sock_has_listened(sk))
		told->flags |= AJAR_DOOR_UNSURE;
	/* What its opening did not know belongs into the record. */
	if (st)
		st->at = 0;
	emit_close(st, &d);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int state_set(__u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	int before = (int)ctx[1], after = (int)ctx[2];

	/*
	 * It runs for every change of every connection. MPTCP's own socket changes too: its subflow
	 * tells.
	 */
	if ((before == BPF_TCP_LISTEN) == (after == BPF_TCP_LISTEN) ||
	    sk->sk_protocol != IPPROTO_TCP)
		return 0;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	return after == BPF_TCP_LISTEN ? state_opened(sk, tp) : state_closed(sk, tp);
}
