/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "ajar/exit.h"
#include "base/clock.h"
#include "base/failing.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/role.h"
#include "daemon/ship_local.h"
#include "journal/journal.h"
#include "ship/executables.h"
#include "ship/heartbeat.h"
#include "ship/quarantine.h"
#include "ship/ship.h"
#include "ship/standing.h"
#include "ship/state.h"
#include "store/executables.h"
#include "store/store.h"

/*
 * The shipper sleeps until the journal notifies it. A store that is away is tried again, later and
 * later; one that needs a person is held: said once, and tried again every few minutes. What it is
 * doing stands in DATA/journal/ship.state.
 */
#define STOP_NS UINT64_C(3000000000)
#define WALK_NS                                                                                    \
	UINT64_C(3600000000000) /* looks for holes in the store, offers again what it refused */
#define LOOK_NS UINT64_C(2000000000) /* whether the agent stands still */
#define LOCAL_EVERY_NS UINT64_C(1000000000)
#define TURN_STEPS 8 /* batches before signals get a hearing */
#define RECHECK_NS UINT64_C(600000000000) /* is each executable still the file it was? */
/* Executables are told a few at a time, so that a record waits for one of them at most. */
#define TELL_EVERY_NS UINT64_C(20000000)
#define TELL_AGAIN_NS UINT64_C(600000000000) /* after the store said no */

struct shipper {
	struct role role; /* first: role_start() hands it back */
	const struct conf *conf;
	struct ship *ship;
	struct loop_source *timer, *heartbeat_timer;
	struct heartbeat *heartbeat;
	struct ship_local *local; /* judges while the store is away */
	struct loop_source *local_timer;
	struct executables *executables;
	struct standing *standing; /* gives it what opened before us */
	struct loop_source *tell_timer, *recheck_timer;
	bool untold; /* the store takes no executables; said already */
	uint64_t away_ns; /* since boot; 0: it is not */
	bool admitted,
		refused; /* the store knows whose journal this is; another one has our name */
	bool unaccepted; /* it took another one's place; said already */
	double credit; /* records that may go at once, see pace_ns() */
	uint64_t credit_ns;
	struct ship_state state;
	unsigned tries; /* that failed, since it went well; 0: all is well */
	struct failing failing;
	bool armed; /* the timer: it decides when the next step is, not the journal */
	bool recalled;
	bool checked; /* the store is the one it was before we were started */
};

/* --- what others can read ----------------------------------------------------------------------------- */

static void tell_state(struct shipper *s, enum ship_status status, int err, const char *why)
{
	struct ship_state *st = &s->state;
	const struct ship_counts *c = s->ship ? ship_counts(s->ship) : NULL;
	uint64_t now_ns = clock_wall_ns();

	if (st->status != status || !st->since_ns)
		st->since_ns = now_ns;
	if (status == SHIP_WELL)
		st->store_ns = now_ns;
	st->status = status;
	st->err = err;
	snprintf(st->why, sizeof(st->why), "%.*s", (int)sizeof(st->why) - 16, why);
	if (c) {
		if (c->at.boot_seq)
			st->at = c->at;
		st->sent = c->sent;
		st->stored = c->stored;
		st->batches = c->batches;
		st->quarantined = c->quarantined;
	}
	/* On a full disk the journal says what matters; the state follows when there is room. */
	err = ship_state_write(s->role.journal_dir, st);
	if (err)
		log_debug("cannot write " SHIP_STATE_FILE ": %s", strerror(-err));
}

static int on_tick(void *arg)
{
	struct shipper *s = arg;

	tell_state(s, s->state.status, s->state.err, s->state.why);
	return 0;
}

/* What the last shipper knew of the store; its counts are not ours. */
static void recall(struct shipper *s)
{
	struct ship_state last;

	if (s->recalled || ship_state_read(s->role.journal_dir, &last))
		return;
	s->recalled = true;
	s->state.at = last.at;
	s->state.store_ns = last.store_ns;
	snprintf(s->state.store, sizeof(s->state.store), "%s", last.store);
	snprintf(s->state.cluster, sizeof(s->state.cluster), "%s", last.cluster);
}

