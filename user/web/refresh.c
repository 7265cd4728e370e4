/* SPDX-License-Identifier: GPL-2.0 */
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/loop.h"
#include "store/store.h"
#include "web/web_internal.h"

/*
 * What is read when. The store's notifier says that something was committed. While somebody watches
 * (a stream, or a poll within the last half minute) the map is then read again at once, but no more
 * than a tenth of the time goes into that: with 10,000 nodes a reading takes a while. A change of
 * alerts does not wait for that. What depends on the time alone (silence, "in the last hour") is
 * looked at every five seconds.
 */
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define WATCHED_NS (30 * NS_PER_S)
#define LOOK_NS (5 * NS_PER_S)
#define BEAT_NS (15 * NS_PER_S)
#define LEAST_PAUSE_NS (20 * NS_PER_MS)
#define COST_SHARE 9 /* pauses are so many times as long as a reading */
#define ALERTS_PAUSE_NS (100 * NS_PER_MS)

static bool is_watched(const struct web *w, uint64_t now_ns)
{
	return w->streams || now_ns - w->asked_ns < WATCHED_NS;
}

static uint64_t pause_ns(const struct web *w)
{
	uint64_t ns = state_cost_ns(w->state) * COST_SHARE;

	return ns < LEAST_PAUSE_NS ? LEAST_PAUSE_NS : ns;
}

static int refresh(struct web *w)
{
	bool changed = false;

	w->dirty = false;
	w->err = state_refresh(w->state, w->store, &changed);
	w->refreshed_ns = w->alerts_ns = clock_boot_ns();
	if (w->err)
		w->dirty = true;
	else if (changed)
		streams_tell(w);
	return w->err;
}

/* Until alerts are looked at: at once when that was a while ago. */
static uint64_t alerts_wait_ns(const struct web *w, uint64_t now_ns)
{
	uint64_t at_ns = w->alerts_ns + ALERTS_PAUSE_NS;

	return at_ns > now_ns ? at_ns - now_ns : 1;
}

static int set_due(struct web *w, uint64_t now_ns)
{
	uint64_t at_ns = w->refreshed_ns + (w->dirty ? pause_ns(w) : LOOK_NS), wait_ns;

	if (!is_watched(w, now_ns))
		return loop_timer_set(w->due, 0, 0);
	wait_ns = at_ns > now_ns ? at_ns - now_ns : 1;
	if (w->dirty && wait_ns > alerts_wait_ns(w, now_ns))
		wait_ns = alerts_wait_ns(w, now_ns);
	return loop_timer_set(w->due, wait_ns, 0);
}

static int on_due(void *arg)
{
	struct web *w = arg;
	uint64_t now_ns = clock_boot_ns();
	bool now = !w->dirty || now_ns - w->refreshed_ns >= pause_ns(w);

	if (!now) {
		w->alerts_ns = now_ns;
		now = state_alerts_moved(w->state, w->store, &now) || now;
	}
	if (now)
		(void)!refresh(w);
	return set_due(w, clock_boot_ns());
}

static int on_notifier(void *arg)
{
	struct web *w = arg;
	bool was = w->dirty;

	if (!store_notifier_clear(w->store))
		return 0;
	w->changes++;
	w->dirty = true;
	return was ? 0 : set_due(w, clock_boot_ns());
}

int web_state(struct web *w)
{
	uint64_t now_ns = clock_boot_ns();
	bool was = is_watched(w, now_ns);
	int err = 0;

	w->asked_ns = now_ns;
	if (!state_is_read(w->state) || now_ns - w->refreshed_ns > LOOK_NS ||
	    (w->dirty && now_ns - w->refreshed_ns > pause_ns(w)))
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
