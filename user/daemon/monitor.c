/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "alert/route.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/failing.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "base/parse.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/metrics_file.h"
#include "daemon/role.h"
#include "daemon/route_log.h"
#include "daemon/scan_child.h"
#include "monitor/crosscheck.h"
#include "monitor/judge.h"
#include "monitor/requests.h"
#include "monitor/retention.h"
#include "monitor/health_watch.h"
#include "store/health.h"
#include "store/store.h"
#include "store/tally.h"
#include "view/view.h"
#include "view/writer.h"
#include "web/http.h"

/*
 * The monitor sleeps until the store notifies it: somebody committed events or a profile. It
 * judges, and what that changed goes to the sinks.
 */
#define RETRY_NS UINT64_C(1000000000)
#define PRUNE_FIRST_NS UINT64_C(5000000000) /* not while it starts */
#define PRUNE_EVERY_NS UINT64_C(3600000000000)
#define PRUNE_PAUSE_NS UINT64_C(20000000)
#define CROSSCHECK_EVERY_NS UINT64_C(2000000000)
#define CROSSCHECK_SOON_NS UINT64_C(200000000) /* notifications come in flocks */
#define CROSSCHECK_PAUSE_NS UINT64_C(10000000)
#define REQUESTS_EVERY_NS UINT64_C(500000000) /* of a server nobody is notified of them */
#define REQUESTS_PAUSE_NS UINT64_C(10000000)
#define DAY_NS UINT64_C(86400000000000)
#define LOOK_NS UINT64_C(10000000000)
#define TELL_NS UINT64_C(100000000) /* after a step of judging, for alerts that are going out */

struct monitor {
	struct role role;
	struct judge *judge;
	struct route *route;
	struct health_watch *health;
	struct loop_source *timer, *prune_timer, *health_watch_timer;
	struct retention retention;
	struct failing judging;
	struct scan_child scanner;
	uint64_t stepped_ns; /* boot clock: when the last step of judging ended */
	uint64_t heartbeat_ns; /* boot clock: when the next heartbeat is due */
	const struct conf *conf;
	struct loop_source *metrics_timer;
	bool no_metrics;
	struct crosscheck *crosscheck;
	struct loop_source *crosscheck_timer;
	struct failing comparing;
	bool crosscheck_soon;
	struct loop_source *requests_timer;
	struct failing carrying_out;
	bool requests_soon;
};

static int format_alert(const struct store_alert *a, struct buf *b)
{
	struct writer w;
	struct jsonw j;

	jsonw_init(&j, b);
	writer_json(&w, &j);
	view_alert_json(&w, a);
	return b->err;
}

/*
 * A heartbeat, for 'ajar check'; of several monitors one sends it at a time. What fails here fails
 * in step() too.
 */
static void send_heartbeat(struct monitor *m)
{
	struct store *s = m->role.store;
	uint64_t now;

	if (clock_boot_ns() < m->heartbeat_ns || store_begin(s))
		return;
	m->heartbeat_ns = clock_boot_ns() + LOOK_NS / 2;
	if (store_interval_lock(s, STORE_INTERVAL_MONITOR, LOOK_NS / 2, &now) < 0 ||
	    store_commit(s))
		store_rollback(s);
}

/*
 * What scans saw, against what the kernels show: a few hosts at a time, so that judging never waits
 * for it.
 */
static int on_crosscheck(void *arg)
{
	struct monitor *m = arg;
	unsigned changes = 0;
	bool more = false;
	int err;

	m->crosscheck_soon = false;
	err = crosscheck_step(m->crosscheck, clock_wall_ns(), &changes, &more);

	if (!err)
		failing_is_over(&m->comparing);
	else if (failing_is_new(&m->comparing, err))
		log_warn("cannot compare what scans saw: %s (%s), trying again",
			 store_error_text(err), store_why(m->role.store));
	if (changes)
		route_kick(m->route);
	return loop_timer_set(m->crosscheck_timer,
			      more && !err ? CROSSCHECK_PAUSE_NS : CROSSCHECK_EVERY_NS, 0);
}

