/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Order matters:
 *
 *	1. the journal's folder, its lock and its tail, as the unprivileged user (effective uid), so that a
 *	   second agent is refused before it touches the sensor of the first;
 *	2. the sensor, as root: load, attach, pin;
 *	3. every privilege goes;
 *	4. a gap record, when nothing was watched since the last agent ended without a word;
 *	5. what was open (snapshot) and then a start record that names the first record of this
 *	   session: whoever reads the journal knows that doors confirmed before it, and not since, are gone;
 *	6. the loop: ring -> journal -> fsync -> notifier. Nothing here waits for the network or the store.
 */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/replay.h"
#include "agent/heartbeat.h"
#include "agent/redirect.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "base/proc.h"
#include "base/text.h"
#include "conf/conf.h"
#include "conf/paths.h"
#include "core/event.h"
#include "journal/journal.h"
#include "journal/silence.h"
#include "sensor/sensor.h"
#include "sensor/unpin.h"

/* Of one fdatasync: in a storm the disk is what the ring waits for. Some 2 MiB. */
#define BATCH_MAX 4096
/* An agent whose supervisor was killed needs a moment to end: its successor waits for the lock. */
/* As auditd does: what records must not wait behind what it records. */
#define NICE (-4)
#define LOSS_TELL_NS UINT64_C(10000000000)
#define NO_ROOM_TELL_NS UINT64_C(60000000000)
#define ROOM_AGAIN_NS UINT64_C(1000000000)
#define OWED_NS UINT64_C(1000000000)
/* After a loss, and between two sweeps for losses at least as many times what one takes. */
#define SWEEP_AFTER_LOSS_NS UINT64_C(50000000)
#define SWEEP_SHARE 4

struct agent {
	const struct conf *conf;
	uid_t uid;
	gid_t gid;
	int data_dir, journal_dir;
	struct journal *journal;
	struct sensor *sensor;
	struct loop *loop;
	struct loop_source *sweep_timer, *owed_timer, *heartbeat_timer;
	struct agent_heartbeat *heartbeat;
	struct redirect_end *redirects;
	struct unpinner unpinner;
	struct buf record;
	struct replay *replay; /* what a sensor that was taken over may deliver again */
	unsigned batch; /* records appended and not yet committed */
	uint64_t first_seq; /* of this session, 0 until the first record */
	uint64_t lost, loss_reported_ns; /* not told yet; when told last */
	uint64_t sweep_took_ns; /* the last sweep on the timer */
	bool journal_gone; /* its folder is not where it was */
	uint64_t looked_ns; /* when nothing of the sensor was taken away yet, boot time */
	uint64_t dropped, no_room_ns,
		no_room_reported_ns; /* while there is none; when last; when told */
	uint64_t dropped_total;
	bool stopping;
};

/* --- recording ------------------------------------------------------------------------------- */

/*
 * Each record that goes is counted by a gap record; people hear of it at once, then once a minute.
 */
static void tell_no_room(struct agent *a, uint64_t dropped, int err)
{
	uint64_t now = clock_boot_ns();

	if (!dropped && !err) {
		if (a->no_room_ns && now - a->no_room_ns > ROOM_AGAIN_NS) {
			log_info("the journal has room again, gap records count the %" PRIu64
				 " records that went",
				 a->dropped);
			a->dropped = a->no_room_ns = 0;
		}
		return;
	}
	a->dropped += dropped;
	a->no_room_ns = now;
	if (a->no_room_reported_ns && now - a->no_room_reported_ns < NO_ROOM_TELL_NS)
		return;
	a->no_room_reported_ns = now;
	if (err && err != -ENOSPC && err != -EDQUOT)
		log_err(err, "cannot write the journal, continuing without (gap records will count "
			     "what is lost): look at its disk");
	else
		log_warn("the journal has no room, continuing; %" PRIu64
			 " records went so far (gap records count them): free disk space or "
			 "raise journal.max-bytes",
			 a->dropped);
}

static int commit(struct agent *a)
{
	uint64_t dropped = 0;
	int err;

	if (!a->batch && !journal_owes(a->journal))
		return 0;
	a->batch = 0;
	err = journal_commit(a->journal, &dropped);
	a->dropped_total += dropped;
	tell_no_room(a, dropped, err);
	/*
	 * The sensor is never stopped by a disk; a gap record that waits for room is tried again.
	 */
	return journal_owes(a->journal) ? loop_timer_set(a->owed_timer, OWED_NS, 0) : 0;
}

