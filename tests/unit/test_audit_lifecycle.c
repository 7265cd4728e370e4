/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/lifecycle.h"

#include "tap.h"

#define S UINT64_C(1000000000)

static struct life life;
static struct life_result res;

static void step(enum life_event what, enum severity severity, uint64_t doors, uint64_t at_s)
{
	struct life_input in = { .what = what,
				 .severity = severity,
				 .doors = doors,
				 .at_ns = at_s * S,
				 .blink_ns = LIFECYCLE_BLINK_NS };

	lifecycle_step(&life, &in, &res);
	life = res.next;
}

/* "open", "resolved open", "" */
static const char *logged(void)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s%s%s",
		 res.len ? alert_state_name(res.changes[0].state) : "", res.len > 1 ? " " : "",
		 res.len > 1 ? alert_state_name(res.changes[1].state) : "");
	return text;
}

static void test_plain(void)
{
	life = (struct life){ 0 };
	step(LIFE_OPENED, SEVERITY_WARNING, 1, 100);
	is_str(logged(), "open", "a finding opens an alert");
	is_int(res.changes[0].severity, SEVERITY_WARNING, "with its severity");
	is_int(life.first_ns, 100 * S, "first is its time");
	is_int(res.due_ns, 0, "no timer while it is open");
	step(LIFE_OPENED, SEVERITY_WARNING, 2, 101);
	is_str(logged(), "", "a second door of the key folds");
	is_int(life.doors, 2, "and is counted");
	is_int(life.last_ns, 101 * S, "last is its time");
	step(LIFE_CLOSED, 0, 1, 102);
	is_str(logged(), "", "one of two doors closes: nothing to say");
	is_int(res.due_ns, 0, "and no timer");
	step(LIFE_CLOSED, 0, 0, 103);
	is_str(logged(), "", "the last door closes: not yet resolved");
	is_int(res.due_ns, 108 * S, "but due after the blink");
	step(LIFE_TICK, 0, 0, 107);
	is_str(logged(), "", "an early tick does nothing");
	is_int(res.due_ns, 108 * S, "and is still due");
	step(LIFE_TICK, 0, 0, 108);
	is_str(logged(), "resolved", "gone for the blink: resolved");
	is_int(res.changes[0].at_ns, 108 * S, "at that time");
	is_int(res.due_ns, 0, "no timer behind it");
	step(LIFE_TICK, 0, 0, 200);
	is_str(logged(), "", "resolved once");
	step(LIFE_OPENED, SEVERITY_NOTICE, 1, 300);
	is_str(logged(), "open", "it comes again: reopened");
	is_str(res.changes[0].note, "reopened", "and says so");
	is_int(life.first_ns, 100 * S, "first stays");
	is_int(life.severity, SEVERITY_NOTICE, "severity is that of the new one");
}

static void test_blink(void)
{
	life = (struct life){ 0 };
	step(LIFE_OPENED, SEVERITY_WARNING, 1, 100);
	step(LIFE_CLOSED, 0, 0, 110);
	step(LIFE_OPENED, SEVERITY_WARNING, 1, 112);
	is_str(logged(), "", "a restart within the blink is no change");
	is_int(res.due_ns, 0, "and the timer is off");
	step(LIFE_TICK, 0, 1, 120);
	is_str(logged(), "", "nor does a late tick resolve it");
	step(LIFE_CLOSED, 0, 0, 130);
	step(LIFE_OPENED, SEVERITY_WARNING, 1, 1000);
	is_str(logged(), "resolved open", "replayed late, a long absence is two changes");
	is_int(res.changes[0].at_ns, 135 * S, "resolved when it was due");
	is_int(res.changes[1].at_ns, 1000 * S, "reopened when it came");
}

