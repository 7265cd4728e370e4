/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

/*
 * A port that accepts and says nothing costs a version detection half a minute, and an nmap tells
 * of all its hosts when the last is done. Ports that the last detection got no service out of are
 * therefore left out of the plans' version scans: once a day, or when another socket stands there
 * since, they are asked in a queue of their own behind all others. Other kinds of scans ask them as
 * ever.
 */
#define AGAIN_NS (86400 * UINT64_C(1000000000))
#define SKEW_NS (60 * UINT64_C(1000000000)) /* between a node's clock and the scanner's */
#define UNRESPONSIVE_MAX 4096 /* of a node, all addresses; what is more is asked with the others */
#define A_PASS_MAX                                                                                 \
	128 /* of an address: nmap asks 64 at a time, so a minute; the others' turn is in the next pass */
#define SHARD_MAX 128 /* probes of all hosts of a shard */

static struct unresponsive *find(const struct node *n, unsigned addr, uint16_t port)
{
	for (size_t i = 0; i < n->unresponsive_len; i++) {
		if (n->unresponsive[i].addr == addr && n->unresponsive[i].port == port)
			return &n->unresponsive[i];
	}
	return NULL;
}

static int add(struct node *n, unsigned addr, uint16_t port, uint64_t asked_ns)
{
	if (n->unresponsive_len == UNRESPONSIVE_MAX)
		return 0;
	if (n->unresponsive_len == n->unresponsive_cap) {
		size_t cap = n->unresponsive_cap ? 2 * n->unresponsive_cap : 4;
		struct unresponsive *unresponsive =
			reallocarray(n->unresponsive, cap, sizeof(*unresponsive));

		if (!unresponsive)
			return -ENOMEM;
		n->unresponsive = unresponsive;
		n->unresponsive_cap = cap;
	}
	n->unresponsive[n->unresponsive_len++] =
		(struct unresponsive){ .addr = addr, .port = port, .asked_ns = asked_ns };
	return 0;
}

/* The oldest first: the last word counts. */
static int on_detected(const struct store_detected *d, void *arg)
{
	struct making *m = arg;
	struct node *n = map_get(m->by_name, d->node, strlen(d->node));
	struct address a;
	struct unresponsive *known;
	unsigned at = 0;

	if (!n || !d->port || d->port > UINT16_MAX || address_parse(d->addr, &a))
		return 0;
	while (at < n->addrs_len && !address_eq(&n->addrs[at], &a))
		at++;
	if (at == n->addrs_len)
		return 0;
	known = find(n, at, (uint16_t)d->port);
	if (d->spoke && known)
		*known = n->unresponsive[--n->unresponsive_len];
	else if (known)
		known->asked_ns = d->started_ns;
	else if (!d->spoke)
		return add(n, at, (uint16_t)d->port, d->started_ns);
	return 0;
}

struct looking {
	const struct making *m;
	struct node *n;
};

static int on_door(const struct store_door *d, void *arg)
{
	const struct looking *l = arg;

	if (!plan_is_its_proto(l->m, d->door.proto))
		return 0;
	for (size_t i = 0; i < l->n->unresponsive_len; i++) {
		struct unresponsive *mu = &l->n->unresponsive[i];

		mu->due |= mu->port == d->door.port && d->opened_ns + SKEW_NS > mu->asked_ns;
	}
	return 0;
}

/* Those asked longest ago first: of many, it is each one's turn some time. */
static int by_age(const void *pa, const void *pb)
{
	const struct unresponsive *a = pa, *b = pb;

	if (a->asked_ns != b->asked_ns)
		return a->asked_ns < b->asked_ns ? -1 : 1;
	return (a->port > b->port) - (a->port < b->port);
}

static int look_at(struct making *m, struct node *n)
{
	struct looking l = { m, n };
	const struct store_door_query q = { .node = n->name, .open_only = true };

	for (size_t i = 0; i < n->unresponsive_len; i++)
		n->unresponsive[i].due = m->now_ns > n->unresponsive[i].asked_ns + AGAIN_NS;
	qsort(n->unresponsive, n->unresponsive_len, sizeof(*n->unresponsive), by_age);
	return store_doors(m->sc->store, &q, on_door, &l);
}

int plan_find_unresponsive(struct making *m)
{
	int err;

	if (!m->sc->deferred || m->p->kind != SCAN_VERSION)
		return 0;
	err = store_scan_detected(m->sc->store, on_detected, m);
	for (size_t i = 0; !err && i < m->len; i++) {
		if (m->nodes[i]->unresponsive_len)
			err = look_at(m, m->nodes[i]);
	}
	return err;
}

void plan_part_unresponsive(struct making *m, const struct node *n, unsigned addr,
			    struct ports *fast, struct ports *slow)
{
	unsigned taken = 0;

	for (size_t i = 0; i < n->unresponsive_len; i++) {
		const struct unresponsive *mu = &n->unresponsive[i];

		if (mu->addr != addr || !ports_has(fast, mu->port))
			continue;
		ports_drop(fast, mu->port);
		if (mu->due && taken < A_PASS_MAX) {
			ports_add(slow, mu->port, mu->port);
			taken++;
		} else {
			m->made->unresponsive++;
		}
	}
}

unsigned plan_deferred_hosts(uint64_t ports)
{
	uint64_t hosts = ports ? SHARD_MAX / ports : 1;

	return !hosts ? 1 : hosts > STORE_SHARD_HOSTS_MAX ? STORE_SHARD_HOSTS_MAX : (unsigned)hosts;
}
