/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/proc.h"
#include "cli/cmd.h"
#include "cli/cmd_scan.h"
#include "cli/out.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/scan_conf.h"
#include "scan/nmap.h"
#include "scan/runner.h"
#include "store/store.h"

/*
 * A scan now: its shards into the store's queue, and a runner for them; a monitor that runs takes
 * its share.
 */
#define LOOK_NS UINT64_C(250000000)
#define HELD_NS UINT64_C(30000000000) /* then a monitor may help */
#define BAR_CELLS 24

struct now {
	struct cmd_ctx *c;
	struct store *store;
	struct loop *loop;
	struct runner *runner;
	struct loop_source *timer;
	struct plan plan;
	struct scan_conf conf;
	struct hostlist only;
	struct plan_made made;
	bool bar, bar_shown, stopped;
	enum scan_state state;
	char why[256];
	uint64_t hosts, hosts_seen;
};

/* --- progress --------------------------------------------------------------------------------------- */

static void clear_bar(struct now *n)
{
	if (n->bar_shown)
		fputs("\r\033[K", stderr);
	n->bar_shown = false;
}

/*
 * Hosts that are finished, and of those under way what nmap says; a kind with several phases counts
 * only the finished.
 */
static double share_done(const struct now *n, const struct runner_progress *p)
{
	bool one_phase = n->plan.p.kind == SCAN_CONNECT || scan_kind_is_raw(n->plan.p.kind);
	double done = (double)n->hosts_seen + (one_phase ? p->hosts : 0);

	return n->hosts ? done / (double)n->hosts : 0;
}

static void draw_bar(struct now *n)
{
	struct runner_progress p;
	char cells[BAR_CELLS + 1], phase[128] = "", left[48] = "";
	double share;
	int full;

	if (!n->bar)
		return;
	runner_progress(n->runner, &p);
	share = share_done(n, &p);
	full = (int)(share * BAR_CELLS);
	memset(cells, '-', BAR_CELLS);
	memset(cells, '#', full > 0 ? (size_t)full : 0);
	cells[BAR_CELLS] = '\0';
	if (*p.task)
		snprintf(phase, sizeof(phase), ", %.60s %.0f %%", p.task, p.percent);
	if (p.remaining_s)
		snprintf(left, sizeof(left), ", %" PRIu64 ":%02" PRIu64 " left in it",
			 p.remaining_s / 60, p.remaining_s % 60);
	fprintf(stderr, "\r%s [%s] %3.0f %%, %" PRIu64 " of %" PRIu64 " hosts%s%s\033[K",
		n->plan.p.name, cells, share * 100, n->hosts_seen, n->hosts, phase, left);
	n->bar_shown = true;
}

static void on_report(const struct runner_report *r, void *arg)
{
	struct now *n = arg;

	if (r->news == RUNNER_SHARD_DONE || n->stopped)
		return;
	clear_bar(n);
	if (r->news == RUNNER_STORE)
		log_warn("the store cannot be asked for work: %s; trying again", r->why);
	else
		log_warn("shard %u: %s", (unsigned)r->shard, r->why);
}

static void on_change(void *arg)
{
	(void)arg; /* the timer draws; nmap may say much at once */
}

static int on_state(const struct store_scan *sc, void *arg)
{
	struct now *n = arg;

	n->state = sc->state;
	snprintf(n->why, sizeof(n->why), "%s", sc->reason);
	n->hosts = sc->hosts;
	n->hosts_seen = sc->hosts_seen;
	return 0;
}

static int look(struct now *n)
{
	const struct store_scan_query q = { .scan_id = n->made.scan_id };

	return store_scans(n->store, &q, on_state, n);
}

static int on_timer(void *arg)
{
	struct now *n = arg;
	int err = look(n);

	if (err)
		log_warn("cannot read how far the scan is: %s; trying again", store_why(n->store));
	draw_bar(n);
	if (n->state == SCAN_DONE || n->state == SCAN_FAILED)
		loop_stop(n->loop);
	return 0;
}

static int on_signal(int signo, void *arg)
{
	struct now *n = arg;

	(void)signo;
	n->stopped = true;
	loop_stop(n->loop);
	return 0;
}

/* --- what is asked for -------------------------------------------------------------------------------- */

struct wanted {
	const char *name;
	struct plan *plan;
	bool have;
};

static int find(const struct store_plan *p, void *arg)
{
	struct wanted *w = arg;

	if (strcmp(p->name, w->name))
		return 0;
	w->have = true;
	return plan_copy(p, w->plan);
}

