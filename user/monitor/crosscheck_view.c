/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/health.h"
#include "audit/holder.h"
#include "monitor/crosscheck_internal.h"
#include "scan/plan.h"
#include "store/executables.h"
#include "store/health.h"
#include "store/judging.h"
#include "store/redirect.h"

/*
 * What is known of a host at the time of a scan: its doors, how far its agent saw, what stands on
 * it already.
 */
#define DOORS_MAX 4096 /* those that opened first; with more the view is cut, and claims less */

void view_done(struct view *v)
{
	for (size_t i = 0; i < v->doors_len; i++) {
		free(v->doors[i].record);
		free(v->doors[i].files);
		free(v->doors[i].alert_key);
	}
	for (size_t i = 0; i < v->alerts_len; i++) {
		free(v->alerts[i].key);
		free(v->alerts[i].host_type);
	}
	free(v->doors);
	free(v->views);
	free(v->alerts);
	free(v->unconfirmed);
	free(v->keys);
	free(v->h.folded);
	free(v->h.asked);
	profile_free(v->profile);
	buf_done(&v->redirects);
	memset(v, 0, sizeof(*v));
}

int view_take(struct view *v, const struct store_scan_host *h)
{
	view_done(v);
	v->h = (struct seen_host){ .scan_id = h->scan_id,
				   .from_ns = h->started_ns,
				   .to_ns = h->ended_ns,
				   .open_count = h->open_count,
				   .folded = strdup(h->folded),
				   .asked = strdup(h->asked) };
	snprintf(v->h.node, sizeof(v->h.node), "%s", h->node);
	snprintf(v->h.addr, sizeof(v->h.addr), "%s", h->addr);
	v->h.state = h->state;
	v->h.probe = !strcmp(h->plan, PLAN_PROBE);
	return v->h.folded && v->h.asked ? 0 : -ENOMEM;
}

/* --- doors ---------------------------------------------------------------------------------------- */

static bool have_door(const struct view *v, const struct store_door *d)
{
	for (size_t i = 0; i < v->doors_len; i++) {
		if (v->doors[i].door.cookie == d->door.cookie &&
		    v->doors[i].door.netns_cookie == d->door.netns_cookie)
			return true;
	}
	return false;
}

static int on_door(const struct store_door *d, void *arg)
{
	struct view *v = arg;
	struct door_copy *doors, *c;

	if (have_door(v, d))
		return 0;
	if (v->doors_len >= DOORS_MAX) {
		v->cut = true;
		return 0;
	}
	doors = reallocarray(v->doors, v->doors_len + 1, sizeof(*doors));
	if (!doors)
		return -ENOMEM;
	v->doors = doors;
	c = &doors[v->doors_len];
	*c = (struct door_copy){
		.door = d->door,
		.verdict = d->verdict,
		.boot_seq = d->boot_seq,
		.open_seq = d->open_seq,
		.opened_ns = health_store_time(d->opened_ns, v->ahead_ns),
		.closed_ns = d->closed_ns ? health_store_time(d->closed_ns, v->ahead_ns) : 0,
	};
	c->record = d->record.len ? malloc(d->record.len) : NULL;
	c->alert_key = d->alert_key ? strdup(d->alert_key) : NULL;
	v->doors_len++;
	if ((d->record.len && !c->record) || (d->alert_key && !c->alert_key))
		return -ENOMEM;
	if (c->record) {
		memcpy(c->record, d->record.ptr, d->record.len);
		if (event_decode(c->record, d->record.len, &c->ev))
			c->ev = (struct event){ 0 };
	}
	return 0;
}

/* What the judge waits for is waited for here. */
static int fill_files(struct view *v, struct store *s, struct door_copy *c)
{
	if (!v->profile || !profile_wants_files(v->profile))
		return 0;
	c->files = calloc(HOLDERS_JUDGED_MAX, sizeof(*c->files));
	if (!c->files)
		return -ENOMEM;
	return store_event_files(s, v->h.node, v->profile, c->verdict == VERDICT_SETTLING, &c->ev,
				 c->files);
}

static int make_views(struct view *v, struct store *s)
{
	free(v->views);
	v->views = calloc(v->doors_len + 1, sizeof(*v->views));
	if (!v->views)
		return -ENOMEM;
	for (size_t i = 0; i < v->doors_len; i++) {
		struct door_copy *c = &v->doors[i];
		struct judgement j;
		int err = fill_files(v, s, c);

		if (err)
			return err;
		audit_judge_event(v->profile, &c->ev, v->h.to_ns, OUTSIDE_UNKNOWN, &j, &c->who);
		v->views[i] =
			(struct compare_door){ &c->door, &c->who, c->opened_ns, c->closed_ns };
	}
	return 0;
}

