/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/hostlist.h"
#include "base/map.h"
#include "scan/capture.h"
#include "scan/plan.h"
#include "scan/ports.h"

/*
 * From a plan to a scan: which nodes, where they are, which ports, cut into shards. Nodes of a class share one list of
 * ports, since they are clones; shards are of one address family, since an nmap is.
 */
#define NODES_MAX (1u << 17)
#define ADDRS_MAX 8 /* of a node; more are left out */
#define RANGE_MAX                                                                                  \
	1024 /* a permitted range with more ports is one for jobs: not each port of it is looked at */
#define LIST_MAX (512u << 10)
#define SERVICES 8300 /* ports that nmap knows a name for */
#define SHARD_PROBES (8ULL * UINT16_MAX) /* of a shard: some ten seconds of an nmap */
#define SPREAD_PROBES 20000 /* fewer are not worth a second nmap, which takes 0.2 s to start */

struct node {
	char *name, *host_type;
	uint64_t last_ns; /* seen by a scan of this kind */
	uint64_t salt;
	unsigned addrs_len;
	struct address addrs[ADDRS_MAX];
};

struct making {
	const struct store_plan *p;
	const struct plan_scope *sc;
	struct plan_made *made;
	struct map *by_name; /* borrowed nodes */
	size_t len, cap;
	struct node **nodes;
	uint64_t now_ns;
	struct hostlist wanted; /* the plan's own node set */
	bool has_wanted;
	/* The class at hand. */
	struct ports ports;
	size_t shard_hosts;
	size_t shards_len, shards_cap;
	struct store_shard *shards;
	struct buf list;
	char **lists; /* by class */
	size_t lists_len;
};

static void node_free(struct node *n)
{
	if (!n)
		return;
	free(n->name);
	free(n->host_type);
	free(n);
}

static void making_done(struct making *m)
{
	for (size_t i = 0; i < m->len; i++)
		node_free(m->nodes[i]);
	for (size_t i = 0; i < m->shards_len; i++) {
		for (size_t k = 0; k < m->shards[i].targets_len; k++)
			free((char *)(uintptr_t)m->shards[i].targets[k].addr);
		free((struct store_target *)(uintptr_t)m->shards[i].targets);
	}
	for (size_t i = 0; i < m->lists_len; i++)
		free(m->lists[i]);
	free(m->lists);
	free(m->nodes);
	free(m->shards);
	map_free(m->by_name);
	hostlist_done(&m->wanted);
	buf_done(&m->list);
}

/* --- which nodes --------------------------------------------------------------------------------------- */

static bool class_is_wanted(const char *classes, const char *host_type)
{
	size_t len = strlen(host_type);

	if (!*classes)
		return true;
	for (const char *s = classes + strspn(classes, " ,"); *s; s += strspn(s, " ,")) {
		size_t n = strcspn(s, " ,");

		if (n == len && !memcmp(s, host_type, n))
			return true;
		s += n;
	}
	return false;
}

static int add_node(const struct store_node *n, void *arg)
{
	struct making *m = arg;
	struct node *mine, **nodes;

	if (!class_is_wanted(m->p->classes, n->host_type) ||
	    (m->has_wanted && !hostlist_has(&m->wanted, n->name)) ||
	    (m->sc->only && !hostlist_has(m->sc->only, n->name)))
		return 0;
	if (m->len == NODES_MAX)
		return -E2BIG;
	if (m->len == m->cap) {
		nodes = reallocarray(m->nodes, m->cap ? 2 * m->cap : 64, sizeof(struct node *));
		if (!nodes)
			return -ENOMEM;
		m->nodes = nodes;
		m->cap = m->cap ? 2 * m->cap : 64;
	}
	mine = calloc(1, sizeof(*mine));
	if (!mine)
		return -ENOMEM;
	m->nodes[m->len++] = mine;
	mine->name = strdup(n->name);
	mine->host_type = strdup(n->host_type);
	mine->salt = hash_bytes(n->name, strlen(n->name));
	if (!mine->name || !mine->host_type)
		return -ENOMEM;
	return map_put(m->by_name, mine->name, strlen(mine->name), mine);
}

