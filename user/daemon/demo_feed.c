/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>

#include "ajar/exit.h"
#include "base/clock.h"
#include "base/failing.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "base/parse.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/role.h"
#include "sim/story.h"
#include "store/store.h"

/* The role of `ajar demo` that plays the nodes: their past, then whatever is due each second. */
struct feed {
	struct role role;
	struct loop_source *timer;
	struct story *story;
	struct failing telling;
};

static int on_tick(void *arg)
{
	struct feed *f = arg;
	int err = story_tick(f->story, clock_wall_ns());

	if (!err)
		failing_is_over(&f->telling);
	else if (failing_is_new(&f->telling, err))
		log_warn("the cluster stands still: %s, trying again", store_why(f->role.store));
	return 0;
}

static int make_cluster(struct feed *f, uint64_t nodes)
{
	uint64_t start = clock_boot_ns(), events = 0;
	int err;

	log_info("inventing a day of %llu nodes ...", (unsigned long long)nodes);
	err = story_new(f->role.store, nodes, clock_wall_ns(), &f->story);
	if (!err)
		err = story_past(f->story, &events);
	if (err)
		return log_err(err, "cannot make the cluster: %s", store_why(f->role.store));
	log_info("%llu nodes, %llu events of the last 26 hours in %.1f s",
		 (unsigned long long)nodes, (unsigned long long)events,
		 (double)(clock_boot_ns() - start) / 1e9);
	return 0;
}

static int feed(struct feed *f, const struct daemon_opts *o)
{
	int err = role_start(o->conf, false, &f->role);
	uint64_t nodes;

	if (err)
		return err;
	err = parse_u64(o->demo_nodes, &nodes);
	if (!err)
		err = make_cluster(f, nodes);
	if (err)
		return err;
	err = loop_add_timer(f->role.loop, on_tick, f, &f->timer);
	if (!err)
		err = loop_timer_set(f->timer, 1, STORY_TICK_NS);
	if (!err)
		err = notify_send("READY=1");
	if (!err)
		err = loop_run(f->role.loop);
	return err ? log_err(err, "the cluster stops") : 0;
}

int daemon_demo_feed(const struct daemon_opts *o)
{
	struct feed f = { .role = ROLE_INIT("demo") };
	int err;

	log_init("ajar-demo");
	role_log_level(o->quiet);
	err = feed(&f, o);
	story_free(f.story);
	role_done(&f.role);
	return err < 0 ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}
