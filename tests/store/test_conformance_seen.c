/* SPDX-License-Identifier: GPL-2.0 */
#include <time.h>

#include "store/conformance.h"
#include "store/scan_changes.h"
#include "store/scans.h"
#include "store/seen.h"
#include "store/triage.h"

/* What the scans say of a port: what seen.h promises, on every driver. */

#define MINUTE_NS 60000000000ULL
#define MANY 1000
/* A thousand walks over all that was seen take longer, whatever else this machine does. */
#define SLOW_MS 20000

struct host {
	const char *node, *addr, *kind;
	uint64_t ended_ns;
	const char *state, *folded;
	size_t ports_len;
	struct store_scan_port ports[2];
};

static int on_shard(const struct store_shard *sh, void *arg)
{
	*(uint32_t *)arg = sh->shard;
	return 0;
}

/* Scans of one host each, as a monitor makes them. */
static bool scanned(struct store *s, const struct host *hosts, size_t n)
{
	bool good = true;

	for (size_t i = 0; i < n && good; i++) {
		const struct host *x = &hosts[i];
		const struct store_target t = { x->node, x->addr };
		const struct store_shard shard = { .ports = "1-100",
						   .targets = &t,
						   .targets_len = 1 };
		const struct store_scan scan = { .plan = "verify",
						 .kind = scan_kind_parse(x->kind),
						 .nodes = x->node,
						 .command = "" };
		struct store_scan_host h = { .node = x->node,
					     .addr = x->addr,
					     .state = scan_host_state_parse(x->state),
					     .started_ns = x->ended_ns - 1,
					     .ended_ns = x->ended_ns,
					     .asked = "tcp 1-100",
					     .folded = x->folded };
		uint32_t number = 0;

		good = !store_scan_new(s, &scan, &shard, 1, x->ended_ns, &h.scan_id) &&
		       !store_shard_lease(s,
					  &(struct store_lease){ .scan_id = h.scan_id,
								 .owner = "m",
								 .lease_ns = MINUTE_NS },
					  on_shard, &number);
		h.shard = number;
		good = good && !store_scan_host_put(s, &h, "m", x->ports, x->ports_len) &&
		       !store_shard_end(s, h.scan_id, h.shard, "m", true, "");
	}
	return good;
}

/* Texts that are not named are stored as "". */
#define PORT(number, is, ...)                                                                      \
	{                                                                                          \
		.proto = PROTO_TCP, .port = number, .state = is, __VA_ARGS__                       \
	}

static void seen_is(struct store *s, const char *node, uint16_t port, uint64_t since_ns,
		    const char *want, const char *what)
{
	struct store_seen seen = { 0 };
	char text[900] = "error";

	if (!store_seen_port(s, node, PROTO_TCP, port, since_ns, &seen))
		snprintf(text, sizeof(text), "%s%s%s%s%s",
			 seen.scan_id ? scan_kind_name(seen.kind) : "-", seen.scan_id ? " " : "",
			 seen.scan_id ? port_state_name(seen.state) : "", *seen.service ? " " : "",
			 seen.service);
	is_str(text, want, "%s: %s", drv->name, what);
}

static void put_nodes(struct store *s)
{
	struct event ev = open_event(22, 1, T0);

	ok(!put_one(s, "n1", 1, 1, &ev) && !put_one(s, "n2", 1, 1, &ev) &&
		   !put_one(s, "n3", 1, 1, &ev),
	   "%s: three nodes", drv->name);
}

static void test_port(struct store *s)
{
	static const struct host hosts[] = {
		{ "n1",
		  "10.251.0.1",
		  "version",
		  T0 + 1 * MINUTE_NS,
		  "seen",
		  "tcp closed 23-100",
		  1,
		  { PORT(22, PORT_OPEN, .service = "ssh", .method = METHOD_PROBED,
			 .product = "OpenSSH", .version = "9.2p1") } },
		{ "n1",
		  "10.251.0.1",
		  "connect",
		  T0 + 2 * MINUTE_NS,
		  "seen",
		  "tcp closed 23-100",
		  1,
		  { PORT(22, PORT_OPEN, .service = "ssh", .method = METHOD_TABLE) } },
		{ "n1",
		  "10.251.0.1",
		  "connect",
		  T0 + 3 * MINUTE_NS,
		  "timed-out",
		  "",
		  1,
		  { PORT(22, PORT_FILTERED) } },
	};
	static const struct host later[] = {
		{ "n1",
		  "10.251.0.1",
		  "verify",
		  T0 + 4 * MINUTE_NS,
		  "seen",
		  "tcp filtered 1-100",
		  0,
		  { { 0 } } },
	};

	seen_is(s, "n1", 22, 0, "-", "nothing is known of a node nobody scanned");
	put_nodes(s);
	ok(scanned(s, hosts, 3), "%s: a node is scanned", drv->name);
	seen_is(s, "n1", 22, 0, "connect open ssh OpenSSH 9.2p1",
		"an open port, with the newest probe's word on its service");
	seen_is(s, "n1", 80, 0, "connect closed", "one that was folded away");
	seen_is(s, "n1", 2000, 0, "-", "none has asked for this one");
	seen_is(s, "n1", 22, T0 + 3 * MINUTE_NS, "-",
		"a run that was cut short is no evidence, an older one too old");
	seen_is(s, "n2", 22, 0, "-", "another node is another node");
	ok(scanned(s, later, 1), "%s: it is scanned again", drv->name);
	seen_is(s, "n1", 22, 0, "verify filtered",
		"what is folded away later counts more than what was open before");
}

