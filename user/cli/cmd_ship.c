/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>

#include "ajar/exit.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "cli/cmd.h"
#include "cli/role.h"
#include "conf/conf.h"
#include "journal/journal.h"
#include "ship/ship.h"
#include "store/store.h"

/* The shipper sleeps until the journal's bell rings; a store that is away is tried again, later and later. */
#define RETRY_MIN_NS UINT64_C(250000000)
#define RETRY_MAX_NS UINT64_C(30000000000)
#define STOP_NS UINT64_C(3000000000)
#define TURN_STEPS 8 /* batches before signals get a hearing */

struct shipper {
	struct role role;
	struct ship *ship;
	struct loop_source *timer;
	uint64_t retry_ns; /* 0: all is well */
};

static int on_damage(const struct journal_damage *d, void *arg)
{
	(void)arg;
	if (d->kind == DAMAGE_SHED) {
		log_info("the journal has let go of records behind %" PRIu32 ":%" PRIu64
			 ": what was not shipped is counted by a gap record",
			 d->after.boot_seq, d->after.seq);
		return 0;
	}
	log_warn("the journal is damaged: %s at %s:%" PRIu64 ", behind record %" PRIu32 ":%" PRIu64
		 "; everything else is shipped, run 'ajar timeline verify'",
		 d->what, d->file, d->offset, d->after.boot_seq, d->after.seq);
	return 0;
}

static int on_conflict(struct journal_pos pos, const char *why, void *arg)
{
	(void)arg;
	log_warn("record %" PRIu32 ":%" PRIu64 " is not shipped, the store does not take it: %s",
		 pos.boot_seq, pos.seq, why);
	return 0;
}

/* What the journal has at present, a turn's worth at most; a failure, or more, only arms the timer. */
static int ship_all(struct shipper *s)
{
	int n, steps = 0;

	do {
		n = ship_step(s->ship);
	} while (n > 0 && ++steps < TURN_STEPS);
	if (n >= 0 && s->retry_ns)
		log_info("the store takes records again");
	if (n >= 0)
		s->retry_ns = 0;
	if (n > 0)
		return loop_timer_set(s->timer, 1, 0);
	if (!n)
		return 0;
	if (!s->retry_ns)
		log_warn("cannot ship: %s (%s); the journal keeps everything, trying again",
			 strerror(-n), store_why(s->role.store));
	s->retry_ns = s->retry_ns ? s->retry_ns * 2 : RETRY_MIN_NS;
	if (s->retry_ns > RETRY_MAX_NS)
		s->retry_ns = RETRY_MAX_NS;
	return loop_timer_set(s->timer, s->retry_ns, 0);
}

static int on_bell(void *arg)
{
	struct shipper *s = arg;

	ship_fd_clear(s->ship);
	return s->retry_ns ? 0 : ship_all(s); /* while waiting for the store its timer decides */
}

static int on_timer(void *arg)
{
	return ship_all(arg);
}

static int set_up(struct shipper *s, const struct conf *conf)
{
	const struct ship_opts o = { .node = conf->node_name,
				     .host_type = conf->node_class,
				     .damage = on_damage,
				     .conflict = on_conflict };
	int err = role_start(conf, true, &s->role), fd;

	if (err)
		return err;
	err = ship_new(s->role.journal_dir, s->role.store, &o, &s->ship);
	if (!err)
		err = loop_add_timer(s->role.loop, on_timer, s, &s->timer);
	if (err)
		return log_err(err, "cannot set up the shipper");
	fd = ship_fd(s->ship);
	if (fd < 0)
		return log_err(fd, "cannot watch the journal");
	err = loop_add_fd(s->role.loop, fd, EPOLLIN, on_bell, s, NULL);
	return err ? log_err(err, "cannot watch the journal") : 0;
}

static int ship(struct shipper *s)
{
	int err = ship_all(s), n;

	if (!err)
		err = notify_send("READY=1");
	if (!err)
		err = loop_run(s->role.loop);
	/* What came in while we were told to stop; what is too much for that waits in the journal. */
	for (uint64_t start = clock_boot_ns(); !err && !s->retry_ns;) {
		n = ship_step(s->ship);
		if (n <= 0 || clock_boot_ns() - start > STOP_NS)
			break;
	}
	return err ? log_err(err, "the shipper stops") : 0;
}

static int run(struct cmd_ctx *c)
{
	struct shipper s = { .role = ROLE_INIT };
	int err;

	log_init("ajar-ship");
	role_log_level(c->quiet);
	if (cmd_bad_words(c, 0, 0))
		return AJAR_EXIT_ERROR;
	err = set_up(&s, c->conf);
	if (!err)
		err = ship(&s);
	ship_free(s.ship);
	role_done(&s.role);
	return err ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}

static const struct cmd_option options[] = { { 0 } };

const struct cmd cmd_ship = {
	.name = "ship",
	.args = "",
	.help = "copy this node's journal to the store, as it grows",
	.options = options,
	.more = "Sending twice changes nothing; what the store lacks and the journal still keeps "
		"is sent again.\n"
		"While the store is away the journal keeps everything.",
	.run = run,
};