/* Every second: what the journal has got since. */
static int on_local(void *arg)
{
	struct shipper *s = arg;
	uint64_t away = s->away_ns ? clock_boot_ns() - s->away_ns : 0;

	if (s->away_ns && away >= s->conf->local_after_ns)
		ship_local_step(s->local);
	return s->away_ns ? loop_timer_set(s->local_timer, LOCAL_EVERY_NS, 0) : 0;
}

static void is_away(struct shipper *s)
{
	if (s->away_ns || !s->local)
		return;
	s->away_ns = clock_boot_ns();
	if (s->conf->local_after_ns && loop_timer_set(s->local_timer, LOCAL_EVERY_NS, 0))
		log_debug("no timer for alerts of this node");
}

static void is_back(struct shipper *s)
{
	s->away_ns = 0;
	ship_local_end(s->local);
}

/* What needs no store: also before there is one. */
static int set_up_local(struct shipper *s)
{
	int err = ship_local_new(s->role.journal_dir, s->conf, s->role.loop, &s->local);

	return err ? err : loop_add_timer(s->role.loop, on_local, s, &s->local_timer);
}

static void on_away(struct role *r, int err, const char *why)
{
	struct shipper *s = (struct shipper *)r;

	if (!s->local && set_up_local(s))
		log_debug("no alerts of this node while the store is away");
	is_away(s);
	recall(s);
	tell_state(s, store_fault(err) == STORE_STOP ? SHIP_HELD : SHIP_AWAY, err, why);
}

/* --- what the journal and the store say ------------------------------------------------------------------ */

