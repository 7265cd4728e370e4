/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"

/*
 * The addresses and their ports, cut into shards. Nodes of a class share one list of ports, since
 * they are clones. A version scan is all waiting: there, whoever has the same list, of whatever
 * class, shares shards. A shard is of one address family, since an nmap is.
 */
#define SERVICES 8300 /* ports that nmap knows a name for */
#define SHARD_PROBES (8ULL * UINT16_MAX) /* of a shard: some ten seconds of an nmap */
#define SPREAD_PROBES 20000 /* fewer are not worth a second nmap, which takes 0.2 s to start */
#define LIST_MAX (512u << 10)

void scan_queue_done(struct scan_queue *l)
{
	for (size_t i = 0; i < l->len; i++) {
		for (size_t k = 0; k < l->shards[i].targets_len; k++)
			free((char *)(uintptr_t)l->shards[i].targets[k].addr);
		free((struct store_target *)(uintptr_t)l->shards[i].targets);
	}
	for (size_t i = 0; i < l->groups_len; i++) {
		free(l->groups[i]->list);
		free(l->groups[i]->members);
		free(l->groups[i]);
	}
	free(l->groups);
	free(l->shards);
	map_free(l->by_list);
}

/* --- who is asked for the same ---------------------------------------------------------------- */

static int new_group(struct scan_queue *l, const char *list, uint64_t ports, struct group **ret_g)
{
	struct group *g;

	if (l->groups_len == l->groups_cap) {
		size_t cap = l->groups_cap ? 2 * l->groups_cap : 8;
		struct group **groups = reallocarray(l->groups, cap, sizeof(struct group *));

		if (!groups)
			return -ENOMEM;
		l->groups = groups;
		l->groups_cap = cap;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	l->groups[l->groups_len++] = g;
	g->ports = ports;
	g->list = strdup(list);
	if (!g->list)
		return -ENOMEM;
	*ret_g = g;
	return map_put(l->by_list, list, strlen(list), g);
}

static int find_group(struct scan_queue *l, const char *list, uint64_t ports, struct group **ret_g)
{
	int err = l->by_list ? 0 : map_new(NULL, &l->by_list);

	if (err)
		return err;
	*ret_g = map_get(l->by_list, list, strlen(list));
	return *ret_g ? 0 : new_group(l, list, ports, ret_g);
}

static int join(struct scan_queue *l, struct group *g, const struct node *n,
		const struct address *a)
{
	if (g->len == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 8;
		struct member *members = reallocarray(g->members, cap, sizeof(*members));

		if (!members)
			return -ENOMEM;
		g->members = members;
		g->cap = cap;
	}
	g->members[g->len++] = (struct member){ n, a };
	l->hosts++;
	return 0;
}

static int join_by_ports(struct scan_queue *l, const struct ports *set, const struct node *n,
			 const struct address *a)
{
	_cleanup_(buf_done) struct buf list = BUF_INIT(LIST_MAX);
	uint64_t ports = ports_count(set);
	struct group *g;
	int err;

	if (!ports)
		return 0;
	ports_format(&list, set);
	err = list.err ? list.err : find_group(l, buf_str(&list), ports, &g);
	return err ? err : join(l, g, n, a);
}

/* Its unresponsive ports go another way than the others. */
static int join_parted(struct making *m, const struct node *n, unsigned addr)
{
	struct ports fast = m->ports, slow = { 0 };
	int err;

	plan_part_unresponsive(m, n, addr, &fast, &slow);
	err = join_by_ports(&m->fast, &fast, n, &n->addrs[addr]);
	return err ? err : join_by_ports(&m->deferred, &slow, n, &n->addrs[addr]);
}

static int group_class(struct making *m, size_t from, size_t to)
{
	bool services = !strcmp(m->p->ports, "services");
	struct group *all = NULL;
	int err = plan_list_ports(m, from, to);

	if (m->p->kind != SCAN_VERSION)
		map_free(take_ptr(m->fast.by_list));
	if (!err && !m->list.len) {
		m->made->nothing += (unsigned)(to - from);
		return 0;
	}
	if (!err)
		err = find_group(&m->fast, buf_str(&m->list),
				 services ? SERVICES : ports_count(&m->ports), &all);
	for (size_t i = from; !err && i < to; i++) {
		const struct node *n = m->nodes[i];

		m->made->nodes += n->addrs_len > 0;
		for (unsigned k = 0; !err && k < n->addrs_len; k++)
			err = n->unresponsive_len && !services
				      ? join_parted(m, n, k)
				      : join(&m->fast, all, n, &n->addrs[k]);
	}
	return err;
}

/* --- shards ----------------------------------------------------------------------------------- */

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

static struct store_shard *new_shard(struct scan_queue *l, const char *ports)
{
	struct store_shard *sh;

	if (l->len == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;

		sh = reallocarray(l->shards, cap, sizeof(*sh));
		if (!sh)
			return NULL;
		l->shards = sh;
		l->cap = cap;
	}
	sh = &l->shards[l->len];
	*sh = (struct store_shard){ .ports = ports,
				    .targets = calloc(STORE_SHARD_HOSTS_MAX,
						      sizeof(struct store_target)) };
	if (!sh->targets)
		return NULL;
	l->len++;
	return sh;
}

/* *open: the shard that is being filled, an index plus one. */
static int add_target(struct scan_queue *l, size_t *open, size_t max, const char *ports,
		      const struct member *mb)
{
	char text[ADDRESS_TEXT_MAX];
	struct store_shard *sh = *open ? &l->shards[*open - 1] : NULL;
	char *copy;

	if (!sh || sh->targets_len == max) {
		sh = new_shard(l, ports);
		if (!sh)
			return -ENOMEM;
		*open = l->len;
	}
	address_format(mb->addr, text);
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	((struct store_target *)(uintptr_t)sh->targets)[sh->targets_len++] =
		(struct store_target){ mb->node->name, copy };
	return 0;
}

/*
 * How many hosts a shard has. An nmap is bound by its core where there is much to ask: then there
 * is work for each of them, of a length that leaves little to repeat and that one slow host does
 * not hold up much. It waits where little is asked: then the hosts of a shard wait together.
 */
static size_t hosts_a_shard(const struct making *m, uint64_t ports, size_t hosts)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = m->sc->processes ? m->sc->processes : cores > 0 ? (size_t)cores : 1;
	size_t by_work = ports ? (size_t)(SHARD_PROBES / ports) : STORE_SHARD_HOSTS_MAX;
	size_t max = by_work < STORE_SHARD_HOSTS_MAX ? by_work : STORE_SHARD_HOSTS_MAX;

	n *= 2; /* so that who is done first has more to do, and other monitors too */
	if (ports * hosts >= SPREAD_PROBES && (hosts + n - 1) / n < max)
		max = (hosts + n - 1) / n;
	return max ? max : 1;
}

