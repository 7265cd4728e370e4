/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>

#include "base/buf.h"
#include "monitor/judge.h"
#include "store/store.h"
#include "store/triage.h"
#include "tap.h"

/*
 * The same finding on many nodes is one alert, whatever the order in which the nodes' events come.
 * A small cluster on the store in memory; `seen` are the alerts as text, to compare.
 */
#define S UINT64_C(1000000000)
#define T0 (UINT64_C(1795363262) * S)
#define NODES 20

static struct store *store;
static struct judge *judge;
static uint64_t now = T0, seqs[NODES + 1];
static unsigned changes;

static void start(void)
{
	const struct judge_opts o = { .reopen_nodes = 10 };
	size_t added;

	judge_free(judge);
	store_free(store);
	judge = NULL;
	store = NULL;
	now = T0;
	memset(seqs, 0, sizeof(seqs));
	if (store_open("sqlite::memory:", STORE_CREATE, &store, NULL) ||
	    judge_new(store, &o, &judge) ||
	    store_profile_add(store, "compute", NULL, 0, true, now, &added))
		printf("# cannot start: %s\n", store ? store_why(store) : "-");
}

static void put(unsigned node, enum event_kind kind, uint64_t cookie, uint16_t port)
{
	struct event ev = { .time_ns = now,
			    .kind = kind,
			    .origin = ORIGIN_EVENT,
			    .door = { .proto = PROTO_TCP,
				      .family = FAMILY_INET,
				      .scope = SCOPE_ANY,
				      .port = port,
				      .netns_cookie = 1,
				      .cookie = cookie },
			    .opener = { .known = true,
					.pid = 100,
					.comm = "nc",
					.exe = TEXT("/usr/bin/nc"),
					.uid = 1041,
					.user = TEXT("mlee") } };
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	char exe[32];
	struct store_event row = { .boot_seq = 1, .seq = ++seqs[node], .received_ns = now };
	char name[32];
	size_t added;

	snprintf(name, sizeof(name), "node%03u", node);
	/* A program for each port: of one program they would be one burst. */
	snprintf(exe, sizeof(exe), "/usr/bin/nc%u", port);
	ev.opener.exe = text_of(exe);
	event_encode(&ev, &b);
	row.record = (struct text){ b.data, (uint32_t)b.len };
	if (store_put_events(store, name, "compute", &row, 1, &added))
		printf("# cannot put: %s\n", store_why(store));
	buf_done(&b);
}

static unsigned step(void)
{
	uint64_t next;
	int err = judge_step(judge, now, &changes, &next);

	if (err)
		printf("# judge_step: %d %s\n", err, store_why(store));
	return changes;
}

struct lines {
	unsigned len;
	char line[16][160];
};

