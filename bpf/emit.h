/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BPF_EMIT_H
#define AJAR_BPF_EMIT_H

/* What the programs tell of doors and processes: the records, and who did it before them. */
#include "ring.h"
#include "sock.h"
#include "task.h"

/*
 * The record in a slot, its number excepted: owner.bpf.c. Returns its length in bytes; it begins at
 * s->begin.
 */
int owner_build(__u32 at);

static __always_inline void *owner_fill(struct slot *s, __u64 task,
					const struct ajar_owner_key *key, __u32 *ret_len)
{
	s->task = task;
	s->head.key = *key;
	*ret_len = owner_build(s->at) & (PATH_END - 1);
	return &s->bytes[s->begin & (PATH_END - 1)];
}

/*
 * Makes sure that the ring holds the owner record of the current task's program, unread: a record
 * that was given back was known to a reader that may be gone since, so it is sent again. In a burst
 * that is once for each drain of the reader, not once for each door.
 */
static __always_inline void emit_owner(__u64 task, const struct ajar_owner_key *key, __u64 now)
{
	__u64 *sent = bpf_map_lookup_elem(&ajar_owners, key);

	if (sent && *sent >= bpf_ringbuf_query(&ajar_ring, BPF_RB_CONS_POS))
		return;
	struct slot *s = slot_claim();
	if (!s) {
		struct ajar_control *ctl = emit_control();

		if (ctl)
			atomic_count(&ctl->owners_busy);
		return;
	}
	__u32 cpu;
	struct ajar_cpu *c = emit_cpu(&cpu);
	if (c) {
		__u64 seq = atomic_next(&c->produced);
		__u64 at = bpf_ringbuf_query(&ajar_ring, BPF_RB_PROD_POS);
		__u32 len;
		void *record;

		emit_header(&s->head.h, AJAR_RECORD_OWNER, 0, now, cpu, seq);
		record = owner_fill(s, task, key, &len);
		if (bpf_ringbuf_output(&ajar_ring, record, len, BPF_RB_NO_WAKEUP))
			atomic_count(&c->dropped);
		else
			bpf_map_update_elem(&ajar_owners, key, &at, BPF_ANY);
	}
	slot_release(s);
}

/* That a process holds a door; a lookup when that is known. */
static __always_inline void holder_note(const struct ajar_owner_key *key)
{
	struct ajar_holder *h = bpf_map_lookup_elem(&ajar_holders, &key->tgid), fresh = {};

	if (h && h->exec_id == key->exec_id) {
		h->flags |= AJAR_HOLDER_SEEN;
		return;
	}
	fresh.exec_id = key->exec_id;
	fresh.flags = AJAR_HOLDER_SEEN;
	bpf_map_update_elem(&ajar_holders, &key->tgid, &fresh, BPF_ANY);
}

/* That it is time to look who holds what. */
static __always_inline void task_emit(const struct ajar_owner_key *key, __u32 what)
{
	struct ajar_task *e = emit_reserve(AJAR_RECORD_TASK, sizeof(*e), bpf_ktime_get_boot_ns());

	if (!e)
		return;
	e->key = *key;
	e->what = what;
	e->pad = 0;
	emit_submit(e);
}

/* The door's state, for its end. */
static __always_inline void door_keep(const struct ajar_door_state *st)
{
	struct ajar_control *ctl;

	if (!bpf_map_update_elem(&ajar_doors, &st->door.cookie, st, BPF_ANY))
		return;
	ctl = emit_control();
	if (ctl)
		atomic_count(&ctl->doors_full);
}

/* The record of an opening, when it is watched; the door's state is kept for its end. */
static __always_inline void emit_open(const struct ajar_door *door)
{
	if (!door_is_watched(door))
		return;
	__u64 now = bpf_ktime_get_boot_ns();
	struct ajar_door_state st;

	st.door = *door;
	st.opened_ns = now;
	__u64 task = task_current(&st.opener);
	if (!(st.opener.flags & AJAR_ACTOR_KTHREAD))
		emit_owner(task, &st.opener.owner, now);
	if (!(st.opener.flags & AJAR_ACTOR_KTHREAD || st.door.flags & AJAR_DOOR_KERNEL))
		holder_note(&st.opener.owner);
	st.at = bpf_ringbuf_query(&ajar_ring, BPF_RB_PROD_POS);
	struct ajar_open *e = emit_reserve(AJAR_RECORD_OPEN, sizeof(*e), now);
	if (!e) {
		st.at = 0;
		door_keep(&st);
		return;
	}
	e->door = st.door;
	e->opener = st.opener;
	door_keep(&st);
	emit_submit(e);
}

/*
 * The end of a door whose opening nobody has read yet, or has not stored: whoever reads this has
 * read that. False: it has no such record.
 */
static __always_inline bool emit_end(const struct ajar_door_state *st, __u64 now)
{
	struct ajar_end *e;

	if (!st->at || st->at < bpf_ringbuf_query(&ajar_ring, BPF_RB_CONS_POS))
		return false;
	e = emit_reserve(AJAR_RECORD_END, sizeof(*e), now);
	if (e) {
		e->cookie = st->door.cookie;
		task_current(&e->closer);
		emit_submit(e);
	}
	return true;
}

/* The end of a door by all that is known of it. */
static __always_inline void emit_whole_close(const struct ajar_door_state *st,
					     const struct ajar_door *door, __u64 now)
{
	struct ajar_close *e = emit_reserve(AJAR_RECORD_CLOSE, sizeof(*e), now);

	if (!e)
		return;
	if (st) {
		e->door = st->door;
		e->opened_ns = st->opened_ns;
		e->opener = st->opener;
	} else {
		e->door = *door;
		e->opened_ns = 0;
		__builtin_memset(&e->opener, 0, sizeof(e->opener));
		e->opener.flags = AJAR_ACTOR_NONE;
	}
	task_current(&e->closer);
	emit_submit(e);
}

/* The end of a door: of a known one by its state, of another (st NULL) by what the caller read. */
static __always_inline void emit_close(struct ajar_door_state *st, const struct ajar_door *door)
{
	__u64 now = bpf_ktime_get_boot_ns(), cookie = st ? st->door.cookie : door->cookie;

	if (!st || !emit_end(st, now))
		emit_whole_close(st, door, now);
	if (st)
		bpf_map_delete_elem(&ajar_doors, &cookie);
}

#endif
