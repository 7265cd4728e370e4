/* SPDX-License-Identifier: GPL-2.0 */
#include "store/alert_ports.h"

#include "audit/audit.h"
#include "base/buf.h"
#include "door_util.h"
#include "fixtures.h"
#include "tap.h"

/* The doors of an alert are counted up to a limit, and what says so ends with "or more". */

#define KEY "unexpected crowd warning uid:1041 node:n1 class:compute"
#define FIRST_PORT 20000

static struct store *store;

static int put_door(unsigned i)
{
	static const char *const exes[] = { "/opt/p0", "/opt/p1", "/opt/p2" };
	struct event ev = fixture_event(EVENT_OPEN, i + 1, FIRST_PORT + i, 1000);
	struct store_door d = { .node = "n1",
				.boot_seq = 1,
				.open_seq = i + 1,
				.verdict = VERDICT_UNEXPECTED,
				.severity = SEVERITY_WARNING,
				.alert_key = KEY };

	ev.opener.exe = text_of(exes[i % array_len(exes)]);
	return store_judged_door(store, &ev, &d);
}

static void summary_is(const struct store_alert_size *n, const char *want, const char *what)
{
	const struct audit_crowd_size size = { n->doors, n->programs, n->cut };
	const struct process who = { .known = true, .uid = 1041 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	audit_crowd_summary(CROWD_USER, "n1", &who, &size, &b);
	is_str(buf_str(&b), want, "%s", what);
}

int main(void)
{
	struct store_alert_size n;
	struct store_alert_ports p;
	int err = 0;

	if (!ok(!store_open("sqlite::memory:", STORE_CREATE, &store, NULL), "a store"))
		return tap_done();
	for (unsigned i = 0; i < STORE_ALERT_DOORS_MAX && !err; i++)
		err = put_door(i);
	is_int(err, 0, "as many doors as are counted");
	ok(!store_alert_size(store, KEY, &n), "their number");
	is_int(n.doors, STORE_ALERT_DOORS_MAX, "is right");
	summary_is(&n,
		   "uid 1041 opens doors in a flood: 8192 doors by 3 programs without an alert of "
		   "their own on n1",
		   "and is said");
	ok(!store_alert_ports(store, KEY, &p) && !p.cut, "their ports");
	is_int(p.count, STORE_ALERT_DOORS_MAX, "are all known");
	is_int(put_door(STORE_ALERT_DOORS_MAX), 0, "one door more");
	ok(!store_alert_size(store, KEY, &n), "is not counted");
	is_int(n.doors, STORE_ALERT_DOORS_MAX, "the number ends there");
	summary_is(&n,
		   "uid 1041 opens doors in a flood: 8192 or more doors by 3 programs without an "
		   "alert of their own on n1",
		   "which is said");
	ok(!store_alert_ports(store, KEY, &p) && p.cut, "so are the ports cut");
	is_str(p.folded, "20000-28191,...", "and the list of them says so");
	store_free(store);
	return tap_done();
}
