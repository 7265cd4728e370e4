/* SPDX-License-Identifier: GPL-2.0 */
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/loop.h"
#include "store/store.h"
#include "web/web_internal.h"

/*
 * What is read when. The store's notifier says that something was committed. While somebody watches
 * (a stream, or a poll within the last half minute) alerts are looked at within 20 ms, and what has
 * happened to them is told at once, though not more than ten times a second but for a burst. The
 * map takes longer, with 10,000 nodes many times as long: it is read when the streams have had
 * the time to send that, and without news of alerts so seldom that a tenth of the time goes into
 * it. What depends on the time alone (silence, "in the last hour") is looked at every five seconds.
 */
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define WATCHED_NS (30 * NS_PER_S)
#define LOOK_NS (5 * NS_PER_S)
#define BEAT_NS (15 * NS_PER_S)
#define LEAST_PAUSE_NS (20 * NS_PER_MS)
#define COST_SHARE 9 /* pauses are so many times as long as a reading */
#define ALERTS_PAUSE_NS (20 * NS_PER_MS)
#define ALERT_EVENTS_S 10 /* a second, each of which may make every page ask */
#define ALERT_EVENTS_BURST 5.0
/* The map that alerts have changed: so long after they were told, and after the last reading. */
#define SEND_NS (50 * NS_PER_MS)
#define ALERTS_MAP_NS (100 * NS_PER_MS)

static bool is_watched(const struct web *w, uint64_t now_ns)
{
	return w->streams || now_ns - w->asked_ns < WATCHED_NS;
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* When the map is to be read. */
static uint64_t map_due_ns(const struct web *w)
{
	uint64_t cost_ns = state_cost_ns(w->state) * COST_SHARE;

	if (w->told_ns)
		return later_of(w->told_ns + SEND_NS, w->refreshed_ns + ALERTS_MAP_NS);
	if (!w->dirty)
		return w->refreshed_ns + LOOK_NS;
	return w->refreshed_ns + later_of(cost_ns, LEAST_PAUSE_NS);
}

static int refresh(struct web *w)
{
	bool changed = false;

	w->dirty = w->alerts_dirty = false;
	w->told_ns = 0;
	w->err = state_refresh(w->state, w->store, &changed);
	w->refreshed_ns = w->alerts_ns = clock_boot_ns();
	if (w->err)
		w->dirty = true;
	else if (changed)
		streams_tell(w);
	return w->err;
}

/* --- alerts ----------------------------------------------------------------------------------------------- */

static void fill_tokens(struct web *w, uint64_t now_ns)
{
	double more = (double)(now_ns - w->alert_tokens_ns) / NS_PER_S * ALERT_EVENTS_S;

	w->alert_tokens_ns = now_ns;
	w->alert_tokens += more;
	if (w->alert_tokens > ALERT_EVENTS_BURST)
		w->alert_tokens = ALERT_EVENTS_BURST;
}

/* When alerts are to be looked at. */
static uint64_t alerts_due_ns(struct web *w, uint64_t now_ns)
{
	uint64_t at_ns = w->alerts_ns + ALERTS_PAUSE_NS;

	fill_tokens(w, now_ns);
	if (w->alert_tokens >= 1)
		return at_ns;
	return later_of(at_ns,
			now_ns + (uint64_t)((1 - w->alert_tokens) * NS_PER_S / ALERT_EVENTS_S) + 1);
}

/* What fails here fails with the map again, which says so. */
static void look_at_alerts(struct web *w, uint64_t now_ns)
{
	bool changed = false;

	w->alerts_dirty = false;
	w->alerts_ns = now_ns;
	if (state_refresh_alerts(w->state, w->store, &changed) || !changed)
		return;
	w->alert_tokens -= 1;
	if (!w->told_ns)
		w->told_ns = now_ns;
	w->dirty = true;
	streams_tell(w);
}

/* --- when ------------------------------------------------------------------------------------------------- */

static int set_due(struct web *w, uint64_t now_ns)
{
	uint64_t at_ns = map_due_ns(w);

	if (!is_watched(w, now_ns))
		return loop_timer_set(w->due, 0, 0);
	if (w->alerts_dirty && alerts_due_ns(w, now_ns) < at_ns)
		at_ns = alerts_due_ns(w, now_ns);
	return loop_timer_set(w->due, at_ns > now_ns ? at_ns - now_ns : 1, 0);
}

static int on_due(void *arg)
{
	struct web *w = arg;
	uint64_t now_ns = clock_boot_ns();

	/* Alerts first, also when the map is due: then it is a little later. */
	if (w->alerts_dirty && state_is_read(w->state) && alerts_due_ns(w, now_ns) <= now_ns)
		look_at_alerts(w, now_ns);
	if (map_due_ns(w) <= now_ns)
		(void)!refresh(w);
	return set_due(w, clock_boot_ns());
}

static int on_notifier(void *arg)
{
	struct web *w = arg;
	bool was = w->dirty && w->alerts_dirty;

	if (!store_notifier_clear(w->store))
		return 0;
	w->changes++;
	w->dirty = w->alerts_dirty = true;
	return was ? 0 : set_due(w, clock_boot_ns());
}

int web_state(struct web *w)
{
	uint64_t now_ns = clock_boot_ns();
	bool was = is_watched(w, now_ns);
	int err = 0;

	w->asked_ns = now_ns;
	if (!state_is_read(w->state) || now_ns - w->refreshed_ns > LOOK_NS ||
	    (w->dirty && now_ns > map_due_ns(w)))
		err = refresh(w);
	if (!err && !was)
		err = set_due(w, now_ns);
	return err ? err : w->err;
}

int refresh_watch(struct web *w)
{
	int fd = store_notifier_fd(w->store), err;

	if (fd < 0)
		return fd;
	err = loop_add_fd(w->loop, fd, EPOLLIN, on_notifier, w, &w->notifier);
	if (!err)
		err = loop_add_timer(w->loop, on_due, w, &w->due);
	if (!err)
		err = loop_add_timer(w->loop, streams_beat, w, &w->beat);
	return err ? err : loop_timer_set(w->beat, BEAT_NS, BEAT_NS);
}
