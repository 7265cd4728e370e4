/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "judge_help.h"
#include "store/alert_ports.h"
#include "store/triage.h"

static void accept_row(uint16_t port, const char *exe)
{
	char type[] = "compute", path[64];
	struct profile_row row = { .port = port, .proto = PROTO_TCP, .host_type = type };
	size_t added;

	snprintf(path, sizeof(path), "%s", exe);
	row.exe = path;
	if (store_profile_add(store, "compute", &row, 1, true, now, &added))
		printf("# cannot add a row: %s\n", store_why(store));
}

static void learning_never_alerts(void)
{
	put(door_event(EVENT_OPEN, 1, 22));
	put(door_event(EVENT_OPEN, 2, 4444));
	step();
	is_int(changes, 0, "without an accepted profile nothing alerts");
	is_int(open_doors(), 2, "but the doors are kept");
	accept_row(22, "/usr/bin/nc");
	step();
	is_int(changes, 1, "an accepted profile judges what is open");
	is_int(alerts(false).n, 1, "and the door it has no row for alerts");
	is_int(alerts(false).kind, FINDING_UNEXPECTED, "as unexpected");
	step();
	is_int(changes, 0, "once");
}

static void twins_and_restarts(void)
{
	put(door_event(EVENT_OPEN, 3, 4444));
	step();
	is_int(changes, 0, "a second socket on the same port adds no alert");
	is_int(alerts(false).doors, 2, "but counts");
	restart();
	step();
	is_int(changes, 0, "a monitor that starts again says nothing twice");
	put(door_event(EVENT_CLOSE, 2, 4444));
	step();
	is_int(alerts(false).doors, 1, "the first socket's end leaves one");
	put(door_event(EVENT_CLOSE, 3, 4444));
	step();
	is_int(alerts(false).n, 1, "the last one's end waits for a blink");
	now += 2 * S;
	put(door_event(EVENT_OPEN, 4, 4444));
	step();
	is_int(changes, 0, "which a restarted service uses");
	now += 60 * S;
	step();
	is_int(alerts(false).n, 1, "and the alert stands");
	put(door_event(EVENT_CLOSE, 4, 4444));
	step();
	restart();
	now += 6 * S;
	step();
	is_int(changes, 0, "a monitor that has just started waits a moment for what is under way");
	now += S;
	step();
	is_int(alerts(false).n, 0,
	       "gone for longer it is resolved, also by a monitor started since");
	put(door_event(EVENT_OPEN, 5, 4444));
	step();
	is_int(changes, 1, "when the door comes back");
	is_int(alerts(true).n, 1, "its alert opens again and no new one is made");
}

static void impostor_and_profile(void)
{
	struct event ev = door_event(EVENT_OPEN, 6, 22);

	ev.opener.exe = TEXT("/tmp/sshd");
	put(ev);
	step();
	is_int(alerts(false).n, 2, "another program on a permitted port alerts");
	accept_row(4444, "/usr/bin/nc");
	accept_row(22, "/tmp/sshd");
	step();
	is_int(changes, 2, "accepting both doors resolves both alerts");
	is_int(alerts(false).n, 0, "and none is left");
}

static void a_fresh_sensor_closes_what_it_does_not_find(void)
{
	struct event again = door_event(EVENT_OPEN, 6, 22),
		     start = { .kind = EVENT_START, .origin = ORIGIN_EVENT };
	unsigned before = open_doors();

	is_int(before, 3, "three doors are open");
	start.time_ns = now;
	start.from_seq = next_seq;
	again.origin = ORIGIN_SNAPSHOT;
	put(again);
	put(start);
	step();
	is_int(open_doors(), 1, "after a fresh start only what its snapshot found does");
	start.from_seq = 0;
	put(start);
	step();
	is_int(open_doors(), 1, "a sensor that was taken over closes nothing");
	next_seq = 1;
	start.from_seq = 1;
	put_in_boot(start, 2);
	step();
	is_int(open_doors(), 0, "after a reboot none of before is left");
}

static void many_of_one_key(void)
{
	struct event ev;

	for (uint64_t i = 0; i < 2000; i++) {
		ev = door_event(EVENT_OPEN, 1000 + i, (uint16_t)(40000 + i));
		ev.door.autoport = true;
		put_in_boot(ev, 2);
	}
	step();
	is_int(changes, 1, "2,000 doors of one program on ports the kernel chose are one alert");
	is_int(alerts(false).doors, 2000, "that counts them");
	for (uint64_t i = 0; i < 2000; i++) {
		ev = door_event(EVENT_CLOSE, 1000 + i, (uint16_t)(40000 + i));
		ev.door.autoport = true;
		put_in_boot(ev, 2);
	}
	step();
	now += 10 * S;
	step();
	is_int(alerts(false).n, 0, "and one resolution");
}

