/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "core/event.h"
#include "core/portset.h"
#include "scan/plan.h"
#include "store/scans.h"
#include "store/store.h"
#include "tap.h"

/*
 * A plan's version scan on a real store: what is asked in which order, once ports are known to be
 * unresponsive.
 */

#define S UINT64_C(1000000000)
#define HOUR (3600 * S)
#define NODES 8
#define MONITOR "m1"

static char dir[] = "/tmp/ajar-deferred-XXXXXX", uri[80];
static struct store *store;
static struct store_plan plan = { .name = "v",
				  .kind = SCAN_VERSION,
				  .ports = "22,80,443,9000",
				  .classes = "",
				  .nodes = "",
				  .order = "name",
				  .window = "",
				  .author = "" };
static struct ports unresponsive_of[NODES + 1]; /* what says nothing, by node */

static uint64_t now(void)
{
	uint64_t ns = 0;

	return store_scan_now(store, &ns) ? 0 : ns;
}

static void put_node(unsigned i, const char *class)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	const struct event ev = { .boot_seq = 1,
				  .seq = 1,
				  .kind = EVENT_OPEN,
				  .time_ns = S,
				  .door = {
					  .proto = PROTO_TCP, .family = FAMILY_INET, .port = 22 } };
	struct store_event row = { .boot_seq = 1, .seq = 1 };
	char name[8], addr[32];
	size_t fresh;

	snprintf(name, sizeof(name), "n%u", i);
	snprintf(addr, sizeof(addr), "192.0.2.%u", i);
	event_encode(&ev, &b);
	row.recorded_ns = row.received_ns = S;
	row.record = (struct text){ b.data, (uint32_t)b.len };
	if (store_put_events(store, name, class, &row, 1, &fresh) ||
	    store_node_addr_put(store, name, addr, "manual", S))
		ok(false, "%s is put: %s", name, store_why(store));
}

static bool set_up(void)
{
	if (!mkdtemp(dir))
		return false;
	snprintf(uri, sizeof(uri), "sqlite:%s/s.db", dir);
	if (store_open(uri, STORE_CREATE, &store, NULL))
		return false;
	for (unsigned i = 1; i <= NODES; i++)
		put_node(i, i <= NODES / 2 ? "compute" : "login");
	return true;
}

static void clean_up(void)
{
	static const char *const files[] = { "s.db", "s.db-wal", "s.db-shm", "bell" };
	char file[80];

	store_free(store);
	for (size_t i = 0; i < array_len(files); i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, files[i]);
		unlink(file);
	}
	rmdir(dir);
}

/* --- a pass ---------------------------------------------------------------------------------------- */

static struct plan_made made;
static struct buf told; /* the shards in the order they are leased: "22,80 n1 n2; ..." */

static bool make(bool deferred)
{
	struct networks nets;
	const struct plan_scope sc = {
		.store = store, .networks = &nets, .command = "plan", .deferred = deferred
	};

	return !networks_parse("192.0.2.0/24", &nets) && !plan_make(&plan, &sc, &made);
}

struct work {
	uint64_t scan_id;
	uint32_t shard;
	char *ports, nodes[STORE_SHARD_HOSTS_MAX][8], addrs[STORE_SHARD_HOSTS_MAX][32];
	size_t len;
};

static int on_shard(const struct store_shard *sh, void *arg)
{
	struct work *w = arg;

	w->scan_id = sh->scan_id;
	w->shard = sh->shard;
	w->ports = strdup(sh->ports);
	buf_printf(&told, "%s%s", told.len ? "; " : "", sh->ports);
	for (w->len = 0; w->len < sh->targets_len; w->len++) {
		snprintf(w->nodes[w->len], sizeof(w->nodes[0]), "%s", sh->targets[w->len].node);
		snprintf(w->addrs[w->len], sizeof(w->addrs[0]), "%s", sh->targets[w->len].addr);
		buf_printf(&told, " %s", sh->targets[w->len].node);
	}
	return 0;
}

