/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets are bound by servers and by clients alike: a resolver binds a port of its own for
 * each query. What a socket is shows a moment after the bind: closed or connected to one peer, it
 * is a client's; else others can reach it. So each is recorded at once and judged by what the look
 * at it finds (bpf/settle.bpf.c). Later changes are found by sweeps.
 */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "sensor/internal.h"

/* Looks are bundled, so that a socket waits for its own up to this much longer. */
#define SETTLE_EVERY_NS UINT64_C(250000000)
/*
 * So many looks that settled none; what is left then is for sweeps, which are not made more often
 * than this.
 */
#define IDLE_MAX 8
#define SWEEP_EVERY_NS UINT64_C(10000000000)
#define SWEEPS_MAX 3
/*
 * A socket that got its port by sending is a client's at first. The kernel keeps no mark of whether
 * it goes on to send: one that is there this much later, and not connected, is told of as lasting.
 * Less than the time between two sweeps.
 */
#define LASTING_NS UINT64_C(45000000000)

bool settle_is_udp(const struct ajar_door *d)
{
	return d->proto == AJAR_PROTO_UDP || d->proto == AJAR_PROTO_UDPLITE;
}

void settle_begin(struct sensor *s, struct known_door *k, uint64_t from_ns)
{
	uint64_t now = clock_boot_ns();

	k->settle_from_ns = from_ns;
	if (k->settling)
		return;
	k->settling = true;
	s->settling++;
	s->settle_idle = 0;
	if (!s->settle_at_ns || s->settle_at_ns > now + AJAR_SETTLE_NS)
		s->settle_at_ns = now + AJAR_SETTLE_NS;
}

void settle_end(struct sensor *s, struct known_door *k)
{
	if (!k->settling)
		return;
	k->settling = false;
	s->settling--;
}

bool settle_take(struct known_door *k, const struct ajar_door *seen)
{
	uint8_t flags = (uint8_t)((k->door.flags & ~AJAR_DOOR_CONNECTED) |
				  (seen->flags & AJAR_DOOR_CONNECTED));
	uint32_t marks = (k->door.marks & ~(uint32_t)AJAR_MARK_MULTICAST) |
			 (seen->marks & AJAR_MARK_MULTICAST);
	bool changed = flags != k->door.flags || marks != k->door.marks;

	k->door.flags = flags;
	k->door.marks = marks;
	return changed;
}

static bool begins_to_last(const struct known_door *k, uint64_t now)
{
	uint8_t flags = k->door.flags;

	return !k->lasting && flags & AJAR_DOOR_AUTOPORT && !(flags & AJAR_DOOR_CONNECTED) &&
	       !(k->door.marks & AJAR_MARK_BOUND) && now - k->settle_from_ns >= LASTING_NS;
}

void settle_seen(struct delivery *d, struct known_door *k, const struct ajar_open *seen)
{
	uint64_t now = seen->h.ktime_ns;
	bool news;

	if (!settle_is_udp(&k->door) || now < k->settle_from_ns ||
	    (k->settling && now - k->settle_from_ns < AJAR_SETTLE_NS))
		return;
	news = settle_take(k, &seen->door) || k->settling;
	settle_end(d->s, k);
	if (begins_to_last(k, now))
		news = k->lasting = true;
	if (news)
		deliver_open(d, k, EVENT_SETTLE, ORIGIN_SWEEP, now);
}

/* --- the look ------------------------------------------------------------------------------------- */

/* Reading it is what makes the kernel write the records. */
static int look(const struct sensor *s)
{
	char byte;
	_close_ int fd = pins_iterate(&s->pins, &s->h, HOOK_SETTLE);

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n = read(fd, &byte, sizeof(byte));

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n == 0)
			return 0;
	}
}

/* What looks do not find, for want of a slot or of the hook, a sweep does; seldom. */
static int sweep_instead(struct sensor *s, uint64_t now, sweep_fn sweep, sensor_fn fn, void *arg)
{
	if (s->settle_swept_ns && now - s->settle_swept_ns < SWEEP_EVERY_NS)
		return 0;
	s->settle_swept_ns = now;
	return sweep(s, ORIGIN_SWEEP, fn, arg);
}

int settle_due(struct sensor *s, sweep_fn sweep, sensor_fn fn, void *arg, uint64_t *ret_wait_ns)
{
	uint64_t now = clock_boot_ns();
	int n = 0;

	if (!s->settling)
		s->settle_at_ns = 0;
	if (!s->settle_at_ns)
		return 0;
	if (now < s->settle_at_ns) {
		*ret_wait_ns = s->settle_at_ns - now;
		return 0;
	}
	if (s->h.links[HOOK_SETTLE] >= 0 && s->settle_idle < IDLE_MAX) {
		n = look(s);
		s->settle_at_ns = now + SETTLE_EVERY_NS;
	} else {
		n = sweep_instead(s, now, sweep, fn, arg);
		s->settle_at_ns = s->settle_idle < IDLE_MAX + SWEEPS_MAX ? now + SWEEP_EVERY_NS : 0;
	}
	s->settle_idle++;
	if (s->settle_at_ns)
		*ret_wait_ns = s->settle_at_ns - now;
	return n;
}
