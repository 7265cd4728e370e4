/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "alert/lane.h"
#include "base/clock.h"
#include "base/loop.h"

/*
 * Messages that a receiver refuses. One is tried ROUTE_REFUSALS times, which takes some seconds; then it is parked in the
 * store and the lane goes on. While nothing is taken in between, the next ones are parked at their first refusal: a
 * thousand messages that somebody made unpalatable do not keep an honest one for hours. When something is taken after
 * that, it may have been the receiver: so what is parked is tried again then, but not at every such turn.
 */
#define HURRY_PAUSES 10 /* of park_ns, between two hurries */
#define PARK_MAX_NS (3600 * NS_PER_S)

static uint64_t pause_after(const struct lane *ln, uint64_t tries)
{
	uint64_t ns = ln->o->park_ns;

	for (uint64_t i = ROUTE_REFUSALS; i < tries && ns < PARK_MAX_NS; i++)
		ns *= 2;
	return ns < PARK_MAX_NS ? ns : PARK_MAX_NS;
}

static int first_due(const struct store_parked *p, void *arg)
{
	if (!p->next_ns)
		return 0;
	*(uint64_t *)arg = p->next_ns;
	return 1;
}

int park_look(struct lane *ln)
{
	uint64_t due = 0, now = clock_wall_ns();
	int ret = store_parked(ln->o->store, ln->name, 0, 0, first_due, &due);

	if (ret < 0)
		return ret;
	ln->next_park_ns = due;
	return loop_timer_set(ln->park_timer, !due ? 0 : due > now ? due - now : 1, 0);
}

struct fetch {
	struct lane *ln;
	uint64_t log_id, tries;
};

static int on_due(const struct store_parked *p, void *arg)
{
	struct fetch *f = arg;

	f->log_id = p->log_id;
	f->tries = p->tries;
	return 1;
}

static int on_change(const struct store_alert_change *c, void *arg)
{
	struct fetch *f = arg;
	struct lane_item *it = NULL;
	int err;

	if (c->log_id != f->log_id)
		return 1;
	err = lane_take(f->ln, c, &it);
	if (err)
		return err;
	if (it) {
		it->parked = true;
		it->tries = f->tries;
	}
	return 1;
}

int park_fetch(struct lane *ln)
{
	struct fetch f = { .ln = ln };
	uint64_t now = clock_wall_ns();
	int ret;

	while (ln->next_park_ns && ln->next_park_ns <= now && !ln->len) {
		ret = store_parked(ln->o->store, ln->name, now, 1, on_due, &f);
		if (ret < 0)
			return ret;
		if (!ret)
			return park_look(ln);
		ret = store_alert_changes(ln->o->store, f.log_id - 1, 0, 0, 1, on_change, &f);
		if (ret < 0)
			return ret;
		if (ln->len)
			break;
		/* Retention was quicker, or it has no words any more. */
		ret = store_unpark(ln->o->store, ln->name, f.log_id);
		if (ret)
			return ret;
		ln->state.given_up++;
		ln->dirty = true;
	}
	return 0;
}

static int put_both(struct store *st, const struct store_parked *p, const struct store_sink *state)
{
	int err = store_begin(st);

	if (err)
		return err;
	err = store_park(st, p);
	if (!err)
		err = store_sink_put(st, state);
	if (!err)
		return store_commit(st);
	store_rollback(st);
	return err;
}

int park_refused(struct lane *ln, const char *why, bool *ret_parked)
{
	struct lane_item *it = ln->queue[0];
	uint64_t now = clock_wall_ns();
	struct store_parked p = {
		.sink = ln->name,
		.log_id = it->m.log_id,
		.alert_id = it->change->alert.id,
		.tries = it->tries + 1,
		.first_ns = now,
		.why = why && *why ? why : "refused",
	};
	struct store_sink state = ln->state;
	bool give_up = p.tries >= ROUTE_TRIES_MAX;
	int err;

	*ret_parked = it->parked || ln->refusing || p.tries >= ROUTE_REFUSALS;
	if (!*ret_parked) {
		it->tries++;
		return 0;
	}
	p.next_ns = give_up ? 0 : now + pause_after(ln, p.tries);
	state.failed++;
	state.given_up += give_up;
	state.failed_ns = now;
	state.failures = 0;
	if (it->m.log_id > state.log_id)
		state.log_id = ln->len > 1 ? it->m.log_id : ln->seen;
	err = put_both(ln->o->store, &p, &state);
	if (err)
		return err;
	ln->state = state;
	ln->dirty = false;
	if (give_up || !it->parked)
		lane_report(ln, give_up ? ROUTE_GIVEN_UP : ROUTE_PARKED, it->m.log_id, SINK_REFUSED,
			    p.why);
	ln->refusing |= !it->parked;
	ln->failures = 0;
	lane_drop_item(ln);
	if (!ln->len)
		ln->single = false;
	return park_look(ln);
}

struct hurry {
	struct lane *ln;
	struct store_parked *rows;
	size_t len;
};

#define HURRY_MAX 1000

static int on_parked(const struct store_parked *p, void *arg)
{
	struct hurry *h = arg;

	if (p->next_ns) {
		h->rows[h->len] = *p;
		h->rows[h->len].sink = h->ln->name;
		h->rows[h->len++].why = "";
	}
	return h->len == HURRY_MAX;
}

int park_hurry(struct lane *ln)
{
	struct hurry h = { .ln = ln };
	uint64_t now = clock_wall_ns();
	int err;

	if (!ln->next_park_ns || ln->next_park_ns <= now || now < ln->next_hurry_ns)
		return 0;
	ln->next_hurry_ns = now + HURRY_PAUSES * ln->o->park_ns;
	h.rows = calloc(HURRY_MAX, sizeof(*h.rows));
	if (!h.rows)
		return -ENOMEM;
	err = store_parked(ln->o->store, ln->name, 0, HURRY_MAX, on_parked, &h);
	for (size_t i = 0; i < h.len && err >= 0; i++) {
		h.rows[i].next_ns = now;
		h.rows[i].why = "to be tried again";
		err = store_park(ln->o->store, &h.rows[i]);
	}
	free(h.rows);
	return err < 0 ? err : park_look(ln);
}
