/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "sensor/internal.h"

int doors_init(struct sensor *s)
{
	return map_new(free, &s->doors);
}

void doors_done(struct sensor *s)
{
	map_free(s->doors);
	s->doors = NULL;
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
	*ret_k = k;
	return 0;
}

void door_del(struct sensor *s, uint64_t cookie)
{
	struct known_door *k = door_get(s, cookie);

	if (!k)
		return;
	settle_end(s, k);
	owner_unref(&s->owners, k->owner);
	map_del(s->doors, &cookie, sizeof(cookie));
}