static int set_up_crosscheck(struct monitor *m)
{
	int err = crosscheck_new(m->role.store, judge_alerting(m->judge), &m->crosscheck);

	if (!err)
		err = loop_add_timer(m->role.loop, on_crosscheck, m, &m->crosscheck_timer);
	if (!err)
		err = loop_timer_set(m->crosscheck_timer, CROSSCHECK_EVERY_NS, 0);
	return err ? log_err(err, "cannot set up the comparison with scans") : 0;
}

static int step(struct monitor *m)
{
	uint64_t now = clock_wall_ns(), next = 0;
	unsigned changes = 0;
	int err;

	judge_hurry(m->judge, route_is_sending(m->route));
	err = judge_step(m->judge, now, &changes, &next);
	m->stepped_ns = clock_boot_ns();
	if (changes)
		route_kick(m->route);
	if (err) {
		if (failing_is_new(&m->judging, err))
			log_warn("cannot judge: %s (%s), trying again every second",
				 store_error_text(err), store_why(m->role.store));
		return loop_timer_set(m->timer, RETRY_NS, 0);
	}
	if (failing_is_over(&m->judging))
		log_info("judging again");
	send_heartbeat(m);
	/* A row that somebody INSERTs by hand notifies nobody. */
	if (!next || next > now + LOOK_NS)
		next = now + LOOK_NS;
	return loop_timer_set(m->timer, next > now ? next - now : 1, 0);
}

/* What people ask for in the web page. What they have decided the judge goes by next. */
static int on_requests(void *arg)
{
	struct monitor *m = arg;
	const struct requests_opts o = { .snooze_max_ns = m->conf->alert_snooze_max_ns };
	unsigned changes = 0;
	bool more = false;
	int err;

	m->requests_soon = false;
	err = requests_step(m->role.store, &o, &changes, &more);

	if (!err)
		failing_is_over(&m->carrying_out);
	else if (failing_is_new(&m->carrying_out, err))
		log_warn("cannot do what is asked for in the web page: %s (%s), trying again",
			 store_error_text(err), store_why(m->role.store));
	if (changes)
		route_kick(m->route);
	err = loop_timer_set(m->requests_timer,
			     more				   ? REQUESTS_PAUSE_NS
			     : store_is_remote(m->conf->store_uri) ? REQUESTS_EVERY_NS
								   : LOOK_NS,
			     0);
	return err || !changes ? err : step(m);
}

static int set_up_requests(struct monitor *m)
{
	int err = loop_add_timer(m->role.loop, on_requests, m, &m->requests_timer);

	if (!err)
		err = loop_timer_set(m->requests_timer, REQUESTS_PAUSE_NS, 0);
	return err ? log_err(err, "cannot set up the timer of requests") : 0;
}

/* However much there is to judge, and whoever brings more: what is judged goes out meanwhile. */
static int on_timer(void *arg)
{
	struct monitor *m = arg;
	const uint64_t told_ns = m->stepped_ns + TELL_NS, now = clock_boot_ns();

	return now < told_ns && route_is_sending(m->route)
		       ? loop_timer_set(m->timer, told_ns - now, 0)
		       : step(m);
}

static int on_notifier(void *arg)
{
	struct monitor *m = arg;
	int err = 0;

	if (!store_notifier_clear(m->role.store))
		return 0;
	if (!m->crosscheck_soon && !failing_lasts(&m->comparing)) {
		m->crosscheck_soon = true;
		err = loop_timer_set(m->crosscheck_timer, CROSSCHECK_SOON_NS, 0);
	}
	if (!err && !m->requests_soon && !failing_lasts(&m->carrying_out)) {
		m->requests_soon = true;
		err = loop_timer_set(m->requests_timer, REQUESTS_PAUSE_NS, 0);
	}
	return err ? err : on_timer(m);
}