static void test_people(void)
{
	static const enum alert_state held[] = { ALERT_ACKNOWLEDGED, ALERT_SNOOZED };

	for (size_t i = 0; i < array_len(held); i++) {
		const char *name = alert_state_name(held[i]);

		life = (struct life){ .state = held[i],
				      .severity = SEVERITY_WARNING,
				      .doors = 1,
				      .first_ns = 1,
				      .until_ns = held[i] == ALERT_SNOOZED ? 5000 * S : 0 };
		step(LIFE_OPENED, SEVERITY_WARNING, 2, 100);
		is_str(logged(), "", "%s stays while the door stands", name);
		step(LIFE_CLOSED, 0, 0, 110);
		step(LIFE_OPENED, SEVERITY_WARNING, 1, 111);
		is_int(life.state, held[i], "%s stays over a blink", name);
		step(LIFE_OPENED, SEVERITY_CRITICAL, 2, 112);
		is_str(logged(), "open", "what gets worse opens again, %s or not", name);
		is_int(res.changes[0].severity, SEVERITY_CRITICAL, "with the new severity");
		step(LIFE_OPENED, SEVERITY_NOTICE, 3, 113);
		is_str(logged(), "", "a lower severity is no change");
		is_int(life.severity, SEVERITY_CRITICAL, "and does not lower it");
		step(LIFE_CLOSED, 0, 0, 120);
		step(LIFE_TICK, 0, 0, 125);
		is_str(logged(), "resolved", "%s is resolved when gone", name);
	}
	life = (struct life){ .state = ALERT_SNOOZED,
			      .severity = SEVERITY_WARNING,
			      .doors = 1,
			      .until_ns = 200 * S };
	step(LIFE_TICK, 0, 1, 199);
	is_str(logged(), "", "a snooze lasts");
	is_int(res.due_ns, 200 * S, "and is due at its end");
	step(LIFE_TICK, 0, 1, 230);
	is_str(logged(), "open", "its time is up, and the door stands: open");
	is_int(res.changes[0].at_ns, 200 * S, "at that time");
	is_str(res.changes[0].note, "the snooze is over", "and says so");
	life = (struct life){ .state = ALERT_ALLOWED, .severity = SEVERITY_WARNING, .doors = 1 };
	step(LIFE_FINE, 0, 0, 100);
	is_str(logged(), "", "an allowed alert whose doors are fine stays allowed");
	step(LIFE_CLOSED, 0, 0, 101);
	is_str(logged(), "", "also when they close");
	step(LIFE_OPENED, SEVERITY_WARNING, 1, 102);
	is_str(logged(), "open", "and reopens when the permission is gone");
}

static void test_profile(void)
{
	life = (struct life){ 0 };
	step(LIFE_OPENED, SEVERITY_WARNING, 2, 100);
	step(LIFE_FINE, 0, 1, 101);
	is_str(logged(), "", "one of two doors is fine now: the alert stands");
	step(LIFE_FINE, 0, 0, 101);
	is_str(logged(), "resolved", "the last is fine now: resolved at once, without a blink");
	is_str(res.changes[0].note, "as profiled now", "and says why");
	life = (struct life){ 0 };
	step(LIFE_FINE, 0, 0, 101);
	step(LIFE_CLOSED, 0, 0, 101);
	is_int(life.state, 0, "doors without findings make no alert");
}

static void test_no_blink(void)
{
	struct life_input in = { .what = LIFE_CLOSED, .at_ns = 7 };

	life = (struct life){ .state = ALERT_OPEN, .doors = 1 };
	lifecycle_step(&life, &in, &res);
	is_str(logged(), "resolved", "without hysteresis it is resolved at once");
	is_int(res.due_ns, 0, "and nothing is due");
}

/*
 * Whatever happens: changes alternate, what has doors never resolves, what has none ends resolved.
 */
static struct life_input on_nodes(enum life_event what, uint64_t nodes, uint64_t at_s)
{
	return (struct life_input){ .what = what,
				    .severity = SEVERITY_WARNING,
				    .doors = nodes,
				    .nodes = nodes,
				    .at_ns = at_s * S,
				    .blink_ns = LIFECYCLE_BLINK_NS,
				    .reopen_nodes = 10 };
}

static void go(struct life_input in)
{
	lifecycle_step(&life, &in, &res);
	life = res.next;
}

static void test_growth(void)
{
	unsigned told = 0;

	life = (struct life){ 0 };
	for (unsigned n = 1; n <= 480; n++) { /* 8 a second: a minute */
		go(on_nodes(LIFE_OPENED, n, 100 + n / 8));
		told += res.len;
	}
	is_int(told, 2, "480 nodes within a minute are two messages");
	is_int(life.reported_nodes, 240, "the first node, and half of them");
	is_int(res.due_ns, (130 + 600) * S, "the rest is reported later");
	go(on_nodes(LIFE_TICK, 480, 731));
	is_str(res.len ? res.changes[0].note : "", "on more nodes", "when it is due");
	is_int(life.reported_nodes, 480, "with all");
	is_int(res.due_ns, 0, "and then there is nothing to tell");
	life.state = ALERT_ACKNOWLEDGED;
	go(on_nodes(LIFE_OPENED, 489, 800));
	is_str(logged(), "", "a few more nodes do not open what is acknowledged");
	go(on_nodes(LIFE_OPENED, 490, 801));
	is_str(logged(), "open", "many more do");
}