/*
 * Each loss is a record; people hear of it now and then. One that comes while a sweep is due does
 * not put that off, or a storm would keep away what repairs it.
 */
static int on_loss(struct agent *a, uint64_t count)
{
	uint64_t now = clock_boot_ns(), after = SWEEP_SHARE * a->sweep_took_ns;

	a->lost += count;
	if (!a->loss_reported_ns || now - a->loss_reported_ns >= LOSS_TELL_NS) {
		log_warn("the sensor lost %" PRIu64
			 " record%s, sweeping to find what they were about",
			 a->lost, plural(a->lost));
		a->lost = 0;
		a->loss_reported_ns = now;
	}
	return loop_timer_hasten(a->sweep_timer,
				 after > SWEEP_AFTER_LOSS_NS ? after : SWEEP_AFTER_LOSS_NS);
}

static int record(const struct event *ev, void *arg)
{
	struct agent *a = arg;
	struct event own = *ev;
	struct journal_pos pos;
	int err;

	if (a->replay && replay_is_known(a->replay, ev))
		return 0;
	if (a->replay)
		replay_complete(a->replay, &own);
	buf_reset(&a->record);
	event_encode(&own, &a->record);
	err = a->record.err;
	if (!err)
		err = journal_append(a->journal, a->record.data, a->record.len, &pos);
	if (err)
		return log_err(err, "cannot record a %s event", event_kind_name(ev->kind));
	if (!a->first_seq)
		a->first_seq = pos.seq;
	if (ev->kind == EVENT_LOST) {
		err = on_loss(a, ev->count);
		if (err)
			return err;
	}
	if (++a->batch < BATCH_MAX)
		return 0;
	err = commit(a);
	/* A sweep hands over more than one batch: what is on disk need not wait for its end. */
	if (!err)
		sensor_commit(a->sensor);
	return err;
}

static int record_own(struct agent *a, enum event_kind kind, const char *reason, uint64_t from_seq)
{
	struct event ev = { .kind = kind,
			    .origin = ORIGIN_EVENT,
			    .time_ns = clock_wall_ns(),
			    .boot_ns = clock_boot_ns(),
			    .from_seq = from_seq,
			    .own_netns = kind == EVENT_START ? sensor_report(a->sensor)->netns : 0,
			    .reason = text_of(reason) };
	int err = record(&ev, a);

	return err ? err : commit(a);
}

/* Something was not watched since then; how many doors came and went nobody knows: one loss. */
static int record_gap(struct agent *a, uint64_t since_wall_ns, const char *reason)
{
	struct event ev = { .kind = EVENT_GAP,
			    .origin = ORIGIN_EVENT,
			    .time_ns = clock_wall_ns(),
			    .boot_ns = clock_boot_ns(),
			    .opened_ns = since_wall_ns,
			    .count = 1,
			    .reason = text_of(reason) };
	int err = record(&ev, a);

	return err ? err : commit(a);
}

/* The kernel's copy goes when ours is on disk: an agent that is killed in between gets it again. */
static int drain(struct agent *a)
{
	int n = sensor_drain(a->sensor, record, a), err = n < 0 ? n : commit(a);

	if (!err)
		sensor_commit(a->sensor);
	return err;
}

static int on_ring(void *arg)
{
	struct agent *a = arg;
	int err = drain(a);

	return err ? log_err(err, "cannot read the sensor's ring") : 0;
}

static int sweep(struct agent *a, enum event_origin origin)
{
	int n = sensor_sweep(a->sensor, (int)origin, record, a), err = n < 0 ? n : commit(a);

	if (!err)
		sensor_commit(a->sensor);
	return err;
}

static int on_sweep(void *arg)
{
	struct agent *a = arg;
	uint64_t began = clock_boot_ns();
	int err = drain(a); /* what has happened comes before what is found */

	if (!err)
		err = sweep(a, ORIGIN_SWEEP);
	a->sweep_took_ns = clock_boot_ns() - began;
	if (err)
		log_err(err, "the sweep failed, continuing with events alone");
	return 0;
}

