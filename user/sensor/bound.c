/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP sockets that have a port, and neither listen nor are connected: no doors, and on record all
 * the same, as whoever binds may listen at any time. A sweep finds them and tells of each once. One
 * that is closed, connected or listening by then is nobody's news.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "sensor/internal.h"

/* Beyond it one is not told: a user can have as many as descriptors. */
#define BOUND_MAX 65536

struct bound {
	struct ajar_open seen; /* the opener is the oldest holder */
	uint64_t sweep; /* number of the last one that saw it */
	bool told;
};

static struct bound *bound_get(struct sensor *s, uint64_t cookie)
{
	struct bound *b = map_get(s->bound, &cookie, sizeof(cookie));

	if (b || map_size(s->bound) >= BOUND_MAX)
		return b;
	b = calloc(1, sizeof(*b));
	if (b && map_put(s->bound, &cookie, sizeof(cookie), b)) {
		free(b);
		return NULL;
	}
	return b;
}

void bound_seen(struct sensor *s, const struct ajar_open *seen)
{
	struct bound *b = bound_get(s, seen->door.cookie);

	if (!b)
		return;
	if (b->sweep != s->sweep || seen->opener.owner.start_ns < b->seen.opener.owner.start_ns)
		b->seen = *seen;
	b->sweep = s->sweep;
}

struct bound_telling {
	struct delivery *d;
	int origin;
};

static bool tell_one(const void *key, size_t len, void *value, void *arg)
{
	struct bound_telling *t = arg;
	struct sensor *s = t->d->s;
	struct bound *b = value;
	struct known_door k = { .door = b->seen.door, .opener = b->seen.opener };
	uint64_t cookie;

	(void)len;
	memcpy(&cookie, key, sizeof(cookie));
	/* What the ring told of it meanwhile is newer. */
	if (b->sweep != s->sweep || door_get(s, cookie) ||
	    map_get(s->closed, &cookie, sizeof(cookie)))
		return true;
	if (b->told || t->d->ended || canary_is(s, cookie))
		return false;
	k.owner = owner_cache_get(&s->owners, &k.opener.owner);
	deliver_open(t->d, &k, EVENT_BIND, t->origin, clock_boot_ns());
	b->told = true;
	return false;
}

void bound_tell(struct delivery *d, int origin)
{
	struct bound_telling t = { .d = d, .origin = origin };

	map_each(d->s->bound, tell_one, &t);
}
