/* SPDX-License-Identifier: GPL-2.0 */
#include "judge_help.h"
#include "store/health.h"
#include "store/triage.h"

/* Alerts live by the store's clock, whatever clock a node has. */

#define HOUR (3600 * (int64_t)S)
#define BLINK (5 * S)
#define LATE (10 * S) /* that another node's clock may hold a resolution up */

/* By a clock that is so far ahead; the record reaches the store at once. */
static void put_of(const char *node, enum event_kind kind, uint64_t cookie, uint16_t port,
		   int64_t ahead_ns)
{
	struct event ev = door_event(kind, cookie, port);
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_event row = { .boot_seq = 1, .seq = next_seq++, .received_ns = now };
	size_t added;

	if (port == 6667)
		ev = other_program(ev); /* no burst of the one before */
	ev.time_ns = now + (uint64_t)ahead_ns;
	event_encode(&ev, &b);
	row.record = (struct text){ b.data, (uint32_t)b.len };
	if (store_put_events(store, node, "compute", &row, 1, &added))
		ok(false, "an event is put: %s", store_why(store));
	buf_done(&b);
}

/* The node reports, by that clock. */
static void report(const char *node, int64_t ahead_ns)
{
	struct store_health h = { .installation = { (uint8_t)node[0] },
				  .session = { 1 },
				  .host = "h",
				  .boot_id = "",
				  .version = "1",
				  .sensor = "",
				  .shipper = SHIPPER_RUNNING,
				  .agent = AGENT_RECORDING,
				  .attached = true };
	struct store_health_reply r;

	if (store_clock(store, &h.wall_ns))
		ok(false, "the store has a clock");
	h.wall_ns += (uint64_t)ahead_ns;
	if (store_put_health(store, node, "compute", &h, 0, &r))
		ok(false, "%s reports: %s", node, store_why(store));
}

struct found {
	uint32_t port;
	uint64_t id, first_ns, last_ns;
	enum alert_state state;
};

static int on_alert(const struct store_alert *a, void *arg)
{
	struct found *f = arg;

	if (a->port == f->port)
		*f = (struct found){ a->port, a->id, a->first_ns, a->last_ns, a->state };
	return 0;
}

static struct found alert_of(uint32_t port)
{
	const struct store_alert_query q = { .all = true };
	struct found f = { .port = port };

	if (store_alerts(store, &q, on_alert, &f))
		ok(false, "alerts are listed: %s", store_why(store));
	return f;
}

/* A node that says something each second: a permitted door, as any busy one has. */
static void pass_second(const char *busy, int64_t ahead_ns)
{
	static uint64_t cookie = 1000;

	now += S;
	put_of(busy, EVENT_OPEN, ++cookie, 22, ahead_ns);
	put_of(busy, EVENT_CLOSE, cookie, 22, ahead_ns);
	step();
}

static void a_slow_clock_keeps_no_alert(void)
{
	uint64_t gone_ns;

	put_of("good", EVENT_OPEN, 1, 4444, 0);
	pass_second("slow", -HOUR);
	is_int(alert_of(4444).state, ALERT_OPEN, "a door alerts beside a node an hour slow");
	put_of("good", EVENT_CLOSE, 1, 4444, 0);
	gone_ns = now;
	while (alert_of(4444).state == ALERT_OPEN && now < gone_ns + 60 * S)
		pass_second("slow", -HOUR);
	ok(now > gone_ns + BLINK && now <= gone_ns + BLINK + LATE + S,
	   "whose word, however busy, keeps the alert open for no more than some seconds");
}

static void a_snooze_lasts(void)
{
	struct store_decision d = { .from = ALERT_OPEN,
				    .to = ALERT_SNOOZED,
				    .who = "mlee",
				    .note = "",
				    .until_ns = now + (uint64_t)HOUR,
				    .at_ns = now };
	struct found f;
	uint64_t log_id;

	put_of("good", EVENT_OPEN, 2, 5555, 0);
	step();
	d.alert_id = alert_of(5555).id;
	is_int(store_decide(store, &d, &log_id), 0, "an alert is snoozed for an hour");
	put_of("fast", EVENT_OPEN, 1, 5555, 2 * HOUR);
	step();
	f = alert_of(5555);
	is_int(f.state, ALERT_SNOOZED, "a node two hours fast does not end it");
	ok(f.first_ns <= now && f.last_ns <= now, "nor is anything of it in the future");
	now += 1800 * S;
	step();
	is_int(alert_of(5555).state, ALERT_SNOOZED, "half an hour later it lasts");
	now += 1801 * S;
	for (unsigned i = 0; i < 20 && alert_of(5555).state == ALERT_SNOOZED; i++)
		pass_second("slow", -HOUR);
	is_int(alert_of(5555).state, ALERT_OPEN, "and ends in time, whatever a slow node says");
}

static void a_maintenance_holds(void)
{
	const struct store_maintenance m = { .nodes = "",
					     .host_type = "",
					     .starts_ns = now - S,
					     .ends_ns = now + (uint64_t)HOUR,
					     .reason = "firmware",
					     .author = "mlee",
					     .created_ns = now,
					     .ended_by = "" };
	uint64_t id;

	is_int(store_maintenance_add(store, &m, &id), 0, "a maintenance over all nodes begins");
	put_of("fast", EVENT_OPEN, 2, 6666, 2 * HOUR);
	step();
	is_int(alert_of(6666).state, ALERT_SNOOZED, "a node two hours fast does not escape it");
	report("slow", -HOUR);
	put_of("slow", EVENT_OPEN, 2, 6667, -HOUR);
	step();
	is_int(alert_of(6667).state, ALERT_SNOOZED, "nor one an hour slow, as its reports show");
	ok(alert_of(6667).first_ns + 60 * S > now, "whose alert has the store's time");
	is_int(store_maintenance_end(store, id, "mlee", now), 0, "and it ends");
}

int main(void)
{
	struct profile_row row = { .port = 22,
				   .proto = PROTO_TCP,
				   .host_type = (char[]){ "compute" } };
	size_t new;

	if (!judge_begin())
		return 1;
	is_int(store_profile_add(store, "compute", &row, 1, true, now, &new), 0, "a profile");
	a_slow_clock_keeps_no_alert();
	a_snooze_lasts();
	a_maintenance_holds();
	return judge_end();
}
