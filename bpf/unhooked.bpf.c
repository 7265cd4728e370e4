/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The end of doors that no hook tells of: listeners from before the sensor that were shut down
 * before they were closed, first subflows of MPTCP, sockets of the kernel's own. In other network
 * namespaces no sweep sees them either, nor that their namespace is gone. So the socket itself is
 * looked at, as bpf/settle.bpf.c does: what has another cookie there, or none, is another socket.
 */
#include "sock.h"
#include "emit.h"

static __always_inline bool unhooked_lives(struct sock *sk, const struct ajar_door *d)
{
	if ((__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) != d->cookie)
		return false;
	if (d->proto == AJAR_PROTO_TCP || d->proto == AJAR_PROTO_MPTCP)
		return BPF_CORE_READ(sk, __sk_common.skc_state) == BPF_TCP_LISTEN;
	return BPF_CORE_READ(sk, __sk_common.skc_num);
}

/* Output: a struct ajar_close for each that is no more; user space takes it out of ajar_doors. */
SEC("iter/bpf_map_elem")
int unhooked_look(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *key = ctx->key, *sock = ctx->value, cookie;
	struct ajar_close rec = {};
	struct ajar_door_state *st;

	if (!key || !sock)
		return 0;
	cookie = *key;
	st = bpf_map_lookup_elem(&ajar_doors, &cookie);
	/* Its end was reported, or will be: it has listened again. */
	if (!st || st->door.flags & AJAR_DOOR_HOOKED) {
		bpf_map_delete_elem(&ajar_unhooked, &cookie);
		return 0;
	}
	if (unhooked_lives((void *)*sock, &st->door))
		return 0;
	emit_header(&rec.h, AJAR_RECORD_CLOSE, sizeof(rec), bpf_ktime_get_boot_ns(), 0, 0);
	rec.door = st->door;
	rec.opened_ns = st->opened_ns;
	rec.opener = st->opener;
	rec.closer.flags = AJAR_ACTOR_NONE;
	return bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec)) ? 1 : 0;
}
