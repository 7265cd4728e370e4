/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "judge_help.h"
#include "monitor/allow.h"
#include "monitor/arrivals.h"
#include "store/alert_ports.h"

/*
 * One user's, or one node's, flood of doors of many programs: a bounded number of alerts, one for
 * all that come on top, and whatever is another's or worse has its own.
 */
#define MINUTE (60 * S)

static struct event by(unsigned program, uint32_t uid, enum event_kind kind)
{
	static char exe[64];
	struct event ev =
		fixture_event(kind, 1000 * (uint64_t)uid + program, 2000 + program % 60000, now);

	snprintf(exe, sizeof(exe), "/home/u/copy-%u", program);
	ev.opener.exe = text_of(exe);
	ev.opener.uid = uid;
	ev.opener.user = uid == 1041 ? TEXT("mlee") : (struct text){ 0 };
	return ev;
}

static void put_on(const char *node, const struct event *ev)
{
	static uint64_t seq;
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_event row = { .boot_seq = 1, .seq = ++seq, .received_ns = now };
	size_t added;

	event_encode(ev, &b);
	row.record = (struct text){ b.data, (uint32_t)b.len };
	if (store_put_events(store, node, "compute", &row, 1, &added))
		printf("# cannot put: %s\n", store_why(store));
	buf_done(&b);
}

/* A step takes so many records of a node and no more. */
static void settle(void)
{
	for (unsigned i = 0; i < 20; i++)
		step();
}

static void put_doors(const char *node, unsigned first, unsigned n, uint32_t uid,
		      enum event_kind kind)
{
	if (store_begin(store))
		printf("# cannot begin\n");
	for (unsigned i = 0; i < n; i++) {
		const struct event ev = by(first + i, uid, kind);

		put_on(node, &ev);
	}
	if (store_commit(store))
		printf("# cannot commit\n");
	settle();
}

/* --- what the alerts are ---------------------------------------------------------------------- */

struct wanted {
	enum crowd_of of;
	const char *node;
	uint64_t id, doors, nodes;
	enum severity severity;
	unsigned n;
	char summary[512], key[512];
};

static int on_alert(const struct store_alert *a, void *arg)
{
	struct wanted *w = arg;

	if (audit_key_crowd(a->key) != w->of || strcmp(a->node, w->node))
		return 0;
	w->n++;
	w->id = a->id;
	w->doors = a->count;
	w->nodes = a->node_count;
	w->severity = a->severity;
	snprintf(w->summary, sizeof(w->summary), "%s", a->summary);
	snprintf(w->key, sizeof(w->key), "%s", a->key);
	return 0;
}

static struct wanted crowd(enum crowd_of of, const char *node)
{
	const struct store_alert_query q = { 0 };
	struct wanted w = { .of = of, .node = node };

	if (store_alerts(store, &q, on_alert, &w))
		printf("# store_alerts: %s\n", store_why(store));
	return w;
}

struct told {
	uint64_t id;
	char summary[512];
};

static int on_change(const struct store_alert_change *c, void *arg)
{
	struct told *t = arg;

	if (c->alert.id != t->id)
		return 0;
	snprintf(t->summary, sizeof(t->summary), "%s", c->alert.summary);
	return 1;
}

/* What sinks were told when the alert opened. */
static const char *first_words(uint64_t id)
{
	static struct told t;

	t = (struct told){ .id = id };
	return store_alert_changes(store, 0, 0, 0, 0, on_change, &t) == 1 ? t.summary : "";
}

static int not_unexpected(const struct store_door *d, void *arg)
{
	unsigned *n = arg;

	*n += d->verdict != VERDICT_UNEXPECTED || !d->severity || !d->alert_key;
	return 0;
}

static void accept_sshd(void)
{
	char type[] = "compute", path[] = "/usr/sbin/sshd";
	struct profile_row row = { .port = 22, .proto = PROTO_TCP, .host_type = type, .exe = path };
	size_t added;

	if (store_profile_add(store, "compute", &row, 1, true, now, &added))
		printf("# cannot add a row: %s\n", store_why(store));
}

/* --- one user --------------------------------------------------------------------------------- */

static void a_users_flood_is_one_alert(void)
{
	const unsigned max = AUDIT_CROWD_USER_MAX, n = 500;
	const struct store_door_query open = { .open_only = true };
	unsigned odd = 0;
	struct wanted w;

	put_doors("node001", 0, max, 1041, EVENT_OPEN);
	is_int(alerts(false).n, max, "%u programs of one user are %u alerts", max, max);
	is_int(crowd(CROWD_USER, "node001").n, 0, "and no flood");
	put_doors("node001", max, n - max, 1041, EVENT_OPEN);
	is_int(alerts(false).n, max + 1, "%u are one more", n);
	w = crowd(CROWD_USER, "node001");
	is_int(w.n, 1, "the flood's");
	is_str(first_words(w.id),
	       "mlee opens doors in a flood: more than 32 alerts in 10 minutes on node001",
	       "which says so at once");
	now += 2 * S;
	step();
	w = crowd(CROWD_USER, "node001");
	is_str(w.summary,
	       "mlee opens doors in a flood: 468 doors by 468 programs without an alert of "
	       "their own on node001",
	       "and then how many doors and programs it stands for");
	ok(w.doors == n - max && w.nodes == 1 && w.severity == SEVERITY_WARNING, "each is counted");
	is_int(open_doors(), n, "every door is there");
	ok(!store_doors(store, &open, not_unexpected, &odd) && !odd,
	   "with its verdict and an alert");
}