static int on_metrics(void *arg)
{
	struct monitor *m = arg;
	int err = metrics_file(m->role.store, m->conf, m->conf->metrics_textfile);

	if (err && !m->no_metrics)
		log_warn("cannot write the metrics to '%s': %s; trying again",
			 m->conf->metrics_textfile, strerror(-err));
	m->no_metrics = err != 0;
	return loop_timer_set(m->metrics_timer, m->conf->metrics_every_ns, 0);
}

static int set_up_metrics(struct monitor *m, const struct conf *conf)
{
	int err;

	if (!*conf->metrics_textfile)
		return 0;
	err = loop_add_timer(m->role.loop, on_metrics, m, &m->metrics_timer);
	if (!err)
		err = loop_timer_set(m->metrics_timer, 1, 0);
	return err ? log_err(err, "cannot set up the timer of metrics") : 0;
}

/* How the nodes are. A store that does not answer is what step() says already. */
static int on_health_watch(void *arg)
{
	struct monitor *m = arg;
	unsigned changes = 0;
	int err = health_watch_step(m->health, &changes);

	if (err)
		log_debug("cannot look at the nodes: %s (%s)", store_error_text(err),
			  store_why(m->role.store));
	if (changes)
		route_kick(m->route);
	return loop_timer_set(m->health_watch_timer, health_watch_every_ns(m->health), 0);
}

static int set_up_health_watch(struct monitor *m, const struct conf *conf)
{
	const struct health_watch_opts o = { .silent_ns = conf->health_silent_ns,
					     .skew_ns = conf->health_skew_ns,
					     .hole_ns = conf->health_hole_ns,
					     .shared = store_is_remote(conf->store_uri) };
	int err = health_watch_new(m->role.store, &o, &m->health);

	if (!err)
		err = loop_add_timer(m->role.loop, on_health_watch, m, &m->health_watch_timer);
	if (!err)
		err = loop_timer_set(m->health_watch_timer, health_watch_every_ns(m->health), 0);
	return err ? log_err(err, "cannot set up the watch over the nodes") : 0;
}

/* A piece at a time, and time for the judge between two. */
static int on_prune(void *arg)
{
	struct monitor *m = arg;
	const struct store_pruned *done = &m->retention.done;
	int err = retention_step(&m->retention, m->role.store, clock_wall_ns());

	if (err == -EOPNOTSUPP)
		return 0; /* the server has its own way */
	if (err) {
		log_warn("cannot prune the store: %s (%s), trying again in an hour",
			 store_error_text(err), store_why(m->role.store));
		m->retention.done.more = false;
	} else if (!done->more && (done->events || done->doors || done->alerts)) {
		log_info("pruned %llu events, %llu doors, %llu alerts (store.keep-days, "
			 "store.keep-bytes)",
			 (unsigned long long)done->events, (unsigned long long)done->doors,
			 (unsigned long long)done->alerts);
	}
	return loop_timer_set(m->prune_timer, done->more ? PRUNE_PAUSE_NS : PRUNE_EVERY_NS, 0);
}

static int set_up_pruning(struct monitor *m, const struct conf *conf)
{
	int err = loop_add_timer(m->role.loop, on_prune, m, &m->prune_timer);

	m->retention.keep_ns = conf->store_keep_days * DAY_NS;
	m->retention.keep_bytes = conf->store_keep_bytes;
	if (!err && (m->retention.keep_ns || m->retention.keep_bytes))
		err = loop_timer_set(m->prune_timer, PRUNE_FIRST_NS, 0);
	return err ? log_err(err, "cannot set up the timer of pruning") : 0;
}

static int set_up_sinks(struct monitor *m, const struct conf *conf)
{
	const struct route_opts o = { .loop = m->role.loop,
				      .store = m->role.store,
				      .format = format_alert,
				      .report = route_log };
	int err = route_new(&o, &m->route);

	if (!err && *conf->alert_exec)
		err = route_add(m->route, &sink_exec, conf->alert_exec,
				conf->alert_exec_timeout_ns);
	if (err)
		return log_err(err, "cannot use the alert program '%s'", conf->alert_exec);
	if (conf->alert_syslog)
		err = route_add(m->route, &sink_syslog, NULL, 0);
	return err ? log_err(err, "cannot set up the syslog sink") : 0;
}

