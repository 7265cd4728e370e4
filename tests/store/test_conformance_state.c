/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "base/clock.h"
#include "store/conformance.h"
#include "store/sinks.h"

/* --- doors ---------------------------------------------------------------------------------------------- */

static int check_door(const struct store_door *d, void *arg)
{
	(void)arg;
	ok(d->door.addr[0] == 127 && d->door.addr[3] == 1 && d->door.v6only &&
		   d->door.netns_cookie == 1 && d->door.proto == PROTO_TCP,
	   "%s: a door comes back as it was put", drv->name);
	ok(d->verdict == VERDICT_UNEXPECTED && d->severity == SEVERITY_CRITICAL &&
		   !strcmp(d->alert_key, "k1") && !strcmp(d->host_type, "compute"),
	   "%s: with its judgement", drv->name);
	return 0;
}

static int check_verdict(const struct store_event_row *row, void *arg)
{
	(void)arg;
	is_int(row->verdict, VERDICT_UNEXPECTED, "%s: an event carries its door's verdict",
	       drv->name);
	return 0;
}

static void test_doors(struct store *s)
{
	struct event ev = open_event(22, 1, T0);
	bool found;

	is_int(put_door(s, 22, 1, T0, NULL), -ENOENT, "%s: a door needs its node", drv->name);
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a node", drv->name);
	is_int(put_door(s, 22, 1, T0, "k1"), 0, "%s: a door", drv->name);
	is_int(put_door(s, 23, 2, T0 + 10, "k1"), 0, "%s: another one", drv->name);
	is_int(put_door(s, 24, 3, T0 + 20, NULL), 0, "%s: a third one", drv->name);
	is_int(store_door_get(s, "n1", 1, &ev.door, check_door, NULL), 0, "%s: one door",
	       drv->name);
	is_int(store_events(s, &(struct store_event_query){ 0 }, check_verdict, NULL), 0,
	       "%s: walk", drv->name);
	doors_are(s, (struct store_door_query){ .open_only = true }, "n1:22:nc n1:23:nc n1:24:nc ",
		  "open doors in the order of opening");
	ev.door.cookie = 2;
	is_int(store_close_door(s, "n1", 1, &ev.door, 9, T0 + 30, &found), 0, "%s: one closes",
	       drv->name);
	ok(found, "%s: it was open", drv->name);
	is_int(store_close_door(s, "n1", 1, &ev.door, 9, T0 + 40, &found), 0, "%s: again",
	       drv->name);
	ok(!found, "%s: then it was not", drv->name);
	doors_are(s, (struct store_door_query){ .open_only = true }, "n1:22:nc n1:24:nc ",
		  "a closed door is not open");
	doors_are(s, (struct store_door_query){ .node = "n1" }, "n1:22:nc n1:23:nc n1:24:nc ",
		  "a closed door is still known");
	doors_are(s, (struct store_door_query){ .at_ns = T0 + 10 }, "n1:22:nc n1:23:nc ",
		  "what was open at a time");
	doors_are(s, (struct store_door_query){ .at_ns = T0 + 30 }, "n1:22:nc n1:24:nc ",
		  "at its closing a door is closed");
	doors_are(s, (struct store_door_query){ .alert_key = "k1" }, "n1:22:nc n1:23:nc ",
		  "the doors of an alert");
	doors_are(s,
		  (struct store_door_query){ .alert_key = "k1", .open_only = true, .node = "n1" },
		  "n1:22:nc ", "the open doors of an alert");
	is_int(put_door(s, 2222, 1, T0, "k1"), 0, "%s: put again under its key", drv->name);
	doors_are(s, (struct store_door_query){ .open_only = true, .boot_seq = 1 },
		  "n1:2222:nc n1:24:nc ", "a door put again replaces the old one");
	doors_are(s, (struct store_door_query){ .boot_seq = 2 }, "", "another boot has none");
}

#define MANY_DOORS 600 /* more than a page has */

