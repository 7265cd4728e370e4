/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hostlist.h"
#include "core/observation.h"
#include "sim/cluster.h"
#include "store/scans.h"

/* The view from outside: it asks for scans as a plan does, and answers them in nmap's place. */
#define OWNER "demo"
#define LEASE_NS (30 * SECOND_NS)
#define PORTS_MAX 64
#define ALL_PORTS "1-65535"

int sim_cluster_ask(struct sim_cluster *c, uint64_t now_ns)
{
	size_t shards_len = (c->nodes_len + STORE_SHARD_HOSTS_MAX - 1) / STORE_SHARD_HOSTS_MAX;
	_free_ struct store_target *targets = calloc(c->nodes_len, sizeof(*targets));
	_free_ struct store_shard *shards = calloc(shards_len, sizeof(*shards));
	_free_ char(*addrs)[SIM_ADDRESS_LEN] = calloc(c->nodes_len, sizeof(*addrs));
	_cleanup_(hostlist_done) struct hostlist all = { 0 };
	_cleanup_(buf_done) struct buf names = BUF_INIT(8192);
	struct store_scan scan = { .kind = SCAN_CONNECT,
				   .plan = "rapid", /* of the list: connect, all ports */
				   .command = "demo",
				   .reason = "",
				   .rate = 1000,
				   .host_rate = 100,
				   .priority = STORE_SCAN_USUAL };
	uint64_t id;
	int err = 0;

	if (!targets || !shards || !addrs)
		return -ENOMEM;
	for (size_t i = 0; i < c->nodes_len; i++) {
		struct store_shard *sh = &shards[i / STORE_SHARD_HOSTS_MAX];

		sim_cluster_address(i, addrs[i]);
		targets[i] = (struct store_target){ c->nodes[i].name, addrs[i] };
		sh->ports = ALL_PORTS;
		sh->targets = sh->targets ? sh->targets : &targets[i];
		sh->targets_len++;
	}
	for (size_t i = 0; !err && i < c->nodes_len; i++)
		err = hostlist_add(&all, c->nodes[i].name);
	if (err)
		return err;
	hostlist_fold_short(&all, &names, 4000);
	scan.nodes = buf_str(&names);
	return store_scan_new(c->store, &scan, shards, shards_len, now_ns, &id);
}

/* --- an answer --------------------------------------------------------------------------------------- */

struct taken { /* a shard that we hold */
	uint64_t scan_id;
	uint32_t shard;
	enum scan_kind kind;
	char plan[64], ports[4096];
	size_t len;
	struct {
		char node[64], addr[64];
	} targets[STORE_SHARD_HOSTS_MAX];
};

static int on_shard(const struct store_shard *sh, void *arg)
{
	struct taken *t = arg;

	*t = (struct taken){
		.scan_id = sh->scan_id, .shard = sh->shard, .kind = sh->kind, .len = sh->targets_len
	};
	snprintf(t->plan, sizeof(t->plan), "%s", sh->plan);
	snprintf(t->ports, sizeof(t->ports), "%s", sh->ports);
	for (size_t i = 0; i < t->len; i++) {
		snprintf(t->targets[i].node, sizeof(t->targets[i].node), "%s", sh->targets[i].node);
		snprintf(t->targets[i].addr, sizeof(t->targets[i].addr), "%s", sh->targets[i].addr);
	}
	return 0;
}

static const struct sim_node *find_node(const struct sim_cluster *c, const char *name)
{
	for (size_t i = 0; i < c->nodes_len; i++) {
		if (!strcmp(c->nodes[i].name, name))
			return &c->nodes[i];
	}
	return NULL;
}

struct answer {
	struct store_scan_port ports[PORTS_MAX];
	size_t len;
	const struct taken *taken;
};