static int on_last(const char *node, uint64_t ended_ns, void *arg)
{
	struct node *n = map_get(((struct making *)arg)->by_name, node, strlen(node));

	if (n)
		n->last_ns = ended_ns;
	return 0;
}

/* A node that works is left alone, until it was left alone for too long. */
static bool is_busy(const struct making *m, const struct node *n)
{
	if (!m->p->idle_only || !m->sc->idle || hostlist_has(m->sc->idle, n->name))
		return false;
	return !m->p->idle_wait_ns || m->now_ns < n->last_ns + m->p->idle_wait_ns;
}

static void drop_busy(struct making *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->len; i++) {
		if (is_busy(m, m->nodes[i])) {
			m->made->busy++;
			map_del(m->by_name, m->nodes[i]->name, strlen(m->nodes[i]->name));
			node_free(m->nodes[i]);
		} else {
			m->nodes[kept++] = m->nodes[i];
		}
	}
	m->len = kept;
}

/* --- where they are ------------------------------------------------------------------------------------ */

static void add_address(struct making *m, struct node *n, const struct address *a)
{
	char text[ADDRESS_TEXT_MAX];

	for (unsigned i = 0; i < n->addrs_len; i++) {
		if (address_eq(&n->addrs[i], a))
			return;
	}
	for (unsigned i = 0; i < m->sc->avoid_len; i++) {
		if (address_eq(&m->sc->avoid[i], a))
			return;
	}
	if (!address_is_host(a) || !networks_have(m->sc->networks, a)) {
		address_format(a, text);
		if (!m->made->refused++)
			snprintf(m->made->example, sizeof(m->made->example), "%.190s (%s)", n->name,
				 text);
	} else if (n->addrs_len < ADDRS_MAX) {
		n->addrs[n->addrs_len++] = *a;
	}
}

static int on_stored(const char *node, const char *addr, const char *origin, uint64_t added_ns,
		     void *arg)
{
	struct making *m = arg;
	struct node *n = map_get(m->by_name, node, strlen(node));
	struct address a;

	(void)origin;
	(void)added_ns;
	if (n && !address_parse(addr, &a))
		add_address(m, n, &a);
	return 0;
}

/* The loopback address that many a host has its own name on in /etc/hosts is ours, not that node's. */
static int on_resolved(const char *name, const struct address *a, void *arg)
{
	struct making *m = arg;
	struct node *n = map_get(m->by_name, name, strlen(name));

	if (n && !address_is_loopback(a))
		add_address(m, n, a);
	return 0;
}

/* No network list holds these: they are this machine's. */
static void add_own(struct making *m, struct node *self)
{
	for (unsigned i = 0; i < m->sc->own_len && self->addrs_len < ADDRS_MAX; i++)
		self->addrs[self->addrs_len++] = m->sc->own[i];
}

static int find_addresses(struct making *m)
{
	_free_ const char **names = calloc(m->len + 1, sizeof(char *));
	struct node *self =
		m->sc->self ? map_get(m->by_name, m->sc->self, strlen(m->sc->self)) : NULL;
	size_t n = 0;
	int err;

	if (!names)
		return -ENOMEM;
	err = store_node_addrs(m->sc->store, on_stored, m);
	if (self && !self->addrs_len)
		add_own(m, self);
	for (size_t i = 0; i < m->len; i++) {
		if (!m->nodes[i]->addrs_len)
			names[n++] = m->nodes[i]->name;
	}
	if (!err)
		err = capture_addresses(names, n, m->sc->resolve_ns, on_resolved, m);
	for (size_t i = 0; i < m->len; i++) {
		if (m->nodes[i]->addrs_len)
			continue;
		if (!m->made->nowhere++ && !m->made->refused)
			snprintf(m->made->example, sizeof(m->made->example), "%s",
				 m->nodes[i]->name);
	}
	return err;
}

