/* SPDX-License-Identifier: GPL-2.0 */
#include "store/compared.h"
#include "store/overview.h"
#include "store/triage.h"

#include <errno.h>

#include "base/hostlist.h"
#include "conformance.h"
#include "view/alert_story.h"

/* What store/triage.h promises, on each driver. */

static struct store_alert an_alert(const char *key)
{
	return (struct store_alert){ .key = key,
				     .kind = FINDING_UNEXPECTED,
				     .severity = SEVERITY_WARNING,
				     .state = ALERT_OPEN,
				     .host_type = "compute",
				     .nodes = "n1",
				     .node = "n1",
				     .subject = "key",
				     .summary = "s",
				     .why = "w",
				     .remedy = "r",
				     .first_ns = 100,
				     .last_ns = 100,
				     .node_count = 1 };
}

static void make_node(struct store *s, const char *name)
{
	struct event ev = open_event(22, 1, T0);

	if (put_one(s, name, 1, 1, &ev))
		printf("# cannot make node %s: %s\n", name, store_why(s));
}

static int list_where(const struct store_alert_node *n, void *arg)
{
	buf_printf(arg, "%s:%llu:%llu-%llu ", n->node, (unsigned long long)n->open,
		   (unsigned long long)n->first_ns, (unsigned long long)n->last_ns);
	return 0;
}

static void stands_on(struct store *s, uint64_t id, bool open_only, const char *want,
		      const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_alert_nodes(s, id, open_only, list_where, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static uint64_t add_doors(struct store *s, uint64_t id, const char *node, int64_t n, uint64_t at)
{
	uint64_t before, after;

	return store_alert_node_add(s, id, node, n, at, &before, &after) ? UINT64_MAX : after;
}

static int list_on(const struct store_alert *a, void *arg)
{
	buf_printf(arg, "%s=%s ", a->key, a->subject);
	return 0;
}

static int why_of(const struct store_alert *a, void *arg)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);

	buf_puts(arg, store_alert_why(a, &b));
	return 0;
}

/* Who compares scans asks what stands on a node. */
static void test_on_node(struct store *s, uint64_t id)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
	const struct port_look look = { PORT_CLOSED, 22, "n2", "10.0.0.2" };
	int err = store_alerts_on(s, "n2", list_on, &b);

	ok(!err && !store_alerts_on(s, "n1", list_on, &b), "%s: alerts of a node", drv->name);
	is_str(buf_str(&b), "k1=key ", "%s: are those that stand on it", drv->name);
	buf_reset(&b);
	ok(!store_alert_look(s, id, &look) && !store_alert_get(s, "k1", why_of, &b),
	   "%s: what a scan saw is written", drv->name);
	is_str(buf_str(&b),
	       "w; from outside: not reachable from the monitor, port 22 of n2 is closed at "
	       "10.0.0.2",
	       "%s: and read with the why", drv->name);
}

static void test_nodes(struct store *s)
{
	struct store_alert a = an_alert("k1");
	struct store_alert_sum sum;
	uint64_t id = 0, before;

	make_node(s, "n1");
	make_node(s, "n2");
	if (!ok(!store_put_alert(s, &a, "monitor", "", 1000, &id, NULL), "%s: an alert", drv->name))
		return;
	is_int(add_doors(s, id, "n1", 1, 100), 1, "%s: a door", drv->name);
	is_int(add_doors(s, id, "n1", 1, 110), 2, "%s: another on the same node", drv->name);
	is_int(add_doors(s, id, "n2", 1, 90), 1, "%s: one on another node", drv->name);
	stands_on(s, id, true, "n1:2:100-110 n2:1:90-90 ",
		  "both nodes are known, with their doors");
	is_int(add_doors(s, id, "n1", -1, 120), 1, "%s: one closes", drv->name);
	is_int(add_doors(s, id, "n1", -5, 130), 0, "%s: never fewer than none", drv->name);
	stands_on(s, id, true, "n2:1:90-90 ", "it stands on one node then");
	test_on_node(s, id);
	stands_on(s, id, false, "n1:0:100-130 n2:1:90-90 ", "the other is remembered");
	ok(!store_alert_sum(s, id, &sum) && sum.doors == 1 && sum.nodes == 1 && sum.last_ns == 130,
	   "%s: the sum is exact", drv->name);
	ok(!store_alert_nodes_restart(s, id), "%s: it opens anew", drv->name);
	stands_on(s, id, false, "n2:1:90-90 ", "what is over is forgotten");
	is_int(store_alert_node_add(s, id, "n9", 1, 1, &before, &before), -ENOENT,
	       "%s: an unknown node", drv->name);
	ok(!store_alert_sum(s, 4711, &sum) && !sum.doors && !sum.last_ns,
	   "%s: an alert without nodes has none", drv->name);
}