struct pages {
	struct buf b;
	unsigned doors; /* of `node`, not yet said */
	char node[16];
};

static void say_node(struct pages *p)
{
	if (p->doors)
		buf_printf(&p->b, "%s:%u ", p->node, p->doors);
	p->doors = 0;
}

static int count_door(const struct store_door *d, void *arg)
{
	struct pages *p = arg;

	if (strcmp(p->node, d->node))
		say_node(p);
	snprintf(p->node, sizeof(p->node), "%s", d->node);
	p->doors++;
	return 0;
}

static int end_page(void *arg)
{
	struct pages *p = arg;

	say_node(p);
	buf_puts(&p->b, "| ");
	return 0;
}

static void pages_are(struct store *s, struct store_door_query q, const char *want,
		      const char *what)
{
	struct pages p = { .b = BUF_INIT(4096) };

	buf_puts(&p.b, "");
	if (store_doors_by_node(s, &q, count_door, end_page, &p))
		buf_puts(&p.b, "error");
	is_str(buf_str(&p.b), want, "%s: %s", drv->name, what);
	buf_done(&p.b);
}

static int fill_nodes(struct store *s)
{
	static const char *const nodes[] = { "nd", "nb", "na", "ne", "nc" };
	static const unsigned doors[] = { 2, MANY_DOORS, 1, 0, 3 };
	const struct event ev = open_event(22, 1, T0);
	int err = store_begin(s);

	for (size_t i = 0; i < array_len(nodes) && !err; i++) {
		err = put_one(s, nodes[i], 1, 1, &ev);
		for (unsigned d = 0; d < doors[i] && !err; d++)
			err = put_door_on(s, nodes[i], 1 + d, 1 + d, T0 + d, NULL);
	}
	return err ? err : store_commit(s);
}

/* As those of all nodes are, without the others. */
static void some_pages(struct store *s)
{
	static const char *const nodes[] = { "na", "nc", "nd", "ne", "nx" };
	static const char *const more[] = { "na", "nb", "nd" };

	pages_are(s,
		  (struct store_door_query){
			  .open_only = true, .nodes = nodes, .nodes_len = array_len(nodes) },
		  "na:1 nc:2 nd:2 | ",
		  "open doors of some nodes are a page, unknown ones have none");
	pages_are(s,
		  (struct store_door_query){
			  .open_only = true, .nodes = more, .nodes_len = array_len(more) },
		  "na:1 nb:600 | nd:2 | ", "many are in pages");
	pages_are(s,
		  (struct store_door_query){
			  .at_ns = T0, .nodes = nodes, .nodes_len = array_len(nodes) },
		  "na:1 nc:1 nd:1 | ", "of a time, too");
	pages_are(
		s,
		(struct store_door_query){ .open_only = true, .nodes = nodes + 3, .nodes_len = 2 },
		"", "of nodes that have none there is no page");
}

static void test_pages(struct store *s)
{
	const struct door first = { .netns_cookie = 1, .cookie = 1 };
	bool found;

	pages_are(s, (struct store_door_query){ .open_only = true }, "", "no node, no page");
	is_int(fill_nodes(s), 0, "%s: nodes with doors", drv->name);
	pages_are(s, (struct store_door_query){ .open_only = true }, "na:1 nb:600 | nc:3 nd:2 | ",
		  "open doors come by node, whole nodes in pages");
	pages_are(s, (struct store_door_query){ .open_only = true, .node = "nc" }, "nc:3 | ",
		  "those of one node are a page");
	is_int(store_close_door(s, "nc", 1, &first, 9, T0 + 700, &found), 0, "%s: one closes",
	       drv->name);
	pages_are(s, (struct store_door_query){ .open_only = true }, "na:1 nb:600 | nc:2 nd:2 | ",
		  "a closed door is not among them");
	pages_are(s, (struct store_door_query){ .at_ns = T0 + 699 }, "na:1 nb:600 | nc:3 nd:2 | ",
		  "of a time when it was open it is");
	pages_are(s, (struct store_door_query){ .at_ns = T0 }, "na:1 nb:1 | nc:1 nd:1 | ",
		  "what opened later is not");
	some_pages(s);
}

