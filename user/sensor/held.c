/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who holds a door. Until a sweep sees something else it is the process that opened it, which takes
 * no memory of its own: most doors of a machine are held by whoever opened them.
 */
#include "sensor/held.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "core/holders.h"
#include "core/place.h"
#include "sensor/internal.h"

/* What identity is made of; texts are borrowed. */
static void describe(struct sensor *s, const struct held *h, struct process *p)
{
	*p = (struct process){ .known = true, .uid = h->actor.uid };
	p->kernel = h->actor.flags & AJAR_ACTOR_KTHREAD;
	if (h->owner)
		owner_fill(h->owner, p);
	if (h->owner && h->owner->flags & AJAR_OWNER_CGROUPS &&
	    h->owner->cgroup_id == h->actor.cgroup_id) {
		const char *paths = h->owner->bytes + h->owner->exe_len + h->owner->argv_len;

		p->cgroup = text_of(paths);
		p->cgroups = (struct text){ paths + h->owner->cgroup_len, h->owner->cgroups_len };
		p->cgroups_known = true;
	} else {
		p->cgroup = cgroup_path(&s->cgroups, h->actor.cgroup_id, h->actor.owner.tgid);
	}
	place_process(p);
}

static bool alike(struct sensor *s, const struct held *a, const struct held *b)
{
	struct process p, q;

	/* The workers of a server: the common case needs no paths. */
	if (a->owner && a->owner == b->owner && a->actor.uid == b->actor.uid &&
	    a->actor.cgroup_id == b->actor.cgroup_id && a->actor.flags == b->actor.flags)
		return true;
	if (a->actor.uid != b->actor.uid)
		return false;
	describe(s, a, &p);
	describe(s, b, &q);
	return holders_alike(&p, &q);
}

static bool same_run(const struct ajar_actor *a, const struct ajar_actor *b)
{
	return a->owner.tgid == b->owner.tgid && a->owner.start_ns == b->owner.start_ns;
}

static void count_in(struct sensor *s, struct held *h, const struct held *another)
{
	h->count++;
	if (another->actor.owner.start_ns >= h->actor.owner.start_ns)
		return;
	owner_unref(&s->owners, h->owner);
	h->actor = another->actor;
	h->owner = owner_ref(&s->owners, another->owner);
}

int held_add(struct sensor *s, struct held_set *set, const struct ajar_actor *a)
{
	struct held one = { .actor = *a, .count = 1 };
	struct held *more;

	if (set->last_tgid == a->owner.tgid)
		return 0;
	set->last_tgid = a->owner.tgid;
	set->ending |= look_is_ending(s, &a->owner);
	one.owner = owner_cache_get(&s->owners, &a->owner);
	if (!one.owner && !(a->flags & AJAR_ACTOR_KTHREAD))
		set->unsure = true;
	for (uint32_t i = 0; i < set->len; i++) {
		if (alike(s, &set->of[i], &one)) {
			count_in(s, &set->of[i], &one);
			return 0;
		}
	}
	if (set->len == HELD_MAX) {
		set->more++;
		return 0;
	}
	/* One is the rule: room for more is made when there are more. */
	more = reallocarray(set->of, set->len + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	set->of = more;
	one.owner = owner_ref(&s->owners, one.owner);
	set->of[set->len++] = one;
	return 0;
}

void held_done(struct sensor *s, struct held_set *set)
{
	for (uint32_t i = 0; i < set->len; i++)
		owner_unref(&s->owners, set->of[i].owner);
	free(set->of);
	*set = (struct held_set){ 0 };
}

struct held_set held_of(const struct known_door *k, struct held *room)
{
	if (k->held)
		return *k->held;
	if (k->door.flags & AJAR_DOOR_KERNEL || k->opener.flags & AJAR_ACTOR_NONE)
		return (struct held_set){ 0 };
	*room = (struct held){ .actor = k->opener, .owner = k->owner, .count = 1 };
	return (struct held_set){ .len = 1, .of = room };
}

static const struct held *find_alike(struct sensor *s, const struct held_set *in,
				     const struct held *h)
{
	for (uint32_t i = 0; i < in->len; i++) {
		if (alike(s, &in->of[i], h))
			return &in->of[i];
	}
	return NULL;
}

/*
 * News is another kind of holder, or one less; and that the process which a view names is gone, for
 * the oldest of all and for one that was alone of its kind. That one worker of many is replaced is
 * none.
 */
static bool is_news(struct sensor *s, const struct held_set *was, const struct held_set *now)
{
	if (was->len != now->len || !was->more != !now->more)
		return true;
	for (uint32_t i = 0; i < was->len; i++) {
		const struct held *h = find_alike(s, now, &was->of[i]);

		if (!h)
			return true;
		if ((!i || was->of[i].count == 1) && !same_run(&h->actor, &was->of[i].actor))
			return true;
	}
	return false;
}

/* The oldest of all comes first: who opened it, while it is there. */
static void sort(struct held_set *set)
{
	for (uint32_t i = 1; i < set->len; i++) {
		struct held h = set->of[i];
		uint32_t at = i;

		for (; at && set->of[at - 1].actor.owner.start_ns > h.actor.owner.start_ns; at--)
			set->of[at] = set->of[at - 1];
		set->of[at] = h;
	}
}

bool held_take(struct sensor *s, struct known_door *k, struct held_set *set)
{
	struct held opener;
	struct held_set was = held_of(k, &opener);
	bool news;

	sort(set);
	news = is_news(s, &was, set);
	if (!news && !k->held) {
		held_done(s, set);
		return false;
	}
	held_unwatch(s, k);
	if (!k->held)
		k->held = calloc(1, sizeof(*k->held));
	else
		held_done(s, k->held);
	if (k->held) {
		*k->held = *set;
		*set = (struct held_set){ 0 };
	}
	held_watch(s, k);
	return news;
}

/* --- whose end is worth a look ------------------------------------------------------------------------ */

static void watch_one(struct sensor *s, uint32_t tgid)
{
	uint64_t *doors = map_get(s->sole, &tgid, sizeof(tgid));

	if (!doors) {
		doors = calloc(1, sizeof(*doors));
		/* Without memory the timed sweep finds it. */
		if (!doors || map_put(s->sole, &tgid, sizeof(tgid), doors)) {
			free(doors);
			return;
		}
	}
	++*doors;
}

static void unwatch_one(struct sensor *s, uint32_t tgid)
{
	uint64_t *doors = map_get(s->sole, &tgid, sizeof(tgid));

	if (doors && !--*doors)
		map_del(s->sole, &tgid, sizeof(tgid));
}

static void each_sole(struct sensor *s, const struct known_door *k,
		      void (*fn)(struct sensor *s, uint32_t tgid))
{
	struct held opener;
	struct held_set set = held_of(k, &opener);

	for (uint32_t i = 0; i < set.len; i++) {
		if (!i || set.of[i].count == 1)
			fn(s, set.of[i].actor.owner.tgid);
	}
}

void held_watch(struct sensor *s, const struct known_door *k)
{
	each_sole(s, k, watch_one);
}

void held_unwatch(struct sensor *s, const struct known_door *k)
{
	each_sole(s, k, unwatch_one);
}
