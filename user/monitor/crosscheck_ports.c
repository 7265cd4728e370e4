/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "monitor/alerting.h"
#include "monitor/crosscheck_internal.h"
#include "monitor/crosscheck_words.h"

/* What is said of the ports of one host: findings that only two witnesses together can make. */
#define OVER "a later scan sees it as it should be"
#define CONF_WRAPPED 8

static bool is_for_us(const struct compared *c)
{
	switch (c->ruling.kind) {
	case FINDING_HIDDEN:
	case FINDING_MASQUERADE:
	case FINDING_BLOCKED:
		return true;
	case FINDING_UNEXPECTED: /* where there is a kernel's view its door has the alert */
		return c->witness.inside == INSIDE_ABSENT || c->witness.inside == INSIDE_SILENT;
	default:
		return false;
	}
}

/*
 * What may have another cause that passes is looked at twice; so is what the node will tell of
 * itself when its agent is back.
 */
static bool needs_second_look(const struct compared *c)
{
	return c->ruling.kind == FINDING_HIDDEN || c->ruling.kind == FINDING_BLOCKED ||
	       (c->ruling.kind == FINDING_UNEXPECTED && c->witness.inside == INSIDE_SILENT);
}

static bool is_ours(const struct alert_copy *a)
{
	return a->kind == FINDING_HIDDEN || a->kind == FINDING_MASQUERADE ||
	       a->kind == FINDING_BLOCKED || a->kind == FINDING_CHANGED ||
	       (a->kind == FINDING_UNEXPECTED && !strcmp(a->what, CROSSCHECK_WHAT));
}

/*
 * Whether it shows that the service is the right one, and does not just fail to show that it is
 * another: a port that was only found open says nothing about who answers there.
 */
static bool is_sound(const struct compared *c, const struct compare_in *in)
{
	const struct port_seen *p = in->seen;

	if (in->state != PORT_OPEN)
		return true;
	if (!p)
		return false;
	if (c->row && c->row->fingerprint && *c->row->fingerprint)
		return p->fingerprints_len && c->fit == SERVICE_FITS;
	return p->service.method == METHOD_PROBED && p->service.conf > CONF_WRAPPED;
}

static int raise(struct crosscheck *o, const struct compared *c, const struct compare_in *in)
{
	_cleanup_(crosscheck_words_done) struct crosscheck_words_buf words = CROSSCHECK_WORDS_INIT;
	struct finding f = {
		.kind = c->ruling.kind,
		.severity = c->ruling.severity,
		.host_type = o->v.host_type,
		.node = o->v.h.node,
		.proto = in->proto,
		.port = in->port,
		.what = c->ruling.kind == FINDING_UNEXPECTED ? CROSSCHECK_WHAT : NULL,
	};
	bool stands = crosscheck_is_open(o, f.kind, f.proto, f.port, f.what), yes = true;
	int err = 0;

	if (!stands && needs_second_look(c))
		err = crosscheck_confirmed(o, f.kind, f.proto, f.port, &yes);
	if (err || !yes)
		return err;
	err = crosscheck_words(
		c, in, &(struct crosscheck_where){ f.node, f.host_type, o->v.h.addr }, &words);
	f.summary = buf_str(&words.summary);
	f.why = buf_str(&words.why);
	f.remedy = buf_str(&words.remedy);
	return err ? err : alerting_find(o->alerting, &f, o->wall_ns);
}

static int compare_port(struct crosscheck *o, enum door_proto proto, uint32_t port,
			enum port_state state, const struct port_seen *seen)
{
	struct view *v = &o->v;
	struct compare_in in = view_input(v, o->now_ns);
	struct compared c;
	int err = 0;

	in.proto = proto;
	in.port = (uint16_t)port;
	in.state = state;
	in.seen = seen;
	audit_compare(&in, &c);
	/* Where nobody can say, what is open stays open. */
	if (c.witness.outside == OUTSIDE_UNKNOWN || c.transient ||
	    (c.witness.inside == INSIDE_SILENT && !is_for_us(&c)))
		return 0;
	if (proto == PROTO_TCP) {
		ports_add(&v->asked, port, port);
		if (is_sound(&c, &in))
			ports_add(&v->sound, port, port);
		if (state != PORT_OPEN) {
			ports_add(&v->sound_key, port, port);
			ports_add(&v->sound_banner, port, port);
		}
	}
	if (!needs_second_look(&c))
		err = crosscheck_forget_unconfirmed(o, proto, port);
	if (!err)
		err = crosscheck_keys(o, &c, &in);
	return err || !is_for_us(&c) ? err : raise(o, &c, &in);
}

static int on_port(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	struct fingerprint f[FINGERPRINTS_MAX];
	struct port_seen seen;

	(void)h;
	if (p->port > UINT16_MAX)
		return 0;
	view_seen(p, f, &seen);
	return compare_port(arg, p->proto, p->port, seen.state, &seen);
}

/* One that nmap counts among many in one state. */
static int compare_folded(struct crosscheck *o, enum door_proto proto, uint32_t port)
{
	enum port_state state = PORT_UNKNOWN;

	if (port <= UINT16_MAX && !(proto == PROTO_TCP && ports_has(&o->v.asked, port)))
		state = port_folded_state(o->v.h.folded, proto, (uint16_t)port);
	return state == PORT_UNKNOWN ? 0 : compare_port(o, proto, port, state, NULL);
}

/* It was asked for again, and is as it should be. */
static bool is_over(const struct view *v, const struct alert_copy *a)
{
	if (a->proto != PROTO_TCP || !ports_has(&v->asked, a->port))
		return false;
	if (a->kind == FINDING_CHANGED)
		return ports_has(&v->sound_banner, a->port);
	if (a->kind == FINDING_MASQUERADE)
		return ports_has(!strcmp(a->what, "key") ? &v->sound_key : &v->sound, a->port);
	return true;
}

static int end_rest(struct crosscheck *o)
{
	struct view *v = &o->v;
	int err = 0;

	for (size_t i = 0; !err && i < v->alerts_len; i++) {
		const struct alert_copy *a = &v->alerts[i];
		const struct finding f = { .kind = a->kind,
					   .host_type = a->host_type,
					   .node = v->h.node,
					   .proto = a->proto,
					   .port = a->port,
					   .what = *a->what ? a->what : NULL,
					   .over = OVER };

		if (a->found || !is_ours(a) || !is_over(v, a))
			continue;
		err = alerting_end(o->alerting, &f, o->wall_ns);
	}
	return err;
}

int crosscheck_ports(struct crosscheck *o)
{
	struct view *v = &o->v;
	int err = store_scan_ports(o->store, v->h.scan_id, v->h.node, v->h.addr, on_port, o);

	for (size_t i = 0; !err && i < v->doors_len; i++) {
		const struct door *d = &v->doors[i].door;

		err = compare_folded(o, proto_class(d->proto), d->port);
	}
	/*
	 * A port without a door now, of an alert or unconfirmed: the folded lists speak of it too.
	 * From behind: they go.
	 */
	for (size_t i = 0; !err && i < v->alerts_len; i++) {
		if (is_ours(&v->alerts[i]))
			err = compare_folded(o, v->alerts[i].proto, v->alerts[i].port);
	}
	for (size_t i = v->unconfirmed_len; !err && i--;)
		err = compare_folded(o, v->unconfirmed[i].d.proto, v->unconfirmed[i].d.port);
	return err ? err : end_rest(o);
}