static int on_owed(void *arg)
{
	return commit(arg);
}

static void on_harm(const struct sensor_harm *h, void *arg)
{
	struct buf *said = arg;

	if (h->canary)
		log_warn("the process that tries from another cgroup whether the hooks see doors "
			 "has "
			 "ended, continuing with doors of our own cgroup: restart the agent");
	else if (!h->what && !h->err)
		log_warn("somebody removed pins of the sensor, they are made again");
	else if (!h->what)
		log_warn("somebody removed pins of the sensor and they cannot be made again (%s): "
			 "if this agent is killed its successor finds no sensor; restart the agent",
			 strerror(-h->err));
	else
		buf_printf(said, "%s%s (%s) was taken away%s", said->len ? "; " : "", h->what,
			   h->hook,
			   h->err ? " and cannot be attached again without privileges"
				  : ", it is attached again");
}

static void on_crowd(const struct sensor_crowd *c, void *arg)
{
	struct buf *said = arg;

	buf_printf(said, "%stoo many doors of ", said->len ? "; " : "");
	if (!c->known)
		buf_puts(said, "nobody who is known");
	else if (c->user.len)
		buf_printf(said, "user %.*s (%u)", (int)c->user.len, c->user.ptr, c->uid);
	else
		buf_printf(said, "uid %u", c->uid);
	buf_printf(said, ": %zu are open, and what is above %u%s is not recorded", c->doors,
		   c->limit, c->everybody ? " of all users together" : "");
}

/* Doors that are not recorded are a gap, too. */
static int look_for_crowds(struct agent *a)
{
	_cleanup_(buf_done) struct buf said = BUF_INIT(2048);

	sensor_crowded(a->sensor, on_crowd, &said);
	if (!said.len)
		return 0;
	log_warn("%s: end the programs that have them, or raise sensor.doors-per-user",
		 buf_str(&said));
	return record_gap(a, clock_wall_of_boot(a->looked_ns), buf_str(&said));
}

/* Who is started again has the privileges to attach what we cannot. */
static bool is_supervised(void)
{
	return getenv(PROC_SUPERVISOR_ENV) || getenv("INVOCATION_ID");
}

/*
 * What the hooks did not see since the last look is a gap, and a sweep finds what is still open.
 * *ret_whole: they see now.
 */
static int look_after_sensor(struct agent *a, bool *ret_whole)
{
	_cleanup_(buf_done) struct buf said = BUF_INIT(2048);
	uint64_t now = clock_boot_ns();
	int err = 0;

	*ret_whole = sensor_look_after(a->sensor, on_harm, &said);
	if (said.len) {
		log_warn("somebody took hooks away from the sensor: %s", buf_str(&said));
		err = record_gap(a, clock_wall_of_boot(a->looked_ns), buf_str(&said));
		if (!err)
			err = loop_timer_hasten(a->sweep_timer, SWEEP_AFTER_LOSS_NS);
		if (!err && !*ret_whole && is_supervised())
			return log_err(-EPERM, "ending, to be started again with privileges");
	}
	if (*ret_whole)
		a->looked_ns = now;
	return err;
}

/*
 * We and the shipper hold the folder and go on with it wherever it is; whoever comes next, and all
 * who ask, look for it by name.
 */
static void look_for_journal(struct agent *a)
{
	/* A name that we may not look up says nothing. */
	bool gone = file_is_named(a->data_dir, AT_FDCWD, a->conf->data_dir) == 0 ||
		    file_is_named(a->journal_dir, a->data_dir, PATHS_JOURNAL) == 0;

	if (gone && !a->journal_gone)
		log_warn("somebody moved or removed %s/" PATHS_JOURNAL
			 ": this agent goes on in the old folder, which nobody else finds; put it "
			 "back, or restart the agent",
			 a->conf->data_dir);
	else if (!gone && a->journal_gone)
		log_info("%s/" PATHS_JOURNAL " is back", a->conf->data_dir);
	a->journal_gone = gone;
}

/* A heartbeat that cannot be written is missed by those who look for it; recording goes on. */
static int on_heartbeat(void *arg)
{
	struct agent *a = arg;
	bool whole = true;
	int err = drain(a);

	if (err)
		return log_err(err, "cannot read the sensor's ring");
	look_for_journal(a);
	err = look_for_crowds(a);
	if (!err)
		err = look_after_sensor(a, &whole);
	if (!err && agent_heartbeat_renew(a->heartbeat, whole, a->dropped_total))
		log_debug("cannot renew the heartbeat");
	return err;
}

