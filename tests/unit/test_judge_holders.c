/* SPDX-License-Identifier: GPL-2.0 */
#include "core/holders.h"
#include "judge_help.h"
#include "store/verdicts.h"

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

static int read_door(const struct store_door *d, void *arg)
{
	struct buf *b = arg;
	struct process p;

	holders_first(&d->ev, &p);
	buf_printf(b, "%s by %s, opened by %s", verdict_name(d->verdict), p.comm,
		   d->ev.opener.kernel	? "kernel"
		   : d->ev.opener.known ? d->ev.opener.comm
					: "?");
	return 0;
}

static const char *door(uint64_t cookie)
{
	static struct buf b = BUF_INIT(256);
	const struct event ev = door_event(EVENT_OPEN, cookie, 0);

	buf_reset(&b);
	if (store_door_get(store, NODE, 1, &ev.door, read_door, &b))
		return "no door";
	return buf_str(&b);
}

static void put_held(enum event_kind kind, uint64_t cookie, const char *exe, const char *comm)
{
	struct event ev = door_event(kind, cookie, 22);
	struct buf list = BUF_INIT(HOLDERS_BYTES_MAX);
	struct process p = ev.opener;

	ev.origin = kind == EVENT_HELD ? ORIGIN_SWEEP : ORIGIN_SNAPSHOT;
	p.exe = text_of(exe);
	p.pid = 200;
	snprintf(p.comm, sizeof(p.comm), "%s", comm);
	p.alike = 1;
	/* What a fresh agent takes for the opener is who is left. */
	if (kind == EVENT_OPEN)
		ev.opener = p;
	holders_put(&ev.holders, &list, &p);
	put(ev);
	buf_done(&list);
	step();
}

struct past {
	unsigned n, with_author;
	enum verdict was, last;
};

static int on_change(const struct store_verdict_change *c, void *arg)
{
	struct past *p = arg;

	if (!p->n++)
		p->was = c->was;
	p->last = c->verdict;
	p->with_author += c->rule_id || *c->author || c->made_ns;
	return 0;
}

static int on_log(const struct store_alert_change *c, void *arg)
{
	if (c->state == ALERT_RESOLVED)
		snprintf(arg, 64, "%s", c->note ? c->note : "");
	return 0;
}

/*
 * What a door has become is no decision of a person: the past must not name the row's author for
 * it.
 */
static void the_past_names_nobody(void)
{
	struct past p = { 0 };
	char note[64] = "";

	if (store_verdict_changes(store, 0, on_change, &p))
		printf("# store_verdict_changes: %s\n", store_why(store));
	ok(p.n, "changes of who holds it are changes of its verdict");
	is_int(p.was, VERDICT_PROFILED, "from what it was");
	is_int(p.with_author, 0, "and nobody has allowed or forbidden it");
	if (store_alert_changes(store, 0, 0, 0, 1000, on_log, note))
		printf("# store_alert_changes: %s\n", store_why(store));
	is_str(note, "another alert has it now", "an alert that another one replaces says so");
}

static void a_door_changes_hands(void)
{
	accept_row(22, "/usr/bin/nc");
	put(door_event(EVENT_OPEN, 1, 22));
	step();
	is_str(door(1), "as profiled by nc, opened by nc", "a permitted program opens its door");
	put_held(EVENT_HELD, 1, "/tmp/evil", "evil");
	is_str(door(1), "impostor by evil, opened by nc", "another one holds it");
	is_int(alerts(false).n, 1, "which alerts");
	is_int(alerts(false).kind, FINDING_IMPOSTOR, "as an impostor");
	put_held(EVENT_HELD, 1, "/tmp/worse", "worse");
	is_str(door(1), "impostor by worse, opened by nc", "then a third one");
	is_int(alerts(true).n, 2, "which has an alert of its own");
	is_int(alerts(false).n, 1, "the other one's is over");
	put_held(EVENT_HELD, 1, "/tmp/evil", "evil");
	the_past_names_nobody();
	put_held(EVENT_OPEN, 1, "/tmp/evil", "evil");
	is_int(changes, 0, "an agent that starts anew changes nothing");
	is_str(door(1), "impostor by evil, opened by nc", "nor who opened the door");
	put_held(EVENT_HELD, 1, "/usr/bin/nc", "nc");
	is_str(door(1), "as profiled by nc, opened by nc", "the right program holds it again");
	now += 60 * S;
	step();
	is_int(alerts(false).n, 0, "which ends the alert");
	put_held(EVENT_HELD, 1, "/tmp/evil", "evil");
	is_int(alerts(false).n, 1, "it comes back with the other one");
	put(door_event(EVENT_CLOSE, 1, 22));
	step();
	now += 60 * S;
	step();
	is_int(alerts(false).n, 0, "and ends with the door");
}

static void a_restart_keeps_a_verdict(void)
{
	put(door_event(EVENT_OPEN, 2, 22));
	step();
	put_held(EVENT_OPEN, 2, NULL, "nc");
	is_str(door(2), "unexpected by nc, opened by nc",
	       "a holder whose program is not known is not permitted by a row that names one");
	put_held(EVENT_HELD, 2, "/usr/bin/nc", "nc");
	is_str(door(2), "as profiled by nc, opened by nc", "until it is");
}

static void a_change_is_all_that_is_known(void)
{
	put_held(EVENT_HELD, 3, "/tmp/evil", "evil");
	is_str(door(3), "impostor by evil, opened by nc",
	       "a door whose opening was lost is known by who holds it");
}

static void nobody_is_seen(void)
{
	struct event ev = door_event(EVENT_OPEN, 4, 22);

	put(ev);
	ev.kind = EVENT_HELD;
	ev.origin = ORIGIN_SWEEP;
	ev.holders.known = true;
	put(ev);
	step();
	is_str(door(4), "as profiled by nc, opened by nc",
	       "where no holder is seen it is judged by who opened it");
	ev.door.cookie = 5;
	ev.kind = EVENT_OPEN;
	ev.origin = ORIGIN_SNAPSHOT;
	ev.opener = (struct process){ .uid = ID_UNKNOWN };
	put(ev);
	step();
	is_str(door(5), "unexpected by , opened by ?", "where nobody is known it is unexpected");
}

int main(void)
{
	if (!judge_begin())
		return 1;
	a_door_changes_hands();
	a_restart_keeps_a_verdict();
	a_change_is_all_that_is_known();
	nobody_is_seen();
	return judge_end();
}
