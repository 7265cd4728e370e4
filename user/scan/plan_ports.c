/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/plan_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Which ports a plan asks the nodes of a class for. */
#define RANGE_MAX                                                                                  \
	1024 /* a permitted range with more ports is one for jobs: not each port of it is looked at */

static bool is_udp(const struct making *m)
{
	return m->p->kind == SCAN_UDP;
}

bool plan_is_its_proto(const struct making *m, enum door_proto proto)
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

		if (plan_is_its_proto(m, r->proto) && r->port && end - r->port < RANGE_MAX &&
		    (!r->expires_ns || r->expires_ns > m->now_ns))
			ports_add(&m->ports, r->port, end);
	}
	profile_free(p);
	return 0;
}

static int on_door(const struct store_door *d, void *arg)
{
	struct making *m = arg;

	if (plan_is_its_proto(m, d->door.proto) && d->door.scope != SCOPE_LOOPBACK &&
	    d->door.port && d->verdict != VERDICT_CLIENT && d->verdict != VERDICT_SETTLING)
		ports_add(&m->ports, d->door.port, d->door.port);
	return 0;
}

static int on_open(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	struct making *m = arg;

	(void)h;
	if (plan_is_its_proto(m, p->proto) && p->state == PORT_OPEN)
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

	if (h->state != SCAN_HOST_SEEN)
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

int plan_list_ports(struct making *m, size_t from, size_t to)
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