static int on_signal(int signo, void *arg)
{
	struct agent *a = arg;

	log_debug("SIG%s: stopping", sigabbrev_np(signo));
	a->stopping = true;
	loop_stop(a->loop);
	return 0;
}

static int record_redirect(struct text list, uint32_t ways, void *arg)
{
	struct agent *a = arg;
	struct event ev = { .kind = EVENT_REDIRECT,
			    .origin = ORIGIN_EVENT,
			    .time_ns = clock_wall_ns(),
			    .boot_ns = clock_boot_ns(),
			    .count = ways,
			    .reason = list };
	int err = record(&ev, a);

	return err ? err : commit(a);
}

/* --- starting and stopping --------------------------------------------------------------------- */

/* Anew after each change of uid, which clears it. */
static int follow(void)
{
	int err = proc_follow_supervisor();

	return err ? log_err(err, "cannot follow the supervisor") : 0;
}

static int open_journal_as_role(struct agent *a)
{
	const struct journal_opts o = { .node = a->conf->node_name,
					.max_bytes = a->conf->journal_max_bytes,
					.segment_bytes = a->conf->journal_segment_bytes,
					.replay_ns = a->conf->journal_replay_ns };
	char boot_id[CLOCK_BOOT_ID_LEN + 1];
	_free_ char *why = NULL;
	int err = clock_boot_id(boot_id);

	if (err)
		return log_err(err, "cannot read /proc/sys/kernel/random/boot_id");
	for (uint64_t since = clock_boot_ns();;) {
		err = journal_open(a->journal_dir, &o, boot_id, &a->journal, &why);
		if (err != -EBUSY || clock_boot_ns() - since > FILE_PREDECESSOR_NS)
			break;
		free(take_ptr(why));
		/* An orphan would outlast the agent that came after it, and take its place. */
		err = follow();
		if (err)
			return err;
		poll(NULL, 0, 20);
	}
	if (err == -EBUSY)
		return log_usage("another ajar-agent writes %s/journal: stop it, or give another "
				 "--data",
				 a->conf->data_dir);
	if (err == -EACCES)
		return log_usage("uid %u may not write what is in %s/journal: 'chown -R %u:%u "
				 "%s/journal'",
				 (unsigned)a->uid, a->conf->data_dir, (unsigned)a->uid,
				 (unsigned)a->gid, a->conf->data_dir);
	if (err)
		return log_err(err, "cannot open the journal in %s/journal%s%s", a->conf->data_dir,
			       why ? ": " : "", why ? why : "");
	if (why)
		log_warn("%s", why);
	return 0;
}

