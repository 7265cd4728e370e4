/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many doors one user may have in the table. Any process may bind as many sockets as it may have
 * descriptors, and each costs this process some five hundred bytes: without a limit one user ends
 * the agent of the whole machine by its own MemoryMax=. A user is whoever logged in (loginuid), as
 * far as that is known, since one with subordinate uids has many. What is above the limit is told,
 * with the user's name, and not recorded; the doors of others are.
 */
#include <errno.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "base/map.h"
#include "sensor/internal.h"

#define DOORS_BY_USER 32768
#define DOORS_OF_ALL 98304
#define SWEEP_PART 32768 /* some four hundred bytes each */
/* So long without a door too many: what comes then is told anew. */
#define CALM_NS UINT64_C(600000000000)
#define NO_UID ((uint32_t)-1)

struct quota_user {
	size_t doors;
	uint64_t left_out, told; /* doors that found no room; of them, those that were told */
	uint64_t last_ns; /* boot time of the last one */
	bool everybody; /* it was the limit of all users together */
};

int quota_init(struct sensor *s, const struct sensor_opts *o)
{
	s->doors_by_user = o->doors_by_user ? o->doors_by_user : DOORS_BY_USER;
	s->sweep_part = o->sweep_part ? o->sweep_part : SWEEP_PART;
	s->sweep_parts = 1;
	return map_new(free, &s->users);
}

/* Whose doors are counted together; NO_UID: nobody's. */
static uint32_t quota_user(const struct ajar_actor *a)
{
	if (a->flags & AJAR_ACTOR_NONE)
		return NO_UID;
	return a->loginuid != NO_UID ? a->loginuid : a->uid;
}

static struct quota_user *user_get(struct sensor *s, uint32_t uid)
{
	struct quota_user *u = map_get(s->users, &uid, sizeof(uid));

	if (u)
		return u;
	u = calloc(1, sizeof(*u));
	if (u && map_put(s->users, &uid, sizeof(uid), u)) {
		free(u);
		return NULL;
	}
	return u;
}

bool quota_admits(struct sensor *s, const struct ajar_door *door, const struct ajar_actor *opener)
{
	struct quota_user *u = user_get(s, quota_user(opener));
	bool everybody = map_size(s->doors) >= DOORS_OF_ALL;
	uint64_t cookie = door->cookie;

	if (!u || (u->doors < s->doors_by_user && !everybody))
		return true;
	u->left_out++;
	u->everybody = everybody;
	u->last_ns = clock_boot_ns();
	/* Its room in the kernel's table is for others, too. */
	if (s->h.maps[MAP_DOORS] >= 0)
		bpf_map_delete_elem(s->h.maps[MAP_DOORS], &cookie);
	return false;
}

void quota_take(struct sensor *s, struct known_door *k)
{
	struct quota_user *u;

	k->user = quota_user(&k->opener);
	u = user_get(s, k->user);
	k->counted = u;
	if (u)
		u->doors++;
}

void quota_give(struct sensor *s, const struct known_door *k)
{
	struct quota_user *u = k->counted ? map_get(s->users, &k->user, sizeof(k->user)) : NULL;

	if (!u || --u->doors || u->left_out)
		return;
	map_del(s->users, &k->user, sizeof(k->user));
}

bool quota_left_out(struct sensor *s, const struct ajar_actor *opener)
{
	uint32_t uid = quota_user(opener);
	const struct quota_user *u = map_get(s->users, &uid, sizeof(uid));

	return u && u->left_out;
}

struct telling {
	struct sensor *s;
	sensor_crowd_fn fn;
	void *arg;
	uint64_t now;
};

static bool tell(const void *key, size_t len, void *value, void *arg)
{
	struct quota_user *u = value;
	struct telling *t = arg;
	struct sensor_crowd c = { .doors = u->doors, .everybody = u->everybody };

	if (!u->left_out)
		return !u->doors;
	if (t->now > u->last_ns && t->now - u->last_ns >= CALM_NS) {
		u->left_out = u->told = 0;
		return !u->doors;
	}
	if (u->told)
		return false;
	u->told = u->left_out;
	memcpy(&c.uid, key, len);
	c.known = c.uid != NO_UID;
	c.user = passwd_name(&t->s->passwd, c.uid);
	c.limit = u->everybody ? DOORS_OF_ALL : t->s->doors_by_user;
	t->fn(&c, t->arg);
	return false;
}

void sensor_crowded(struct sensor *s, sensor_crowd_fn fn, void *arg)
{
	struct telling t = { .s = s, .fn = fn, .arg = arg, .now = clock_boot_ns() };

	map_each(s->users, tell, &t);
}