/* --- which ports ------------------------------------------------------------------------------------------ */

static bool is_udp(const struct making *m)
{
	return !strcmp(m->p->kind, "udp");
}

static bool is_its_proto(const struct making *m, enum door_proto proto)
{
	return is_udp(m) ? proto == PROTO_UDP || proto == PROTO_UDPLITE
			 : proto == PROTO_TCP || proto == PROTO_MPTCP;
}

static int add_profile(struct making *m, const char *host_type)
{
	struct profile *p = NULL;
	int err = store_profile_get(m->sc->store, host_type, &p);

	if (err)
		return err == -ENOENT ? 0 : err;
	for (size_t i = 0; i < p->rows_len; i++) {
		const struct profile_row *r = &p->rows[i];
		uint32_t end = r->port_end ? r->port_end : r->port;

		if (is_its_proto(m, r->proto) && r->port && end - r->port < RANGE_MAX &&
		    (!r->expires_ns || r->expires_ns > m->now_ns))
			ports_add(&m->ports, r->port, end);
	}
	profile_free(p);
	return 0;
}

static int on_door(const struct store_door *d, void *arg)
{
	struct making *m = arg;

	if (is_its_proto(m, d->door.proto) && d->door.scope != SCOPE_LOOPBACK && d->door.port &&
	    d->verdict != VERDICT_CLIENT)
		ports_add(&m->ports, d->door.port, d->door.port);
	return 0;
}

static int on_open(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	struct making *m = arg;

	(void)h;
	if (is_its_proto(m, p->proto) && !strcmp(p->state, "open"))
		ports_add(&m->ports, p->port, p->port);
	return 0;
}

struct newest {
	uint64_t scan_id;
	char addr[ADDRESS_TEXT_MAX + 1];
};

static int on_seen(const struct store_scan_host *h, void *arg)
{
	struct newest *n = arg;

	if (strcmp(h->state, "seen"))
		return 0;
	n->scan_id = h->scan_id;
	snprintf(n->addr, sizeof(n->addr), "%s", h->addr);
	return 0;
}

static int add_node_ports(struct making *m, const struct node *n, bool doors, bool open)
{
	const struct store_door_query q = { .node = n->name, .open_only = true };
	const struct store_scan_query seen = { .node = n->name };
	struct newest last = { 0 };
	int err = doors ? store_doors(m->sc->store, &q, on_door, m) : 0;

	if (!err && open)
		err = store_scan_hosts(m->sc->store, &seen, on_seen, &last);
	if (!err && last.scan_id)
		err = store_scan_ports(m->sc->store, last.scan_id, n->name, last.addr, on_open, m);
	return err;
}

/* The list for nodes[from..to), which are of one class; "" when there is nothing to ask for. */
static int list_ports(struct making *m, size_t from, size_t to)
{
	const char *what = m->p->ports;
	bool known = !strcmp(what, "known"), doors = known || !strcmp(what, "doors"),
	     open = !strcmp(what, "open");
	int err = 0;

	buf_reset(&m->list);
	buf_puts(&m->list, "");
	memset(&m->ports, 0, sizeof(m->ports));
	if (!strcmp(what, "services")) {
		buf_puts(&m->list, what);
		return m->list.err;
	}
	if (!strcmp(what, "all"))
		ports_add(&m->ports, 1, UINT16_MAX);
	else if (known || !strcmp(what, "profile"))
		err = add_profile(m, m->nodes[from]->host_type);
	else if (!doors && !open)
		err = ports_parse(what, &m->ports);
	for (size_t i = from; !err && (doors || open) && i < to; i++)
		err = add_node_ports(m, m->nodes[i], doors, open);
	if (!err)
		ports_format(&m->list, &m->ports);
	return err ? err : m->list.err;
}