static int put_alert(struct store *s, const char *key, uint64_t port, uint64_t nodes,
		     uint64_t *ret_id)
{
	const struct store_alert a = { .key = key,
				       .kind = FINDING_UNEXPECTED,
				       .severity = SEVERITY_CRITICAL,
				       .state = ALERT_OPEN,
				       .host_type = "compute",
				       .nodes = "n[1-3]",
				       .node = "n1",
				       .node_count = nodes,
				       .count = nodes,
				       .proto = PROTO_TCP,
				       .port = (uint32_t)port,
				       .summary = "",
				       .why = "",
				       .remedy = "",
				       .first_ns = T0,
				       .last_ns = T0 };

	return store_put_alert(s, &a, "monitor", "", T0, ret_id, NULL);
}

static void test_alert(struct store *s)
{
	static const struct host hosts[] = {
		{ "n1", "10.251.0.1", "verify", T0 - 1, "seen", "", 1, { PORT(44, PORT_CLOSED) } },
		{ "n1",
		  "10.251.0.1",
		  "verify",
		  T0 + 1 * MINUTE_NS,
		  "seen",
		  "",
		  1,
		  { PORT(44, PORT_FILTERED) } },
		{ "n2",
		  "10.251.0.2",
		  "verify",
		  T0 + 2 * MINUTE_NS,
		  "seen",
		  "",
		  1,
		  { PORT(44, PORT_OPEN) } },
	};
	static const char *const nodes[] = { "n1", "n2", "n3" };
	struct store_alert a = { 0 };
	struct store_seen seen = { 0 };
	uint64_t id = 0, before, after;
	bool good = true;

	put_nodes(s);
	ok(!put_alert(s, "k", 44, 3, &id), "%s: an alert over three nodes", drv->name);
	for (size_t i = 0; i < 3; i++) {
		good = good && !store_alert_node_add(s, id, nodes[i], 1, T0, &before, &after);
	}
	ok(good && scanned(s, hosts, 1), "%s: scanned before its door was open", drv->name);
	a = (struct store_alert){ .id = id,
				  .kind = FINDING_UNEXPECTED,
				  .node = "n1",
				  .node_count = 3,
				  .proto = PROTO_TCP,
				  .port = 44,
				  .first_ns = T0 };
	ok(!store_seen_alert(s, &a, &seen) && !seen.scan_id,
	   "%s: what a scan saw before says nothing of it", drv->name);
	ok(scanned(s, hosts + 1, 2), "%s: two of the nodes are scanned", drv->name);
	ok(!store_seen_alert(s, &a, &seen) && seen.state == PORT_OPEN && !strcmp(seen.node, "n2"),
	   "%s: the newest is reported, of whichever node", drv->name);
	ok(seen.asked == 2 && seen.reachable == 1, "%s: reachable on one of two that were asked",
	   drv->name);
}

static int list_change(const struct store_scan_change *c, void *arg)
{
	buf_printf(arg, "%s %u %s>%s%s%s%s%s; ", c->node, c->port,
		   c->was == PORT_UNKNOWN ? "" : port_state_name(c->was), port_state_name(c->state),
		   *c->service_was ? " " : "", c->service_was, *c->service ? " now " : "",
		   c->service);
	return 0;
}