/*
 * The shipper fills a hole: records behind the cursor arrive, and what follows them is walked
 * again.
 */
static void a_late_record_judges_nothing_twice(void)
{
	/* Of another program: else it would be of the same burst. */
	struct event late = other_program(door_event(EVENT_OPEN, 9001, 5001));
	uint64_t hole, behind;

	put_in_boot(door_event(EVENT_OPEN, 9000, 5000), 2);
	hole = next_seq++;
	put_in_boot(door_event(EVENT_CLOSE, 9000, 5000), 2);
	put_in_boot(door_event(EVENT_OPEN, 9002, 5002), 2);
	step();
	now += 10 * S;
	step();
	is_int(alerts(false).n, 1, "one door has gone, one stands");
	behind = next_seq;
	next_seq = hole;
	put_in_boot(late, 2);
	next_seq = behind;
	step();
	is_int(changes, 1, "a record that fills a hole raises its own alert");
	is_int(alerts(false).n, 2, "and nothing that was judged is judged again");
	is_int(open_doors(), 2, "nor does a door that closed are open");
	put_in_boot(door_event(EVENT_CLOSE, 9001, 5001), 2);
	put_in_boot(door_event(EVENT_CLOSE, 9002, 5002), 2);
	step();
	now += 10 * S;
	step();
}

static struct event flood_event(enum event_kind kind, unsigned i)
{
	struct event ev = door_event(kind, 20000 + i, (uint16_t)(30000 + i));

	ev.opener.exe = TEXT("/usr/bin/flood");
	return ev;
}

static int get_ports(const struct store_alert *a, void *arg)
{
	return store_alert_ports(store, a->key, arg);
}

static struct store_alert_ports ports_of_newest(void)
{
	const struct store_alert_query q = { 0 };
	struct store_alert_ports p = { 0 };

	(void)!store_alerts(store, &q, get_ports, &p);
	return p;
}

static int decide(const struct store_alert *a, void *arg)
{
	struct store_decision *d = arg;

	d->alert_id = a->id;
	return 1;
}

static void acknowledge(void)
{
	const struct store_alert_query q = { 0 };
	struct store_decision d = { .from = ALERT_OPEN,
				    .to = ALERT_ACKNOWLEDGED,
				    .who = "ann",
				    .note = "seen",
				    .at_ns = now };

	if (store_alerts(store, &q, decide, &d) != 1 || store_decide(store, &d, NULL))
		printf("# cannot acknowledge: %s\n", store_why(store));
}

static int has_summary(const struct store_alert *a, void *arg)
{
	return strstr(a->summary, arg) ? 1 : 0;
}

static bool says(const char *words)
{
	const struct store_alert_query q = { 0 };

	return store_alerts(store, &q, has_summary, (void *)words) == 1;
}

/* Ports that a program picks itself come one after the other. */
static void a_burst_is_one_alert(void)
{
	struct store_alert_ports p;
	struct event ev;
	unsigned told = 0;

	for (unsigned i = 0; i < 36; i++) {
		put_in_boot(flood_event(EVENT_OPEN, i), 2);
		now += S / 2;
		step();
		told += changes;
	}
	is_int(told, 1, "36 ports of one program are reported once");
	is_int(alerts(false).n, 1, "and are one alert");
	is_int(alerts(false).doors, 36, "that counts them");
	p = ports_of_newest();
	is_str(p.folded, "30000-30035", "and has their ports");
	now += 2 * S;
	step();
	ok(says("nc (mlee) listens on 36 ports of 0.0.0.0: 30000-30035/tcp on "), "as it says");
	now += 12 * S;
	step();
	is_int(changes, 1, "half a minute later it is reported how many they became");
	put_in_boot(flood_event(EVENT_OPEN, 40), 2);
	step();
	is_int(changes, 1, "a port that comes when the burst is over is another alert");
	ev = flood_event(EVENT_OPEN, 100);
	ev.opener.uid = 0;
	ev.opener.user = TEXT("root");
	put_in_boot(ev, 2);
	put_in_boot(other_program(flood_event(EVENT_OPEN, 101)), 2);
	step();
	is_int(alerts(false).n, 4, "and so is another user's, or another program's");
	restart();
	put_in_boot(flood_event(EVENT_OPEN, 51), 2);
	step();
	is_int(changes, 0, "a monitor that starts again knows what is going on");
	now += 700 * S;
	put_in_boot(flood_event(EVENT_OPEN, 50), 2);
	step();
	for (unsigned i = 0; i < 52; i++)
		put_in_boot(flood_event(EVENT_CLOSE, i), 2);
	ev.kind = EVENT_CLOSE;
	put_in_boot(ev, 2);
	put_in_boot(other_program(flood_event(EVENT_CLOSE, 101)), 2);
	step();
	now += 10 * S;
	step();
	is_int(alerts(false).n, 0, "when its doors have closed it is over");
}

