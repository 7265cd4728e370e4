/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "base/map.h"
#include "sensor/internal.h"

/* What the ring has: each record changes the table of doors, and what is news of that is told. */

/* --- losses --- */

/* Tells of at most `most` records that the kernel dropped on a CPU and nobody was told of. */
static void tell_lost(struct delivery *d, unsigned cpu, uint64_t most)
{
	struct sensor *s = d->s;
	uint64_t dropped = __atomic_load_n(&s->cpus[cpu].dropped, __ATOMIC_ACQUIRE);
	uint64_t unreported = dropped - s->told[cpu].reported;

	if (unreported > most)
		unreported = most;
	if (!unreported)
		return;
	s->told[cpu].reported += unreported;
	deliver_lost(d, cpu, unreported);
}

int record_losses(struct delivery *d)
{
	for (unsigned i = 0; !d->ended && i < d->s->cpus_len; i++)
		tell_lost(d, i, UINT64_MAX);
	return 0;
}

/*
 * A hole in a CPU's numbers is a loss at this place in the stream, when the kernel's counter
 * confirms it: a program that was preempted between taking its number and its room comes late, not
 * never.
 */
static void check_sequence(struct delivery *d, const struct ajar_header *h)
{
	struct ajar_cpu *told = &d->s->told[h->cpu];

	if (h->cpu_seq > told->seen)
		tell_lost(d, h->cpu, h->cpu_seq - told->seen);
	if (h->cpu_seq >= told->seen)
		told->seen = h->cpu_seq + 1;
}

/* A sweep that found a door between its listen() and its record has told it already. */
#define SWEPT_JUST_NOW_NS 10000000000ULL

static bool reported_by_sweep(const struct known_door *k, const struct ajar_open *r)
{
	uint64_t apart = k->reported_ns > r->h.ktime_ns ? k->reported_ns - r->h.ktime_ns
							: r->h.ktime_ns - k->reported_ns;

	return k->reported_ns && k->door.port == r->door.port && apart < SWEPT_JUST_NOW_NS;
}

static int record_open(struct delivery *d, const struct ajar_open *r)
{
	struct sensor *s = d->s;
	struct known_door *k = door_get(s, r->door.cookie);
	bool told = k && reported_by_sweep(k, r);
	int err;

	if (!k && !quota_admits(s, &r->door, &r->opener))
		return 0;
	err = door_put(s, &r->door, r->h.ktime_ns, &r->opener, &k);
	if (err)
		return err;
	if (r->door.flags & AJAR_DOOR_UNSURE)
		s->unsure = true;
	else if (settle_is_udp(&k->door))
		settle_begin(s, k, r->h.ktime_ns);
	if (!(r->door.flags & AJAR_DOOR_UNSURE) && !told)
		deliver_open(d, k, EVENT_OPEN, ORIGIN_EVENT, r->h.ktime_ns);
	return 0;
}

/* The end of what no sweep has confirmed; false: there never was a door. */
static bool confirm_by_end(struct delivery *d, struct known_door *k, const struct ajar_close *r)
{
	if (r->door.flags & AJAR_DOOR_UNSURE)
		return false;
	k->door = r->door;
	deliver_open(d, k, EVENT_OPEN, ORIGIN_EVENT, k->opened_ns);
	return true;
}

/* What the sweep under way has found of it is no more. */
static int note_closed(struct sensor *s, uint64_t cookie)
{
	return s->closed ? map_put(s->closed, &cookie, sizeof(cookie), s) : 0;
}

static int record_close(struct delivery *d, const struct ajar_close *r)
{
	struct sensor *s = d->s;
	uint64_t cookie = r->door.cookie;
	struct known_door *k = door_get(s, cookie), plain;
	int err = note_closed(s, cookie);

	if (err)
		return err;
	if (k && k->door.flags & AJAR_DOOR_UNSURE && !confirm_by_end(d, k, r)) {
		door_del(s, cookie);
		return 0;
	}
	if (!k && (r->door.flags & AJAR_DOOR_UNSURE || quota_left_out(s, &r->opener)))
		return 0;
	if (!k) {
		plain = (struct known_door){ .door = r->door,
					     .opened_ns = r->opened_ns,
					     .opener = r->opener };
		if (!(r->opener.flags & AJAR_ACTOR_NONE))
			plain.owner = owner_cache_get(&s->owners, &r->opener.owner);
		k = &plain;
	}
	deliver_close(d, k, ORIGIN_EVENT, r->h.ktime_ns, &r->closer);
	door_del(s, cookie);
	return 0;
}

/* Of a door that is not known its opening was not delivered either: one beyond its user's quota. */
static int record_end(struct delivery *d, const struct ajar_end *r)
{
	struct sensor *s = d->s;
	struct known_door *k = door_get(s, r->cookie);
	int err = note_closed(s, r->cookie);

	if (err || !k)
		return err;
	deliver_close(d, k, ORIGIN_EVENT, r->h.ktime_ns, &r->closer);
	door_del(s, r->cookie);
	return 0;
}

static int record_settle(struct delivery *d, const struct ajar_open *r)
{
	struct sensor *s = d->s;
	struct known_door *k = door_get(s, r->door.cookie);
	struct ajar_open seen = *r;
	int err = 0;

	/* The record of its opening was lost. */
	if (!k && r->door.port)
		err = sweep_tell_missed(d, &seen, NULL, ORIGIN_SWEEP, &k);
	if (err || !k)
		return err;
	s->settle_idle = 0;
	/*
	 * Its bind was refused by another program of the cgroup after ours had seen it, or has been
	 * undone.
	 */
	if (!r->door.port) {
		deliver_close(d, k, ORIGIN_SWEEP, r->h.ktime_ns, NULL);
		door_del(s, r->door.cookie);
		return 0;
	}
	(void)settle_take(k, &r->door);
	settle_end(s, k);
	k->door.marks |= AJAR_MARK_SETTLED;
	deliver_open(d, k, EVENT_SETTLE, ORIGIN_EVENT, r->h.ktime_ns);
	return 0;
}

int record_take(struct delivery *d, const void *rec, uint32_t len)
{
	const struct ajar_header *h = rec;
	struct sensor *s = d->s;
	uint64_t cookie;

	if (len < sizeof(*h) || h->abi != AJAR_ABI || h->size > len || h->cpu >= s->cpus_len)
		return -EBADMSG;
	check_sequence(d, h);
	s->received++;
	if (h->type == AJAR_RECORD_OWNER) {
		s->owners_received++;
		return owner_cache_add(&s->owners, rec, h->size);
	}
	if (h->type == AJAR_RECORD_TASK)
		return h->size < sizeof(struct ajar_task) ? -EBADMSG : look_task(s, rec);
	if (h->type == AJAR_RECORD_STATE)
		return h->size < sizeof(struct ajar_state)
			       ? -EBADMSG
			       : listens_take(d, rec, sweep_tell_missed);
	if (h->type == AJAR_RECORD_END)
		return h->size < sizeof(struct ajar_end) ? -EBADMSG : record_end(d, rec);
	if (h->size < sizeof(struct ajar_open))
		return -EBADMSG;
	/* The others begin with header and door. */
	cookie = ((const struct ajar_open *)rec)->door.cookie;
	if (canary_is(s, cookie))
		return 0;
	switch (h->type) {
	case AJAR_RECORD_OPEN:
		return record_open(d, rec);
	case AJAR_RECORD_SETTLE:
		return record_settle(d, rec);
	case AJAR_RECORD_CLOSE:
		return h->size < sizeof(struct ajar_close) ? -EBADMSG : record_close(d, rec);
	}
	return -EBADMSG;
}