static void changes_are(struct store *s, const struct store_scan_change_query *q, const char *want,
			const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_scan_changes(s, q, list_change, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void test_changes(struct store *s)
{
	static const struct host hosts[] = {
		{ "n1",
		  "10.251.0.1",
		  "connect",
		  T0 + 1 * MINUTE_NS,
		  "seen",
		  "tcp closed 23-100",
		  2,
		  { PORT(22, PORT_OPEN), PORT(80, PORT_FILTERED) } },
		/* Nothing new, but who answers: told for the first time, and again. */
		{ "n1",
		  "10.251.0.1",
		  "version",
		  T0 + 2 * MINUTE_NS,
		  "seen",
		  "",
		  1,
		  { PORT(22, PORT_OPEN, .service = "ssh", .method = METHOD_PROBED,
			 .product = "OpenSSH", .version = "9.2p1") } },
		{ "n1",
		  "10.251.0.1",
		  "connect",
		  T0 + 3 * MINUTE_NS,
		  "seen",
		  "",
		  1,
		  { PORT(22, PORT_OPEN, .service = "ssh", .method = METHOD_TABLE) } },
		/* Cut short, and one that asked for something else: no evidence. */
		{ "n1",
		  "10.251.0.1",
		  "connect",
		  T0 + 4 * MINUTE_NS,
		  "timed-out",
		  "tcp closed 1-100",
		  0,
		  { { 0 } } },
		{ "n1",
		  "10.251.0.1",
		  "connect",
		  T0 + 5 * MINUTE_NS,
		  "seen",
		  "tcp closed 23-100",
		  0,
		  { { 0 } } },
		{ "n1",
		  "10.251.0.1",
		  "version",
		  T0 + 6 * MINUTE_NS,
		  "seen",
		  "",
		  1,
		  { PORT(22, PORT_OPEN, .service = "ssh", .method = METHOD_PROBED,
			 .product = "dropbear") } },
		{ "n1",
		  "10.251.0.1",
		  "connect",
		  T0 + 7 * MINUTE_NS,
		  "seen",
		  "tcp closed 1-100",
		  0,
		  { { 0 } } },
		{ "n2",
		  "10.251.0.2",
		  "connect",
		  T0 + 7 * MINUTE_NS,
		  "seen",
		  "",
		  1,
		  { PORT(80, PORT_OPEN) } },
		{ "n1",
		  "10.251.0.1",
		  "connect",
		  T0 + 8 * MINUTE_NS,
		  "seen",
		  "",
		  1,
		  { PORT(22, PORT_FILTERED) } },
	};
	uint64_t last = 0;

	changes_are(s, &(struct store_scan_change_query){ 0 }, "", "without scans nothing changes");
	put_nodes(s);
	ok(scanned(s, hosts, array_len(hosts)), "%s: two nodes are scanned", drv->name);
	changes_are(s, &(struct store_scan_change_query){ 0 },
		    "n1 22 >open now ssh OpenSSH 9.2p1; "
		    "n1 22 open>open ssh OpenSSH 9.2p1 now ssh dropbear; "
		    "n1 22 open>closed ssh dropbear; n2 80 >open; n1 22 closed>filtered; ",
		    "what changed is reported, and what did not is not");
	changes_are(s, &(struct store_scan_change_query){ .node = "n2" }, "n2 80 >open; ",
		    "of one node");
	changes_are(s,
		    &(struct store_scan_change_query){ .since_ns = T0 + 7 * MINUTE_NS,
						       .until_ns = T0 + 8 * MINUTE_NS },
		    "n1 22 open>closed ssh dropbear; n2 80 >open; ", "in a time");
	changes_are(s,
		    &(struct store_scan_change_query){
			    .after_ns = T0 + 7 * MINUTE_NS, .after_id = 3, .limit = 1 },
		    "n2 80 >open; ", "a page that begins among those of one moment");
	ok(!store_scan_change_last(s, &last) && last == 5, "%s: the last one is the fifth",
	   drv->name);
	changes_are(s, &(struct store_scan_change_query){ .by_id = true, .after_id = last - 1 },
		    "n1 22 closed>filtered; ", "what came after one");
	ok(!store_scan_prune(s, T0 + 90 * MINUTE_NS, 100, &last), "%s: old scans are pruned",
	   drv->name);
	changes_are(s, &(struct store_scan_change_query){ 0 },
		    "n2 80 >open; n1 22 closed>filtered; ",
		    "of what they saw change only how it stands now is left");
}

/* What a list of alerts costs, with a node that was scanned for days. */
static void test_cost(struct store *s)
{
	struct host h = { "n1",	  "10.251.0.1",	       "verify", 0,
			  "seen", "tcp closed 23-100", 1,	 { PORT(22, PORT_OPEN) } };
	struct timespec from, to;
	struct store_seen seen;
	bool good = true;
	long ms;

	put_nodes(s);
	good = !store_begin(s);
	for (unsigned i = 0; i < 300 && good; i++) {
		h.ended_ns = T0 + i * MINUTE_NS;
		good = scanned(s, &h, 1);
	}
	ok(good && !store_commit(s), "%s: a node is scanned three hundred times", drv->name);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned i = 0; i < MANY && good; i++) {
		struct store_alert a = { .kind = FINDING_UNEXPECTED,
					 .node = "n1",
					 .node_count = 1,
					 .proto = PROTO_TCP,
					 .port = i % 100 + 1,
					 .first_ns = T0 };

		good = !store_seen_alert(s, &a, &seen);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
	printf("# %s: what scans saw of %d alerts: %ld ms\n", drv->name, MANY, ms);
	ok(good && ms < SLOW_MS, "%s: what they say of a thousand alerts is read in %d ms",
	   drv->name, SLOW_MS);
}

int main(void)
{
	static void (*const tests[])(struct store * s) = { test_port, test_alert, test_changes,
							   test_cost };

	return conformance(tests, array_len(tests), NULL);
}
