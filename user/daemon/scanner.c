/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/proc.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/role.h"
#include "daemon/scan_child.h"
#include "daemon/scan_conf.h"
#include "monitor/alerting.h"
#include "scan/nmap.h"
#include "scan/runner.h"

/*
 * The monitor's scanner, a process of its own beside it: what stalls or breaks here (a name server,
 * nmap and the words of hostile services that it brings home) does not keep the monitor from
 * judging. It takes up plans when they are due, works off the queue, and deletes what is old.
 */
#define LOOK_NS UINT64_C(15000000000)
#define SOON_NS UINT64_C(500000000)
#define DAY_NS UINT64_C(86400000000000)
#define PRUNE_MAX 50
#define PRUNE_PAUSE_NS UINT64_C(2000000000)
#define PROBES_A_LOOK 16
#define PROBE_YOUNG_NS UINT64_C(60000000000)
#define PROBED "scan_probed_log"
#define PROBE_RESOLVE_NS UINT64_C(3000000000)

#define RAW_REMEDY "ajar.conf(5), scan.raw, says how the service gets it"

struct serve {
	const struct conf *settings;
	struct role role;
	struct runner *runner;
	struct loop_source *timer;
	struct scan_conf conf;
	uint64_t pruned_ns, probed_log;
	struct address here[SCAN_OWN_MAX];
	unsigned here_len;
	bool raw, failing, probe_failing, soon, reported_raw;
};

static void on_report(const struct runner_report *r, void *arg)
{
	struct serve *sv = arg;

	switch (r->news) {
	case RUNNER_SHARD_DONE:
		sv->failing = false;
		break;
	case RUNNER_STORE:
		if (!sv->failing)
			log_warn("the store cannot be asked for work: %s; trying again", r->why);
		sv->failing = true;
		break;
	case RUNNER_SHARD_FAILED:
	case RUNNER_LOST:
		log_warn("scan %" PRIu64 ", shard %u: %s", r->scan_id, (unsigned)r->shard, r->why);
		break;
	}
}

static void say_made(const struct store_plan *p, const struct plan_made *m)
{
	if (m->scan_id)
		log_info("scan %" PRIu64
			 " by plan '%s': %u node%s, %u address%s, %u busy, %u without an address",
			 m->scan_id, p->name, m->nodes, plural(m->nodes), m->hosts,
			 m->hosts == 1 ? "" : "es", m->busy, m->nowhere);
	if (m->deferred_scan_id)
		log_info("scan %" PRIu64 " by plan '%s': unresponsive ports of %u address%s again, "
			 "behind all others",
			 m->deferred_scan_id, p->name, m->deferred_hosts,
			 m->deferred_hosts == 1 ? "" : "es");
	if (m->unresponsive)
		log_info("plan '%s': %u unresponsive port%s left out: the same door, asked within "
			 "a day",
			 p->name, m->unresponsive, plural(m->unresponsive));
	if (m->refused)
		log_warn("plan '%s': %u address%s outside of scan.networks and not scanned, such "
			 "as %s",
			 p->name, m->refused, m->refused == 1 ? " is" : "es are", m->example);
	if (m->beyond)
		log_warn("plan '%s': %u address%s not scanned: of a node a scan asks %d%s%s",
			 p->name, m->beyond, m->beyond == 1 ? " is" : "es are", PLAN_ADDRS_MAX,
			 m->example_beyond[0] ? ", such as " : "", m->example_beyond);
}

static int make(struct serve *sv, const struct store_plan *p)
{
	struct plan_scope sc = {
		.store = sv->role.store, .command = "plan", .claim = true, .deferred = true
	};
	struct hostlist idle = { 0 };
	struct plan_made made = { 0 };
	bool asked = false;
	int err = p->idle_only ? scan_conf_idle(sv->settings, &idle, &asked) : 0;

	if (!err) {
		scan_conf_scope(&sv->conf, &sc);
		sc.processes = (unsigned)sv->settings->scan_processes;
		sc.idle = asked ? &idle : NULL;
		err = plan_make(p, &sc, &made);
		if (err)
			log_warn("plan '%s' cannot be run: %s; trying again", p->name,
				 store_why(sv->role.store));
		else
			say_made(p, &made);
	}
	hostlist_done(&idle);
	return err;
}

/* Another monitor may; a plan that nobody may run is never claimed, and this says why. */
static bool may_run(struct serve *sv, const struct store_plan *p)
{
	if (sv->raw || !scan_kind_is_raw(p->kind))
		return true;
	if (!sv->reported_raw)
		log_warn("plan '%s' is not run here: kind=%s needs CAP_NET_RAW for "
			 "nmap; " RAW_REMEDY,
			 p->name, scan_kind_name(p->kind));
	sv->reported_raw = true;
	return false;
}