int view_read_open(struct view *v, struct store *s)
{
	const struct store_door_query q = { .node = v->h.node, .open_only = true };
	int err = store_doors(s, &q, on_door, v);

	if (!err)
		err = make_views(v, s);
	return err ? err : address_parse(v->h.addr, &v->address);
}

/* A time of the store's by the node's clock. */
static uint64_t node_time(const struct view *v, uint64_t ns)
{
	return health_store_time(ns, -v->ahead_ns);
}

/* No door opened after its record was stored, however the node's clock was set then. */
static int bound_openings(struct view *v, struct store *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->doors_len; i++) {
		struct door_copy *c = &v->doors[i];
		uint64_t received_ns = 0;

		if (c->opened_ns <= v->h.from_ns - COMPARE_SETTLE_NS)
			continue;
		err = store_event_received(s, v->h.node, c->boot_seq, c->open_seq, &received_ns);
		if (received_ns && received_ns < c->opened_ns)
			c->opened_ns = received_ns;
	}
	return err;
}

/* As it was before, in the middle of and after the scan, and as it is now. */
static int read_doors(struct view *v, struct store *s)
{
	const uint64_t times[] = { v->h.from_ns - COMPARE_SETTLE_NS,
				   (v->h.from_ns + v->h.to_ns) / 2, v->h.to_ns + COMPARE_SETTLE_NS,
				   0 };
	int err = 0;

	for (size_t i = 0; !err && i < array_len(times); i++) {
		const struct store_door_query q = { .node = v->h.node,
						    .open_only = true,
						    .at_ns =
							    times[i] ? node_time(v, times[i]) : 0 };

		err = store_doors(s, &q, on_door, v);
	}
	if (!err)
		err = bound_openings(v, s);
	return err ? err : make_views(v, s);
}

/* --- how far the agent saw ------------------------------------------------------------------------- */

/* Doors are known as far as their records are judged, whatever is stored. */
static void bound_by_judging(struct view *v, const struct store_behind *b)
{
	uint64_t to_ns = health_store_time(b->happened_ns, v->ahead_ns);

	if (!b->happened_ns || to_ns > b->received_ns)
		to_ns = b->received_ns;
	if (b->failed_ns)
		to_ns = 0;
	if (to_ns < v->sees_to_ns)
		v->sees_to_ns = to_ns;
}

static int on_health(const struct store_health_row *r, void *arg)
{
	struct view *v = arg;
	uint64_t behind;

	snprintf(v->host_type, sizeof(v->host_type), "%s", r->host_type);
	if (r->events)
		v->has_agent = true;
	if (!r->known || r->standing != STANDING_CURRENT)
		return 0;
	v->holds = health_holds(r->h.addresses, v->h.addr) == 1;
	v->is_down = r->h.agent != AGENT_RECORDING;
	if (v->is_down)
		return 0;
	v->has_agent = true;
	v->ahead_ns = health_clock_ahead(r->h.wall_ns, r->h.rtt_ns, r->received_ns);
	behind = r->h.agent_age_ns > r->h.backlog_ns ? r->h.agent_age_ns : r->h.backlog_ns;
	v->is_strange = health_holds(r->h.addresses, v->h.addr) == 0;
	v->sees_from_ns = r->first_ns;
	v->sees_to_ns = r->received_ns > behind ? r->received_ns - behind : 0;
	if (r->behind)
		bound_by_judging(v, r->behind);
	return 0;
}

int view_health(struct view *v, struct store *s)
{
	int err = store_health(s, v->h.node, false, on_health, v);

	if (!err && v->holds)
		err = store_redirect_get(s, v->h.node, NULL, &v->netns);
	return err;
}

static int on_event(const struct store_event_row *row, void *arg)
{
	enum event_kind k = row->ev.kind;

	if (k == EVENT_LOST || k == EVENT_GAP || k == EVENT_START || k == EVENT_STOP || !k)
		((struct view *)arg)->blind = true;
	return 0;
}

/* --- what stands already ---------------------------------------------------------------------------- */

