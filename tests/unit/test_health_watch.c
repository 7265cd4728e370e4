/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/health_watch.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "monitor/judge.h"
#include "store/health.h"
#include "store/store.h"
#include "store/triage.h"
#include "tap.h"

/*
 * Alerts about nodes on the store in memory: folded, changed, resolved, left alone by the judge of
 * doors.
 */

#define MINUTE UINT64_C(60000000000)
#define NODES 300

static int list_alert(const struct store_alert *a, void *arg)
{
	buf_printf(arg, "%s %s %s x%llu: %s; ", finding_kind_name(a->kind),
		   alert_state_name(a->state), a->nodes, (unsigned long long)a->count, a->summary);
	return 0;
}

static void alerts_are(struct store *s, const char *want, const char *what)
{
	const struct store_alert_query all = { .all = true };
	struct buf b = BUF_INIT(1 << 16);

	buf_puts(&b, "");
	if (store_alerts(s, &all, list_alert, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s", what);
	buf_done(&b);
}

static int last_note(const struct store_alert_change *c, void *arg)
{
	buf_reset(arg);
	buf_puts(arg, c->note);
	return 0;
}

static const char *host_type = "compute"; /* that the nodes say */

static void report_step(struct store *s, unsigned i, uint8_t installation, int64_t step_ns)
{
	struct store_health h = { .installation = { installation },
				  .host = "h",
				  .boot_id = "",
				  .version = "1",
				  .shipper = SHIPPER_RUNNING,
				  .agent = AGENT_RECORDING,
				  .attached = true,
				  .sensor = "",
				  .interval_ns = MINUTE };
	struct store_health_reply r;
	char node[16];

	if (store_clock(s, &h.wall_ns))
		ok(false, "a clock");
	if (step_ns) {
		h.step_ns = step_ns;
		h.stepped_ns = h.wall_ns;
	}
	snprintf(node, sizeof(node), "node%03u", i);
	if (store_put_health(s, node, host_type, &h, 0, &r))
		ok(false, "%s reports", node);
}

static void report(struct store *s, unsigned i, uint8_t installation)
{
	report_step(s, i, installation, 0);
}

static unsigned step(struct health_watch *v)
{
	unsigned changes = 0;

	is_int(health_watch_step(v, &changes), 0, "a round");
	return changes;
}

static void test_folding(struct store *s, struct health_watch *v)
{
	struct buf note = BUF_INIT(1024);
	bool changed;

	for (unsigned i = 1; i <= NODES; i++)
		report(s, i, 1);
	is_int(step(v), 0, "nodes that are well raise nothing");
	for (unsigned i = 1; i <= NODES; i++)
		report(s, i, 2);
	is_int(step(v), 1, "300 nodes with one fault are one alert");
	alerts_are(s,
		   "tampered open node[001-300] x300: node[001-300] were installed anew: their "
		   "journals are others than before; ",
		   "over all of them, folded");
	is_int(step(v), 0, "told once");
	for (unsigned i = 1; i <= NODES; i++) {
		char node[16];

		snprintf(node, sizeof(node), "node%03u", i);
		if (store_accept_node(s, node, NULL, &changed) || !changed)
			ok(false, "%s is accepted", node);
	}
	is_int(step(v), 1, "when the last is well again that is one change");
	alerts_are(s,
		   "tampered resolved node[001-300] x0: node[001-300] were installed anew: their "
		   "journals are others than before; ",
		   "which resolves it");
	ok(!store_alert_changes(s, 0, 0, 0, 0, last_note, &note) &&
		   !strncmp(buf_str(&note), "well again after 0 s", 20),
	   "and says for how long it was: %s", buf_str(&note));
	report(s, 7, 3);
	is_int(step(v), 1, "one of them again");
	alerts_are(
		s,
		"tampered open node007 x1: node007 was installed anew: its journal is another one "
		"than before; ",
		"re-opens the same alert");
	buf_done(&note);
}

/* Another monitor starts: what stands stays, and is resolved by it. */
static void test_restart(struct store *s)
{
	const struct judge_opts jo = { .blink_ns = 1 };
	const struct health_watch_opts o = {
		.silent_ns = MINUTE, .skew_ns = MINUTE, .hole_ns = MINUTE, .shared = true
	};
	_cleanup_(health_watch_freep) struct health_watch *v = NULL;
	_cleanup_(judge_freep) struct judge *j = NULL;
	uint64_t now = 0, next;
	unsigned changes = 0;
	bool changed;

	ok(!health_watch_new(s, &o, &v) && !judge_new(s, &jo, &j), "a new monitor");
	ok(!store_clock(s, &now) && !judge_step(j, now + MINUTE, &changes, &next) && !changes,
	   "judging doors leaves alerts about nodes alone");
	is_int(step(v), 0, "it tells nothing twice");
	ok(!store_accept_node(s, "node007", NULL, &changed) && changed, "node007 is accepted");
	is_int(step(v), 0, "a round that is not due yet is nobody's");
}

static int copy_key(const struct store_alert *a, void *arg)
{
	snprintf(arg, 256, "%s", a->key);
	return 0;
}

/* As `ajar alerts allow` does. */
static uint64_t allow(struct store *s, const char *nodes, uint64_t expires_ns)
{
	const struct store_alert_query q = { .id = 1, .all = true };
	struct store_decision d = {
		.alert_id = 1, .from = ALERT_OPEN, .to = ALERT_ALLOWED, .who = "root", .note = ""
	};
	struct store_exception e = { .reason = "decommissioned", .author = "root" };
	char key[256] = "";
	uint64_t log_id, id = 0, now = 0;

	ok(!store_clock(s, &now) && !store_alerts(s, &q, copy_key, key) && *key, "the alert");
	e.key = key;
	e.nodes = nodes;
	e.created_ns = d.at_ns = now;
	e.expires_ns = expires_ns;
	ok(!store_exception_add(s, &e, &id) && !store_decide(s, &d, &log_id), "is allowed on %s",
	   nodes);
	return id;
}

static int list_exception(const struct store_exception *e, void *arg)
{
	buf_printf(arg, "%s%s; ", e->nodes, e->expires_ns ? " over" : "");
	return 0;
}

static bool exceptions_are(struct store *s, const char *want)
{
	struct buf b = BUF_INIT(4096);
	bool same;

	buf_puts(&b, "");
	same = !store_exceptions(s, list_exception, &b) && !strcmp(buf_str(&b), want);
	buf_done(&b);
	return same;
}

#define ANEW(node) node " x1: " node " was installed anew: its journal is another one than before; "

/* One node is decommissioned; that says nothing about the others of its class. */
static void test_allowed(const struct health_watch_opts *o)
{
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(health_watch_freep) struct health_watch *v = NULL, *other = NULL;
	uint64_t id;
	bool changed;

	ok(!store_open("sqlite::memory:", STORE_CREATE, &s, NULL) && !health_watch_new(s, o, &v) &&
		   !health_watch_new(s, o, &other),
	   "two watches over another store");
	report(s, 7, 1);
	report(s, 8, 1);
	step(v);
	report(s, 7, 4);
	step(v);
	alerts_are(s, "tampered open " ANEW("node007"), "an alert of one node");
	id = allow(s, "node007", 0);
	is_int(step(v), 0, "which is left alone then");
	alerts_are(s, "tampered allowed " ANEW("node007"), "as long as it is that node");
	is_int(step(other), 0, "by a second monitor too");
	report(s, 8, 4);
	is_int(step(v), 1, "another node of the class is a change");
	alerts_are(s, "tampered open " ANEW("node008"), "and opens it again, for that one alone");
	is_int(step(other), 0, "which the second monitor finds as it is");
	ok(!store_accept_node(s, "node008", NULL, &changed) && changed, "that one is well again");
	is_int(step(v), 1, "then it is over");
	alerts_are(s,
		   "tampered resolved node008 x0: node008 was installed anew: its journal is "
		   "another one than before; ",
		   "though the first still has it");
	ok(exceptions_are(s, "node007; "), "for which the exception goes on");
	host_type = "gpu";
	report(s, 7, 4);
	is_int(step(v), 0, "the exception is the node's, also when its class is another");
	host_type = "compute";
	report(s, 7, 4);
	is_int(step(v), 0, "and when it is changed back");
	is_int(store_exception_end(s, id, 1), 0, "the exception is taken back");
	is_int(step(v), 1, "which opens it");
	alerts_are(s, "tampered open " ANEW("node007"), "for the first node");
	allow(s, "node[001-006,008-009]", 0);
	is_int(step(v), 1, "an exception for others is none");
	alerts_are(s, "tampered open " ANEW("node007"), "it is open again");
	allow(s, "node007", 1);
	is_int(step(v), 1, "one that is over is none either");
	allow(s, "node007,... (480 nodes)", 0);
	is_int(step(v), 1, "nor one whose nodes cannot be read");
}

/* Rounds, with reports of these nodes before each, until the alerts are so. */
static bool rounds_until(struct store *s, struct health_watch *v, const char *nodes,
			 const char *want, const char *exceptions)
{
	const struct store_alert_query all = { .all = true };
	const struct timespec pause = { .tv_nsec = 20000000 };
	bool same = false;

	for (unsigned i = 0; i < 3000 && !same; i++) {
		struct buf b = BUF_INIT(1 << 16);
		unsigned changes;

		for (const char *n = nodes; *n; n++)
			report(s, (unsigned)(*n - '0'), 1);
		if (health_watch_step(v, &changes) || store_alerts(s, &all, list_alert, &b))
			break;
		same = b.len && !strncmp(buf_str(&b), want, strlen(want)) &&
		       exceptions_are(s, exceptions);
		buf_done(&b);
		nanosleep(&pause, NULL);
	}
	return same;
}

/* Issue 12, case r6: of three nodes one is gone for good, and then an intruder stops another. */
static void test_silent(void)
{
	const struct health_watch_opts o = { .silent_ns = MINUTE / 60,
					     .skew_ns = MINUTE,
					     .hole_ns = MINUTE };
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(health_watch_freep) struct health_watch *v = NULL, *next = NULL;

	ok(!store_open("sqlite::memory:", STORE_CREATE, &s, NULL) && !health_watch_new(s, &o, &v) &&
		   !health_watch_new(s, &o, &next),
	   "a watch for which a second without a word is silence");
	report(s, 3, 1);
	ok(rounds_until(s, v, "12", "silent open node003 x1", ""), "a node falls silent");
	allow(s, "node003", 0);
	is_int(step(v), 0, "which is allowed");
	is_int(step(next), 0, "a monitor that has only just begun resolves nothing");
	ok(rounds_until(s, v, "1", "silent open node002 x1", "node003; "),
	   "another node of the class alerts when it falls silent");
	ok(rounds_until(s, v, "12", "silent resolved node002", "node003; "),
	   "until it is back; the first is no part of it");
	ok(rounds_until(s, v, "123", "silent resolved node002", "node003 over; "),
	   "the exception of a node that is back is over");
	ok(rounds_until(s, v, "12", "silent open node003 x1", "node003 over; "),
	   "so that it alerts when it falls silent once more");
}

/*
 * A clock that is set again while the alert of the first time is open. Another monitor has taken
 * over in between: one whose alert has just changed lets that settle first.
 */
static void test_steps(const struct health_watch_opts *o)
{
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(health_watch_freep) struct health_watch *first = NULL, *v = NULL;
	_cleanup_(buf_done) struct buf note = BUF_INIT(1024);
	const int64_t minute = MINUTE;

	ok(!store_open("sqlite::memory:", STORE_CREATE, &s, NULL) &&
		   !health_watch_new(s, o, &first) && !health_watch_new(s, o, &v),
	   "a store and two watches");
	report(s, 7, 1);
	is_int(step(first), 0, "a clock that nobody sets raises nothing");
	report_step(s, 7, 1, minute);
	is_int(step(first), 1, "one that is set does");
	is_int(step(v), 0, "another monitor takes over");
	report_step(s, 7, 1, -2 * minute);
	is_int(step(v), 1, "it is set again: that is reported like the first time");
	alerts_are(s, "tampered open node007 x1: node007 has had its clock set; ",
		   "in the same alert");
	ok(!store_alert_changes(s, 0, 0, 0, 0, last_note, &note), "its log");
	is_str(buf_str(&note), "once more", "says so");
	is_int(step(v), 0, "once");
}

int main(void)
{
	const struct health_watch_opts o = { .silent_ns = MINUTE,
					     .skew_ns = MINUTE,
					     .hole_ns = MINUTE };
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(health_watch_freep) struct health_watch *v = NULL;

	if (ok(!store_open("sqlite::memory:", STORE_CREATE, &s, NULL) &&
		       !health_watch_new(s, &o, &v),
	       "a watch over a store")) {
		test_folding(s, v);
		test_restart(s);
	}
	test_allowed(&o);
	test_silent();
	test_steps(&o);
	return tap_done();
}
