/* SPDX-License-Identifier: GPL-2.0 */
#include "crosscheck_help.h"

/*
 * What two witnesses disagree about: raised, held, folded, ended, by one monitor or two, through a
 * store in a file.
 */

#define HIDDEN_OPEN "hidden :666 open n1 x1; "
#define MANY_DOORS 4100 /* more than crosscheck_view.c compares */

static void hide(unsigned node)
{
	scanned_open(node, 666);
	step(0);
	scanned_open(node, 666);
	step(0);
}

static void test_second_look(void)
{
	set_up();
	alerts_are("", "nodes that are as their profile says raise nothing");
	scanned_open(1, 666);
	step(0);
	alerts_are("", "a hidden door that was seen once raises nothing");
	is_int(confirmation_scans(), 1, "but a confirmation scan is asked for, at once");
	step(0);
	is_int(confirmation_scans(), 1, "once");
	scanned_open(1, 666);
	step(0);
	alerts_are(HIDDEN_OPEN, "seen twice it is an alert");
	is_int(monitors[0].changes, 1, "told once");
	step(0);
	is_int(monitors[0].changes, 0, "and not again");
	scanned_folded(1, "tcp closed 600-700");
	step(0);
	alerts_are("hidden :666 resolved n1 x0; ", "a scan that sees it closed ends it");
	scanned_open(1, 666);
	step(0);
	alerts_are("hidden :666 resolved n1 x0; ", "its return is unconfirmed at first");
	scanned_folded(1, "tcp closed 600-700");
	scanned_open(1, 666);
	step(0);
	alerts_are("hidden :666 resolved n1 x0; ", "which a scan that does not see it dispels");
}

static void test_blocked(void)
{
	set_up();
	scanned_folded(1, "tcp filtered 80");
	step(0);
	alerts_are("", "a port that turned filtered may be our scan's own doing");
	is_int(confirmation_scans(), 0, "and is not asked for again at once");
	scanned_folded(1, "tcp filtered 80");
	step(0);
	alerts_are("", "a scan before it had time to recover says nothing");
	unconfirmed_age();
	step(0);
	is_int(confirmation_scans(), 1, "later it is, by itself");
	scanned(1, &(struct scanned){ .folded = "tcp filtered 80", .ago_ns = 19 * S });
	step(0);
	alerts_are("blocked :80 open n1 x1; ", "filtered still: it is blocked");
	scanned_open(1, 80);
	step(0);
	alerts_are("blocked :80 resolved n1 x0; ", "open again: it is over");
}

static void test_dead_agent(void)
{
	set_up();
	heartbeat_as(1, AGENT_STALLED);
	scanned_open(1, 666);
	step(0);
	alerts_are(
		"",
		"a node without a working agent: an open port that was seen once raises nothing");
	is_int(confirmation_scans(), 1, "but is asked for again");
	scanned_open(1, 666);
	scanned_open(1, 80);
	step(0);
	alerts_are("unexpected :666 open n1 x1; ",
		   "seen twice it is unexpected, from outside alone, and not hidden");
	heartbeat(1);
	scanned_folded(1, "tcp closed 600-700");
	step(0);
	alerts_are("unexpected :666 resolved n1 x0; ", "closed again it is over");
}

static void test_nodes(void)
{
	const struct store_decision ack = {
		.alert_id = 1,
		.from = ALERT_OPEN,
		.to = ALERT_ACKNOWLEDGED,
		.who = "mlee",
		.note = "",
		.at_ns = clock_wall_ns(),
	};
	uint64_t log_id;

	set_up();
	hide(1);
	ok(!store_decide(store, &ack, &log_id), "a person acknowledges a hidden door");
	step(0);
	hide(2);
	alerts_become("hidden :666 acknowledged n[1-2] x2; ",
		      "one node more folds, and undoes no person's word");
	scanned_folded(1, "tcp closed 666");
	step(0);
	alerts_become("hidden :666 acknowledged n2 x1; ", "one node fewer too");
	scanned_folded(2, "tcp closed 666");
	step(0);
	alerts_are("hidden :666 resolved n[1-2] x0; ", "the last one ends it");
}

/* A permitted door opened a minute ago, a scan has found it since. */
static void scan_what_opened(void)
{
	const struct store_scan_port p = open_port(86);

	step(0);
	scanned(1, &(struct scanned){ .ports = &p, .ports_len = 1, .ago_ns = 20 * S });
	step(0);
	scanned(1, &(struct scanned){ .ports = &p, .ports_len = 1, .ago_ns = 18 * S });
	step(0);
}

