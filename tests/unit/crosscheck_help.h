/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_CROSSCHECK_HELP_H
#define AJAR_TESTS_CROSSCHECK_HELP_H

#include <sqlite3.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "monitor/crosscheck.h"
#include "monitor/judge.h"
#include "store/compared.h"
#include "store/health.h"
#include "store/triage.h"
#include "tap.h"

/*
 * Monitors over a store in a file, with nodes whose agents have recorded for an hour: n1, n2, ...
 * at 10.251.0.1, ... The store's clock is the real one; what lies in the past is moved there with
 * SQL, through a connection of the test's own.
 */
#define S UINT64_C(1000000000)
#define CLASS "compute"
#define MONITORS 2

static struct xmonitor {
	struct store *store;
	struct judge *judge;
	struct crosscheck *crosscheck;
	unsigned changes; /* of its last step */
} monitors[MONITORS];
static struct store *store; /* the test's own */
static sqlite3 *sql;
static char dir[] = "/tmp/ajar-crosscheck-XXXXXX", uri[128];
static uint64_t next_seq = 1, start_ns;
static unsigned stores;

static inline void run_sql(const char *text)
{
	char *why = NULL;

	if (sqlite3_exec(sql, text, NULL, NULL, &why) != SQLITE_OK)
		ok(false, "%s: %s", text, why ? why : "?");
	sqlite3_free(why);
}

static inline void stop_monitor(unsigned i)
{
	crosscheck_free(monitors[i].crosscheck);
	judge_free(monitors[i].judge);
	store_free(monitors[i].store);
	monitors[i] = (struct xmonitor){ 0 };
}

static inline void start_monitor(unsigned i)
{
	const struct judge_opts o = { .blink_ns = 1, .slice_ns = 30 * S };
	struct xmonitor *m = &monitors[i];

	stop_monitor(i);
	if (store_open(uri, 0, &m->store, NULL) || judge_new(m->store, &o, &m->judge) ||
	    crosscheck_new(m->store, judge_alerting(m->judge), &m->crosscheck))
		ok(false, "monitor %u starts", i);
}

/* Judges and compares until there is nothing more to do; time stands at the real clock's. */
static inline void step(unsigned i)
{
	struct xmonitor *m = &monitors[i];
	unsigned changes = 0;
	uint64_t next;
	bool more = true;

	m->changes = 0;
	if (judge_step(m->judge, clock_wall_ns(), &changes, &next))
		ok(false, "monitor %u judges: %s", i, store_why(m->store));
	m->changes += changes;
	for (unsigned n = 0; more && n < 100; n++) {
		int err = crosscheck_step(m->crosscheck, clock_wall_ns(), &changes, &more);

		if (err)
			ok(false, "monitor %u compares: %d %s", i, err, store_why(m->store));
		m->changes += changes;
	}
	if (judge_step(m->judge, clock_wall_ns() + 10, &changes, &next))
		ok(false, "monitor %u judges: %s", i, store_why(m->store));
	m->changes += changes;
}

/* Its clock is so far ahead. */
static inline void heartbeat_by(unsigned node, enum health_agent agent, int64_t ahead_ns)
{
	struct store_health h = { .installation = { (uint8_t)node },
				  .session = { 2 },
				  .host = "h",
				  .boot_id = "",
				  .version = "1",
				  .sensor = "",
				  .shipper = SHIPPER_RUNNING,
				  .agent = agent,
				  .attached = true,
				  .interval_ns = 60 * S };
	struct store_health_reply r;
	char name[16];

	snprintf(name, sizeof(name), "n%u", node);
	if (store_clock(store, &h.wall_ns))
		ok(false, "the store has a clock");
	h.wall_ns += (uint64_t)ahead_ns;
	if (store_put_health(store, name, CLASS, &h, 0, &r))
		ok(false, "%s reports", name);
	run_sql("UPDATE node_health SET first_ns = first_ns - 3600000000000 WHERE first_ns > "
		"CAST(strftime('%s', 'now') AS INTEGER) * 1000000000 - 1800000000000");
}

static inline void heartbeat_as(unsigned node, enum health_agent agent)
{
	heartbeat_by(node, agent, 0);
}

static inline void heartbeat(unsigned node)
{
	heartbeat_as(node, AGENT_RECORDING);
}