/* --- shards ------------------------------------------------------------------------------------------------ */

static int by_class_then_order(const void *pa, const void *pb, void *arg)
{
	const struct node *a = *(const struct node *const *)pa,
			  *b = *(const struct node *const *)pb;
	const char *order = arg;
	int c = strcmp(a->host_type, b->host_type);

	if (!c && !strcmp(order, "oldest") && a->last_ns != b->last_ns)
		return a->last_ns < b->last_ns ? -1 : 1;
	if (!c && !strcmp(order, "random") && a->salt != b->salt)
		return a->salt < b->salt ? -1 : 1;
	return c ? c : hostlist_compare(a->name, b->name);
}

static struct store_shard *new_shard(struct making *m, const char *ports)
{
	struct store_shard *sh;

	if (m->shards_len == m->shards_cap) {
		size_t cap = m->shards_cap ? 2 * m->shards_cap : 16;

		sh = reallocarray(m->shards, cap, sizeof(*sh));
		if (!sh)
			return NULL;
		m->shards = sh;
		m->shards_cap = cap;
	}
	sh = &m->shards[m->shards_len];
	*sh = (struct store_shard){ .ports = ports,
				    .targets = calloc(STORE_SHARD_HOSTS_MAX,
						      sizeof(struct store_target)) };
	if (!sh->targets)
		return NULL;
	m->shards_len++;
	return sh;
}

/* *open: the shard that is being filled, an index plus one. */
static int add_target(struct making *m, size_t *open, const char *ports, const struct node *n,
		      const struct address *a)
{
	char text[ADDRESS_TEXT_MAX];
	struct store_shard *sh = *open ? &m->shards[*open - 1] : NULL;
	char *copy;

	if (!sh || sh->targets_len == m->shard_hosts) {
		sh = new_shard(m, ports);
		if (!sh)
			return -ENOMEM;
		*open = m->shards_len;
	}
	address_format(a, text);
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	((struct store_target *)(uintptr_t)sh->targets)[sh->targets_len++] =
		(struct store_target){ n->name, copy };
	m->made->hosts++;
	return 0;
}

static int keep_list(struct making *m, const char **ret_list)
{
	char **lists = reallocarray(m->lists, m->lists_len + 1, sizeof(char *));

	if (!lists)
		return -ENOMEM;
	m->lists = lists;
	lists[m->lists_len] = strdup(buf_str(&m->list));
	if (!lists[m->lists_len])
		return -ENOMEM;
	*ret_list = lists[m->lists_len++];
	return 0;
}

/*
 * How many hosts a shard has. An nmap is bound by its core where there is much to ask: then there is work for each of them, of
 * a length that leaves little to repeat and that one slow host does not hold up much. It waits where little is asked: then the
 * hosts of a shard wait together.
 */
static size_t hosts_a_shard(const struct making *m, size_t hosts)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = m->sc->processes ? m->sc->processes : cores > 0 ? (size_t)cores : 1;
	uint64_t ports = !strcmp(buf_str(&m->list), "services") ? SERVICES : ports_count(&m->ports);
	size_t by_work = ports ? (size_t)(SHARD_PROBES / ports) : STORE_SHARD_HOSTS_MAX;
	size_t max = by_work < STORE_SHARD_HOSTS_MAX ? by_work : STORE_SHARD_HOSTS_MAX;

	n *= 2; /* so that who is done first has more to do, and other monitors too */
	if (ports * hosts >= SPREAD_PROBES && (hosts + n - 1) / n < max)
		max = (hosts + n - 1) / n;
	return max ? max : 1;
}

static size_t count_hosts(const struct making *m, size_t from, size_t to)
{
	size_t hosts = 0;

	for (size_t i = from; i < to; i++)
		hosts += m->nodes[i]->addrs_len;
	return hosts;
}