static void others_are_told(void)
{
	struct event ev = by(9000, 1042, EVENT_OPEN), sshd = by(9001, 1041, EVENT_OPEN);
	unsigned before = alerts(false).n;

	put_on("node001", &ev);
	step();
	is_int(alerts(false).n, before + 1, "another user's door has an alert of its own");
	ev = by(9002, 1041, EVENT_OPEN);
	put_on("node002", &ev);
	step();
	is_int(alerts(false).n, before + 2, "and that user's on another node");
	sshd.door.port = 22;
	put_on("node001", &sshd);
	step();
	is_int(alerts(false).n, before + 3, "and a critical one of the flooding user");
}

static void what_cannot_be_allowed(void)
{
	const struct wanted w = crowd(CROWD_USER, "node001");
	struct allow a = { .s = store,
			   .id = w.id,
			   .key = w.key,
			   .kind = FINDING_UNEXPECTED,
			   .state = ALERT_OPEN,
			   .host_type = "compute",
			   .reason = "r",
			   .author = "a",
			   .now_ns = now };

	ok(allow_prepare(&a) == -EINVAL && strstr(a.why, "many programs"),
	   "many programs are not allowed as if they were one: %s", a.why);
	allow_done(&a);
}

static void it_ends(void)
{
	const unsigned n = 500;

	restart();
	put_doors("node001", 600, 1, 1041, EVENT_OPEN);
	is_int(crowd(CROWD_USER, "node001").doors, n - AUDIT_CROWD_USER_MAX,
	       "a monitor that starts counts anew");
	now += 11 * MINUTE;
	put_doors("node001", 601, 1, 1041, EVENT_OPEN);
	is_int(crowd(CROWD_USER, "node001").doors, n - AUDIT_CROWD_USER_MAX,
	       "after a while without new ones a door has an alert of its own");
	put_doors("node001", 0, n, 1041, EVENT_CLOSE);
	now += 11 * S;
	step();
	is_int(crowd(CROWD_USER, "node001").n, 0, "when all are closed the flood is over");
	is_int(alerts(false).n, 5, "and the others are still there");
}

/* --- one node --------------------------------------------------------------------------------- */

static void invented_users_are_one_alert(void)
{
	const unsigned n = 400;
	unsigned before = alerts(false).n;
	struct wanted w;

	for (unsigned i = 0; i < n; i++) {
		const struct event ev = by(i, 20000 + i, EVENT_OPEN);

		put_on("node003", &ev);
	}
	settle();
	is_int(alerts(false).n - before, AUDIT_CROWD_NODE_MAX + 1,
	       "a user for each door makes no more alerts than a node may");
	now += 2 * S;
	step();
	w = crowd(CROWD_NODE, "node003");
	is_str(w.summary,
	       "a node opens doors in a flood: 272 doors by 272 programs without an alert of "
	       "their own on node003",
	       "the rest is one of the node");
	before = alerts(false).n;
	put_doors("node004", 9000, 1, 20000, EVENT_OPEN);
	is_int(alerts(false).n, before + 1, "which another node's door is not part of");
}

/* --- the counting ----------------------------------------------------------------------------- */

static enum crowd_of add(struct arrivals *a, unsigned key, const struct audit_crowd *c,
			 uint64_t at_ns)
{
	enum crowd_of of = CROWD_NONE;
	char text[32];

	snprintf(text, sizeof(text), "key %u", key);
	if (arrivals_add(a, text, c, at_ns, &of))
		printf("# cannot add\n");
	return of;
}

static void arrivals_are_counted(void)
{
	const struct process who = { .known = true, .uid = 7 };
	struct audit_crowd c = { "compute", "n1", &who, FINDING_UNEXPECTED, SEVERITY_WARNING };
	const unsigned max = AUDIT_CROWD_USER_MAX;
	struct arrivals *a = NULL;
	unsigned of_user = 0;

	if (arrivals_new(&a)) {
		ok(false, "there is room");
		return;
	}
	for (unsigned i = 0; i < 3 * max; i++)
		of_user += add(a, 1, &c, T0) != CROWD_NONE;
	is_int(of_user, 0, "the same alert again and again counts once");
	for (unsigned i = 2; i <= max; i++)
		of_user += add(a, i, &c, T0 + i) != CROWD_NONE;
	is_int(of_user, 0, "as many as one user may");
	is_int(add(a, max + 1, &c, T0 + max), CROWD_USER, "one more is too many");
	c.severity = SEVERITY_CRITICAL;
	is_int(add(a, 1000, &c, T0), CROWD_NONE, "a critical one is not: they count by themselves");
	c.severity = SEVERITY_WARNING;
	is_int(add(a, 1001, &c, T0 - S), CROWD_NONE, "a clock that is set back begins anew");
	is_int(add(a, 1002, &c, T0 + AUDIT_CROWD_NS + S), CROWD_NONE, "and so does time");
	arrivals_free(a);
	arrivals_free(NULL);
}

int main(void)
{
	if (!judge_begin())
		return 1;
	arrivals_are_counted();
	accept_sshd();
	step();
	a_users_flood_is_one_alert();
	others_are_told();
	what_cannot_be_allowed();
	it_ends();
	invented_users_are_one_alert();
	return judge_end();
}