static int put_host(const struct work *w, size_t i, uint64_t at_ns)
{
	static struct store_scan_port rows[UINT16_MAX];
	const struct ports *silent = &unresponsive_of[w->nodes[i][1] - '0'];
	const struct store_scan_host h = { .scan_id = w->scan_id,
					   .shard = w->shard,
					   .node = w->nodes[i],
					   .addr = w->addrs[i],
					   .state = SCAN_HOST_SEEN,
					   .started_ns = at_ns,
					   .ended_ns = at_ns + S,
					   .asked = "",
					   .folded = "" };
	static struct ports asked;
	size_t n = 0;

	memset(&asked, 0, sizeof(asked));
	if (ports_parse(w->ports, &asked))
		return -1;
	for (uint32_t port = 1; port <= UINT16_MAX; port++) {
		bool unresponsive = ports_has(silent, (uint16_t)port);

		if (ports_has(&asked, (uint16_t)port))
			rows[n++] =
				(struct store_scan_port){ .proto = PROTO_TCP,
							  .port = port,
							  .state = PORT_OPEN,
							  .reason = "syn-ack",
							  .service = unresponsive ? "" : "ssh",
							  .method = unresponsive ? METHOD_TABLE
										 : METHOD_PROBED,
							  .product = "",
							  .version = "",
							  .extra = "",
							  .tunnel = "",
							  .fingerprint = "" };
	}
	return store_scan_host_put(store, &h, MONITOR, rows, n);
}

/* Works off what is queued; as if it had been at at_ns. */
static void work(uint64_t at_ns)
{
	const struct store_lease lease = { .owner = MONITOR, .lease_ns = 60 * S };
	struct work w = { 0 };
	int err = 0;

	buf_reset(&told);
	buf_puts(&told, "");
	while (!err && !store_shard_lease(store, &lease, on_shard, &w)) {
		for (size_t i = 0; !err && i < w.len; i++)
			err = put_host(&w, i, at_ns);
		if (!err)
			err = store_shard_end(store, w.scan_id, w.shard, MONITOR, true, "");
		free(w.ports);
	}
	if (err)
		ok(false, "the scan is stored: %s", store_why(store));
}

static void pass(uint64_t ago_ns, const char *want, const char *what)
{
	if (!make(true))
		ok(false, "a scan is made: %s", store_why(store));
	work(now() - ago_ns);
	is_str(buf_str(&told), want, "%s", what);
}

static void open_door(const char *node, uint16_t port, uint64_t at_ns)
{
	static uint64_t last;
	uint64_t cookie = ++last;
	_cleanup_(buf_done) struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_door d = { .node = node,
				.boot_seq = 1,
				.door = { .proto = PROTO_TCP,
					  .family = FAMILY_INET,
					  .scope = SCOPE_ANY,
					  .port = port,
					  .netns_cookie = 1,
					  .cookie = cookie },
				.open_seq = cookie,
				.opened_ns = at_ns,
				.verdict = VERDICT_PROFILED };
	struct event ev = { .kind = EVENT_OPEN, .time_ns = at_ns, .door = d.door };

	event_encode(&ev, &b);
	d.record = (struct text){ b.data, (uint32_t)b.len };
	if (store_put_door(store, &d))
		ok(false, "a door is put: %s", store_why(store));
}

#define ALL "22,80,443,9000"

static void test_known(void)
{
	ports_add(&unresponsive_of[2], 9000, 9000);
	ports_add(&unresponsive_of[6], 9000, 9000);
	pass(HOUR / 2, ALL " n1 n2 n3 n4 n5 n6 n7 n8",
	     "nothing is known: hosts with the same ports, of whatever class, share a shard");
	ok(make(true), "a second pass is made");
	is_int(made.unresponsive, 2, "two ports are known to be unresponsive");
	is_int(made.deferred_scan_id, 0, "and nothing is due in the deferred queue");
	work(now() - HOUR / 3);
	is_str(buf_str(&told), ALL " n1 n3 n4 n5 n7 n8; 22,80,443 n2 n6",
	       "the next pass leaves them out; hosts without the same one share a shard");
	plan.kind = SCAN_IDENTITY;
	pass(HOUR / 3, ALL " n1 n2 n3 n4; " ALL " n5 n6 n7 n8",
	     "an identity scan looks at them as ever, each class by itself");
	plan.kind = SCAN_VERSION;
	ok(make(false), "a scan by hand is made");
	work(now() - HOUR / 3);
	is_str(buf_str(&told), ALL " n1 n2 n3 n4 n5 n6 n7 n8", "it asks for all it was told to");
}

