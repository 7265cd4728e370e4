/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/match.h"
#include "base/buf.h"
#include "core/portset.h"
#include "monitor/alerting.h"
#include "monitor/crosscheck_internal.h"
#include "store/health.h"

/*
 * What is said of a host as a whole: one finding about the node, instead of one for each of its
 * ports.
 *
 *	flooded   it answers on everything (the scan says so), or on more ports than FLOOD_MIN that its kernel does not show
 *	unseen    its kernel shows UNSEEN_MIN doors or more, all of them were asked for, and not one of them answers; or
 *	          the address is another node's now, by what both say: then that one has answered. (That the node itself does
 *	          not have it says nothing yet: it may be behind NAT, or hide a listener in a namespace that has.)
 *
 * Then nothing is said of single ports. Both are over when a scan shows the host like any other.
 */
#define FLOOD_MIN 64
#define UNSEEN_MIN 3
#define OVER "a later scan sees it like any other"
#define WORDS_MAX 2000

struct counted {
	struct ports open, doors, refused; /* doors: those the scan could have met */
	unsigned unasked; /* of the doors */
};

static int find(struct crosscheck *o, enum finding_kind kind, const char *summary, struct buf *why,
		const char *remedy)
{
	bool against = kind == FINDING_FLOODED && o->v.has_agent;
	const struct finding f = { .kind = kind,
				   .severity = against ? SEVERITY_CRITICAL : SEVERITY_WARNING,
				   .host_type = o->v.host_type,
				   .node = o->v.h.node,
				   .summary = summary,
				   .why = buf_str(why),
				   .remedy = remedy };

	return why->err ? why->err : alerting_find(o->alerting, &f, o->wall_ns);
}

static int end(struct crosscheck *o, enum finding_kind kind)
{
	const struct finding f = {
		.kind = kind, .host_type = o->v.host_type, .node = o->v.h.node, .over = OVER
	};

	for (size_t i = 0; i < o->v.alerts_len; i++) {
		if (o->v.alerts[i].kind == kind)
			return alerting_end(o->alerting, &f, o->wall_ns);
	}
	return 0;
}

static int flooded(struct crosscheck *o, uint64_t open)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(WORDS_MAX);
	const struct view *v = &o->v;

	buf_printf(&why,
		   "nmap sees %" PRIu64
		   " ports of %s at %s open; what such a host says of a single "
		   "port means nothing, so that none of them has an alert of its own. A tarpit, a "
		   "proxy or load balancer before it, or a rule that sends every port to one door "
		   "does that",
		   open, v->h.node, v->h.addr);
	return find(o, FINDING_FLOODED, "everything is answered for, whatever the port,", &why,
		    "see what stands between: 'nft list ruleset' on the node, a proxy on the way; "
		    "'ajar scan show' has what was seen. 'ajar scan addrs' gives a node that is "
		    "reached through something another address");
}

static int unseen(struct crosscheck *o, unsigned doors)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(WORDS_MAX);
	const struct view *v = &o->v;
	bool yes = true;
	int err = 0;

	if (!crosscheck_is_open(o, FINDING_UNSEEN, (enum door_proto)0, 0, NULL))
		err = crosscheck_confirmed(o, FINDING_UNSEEN, PROTO_TCP, 0, &yes);
	if (err || !yes)
		return err;
	buf_printf(&why,
		   "the kernel of %s shows doors on %u TCP ports at %s, and a scan gets no answer "
		   "from any of them, nor from another port, at two looks: the node has locked the "
		   "scanner out (fail2ban, psad, a rate limit), a firewall stands between, or "
		   "another host has the address. What is open there is not known from outside",
		   v->h.node, doors, v->h.addr);
	return find(o, FINDING_UNSEEN, "no door answers the monitor, and the kernel shows them,",
		    &why,
		    "let the monitor's address in on the node (fail2ban's ignoreip, 'nft list "
		    "ruleset'), or scan from where it is let in; 'ajar scan addrs' says where a "
		    "node is");
}

struct holder {
	const struct view *v;
	char node[256];
};

static int on_holder(const struct store_health_row *r, void *arg)
{
	struct holder *h = arg;

	if (!r->known || r->standing != STANDING_CURRENT || !strcmp(r->node, h->v->h.node) ||
	    health_holds(r->h.addresses, h->v->h.addr) <= 0)
		return 0;
	snprintf(h->node, sizeof(h->node), "%s", r->node);
	return 1;
}

