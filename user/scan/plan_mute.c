/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

/*
 * A port that accepts and says nothing costs a version detection half a minute, and an nmap tells of all its hosts when the last is
 * done. Ports that the last detection got no service out of are therefore left out of the plans' version scans: once a day, or when
 * another socket stands there since, they are asked in a lane of their own behind all others. Other kinds of scans ask them as ever.
 */
#define AGAIN_NS (86400 * UINT64_C(1000000000))
#define SKEW_NS (60 * UINT64_C(1000000000)) /* between a node's clock and the scanner's */
#define MUTES_MAX 4096 /* of a node, all addresses; what is more is asked with the others */
#define A_PASS_MAX                                                                                 \
	128 /* of an address: nmap asks 64 at a time, so a minute; the others' turn is in the next pass */
#define SHARD_MAX 128 /* probes of all hosts of a shard */

static struct mute *find(const struct node *n, unsigned addr, uint16_t port)
{
	for (size_t i = 0; i < n->mutes_len; i++) {
		if (n->mutes[i].addr == addr && n->mutes[i].port == port)
			return &n->mutes[i];
	}
	return NULL;
}

static int add(struct node *n, unsigned addr, uint16_t port, uint64_t asked_ns)
{
	if (n->mutes_len == MUTES_MAX)
		return 0;
	if (n->mutes_len == n->mutes_cap) {
		size_t cap = n->mutes_cap ? 2 * n->mutes_cap : 4;
		struct mute *mutes = reallocarray(n->mutes, cap, sizeof(*mutes));

		if (!mutes)
			return -ENOMEM;
		n->mutes = mutes;
		n->mutes_cap = cap;
	}
	n->mutes[n->mutes_len++] =
		(struct mute){ .addr = addr, .port = port, .asked_ns = asked_ns };
	return 0;
}

/* The oldest first: the last word counts. */
static int on_detected(const struct store_detected *d, void *arg)
{
	struct making *m = arg;
	struct node *n = map_get(m->by_name, d->node, strlen(d->node));
	struct address a;
	struct mute *known;
	unsigned at = 0;

	if (!n || !d->port || d->port > UINT16_MAX || address_parse(d->addr, &a))
		return 0;
	while (at < n->addrs_len && !address_eq(&n->addrs[at], &a))
		at++;
	if (at == n->addrs_len)
		return 0;
	known = find(n, at, (uint16_t)d->port);
	if (d->spoke && known)
		*known = n->mutes[--n->mutes_len];
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
	for (size_t i = 0; i < l->n->mutes_len; i++) {
		struct mute *mu = &l->n->mutes[i];

		mu->due |= mu->port == d->door.port && d->opened_ns + SKEW_NS > mu->asked_ns;
	}
	return 0;
}

/* Those asked longest ago first: of many, it is each one's turn some time. */
static int by_age(const void *pa, const void *pb)
{
	const struct mute *a = pa, *b = pb;

	if (a->asked_ns != b->asked_ns)
		return a->asked_ns < b->asked_ns ? -1 : 1;
	return (a->port > b->port) - (a->port < b->port);
}

static int look_at(struct making *m, struct node *n)
{
	struct looking l = { m, n };
	const struct store_door_query q = { .node = n->name, .open_only = true };

	for (size_t i = 0; i < n->mutes_len; i++)
		n->mutes[i].due = m->now_ns > n->mutes[i].asked_ns + AGAIN_NS;
	qsort(n->mutes, n->mutes_len, sizeof(*n->mutes), by_age);
	return store_doors(m->sc->store, &q, on_door, &l);
}

int plan_find_mutes(struct making *m)
{
	int err;

	if (!m->sc->slow_lane || strcmp(m->p->kind, "version"))
		return 0;
	err = store_scan_detected(m->sc->store, on_detected, m);
	for (size_t i = 0; !err && i < m->len; i++) {
		if (m->nodes[i]->mutes_len)
			err = look_at(m, m->nodes[i]);
	}
	return err;
}

void plan_part_mutes(struct making *m, const struct node *n, unsigned addr, struct ports *fast,
		     struct ports *slow)
{
	unsigned taken = 0;

	for (size_t i = 0; i < n->mutes_len; i++) {
		const struct mute *mu = &n->mutes[i];

		if (mu->addr != addr || !ports_has(fast, mu->port))
			continue;
		ports_drop(fast, mu->port);
		if (mu->due && taken < A_PASS_MAX) {
			ports_add(slow, mu->port, mu->port);
			taken++;
		} else {
			m->made->mute++;
		}
	}
}

unsigned plan_mute_hosts(uint64_t ports)
{
	uint64_t hosts = ports ? SHARD_MAX / ports : 1;

	return !hosts ? 1 : hosts > STORE_SHARD_HOSTS_MAX ? STORE_SHARD_HOSTS_MAX : (unsigned)hosts;
}