/* A door of that node opens, or closes, at that time of its own, and that is stored then. */
static inline void door_at(unsigned node, enum event_kind kind, uint16_t port, const char *exe,
			   uint64_t time_ns, uint64_t stored_ns)
{
	struct event ev = { .time_ns = time_ns,
			    .kind = kind,
			    .origin = ORIGIN_EVENT,
			    .door = { .proto = PROTO_TCP,
				      .family = FAMILY_INET,
				      .scope = SCOPE_ANY,
				      .port = port,
				      .netns_cookie = 1,
				      .cookie = port },
			    .opener = { .known = true,
					.pid = 100,
					.tid = 100,
					.comm = "d",
					.uid = 1041,
					.gid = 1041,
					.user = TEXT("mlee") } };
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_event row = { .boot_seq = 1, .seq = next_seq++, .received_ns = stored_ns };
	char name[16];
	size_t added;

	snprintf(name, sizeof(name), "n%u", node);
	ev.opener.exe = text_of(exe);
	event_encode(&ev, &b);
	row.record = (struct text){ b.data, (uint32_t)b.len };
	if (store_put_events(store, name, CLASS, &row, 1, &added))
		ok(false, "an event is put: %s", store_why(store));
	buf_done(&b);
}

/* So long ago; what was is all stored together. */
static inline void door(unsigned node, enum event_kind kind, uint16_t port, const char *exe,
			uint64_t ago_ns)
{
	door_at(node, kind, port, exe, start_ns - ago_ns, start_ns);
}

static int on_shard(const struct store_shard *sh, void *arg)
{
	*(uint32_t *)arg = sh->shard;
	return 0;
}

struct scanned {
	enum scan_host_state state; /* 0: seen */
	const char *asked, *folded, *plan; /* NULL: "tcp 1-1000", "", "verify" */
	uint64_t ago_ns; /* its end; 0: 20 s */
	size_t ports_len;
	const struct store_scan_port *ports;
};

/* A scan of one node is stored, as the runner does it; its number. */
static uint64_t scanned(unsigned node, const struct scanned *sc)
{
	char name[16], addr[32];
	const struct store_target target = { name, addr };
	const struct store_shard sh = { .ports = "1-1000", .targets = &target, .targets_len = 1 };
	const struct store_scan scan = { .plan = sc->plan ? sc->plan : "verify",
					 .kind = SCAN_CONNECT,
					 .nodes = name,
					 .command = "test" };
	uint64_t now = 0, id = 0, ago = sc->ago_ns ? sc->ago_ns : 20 * S;
	uint32_t shard = 0;
	struct store_scan_host h = { .node = name,
				     .addr = addr,
				     .state = sc->state ? sc->state : SCAN_HOST_SEEN,
				     .asked = sc->asked ? sc->asked : "tcp 1-1000",
				     .folded = sc->folded ? sc->folded : "",
				     .open_count = sc->ports_len };

	snprintf(name, sizeof(name), "n%u", node);
	snprintf(addr, sizeof(addr), "10.251.0.%u", node);
	if (store_scan_now(store, &now) || store_scan_new(store, &scan, &sh, 1, now, &id) ||
	    store_shard_lease(
		    store,
		    &(struct store_lease){ .scan_id = id, .owner = "me", .lease_ns = 60 * S },
		    on_shard, &shard))
		ok(false, "a scan is made: %s", store_why(store));
	h.scan_id = id;
	h.shard = shard;
	h.ended_ns = now - ago;
	h.started_ns = h.ended_ns - S;
	if (store_scan_host_put(store, &h, "me", sc->ports, sc->ports_len) ||
	    store_shard_end(store, id, shard, "me", true, ""))
		ok(false, "its result is stored: %s", store_why(store));
	return id;
}

static inline struct store_scan_port open_port(uint32_t port)
{
	return (struct store_scan_port){ .proto = PROTO_TCP,
					 .port = port,
					 .state = PORT_OPEN,
					 .reason = "syn-ack",
					 .service = "",
					 .product = "",
					 .version = "",
					 .extra = "",
					 .tunnel = "",
					 .fingerprint = "" };
}

/* One open port, and nothing else. */
static inline void scanned_open(unsigned node, uint32_t port)
{
	const struct store_scan_port p = open_port(port);

	scanned(node, &(struct scanned){ .ports = &p, .ports_len = 1 });
}

static inline void scanned_folded(unsigned node, const char *folded)
{
	scanned(node, &(struct scanned){ .folded = folded });
}