static int open_journal(struct agent *a)
{
	struct buf path = BUF_INIT(4096);
	int err = paths_journal(a->conf, &path);

	if (!err)
		err = file_mkdir_p(path.data, 0750, a->uid, a->gid);
	if (!err) {
		a->data_dir = open(a->conf->data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		a->journal_dir = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (a->journal_dir < 0)
			err = -errno;
	}
	if (err)
		err = log_usage("cannot make the folder '%s' (%s): give another --data",
				buf_str(&path), strerror(-err));
	buf_done(&path);
	if (err)
		return err;
	/* Files belong to the role from their birth; root comes back for the sensor. */
	if (setegid(a->gid) < 0 || seteuid(a->uid) < 0)
		return log_err(-errno, "cannot take on uid %u", (unsigned)a->uid);
	err = open_journal_as_role(a);
	if (seteuid(0) < 0 || setegid(0) < 0)
		return log_err(-errno, "cannot take root back");
	/* No sensor is loaded for one who is gone. */
	return err ? err : follow();
}

static int open_sensor(struct agent *a)
{
	struct buf pin_dir = BUF_INIT(4096);
	struct sensor_opts o = { .uid = a->uid,
				 .gid = a->gid,
				 .lowest = a->conf->lowest_tier,
				 .own_netns = conf_own_netns(a->conf),
				 .other_cgroup = true,
				 .doors_by_user = (uint32_t)a->conf->doors_by_user };
	_free_ char *why = NULL;
	int err = paths_pin_dir(a->conf, &pin_dir);

	o.pin_dir = pin_dir.data;
	if (!err)
		err = sensor_open(&o, &a->sensor, &why);
	buf_done(&pin_dir);
	if (err && why)
		return log_usage("%s", why);
	return err ? log_err(err, "cannot start the sensor") : 0;
}

static int drop(struct agent *a)
{
	int err;

	if (setpriority(PRIO_PROCESS, 0, NICE) < 0)
		log_debug("cannot raise our priority: %s, continuing without", strerror(errno));
	err = proc_drop_privileges(a->uid, a->gid);
	if (err)
		return log_err(err, "cannot give up root");
	err = follow();
	if (err)
		return err;
	log_debug("privileges dropped: uid %u, no capabilities", (unsigned)a->uid);
	return 0;
}

static int set_up_loop(struct agent *a)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
	int err = loop_new(&a->loop);

	if (!err)
		err = loop_add_signals(a->loop, signals, on_signal, a);
	if (!err)
		err = loop_add_timer(a->loop, on_sweep, a, &a->sweep_timer);
	if (!err)
		err = loop_add_timer(a->loop, on_owed, a, &a->owed_timer);
	if (!err)
		err = loop_add_timer(a->loop, on_heartbeat, a, &a->heartbeat_timer);
	if (!err)
		err = loop_timer_set(a->heartbeat_timer, a->conf->health_interval_ns,
				     a->conf->health_interval_ns);
	if (!err && a->conf->sweep_every_ns)
		err = loop_timer_set(a->sweep_timer, a->conf->sweep_every_ns,
				     a->conf->sweep_every_ns);
	if (!err)
		err = loop_add_fd(a->loop, sensor_fd(a->sensor), EPOLLIN, on_ring, a, NULL);
	if (!err)
		err = redirect_attach(a->redirects, a->loop, record_redirect, a);
	return err ? log_err(err, "cannot set up the event loop") : 0;
}

/*
 * The tier, how far it looks, and what it leaves out; all hooks by name are `ajar doctor`'s
 * business.
 */
static void describe(const struct agent *a, struct buf *b)
{
	const struct sensor_report *r = sensor_report(a->sensor);
	uint64_t since;
	int err;

	buf_printf(b, "tier %c", r->tier);
	if (r->why)
		buf_printf(b, " (%s)", r->why);
	if (r->misses)
		buf_printf(b, "; %s", r->misses);
	/*
	 * Whoever reads this must not take silence about the rest of the machine for peace there.
	 */
	if (r->only_netns)
		buf_printf(b, "; only network namespace %" PRIu32, r->only_netns);
	for (unsigned i = 0; i < r->hooks_len; i++) {
		const struct sensor_hook_report *h = &r->hooks[i];

		if (!h->hook)
			buf_printf(b, "; %s not watched%s%s", h->what, h->note ? ": " : "",
				   h->note ? h->note : "");
	}
	err = redirect_unconfined(a->redirects);
	if (err)
		buf_printf(b, "; what reads rules that redirect has no seccomp filter: %s",
			   strerror(-err));
	if (sensor_resumed(a->sensor, &since))
		buf_printf(b,
			   "; took over a sensor that had no reader for %" PRIu64
			   " ms, it recorded meanwhile",
			   (clock_boot_ns() - since) / 1000000);
}

/* The agent before ended without a stop record, and its sensor is gone too. */
static int record_silence(struct agent *a)
{
	char boot_id[CLOCK_BOOT_ID_LEN + 1];
	uint64_t since = 0, now;
	int ret = clock_boot_id(boot_id);

	if (!ret)
		ret = journal_silence(a->journal_dir, boot_id, &since);
	if (ret < 0)
		log_warn("cannot tell when the agent before ended (%s), continuing without",
			 strerror(-ret));
	if (ret <= 0)
		return 0;
	now = clock_wall_ns();
	log_warn("nothing was watched for %" PRIu64 " ms: the agent before ended without a word",
		 now > since ? (now - since) / 1000000 : 0);
	return record_gap(a, since,
			  "the agent ended without a word and no sensor was attached: what opened "
			  "and closed meanwhile is not known");
}