static void test_door(void)
{
	open_door("n2", 9000, now() - 30 * HOUR);
	pass(HOUR / 4, ALL " n1 n3 n4 n5 n7 n8; 22,80,443 n2 n6",
	     "the door that stood there before is no reason to ask again");
	open_door("n2", 9000, now() - HOUR / 5);
	open_door("n6", 80, now() - HOUR / 5);
	pass(0, ALL " n1 n3 n4 n5 n7 n8; 22,80,443 n2 n6; 9000 n2",
	     "another one is: behind all others");
	pass(0, ALL " n1 n3 n4 n5 n7 n8; 22,80,443 n2 n6", "once");
	unresponsive_of[2] = (struct ports){ 0 };
	open_door("n2", 9000, now());
	pass(0, ALL " n1 n3 n4 n5 n7 n8; 22,80,443 n2 n6; 9000 n2",
	     "a node's clock may be behind: a door of the last minute is another one");
	pass(0, ALL " n1 n2 n3 n4 n5 n7 n8; 22,80,443 n6",
	     "what has spoken there is back among the others");
}

static void test_day(void)
{
	plan.nodes = "n[3-4]";
	ports_add(&unresponsive_of[3], 443, 443);
	ports_add(&unresponsive_of[4], 443, 443);
	pass(50 * HOUR, ALL " n3 n4", "two ports are unresponsive");
	pass(25 * HOUR, "22,80,9000 n3 n4; 443 n3 n4",
	     "after a day they are asked again, together");
	pass(2 * HOUR, "22,80,9000 n3 n4; 443 n3 n4", "and after another");
	pass(HOUR, "22,80,9000 n3 n4", "not before");
	plan.ports = "443";
	pass(HOUR, "", "when nothing else is asked for there is nothing to scan");
	ok(!made.scan_id && !made.deferred_scan_id, "and no scan");
	is_int(made.unresponsive, 2, "which is counted");
	plan.ports = ALL;
	memset(unresponsive_of, 0, sizeof(unresponsive_of));
	if (!make(false))
		ok(false, "a scan by hand is made");
	work(now() - HOUR);
	pass(HOUR, ALL " n3 n4", "what a scan by hand got a word out of is as any other");
	plan.nodes = "";
}

static void test_flood(void)
{
	plan.nodes = "n5";
	plan.ports = "10001-11000";
	ports_add(&unresponsive_of[5], 10001, 11000);
	pass(25 * HOUR, "10001-11000 n5", "a host has 1000 unresponsive ports");
	pass(24 * HOUR + 60 * S, "10001-10128 n5", "a pass asks for 128 of them");
	is_int(made.unresponsive, 1000 - 128, "the others wait");
	pass(24 * HOUR, "10129-10256 n5", "for the next, which begins with the oldest");
}

static void put_addresses(unsigned node, unsigned n)
{
	put_node(node, "login"); /* with its first one */
	for (unsigned i = 1; i < n; i++) {
		char name[8], addr[32];

		snprintf(name, sizeof(name), "n%u", node);
		snprintf(addr, sizeof(addr), "192.0.2.%u", 10 * node + i);
		if (store_node_addr_put(store, name, addr, "manual", S))
			ok(false, "%s is put: %s", addr, store_why(store));
	}
}

/* Of a node with more addresses than a scan asks the rest is counted, and named. */
static void test_addresses(void)
{
	plan.nodes = "n10";
	put_addresses(10, PLAN_ADDRS_MAX);
	ok(make(false) && made.scan_id, "a node with as many addresses as a scan asks");
	is_int(made.beyond, 0, "loses none");
	plan.nodes = "n11";
	put_addresses(11, PLAN_ADDRS_MAX + 1);
	ok(make(false) && made.scan_id, "one with one more");
	is_int(made.beyond, 1, "loses that");
	is_int(made.hosts, PLAN_ADDRS_MAX, "and no other");
	ok(!strncmp(made.example_beyond, "n11 (192.0.2.", 13), "which is said: %s",
	   made.example_beyond);
}

int main(void)
{
	told.max = 64 << 10;
	if (!ok(set_up(), "a store with eight nodes"))
		return tap_done();
	test_day();
	test_known();
	test_door();
	test_flood();
	test_addresses();
	clean_up();
	buf_done(&told);
	return tap_done();
}