/* A plan of the store, with what the command line says instead. */
static int read_plan(struct now *n)
{
	static const char *const words[] = { "kind", "ports", "rate", "host-rate" };
	struct wanted w = { .name = cmd_opt(n->c, "plan"), .plan = &n->plan };
	const char *why = NULL;
	int err;

	if (!w.name)
		w.name = "rapid";
	err = store_scan_plans(n->store, find, &w);
	if (err)
		return cmd_store_err(err, n->store, "cannot read the plans");
	if (!w.have)
		return log_usage("there is no plan '%s'%s: 'ajar scan plans' lists them", w.name,
				 cmd_opt(n->c, "plan") ? "" : ", which is the one without --plan");
	for (size_t i = 0; i < array_len(words); i++) {
		const char *value = cmd_opt(n->c, words[i]);
		char word[4096];

		if (!value)
			continue;
		if (snprintf(word, sizeof(word), "%s=%s", words[i], value) >= (int)sizeof(word))
			return log_usage("--%s is too long", words[i]);
		err = plan_set(&n->plan, word, &why);
		if (err)
			return log_usage("--%s '%s': %s", words[i], value,
					 why ? why : strerror(-err));
	}
	err = plan_check(&n->plan.p, &why);
	return err ? log_usage("%s", why ? why : strerror(-err)) : 0;
}

static int read_nodes(struct now *n)
{
	for (int i = 0; i < n->c->argc; i++) {
		struct hostlist_error herr = { 0 };
		int err = hostlist_parse(&n->only, n->c->argv[i], NULL, &herr);

		if (err)
			return log_usage("'%s' is not a node set: %s", n->c->argv[i],
					 herr.what ? herr.what : strerror(-err));
	}
	return 0;
}

static int nothing_to_do(const struct now *n)
{
	const struct plan_made *m = &n->made;

	if (m->refused)
		return log_usage(
			"%s is outside of what may be scanned: add its network to scan.networks",
			m->example);
	if (m->nowhere)
		return log_usage(
			"%s has no address: 'ajar scan addrs set NODE ADDRESS' gives it one",
			m->example);
	if (m->nothing)
		return log_usage("no port is known or permitted of these nodes: 'ajar scan --ports "
				 "all' asks for every one");
	return log_usage("no such node has reported yet: 'ajar node' lists those that have");
}

static void say_left_out(const struct plan_made *m)
{
	if (m->nowhere)
		log_warn("%u node%s left out: no address, such as %s", m->nowhere,
			 plural(m->nowhere), m->example);
	if (m->refused)
		log_warn("%u address%s left out: outside of scan.networks, such as %s", m->refused,
			 m->refused == 1 ? "" : "es", m->example);
	if (m->beyond)
		log_warn("%u address%s left out: of a node a scan asks %d%s%s", m->beyond,
			 m->beyond == 1 ? "" : "es", PLAN_ADDRS_MAX,
			 m->example_beyond[0] ? ", such as " : "", m->example_beyond);
}

static int queue(struct now *n)
{
	struct plan_scope sc = { .store = n->store,
				 .only = n->c->argc ? &n->only : NULL,
				 .command = "ajar scan",
				 .held_ns = HELD_NS };
	int err;

	scan_conf_scope(&n->conf, &sc);
	sc.processes = (unsigned)n->c->conf->scan_processes;
	err = plan_make(&n->plan.p, &sc, &n->made);
	if (err)
		return cmd_store_err(err, n->store, "cannot make the scan");
	if (!n->made.scan_id)
		return nothing_to_do(n);
	say_left_out(&n->made);
	log_info("scan %" PRIu64 ": %u node%s, %u address%s", n->made.scan_id, n->made.nodes,
		 plural(n->made.nodes), n->made.hosts, n->made.hosts == 1 ? "" : "es");
	return 0;
}

/* --- the run ---------------------------------------------------------------------------------------------- */

static int make_runner(struct now *n)
{
	struct runner_opts o = {
		.loop = n->loop,
		.store = n->store,
		.scan_id = n->made.scan_id,
		.raw = true,
		.processes = (unsigned)n->c->conf->scan_processes,
		.stats_every_s = 1,
		.report = on_report,
		.changed = on_change,
		.arg = n,
	};
	char owner[300];
	bool fallback;
	int err;

	snprintf(owner, sizeof(owner), "%.200s:scan:%d", n->c->conf->node_name, (int)getpid());
	o.owner = owner;
	if (!geteuid()) {
		err = proc_role_ids(n->c->conf->role_user, &o.uid, &o.gid, &fallback);
		if (err)
			return log_err(err, "neither user '%s' nor 'nobody' is in /etc/passwd",
				       n->c->conf->role_user);
	}
	err = runner_new(&o, &n->runner);
	return err ? log_err(err, "cannot set up the scanner") : 0;
}