/* "/usr/bin/ajar" gives itself and "/usr/bin/ajar-agent", or the agent in sbin where that is. */
static void own_programs(char self[PATH_MAX], char agent[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", self, PATH_MAX - 1);
	const char *slash;

	self[n > 0 ? n : 0] = agent[0] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return;
	snprintf(agent, PATH_MAX, "%.*s/ajar-agent", (int)(slash - self), self);
	if (access(agent, F_OK) < 0 && slash - self >= 4 && !strncmp(slash - 4, "/bin", 4))
		snprintf(agent, PATH_MAX, "%.*s/sbin/ajar-agent", (int)(slash - 4 - self), self);
}

/* Where the web page of this machine listens, when nobody else gets there. */
static uint16_t own_port(const struct conf *conf)
{
	const char *colon = strrchr(conf->web_listen, ':');
	_free_ char *why = NULL;
	bool local = false;
	uint16_t port = 0;

	if (!colon || httpd_address_check(conf->web_listen, &local, &why) || !local ||
	    parse_port(colon + 1, &port))
		return 0;
	return port;
}

static int set_up(struct monitor *m, const struct conf *conf)
{
	char self[PATH_MAX], agent[PATH_MAX];
	const struct judge_opts o = { .own_programs = { self, agent },
				      .own_port = own_port(conf),
				      .reopen_nodes = conf->alert_reopen_nodes };
	int err, fd;

	m->conf = conf;
	own_programs(
		self,
		agent); /* before the privileges go, and with them the right to read the link */
	err = role_start(conf, false, &m->role);
	if (err)
		return err;
	err = judge_new(m->role.store, &o, &m->judge);
	if (!err)
		err = loop_add_timer(m->role.loop, on_timer, m, &m->timer);
	if (err)
		return log_err(err, "cannot set up the judge");
	fd = store_notifier_fd(m->role.store);
	if (fd < 0)
		return log_err(fd, "the store has no notifier");
	err = loop_add_fd(m->role.loop, fd, EPOLLIN, on_notifier, m, NULL);
	if (err)
		return log_err(err, "cannot watch the store");
	err = scan_child_watch(&m->scanner, m->role.loop);
	if (err)
		return log_err(err, "cannot watch the scanner");
	err = set_up_crosscheck(m);
	if (!err)
		err = set_up_pruning(m, conf);
	if (!err)
		err = set_up_health_watch(m, conf);
	if (!err)
		err = set_up_metrics(m, conf);
	if (!err)
		err = set_up_requests(m);
	return err ? err : set_up_sinks(m, conf);
}

static int monitor(struct monitor *m)
{
	int err = step(m);

	route_kick(m->route); /* what a killed monitor had not sent */
	if (!err)
		err = notify_send("READY=1");
	if (!err)
		err = loop_run(m->role.loop);
	if (!err)
		err = step(m); /* what came in while we were told to stop */
	return err ? log_err(err, "the monitor stops") : 0;
}

int daemon_monitor(const struct daemon_opts *o)
{
	struct monitor m = { .role = ROLE_INIT("monitor"), .scanner = { .go_fd = -1 } };
	int err;

	log_init("ajar-monitor");
	role_log_level(o->quiet);
	scan_child_start(&m.scanner, o);
	err = set_up(&m, o->conf);
	if (!err)
		err = monitor(&m);
	else if (err > 0)
		err = 0; /* told to stop before there was a store */
	scan_child_stop(&m.scanner);
	route_free(m.route);
	crosscheck_free(m.crosscheck);
	judge_free(m.judge);
	health_watch_free(m.health);
	role_done(&m.role);
	return err ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}
