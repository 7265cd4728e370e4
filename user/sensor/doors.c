/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "sensor/internal.h"

int doors_init(struct sensor *s)
{
	int err = map_new(free, &s->doors);

	if (!err)
		err = map_new(free, &s->sole);
	if (!err)
		err = map_new(free, &s->bound);
	return err ? err : map_new(free, &s->ended);
}

static bool free_held(const void *key, size_t len, void *value, void *arg)
{
	struct known_door *k = value;

	(void)key;
	(void)len;
	if (k->held)
		held_done(arg, k->held);
	free(k->held);
	return true;
}

void doors_done(struct sensor *s)
{
	if (s->doors)
		map_each(s->doors, free_held, s);
	map_free(s->doors);
	map_free(s->users);
	s->users = NULL;
	map_free(s->bound);
	s->bound = NULL;
	map_free(s->sole);
	map_free(s->ended);
	s->doors = s->sole = s->ended = NULL;
}

struct known_door *door_get(struct sensor *s, uint64_t cookie)
{
	return map_get(s->doors, &cookie, sizeof(cookie));
}

int door_put(struct sensor *s, const struct ajar_door *door, uint64_t opened_ns,
	     const struct ajar_actor *opener, struct known_door **ret_k)
{
	struct known_door *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->door = *door;
	k->opened_ns = opened_ns;
	k->opener = *opener;
	k->sweep = s->sweep;
	door_del(s, door->cookie);
	int err = map_put(s->doors, &door->cookie, sizeof(door->cookie), k);
	if (err) {
		free(k);
		return err;
	}
	if (!(opener->flags & AJAR_ACTOR_NONE))
		k->owner = owner_ref(&s->owners, owner_cache_get(&s->owners, &opener->owner));
	held_watch(s, k);
	quota_take(s, k);
	*ret_k = k;
	return 0;
}

void door_del(struct sensor *s, uint64_t cookie)
{
	struct known_door *k = door_get(s, cookie);

	if (!k)
		return;
	settle_end(s, k);
	quota_give(s, k);
	held_unwatch(s, k);
	if (k->held)
		held_done(s, k->held);
	free(k->held);
	owner_unref(&s->owners, k->owner);
	map_del(s->doors, &cookie, sizeof(cookie));
}