static int cut_class(struct making *m, size_t from, size_t to)
{
	size_t open[2] = { 0, 0 }; /* IPv4, IPv6 */
	const char *ports;
	int err = list_ports(m, from, to);

	if (!err && !m->list.len) {
		m->made->nothing += (unsigned)(to - from);
		return 0;
	}
	if (!err)
		err = keep_list(m, &ports);
	m->shard_hosts = hosts_a_shard(m, count_hosts(m, from, to));
	for (size_t i = from; !err && i < to; i++) {
		const struct node *n = m->nodes[i];

		m->made->nodes += n->addrs_len > 0;
		for (unsigned k = 0; !err && k < n->addrs_len; k++)
			err = add_target(m, &open[n->addrs[k].family == FAMILY_INET6], ports, n,
					 &n->addrs[k]);
	}
	return err;
}

static int cut(struct making *m)
{
	int err = 0;

	qsort_r(m->nodes, m->len, sizeof(struct node *), by_class_then_order,
		(void *)(uintptr_t)m->p->order);
	for (size_t from = 0, to; !err && from < m->len; from = to) {
		for (to = from + 1;
		     to < m->len && !strcmp(m->nodes[to]->host_type, m->nodes[from]->host_type);
		     to++)
			continue;
		err = cut_class(m, from, to);
	}
	m->made->shards = (unsigned)m->shards_len;
	return err;
}

/* --- into the store ------------------------------------------------------------------------------------------ */

static int fold_names(struct making *m, struct buf *b)
{
	struct hostlist set = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < m->len; i++) {
		if (m->nodes[i]->addrs_len)
			err = hostlist_add(&set, m->nodes[i]->name);
	}
	buf_puts(b, "");
	if (!err)
		hostlist_fold_short(&set, b, 4096);
	hostlist_done(&set);
	return err ? err : b->err;
}

/* Claimed and queued together: a monitor that dies between has done neither. */
static int put(struct making *m)
{
	_cleanup_(buf_done) struct buf nodes = BUF_INIT(64 << 10);
	struct store *s = m->sc->store;
	bool ours = true;
	int err = fold_names(m, &nodes);
	const struct store_scan scan = {
		.plan = m->p->name,
		.kind = m->p->kind,
		.nodes = buf_str(&nodes),
		.command = m->sc->command,
		.rate = m->p->rate,
		.host_rate = m->p->host_rate,
		.priority = m->sc->priority,
		.held_ns = m->sc->held_ns,
	};

	if (!err)
		err = store_begin(s);
	if (err)
		return err;
	if (m->sc->claim)
		err = store_scan_plan_claim(s, m->p->name, m->p->claimed_ns, m->now_ns, &ours);
	if (!err && ours && m->shards_len)
		err = store_scan_new(s, &scan, m->shards, m->shards_len, m->now_ns,
				     &m->made->scan_id);
	if (!err)
		return store_commit(s);
	store_rollback(s);
	m->made->scan_id = 0;
	return err;
}

static int make(struct making *m)
{
	struct hostlist_error herr;
	int err = store_scan_now(m->sc->store, &m->now_ns);

	m->has_wanted = *m->p->nodes != '\0';
	if (!err && m->has_wanted)
		err = hostlist_parse(&m->wanted, m->p->nodes, NULL, &herr);
	if (!err)
		err = map_new(NULL, &m->by_name);
	if (!err)
		err = store_nodes(m->sc->store, add_node, m);
	if (!err)
		err = store_scan_last(m->sc->store, m->p->kind, on_last, m);
	if (err)
		return err;
	drop_busy(m);
	err = find_addresses(m);
	if (!err)
		err = cut(m);
	return err ? err : put(m);
}

int plan_make(const struct store_plan *p, const struct plan_scope *sc, struct plan_made *ret)
{
	struct plan_made made = { 0 };
	struct making *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->p = p;
	m->sc = sc;
	m->made = &made;
	m->list.max = LIST_MAX;
	err = make(m);
	making_done(m);
	free(m);
	if (!err)
		*ret = made;
	return err;
}