static int on_alert(const struct store_alert *a, void *arg)
{
	struct view *v = arg;
	struct alert_copy *alerts = reallocarray(v->alerts, v->alerts_len + 1, sizeof(*alerts));
	struct alert_copy *c;

	if (!alerts)
		return -ENOMEM;
	v->alerts = alerts;
	c = &alerts[v->alerts_len++];
	*c = (struct alert_copy){ .key = strdup(a->key),
				  .kind = a->kind,
				  .proto = a->proto,
				  .port = a->port,
				  .host_type = strdup(a->host_type) };
	snprintf(c->what, sizeof(c->what), "%s", a->subject);
	return c->key && c->host_type ? 0 : -ENOMEM;
}

static int on_unconfirmed(const struct store_unconfirmed *d, void *arg)
{
	struct view *v = arg;
	struct unconfirmed_copy *unconfirmed =
		reallocarray(v->unconfirmed, v->unconfirmed_len + 1, sizeof(*unconfirmed));

	if (!unconfirmed)
		return -ENOMEM;
	v->unconfirmed = unconfirmed;
	unconfirmed[v->unconfirmed_len].d = *d;
	unconfirmed[v->unconfirmed_len].d.node = v->h.node;
	unconfirmed[v->unconfirmed_len++].d.addr = v->h.addr;
	return 0;
}

static int on_key(const struct store_key *k, void *arg)
{
	struct view *v = arg;
	struct key_copy *keys, *c;

	if (k->proto != PROTO_TCP)
		return 0;
	keys = reallocarray(v->keys, v->keys_len + 1, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	v->keys = keys;
	c = &keys[v->keys_len++];
	*c = (struct key_copy){ .port = k->port,
				.first_ns = k->first_ns,
				.changed_ns = k->changed_ns };
	snprintf(c->product, sizeof(c->product), "%s", k->product);
	snprintf(c->version, sizeof(c->version), "%s", k->version);
	if (fingerprints_parse(k->fingerprint, c->f, &c->f_len))
		c->f_len = 0; /* it is learned anew */
	return 0;
}

int view_read(struct view *v, struct store *s)
{
	const struct store_event_query q = {
		.node = v->h.node,
		.since_ns = node_time(v, v->h.from_ns - COMPARE_SETTLE_NS),
		.until_ns = node_time(v, v->h.to_ns + COMPARE_SETTLE_NS) + 1
	};
	int err = store_profile_get(s, v->host_type, &v->profile);

	if (err == -ENOENT)
		err = 0;
	if (!err)
		err = store_events(s, &q, on_event, v);
	buf_done(&v->redirects);
	v->redirects = (struct buf)BUF_INIT(REDIRECT_STORED_MAX);
	if (!err)
		err = store_redirect_get(s, v->h.node, &v->redirects, NULL);
	if (!err)
		err = read_doors(v, s);
	if (!err)
		err = store_alerts_on(s, v->h.node, on_alert, v);
	if (!err)
		err = store_unconfirmed_of(s, v->h.node, v->h.addr, on_unconfirmed, v);
	if (!err)
		err = store_keys(s, v->h.node, on_key, v);
	return err ? err : address_parse(v->h.addr, &v->address);
}

/* --- for the comparison ------------------------------------------------------------------------------ */

struct compare_in view_input(const struct view *v, uint64_t now_ns)
{
	return (struct compare_in){
		.profile = v->profile,
		.proto = PROTO_TCP,
		.family = v->address.family,
		.addr = v->address.bytes,
		.from_ns = v->h.from_ns,
		.to_ns = v->h.to_ns,
		.doors = v->views,
		.doors_len = v->doors_len,
		.doors_cut = v->cut,
		.has_agent = v->has_agent,
		.sees_from_ns = v->blind ? 0 : v->sees_from_ns,
		.sees_to_ns = v->sees_to_ns,
		.netns = v->netns,
		.redirects = text_of(v->redirects.data),
		.now_ns = now_ns,
	};
}

void view_seen(const struct store_scan_port *p, struct fingerprint f[FINGERPRINTS_MAX],
	       struct port_seen *ret)
{
	size_t n = 0;

	*ret = (struct port_seen){
		.proto = p->proto,
		.port = (uint16_t)p->port,
		.state = p->state,
		.reason_ttl = (uint8_t)p->reason_ttl,
		.reason = text_of(p->reason),
		.service = { .method = p->method,
			     .conf = p->conf,
			     .name = text_of(p->service),
			     .product = text_of(p->product),
			     .version = text_of(p->version),
			     .tunnel = text_of(p->tunnel) },
	};
	if (!fingerprints_parse(p->fingerprint, f, &n)) {
		ret->fingerprints = f;
		ret->fingerprints_len = (unsigned)n;
	}
}