struct due {
	struct plan plans[16];
	unsigned len;
	uint64_t now_ns, next_ns;
};

static int on_plan(const struct store_plan *p, void *arg)
{
	struct due *d = arg;
	uint64_t next;

	if (plan_due(p, d->now_ns, &next) && d->len < array_len(d->plans))
		return plan_copy(p, &d->plans[d->len]) ?: (d->len++, 0);
	if (next < d->next_ns)
		d->next_ns = next;
	return 0;
}

/* In pieces, so that scans go on meanwhile. True: there may be more. */
static bool prune(struct serve *sv, uint64_t now_ns)
{
	uint64_t keep_ns = sv->settings->scan_keep_days * DAY_NS, n = 0;

	if (!keep_ns || now_ns < sv->pruned_ns + DAY_NS / 24 || now_ns < keep_ns)
		return false;
	if (store_scan_prune(sv->role.store, now_ns - keep_ns, PRUNE_MAX, &n))
		log_warn("cannot delete old scans: %s; trying again in an hour",
			 store_why(sv->role.store));
	else if (n)
		log_info("deleted %" PRIu64 " old scan%s (scan.keep-days)", n, plural(n));
	if (n == PRUNE_MAX)
		return true;
	sv->pruned_ns = now_ns;
	return false;
}

/* --- at once -------------------------------------------------------------------------------------- */

/*
 * "Reachable from outside?" of a door that nobody expected, within seconds: a scan of that one
 * port, before all others. Not of this machine's own: its answer from here says nothing about
 * others, and a door that serves one caller would serve us.
 */
struct fresh_door {
	char node[256];
	uint32_t port;
};
struct fresh {
	const struct serve *sv;
	unsigned len;
	uint64_t log_id;
	struct fresh_door doors[PROBES_A_LOOK];
};

static int on_change(const struct store_alert_change *ch, void *arg)
{
	struct fresh *f = arg;
	const struct store_alert *a = &ch->alert;
	const char *self = f->sv->conf.self;

	f->log_id = ch->log_id;
	/* That it was reached is what such a probe found. */
	if ((a->kind != FINDING_UNEXPECTED && a->kind != FINDING_IMPOSTOR) ||
	    ch->cause == CAUSE_REACHED || ch->state != ALERT_OPEN || !a->port ||
	    a->port > UINT16_MAX || (a->proto != PROTO_TCP && a->proto != PROTO_MPTCP) ||
	    !*a->node || (self && !strcmp(self, a->node)) || f->len == PROBES_A_LOOK)
		return 0;
	snprintf(f->doors[f->len].node, sizeof(f->doors[f->len].node), "%s", a->node);
	f->doors[f->len++].port = a->port;
	return 0;
}

static int probe_door(struct serve *sv, const struct fresh_door *d)
{
	struct plan_scope sc = { .store = sv->role.store,
				 .priority = STORE_SCAN_PROBE,
				 .command = "alert" };
	struct store_plan p = { .name = PLAN_PROBE,
				.kind = SCAN_CONNECT,
				.classes = "",
				.nodes = "",
				.order = "name",
				.window = "" };
	struct plan_made made = { 0 };
	struct hostlist only = { 0 };
	char port[16];
	int err = hostlist_add(&only, d->node);

	snprintf(port, sizeof(port), "%" PRIu32, d->port);
	p.ports = port;
	if (!err) {
		scan_conf_scope(&sv->conf, &sc);
		sc.only = &only;
		sc.resolve_ns = PROBE_RESOLVE_NS;
		sc.avoid = sv->here;
		sc.avoid_len = sv->here_len;
		err = plan_make(&p, &sc, &made);
	}
	hostlist_done(&only);
	if (!err && made.scan_id)
		runner_kick(sv->runner);
	return err;
}

/* How far the probes have got, for all who share the store. */
static int read_probed(struct serve *sv)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(64);
	uint64_t v = 0;
	int err = store_setting_get(sv->role.store, PROBED, &b);

	if (!err && !parse_u64(buf_str(&b), &v) && v > sv->probed_log)
		sv->probed_log = v;
	return err == -ENOENT ? 0 : err;
}

/*
 * What happened a while ago is the sweeps' to find; so is what a storm of alerts leaves over at a
 * look.
 */
static int probe(struct serve *sv, uint64_t now_ns)
{
	struct fresh f = { .sv = sv };
	char text[24];
	int err = read_probed(sv);

	if (!err)
		err = store_alert_changes(sv->role.store, sv->probed_log, now_ns - PROBE_YOUNG_NS,
					  0, 0, on_change, &f);
	if (err || !f.log_id)
		return err;
	snprintf(text, sizeof(text), "%" PRIu64, f.log_id);
	err = f.len ? store_setting_set(sv->role.store, PROBED, text) : 0;
	if (!err)
		sv->probed_log = f.log_id;
	for (unsigned i = 0; !err && i < f.len; i++)
		err = probe_door(sv, &f.doors[i]);
	return err;
}