static int on_damage(const struct journal_damage *d, void *arg)
{
	(void)arg;
	if (d->kind == DAMAGE_DROPPED) {
		log_info("the journal has dropped records behind %" PRIu32 ":%" PRIu64
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
	log_warn("record %" PRIu32 ":%" PRIu64 " waits in " QUARANTINE_FILE
		 ", the store does not take it: %s",
		 pos.boot_seq, pos.seq, why);
	return 0;
}

/*
 * Under the name of the store we sent to last there must be that store: a server set up anew, or
 * the address of another one, would get what the journal has and be taken for the whole story.
 */
static int check_store(struct shipper *s, char *why, size_t size)
{
	const char *cluster = store_cluster(s->role.store);
	struct ship_state *st = &s->state;

	if (s->checked || !cluster)
		return 0;
	if (!strcmp(st->store, s->conf->store_uri) && *st->cluster &&
	    strcmp(st->cluster, cluster)) {
		snprintf(why, size,
			 "%.*s is not the store it was (cluster_uuid %.40s, it was %.40s): nothing "
			 "is sent there; "
			 "if it is the right one, say so with cluster=%.40s in store.uri",
			 (int)strcspn(s->conf->store_uri, "?"), s->conf->store_uri, cluster,
			 st->cluster, cluster);
		return -STORE_E_FOREIGN;
	}
	snprintf(st->store, sizeof(st->store), "%s", s->conf->store_uri);
	snprintf(st->cluster, sizeof(st->cluster), "%s", cluster);
	s->checked = true;
	return 0;
}

/* --- how we are, and whether the name is ours ------------------------------------------------------------ */

static int refuse(struct shipper *s, const struct store_health_reply *r)
{
	char why[512];

	snprintf(why, sizeof(why),
		 "host '%s' reports as node %s with another journal: give one of the two another "
		 "node.name, or say with 'ajar node accept %s' that this one is the node",
		 r->current_host, s->conf->node_name, s->conf->node_name);
	if (!s->refused)
		log_warn("nothing is sent: %s; the journal keeps everything", why);
	s->refused = true;
	s->admitted = false;
	tell_state(s, SHIP_HELD, -EACCES, why);
	/* Nobody else judges what opens here. */
	ship_local_keep(s->local, s->role.store);
	is_away(s);
	return 0;
}

static void admit(struct shipper *s, const struct store_health_reply *r)
{
	if (s->refused) {
		log_info("the name %s is ours now, records are sent", s->conf->node_name);
		is_back(s);
	}
	if (!r->accepted && !s->unaccepted)
		log_warn("this journal has taken the place of another one of node %s: if that is "
			 "right, say 'ajar node accept %s'",
			 s->conf->node_name, s->conf->node_name);
	s->unaccepted = !r->accepted;
	s->refused = false;
	if (!s->admitted)
		ship_claim(s->ship, heartbeat_installation(s->heartbeat));
	s->admitted = true;
}

/* 0 also when there is nothing to report yet: s->admitted tells. */
static int report(struct shipper *s, bool stopping)
{
	struct store_health_reply r;
	int err = heartbeat_send(s->heartbeat, s->role.store, s->ship, stopping, &r);

	if (err == -ENODATA)
		return 0;
	if (err)
		return err;
	if (r.standing == STANDING_REFUSED)
		return refuse(s, &r);
	admit(s, &r);
	ship_local_keep(s->local, s->role.store);
	return 0;
}

/* Nodes that started together should not report together for ever. */
static int next_heartbeat(struct shipper *s)
{
	uint64_t every = s->conf->health_interval_ns, random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = clock_boot_ns();
	return loop_timer_set(s->heartbeat_timer, every - every / 8 + random % (every / 4), 0);
}

static int on_heartbeat(void *arg);

/* --- shipping ---------------------------------------------------------------------------------------- */

static int step_in(struct shipper *s, uint64_t ns)
{
	s->armed = true;
	return loop_timer_set(s->timer, ns, 0);
}

static int failed(struct shipper *s, int err, const char *why)
{
	enum store_fault fault = store_fault(err);
	enum ship_status status = fault == STORE_STOP ? SHIP_HELD : SHIP_AWAY;

	is_away(s);
	if (status != s->state.status || err != s->state.err || !s->tries)
		tell_state(s, status, err, why);
	if (failing_is_new(&s->failing, err))
		log_warn("cannot ship: %s; the journal keeps everything, %s", why,
			 status == SHIP_HELD ? "nothing is sent before that is fixed"
					     : "trying again");
	return step_in(s, role_retry_ns(fault, s->tries++));
}

/*
 * No more than ship.max-rate a second, with a second's worth at once: a node that comes back with a
 * full journal has many like it. The order stays the journal's, oldest first: what is live waits
 * until what was before it is stored.
 */
static uint64_t pace_ns(struct shipper *s, uint64_t sent)
{
	double rate = (double)s->conf->ship_rate;
	uint64_t now = clock_boot_ns();

	if (!s->conf->ship_rate)
		return 0;
	s->credit += (double)(now - s->credit_ns) / 1e9 * rate;
	if (s->credit > rate || !s->credit_ns)
		s->credit = rate;
	s->credit_ns = now;
	s->credit -= (double)sent;
	return s->credit < 0 ? (uint64_t)(-s->credit / rate * 1e9) + 1 : 0;
}

/* How long the next step waits: the server is slow, or we have had our share. */
static uint64_t pause_ns(struct shipper *s, uint64_t sent)
{
	uint64_t slow = ship_pause_ns(s->ship), share = pace_ns(s, sent);

	return slow > share ? slow : share;
}

static int went_well(struct shipper *s, int more)
{
	uint64_t pause = pause_ns(s, 0);
	bool came_back = s->tries;

	if (s->tries)
		log_info("the store takes records again");
	if (s->tries || s->state.status != SHIP_WELL ||
	    s->state.quarantined != ship_counts(s->ship)->quarantined)
		tell_state(s, SHIP_WELL, 0, "");
	s->state.store_ns = clock_wall_ns();
	s->tries = 0;
	failing_is_over(&s->failing);
	is_back(s);
	if (came_back)
		(void)!on_heartbeat(s);
	return more ? step_in(s, pause ? pause : 1) : 0;
}

/*
 * What the journal has at present, a turn's worth at most; a failure, or more, only arms the timer.
 */
static int ship_all(struct shipper *s)
{
	char why[700] = "";
	int n = check_store(s, why, sizeof(why)), steps = 0;
	uint64_t sent;

	if (n)
		return failed(s, n, why);
	if (!s->admitted) {
		n = report(s, false);
		if (n)
			return failed(s, n, store_why(s->role.store));
	}
	if (!s->admitted)
		return 0; /* the next heartbeat, or the journal's first record, asks again */
	do {
		sent = ship_counts(s->ship)->sent;
		n = ship_step(s->ship);
		sent = ship_counts(s->ship)->sent - sent;
	} while (n > 0 && ++steps < TURN_STEPS && !pause_ns(s, sent));
	return n < 0 ? failed(s, n, ship_why(s->ship)) : went_well(s, n);
}

static int on_notifier(void *arg)
{
	struct shipper *s = arg;
	uint64_t pause;

	ship_fd_clear(s->ship);
	if (s->armed || s->refused)
		return 0;
	pause = pause_ns(s, 0);
	return pause ? step_in(s, pause) : ship_all(s);
}

/*
 * While the store is away its own timer decides; a heartbeat that does not get through begins that.
 */
static int on_heartbeat(void *arg)
{
	struct shipper *s = arg;
	bool was_refused = s->refused;
	int err = s->tries ? 0 : report(s, false), armed = next_heartbeat(s);

	if (err && !armed)
		armed = failed(s, err, store_why(s->role.store));
	return !armed && !err && was_refused && !s->refused ? ship_all(s) : armed;
}

/* A stopped agent is told at once, not when its silence has lasted. */
static int on_look(void *arg)
{
	struct shipper *s = arg;

	return heartbeat_look(s->heartbeat) ? on_heartbeat(s) : 0;
}

static int on_timer(void *arg)
{
	struct shipper *s = arg;

	s->armed = false;
	return ship_all(s);
}

static int on_walk(void *arg)
{
	struct shipper *s = arg;

	ship_rewind(s->ship);
	ship_offer_again(s->ship);
	return s->tries || s->refused ? 0 : ship_all(s);
}

/* --- what the executables are ---------------------------------------------------------------------------- */

static void on_record(const struct event *ev, void *arg)
{
	executables_note(((struct shipper *)arg)->executables, ev);
}

static void on_executables(void *arg)
{
	struct shipper *s = arg;

	if (loop_timer_hasten(s->tell_timer, TELL_EVERY_NS))
		log_debug("no timer to tell of executables");
}

/* Never a reason to ship no records: an account or a schema from before there was this goes on. */
static int tell_failed(struct shipper *s, int err)
{
	if (!s->untold)
		log_warn("the store takes no executables of this node (%s): run 'ajar db migrate' "
			 "and 'ajar db grant %s' again; records are sent",
			 store_why(s->role.store), s->conf->node_name);
	s->untold = true;
	log_debug("an executable was not stored: %s", store_error_text(err));
	return loop_timer_set(s->tell_timer, TELL_AGAIN_NS, 0);
}

static int on_tell(void *arg)
{
	struct shipper *s = arg;
	struct executable_report r;
	int err;

	if (!executables_next(s->executables, &r))
		return 0;
	/* Records go first: what waits is looked at again when the store takes them. */
	if (s->tries || s->armed || !s->admitted || s->refused)
		return loop_timer_set(s->tell_timer, s->armed ? LOCAL_EVERY_NS / 4 : LOCAL_EVERY_NS,
				      0);
	err = store_put_executable(s->role.store, s->conf->node_name, s->conf->node_class, r.path,
				   r.file);
	if (err && store_fault(err) != STORE_RETRY && store_fault(err) != STORE_QUARANTINE)
		return tell_failed(s, err);
	if (err && store_fault(err) == STORE_RETRY)
		return loop_timer_set(s->tell_timer, LOCAL_EVERY_NS, 0);
	s->untold = false;
	executables_told(s->executables);
	return loop_timer_set(s->tell_timer, TELL_EVERY_NS, 0);
}

static int on_recheck(void *arg)
{
	executables_recheck(((struct shipper *)arg)->executables);
	return 0;
}

static int set_up_executables(struct shipper *s)
{
	const struct executables_opts o = { .ready = on_executables, .arg = s };
	int err = executables_new(s->role.loop, &o, &s->executables);

	if (!err)
		err = standing_new(s->role.loop, s->role.journal_dir, s->executables, &s->standing);
	if (!err)
		err = loop_add_timer(s->role.loop, on_tell, s, &s->tell_timer);
	if (!err)
		err = loop_add_timer(s->role.loop, on_recheck, s, &s->recheck_timer);
	return err ? err : loop_timer_set(s->recheck_timer, RECHECK_NS, RECHECK_NS);
}

/* --- the role ----------------------------------------------------------------------------------------- */

static int add_timers(struct shipper *s)
{
	struct loop_source *tick = NULL, *walk = NULL, *look = NULL;
	int err = loop_add_timer(s->role.loop, on_timer, s, &s->timer);

	if (!err)
		err = loop_add_timer(s->role.loop, on_tick, s, &tick);
	if (!err)
		err = loop_timer_set(tick, SHIP_STATE_EVERY_NS, SHIP_STATE_EVERY_NS);
	if (!err)
		err = loop_add_timer(s->role.loop, on_walk, s, &walk);
	if (!err)
		err = loop_add_timer(s->role.loop, on_look, s, &look);
	if (!err)
		err = loop_timer_set(look, LOOK_NS, LOOK_NS);
	if (!err)
		err = loop_add_timer(s->role.loop, on_heartbeat, s, &s->heartbeat_timer);
	if (!err)
		err = next_heartbeat(s);
	return err ? err : loop_timer_set(walk, WALK_NS, WALK_NS);
}

static int set_up(struct shipper *s)
{
	const struct ship_opts o = { .node = s->conf->node_name,
				     .host_type = s->conf->node_class,
				     .damage = on_damage,
				     .conflict = on_conflict,
				     .record = on_record,
				     .arg = s };
	const struct heartbeat_opts b = { .node = s->conf->node_name,
					  .host_type = s->conf->node_class,
					  .interval_ns = s->conf->health_interval_ns,
					  .silent_ns = s->conf->health_silent_ns };
	int err = role_start(s->conf, true, &s->role), fd;

	if (err)
		return err;
	if (s->conf->health_silent_ns < 2 * s->conf->health_interval_ns)
		log_warn(
			"health.silent-after is less than twice health.interval: this node will be "
			"taken for silent now and then");
	recall(s);
	err = set_up_executables(s);
	if (!err)
		err = ship_new(s->role.journal_dir, s->role.store, &o, &s->ship);
	if (!err && !s->local)
		err = set_up_local(s);
	if (!err)
		err = heartbeat_new(s->role.journal_dir, &b, &s->heartbeat);
	if (!err)
		err = add_timers(s);
	if (err)
		return log_err(err, "cannot set up the shipper");
	if (ship_counts(s->ship)->quarantine_damaged)
		log_warn("the file " QUARANTINE_FILE
			 " was damaged: it is kept beside it under another name");
	fd = ship_fd(s->ship);
	if (fd < 0)
		return log_err(fd, "cannot watch the journal");
	err = loop_add_fd(s->role.loop, fd, EPOLLIN, on_notifier, s, NULL);
	return err ? log_err(err, "cannot watch the journal") : 0;
}

static int ship(struct shipper *s)
{
	int err = ship_all(s), n;

	if (!err)
		err = notify_send("READY=1");
	if (!err)
		err = loop_run(s->role.loop);
	/*
	 * What came in while we were told to stop; what is too much for that waits in the journal.
	 */
	for (uint64_t start = clock_boot_ns(); !err && !s->tries && s->admitted;) {
		n = ship_step(s->ship);
		if (n <= 0 || clock_boot_ns() - start > STOP_NS)
			break;
	}
	tell_state(s, SHIP_ENDED, s->state.err, s->state.why);
	if (!err && !s->tries && s->admitted && report(s, true))
		log_debug("the store does not know that we stop: %s", store_why(s->role.store));
	return err ? log_err(err, "the shipper stops") : 0;
}

int daemon_shipper(const struct daemon_opts *o)
{
	struct shipper s = { .role = ROLE_INIT("ship"), .conf = o->conf };
	int err;

	log_init("ajar-ship");
	role_log_level(o->quiet);
	s.role.away = on_away;
	err = set_up(&s);
	if (!err)
		err = ship(&s);
	ship_free(s.ship);
	standing_free(s.standing);
	executables_free(s.executables);
	heartbeat_free(s.heartbeat);
	ship_local_free(s.local);
	role_done(&s.role);
	return err < 0 ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}
