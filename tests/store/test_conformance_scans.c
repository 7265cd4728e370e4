/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <time.h>

#include "store/conformance.h"
#include "store/compared.h"
#include "store/keys.h"

/* The queue of scans: what scans.h promises, on every driver. */

#define LEASE_NS 60000000000ULL
#define SHORT_NS 30000000ULL

static int list_plan(const struct store_plan *p, void *arg)
{
	buf_printf(arg, "%s:%s:%s:%d ", p->name, scan_kind_name(p->kind), p->ports, p->enabled);
	return 0;
}

static void plans_are(struct store *s, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_scan_plans(s, list_plan, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void test_plans(struct store *s)
{
	struct store_plan p = { .name = "night",
				.kind = SCAN_VERSION,
				.ports = "22",
				.classes = "",
				.nodes = "",
				.order = "name",
				.window = "",
				.author = "mlee",
				.enabled = true };
	bool ours = false;

	plans_are(s, "rapid:connect:all:1 verify:verify:known:1 version:version:profile:1 ",
		  "a new store has the paper's two plans and the verification scan");
	ok(!store_scan_plan_put(s, &p), "%s: a plan is put", drv->name);
	p.ports = "22,80";
	p.enabled = false;
	ok(!store_scan_plan_put(s, &p), "%s: and put again", drv->name);
	plans_are(s,
		  "night:version:22,80:0 rapid:connect:all:1 verify:verify:known:1 "
		  "version:version:profile:1 ",
		  "the second stands in place of the first");
	ok(!store_scan_plan_claim(s, "night", 0, 5, &ours) && ours, "%s: a plan is claimed",
	   drv->name);
	ok(!store_scan_plan_claim(s, "night", 0, 6, &ours) && !ours, "%s: once", drv->name);
	ok(!store_scan_plan_claim(s, "night", 5, 7, &ours) && ours,
	   "%s: and again when its time has come", drv->name);
	is_int(store_scan_plan_del(s, "night"), 0, "%s: a plan is deleted", drv->name);
	is_int(store_scan_plan_del(s, "night"), -ENOENT, "%s: one that is not there is not",
	       drv->name);
}

static int list_addr(const char *node, const char *addr, const char *origin, uint64_t added_ns,
		     void *arg)
{
	(void)added_ns;
	buf_printf(arg, "%s=%s(%s) ", node, addr, origin);
	return 0;
}

static int list_state(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	(void)h;
	buf_printf(arg, "%u %s; ", (unsigned)p->port, port_state_name(p->state));
	return 0;
}

static void put_nodes(struct store *s)
{
	struct event ev = open_event(22, 1, T0);

	ok(!put_one(s, "n1", 1, 1, &ev) && !put_one(s, "n2", 1, 1, &ev) &&
		   !put_one(s, "n3", 1, 1, &ev),
	   "%s: three nodes", drv->name);
}

static void test_addrs(struct store *s)
{
	struct buf b = BUF_INIT(4096);

	put_nodes(s);
	ok(!store_node_addr_put(s, "n1", "10.251.0.1", "manual", T0) &&
		   !store_node_addr_put(s, "n1", "fd00:a3a2::1", "resolved", T0) &&
		   !store_node_addr_put(s, "n1", "10.251.0.1", "resolved", T0),
	   "%s: addresses are put", drv->name);
	is_int(store_node_addr_put(s, "n9", "10.251.0.9", "manual", T0), -ENOENT,
	       "%s: not of a node nobody knows", drv->name);
	ok(!store_node_addrs(s, list_addr, &b), "%s: they are listed", drv->name);
	is_str(buf_str(&b), "n1=10.251.0.1(resolved) n1=fd00:a3a2::1(resolved) ", "%s: each once",
	       drv->name);
	is_int(store_node_addr_del(s, "n1", NULL), 0, "%s: they are deleted", drv->name);
	is_int(store_node_addr_del(s, "n1", NULL), -ENOENT, "%s: once", drv->name);
	buf_done(&b);
}

static const struct store_target n1[] = { { "n1", "10.251.0.1" }, { "n2", "10.251.0.2" } };
static const struct store_target n3[] = { { "n3", "10.251.0.3" } };
static const struct store_scan scan = {
	.plan = "rapid", .kind = SCAN_CONNECT, .nodes = "n[1-3]", .command = "", .rate = 500
};

static uint64_t new_scan(struct store *s, const struct store_scan *scan_of)
{
	const struct store_shard shards[] = { { .ports = "1-100", .targets = n1, .targets_len = 2 },
					      { .ports = "22", .targets = n3, .targets_len = 1 } };
	uint64_t id = 0, now = 0;

	return store_scan_now(s, &now) || store_scan_new(s, scan_of, shards, 2, now, &id) ? 0 : id;
}

struct taken {
	uint64_t id;
	uint32_t shard, tries;
	char text[256];
};

static int on_shard(const struct store_shard *sh, void *arg)
{
	struct taken *t = arg;
	size_t len = 0;

	t->id = sh->scan_id;
	t->shard = sh->shard;
	t->tries = sh->tries;
	t->text[0] = '\0';
	for (size_t i = 0; i < sh->targets_len; i++)
		len += (size_t)snprintf(t->text + len, sizeof(t->text) - len, "%s ",
					sh->targets[i].node);
	snprintf(t->text + len, sizeof(t->text) - len, "%s %s", sh->ports,
		 scan_kind_name(sh->kind));
	return 0;
}

static int lease(struct store *s, uint64_t id, const char *owner, uint64_t ns, struct taken *t)
{
	*t = (struct taken){ 0 };
	return store_shard_lease(
		s, &(struct store_lease){ .scan_id = id, .owner = owner, .lease_ns = ns }, on_shard,
		t);
}

/* Until it can be leased, which is when the lease before it has run out. */
static int lease_soon(struct store *s, uint64_t id, const char *owner, struct taken *t)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	int err = -ENOENT;

	for (int i = 0; i < 1000 && (err = lease(s, id, owner, SHORT_NS, t)) == -ENOENT; i++)
		nanosleep(&pause, NULL);
	return err;
}

static int put_host_at(struct store *s, const struct taken *t, const char *node, const char *addr,
		       const char *owner, uint64_t ended_ns)
{
	const struct store_scan_port ports[] = {
		{ .proto = PROTO_TCP,
		  .port = 22,
		  .state = PORT_OPEN,
		  .reason = "syn-ack",
		  .service = "ssh",
		  .method = METHOD_TABLE,
		  .conf = 3 },
		{ .proto = PROTO_TCP, .port = 80, .state = PORT_FILTERED, .reason = "no-response" },
	};
	const struct store_scan_host h = { .scan_id = t->id,
					   .shard = t->shard,
					   .node = node,
					   .addr = addr,
					   .state = SCAN_HOST_SEEN,
					   .started_ns = T0 + 1,
					   .ended_ns = ended_ns,
					   .asked = "tcp 1-100",
					   .folded = "tcp closed 1-21,23-79,81-100",
					   .open_count = 1 };

	return store_scan_host_put(s, &h, owner, ports, 2);
}

static int put_host(struct store *s, const struct taken *t, const char *node, const char *addr,
		    const char *owner)
{
	return put_host_at(s, t, node, addr, owner, T0 + 2);
}

static int list_scan(const struct store_scan *sc, void *arg)
{
	buf_printf(arg, "%s %s %llu/%llu hosts %llu/%llu left %s; ", sc->plan,
		   scan_state_name(sc->state), (unsigned long long)sc->hosts_seen,
		   (unsigned long long)sc->hosts, (unsigned long long)sc->shards_left,
		   (unsigned long long)sc->shards, sc->reason);
	return 0;
}

static void scans_are(struct store *s, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_scans(s, &(struct store_scan_query){ 0 }, list_scan, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static int list_port(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	buf_printf(arg, "%s/%u %s %s; ", h->node, p->port, port_state_name(p->state), p->service);
	return 0;
}

static int list_host(const struct store_scan_host *h, void *arg)
{
	buf_printf(arg, "%s %s %s; ", h->node, scan_host_state_name(h->state), h->folded);
	return 0;
}

static void test_queue(struct store *s)
{
	struct taken a, b, c;
	struct buf text = BUF_INIT(4096);
	uint64_t id;

	put_nodes(s);
	id = new_scan(s, &scan);
	ok(id, "%s: a scan of two shards is made", drv->name);
	is_int(lease(s, 0, "m1", LEASE_NS, &a), 0, "%s: one monitor takes a shard", drv->name);
	is_str(a.text, "n1 n2 1-100 connect", "%s: the first", drv->name);
	is_int(lease(s, 0, "m2", LEASE_NS, &b), 0, "%s: another takes the next", drv->name);
	is_str(b.text, "n3 22 connect", "%s: which is the second", drv->name);
	is_int(lease(s, 0, "m3", LEASE_NS, &c), -ENOENT, "%s: a third finds none", drv->name);
	is_int(put_host(s, &a, "n1", "10.251.0.1", "m2"), -ECANCELED,
	       "%s: who holds no lease stores nothing", drv->name);
	is_int(put_host(s, &a, "n1", "10.251.0.1", "m1"), 0,
	       "%s: a host is stored as soon as it is finished", drv->name);
	is_int(put_host(s, &a, "n1", "10.251.0.1", "m1"), -ECANCELED, "%s: once", drv->name);
	is_int(put_host(s, &a, "n3", "10.251.0.3", "m1"), -ECANCELED,
	       "%s: a host of another shard is not ours", drv->name);
	is_int(store_shard_renew(s, a.id, a.shard, "m1", LEASE_NS), 0, "%s: a lease is renewed",
	       drv->name);
	is_int(store_shard_renew(s, a.id, a.shard, "m2", LEASE_NS), -ECANCELED,
	       "%s: by who holds it", drv->name);
	is_int(store_shard_release(s, a.id, a.shard, "m1"), 0, "%s: it is given back", drv->name);
	is_int(lease(s, id, "m2", LEASE_NS, &c), 0, "%s: another takes it on", drv->name);
	is_str(c.text, "n2 1-100 connect", "%s: with what is left of it", drv->name);
	is_int((int)c.tries, 1, "%s: and as if it were the first try", drv->name);
	ok(!put_host(s, &c, "n2", "10.251.0.2", "m2") &&
		   !store_shard_end(s, c.id, c.shard, "m2", true, ""),
	   "%s: it ends well", drv->name);
	scans_are(s, "rapid running 2/3 hosts 1/2 left ; ", "the scan says how far it is");
	is_int(store_shard_end(s, b.id, b.shard, "m2", true, ""), 0,
	       "%s: the other ends without a word about its host", drv->name);
	scans_are(s, "rapid done 3/3 hosts 0/2 left ; ", "with the last shard the scan is done");
	ok(!store_scan_hosts(s, &(struct store_scan_query){ .scan_id = id }, list_host, &text),
	   "%s: its hosts are read", drv->name);
	is_str(buf_str(&text),
	       "n1 seen tcp closed 1-21,23-79,81-100; n2 seen tcp closed 1-21,23-79,81-100; n3 "
	       "lost ; ",
	       "%s: a host that was not spoken of is lost, not closed", drv->name);
	buf_reset(&text);
	ok(!store_scan_ports(s, id, "n1", "10.251.0.1", list_port, &text), "%s: and its ports",
	   drv->name);
	is_str(buf_str(&text), "n1/22 open ssh; n1/80 filtered ; ", "%s: as they were seen",
	       drv->name);
	buf_reset(&text);
	ok(!store_scan_host_ports(s, "n1", "10.251.0.1", 0, list_state, &text),
	   "%s: a host's ports over all scans are read", drv->name);
	is_str(buf_str(&text), "22 open; 80 filtered; ", "%s: the newest word of each last",
	       drv->name);
	buf_reset(&text);
	buf_puts(&text, "");
	ok(!store_scan_host_ports(s, "n1", "10.251.0.1", INT64_MAX, list_state, &text) && !text.len,
	   "%s: but not those from before the time that is asked for", drv->name);
	buf_done(&text);
}

static void test_failing(struct store *s)
{
	struct taken a, b;
	uint64_t id, n = 0;

	put_nodes(s);
	id = new_scan(s, &scan);
	ok(!lease(s, id, "m1", LEASE_NS, &a) &&
		   !store_shard_end(s, id, a.shard, "m1", false, "nmap was killed"),
	   "%s: a shard fails", drv->name);
	ok(!lease(s, id, "m1", LEASE_NS, &b) && b.shard == a.shard && b.tries == 2,
	   "%s: it is tried again", drv->name);
	ok(!store_shard_end(s, id, b.shard, "m1", false, "again") &&
		   !lease(s, id, "m1", LEASE_NS, &b) &&
		   !store_shard_end(s, id, b.shard, "m1", false, "and again"),
	   "%s: and again", drv->name);
	ok(!lease(s, id, "m1", LEASE_NS, &b) && b.shard != a.shard, "%s: then it has failed",
	   drv->name);
	is_int(store_shard_end(s, id, b.shard, "m1", true, ""), 0, "%s: and the rest goes on",
	       drv->name);
	scans_are(s, "rapid failed 1/3 hosts 0/2 left and again; ",
		  "a scan with a failed shard has failed, and says why");

	id = new_scan(s, &scan);
	ok(!lease(s, id, "m1", SHORT_NS, &a), "%s: a monitor dies with a lease", drv->name);
	ok(!lease(s, id, "m2", LEASE_NS, &b) && b.shard != a.shard,
	   "%s: meanwhile its shard is nobody else's", drv->name);
	ok(!lease_soon(s, id, "m2", &b) && b.shard == a.shard, "%s: when it has run out it is",
	   drv->name);
	is_int(put_host(s, &a, "n1", "10.251.0.1", "m1"), -ECANCELED,
	       "%s: the dead one, were it not dead, stores nothing", drv->name);
	ok(strstr(store_why(s), "went to another"), "%s: and hears why", drv->name);
	ok(!lease_soon(s, id, "m3", &b) && b.tries == 3, "%s: a third monitor tries", drv->name);
	is_int(lease_soon(s, id, "m4", &b), -ENOENT, "%s: a fourth does not", drv->name);
	is_int(store_scan_cancel(s, id, "stopped by mlee"), 0, "%s: the scan is cancelled",
	       drv->name);
	is_int(store_scan_prune(s, INT64_MAX, 10, &n), 0, "%s: old scans are pruned", drv->name);
}

static int list_detected(const struct store_detected *d, void *arg)
{
	buf_printf(arg, "%s %s %u %s %llu; ", d->node, d->addr, d->port,
		   d->spoke ? "spoke" : "unresponsive", (unsigned long long)(d->started_ns - T0));
	return 0;
}

static void test_detected(struct store *s)
{
	const struct store_scan usual = { .plan = "version",
					  .kind = SCAN_VERSION,
					  .nodes = "",
					  .command = "",
					  .priority = STORE_SCAN_USUAL };
	struct store_scan slow = usual;
	struct buf text = BUF_INIT(4096);
	struct taken a, b;
	uint64_t id, slow_id, n = 9;

	put_nodes(s);
	slow.priority = STORE_SCAN_DEFERRED;
	slow_id = new_scan(s, &slow);
	id = new_scan(s, &usual);
	ok(slow_id && !lease(s, 0, "m1", LEASE_NS, &a) && a.id == id,
	   "%s: a deferred scan waits for a scan that was made later", drv->name);
	is_int(put_host(s, &a, "n1", "10.251.0.1", "m1"), 0, "%s: a host is stored", drv->name);
	is_int(store_scan_cancel(s, id, ""), 0, "%s: and the scan has ended", drv->name);
	ok(!lease(s, 0, "m1", LEASE_NS, &b) && b.id == slow_id, "%s: now it is its turn",
	   drv->name);
	buf_puts(&text, "");
	is_int(store_scan_detected(s, list_detected, &text), 0, "%s: what was detected is read",
	       drv->name);
	is_str(buf_str(&text), "n1 10.251.0.1 22 unresponsive 1; ",
	       "%s: of open ports; a service's usual name is no word", drv->name);
	is_int(put_host_at(s, &b, "n1", "10.251.0.1", "m1", T0 + 3), 0,
	       "%s: a deferred scan is stored", drv->name);
	is_int(store_scan_cancel(s, slow_id, ""), 0, "%s: and has ended", drv->name);
	ok(!store_scan_prune(s, INT64_MAX, 10, &n) && n == 0,
	   "%s: a later scan of deferred ports is no reason to forget a whole pass", drv->name);
	buf_done(&text);
}

static void test_exclusion(struct store *s)
{
	const struct store_scan probe = { .plan = "probe",
					  .kind = SCAN_CONNECT,
					  .nodes = "",
					  .command = "",
					  .priority = STORE_SCAN_PROBE };
	const struct store_scan mine = { .plan = "rapid",
					 .kind = SCAN_CONNECT,
					 .nodes = "",
					 .command = "",
					 .held_ns = LEASE_NS };
	const struct store_scan raw = {
		.plan = "rapid", .kind = SCAN_SYN, .nodes = "", .command = ""
	};
	struct taken a, b;
	uint64_t id, later;

	put_nodes(s);
	id = new_scan(s, &scan);
	later = new_scan(s, &scan);
	ok(!lease(s, id, "m1", LEASE_NS, &a), "%s: a node is being scanned", drv->name);
	ok(!lease(s, later, "m2", LEASE_NS, &b) && !strncmp(b.text, "n3", 2),
	   "%s: another scan begins with another node", drv->name);
	is_int(lease(s, later, "m2", LEASE_NS, &b), -ENOENT, "%s: and waits for the one",
	       drv->name);
	is_int(put_host(s, &a, "n1", "10.251.0.1", "m1"), 0, "%s: one of its hosts is finished",
	       drv->name);
	is_int(lease(s, later, "m2", LEASE_NS, &b), -ENOENT, "%s: the other is not", drv->name);
	is_int(store_shard_end(s, id, a.shard, "m1", true, ""), 0, "%s: now both are", drv->name);
	is_int(lease(s, later, "m2", LEASE_NS, &b), 0, "%s: and it goes on", drv->name);
	ok(!store_shard_end(s, later, b.shard, "m2", true, ""), "%s: it ends", drv->name);
	id = new_scan(s, &mine);
	is_int(lease(s, 0, "m2", LEASE_NS, &b), -ENOENT, "%s: who made a scan goes first",
	       drv->name);
	ok(!lease(s, id, "m1", LEASE_NS, &b) && !store_shard_end(s, id, b.shard, "m1", true, ""),
	   "%s: by naming it", drv->name);
	id = new_scan(s, &raw);
	is_int(lease(s, 0, "m2", LEASE_NS, &b), -ENOENT, "%s: a raw scan is not for who cannot",
	       drv->name);
	is_int(lease(s, id, "m1", LEASE_NS, &b), 0, "%s: but for who made it", drv->name);
	id = new_scan(s, &probe);
	ok(!lease(s, 0, "m3", LEASE_NS, &a) && a.id == id,
	   "%s: a probe waits for nobody and goes before all", drv->name);
}

/* --- what a comparison keeps ------------------------------------------------------------------------ */

static int list_unconfirmed(const struct store_unconfirmed *d, void *arg)
{
	buf_printf(arg, "%s %s %u %s scan %llu; ", d->node, d->addr, d->port,
		   finding_kind_name(d->kind), (unsigned long long)d->scan_id);
	return 0;
}

static void unconfirmed_due_are(struct store *s, uint64_t now_ns, const char *want,
				const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_unconfirmed_due(s, now_ns, 10, list_unconfirmed, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void test_compared(struct store *s)
{
	struct store_unconfirmed d = { .node = "n1",
				       .addr = "10.251.0.1",
				       .proto = PROTO_TCP,
				       .port = 666,
				       .kind = FINDING_HIDDEN,
				       .scan_id = 7,
				       .due_ns = T0 };
	struct store_scan_host h = { .node = "n1", .addr = "10.251.0.1" };
	struct buf text = BUF_INIT(4096);
	struct taken a;
	bool ours = false;

	put_nodes(s);
	h.scan_id = new_scan(s, &scan);
	ok(!lease(s, 0, "m1", LEASE_NS, &a) && !put_host(s, &a, "n1", "10.251.0.1", "m1"),
	   "%s: a host is stored", drv->name);
	ok(!store_scan_uncompared(s, 0, 10, list_host, &text), "%s: it waits to be compared",
	   drv->name);
	is_str(buf_str(&text), "n1 seen tcp closed 1-21,23-79,81-100; ",
	       "%s: and those that are queued do not", drv->name);
	buf_reset(&text);
	ok(!store_scan_host_newest(s, "n1", list_host, &text) &&
		   !strncmp(buf_str(&text), "n1 seen", 7),
	   "%s: it is the node's newest", drv->name);
	ok(!store_scan_compare(s, &h, T0, &ours) && ours, "%s: one monitor compares it", drv->name);
	ok(!store_scan_compare(s, &h, T0, &ours) && !ours, "%s: and no other", drv->name);
	buf_reset(&text);
	buf_puts(&text, "");
	ok(!store_scan_uncompared(s, 0, 10, list_host, &text) && !text.len, "%s: then none is left",
	   drv->name);

	ok(!store_unconfirmed_put(s, &d), "%s: an unconfirmed port is put", drv->name);
	d.scan_id = 8;
	ok(!store_unconfirmed_put(s, &d), "%s: and again", drv->name);
	d.port = 80;
	d.kind = FINDING_BLOCKED;
	d.due_ns = T0 + 100;
	ok(!store_unconfirmed_put(s, &d), "%s: one for later", drv->name);
	unconfirmed_due_are(s, T0 + 1, "n1 10.251.0.1 666 hidden scan 8; ",
			    "the first is due, once");
	unconfirmed_due_are(s, T0 + 100,
			    "n1 10.251.0.1 80 blocked scan 8; n1 10.251.0.1 666 hidden scan 8; ",
			    "later both are");
	ok(!store_unconfirmed_asked(s, &d, T0 + 100), "%s: one is asked for", drv->name);
	unconfirmed_due_are(s, T0 + 100, "n1 10.251.0.1 666 hidden scan 8; ", "and due no more");
	ok(!store_unconfirmed_prune(s, T0 + 101), "%s: those never answered are pruned", drv->name);
	d.port = 666;
	buf_reset(&text);
	ok(!store_unconfirmed_of(s, "n1", "10.251.0.1", list_unconfirmed, &text) &&
		   !strcmp(buf_str(&text), "n1 10.251.0.1 666 hidden scan 8; "),
	   "%s: the other is still there", drv->name);
	ok(!store_unconfirmed_del(s, &d) && !store_unconfirmed_del(s, &d),
	   "%s: it is deleted, twice", drv->name);
	unconfirmed_due_are(s, T0 + 100, "", "and none is left");
	buf_done(&text);
}

static int list_key(const struct store_key *k, void *arg)
{
	buf_printf(arg, "%s %u %s %s %s %llu; ", k->node, k->port, k->fingerprint, k->product,
		   k->version, (unsigned long long)k->changed_ns);
	return 0;
}

static void test_keys(struct store *s)
{
	struct store_key k = { .node = "n1",
			       .proto = PROTO_TCP,
			       .port = 22,
			       .fingerprint = "ssh:SHA256:x",
			       .product = "OpenSSH",
			       .version = "9.2",
			       .first_ns = T0 };
	struct buf b = BUF_INIT(4096);
	uint64_t n = 0;

	put_nodes(s);
	ok(!store_key_put(s, &k), "%s: a key is remembered", drv->name);
	k.changed_ns = 5;
	ok(!store_key_put(s, &k), "%s: and again", drv->name);
	k.node = "n2";
	k.port = 443;
	ok(!store_key_put(s, &k), "%s: one of another node", drv->name);
	ok(!store_keys(s, NULL, list_key, &b), "%s: they are listed", drv->name);
	is_str(buf_str(&b), "n1 22 ssh:SHA256:x OpenSSH 9.2 5; n2 443 ssh:SHA256:x OpenSSH 9.2 5; ",
	       "%s: each once", drv->name);
	ok(!store_keys_forget(s, "n2", 22, &n) && !n,
	   "%s: a port that is not there is not forgotten", drv->name);
	ok(!store_keys_forget(s, "n2", 0, &n) && n == 1, "%s: all of a node are", drv->name);
	buf_reset(&b);
	buf_puts(&b, "");
	ok(!store_keys(s, "n2", list_key, &b) && !b.len, "%s: then there are none", drv->name);
	is_int(store_keys_forget(s, "n9", 0, &n), -ENOENT, "%s: nobody knows that node", drv->name);
	buf_done(&b);
}

int main(void)
{
	static void (*const tests[])(
		struct store * s) = { test_plans,    test_addrs,     test_queue,    test_failing,
				      test_detected, test_exclusion, test_compared, test_keys };

	return conformance(tests, array_len(tests), NULL);
}