static void test_clock_ahead(void)
{
	const uint64_t ahead_ns = 120 * S;

	set_up();
	heartbeat_by(1, AGENT_RECORDING, (int64_t)ahead_ns);
	door_at(1, EVENT_OPEN, 86, "/usr/sbin/nginx", start_ns - 60 * S + ahead_ns,
		start_ns - 60 * S);
	scan_what_opened();
	alerts_are("", "a door that its node says opens in the future is no hidden one");
	set_up();
	door_at(1, EVENT_OPEN, 86, "/usr/sbin/nginx", start_ns - 60 * S + ahead_ns,
		start_ns - 60 * S);
	scan_what_opened();
	alerts_are("", "nor when the clock was set right since");
	set_up();
	heartbeat_by(1, AGENT_RECORDING, -(int64_t)ahead_ns);
	door_at(1, EVENT_CLOSE, 85, "/usr/sbin/nginx", start_ns - ahead_ns, start_ns);
	hide(1);
	alerts_are(HIDDEN_OPEN, "what is hidden is so by whatever clock");
}

static void test_maintenance(void)
{
	const uint64_t now = clock_wall_ns();
	const struct store_maintenance m = { .nodes = "n1",
					     .host_type = "",
					     .starts_ns = now - S,
					     .ends_ns = now + 3600 * S,
					     .reason = "disks",
					     .author = "mlee",
					     .created_ns = now };
	uint64_t id = 0;

	set_up();
	ok(!store_maintenance_add(store, &m, &id), "a maintenance begins");
	hide(1);
	alerts_are("hidden :666 snoozed n1 x1; ", "a hidden door is held back by it");
	scanned_folded(1, "tcp filtered 80");
	step(0);
	unconfirmed_age();
	scanned(1, &(struct scanned){ .folded = "tcp filtered 80", .ago_ns = 15 * S });
	step(0);
	alerts_are("blocked :80 snoozed n1 x1; hidden :666 snoozed n1 x1; ", "and a blocked one");
	ok(!store_maintenance_end(store, id, "mlee", clock_wall_ns()), "the maintenance ends");
	alerts_become("blocked :80 open n1 x1; hidden :666 open n1 x1; ",
		      "what is open then is reported: held no longer");
}

static int first_key(const struct store_alert *a, void *arg)
{
	snprintf(arg, 1024, "%s", a->key);
	return 1;
}

/* As `ajar alerts allow` does; the alert is open. */
static uint64_t allow(const char *nodes, uint64_t expires_ns)
{
	const struct store_alert_query all = { .all = true };
	const struct store_decision d = {
		.alert_id = 1,
		.from = ALERT_OPEN,
		.to = ALERT_ALLOWED,
		.who = "mlee",
		.note = "",
		.at_ns = clock_wall_ns(),
	};
	char key[1024] = "";
	struct store_exception e = { .key = key,
				     .nodes = nodes,
				     .reason = "known",
				     .author = "mlee",
				     .created_ns = d.at_ns,
				     .expires_ns = expires_ns };
	uint64_t id = 0, log_id;

	ok(store_alerts(store, &all, first_key, key) == 1 && !store_exception_add(store, &e, &id) &&
		   !store_decide(store, &d, &log_id),
	   "a person lives with it on %s", nodes);
	return id;
}

static void test_allowed(void)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	uint64_t expires_ns;

	set_up();
	hide(1);
	expires_ns = clock_wall_ns() + 2 * S;
	allow("n1", expires_ns);
	step(0);
	scanned_open(1, 666);
	step(0);
	alerts_are("hidden :666 allowed n1 x1; ", "a scan that sees it again says nothing");
	while (clock_wall_ns() < expires_ns)
		nanosleep(&pause, NULL);
	step(0);
	alerts_are(HIDDEN_OPEN, "when the exception has run out it is back");
	scanned_open(1, 666);
	step(0);
	is_int(monitors[0].changes, 0, "and is told once");
}

/* What a person lives with on one node says nothing about the others of its class. */
static void test_allowed_nodes(void)
{
	uint64_t id;

	set_up();
	start_monitor(1);
	hide(1);
	id = allow("n1", 0);
	step(0);
	step(1);
	alerts_are("hidden :666 allowed n1 x1; ", "two monitors leave it alone");
	hide(2);
	alerts_are("hidden :666 open n2 x1; ", "on another node it opens, for that one alone");
	scanned_open(1, 666);
	step(1);
	alerts_are("hidden :666 open n2 x1; ", "to the other monitor too");
	scanned_folded(2, "tcp closed 666");
	step(0);
	alerts_are("hidden :666 resolved n2 x0; ", "where it is over it is");
	start_monitor(0);
	step(0);
	alerts_are("hidden :666 resolved n2 x0; ", "another monitor takes the same word");
	is_int(store_exception_end(store, id, clock_wall_ns()), 0, "the exception is taken back");
	step(1);
	step(0);
	alerts_are(HIDDEN_OPEN, "then it is open where it was all the time");
	hide(2);
	alerts_become("hidden :666 open n[1-2] x2; ", "and on another node");
	id = allow("n1", 0);
	step(0);
	alerts_are("hidden :666 open n2 x1; ", "one that came as it was allowed is not allowed");
	allow("n2", 0);
	step(1);
	alerts_are("hidden :666 allowed n2 x1; ", "until that is, by an exception of its own");
	is_int(store_exception_keep(store, id, "n9", clock_wall_ns()), 0,
	       "of many nodes one is taken back");
	step(0);
	alerts_are(HIDDEN_OPEN, "that one is open");
}