/* What is open now, then the start record. */
static int begin(struct agent *a)
{
	const struct sensor_report *r = sensor_report(a->sensor);
	struct buf reason = BUF_INIT(2048);
	uint64_t since, from_seq;
	bool resumed = sensor_resumed(a->sensor, &since);
	int err = resumed ? replay_new(a->journal_dir, journal_head(a->journal), a->sensor,
				       &a->replay)
			  : 0;

	if (err)
		return log_err(err, "cannot read back the end of the journal");
	err = resumed ? 0 : record_silence(a);
	if (!err)
		err = drain(a);
	if (!err)
		err = sweep(a, resumed ? ORIGIN_SWEEP : ORIGIN_SNAPSHOT);
	if (err)
		return log_err(err, "cannot look at what is open");
	describe(a, &reason);
	/* A resumed sensor knows the doors of before: none is to be presumed gone. */
	from_seq = resumed ? 0 : (a->first_seq ? a->first_seq : journal_head(a->journal).seq + 1);
	err = record_own(a, EVENT_START, buf_str(&reason), from_seq);
	if (!err)
		err = agent_heartbeat_new(a->journal_dir, a->sensor, buf_str(&reason),
					  a->conf->journal_max_bytes, &a->heartbeat);
	a->looked_ns = clock_boot_ns();
	log_debug("recording: %s", buf_str(&reason));
	if (r->misses)
		log_warn("tier %c sees less than tier A: %s; %s", r->tier,
			 r->why ? r->why : "it was taken over", r->misses);
	buf_done(&reason);
	if (!err)
		err = notify_send("READY=1");
	return err ? log_err(err, "cannot begin to record") : 0;
}

static int end(struct agent *a)
{
	int err = drain(a);

	if (!err)
		err = record_own(a, EVENT_STOP, "stopped by signal", 0);
	if (!err && agent_heartbeat_end(a->heartbeat, a->dropped_total))
		log_debug("cannot write the last heartbeat");
	return err;
}

/* Under `ajar run` that is its business: it also knows when no agent comes after this one. */
static void start_unpinner(struct agent *a)
{
	struct buf dir = BUF_INIT(4096);
	int err = 0;

	if (!a->conf->keep_pins && !getenv(PROC_SUPERVISOR_ENV)) {
		err = paths_pin_dir(a->conf, &dir);
		if (!err)
			err = unpin_start(buf_str(&dir), false, &a->unpinner);
	}
	if (err)
		log_warn("nothing will remove the pin folder at the end (%s), continuing without: "
			 "'ajar doctor' names it then",
			 strerror(-err));
	buf_done(&dir);
}

static int run(struct agent *a)
{
	bool fallback;
	int err = proc_role_ids(a->conf->role_user, &a->uid, &a->gid, &fallback);

	if (err)
		return log_err(err,
			       "neither user '%s' nor 'nobody' is in /etc/passwd: "
			       "run 'useradd --system %s'",
			       a->conf->role_user, a->conf->role_user);
	redirect_start(a->uid, a->gid, a->conf->health_interval_ns, &a->redirects);
	start_unpinner(a);
	err = open_journal(a);
	if (!err)
		err = open_sensor(a);
	if (!err)
		err = drop(a);
	if (!err)
		err = set_up_loop(a);
	if (!err)
		err = begin(a);
	if (!err)
		err = loop_run(a->loop);
	if (!err)
		err = end(a);
	return err;
}

int agent_run(const struct conf *conf)
{
	struct agent a = { .conf = conf,
			   .data_dir = -1,
			   .journal_dir = -1,
			   .record = BUF_INIT(EVENT_RECORD_MAX) };
	int err;

	if (geteuid())
		return log_usage("watching the kernel needs root: run 'sudo ajar-agent'");
	err = run(&a);
	/*
	 * After a failure the pins stay only if they were there to keep: a crash loop must not lose
	 * events.
	 */
	if (a.sensor)
		sensor_free(a.sensor, a.stopping && !conf->keep_pins);
	unpin_end(&a.unpinner, a.stopping && !conf->keep_pins);
	journal_free(a.journal);
	replay_free(a.replay);
	agent_heartbeat_free(a.heartbeat);
	loop_free(a.loop);
	redirect_free(a.redirects);
	buf_done(&a.record);
	close_fd(&a.data_dir);
	close_fd(&a.journal_dir);
	return err;
}
