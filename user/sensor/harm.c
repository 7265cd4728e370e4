/* SPDX-License-Identifier: GPL-2.0 */
/* What was taken away of a sensor while it watched: told, and put right where that can be. */
#include <errno.h>

#include "sensor/internal.h"

static bool look_at_hook(struct sensor *s, enum hook_id hook, sensor_harm_fn fn, void *arg)
{
	struct link_watch *w = &s->links.of[hook];
	int got = links_mend(&s->links, &s->h, hook);

	if (got) {
		const struct sensor_harm h = { .what = hooks[hook].what,
					       .hook = hook_alt(hook, s->h.tier)->name,
					       .err = got < 0 ? got : 0 };

		if (got > 0 || !w->told)
			fn(&h, arg);
		/* Its failure is seen when the pins are looked at. */
		if (got > 0 && pins_renew(&s->pins, &s->h, hook))
			s->pins_told = false;
	}
	w->told = got < 0;
	return got >= 0;
}

static void look_at_pins(struct sensor *s, sensor_harm_fn fn, void *arg)
{
	int got = pins_mend(&s->pins, &s->h);
	const struct sensor_harm h = { .err = got < 0 ? got : 0 };

	if (got > 0 || (got < 0 && !s->pins_told))
		fn(&h, arg);
	s->pins_told = got < 0;
}

static void look_at_leaf(struct sensor *s, sensor_harm_fn fn, void *arg)
{
	const struct sensor_harm h = { .canary = true, .err = s->leaf_err };

	if (s->leaf_err != -EPIPE || s->leaf_told)
		return;
	s->leaf_told = true;
	fn(&h, arg);
}

bool sensor_look_after(struct sensor *s, sensor_harm_fn fn, void *arg)
{
	bool whole = true;

	/* Nothing of a lower tier has a name that others could use. */
	if (s->h.tier >= TIER_BARE)
		return true;
	for (enum hook_id i = 0; i < HOOKS_MAX; i++)
		whole = look_at_hook(s, i, fn, arg) && whole;
	look_at_pins(s, fn, arg);
	look_at_leaf(s, fn, arg);
	return whole;
}