/* --- profiles -------------------------------------------------------------------------------------------- */

static int list_type(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		     uint64_t nodes, void *arg)
{
	buf_printf(arg, "%s:%s:%llu:%llu:%s ", host_type, accepted ? "accepted" : "learning",
		   (unsigned long long)rows, (unsigned long long)nodes, accepted_ns ? "t" : "0");
	return 0;
}

static void types_are(struct store *s, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_host_types(s, list_type, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void test_profiles(struct store *s)
{
	struct event ev = open_event(22, 1, T0);
	char ssh[] = "ssh", exe[] = "/usr/sbin/sshd", learned[] = "learned";
	struct profile_row rows[] = {
		{ .port = 22, .proto = PROTO_TCP, .service = ssh, .exe = exe, .origin = learned },
		{ .port = 8000,
		  .port_end = 8100,
		  .proto = PROTO_UDP,
		  .scope = SCOPE_LOOPBACK,
		  .origin = learned },
		{ .port = 22, .proto = PROTO_TCP, .service = ssh, .exe = exe, .origin = learned },
	};
	_cleanup_(profile_freep) struct profile *p = NULL;
	uint64_t before, after;
	size_t n;

	is_int(store_profile_get(s, "compute", &p), -ENOENT, "%s: no such class", drv->name);
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a node", drv->name);
	types_are(s, "compute:learning:0:1:0 ", "a node's class is learning");
	is_int(store_profile_get(s, "compute", &p), 0, "%s: its profile", drv->name);
	ok(p && !p->accepted && !p->rows_len, "%s: is empty and not accepted", drv->name);
	profile_free(take_ptr(p));
	is_int(store_profile_revision(s, &before), 0, "%s: revision", drv->name);
	is_int(store_profile_add(s, "compute", rows, 3, false, T0, &n), 0, "%s: rows", drv->name);
	is_int((long long)n, 2, "%s: equal rows are one", drv->name);
	is_int(store_profile_revision(s, &after), 0, "%s: revision", drv->name);
	ok(after > before, "%s: a change moves the revision", drv->name);
	types_are(s, "compute:learning:2:1:0 ", "learned rows alone do not end the learning");
	before = after;
	is_int(store_profile_add(s, "compute", rows, 3, true, T0, &n), 0, "%s: accept", drv->name);
	is_int((long long)n, 0, "%s: nothing new", drv->name);
	types_are(s, "compute:accepted:2:1:t ", "accepting does");
	is_int(store_profile_revision(s, &after), 0, "%s: revision", drv->name);
	ok(after > before, "%s: so does accepting", drv->name);
	before = after;
	is_int(store_profile_add(s, "compute", rows, 3, true, T0, &n), 0, "%s: again", drv->name);
	is_int(store_profile_revision(s, &after), 0, "%s: revision", drv->name);
	ok(after == before, "%s: no change does not move it", drv->name);
	is_int(store_profile_get(s, "compute", &p), 0, "%s: the profile", drv->name);
	ok(p->accepted && p->rows_len == 2, "%s: has them", drv->name);
	is_str(p->rows[0].exe, exe, "%s: the executable", drv->name);
	ok(!p->rows[0].user && p->rows[0].scope == 0, "%s: what is not given is any", drv->name);
	is_str(p->rows[0].origin, "learned", "%s: the origin", drv->name);
	ok(p->rows[1].port == 8000 && p->rows[1].port_end == 8100 &&
		   p->rows[1].proto == PROTO_UDP && p->rows[1].scope == SCOPE_LOOPBACK &&
		   p->rows[1].created_ns == T0,
	   "%s: range, protocol, scope and time", drv->name);
	rows[0].origin = NULL;
	is_int(store_profile_add(s, "login", rows, 1, false, T0, &n), 0, "%s: by hand", drv->name);
	types_are(s, "compute:accepted:2:1:t login:accepted:1:0:t ",
		  "a row by hand is a person's word: it ends the learning");
	rows[1].port_end = 7;
	is_int(store_profile_add(s, "x", rows, 2, false, T0, &n), -EINVAL,
	       "%s: a range that ends before it begins", drv->name);
	types_are(s, "compute:accepted:2:1:t login:accepted:1:0:t ", "leaves nothing behind");
	before = after;
	is_int(store_set_host_type(s, "n1", "login"), 0, "%s: a node moves", drv->name);
	is_int(store_profile_revision(s, &after), 0, "%s: revision", drv->name);
	ok(after > before, "%s: a node in another class moves the revision", drv->name);
}

/* --- alerts ------------------------------------------------------------------------------------------- */

static int list_alert(const struct store_alert *a, void *arg)
{
	buf_printf(arg, "%s:%d:%d:%llu:%llu-%llu ", a->key, a->state, a->severity,
		   (unsigned long long)a->count, (unsigned long long)a->first_ns,
		   (unsigned long long)a->last_ns);
	return 0;
}

static int list_change(const struct store_alert_change *c, void *arg)
{
	buf_printf(arg, "%s:%d:%s:%s:%s:%u ", c->alert.key, c->state, c->who, c->note,
		   c->alert.summary, c->alert.record.len);
	return 0;
}

static void alerts_are(struct store *s, struct store_alert_query q, const char *want,
		       const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_alerts(s, &q, list_alert, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void changes_are(struct store *s, uint64_t after, uint64_t since, uint64_t until,
			uint32_t limit, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_alert_changes(s, after, since, until, limit, list_change, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

/* Of the past nobody promises an order. */
static void then_are(struct store *s, uint64_t at_ns, uint64_t id, const char *want,
		     const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_alerts_at(s, at_ns, id, list_alert, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: then: %s", drv->name, what);
	buf_done(&b);
}

static void test_alerts_then(struct store *s, uint64_t id)
{
	then_are(s, 999, 0, "", "before the first nothing was open");
	then_are(s, 1000, 0, "k1:1:3:1:100-100 ", "from its change on it was open, as it stood");
	then_are(s, 1999, id, "k1:1:3:1:100-100 ", "by number too");
	then_are(s, 2500, 0, "", "what was resolved then is not there, though it opened later");
	then_are(s, 3999, 0, "k1:1:3:3:150-300 ", "and then it is again");
	then_are(s, 3999, id + 99, "", "an alert that there is not was not");
}

static void test_alerts(struct store *s)
{
	struct store_alert a = { .key = "k1",
				 .kind = FINDING_UNEXPECTED,
				 .severity = SEVERITY_CRITICAL,
				 .state = ALERT_OPEN,
				 .host_type = "compute",
				 .nodes = "n1",
				 .count = 1,
				 .proto = PROTO_TCP,
				 .port = 4444,
				 .summary = "first",
				 .why = "w",
				 .remedy = "r",
				 .first_ns = 100,
				 .last_ns = 100,
				 .boot_seq = 1,
				 .seq = 2,
				 .node = "n1",
				 .record = TEXT("rec") };
	uint64_t id = 0, id2 = 0, id3 = 0, log1, log2, log3;
	struct buf b = BUF_INIT(4096);

	is_int(store_alert_get(s, "k1", list_alert, &b), -ENOENT, "%s: no such alert", drv->name);
	is_int(store_put_alert(s, &a, "monitor", "", 1000, &id, &log1), 0, "%s: opened", drv->name);
	a.id = id;
	a.state = ALERT_RESOLVED;
	a.summary = "second";
	a.first_ns = 150;
	is_int(store_put_alert(s, &a, "monitor", "gone", 2000, &id2, &log2), 0, "%s: resolved",
	       drv->name);
	ok(id2 == id && log2 > log1, "%s: one alert a key; its log grows", drv->name);
	alerts_are(s, (struct store_alert_query){ 0 }, "", "a resolved alert is not shown");
	alerts_are(s, (struct store_alert_query){ .all = true }, "k1:5:3:1:100-100 ",
		   "unless all are asked for; the first time stays");
	a.state = ALERT_OPEN;
	a.count = 3;
	a.last_ns = 300;
	a.record = (struct text){ 0 };
	is_int(store_put_alert(s, &a, "mlee", "again", 3000, &id2, &log3), 0, "%s: re-opened",
	       drv->name);
	a.key = "k2";
	a.last_ns = 400;
	a.first_ns = 400;
	is_int(store_put_alert(s, &a, NULL, NULL, 4000, &id3, NULL), 0, "%s: another one",
	       drv->name);
	ok(id3 != id, "%s: another key is another alert", drv->name);
	alerts_are(s, (struct store_alert_query){ 0 }, "k2:1:3:3:400-400 k1:1:3:3:100-300 ",
		   "newest first");
	alerts_are(s, (struct store_alert_query){ .id = id }, "k1:1:3:3:100-300 ", "by number");
	alerts_are(s, (struct store_alert_query){ .since_ns = 1500, .until_ns = 2500 },
		   "k1:1:3:3:100-300 ", "what changed in a time, although it changed later too");
	changes_are(s, 0, 0, 0, 0,
		    "k1:1:monitor::first:3 k1:5:monitor:gone:second:3 k1:1:mlee:again:second:0 "
		    "k2:1:::second:0 ",
		    "the log has each change as it stood then");
	changes_are(s, log1, 0, 0, 2, "k1:5:monitor:gone:second:3 k1:1:mlee:again:second:0 ",
		    "behind a number, with a limit");
	changes_are(s, 0, 2000, 3000, 0, "k1:5:monitor:gone:second:3 ", "by time");
	test_alerts_then(s, id);
	is_int(store_touch_alert(s, "k1", 7, 500), 0, "%s: touched", drv->name);
	alerts_are(s, (struct store_alert_query){ .id = id }, "k1:1:3:7:100-500 ",
		   "a touch changes count and time");
	changes_are(s, log3, 0, 0, 0, "k2:1:::second:0 ", "and writes no log");
	is_int(store_touch_alert(s, "k9", 7, 500), -ENOENT, "%s: nothing to touch", drv->name);
	buf_done(&b);
}

/* --- settings, transactions, other handles --------------------------------------------------------------- */

static void test_settings(struct store *s)
{
	setting_is(s, "colour", NULL, "a setting that was never set");
	is_int(store_setting_set(s, "colour", "red"), 0, "%s: set", drv->name);
	is_int(store_setting_set(s, "colour", "it's \"blue\""), 0, "%s: set again", drv->name);
	setting_is(s, "colour", "it's \"blue\"", "the last value counts");
}

static void test_transactions(struct store *s)
{
	struct event ev = open_event(22, 7, T0), other = open_event(23, 7, T0);

	is_int(store_commit(s), -EINVAL, "%s: nothing to commit", drv->name);
	is_int(store_begin(s), 0, "%s: begin", drv->name);
	is_int(store_begin(s), -EALREADY, "%s: transactions do not nest", drv->name);
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a record in it", drv->name);
	is_int(store_setting_set(s, "a", "1"), 0, "%s: and a setting", drv->name);
	events_are(s, (struct store_event_query){ 0 }, "n1:1:1 ", "it sees its own writes");
	store_rollback(s);
	events_are(s, (struct store_event_query){ 0 }, "", "a rollback takes back all of it");
	setting_is(s, "a", NULL, "the setting too");
	nodes_are(s, "", "and the node");
	is_int(store_begin(s), 0, "%s: begin", drv->name);
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a record", drv->name);
	is_int(put_one(s, "n1", 1, 1, &other), -EEXIST, "%s: a failure in a transaction",
	       drv->name);
	is_int(store_setting_set(s, "a", "2"), 0, "%s: takes back only itself", drv->name);
	is_int(store_commit(s), 0, "%s: commit", drv->name);
	events_are(s, (struct store_event_query){ 0 }, "n1:1:1 ", "what was before it is kept");
	setting_is(s, "a", "2", "and what came after it");
}

/* A callback may write, and may ask again. */
static int write_inside(const struct store_event_row *row, void *arg)
{
	struct store *s = arg;
	struct buf b = BUF_INIT(4096);
	int err = store_events(s, &(struct store_event_query){ .node = row->node }, list_event, &b);

	if (!err)
		err = put_door(s, row->ev.door.port, row->raw.seq, T0, "k");
	if (!err)
		err = store_set_judged(s, row->node, row->raw.boot_seq, row->raw.seq - 1,
				       row->raw.seq);
	buf_done(&b);
	return err;
}

static void test_nesting(struct store *s)
{
	struct batch b = { .len = 0 };

	for (uint64_t seq = 1; seq <= 5; seq++) {
		struct event ev = open_event((uint32_t)(20 + seq), seq, T0 + seq);

		add(&b, 1, seq, &ev);
	}
	is_int(put(s, "n1", &b, NULL), 0, "%s: five doors", drv->name);
	is_int(store_begin(s), 0, "%s: begin", drv->name);
	is_int(store_events(s, &(struct store_event_query){ .node = "n1", .boot_seq = 1 },
			    write_inside, s),
	       0, "%s: a callback writes and reads while the walk goes on", drv->name);
	is_int(store_commit(s), 0, "%s: commit", drv->name);
	doors_are(s, (struct store_door_query){ .open_only = true },
		  "n1:21:nc n1:22:nc n1:23:nc n1:24:nc n1:25:nc ", "all five were judged");
	pending_is(s, "", "nothing is left to judge");
}

static bool prune(struct store *s, uint64_t before_ns, uint64_t limit, bool count_only,
		  const char *want, const char *what)
{
	const struct store_prune q = { .before_ns = before_ns,
				       .limit = limit,
				       .count_only = count_only };
	struct store_pruned r = { 0 };
	char got[128];

	if (store_prune(s, &q, &r))
		snprintf(got, sizeof(got), "error: %s", store_why(s));
	else
		snprintf(got, sizeof(got), "%llu events, %llu doors, %llu alerts%s",
			 (unsigned long long)r.events, (unsigned long long)r.doors,
			 (unsigned long long)r.alerts, r.more ? ", more" : "");
	return is_str(got, want, "%s: %s", drv->name, what);
}

static uint64_t base_of(struct store *s, const char *node, uint32_t boot)
{
	uint64_t base = UINT64_MAX;

	return store_event_base(s, node, boot, &base) ? UINT64_MAX : base;
}

/*
 * Six records of a boot, a second each, with a hole at 5 that a gap record (6) stands for; then one
 * behind a real hole.
 */
static void put_history(struct store *s)
{
	struct event ev = open_event(80, 1, T0), gap = {
		.kind = EVENT_GAP, .origin = ORIGIN_EVENT, .count = 1, .from_seq = 5, .to_seq = 5
	};
	struct batch b = { .len = 0 };

	for (uint64_t seq = 1; seq <= 4; seq++) {
		ev.time_ns = T0 + seq * DAY_NS;
		add(&b, 1, seq, &ev);
	}
	gap.time_ns = T0 + 6 * DAY_NS;
	add(&b, 1, 6, &gap);
	ev.time_ns = T0 + 8 * DAY_NS;
	add(&b, 1, 8, &ev);
	is_int(put(s, "n1", &b, NULL), 0, "%s: a history is put", drv->name);
}

static void test_prune_events(struct store *s)
{
	const uint64_t late = T0 + 100 * DAY_NS;
	struct store_usage u = { 0 };
	struct event ev = open_event(80, 1, T0 + DAY_NS);

	prune(s, late, 0, false, "0 events, 0 doors, 0 alerts",
	      "an empty store has nothing to prune");
	is_int(store_usage(s, true, &u), 0, "%s: an empty store has a size", drv->name);
	ok(!u.events && !u.oldest_ns && !u.newest_ns, "%s: and no events in it", drv->name);
	put_history(s);
	prune(s, late, 0, false, "0 events, 0 doors, 0 alerts",
	      "what nobody has judged is not pruned");
	is_int(store_set_judged(s, "n1", 1, 0, 8), 0, "%s: it is judged", drv->name);
	prune(s, T0 + 4 * DAY_NS, 0, true, "3 events, 0 doors, 0 alerts",
	      "counting counts what is old");
	is_int(base_of(s, "n1", 1), 0, "%s: and changes nothing", drv->name);
	prune(s, T0 + 4 * DAY_NS, 2, false, "2 events, 0 doors, 0 alerts, more", "the limit holds");
	prune(s, T0 + 4 * DAY_NS, 2, false, "1 events, 0 doors, 0 alerts",
	      "the rest goes with the next call");
	events_are(s, (struct store_event_query){ 0 }, "n1:1:4 n1:1:6 n1:1:8 ",
		   "what is younger stays");
	is_int(base_of(s, "n1", 1), 3, "%s: the base says up to where", drv->name);
	is_int(head_of(s, "n1", 1), 6, "%s: the head is as it was", drv->name);
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a pruned record put again is no fault",
	       drv->name);
	events_are(s, (struct store_event_query){ 0 }, "n1:1:4 n1:1:6 n1:1:8 ",
		   "and does not come back");
	pending_is(s, "", "nor is anything judged again for it");
	is_int(store_usage(s, true, &u), 0, "%s: usage", drv->name);
	ok(u.events == 3 && u.oldest_ns == T0 + 4 * DAY_NS + 5 &&
		   u.newest_ns == T0 + 8 * DAY_NS + 5 && u.used_bytes,
	   "%s: usage tells number, oldest and newest", drv->name);
	prune(s, late, 0, false, "2 events, 0 doors, 0 alerts", "what lies behind a hole stays");
	events_are(s, (struct store_event_query){ 0 }, "n1:1:8 ", "only that is left");
	ev.time_ns = T0 + 9 * DAY_NS;
	is_int(put_one(s, "n1", 1, 7, &ev), 0, "%s: the hole is filled", drv->name);
	is_int(head_of(s, "n1", 1), 8, "%s: the head goes on from the oldest kept", drv->name);
	pending_is(s, "n1:1:6-8 ", "and it waits to be judged");
	nodes_are(s, "n1 compute events=7 lost=1 tier=- at=1:8; ", "the node's totals stay");
}

/* A sink in use has been told of the log until there. */
static int told_until(struct store *s, uint64_t log_id)
{
	const struct store_sink sink = {
		.name = "exec", .why = "", .log_id = log_id, .sent_ns = clock_wall_ns()
	};

	return store_sink_put(s, &sink);
}

static int put_resolved(struct store *s, const char *key, uint64_t at_ns, uint64_t *ret_log_id)
{
	struct store_alert a = { .key = key,
				 .kind = FINDING_UNEXPECTED,
				 .severity = SEVERITY_WARNING,
				 .state = ALERT_RESOLVED,
				 .host_type = "compute",
				 .nodes = "n1",
				 .node = "n1",
				 .summary = "s",
				 .why = "w",
				 .remedy = "r",
				 .first_ns = at_ns,
				 .last_ns = at_ns };
	uint64_t id;

	return store_put_alert(s, &a, "monitor", "", at_ns, &id, ret_log_id);
}

static void test_prune_state(struct store *s)
{
	const struct door closed = open_event(81, 1, 0).door, young = open_event(82, 2, 0).door;
	uint64_t log_old = 0, log_told = 0, log_young = 0;
	bool found;

	put_history(s);
	is_int(store_set_judged(s, "n1", 1, 0, 8), 0, "%s: it is judged", drv->name);
	ok(!put_door(s, 81, 1, T0 + DAY_NS, "k1") && !put_door(s, 82, 2, T0 + 2 * DAY_NS, "k2") &&
		   !put_door(s, 83, 3, T0 + 3 * DAY_NS, "k3"),
	   "%s: three doors", drv->name);
	ok(!store_close_door(s, "n1", 1, &closed, 2, T0 + 2 * DAY_NS, &found) &&
		   !store_close_door(s, "n1", 1, &young, 3, T0 + 50 * DAY_NS, &found),
	   "%s: one closed long ago, one lately, one is open", drv->name);
	ok(!put_resolved(s, "k1", T0 + 2 * DAY_NS, &log_old) &&
		   !put_resolved(s, "k4", T0 + 2 * DAY_NS, &log_told) &&
		   !put_resolved(s, "k5", T0 + 50 * DAY_NS, &log_young) &&
		   !put_resolved(s, "k3", T0 + DAY_NS, &log_young),
	   "%s: four resolved alerts, one of an open door", drv->name);
	is_int(told_until(s, log_old), 0, "%s: a sink that knows of the first", drv->name);
	prune(s, T0 + 40 * DAY_NS, 0, true, "5 events, 1 doors, 1 alerts",
	      "counting sees what would go");
	prune(s, T0 + 40 * DAY_NS, 0, false, "5 events, 1 doors, 1 alerts", "and that goes");
	doors_are(s, (struct store_door_query){ 0 }, "n1:82:nc n1:83:nc ",
		  "young and open doors stay");
	is_int(told_until(s, log_young), 0, "%s: the sink has been told of all", drv->name);
	prune(s, T0 + 40 * DAY_NS, 0, false, "0 events, 0 doors, 1 alerts",
	      "then what it waited for goes too");
	prune(s, T0 + 40 * DAY_NS, 0, false, "0 events, 0 doors, 0 alerts", "once");
}

/* The sink has seen nothing, and somebody sent for it last at that time. */
static void put_idle_sink(struct store *s, const char *name, uint64_t sent_ns)
{
	const struct store_sink sink = { .name = name, .why = "", .sent_ns = sent_ns };

	is_int(store_sink_put(s, &sink), 0, "%s: a sink that knows of nothing", drv->name);
}

static void test_prune_dropped_sink(struct store *s)
{
	uint64_t log = 0, now = clock_wall_ns();

	ok(!put_resolved(s, "k1", T0 + 2 * DAY_NS, &log), "%s: a resolved alert", drv->name);
	put_idle_sink(s, "dropped", now - STORE_SINK_DROPPED_NS - DAY_NS);
	put_idle_sink(s, "ours", now - STORE_SINK_DROPPED_NS + DAY_NS);
	prune(s, T0 + 40 * DAY_NS, 0, false, "0 events, 0 doors, 0 alerts",
	      "an alert waits for a sink that was there some days ago");
	put_idle_sink(s, "ours", now - STORE_SINK_DROPPED_NS - DAY_NS);
	prune(s, T0 + 40 * DAY_NS, 0, false, "0 events, 0 doors, 1 alerts",
	      "and for none that nobody has carried since");
}

int main(void)
{
	static void (*const tests[])(struct store * s) = {
		test_doors,	  test_pages,
		test_profiles,	  test_alerts,
		test_settings,	  test_transactions,
		test_nesting,	  test_prune_events,
		test_prune_state, test_prune_dropped_sink,
	};

	return conformance(tests, array_len(tests), NULL);
}