static int list_alert(const struct store_alert *a, void *arg)
{
	struct lines *l = arg;

	if (l->len < 16)
		snprintf(l->line[l->len++], 160, "%s:%u %s %s nodes=%llu doors=%llu",
			 door_proto_name(a->proto), a->port, alert_state_name(a->state), a->nodes,
			 (unsigned long long)a->node_count, (unsigned long long)a->count);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* All alerts, by their ports: alerts of one moment have no order. */
static const char *seen(void)
{
	static char text[4096];
	const struct store_alert_query q = { .all = true };
	struct lines l = { 0 };
	size_t len = 0;

	if (store_alerts(store, &q, list_alert, &l))
		return "error";
	qsort(l.line, l.len, sizeof(l.line[0]), by_text);
	text[0] = '\0';
	for (unsigned i = 0; i < l.len; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? "; " : "",
					l.line[i]);
	return text;
}

static void quiet(uint64_t seconds)
{
	for (uint64_t i = 0; i < seconds; i++) {
		now += S;
		step();
	}
}

static uint64_t the_id, the_log;
static int get_id(const struct store_alert *a, void *arg)
{
	(void)arg;
	the_id = a->id;
	return 1;
}

static uint64_t alert_id(void)
{
	const struct store_alert_query q = { .all = true };

	the_id = 0;
	return store_alerts(store, &q, get_id, NULL) == 1 ? the_id : 0;
}

static const char *person = "ann";

static void decide(enum alert_state from, enum alert_state to, uint64_t until_ns)
{
	const struct store_decision d = { .alert_id = alert_id(),
					  .from = from,
					  .to = to,
					  .until_ns = until_ns,
					  .who = person,
					  .note = "seen",
					  .at_ns = now };

	if (store_decide(store, &d, &the_log))
		printf("# cannot decide: %s\n", store_why(store));
}

static void test_one_alert(void)
{
	unsigned told = 0;

	start();
	step();
	for (unsigned n = 1; n <= NODES; n++) {
		now += S;
		put(n, EVENT_OPEN, 7, 4444);
		told += step();
	}
	quiet(2);
	is_str(seen(), "tcp:4444 open node[001-020] nodes=20 doors=20",
	       "a door on 20 nodes is one alert, and names them");
	is_int(told, 1, "and one message");
	for (unsigned n = 6; n <= NODES; n++) {
		put(n, EVENT_CLOSE, 7, 4444);
		step();
	}
	quiet(2);
	is_str(seen(), "tcp:4444 open node[001-005] nodes=5 doors=5",
	       "where it closes the node goes from the list");
	put(3, EVENT_OPEN, 8, 4444);
	step();
	quiet(2);
	is_str(seen(), "tcp:4444 open node[001-005] nodes=5 doors=6",
	       "a second door on a node is no other node");
	put(3, EVENT_OPEN, 9, 4445);
	step();
	is_str(seen(),
	       "tcp:4444 open node[001-005] nodes=5 doors=6; tcp:4445 open node003 nodes=1 doors=1",
	       "another port is another alert");
	for (unsigned n = 1; n <= 5; n++)
		put(n, EVENT_CLOSE, 7, 4444);
	put(3, EVENT_CLOSE, 8, 4444);
	put(3, EVENT_CLOSE, 9, 4445);
	step();
	quiet(10);
	is_str(seen(),
	       "tcp:4444 resolved node[001-020] nodes=0 doors=0; tcp:4445 resolved node003 nodes=0 "
	       "doors=0",
	       "gone everywhere it is resolved, and says where it was");
	put(2, EVENT_OPEN, 17, 4444);
	step();
	quiet(2);
	ok(strstr(seen(), "tcp:4444 open node002 nodes=1 doors=1"),
	   "when it comes again only where it is now counts");
}

static void restart(void)
{
	const struct judge_opts o = { .reopen_nodes = 10 };

	judge_free(judge);
	judge = NULL;
	if (judge_new(store, &o, &judge))
		printf("# cannot make a judge\n");
}

static void test_people(void)
{
	start();
	step();
	put(1, EVENT_OPEN, 7, 4444);
	step();
	decide(ALERT_OPEN, ALERT_ACKNOWLEDGED, 0);
	put(1, EVENT_CLOSE, 7, 4444);
	put(1, EVENT_OPEN, 8, 4444);
	is_int(step(), 0, "an acknowledged alert says nothing about a blink");
	for (unsigned n = 2; n <= 10; n++)
		put(n, EVENT_OPEN, 7, 4444);
	is_int(step(), 0, "nor about some more nodes");
	is_str(seen(), "tcp:4444 acknowledged node001 nodes=1 doors=10",
	       "it counts them and stays acknowledged");
	quiet(2);
	is_str(seen(), "tcp:4444 acknowledged node[001-010] nodes=10 doors=10",
	       "and names them a moment later");
	restart();
	put(11, EVENT_OPEN, 7, 4444);
	is_int(step(), 1, "on ten more nodes it opens again, also after a restart");
	is_str(seen(), "tcp:4444 open node[001-011] nodes=11 doors=11", "with all of them");
	decide(ALERT_OPEN, ALERT_SNOOZED, now + 100 * S);
	quiet(99);
	ok(strstr(seen(), "snoozed"), "a snooze lasts");
	quiet(2);
	ok(strstr(seen(), " open "), "and ends by itself");
	decide(ALERT_OPEN, ALERT_SNOOZED, now + 100 * S);
	for (unsigned n = 1; n <= 11; n++)
		put(n, EVENT_CLOSE, n == 1 ? 8 : 7, 4444);
	quiet(10);
	ok(strstr(seen(), "resolved"), "what is snoozed resolves when it is gone");
}

/* Who writes a change is not told by a name: a login may be that of the program's role. */
static void test_person_called_monitor(void)
{
	start();
	step();
	put(1, EVENT_OPEN, 7, 4444);
	step();
	person = "monitor";
	decide(ALERT_OPEN, ALERT_SNOOZED, now + 100 * S);
	quiet(99);
	ok(strstr(seen(), "snoozed"), "a snooze by a person called monitor lasts");
	quiet(2);
	ok(strstr(seen(), " open "), "and ends by itself");
	decide(ALERT_OPEN, ALERT_ACKNOWLEDGED, 0);
	put(1, EVENT_CLOSE, 7, 4444);
	put(1, EVENT_OPEN, 8, 4444);
	is_int(step(), 0, "what that person acknowledges says nothing about a blink");
	person = "ann";
}

static void test_maintenance(void)
{
	struct store_maintenance m = { .nodes = "node[001-010]",
				       .starts_ns = T0,
				       .ends_ns = T0 + 1000 * S,
				       .reason = "firmware",
				       .author = "ann" };
	uint64_t id = 0;

	start();
	step();
	if (store_maintenance_add(store, &m, &id))
		printf("# %s\n", store_why(store));
	put(1, EVENT_OPEN, 7, 4444);
	put(2, EVENT_OPEN, 7, 4445);
	put(3, EVENT_OPEN, 7, 4446);
	step();
	ok(!strstr(seen(), " open "), "in a maintenance nothing is alerted");
	put(11, EVENT_OPEN, 7, 4446);
	step();
	quiet(2);
	ok(strstr(seen(), "tcp:4446 open node[003,011] nodes=2"), "a node outside of it is");
	put(2, EVENT_CLOSE, 7, 4445);
	quiet(10);
	ok(strstr(seen(), "tcp:4445 resolved"), "what goes away meanwhile is over");
	if (store_maintenance_end(store, id, "ann", now))
		printf("# %s\n", store_why(store));
	step();
	ok(strstr(seen(), "tcp:4444 open node001"),
	   "what still stands when it is ended is alerted then");
}

/* An alert that is counted on no node stands nowhere, whatever its text says. */
static void test_uncounted(void)
{
	struct store_alert a = { .key = "hidden tcp 2222 what:scan class:compute",
				 .kind = FINDING_HIDDEN,
				 .severity = SEVERITY_CRITICAL,
				 .state = ALERT_OPEN,
				 .host_type = "compute",
				 .nodes = "node[001-003]",
				 .node_count = 3,
				 .count = 3,
				 .proto = PROTO_TCP,
				 .port = 2222,
				 .node = "node001",
				 .summary = "s",
				 .why = "w",
				 .remedy = "r",
				 .first_ns = T0,
				 .last_ns = T0 };

	start();
	if (store_put_alert(store, &a, "monitor", "seen by a scan", now, NULL, NULL))
		printf("# %s\n", store_why(store));
	restart();
	quiet(20);
	ok(strstr(seen(), "tcp:2222 resolved"), "what is counted on no node is over");
}

/* --- the order has no say ----------------------------------------------------------------------------- */

static uint32_t rnd;
static uint32_t next_random(void)
{
	rnd = rnd * 1664525u + 1013904223u;
	return rnd >> 8;
}

/*
 * Each node opens and closes the same doors, in its own order; how the nodes' events mix is up to
 * chance.
 */
static void play(uint32_t seed, bool batch)
{
	static const struct {
		enum event_kind kind;
		uint64_t cookie;
		uint16_t port;
	} script[] = { { EVENT_OPEN, 1, 4444 },	 { EVENT_OPEN, 2, 4445 },  { EVENT_CLOSE, 1, 4444 },
		       { EVENT_OPEN, 3, 4444 },	 { EVENT_CLOSE, 2, 4445 }, { EVENT_OPEN, 4, 8080 },
		       { EVENT_CLOSE, 4, 8080 }, { EVENT_OPEN, 5, 8080 } };
	unsigned at[NODES + 1] = { 0 }, left = NODES * array_len(script);

	start();
	step();
	rnd = seed;
	while (left) {
		unsigned n = 1 + next_random() % NODES;

		if (at[n] == array_len(script))
			continue;
		put(n, script[at[n]].kind, script[at[n]].cookie, script[at[n]].port);
		at[n]++;
		left--;
		if (!batch || next_random() % 8 == 0)
			step();
		if (next_random() % 64 == 0)
			restart();
	}
	for (int i = 0; i < 40; i++)
		step();
	quiet(8);
}

static int open_count(const struct store_alert_node *n, void *arg)
{
	uint64_t *sum = arg;

	*sum += n->open;
	return 0;
}

static void test_order(void)
{
	char first[4096];
	unsigned differ = 0, rounds = getenv("AJAR_LONG") ? 400 : 20;
	uint64_t doors = 0;

	play(1, false);
	snprintf(first, sizeof(first), "%s", seen());
	is_str(first,
	       "tcp:4444 open node[001-020] nodes=20 doors=20; tcp:4445 resolved node[001-020] "
	       "nodes=0 doors=0; tcp:8080 open node[001-020] nodes=20 doors=20",
	       "20 nodes that do the same are one alert for each of their doors");
	for (uint32_t seed = 2; seed < 2 + rounds; seed++) {
		play(seed, seed & 1);
		differ += strcmp(first, seen()) != 0;
		if (strcmp(first, seen()) && differ == 1)
			printf("# seed %u: %s\n", seed, seen());
	}
	is_int(differ, 0, "in %u other orders, batches and restarts it is the same", rounds);
	for (uint64_t id = 1; id < 100; id++)
		if (store_alert_nodes(store, id, true, open_count, &doors))
			break;
	is_int(doors, 40, "and the nodes' counts are the open doors");
}

int main(void)
{
	test_one_alert();
	test_people();
	test_person_called_monitor();
	test_maintenance();
	test_uncounted();
	test_order();
	judge_free(judge);
	store_free(store);
	return tap_done();
}