static int go(struct now *n)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
	int err = loop_new(&n->loop);

	if (!err)
		err = loop_add_signals(n->loop, signals, on_signal, n);
	if (!err)
		err = loop_add_timer(n->loop, on_timer, n, &n->timer);
	if (!err)
		err = loop_timer_set(n->timer, LOOK_NS, LOOK_NS);
	if (err)
		return log_err(err, "cannot set up the event loop");
	err = make_runner(n);
	if (!err)
		err = loop_run(n->loop);
	/* First: what is given back would be anybody's. */
	if (n->stopped && !err)
		err = store_scan_cancel(n->store, n->made.scan_id, "stopped");
	runner_free(take_ptr(n->runner));
	clear_bar(n);
	if (!err)
		err = look(n);
	return err ? cmd_store_err(err, n->store, "the scan") : 0;
}

static int scan_now(struct now *n)
{
	int err = read_nodes(n), rc = AJAR_EXIT_OK, shown;

	if (!err)
		err = scan_conf_read(n->c->conf, &n->conf);
	if (!err && !scan_has_nmap())
		err = -ENOENT;
	if (!err)
		err = cmd_store(n->c, 0, &n->store);
	if (!err)
		err = read_plan(n);
	if (!err && scan_kind_is_raw(n->plan.p.kind) && !proc_has_net_raw())
		err = log_usage("a %s scan needs CAP_NET_RAW, which goes to nmap alone: 'sudo ajar "
				"scan', or --kind connect",
				scan_kind_name(n->plan.p.kind));
	if (!err)
		err = queue(n);
	if (!err)
		err = go(n);
	if (err)
		return AJAR_EXIT_ERROR;
	shown = scan_print(n->c, n->store, n->made.scan_id);
	if (n->state != SCAN_DONE) {
		log_warn("%" PRIu64 " of %" PRIu64
			 " hosts were scanned%s%s: what is missing here is unknown, not closed",
			 n->hosts_seen, n->hosts, *n->why ? ": " : "", n->why);
		rc = AJAR_EXIT_NEGATIVE;
	}
	return shown == AJAR_EXIT_OK ? rc : shown;
}

static int serve(struct cmd_ctx *c)
{
	const struct daemon_opts o = {
		.conf = c->conf, .conf_file = c->conf_file, .quiet = c->quiet, .verbose = c->verbose
	};

	return daemon_scanner(&o);
}

static int run(struct cmd_ctx *c)
{
	struct now n = { .c = c, .bar = isatty(STDERR_FILENO) && !c->quiet };
	int rc;

	rc = scan_now(&n);
	plan_done(&n.plan);
	hostlist_done(&n.only);
	loop_free(n.loop);
	store_free(n.store);
	return rc;
}

static const struct cmd_option options[] = {
	{ "plan", 0, "NAME", "the plan to run now (default: rapid)" },
	{ "kind", 0, "KIND",
	  "instead of the plan's: connect, syn, udp, identity, version, verify" },
	{ "ports", 0, "PORTS",
	  "instead of the plan's: all, services, profile, doors, known, open, or 22,80,8000-8100" },
	{ "rate", 0, "N", "probes a second in all at most; 0: no limit" },
	{ "host-rate", 0, "N", "the same for each host" },
	CMD_CSV,
	{ 0 },
};

static const struct cmd subs[] = {
	{ .name = "ls",
	  .args = "",
	  .help = "the scans",
	  .options = cmd_csv_options,
	  .run = scan_list },
	{ .name = "show",
	  .args = "SCAN",
	  .help = "what one saw",
	  .min = 1,
	  .max = 1,
	  .options = cmd_csv_options,
	  .few = "'ajar scan show' wants a scan's number: 'ajar scan ls' lists them",
	  .run = scan_show },
	{ .name = "plans",
	  .args = "[ls | ...]",
	  .help = "when the monitor scans",
	  .subs = scan_plans_rows },
	{ .name = "addrs",
	  .args = "[ls | ...]",
	  .help = "where nodes are",
	  .subs = scan_addrs_rows },
	{ .name = "keys",
	  .args = "[ls | ...]",
	  .help = "what answered first",
	  .subs = scan_keys_rows },
	{ .name = "serve", .args = "", .run = serve },
	{ 0 },
};

const struct cmd cmd_scan = {
	.name = "scan",
	.args = "NODESET",
	.max = CMD_ANY,
	.subs = subs,
	.help = "look at nodes from outside with nmap, now or by plans",
	.options = options,
	.more = "Only nodes that have reported are scanned, where their names or 'ajar scan addrs' "
		"say they are, and\n"
		"only inside of scan.networks. A host is stored as soon as it is finished. Exit "
		"code 1: not all could be.\n"
		"A port that nothing was got out of costs a version scan half a minute. Plans ask "
		"it again after a day, or\n"
		"when another socket stands there, in a scan of its own behind all others "
		"('" PLAN_DEFERRED "' in its\n"
		"record); by hand it is asked every time.",
	.run = run,
};