static int cut_queue(const struct making *m, struct scan_queue *l)
{
	int err = 0;

	for (size_t i = 0; !err && i < l->groups_len; i++) {
		const struct group *g = l->groups[i];
		size_t open[2] = { 0, 0 }; /* IPv4, IPv6 */
		size_t max = l == &m->deferred ? plan_deferred_hosts(g->ports)
					       : hosts_a_shard(m, g->ports, g->len);

		for (size_t k = 0; !err && k < g->len; k++)
			err = add_target(l, &open[g->members[k].addr->family == FAMILY_INET6], max,
					 g->list, &g->members[k]);
	}
	return err;
}

int plan_cut(struct making *m)
{
	int err = 0;

	qsort_r(m->nodes, m->len, sizeof(struct node *), by_class_then_order,
		(void *)(uintptr_t)m->p->order);
	for (size_t from = 0, to; !err && from < m->len; from = to) {
		for (to = from + 1;
		     to < m->len && !strcmp(m->nodes[to]->host_type, m->nodes[from]->host_type);
		     to++)
			continue;
		err = group_class(m, from, to);
	}
	if (!err)
		err = cut_queue(m, &m->fast);
	if (!err)
		err = cut_queue(m, &m->deferred);
	m->made->hosts = m->fast.hosts;
	m->made->deferred_hosts = m->deferred.hosts;
	m->made->shards = (unsigned)m->fast.len;
	return err;
}
