/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When to look who holds what. The end of a process is reported before it closes its descriptors,
 * and the arrival of a descriptor that is under way in a message may not be reported at all. So
 * what is not clear yet is looked at again.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "sensor/internal.h"

/*
 * What ends closes its descriptors a moment later, and an exec is reported before its program runs.
 */
#define LOOK_DELAY_NS 20000000
/* More than this at a time, and any is a reason to look: the first ones are. */
#define ENDED_MAX 4096
/*
 * A door is looked at again for so long, at doubling intervals. Beyond it only the timed sweep
 * does.
 */
#define UNCLEAR_NS UINT64_C(60000000000)

/* A process that was alone of its kind to hold some door, and whose end was reported. */
struct ended {
	uint64_t start_ns;
	uint64_t sweep; /* number of the last sweep that may have seen it hold a door */
	bool due; /* no sweep has begun since */
};

static int note_end(struct sensor *s, const struct ajar_owner_key *key)
{
	struct ended *e;

	if (map_size(s->ended) >= ENDED_MAX)
		return 0;
	e = malloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	*e = (struct ended){ .start_ns = key->start_ns, .sweep = s->sweep, .due = true };
	int err = map_put(s->ended, &key->tgid, sizeof(key->tgid), e);
	if (err)
		free(e);
	return err;
}

/*
 * Of those who end only one without whom a door is held by others, or by nobody, is worth a sweep;
 * its doors may close yet.
 */
int look_task(struct sensor *s, const struct ajar_task *r)
{
	uint64_t after = clock_boot_ns() + LOOK_DELAY_NS;
	uint32_t tgid = r->key.tgid;
	int err = 0;

	if (r->what != AJAR_TASK_EXIT)
		s->look = true;
	else if (!map_get(s->sole, &tgid, sizeof(tgid)))
		return 0;
	else
		err = note_end(s, &r->key);
	if (s->look_after_ns < after)
		s->look_after_ns = after;
	return err;
}

bool look_is_ending(struct sensor *s, const struct ajar_owner_key *key)
{
	struct ended *e = map_get(s->ended, &key->tgid, sizeof(key->tgid));

	if (!e || e->start_ns != key->start_ns)
		return false;
	e->sweep = s->sweep;
	return true;
}

bool look_again(struct sensor *s, struct known_door *k)
{
	uint64_t now = clock_boot_ns(), age;

	if (!k->unclear_ns)
		k->unclear_ns = now;
	age = now - k->unclear_ns;
	if (age >= UNCLEAR_NS)
		return false;
	now += age > LOOK_EVERY_NS ? age : LOOK_EVERY_NS;
	if (!s->again_ns || now < s->again_ns)
		s->again_ns = now;
	return true;
}

static bool no_longer_due(const void *key, size_t len, void *value, void *arg)
{
	struct ended *e = value;

	(void)key;
	(void)len;
	(void)arg;
	e->due = false;
	return false;
}

void look_begin(struct sensor *s)
{
	s->look = false;
	s->again_ns = 0;
	map_each(s->ended, no_longer_due, NULL);
}

static bool is_gone(const void *key, size_t len, void *value, void *arg)
{
	const struct sensor *s = arg;
	const struct ended *e = value;

	(void)key;
	(void)len;
	return e->sweep != s->sweep;
}

void look_end(struct sensor *s)
{
	map_each(s->ended, is_gone, s);
}

struct dues {
	struct sensor *s;
	bool look;
};

/* Of those who ended some had their doors closed with it: nothing to look for. */
static bool find_due(const void *key, size_t len, void *value, void *arg)
{
	const struct ended *e = value;
	struct dues *d = arg;

	if (!e->due)
		return false;
	if (!map_get(d->s->sole, key, len))
		return true;
	d->look = true;
	return false;
}

static uint64_t until_again(const struct sensor *s)
{
	uint64_t now = clock_boot_ns();

	if (!s->again_ns)
		return 0;
	return s->again_ns > now ? s->again_ns - now : 1;
}

int look_due(struct sensor *s, sweep_fn sweep, sensor_fn fn, void *arg, uint64_t *ret_wait_ns)
{
	uint64_t now = clock_boot_ns();
	struct dues d = { .s = s, .look = s->look || (s->again_ns && s->again_ns <= now) };

	*ret_wait_ns = until_again(s);
	if (!d.look && !map_size(s->ended))
		return 0;
	if (now < s->look_after_ns) {
		*ret_wait_ns = s->look_after_ns - now;
		return 0;
	}
	map_each(s->ended, find_due, &d);
	if (!d.look)
		return 0;
	int n = sweep(s, ORIGIN_SWEEP, fn, arg);
	*ret_wait_ns = s->look ? LOOK_EVERY_NS : until_again(s);
	return n;
}