static int list_alert(const struct store_alert *a, void *arg)
{
	buf_printf(arg, "%s :%u %s %s x%llu; ", finding_kind_name(a->kind), (unsigned)a->port,
		   alert_state_name(a->state), a->nodes, (unsigned long long)a->node_count);
	return 0;
}

/*
 * By kind, port, state, nodes and how many those are: "hidden :80 open n[1-2] x2; ", the newest
 * first.
 */
static inline void list_alerts(struct buf *b)
{
	const struct store_alert_query all = { .all = true };

	buf_reset(b);
	buf_puts(b, "");
	if (store_alerts(store, &all, list_alert, b))
		buf_puts(b, "error");
}

static inline void alerts_are(const char *want, const char *what)
{
	struct buf b = BUF_INIT(1 << 16);

	list_alerts(&b);
	is_str(buf_str(&b), want, "%s", what);
	buf_done(&b);
}

/* Within some seconds: folded texts and the ends of snoozes follow in time. */
static inline void alerts_become(const char *want, const char *what)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	struct buf b = BUF_INIT(1 << 16);

	for (unsigned i = 0; i < 50; i++) {
		step(0);
		list_alerts(&b);
		if (!strcmp(buf_str(&b), want))
			break;
		nanosleep(&pause, NULL);
	}
	is_str(buf_str(&b), want, "%s", what);
	buf_done(&b);
}

static int count_scan(const struct store_scan *sc, void *arg)
{
	*(unsigned *)arg += !strcmp(sc->plan, "confirmation scan");
	return 0;
}

static inline unsigned confirmation_scans(void)
{
	const struct store_scan_query q = { 0 };
	unsigned n = 0;

	if (store_scans(store, &q, count_scan, &n))
		ok(false, "scans are listed");
	return n;
}

/* As if so much time had passed since what is doubted was seen. */
static inline void unconfirmed_age(void)
{
	run_sql("UPDATE scan_doubts SET due_ns = due_ns - 60000000000");
}

/*
 * A new store with two nodes whose profile has ports 22 and 80 to 89, all of them open; and one
 * monitor.
 */
static inline void set_up(void)
{
	struct profile_row rows[2] = {
		{ .port = 22, .proto = PROTO_TCP, .host_type = (char[]){ CLASS } },
		{ .port = 80, .port_end = 89, .proto = PROTO_TCP, .host_type = (char[]){ CLASS } }
	};
	size_t new;

	for (unsigned i = 0; i < MONITORS; i++)
		stop_monitor(i);
	store_free(store);
	store = NULL;
	sqlite3_close(sql);
	snprintf(uri, sizeof(uri), "sqlite:%s/s%u.db", dir, stores++);
	start_ns = clock_wall_ns();
	if (store_open(uri, STORE_CREATE, &store, NULL) ||
	    sqlite3_open(uri + strlen("sqlite:"), &sql) != SQLITE_OK)
		ok(false, "a store");
	sqlite3_busy_timeout(sql, 5000);
	for (unsigned node = 1; node <= 2; node++) {
		for (uint16_t port = 80; port < 85; port++)
			door(node, EVENT_OPEN, port, "/usr/sbin/nginx", 1800 * S);
		door(node, EVENT_OPEN, 22, "/usr/sbin/sshd", 1800 * S);
		heartbeat(node);
	}
	if (store_profile_add(store, CLASS, rows, 2, true, start_ns, &new))
		ok(false, "a profile: %s", store_why(store));
	start_monitor(0);
	step(0);
}

static inline bool set_up_dir(void)
{
	return ok(mkdtemp(dir) != NULL, "a folder");
}

static int tear_down(void)
{
	char notifier[160];

	for (unsigned i = 0; i < MONITORS; i++)
		stop_monitor(i);
	store_free(store);
	sqlite3_close(sql);
	for (unsigned i = 0; i < stores; i++) {
		static const char *const ends[] = { "", "-wal", "-shm", ".lock" };

		for (unsigned k = 0; k < array_len(ends); k++) {
			char path[160];

			snprintf(path, sizeof(path), "%s/s%u.db%s", dir, i, ends[k]);
			unlink(path);
		}
	}
	snprintf(notifier, sizeof(notifier), "%s/bell", dir);
	unlink(notifier);
	rmdir(notifier); /* one of the two */
	ok(!rmdir(dir), "nothing is left behind");
	return tap_done();
}

#endif