static void test_ports(void)
{
	struct life_input in = on_nodes(LIFE_OPENED, 1, 100);

	life = (struct life){ 0 };
	go(in);
	is_int(life.reported_ports, 1, "an alert begins with one port");
	in.ports = 12;
	in.at_ns = 101 * S;
	go(in);
	is_int(res.len, 0, "eleven more are not told at once");
	is_int(res.due_ns, 130 * S, "but half a minute after the first");
	in.what = LIFE_TICK;
	in.at_ns = 130 * S;
	go(in);
	is_str(res.len ? res.changes[0].note : "", "on more ports", "with these words");
	is_int(life.reported_ports, 12, "all of them");
	is_int(res.due_ns, 0, "and then there is nothing to tell");
	life.state = ALERT_ACKNOWLEDGED;
	in.ports = 120;
	in.at_ns = 200 * S;
	go(in);
	is_int(res.len, 0, "what is acknowledged tells of none");
}

static void test_maintenance(void)
{
	struct life_input held = on_nodes(LIFE_OPENED, 1, 100);

	held.held_until_ns = 200 * S;
	held.window_id = 3;
	held.held_note = "maintenance 3: firmware";
	life = (struct life){ 0 };
	go(held);
	is_str(logged(), "snoozed", "in a maintenance an alert is held back");
	is_str(res.changes[0].note, "maintenance 3: firmware", "and says by which");
	held.severity = SEVERITY_CRITICAL;
	held.at_ns = 110 * S;
	go(held);
	is_str(logged(), "", "what gets worse meanwhile is held, too");
	is_int(life.severity, SEVERITY_CRITICAL, "and remembered");
	go(on_nodes(LIFE_TICK, 1, 200));
	is_str(logged(), "open", "what still stands at the end is alerted then");
	is_str(res.changes[0].note, "the maintenance is over", "and says so");
	life = (struct life){ 0 };
	held = on_nodes(LIFE_OPENED, 1, 100);
	held.held_until_ns = 200 * S;
	held.window_id = 3;
	go(held);
	go(on_nodes(LIFE_OPENED, 2, 120));
	is_str(logged(), "open", "a node outside of it opens the alert");
	life = (struct life){ 0 };
	go(held);
	go(on_nodes(LIFE_CLOSED, 0, 120));
	go(on_nodes(LIFE_TICK, 0, 130));
	is_str(logged(), "resolved", "what went away before the end is resolved");
	is_int(life.window_id, 3, "as quietly as it came");
}

static void test_properties(void)
{
	uint32_t rnd = 1;
	unsigned odd = 0, changes = 0;

	for (int round = 0; round < 2000; round++) {
		uint64_t now = 100, doors = 0;
		enum alert_state last = 0;

		life = (struct life){ 0 };
		for (int i = 0; i < 40; i++) {
			rnd = rnd * 1664525u + 1013904223u;
			now += (rnd >> 20) % 8;
			if ((rnd >> 9) % 2)
				step(LIFE_OPENED, SEVERITY_WARNING, ++doors, now);
			else if (doors)
				step(LIFE_CLOSED, 0, --doors, now);
			else
				step(LIFE_TICK, 0, doors, now);
			for (unsigned c = 0; c < res.len; c++) {
				odd += res.changes[c].state == last;
				last = res.changes[c].state;
				changes++;
			}
			odd += doors && life.state != ALERT_OPEN;
			odd += life.gone_ns && res.due_ns != life.gone_ns + LIFECYCLE_BLINK_NS;
		}
		while (doors)
			step(LIFE_CLOSED, 0, --doors, now);
		step(LIFE_TICK, 0, 0, now + 5);
		odd += life.state && life.state != ALERT_RESOLVED;
	}
	is_int(odd, 0, "80000 random steps: open and resolved alternate and end as the doors do");
	ok(changes > 2000, "with %u changes", changes);
}

int main(void)
{
	test_plain();
	test_blink();
	test_people();
	test_profile();
	test_no_blink();
	test_growth();
	test_ports();
	test_maintenance();
	test_properties();
	return tap_done();
}