/* Nothing hides for long behind an alert that somebody has seen, or that goes on and on. */
static void a_burst_has_an_end(void)
{
	unsigned told = 0;

	for (unsigned i = 0; i < 200; i++) {
		put_in_boot(flood_event(EVENT_OPEN, i), 2);
		now += 9 * S;
		step();
		told += changes;
	}
	is_int(told, 11,
	       "a port each nine seconds for half an hour is three alerts, and their growth");
	is_int(alerts(false).n, 3, "as nothing is hidden behind one for ever");
	for (unsigned i = 0; i < 200; i++)
		put_in_boot(flood_event(EVENT_CLOSE, i), 2);
	step();
	now += 10 * S;
	step();
	put_in_boot(flood_event(EVENT_OPEN, 0), 2);
	step();
	acknowledge();
	put_in_boot(flood_event(EVENT_OPEN, 1), 2);
	step();
	is_int(changes, 1, "what was acknowledged takes in no other port");
	for (unsigned i = 0; i < 2; i++)
		put_in_boot(flood_event(EVENT_CLOSE, i), 2);
	step();
	now += 10 * S;
	step();
	is_int(alerts(false).n, 0, "and all is over");
}

/* Slower than a burst: alerts of their own, until there are too many of them. */
static void a_flood_folds(void)
{
	const unsigned first = AUDIT_FLOOD_MIN, n = first + 20;

	for (unsigned i = 0; i < n; i++) {
		put_in_boot(flood_event(EVENT_OPEN, i), 2);
		step();
		now += 11 * S;
	}
	is_int(alerts(false).n, first + 1,
	       "%u ports of one program are %u alerts and one for the flood", n, first);
	is_int(alerts(false).most, n - first, "which counts the others");
	restart();
	put_in_boot(flood_event(EVENT_OPEN, n), 2);
	step();
	is_int(alerts(false).n, first + 1, "a monitor that starts again goes on folding");
	is_int(changes, 0, "and says nothing about one more");
	for (unsigned i = 0; i < first; i++)
		put_in_boot(flood_event(EVENT_CLOSE, i), 2);
	step();
	now += 10 * S;
	step();
	is_int(alerts(false).n, 1, "ports closed one by one are resolved one by one");
	put_in_boot(flood_event(EVENT_OPEN, n + 1), 2);
	step();
	is_int(alerts(false).n, 1, "as long as the flood's alert stands all goes there");
	accept_row(30999, "/usr/bin/other");
	step();
	is_int(alerts(false).n, 1, "also when the profile changes");
	is_int(alerts(false).doors, n - first + 2, "with every door counted");
	for (unsigned i = first; i < n + 2; i++)
		put_in_boot(flood_event(EVENT_CLOSE, i), 2);
	step();
	now += 10 * S;
	step();
	is_int(alerts(false).n, 0, "the end of the flood resolves it");
	put_in_boot(flood_event(EVENT_OPEN, n + 2), 2);
	step();
	is_int(alerts(false).doors, 1, "and a door after that has an alert of its own");
	put_in_boot(flood_event(EVENT_CLOSE, n + 2), 2);
	now += 10 * S;
	step();
	now += S;
	step();
}