static void add_open(struct answer *a, uint32_t port, const char *service)
{
	const struct text asked = { a->taken->ports, (uint32_t)strlen(a->taken->ports) };

	if (a->len == PORTS_MAX || !port_list_has(asked, (uint16_t)port))
		return;
	for (size_t i = 0; i < a->len; i++) {
		if (a->ports[i].port == port)
			return;
	}
	a->ports[a->len++] = (struct store_scan_port){ .proto = PROTO_TCP,
						       .port = port,
						       .state = PORT_OPEN,
						       .reason = "syn-ack",
						       .service = service,
						       .method = METHOD_NONE,
						       .product = "",
						       .version = "",
						       .extra = "",
						       .tunnel = "",
						       .fingerprint = "" };
}

static int by_port(const void *va, const void *vb)
{
	const struct store_scan_port *a = va, *b = vb;

	return a->port < b->port ? -1 : a->port > b->port;
}

/* All that was asked for and is not open: "tcp closed 1-21,23-65535". */
static int put_closed(const struct answer *a, struct buf *b)
{
	uint32_t from = 1;

	buf_printf(b, "tcp closed ");
	for (size_t i = 0; i <= a->len; i++) {
		uint32_t to = i < a->len ? a->ports[i].port - 1 : 65535;

		if (to > from)
			buf_printf(b, "%u-%u,", from, to);
		else if (to == from)
			buf_printf(b, "%u,", from);
		from = to + 2;
	}
	b->len--;
	b->data[b->len] = '\0';
	return b->err;
}

static int answer_for(struct sim_cluster *c, const struct taken *t, size_t i,
		      const struct sim_hidden *h)
{
	const struct sim_node *n = find_node(c, t->targets[i].node);
	struct answer a = { .taken = t };
	_cleanup_(buf_done) struct buf closed = BUF_INIT(8192), asked = BUF_INIT(8192);
	struct store_scan_host host = { .scan_id = t->scan_id,
					.shard = t->shard,
					.node = t->targets[i].node,
					.addr = t->targets[i].addr,
					.state = n ? SCAN_HOST_SEEN : SCAN_HOST_LOST,
					.ended_ns = clock_wall_ns(),
					.asked = "",
					.folded = "" };
	bool whole = !strcmp(t->ports, ALL_PORTS);
	int err;

	host.started_ns = host.ended_ns - SECOND_NS;
	for (size_t k = 0; n && k < n->doors_len; k++) {
		const struct sim_door *d = &n->doors[k];

		if (d->door.proto == PROTO_TCP && d->spec->scope != SCOPE_LOOPBACK)
			add_open(&a, d->door.port, d->door.port == 22 ? "ssh" : "");
	}
	if (n && h->node == n)
		add_open(&a, h->port, "");
	qsort(a.ports, a.len, sizeof(a.ports[0]), by_port);
	host.open_count = a.len;
	buf_printf(&asked, "tcp %s", t->ports);
	err = asked.err;
	if (!err && whole)
		err = put_closed(&a, &closed);
	if (err)
		return err;
	host.asked = buf_str(&asked);
	host.folded = buf_str(&closed);
	return store_scan_host_put(c->store, &host, OWNER, a.ports, a.len);
}

int sim_cluster_answer(struct sim_cluster *c, const struct sim_hidden *h, unsigned most,
		       unsigned *ret_done)
{
	const struct store_lease lease = { .owner = OWNER, .lease_ns = LEASE_NS };
	_free_ struct taken *t = calloc(1, sizeof(*t));
	int err = t ? 0 : -ENOMEM;

	*ret_done = 0;
	while (!err && *ret_done < most) {
		err = store_shard_lease(c->store, &lease, on_shard, t);
		if (err == -ENOENT)
			return 0;
		for (size_t i = 0; !err && i < t->len; i++)
			err = answer_for(c, t, i, h);
		if (!err)
			err = store_shard_end(c->store, t->scan_id, t->shard, OWNER, true, "");
		if (err == -ECANCELED)
			err = 0;
		++*ret_done;
	}
	return err;
}
