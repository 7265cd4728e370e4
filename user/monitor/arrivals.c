/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/arrivals.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/map.h"

/* Those who have had no arrival for AUDIT_CROWD_NS are forgotten at most so often. */
#define FORGET_EVERY_NS UINT64_C(60000000000)

struct arrival {
	uint64_t key; /* its hash */
	uint64_t at_ns;
};

/* Of one user of one node, or of one node; the oldest is replaced when there are `max`. */
struct ring {
	unsigned len, room, oldest;
	struct arrival *at;
};

struct arrivals {
	struct map *rings;
	uint64_t forget_ns;
};

static void ring_free(void *p)
{
	struct ring *r = p;

	free(r->at);
	free(r);
}

int arrivals_new(struct arrivals **ret_a)
{
	struct arrivals *a = calloc(1, sizeof(*a));
	int err = a ? map_new(ring_free, &a->rings) : -ENOMEM;

	if (err) {
		free(a);
		return err;
	}
	*ret_a = a;
	return 0;
}

void arrivals_free(struct arrivals *a)
{
	if (!a)
		return;
	map_free(a->rings);
	free(a);
}

/* A clock that was set back makes what is in the future old. */
static bool is_recent(const struct arrival *r, uint64_t now_ns)
{
	return r->at_ns <= now_ns && now_ns - r->at_ns < AUDIT_CROWD_NS;
}

static bool is_over(const void *key, size_t len, void *value, void *arg)
{
	const struct ring *r = value;
	const uint64_t *now = arg;

	(void)key;
	(void)len;
	for (unsigned i = 0; i < r->len; i++)
		if (is_recent(&r->at[i], *now))
			return false;
	return true;
}

/* Makes it unless `only` one that is there is wanted: *ret_r may then be NULL. */
static int ring_of(struct arrivals *a, const struct audit_crowd *c, enum crowd_of of, bool only,
		   struct ring **ret_r)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024);
	struct ring *r;
	int err;

	audit_crowd_key(c, of, &key);
	if (key.err)
		return key.err;
	r = map_get(a->rings, key.data, key.len);
	if (!r && !only) {
		r = calloc(1, sizeof(*r));
		err = r ? map_put(a->rings, key.data, key.len, r) : -ENOMEM;
		if (err) {
			free(r);
			return err;
		}
	}
	*ret_r = r;
	return 0;
}

static int make_room(struct ring *r, unsigned max)
{
	unsigned room = r->room ? 2 * r->room : 4;
	struct arrival *at;

	if (r->len < r->room || r->room == max)
		return 0;
	room = room < max ? room : max;
	at = realloc(r->at, room * sizeof(*at));
	if (!at)
		return -ENOMEM;
	r->at = at;
	r->room = room;
	return 0;
}

static bool is_full(const struct ring *r, unsigned max, uint64_t now_ns)
{
	return r->len == max && is_recent(&r->at[r->oldest], now_ns);
}

/* *ret_full: so many others have come lately. */
static int ring_add(struct ring *r, unsigned max, uint64_t key, uint64_t now_ns, bool *ret_full)
{
	int err;

	*ret_full = is_full(r, max, now_ns);
	for (unsigned i = 0; i < r->len; i++)
		if (r->at[i].key == key)
			return 0;
	err = make_room(r, max);
	if (err)
		return err;
	if (r->len < max) {
		r->at[r->len++] = (struct arrival){ key, now_ns };
		return 0;
	}
	r->at[r->oldest] = (struct arrival){ key, now_ns };
	r->oldest = (r->oldest + 1) % max;
	return 0;
}

/*
 * What is its user's flood takes nothing from the node's count: the node's other users would be
 * hidden by it. Where the node has too many, no further user is counted.
 */
int arrivals_add(struct arrivals *a, const char *key, const struct audit_crowd *c, uint64_t now_ns,
		 enum crowd_of *ret_of)
{
	uint64_t hash = hash_bytes(key, strlen(key));
	struct ring *user, *node;
	bool full = false;
	int err;

	if (now_ns >= a->forget_ns || a->forget_ns - now_ns > FORGET_EVERY_NS) {
		map_each(a->rings, is_over, &now_ns);
		a->forget_ns = now_ns + FORGET_EVERY_NS;
	}
	*ret_of = CROWD_NONE;
	err = ring_of(a, c, CROWD_USER, true, &user);
	if (err)
		return err;
	if (user && is_full(user, AUDIT_CROWD_USER_MAX, now_ns)) {
		*ret_of = CROWD_USER;
		return ring_add(user, AUDIT_CROWD_USER_MAX, hash, now_ns, &full);
	}
	err = ring_of(a, c, CROWD_NODE, false, &node);
	if (!err)
		err = ring_add(node, AUDIT_CROWD_NODE_MAX, hash, now_ns, &full);
	if (!err && full)
		*ret_of = CROWD_NODE;
	if (err || full)
		return err;
	err = ring_of(a, c, CROWD_USER, false, &user);
	return err ? err : ring_add(user, AUDIT_CROWD_USER_MAX, hash, now_ns, &full);
}