/* A service restarts within a second; the monitor hears of it a minute later, in two parts. */
static void a_late_monitor_sees_a_blink(void)
{
	uint64_t next, before;
	struct event ev = door_event(EVENT_OPEN, 31000, 31000);

	put_in_boot(ev, 2);
	step();
	is_int(changes, 1, "a door alerts");
	now += 10 * S;
	ev = door_event(EVENT_CLOSE, 31000, 31000);
	put_in_boot(ev, 2);
	before = now;
	now += 60 * S;
	step();
	is_int(changes, 0, "its end, told late, is no resolution: its return may be on the way");
	ev = door_event(EVENT_OPEN, 31001, 31000);
	ev.time_ns = before + S;
	put_in_boot(ev, 2);
	step();
	is_int(changes, 0, "and its return within a blink is none either");
	ev = door_event(EVENT_CLOSE, 31001, 31000);
	ev.time_ns = before + 2 * S;
	put_in_boot(ev, 2);
	step();
	now += S / 2;
	step();
	is_int(changes, 0, "nor is a step in between that brings no news");
	ev = door_event(EVENT_OPEN, 31002, 31000);
	ev.time_ns = before + 3 * S;
	put_in_boot(ev, 2);
	step();
	ev = door_event(EVENT_CLOSE, 31002, 31000);
	ev.time_ns = before + 4 * S;
	put_in_boot(ev, 2);
	ok(judge_step(judge, now, &changes, &next) == 0 && next > now && next <= now + 2 * S,
	   "a judge that waits for more says when it will have waited enough");
	now = next;
	step();
	is_int(changes, 1, "when nothing more has come, gone is gone");
	is_int(alerts(false).n, 0, "and resolved");
}

/* The wall clock is set back by an hour between a door's end and its resolution. */
static void a_clock_set_back(void)
{
	uint64_t next;

	put_in_boot(door_event(EVENT_OPEN, 32000, 32000), 2);
	step();
	put_in_boot(door_event(EVENT_CLOSE, 32000, 32000), 2);
	step();
	now -= 3600 * S;
	ok(judge_step(judge, now, &changes, &next) == 0 && next && next <= now + 5 * S,
	   "a clock set back does not put a resolution off by as much");
	now += 6 * S;
	step();
	is_int(alerts(false).n, 0, "the alert is resolved after a blink of the new time");
	put_in_boot(door_event(EVENT_OPEN, 32001, 32000), 2);
	step();
	is_int(alerts(false).n, 1, "and opens again when the door does");
	now += 7200 * S;
	put_in_boot(door_event(EVENT_CLOSE, 32001, 32000), 2);
	step();
	now += 6 * S;
	step();
	is_int(alerts(false).n, 0,
	       "a clock set forward resolves nothing that stands, and all that does not");
}

static void ajars_own_trial_is_no_alert(void)
{
	struct event ev = door_event(EVENT_OPEN, 33000, 33000);

	ev.opener.exe = TEXT("/usr/bin/ajar");
	ev.door.scope = SCOPE_LOOPBACK;
	ev.door.autoport = true;
	put_in_boot(ev, 2);
	step();
	is_int(changes, 0, "another sensor trying itself raises nothing");
	ev.door.cookie++;
	ev.door.autoport = false;
	ev.door.port = 2527;
	put_in_boot(ev, 2);
	step();
	is_int(changes, 0, "nor does its web page on loopback");
	ev.door.cookie++;
	ev.opener.exe = TEXT("/usr/bin/nc");
	put_in_boot(ev, 2);
	step();
	is_int(changes, 1, "another program in the page's place does");
	ev.opener.exe = TEXT("/usr/bin/ajar");
	ev.door.cookie++;
	ev.door.scope = SCOPE_ANY;
	put_in_boot(ev, 2);
	step();
	is_int(changes, 1, "the same program with a door to the world does");
}

static struct profile_row row_of_7777(void)
{
	_cleanup_(profile_freep) struct profile *p = NULL;

	if (store_profile_get(store, "compute", &p))
		return (struct profile_row){ .hits = 999 };
	for (size_t i = 0; i < p->rows_len; i++)
		if (p->rows[i].port == 7777)
			return (struct profile_row){ .hits = p->rows[i].hits,
						     .last_match_ns = p->rows[i].last_match_ns };
	return (struct profile_row){ .hits = 998 };
}

static void rows_count_what_they_decide(void)
{
	struct event ev;
	uint64_t last;

	restart();
	accept_row(7777, "/usr/bin/nc");
	step();
	put_in_boot(door_event(EVENT_OPEN, 90001, 7777), 2);
	step();
	is_int(row_of_7777().hits, 1, "a door that a row permits counts");
	for (uint64_t i = 90002; i < 90050; i++) {
		now += S / 10;
		put_in_boot(door_event(EVENT_OPEN, i, 7777), 2);
		step();
	}
	last = now;
	is_int(row_of_7777().hits, 1, "more within seconds are not written one by one");
	ev = door_event(EVENT_OPEN, 90060, 7778);
	put_in_boot(ev, 2);
	now += 20 * S;
	step();
	ok(row_of_7777().hits == 49 && row_of_7777().last_match_ns == last,
	   "but together, with the time of the last; what the row does not permit is not among "
	   "them");
}