static int on_timer(void *arg)
{
	struct serve *sv = arg;
	struct due due = { .next_ns = UINT64_MAX };
	uint64_t wait = LOOK_NS;
	int err = store_scan_now(sv->role.store, &due.now_ns);

	sv->soon = false;
	if (!err)
		err = store_scan_plans(sv->role.store, on_plan, &due);
	if (err && !sv->failing)
		log_warn("cannot read the plans: %s; trying again", store_why(sv->role.store));
	sv->failing = err != 0;
	for (unsigned i = 0; i < due.len; i++) {
		/* One that cannot be made now is due at the next look. */
		if (may_run(sv, &due.plans[i].p) && !make(sv, &due.plans[i].p))
			runner_kick(sv->runner);
		plan_done(&due.plans[i]);
	}
	if (!err) {
		err = probe(sv, due.now_ns);
		if (err && !sv->probe_failing)
			log_warn("cannot look at new doors at once: %s; trying again",
				 store_why(sv->role.store));
		sv->probe_failing = err != 0;
	}
	if (!err && prune(sv, due.now_ns) && wait > PRUNE_PAUSE_NS)
		wait = PRUNE_PAUSE_NS;
	if (due.next_ns > due.now_ns && due.next_ns - due.now_ns < wait)
		wait = due.next_ns - due.now_ns;
	return loop_timer_set(sv->timer, wait, 0);
}

static int on_notifier(void *arg)
{
	struct serve *sv = arg;

	if (!store_notifier_clear(sv->role.store))
		return 0;
	runner_kick(sv->runner);
	/*
	 * A plan may have changed, an alert been raised. Notifications come in flocks: one look a
	 * second will do.
	 */
	if (sv->soon)
		return 0;
	sv->soon = true;
	return loop_timer_set(sv->timer, SOON_NS, 0);
}

static int set_up(struct serve *sv)
{
	char owner[300];
	struct runner_opts o = { .processes = (unsigned)sv->settings->scan_processes,
				 .report = on_report,
				 .arg = sv };
	int fd, err = scan_conf_read(sv->settings, &sv->conf);

	sv->role.keep_net_raw = sv->settings->scan_raw;
	if (!err)
		err = role_start(sv->settings, false, &sv->role);
	if (err)
		return err;
	sv->raw = o.raw = sv->settings->scan_raw && proc_has_net_raw();
	if (sv->settings->scan_raw && !sv->raw)
		log_warn("scan.raw is set, but there is no CAP_NET_RAW here: plans of kind syn and "
			 "udp "
			 "are left to others; " RAW_REMEDY);
	snprintf(owner, sizeof(owner), "%.200s:%d", sv->settings->node_name, (int)getpid());
	if (address_own(sv->here, SCAN_OWN_MAX, &sv->here_len))
		log_debug("cannot list the addresses of this machine");
	o.loop = sv->role.loop;
	o.store = sv->role.store;
	o.owner = owner;
	err = runner_new(&o, &sv->runner);
	if (!err)
		err = loop_add_timer(sv->role.loop, on_timer, sv, &sv->timer);
	if (!err)
		err = loop_timer_set(sv->timer, 1, 0);
	fd = err ? err : store_notifier_fd(sv->role.store);
	if (fd >= 0)
		err = loop_add_fd(sv->role.loop, fd, EPOLLIN, on_notifier, sv, NULL);
	return err ? log_err(err, "cannot set up the scanner") : 0;
}

/* Until the monitor that started us has the store: see scan_child.h. */
static bool wait_for_go(void)
{
	const char *env = getenv(SCAN_GO_ENV);
	uint64_t fd = 0;
	ssize_t n;
	char byte;

	if (!env || parse_u64(env, &fd) || fd <= STDERR_FILENO || fd > INT_MAX)
		return true;
	do {
		n = read((int)fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	close((int)fd);
	unsetenv(SCAN_GO_ENV);
	return n > 0;
}

int daemon_scanner(const struct daemon_opts *o)
{
	struct serve sv = { .settings = o->conf, .role = ROLE_INIT("scan") };
	int err;

	log_init("ajar-scan");
	role_log_level(o->quiet);
	unsetenv("NOTIFY_SOCKET"); /* nobody waits for us */
	if (!scan_has_nmap())
		return AJAR_EXIT_OK; /* which is no failure: there is nothing to start again */
	if (!wait_for_go())
		return AJAR_EXIT_OK;
	err = set_up(&sv);
	if (!err) {
		err = loop_run(sv.role.loop);
		if (err)
			log_err(err, "the scanner stops");
	}
	runner_free(sv.runner);
	role_done(&sv.role);
	return err < 0 ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}
