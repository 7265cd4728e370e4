/* SPDX-License-Identifier: GPL-2.0 */
#include "core/finding.h"
#include "crosscheck_help.h"

/*
 * "Reachable from outside?": what a scan of an alert's door makes of the alert, before the node has
 * said a word more.
 */

struct look {
	enum severity severity;
	enum alert_state state;
	enum port_state outside;
	char why[2048];
};

static int look_at(const struct store_alert *a, void *arg)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(4096);
	struct look *l = arg;

	l->severity = a->severity;
	l->state = a->state;
	l->outside = a->outside.state;
	snprintf(l->why, sizeof(l->why), "%s", store_alert_why(a, &why));
	return 1;
}

static struct look newest(void)
{
	const struct store_alert_query all = { .all = true };
	struct look l = { 0 };

	if (store_alerts(store, &all, look_at, &l) < 0)
		ok(false, "alerts are read");
	return l;
}

struct noted {
	enum alert_cause cause;
	char note[64];
};

static int last_change(const struct store_alert_change *c, void *arg)
{
	struct noted *n = arg;

	n->cause = c->cause;
	snprintf(n->note, sizeof(n->note), "%s", c->note);
	return 0;
}

static void noted(enum alert_cause cause, const char *note, const char *what)
{
	struct noted n = { 0 };

	if (store_alert_changes(store, 0, 0, 0, 0, last_change, &n))
		ok(false, "the log is read");
	ok(n.cause == cause && !strcmp(n.note, note), "%s", what);
}

static bool says(const char *words)
{
	struct look l = newest();
	bool good = strstr(l.why, words);

	if (!good)
		printf("# %s\n", l.why);
	return good;
}

static void unexpected(void)
{
	set_up();
	door(1, EVENT_OPEN, 444, "/usr/bin/nc", 10 * S);
	step(0);
	is_int(newest().severity, SEVERITY_WARNING, "an unexpected door is a warning");
}

static void probed(enum port_state state, const char *plan)
{
	struct store_scan_port p = open_port(444);

	p.state = state;
	/* It ended a second ago: what the node has to say about that time has not come yet. */
	scanned(1, &(struct scanned){ .plan = plan, .ago_ns = S, .ports = &p, .ports_len = 1 });
	step(0);
}

static void test_reachable(void)
{
	unexpected();
	probed(PORT_OPEN, "probe");
	is_int(newest().severity, SEVERITY_CRITICAL, "one that answers from outside is critical");
	ok(says("; from outside: reachable, port 444 of n1 answers at 10.251.0.1"), "and says so");
	noted(CAUSE_REACHED, "reachable from outside", "which is reported as that");
	start_monitor(0);
	probed(PORT_OPEN, "probe");
	is_int(monitors[0].changes, 0, "a confirmation scan that says the same is not told");
	probed(PORT_FILTERED, "probe");
	ok(says("; from outside: not reachable from the monitor, port 444 of n1 is filtered"),
	   "one that says another thing is written");
	is_int(monitors[0].changes, 0, "and not told");
	is_int(newest().severity, SEVERITY_CRITICAL, "for it may be a ban: what was seen was seen");
	door(2, EVENT_OPEN, 444, "/usr/bin/nc", 5 * S);
	step(0);
	ok(says("not reachable"), "a node more leaves the words");
	door(1, EVENT_CLOSE, 444, "/usr/bin/nc", 2 * S);
	door(2, EVENT_CLOSE, 444, "/usr/bin/nc", 2 * S);
	step(0);
	alerts_become("unexpected :444 resolved n[1-2] x0; ", "the doors are gone");
	door(1, EVENT_OPEN, 444, "/usr/bin/nc", S);
	step(0);
	ok(!says("from outside"), "when it is back nobody has looked yet");
	is_int(newest().severity, SEVERITY_WARNING, "and it is a warning again");
}

static void test_not_reachable(void)
{
	unexpected();
	probed(PORT_CLOSED, "probe");
	is_int(newest().severity, SEVERITY_WARNING, "one that does not answer stays a warning");
	ok(says("; from outside: not reachable from the monitor, port 444 of n1 is closed"),
	   "and says so");
	noted(CAUSE_OPENED, "opened", "without being told again");
}

/* What a program's file is called is no witness. */
static void test_hostile_name(void)
{
	static const char *const names[] = {
		"/tmp/x; from outside: not reachable from the monitor/nc",
		"/tmp/x; from outside: reachable, port 444 of n1 answers at 10.251.0.1",
	};

	for (size_t i = 0; i < array_len(names); i++) {
		set_up();
		set_up();
		door(1, EVENT_OPEN, 444, names[i], 10 * S);
		step(0);
		ok(says(names[i]) && newest().outside == PORT_UNKNOWN,
		   "a name that speaks as a scan does is not taken for one");
		probed(PORT_OPEN, "probe");
		ok(says(names[i]) &&
			   says("; from outside: reachable, port 444 of n1 answers at 10.251.0.1"),
		   "what a scan says stands beside it, whole");
		is_int(newest().severity, SEVERITY_CRITICAL, "and counts");
		probed(PORT_FILTERED, "probe");
		ok(says(names[i]) && says("monitor, port 444 of n1 is filtered at 10.251.0.1"),
		   "so does the next one");
		is_int(newest().outside, PORT_FILTERED, "as a field");
	}
}

static void test_order(void)
{
	unexpected();
	scanned(1, &(struct scanned){ .folded = "tcp closed 1-1000", .ago_ns = 15 * S });
	step(0);
	ok(!says("from outside"), "a sweep that was over when the door opened says nothing of it");
}

static void test_held(void)
{
	const uint64_t now = clock_wall_ns();
	const struct store_maintenance m = { .nodes = "n1",
					     .host_type = "",
					     .starts_ns = now - 60 * S,
					     .ends_ns = now + 3600 * S,
					     .reason = "disks",
					     .author = "mlee",
					     .created_ns = now };
	uint64_t id;

	set_up();
	ok(!store_maintenance_add(store, &m, &id), "a maintenance");
	door(1, EVENT_OPEN, 444, "/usr/bin/nc", 10 * S);
	step(0);
	probed(PORT_OPEN, "probe");
	is_int(newest().state, ALERT_SNOOZED,
	       "what maintenance holds stays held when it is reached");
	ok(says("from outside: reachable"), "but says it");
}

int main(void)
{
	if (set_up_dir()) {
		test_reachable();
		test_not_reachable();
		test_hostile_name();
		test_order();
		test_held();
	}
	return tear_down();
}
