/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/holder.h"
#include "audit/verdict.h"
#include "base/buf.h"
#include "base/map.h"
#include "monitor/alerting.h"
#include "monitor/crosscheck_internal.h"

/*
 * "Reachable from outside?" of the doors that have an alert. That a port which its kernel shows
 * open answers, or does not, needs no second witness: the alert says so as soon as the scan is
 * stored.
 */
#define REACHED_MAX 4096

struct reaching {
	struct crosscheck *o;
	enum outside *seen; /* of each door of the view */
};

static enum outside reach_of(struct crosscheck *o, size_t i, enum door_proto proto, uint32_t port,
			     enum port_state state)
{
	struct compare_in in = view_input(&o->v, o->now_ns);

	in.proto = proto;
	in.port = (uint16_t)port;
	in.state = state;
	return audit_reach(&in, &o->v.views[i], o->v.h.probe);
}

static int on_port(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	struct reaching *r = arg;

	(void)h;
	for (size_t i = 0; p->port <= UINT16_MAX && i < r->o->v.doors_len; i++) {
		if (r->o->v.doors[i].door.port == p->port)
			r->seen[i] = reach_of(r->o, i, p->proto, p->port, p->state);
	}
	return 0;
}

int view_reach(struct crosscheck *o, enum outside *seen)
{
	struct view *v = &o->v;
	struct reaching r = { o, seen };
	int err = store_scan_ports(o->store, v->h.scan_id, v->h.node, v->h.addr, on_port, &r);

	for (size_t i = 0; !err && i < v->doors_len; i++) {
		const struct door *d = &v->doors[i].door;
		enum door_proto proto = proto_class(d->proto);

		if (!seen[i] && d->port <= UINT16_MAX)
			seen[i] =
				reach_of(o, i, proto, d->port,
					 port_folded_state(v->h.folded, proto, (uint16_t)d->port));
	}
	return err;
}

static int say(struct crosscheck *o, size_t i, enum outside seen)
{
	const struct view *v = &o->v;
	const struct door_copy *d = &v->doors[i];
	struct judgement j;
	struct reach r = { .key = d->alert_key,
			   .host_type = v->host_type,
			   .look = { .state = seen == OUTSIDE_OPEN     ? PORT_OPEN
					      : seen == OUTSIDE_CLOSED ? PORT_CLOSED
								       : PORT_FILTERED,
				     .port = d->door.port,
				     .node = v->h.node,
				     .addr = v->h.addr } };

	audit_judge_event(v->profile, &d->ev, o->now_ns, seen, &j, NULL);
	r.severity = j.kind ? j.severity : SEVERITY_NOTICE;
	return alerting_reach(o->alerting, &r, o->wall_ns);
}

static int say_all(struct crosscheck *o, const enum outside *seen)
{
	int err = store_begin(o->store);

	if (err)
		return err;
	err = alerting_enter(o->alerting);
	for (size_t i = 0; !err && i < o->v.doors_len; i++) {
		if (o->v.doors[i].alert_key && seen[i] && seen[i] != OUTSIDE_UNKNOWN)
			err = say(o, i, seen[i]);
	}
	if (!err)
		err = alerting_flush(o->alerting);
	if (!err)
		err = store_commit(o->store);
	if (err) {
		store_rollback(o->store);
		alerting_forget(o->alerting);
	}
	return err;
}

static int mark(struct crosscheck *o, const char *key, size_t len)
{
	if (map_size(o->reached) >= REACHED_MAX)
		map_each(o->reached, map_always, NULL);
	return map_put(o->reached, key, len, o);
}

int crosscheck_reach(struct crosscheck *o)
{
	struct view *v = &o->v;
	_free_ enum outside *seen = NULL;
	bool any = false;
	char key[400];
	int err = 0, len = snprintf(key, sizeof(key), "%" PRIu64 " %s %s", v->h.scan_id, v->h.node,
				    v->h.addr);

	if (v->h.state != SCAN_HOST_SEEN || map_get(o->reached, key, (size_t)len))
		return 0;
	err = store_profile_get(o->store, v->host_type, &v->profile);
	if (!err || err == -ENOENT)
		err = view_read_open(v, o->store);
	for (size_t i = 0; !err && i < v->doors_len; i++)
		any |= v->doors[i].alert_key != NULL;
	if (!err && any) {
		seen = calloc(v->doors_len, sizeof(*seen));
		err = seen ? view_reach(o, seen) : -ENOMEM;
		any = false;
		for (size_t i = 0; !err && i < v->doors_len; i++)
			any |= v->doors[i].alert_key && seen[i] && seen[i] != OUTSIDE_UNKNOWN;
		if (!err && any)
			err = say_all(o, seen);
	}
	profile_free(take_ptr(v->profile));
	return err ? err : mark(o, key, (size_t)len);
}