static int list_then(const struct store_node_then *n, void *arg)
{
	buf_printf(arg, "%s:%s ", n->node, n->host_type);
	return 0;
}

static void nodes_then_are(struct store *s, uint64_t at_ns, const char *want, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);

	buf_puts(&b, "");
	if (store_overview_nodes_at(s, at_ns, list_then, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
}

static void test_nodes_then(struct store *s)
{
	uint64_t oldest = 1;

	ok(!store_overview_oldest(s, &oldest) && !oldest, "%s: no record, no oldest", drv->name);
	make_node(s, "n1");
	ok(!store_overview_oldest(s, &oldest) && oldest == T0, "%s: the oldest is told", drv->name);
	nodes_then_are(s, T0 - 1, "", "before its first record a node was not known");
	nodes_then_are(s, T0, "n1:compute ", "from then on it was");
}

static int list_alert(const struct store_alert *a, void *arg)
{
	buf_printf(arg, "%d %s %s count=%llu told=%llu@%llu until=%llu", a->state, a->nodes,
		   a->summary, (unsigned long long)a->node_count,
		   (unsigned long long)a->reported_nodes, (unsigned long long)a->reported_ns,
		   (unsigned long long)a->until_ns);
	return 0;
}

static void alert_is(struct store *s, const char *key, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	if (store_alert_get(s, key, list_alert, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static int list_change(const struct store_alert_change *c, void *arg)
{
	buf_printf(arg, "%d:%s%s:%s:%d:%s:%llu ", c->state,
		   c->author == AUTHOR_PERSON ? "person " : "", c->who, c->note, c->cause,
		   c->alert.key, (unsigned long long)c->alert.until_ns);
	return 0;
}

static void test_decide(struct store *s)
{
	struct store_alert a = an_alert("k1");
	struct store_decision d = { .from = ALERT_OPEN,
				    .to = ALERT_ACKNOWLEDGED,
				    .who = "monitor",
				    .note = "known, see ticket 7",
				    .at_ns = 2000 };
	uint64_t id = 0, log1 = 0, log2 = 0, head, revision;
	struct buf b = BUF_INIT(4096);

	a.cause = CAUSE_OPENED;
	if (!ok(!store_put_alert(s, &a, "monitor", "opened", 1000, &id, &log1), "%s: an alert",
		drv->name))
		return;
	d.alert_id = id;
	ok(!store_alert_fold(s, id, "n[1-3]", 3, NULL), "%s: it grows", drv->name);
	alert_is(s, "k1", "1 n[1-3] s count=3 told=1@1000 until=0", "and nobody was told yet");
	is_int(store_alert_fold(s, 4711, "n1", 1, NULL), -ENOENT, "%s: no such alert", drv->name);
	ok(!store_decide(s, &d, &log2) && log2 > log1, "%s: a person acknowledges it", drv->name);
	alert_is(s, "k1", "2 n[1-3] s count=3 told=3@2000 until=0", "knowing of three nodes");
	is_int(store_decide(s, &d, &log2), -EAGAIN, "%s: not twice", drv->name);
	a.was = ALERT_OPEN;
	is_int(store_put_alert(s, &a, "monitor", "", 2500, NULL, NULL), -ECANCELED,
	       "%s: a monitor that did not know writes nothing over it", drv->name);
	a.was = ALERT_ACKNOWLEDGED;
	a.cause = CAUSE_MORE_NODES;
	a.state = ALERT_ACKNOWLEDGED;
	is_int(store_put_alert(s, &a, "monitor", "grown", 2600, NULL, NULL), 0,
	       "%s: one that did may", drv->name);
	d.from = ALERT_ACKNOWLEDGED;
	d.to = ALERT_SNOOZED;
	is_int(store_decide(s, &d, NULL), -EINVAL, "%s: a snooze has an end", drv->name);
	d.until_ns = 9000;
	d.note = NULL;
	ok(!store_decide(s, &d, NULL), "%s: snoozed", drv->name);
	ok(!store_alert_fold(s, id, "n1", 1, "t"), "%s: folded", drv->name);
	alert_is(s, "k1", "3 n1 t count=1 told=1@2000 until=9000", "the end is kept");
	if (store_alert_changes(s, 0, 0, 0, 0, list_change, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b),
	       "1:monitor:opened:1:k1:0 2:person monitor:known, see ticket 7:0:k1:0 "
	       "2:monitor:grown:5:k1:0 3:person monitor::0:k1:9000 ",
	       "%s: the log tells all of it, with who and why", drv->name);
	ok(!store_triage_marks(s, &head, &revision) && head > log2, "%s: and its head moved",
	   drv->name);
	d.alert_id = 4711;
	is_int(store_decide(s, &d, NULL), -ENOENT, "%s: no such alert to decide about", drv->name);
	d.alert_id = id;
	d.note = "an \033[31m escape";
	is_int(store_decide(s, &d, NULL), -EINVAL, "%s: a note is printable", drv->name);
	buf_done(&b);
}

static int list_exception(const struct store_exception *e, void *arg)
{
	buf_printf(arg, "%s:%s:%s:%s:%llu-%llu ", e->key, e->nodes, e->reason, e->author,
		   (unsigned long long)e->created_ns, (unsigned long long)e->expires_ns);
	return 0;
}

/* The most that a node set has, whole: no column cuts it. */
static void test_many_nodes(struct store *s, struct store_exception *e)
{
	char *nodes = malloc(HOSTLIST_TEXT_MAX + 2);
	struct buf b = BUF_INIT(2 * HOSTLIST_TEXT_MAX);
	uint64_t id = 0;

	if (!ok(nodes != NULL, "%s: memory", drv->name))
		return;
	memset(nodes, 'n', HOSTLIST_TEXT_MAX + 1);
	nodes[HOSTLIST_TEXT_MAX + 1] = '\0';
	e->nodes = nodes;
	is_int(store_exception_add(s, e, &id), -EINVAL, "%s: too many nodes are refused",
	       drv->name);
	nodes[HOSTLIST_TEXT_MAX] = '\0';
	e->nodes = nodes;
	e->reason = "many";
	is_int(store_exception_add(s, e, &id), 0, "%s: the most there may be are not", drv->name);
	ok(!store_exceptions(s, list_exception, &b) && strstr(buf_str(&b), ":many:") &&
		   strspn(strstr(buf_str(&b), "nnnn"), "n") == HOSTLIST_TEXT_MAX,
	   "%s: and are kept whole", drv->name);
	is_int(store_exception_end(s, id, 500), 0, "%s: that one is ended", drv->name);
	free(nodes);
	buf_done(&b);
}

static void test_exceptions(struct store *s)
{
	struct store_exception e = { .key = "missing tcp 22",
				     .nodes = "n[1-3]",
				     .reason = "being rebuilt",
				     .author = "mlee",
				     .created_ns = 100,
				     .expires_ns = 900 };
	uint64_t id = 0, head, before = 0, after = 0;
	struct buf b = BUF_INIT(4096);

	ok(!store_triage_marks(s, &head, &before), "%s: marks", drv->name);
	ok(!store_exception_add(s, &e, &id) && id, "%s: an exception", drv->name);
	ok(!store_triage_marks(s, &head, &after) && after != before, "%s: moves them", drv->name);
	if (store_exceptions(s, list_exception, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), "missing tcp 22:n[1-3]:being rebuilt:mlee:100-900 ", "%s: it is listed",
	       drv->name);
	is_int(store_exception_keep(s, id, "n[1,3]", 400), 0, "%s: for one node it is taken back",
	       drv->name);
	ok(!store_triage_marks(s, &head, &before) && after != before, "%s: which moves them",
	   drv->name);
	buf_reset(&b);
	if (store_exceptions(s, list_exception, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), "missing tcp 22:n[1,3]:being rebuilt:mlee:100-900 ",
	       "%s: for the others it goes on", drv->name);
	after = before;
	is_int(store_exception_keep(s, id, "", 500), 0, "%s: for none of them it ends", drv->name);
	is_int(store_exception_keep(s, id, "n1", 600), -ENOENT, "%s: and is none to keep",
	       drv->name);
	is_int(store_exception_end(s, id, 600), -ENOENT, "%s: once", drv->name);
	ok(!store_triage_marks(s, &head, &before) && after != before, "%s: that moves them too",
	   drv->name);
	e.nodes = "";
	is_int(store_exception_add(s, &e, &id), -EINVAL, "%s: it needs nodes", drv->name);
	test_many_nodes(s, &e);
	e.key = "";
	is_int(store_exception_add(s, &e, &id), -EINVAL, "%s: it needs a key", drv->name);
	buf_done(&b);
}

/* One more than there may be is refused: none is silently without effect. */
static void test_many_windows(struct store *s)
{
	struct store_maintenance m = { .nodes = "n1",
				       .host_type = "",
				       .starts_ns = 5000,
				       .ends_ns = 6000,
				       .reason = "many",
				       .author = "mlee",
				       .created_ns = 4000 };
	uint64_t id = 0;
	int err = store_begin(s);

	for (unsigned i = 0; i < STORE_MAINTENANCES_MAX && !err; i++)
		err = store_maintenance_add(s, &m, &id);
	is_int(err, 0, "%s: as many maintenances as there may be", drv->name);
	is_int(store_maintenance_add(s, &m, &id), -EINVAL, "%s: one more is refused", drv->name);
	ok(strstr(store_why(s), "end those that are not needed") != NULL, "%s: with what to do: %s",
	   drv->name, store_why(s));
	m.created_ns = 6000;
	m.ends_ns = 7000;
	is_int(store_maintenance_add(s, &m, &id), 0, "%s: those that are over do not count",
	       drv->name);
	store_rollback(s);
}

static int list_window(const struct store_maintenance *m, void *arg)
{
	buf_printf(arg, "%s/%s:%llu-%llu:%s:%s:%llu%s ", m->nodes, m->host_type,
		   (unsigned long long)m->starts_ns, (unsigned long long)m->ends_ns, m->reason,
		   m->author, (unsigned long long)m->ended_ns, m->ended_by);
	return 0;
}

static void windows_are(struct store *s, uint64_t since, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_maintenances(s, since, list_window, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void test_maintenance(struct store *s)
{
	struct store_maintenance m = { .nodes = "n[1-9]",
				       .starts_ns = 1000,
				       .ends_ns = 2000,
				       .reason = "firmware",
				       .author = "mlee" };
	uint64_t first = 0, second = 0, head, before = 0, after = 0;

	ok(!store_triage_marks(s, &head, &before), "%s: marks", drv->name);
	ok(!store_maintenance_add(s, &m, &first), "%s: a maintenance", drv->name);
	ok(!store_triage_marks(s, &head, &after) && after != before, "%s: moves them", drv->name);
	m = (struct store_maintenance){ .host_type = "compute",
					.starts_ns = 500,
					.ends_ns = 5000,
					.reason = "move",
					.author = "root" };
	ok(!store_maintenance_add(s, &m, &second) && second != first, "%s: another", drv->name);
	windows_are(s, 0, "/compute:500-5000:move:root:0 n[1-9]/:1000-2000:firmware:mlee:0 ",
		    "both are listed by their start");
	windows_are(s, 3000, "/compute:500-5000:move:root:0 ", "those that are over are not");
	is_int(store_maintenance_end(s, first, "ann", 2500), -ENOENT, "%s: what is over is over",
	       drv->name);
	is_int(store_maintenance_end(s, second, "ann", 2500), 0, "%s: one ends early", drv->name);
	is_int(store_maintenance_end(s, second, "ann", 2600), -ENOENT, "%s: once", drv->name);
	windows_are(s, 2600, "", "then nothing is under way");
	windows_are(s, 2400, "/compute:500-5000:move:root:2500ann ", "and by whom is kept");
	m.ends_ns = m.starts_ns;
	is_int(store_maintenance_add(s, &m, &first), -EINVAL, "%s: it lasts", drv->name);
}

/* Of a folded alert that is over: which doors it was about, on each node. */
static void test_story(struct store *s)
{
	struct store_alert a = an_alert("k1");
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);
	const struct door one = open_event(4444, 1, 0).door, two = open_event(4444, 2, 0).door;
	bool found = false;

	make_node(s, "n1");
	make_node(s, "n2");
	a.port = 4444;
	a.proto = PROTO_TCP;
	a.node = "n1";
	a.last_ns = T0 + 10;
	ok(!put_door_on(s, "n1", 4444, 1, T0 + 10, "k1") &&
		   !put_door_on(s, "n2", 4444, 2, T0 + 5, "k1") &&
		   !put_door_on(s, "n2", 4445, 3, T0 + 5, "k2"),
	   "%s: doors on two nodes", drv->name);
	ok(!alert_story(s, &a, &b) && strstr(buf_str(&b), "doors ") && !strstr(buf_str(&b), "then"),
	   "%s: its open doors are listed", drv->name);
	ok(!store_close_door(s, "n1", 1, &one, 5, T0 + 20, &found) && found &&
		   !store_close_door(s, "n2", 1, &two, 5, T0 + 30, &found) && found,
	   "%s: they close", drv->name);
	buf_reset(&b);
	ok(!alert_story(s, &a, &b) && strstr(buf_str(&b), "then open"), "%s: then those that were",
	   drv->name);
	ok(strstr(buf_str(&b), " n1 tcp ") && strstr(buf_str(&b), " n2 tcp "),
	   "%s: on each of its nodes", drv->name);
	ok(!strstr(buf_str(&b), "4445"), "%s: and none of another alert", drv->name);
}

int main(void)
{
	static void (*const tests[])(struct store * s) = {
		test_nodes,	  test_nodes_then,   test_decide, test_exceptions,
		test_maintenance, test_many_windows, test_story,
	};

	return conformance(tests, array_len(tests), NULL);
}