/*
 * `ajar alerts allow ID --expires`: what was permitted for a time is news again when that is over.
 */
static void test_expiry(void)
{
	char type[] = "compute";
	struct profile_row row = {
		.port = 9901, .proto = PROTO_TCP, .host_type = type, .expires_ns = now + 100 * S
	};
	struct counted before = alerts(true);
	size_t added;

	if (store_profile_add(store, "compute", &row, 1, true, now, &added))
		printf("# cannot add a row: %s\n", store_why(store));
	put_in_boot(door_event(EVENT_OPEN, 9901, 9901), 2);
	step();
	is_int(alerts(true).n, before.n, "a row that runs out later permits its door");
	now += 50 * S;
	step();
	is_int(alerts(true).n, before.n, "until then");
	restart();
	now += 50 * S;
	step();
	is_int(alerts(true).n, before.n + 1,
	       "and then the door is judged again, though nothing happened");
	step();
	is_int(changes, 0, "once");
}

/* `ajar profile deny` about a door that is open, in nobody's way until then. */
static void a_rule_denies_what_stands_open(void)
{
	char type[] = "compute";
	struct profile_row row = {
		.port = 9902, .proto = PROTO_TCP, .host_type = type, .action = PROFILE_DENY
	};
	struct event ev = door_event(EVENT_OPEN, 9902, 9902);
	struct counted before = alerts(false);
	size_t added;

	ev.door.scope = SCOPE_LOOPBACK;
	put_in_boot(ev, 2);
	step();
	is_int(alerts(false).n, before.n + 1, "a loopback door without a row is a notice");
	if (store_profile_add(store, "compute", &row, 1, true, now, &added))
		printf("# cannot add a row: %s\n", store_why(store));
	step();
	is_int(changes, 1, "that a rule denies it from now on is reported");
	is_int(alerts(false).n, before.n + 1, "by the same alert");
	is_int(alerts(false).newest, 1, "which has the door once");
	step();
	is_int(changes, 0, "and no more than that");
}

/* Two monitors on one store, in turn: each goes on from what the other did. */
static void two_monitors_take_turns(void)
{
	const struct judge_opts o = { .own_programs = { "/usr/bin/ajar", NULL }, .own_port = 2527 };
	struct judge *pair[2] = { judge, NULL };
	struct counted before = alerts(true);
	unsigned told = 0;

	if (judge_new(store, &o, &pair[1]))
		printf("# cannot make a judge\n");
	for (unsigned i = 0; i < 6; i++) {
		judge = pair[i % 2];
		put_in_boot(other_program(door_event(EVENT_OPEN, 9920 + i, 9920)), 2);
		step();
		told += changes;
	}
	is_int(told, 1, "two monitors tell of a door once");
	is_int(alerts(true).n, before.n + 1, "in one alert");
	is_int(alerts(false).newest, 6, "which counts what both have seen");
	for (unsigned i = 0; i < 6; i++) {
		judge = pair[i / 2 % 2];
		put_in_boot(door_event(EVENT_CLOSE, 9920 + i, 9920), 2);
		step();
	}
	told = 0;
	for (unsigned i = 0; i < 4; i++) {
		judge = pair[i % 2];
		now += 8 * S;
		step();
		told += changes;
	}
	is_int(told, 1, "and one of them says that it is over");
	judge = pair[0];
	judge_free(pair[1]);
}

int main(void)
{
	if (!judge_begin())
		return 1;
	learning_never_alerts();
	twins_and_restarts();
	impostor_and_profile();
	a_fresh_sensor_closes_what_it_does_not_find();
	many_of_one_key();
	a_late_record_judges_nothing_twice();
	a_burst_is_one_alert();
	a_burst_has_an_end();
	a_flood_folds();
	a_late_monitor_sees_a_blink();
	a_clock_set_back();
	ajars_own_trial_is_no_alert();
	rows_count_what_they_decide();
	test_expiry();
	a_rule_denies_what_stands_open();
	two_monitors_take_turns();
	return judge_end();
}
