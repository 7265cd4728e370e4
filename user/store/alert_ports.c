/* SPDX-License-Identifier: GPL-2.0 */
#include "store/alert_ports.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"

#define PORTS 65536

struct set {
	uint8_t bits[PORTS / 8];
	unsigned doors;
	bool cut;
};

static int add(const struct store_door *d, void *arg)
{
	struct set *set = arg;

	if (set->doors++ == STORE_ALERT_DOORS_MAX) {
		set->cut = true;
		return 1;
	}
	if (d->door.port < PORTS)
		set->bits[d->door.port / 8] |= (uint8_t)(1u << d->door.port % 8);
	return 0;
}

static bool has(const struct set *set, uint32_t port)
{
	return port < PORTS && (set->bits[port / 8] & (1u << port % 8));
}

static void add_run(struct store_alert_ports *p, uint32_t lo, uint32_t hi)
{
	if (!p->count)
		p->lo = lo;
	p->hi = hi;
	p->count += hi - lo + 1;
	if (p->runs_len == STORE_PORT_RUNS_MAX)
		p->runs_cut = true;
	else
		p->runs[p->runs_len++] = (struct store_port_run){ lo, hi };
}

static void fold(struct store_alert_ports *p)
{
	size_t n = 0;

	for (unsigned i = 0; i < p->runs_len && n < sizeof(p->folded); i++) {
		const struct store_port_run *r = &p->runs[i];

		n += (size_t)snprintf(p->folded + n, sizeof(p->folded) - n, "%s%" PRIu32,
				      i ? "," : "", r->lo);
		if (r->hi > r->lo && n < sizeof(p->folded))
			n += (size_t)snprintf(p->folded + n, sizeof(p->folded) - n, "-%" PRIu32,
					      r->hi);
	}
	if ((p->runs_cut || p->cut) && n < sizeof(p->folded))
		snprintf(p->folded + n, sizeof(p->folded) - n, ",...");
}

int store_alert_ports(struct store *s, const char *key, struct store_alert_ports *ret)
{
	struct store_door_query q = { .alert_key = key, .open_only = true };
	struct store_alert_ports p = { 0 };
	_free_ struct set *set = calloc(1, sizeof(*set));
	int err = set ? store_doors(s, &q, add, set) : -ENOMEM;

	if (!err && !set->doors) {
		q.open_only = false;
		err = store_doors(s, &q, add, set);
	}
	if (err < 0)
		return err;
	for (uint32_t lo = 0, hi; lo < PORTS; lo = hi + 1) {
		for (hi = lo; has(set, lo) && has(set, hi + 1); hi++)
			;
		if (has(set, lo))
			add_run(&p, lo, hi);
	}
	p.cut = set->cut;
	fold(&p);
	*ret = p;
	return 0;
}

/* --- how many, by whom --------------------------------------------------------------------------- */

struct sizing {
	struct store_alert_size n;
	struct map *programs;
};

static int size_door(const struct store_door *d, void *arg)
{
	struct text exe = d->ev.opener.known ? d->ev.opener.exe : (struct text){ 0 };
	struct sizing *z = arg;
	int err = 0;

	if (z->n.doors == STORE_ALERT_DOORS_MAX) {
		z->n.cut = true;
		return 1;
	}
	z->n.doors++;
	if (!map_get(z->programs, exe.ptr ? exe.ptr : "", exe.ptr ? exe.len : 0))
		err = map_put(z->programs, exe.ptr ? exe.ptr : "", exe.ptr ? exe.len : 0, z);
	return err;
}

int store_alert_size(struct store *s, const char *key, struct store_alert_size *ret)
{
	const struct store_door_query q = { .alert_key = key, .open_only = true };
	struct sizing z = { 0 };
	int err = map_new(NULL, &z.programs);

	if (!err)
		err = store_doors(s, &q, size_door, &z);
	z.n.programs = z.programs ? map_size(z.programs) : 0;
	map_free(z.programs);
	if (err < 0)
		return err;
	*ret = z.n;
	return 0;
}