static void test_two_monitors(void)
{
	set_up();
	start_monitor(1);
	scanned_open(1, 666);
	step(0);
	step(1);
	is_int(confirmation_scans(), 1, "of two monitors one asks for the confirmation scan");
	scanned_open(1, 666);
	step(1);
	step(0);
	is_int(monitors[0].changes + monitors[1].changes, 1, "and one of them tells");
	alerts_are(HIDDEN_OPEN, "of one alert on one node");
	scanned_open(2, 666);
	step(0);
	scanned_open(2, 666);
	step(1);
	scanned_folded(1, "tcp closed 666");
	step(0);
	scanned_folded(2, "tcp closed 666");
	step(1);
	step(0);
	alerts_are("hidden :666 resolved n[1-2] x0; ",
		   "taking turns they count right: none is left");
}

static void test_killed(void)
{
	set_up();
	scanned_open(1, 666);
	step(0);
	start_monitor(0);
	step(0);
	is_int(confirmation_scans(), 1,
	       "a monitor that was killed before the confirmation does not ask twice");
	scanned_open(1, 666);
	step(0);
	alerts_are(HIDDEN_OPEN, "and the next one confirms it");
	start_monitor(0);
	step(0);
	is_int(monitors[0].changes, 0, "a third one has nothing to tell");
	alerts_are(HIDDEN_OPEN, "and changes nothing");
	scanned_folded(1, "tcp closed 666");
	step(0);
	alerts_are("hidden :666 resolved n1 x0; ", "but ends what the others raised");
}

static void compare_only(void)
{
	unsigned changes = 0;
	bool more = true;

	for (unsigned n = 0; more && n < 100; n++) {
		if (crosscheck_step(monitors[0].crosscheck, clock_wall_ns(), &changes, &more))
			ok(false, "it compares: %s", store_why(monitors[0].store));
	}
}

/* The node's shipper and its heartbeat are well, the monitor is behind. */
static void test_unjudged(void)
{
	const struct store_scan_port p = open_port(85);

	set_up();
	door(1, EVENT_OPEN, 85, "/usr/sbin/nginx", 60 * S);
	heartbeat(1);
	scanned(1, &(struct scanned){ .ports = &p, .ports_len = 1, .ago_ns = 10 * S });
	compare_only();
	scanned(1, &(struct scanned){ .ports = &p, .ports_len = 1, .ago_ns = 7 * S });
	compare_only();
	alerts_are("", "a door whose record is stored and not judged is not hidden");
	is_int(confirmation_scans(), 0, "nor is it in doubt");
	step(0);
	alerts_are("", "and once it is judged it is as profiled");
}

static int keep_why(const struct store_alert *a, void *arg)
{
	if (a->port == 666)
		buf_printf(arg, "%s: %s", finding_kind_name(a->kind), a->why);
	return 0;
}

/* Of a node with more doors than are compared, what no door is known for is not hidden. */
static void test_many_doors(void)
{
	const struct store_scan_port ports[] = { open_port(85), open_port(666) };
	const struct scanned sc = { .ports = ports, .ports_len = 2, .ago_ns = 10 * S };
	const struct store_alert_query all = { .all = true };
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);

	set_up();
	for (unsigned i = 0; i < MANY_DOORS; i++)
		door(1, EVENT_OPEN, (uint16_t)(10000 + i), "/opt/many", 120 * S);
	door(1, EVENT_OPEN, 85, "/usr/sbin/nginx", 60 * S);
	heartbeat(1);
	step(0);
	for (unsigned i = 0; i < 2; i++) {
		scanned(1, &sc);
		step(0);
	}
	list_alerts(&b);
	ok(!strstr(buf_str(&b), "hidden"), "a profiled door beyond the limit is not hidden");
	ok(!strstr(buf_str(&b), ":85 "), "and no finding at all");
	buf_reset(&b);
	buf_puts(&b, "");
	ok(!store_alerts(store, &all, keep_why, &b) && !strncmp(buf_str(&b), "unexpected: ", 12) &&
		   strstr(buf_str(&b), "more doors than the 4096 that are compared"),
	   "one that nobody knows is found, with what is not known: %s", buf_str(&b));
}

int main(void)
{
	if (set_up_dir()) {
		test_many_doors();
		test_unjudged();
		test_second_look();
		test_blocked();
		test_dead_agent();
		test_nodes();
		test_clock_ahead();
		test_maintenance();
		test_allowed();
		test_allowed_nodes();
		test_two_monitors();
		test_killed();
	}
	return tear_down();
}