/* 1: another node has the address, and that is reported. */
static int is_elsewhere(struct crosscheck *o)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(WORDS_MAX);
	const struct view *v = &o->v;
	struct holder h = { .v = v };
	int err = v->is_strange ? store_health(o->store, NULL, false, on_holder, &h) : 0;

	if (err < 0 || !*h.node)
		return err < 0 ? err : 0;
	buf_printf(
		&why,
		"%s was scanned at %s, and by what both of them report that address is %s's. What "
		"answered there says nothing of %s: what is open on it is not known from outside",
		v->h.node, v->h.addr, h.node, v->h.node);
	err = find(o, FINDING_UNSEEN, "another node has the address that is scanned", &why,
		   "tell where it is now: 'ajar scan addrs set NODE ADDRESS', or fix its name's "
		   "address");
	return err ? err : 1;
}

/* --- counting -------------------------------------------------------------------------------------- */

static int on_port(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	struct counted *c = arg;

	(void)h;
	if (p->proto == PROTO_TCP && p->port <= UINT16_MAX && p->state == PORT_OPEN)
		ports_add(&c->open, p->port, p->port);
	return 0;
}

static void count_doors(const struct view *v, const enum outside *seen, struct counted *c)
{
	for (size_t i = 0; i < v->doors_len; i++) {
		const struct door *d = &v->doors[i].door;

		if (!seen[i] || proto_class(d->proto) != PROTO_TCP)
			continue;
		c->unasked += seen[i] == OUTSIDE_UNKNOWN;
		ports_add(&c->doors, d->port, d->port);
		if (seen[i] == OUTSIDE_CLOSED || seen[i] == OUTSIDE_FILTERED)
			ports_add(&c->refused, d->port, d->port);
	}
}

static void ports_remove(struct ports *p, uint32_t lo, uint32_t hi)
{
	for (uint32_t port = lo; port <= hi && port <= UINT16_MAX; port++)
		p->bits[port / 64] &= ~(UINT64_C(1) << port % 64);
}

/*
 * Open ones that no door has, on whatever address; of a node without an agent, that no row permits.
 */
static unsigned count_strange(const struct view *v, const struct ports *open)
{
	struct ports strange = *open;

	for (size_t i = 0; i < v->doors_len; i++) {
		const struct door *d = &v->doors[i].door;

		if (proto_class(d->proto) == PROTO_TCP)
			ports_remove(&strange, d->port, d->port);
	}
	for (size_t i = 0; !v->has_agent && i < v->profile->rows_len; i++) {
		const struct profile_row *r = &v->profile->rows[i];

		if (r->action != PROFILE_DENY && r->port)
			ports_remove(&strange, r->port, r->port_end ? r->port_end : r->port);
	}
	return ports_count(&strange);
}

static unsigned count_asked(const struct view *v)
{
	struct ports asked = { 0 };

	if (strncmp(v->h.asked, "tcp ", 4) || ports_parse(v->h.asked + 4, &asked))
		return 0;
	return ports_count(&asked);
}

static int judge(struct crosscheck *o, const struct counted *c, bool *ret_ports)
{
	unsigned doors = ports_count(&c->doors), open = ports_count(&c->open);
	int err = 0;

	if (!o->v.cut && count_strange(&o->v, &c->open) > FLOOD_MIN)
		return flooded(o, open);
	/*
	 * A scan of few ports cannot show that it is over, and what it saw open is more of the
	 * same.
	 */
	if (open && count_asked(&o->v) <= FLOOD_MIN &&
	    crosscheck_is_open(o, FINDING_FLOODED, (enum door_proto)0, 0, NULL))
		return 0;
	if (count_asked(&o->v) > FLOOD_MIN)
		err = end(o, FINDING_FLOODED);
	if (!err && !open && doors >= UNSEEN_MIN && !c->unasked &&
	    ports_count(&c->refused) == doors)
		return unseen(o, doors);
	if (!err && open)
		err = end(o, FINDING_UNSEEN);
	if (!err && open)
		err = crosscheck_forget_unconfirmed(o, PROTO_TCP, 0);
	*ret_ports = true;
	return err;
}

int crosscheck_whole(struct crosscheck *o, bool *ret_ports)
{
	struct view *v = &o->v;
	_free_ enum outside *seen = calloc(v->doors_len + 1, sizeof(*seen));
	bool is_flood = v->h.state == SCAN_HOST_FLOODED;
	struct counted c = { 0 };
	int err;

	if (!seen)
		return -ENOMEM;
	*ret_ports = !is_flood;
	if (!v->profile || !v->profile->accepted)
		return 0; /* a class that is learned alerts nobody */
	err = is_elsewhere(o);
	if (err) {
		*ret_ports = false;
		return err < 0 ? err : 0;
	}
	if (is_flood)
		return flooded(o, v->h.open_count);
	*ret_ports = false;
	err = view_reach(o, seen);
	if (!err)
		err = store_scan_ports(o->store, v->h.scan_id, v->h.node, v->h.addr, on_port, &c);
	if (err)
		return err;
	count_doors(v, seen, &c);
	return judge(o, &c, ret_ports);
}
