/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Elastic Common Schema's names for an alert and for a door; what it has no name for is under
 * "ajar".
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/version.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "core/place.h"
#include "store/store.h"
#include "view/encode.h"
#include "view/writer.h"

static struct text comm_text(const char comm[COMM_LEN])
{
	return (struct text){ comm, (uint32_t)strnlen(comm, COMM_LEN) };
}

static void put_text(struct jsonw *w, const char *key, struct text t)
{
	if (t.ptr)
		jsonw_text(w, key, t);
}

static void put_head(struct jsonw *w, uint64_t at_ns, const char *node)
{
	jsonw_time(w, "@timestamp", at_ns);
	jsonw_obj(w, "ecs");
	jsonw_str(w, "version", VIEW_ECS_VERSION);
	jsonw_end_obj(w);
	jsonw_obj(w, "observer");
	jsonw_str(w, "vendor", "Ajar");
	jsonw_str(w, "product", "Ajar");
	jsonw_str(w, "version", AJAR_VERSION);
	jsonw_str(w, "type", "sensor");
	jsonw_end_obj(w);
	if (node && *node) {
		jsonw_obj(w, "host");
		jsonw_str(w, "name", node);
		jsonw_end_obj(w);
	}
}

static void put_id(struct jsonw *w, const char *key, uint32_t id)
{
	char text[16];

	if (id == ID_UNKNOWN)
		return;
	snprintf(text, sizeof(text), "%" PRIu32, id);
	jsonw_str(w, key, text);
}

static void put_args(struct jsonw *w, struct text argv)
{
	const char *p = argv.ptr, *end = p ? p + argv.len : NULL;

	if (!p)
		return;
	jsonw_arr(w, "args");
	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		const char *stop = nul ? nul : end;

		jsonw_text(w, NULL, (struct text){ p, (uint32_t)(stop - p) });
		p = stop + 1;
	}
	jsonw_end_arr(w);
}

static void put_process(struct jsonw *w, const struct process *p)
{
	if (!p->known || p->kernel)
		return;
	jsonw_obj(w, "process");
	jsonw_u64(w, "pid", p->pid);
	jsonw_text(w, "name", comm_text(p->comm));
	put_text(w, "executable", p->exe);
	put_args(w, p->argv);
	if (p->start_ns)
		jsonw_time(w, "start", p->start_ns);
	if (p->ancestors_len) {
		jsonw_obj(w, "parent");
		jsonw_u64(w, "pid", p->ancestors[0].pid);
		jsonw_text(w, "name", comm_text(p->ancestors[0].comm));
		jsonw_end_obj(w);
	}
	jsonw_end_obj(w);
	jsonw_obj(w, "user");
	put_id(w, "id", p->uid);
	put_text(w, "name", p->user);
	jsonw_end_obj(w);
}

static void put_door(struct jsonw *w, const struct event *ev)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(256);
	const struct door *d = &ev->door;
	bool ip = d->family == FAMILY_INET || d->family == FAMILY_INET6;
	struct text container = ev->opener.container;

	jsonw_obj(w, "network");
	jsonw_str(w, "transport", d->proto == PROTO_MPTCP ? "tcp" : door_proto_name(d->proto));
	if (ip)
		jsonw_str(w, "type", d->family == FAMILY_INET ? "ipv4" : "ipv6");
	jsonw_end_obj(w);
	jsonw_obj(w, "server");
	door_addr_format(&b, d);
	jsonw_str(w, "address", buf_str(&b));
	if (ip)
		jsonw_str(w, "ip", buf_str(&b));
	jsonw_u64(w, "port", d->port);
	jsonw_end_obj(w);
	if (container.ptr) {
		jsonw_obj(w, "container");
		jsonw_text(w, "id", container);
		jsonw_end_obj(w);
	}
	put_process(w, &ev->opener);
}

static void put_event_of(struct jsonw *w, const struct store_alert_change *c, const char *store)
{
	_cleanup_(buf_done) struct buf id = BUF_INIT(512), why = BUF_INIT(8192);
	const struct store_alert *a = &c->alert;

	buf_printf(&id, "%s:%" PRIu64, store, c->log_id);
	jsonw_obj(w, "event");
	jsonw_str(w, "kind", "alert");
	jsonw_arr(w, "category");
	jsonw_str(w, NULL, "network");
	jsonw_end_arr(w);
	jsonw_arr(w, "type");
	jsonw_str(w, NULL,
		  c->state == ALERT_OPEN       ? "start"
		  : c->state == ALERT_RESOLVED ? "end"
					       : "change");
	jsonw_end_arr(w);
	jsonw_str(w, "action", finding_kind_name(a->kind));
	jsonw_str(w, "module", "ajar");
	jsonw_str(w, "dataset", "ajar.alert");
	jsonw_str(w, "id", buf_str(&id));
	jsonw_u64(w, "severity", a->severity);
	jsonw_str(w, "reason", store_alert_why(a, &why));
	jsonw_time(w, "start", a->first_ns);
	if (c->state == ALERT_RESOLVED)
		jsonw_time(w, "end", c->at_ns);
	jsonw_end_obj(w);
}

void view_encode_ecs(const struct store_alert_change *c, const char *store, struct buf *b)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(8192);
	const struct store_alert *a = &c->alert;
	struct event ev;
	struct writer member;
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	put_head(&w, c->at_ns, a->node);
	jsonw_str(&w, "message", a->summary);
	put_event_of(&w, c, store);
	jsonw_obj(&w, "rule");
	jsonw_str(&w, "name", finding_kind_name(a->kind));
	jsonw_str(&w, "description", store_alert_why(a, &why));
	jsonw_end_obj(&w);
	if (view_change_event(c, &ev))
		put_door(&w, &ev);
	jsonw_obj(&w, "ajar");
	jsonw_u64(&w, "alert_id", a->id);
	jsonw_str(&w, "class", a->host_type);
	jsonw_str(&w, "nodes", a->nodes);
	jsonw_u64(&w, "count", a->count);
	jsonw_str(&w, "severity", severity_name(a->severity));
	jsonw_str(&w, "state", alert_state_name(c->state));
	jsonw_str(&w, "remedy", a->remedy);
	jsonw_str(&w, "who", c->who);
	jsonw_str(&w, "note", c->note);
	writer_json(&member, &w);
	view_seen_member(&member, a->seen);
	jsonw_end_obj(&w);
	jsonw_end_obj(&w);
}

void view_encode_ecs_event(const struct event *ev, const struct view_event_ctx *ctx, struct buf *b)
{
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	put_head(&w, ev->time_ns, ctx->node);
	jsonw_obj(&w, "event");
	jsonw_str(&w, "kind", "event");
	jsonw_arr(&w, "category");
	jsonw_str(&w, NULL, "network");
	jsonw_end_arr(&w);
	jsonw_arr(&w, "type");
	jsonw_str(&w, NULL, ev->kind == EVENT_OPEN ? "start" : "end");
	jsonw_end_arr(&w);
	jsonw_str(&w, "action", ev->kind == EVENT_OPEN ? "door-open" : "door-close");
	jsonw_str(&w, "module", "ajar");
	jsonw_str(&w, "dataset", "ajar.door");
	jsonw_u64(&w, "sequence", ev->seq);
	jsonw_end_obj(&w);
	put_door(&w, ev);
	jsonw_obj(&w, "ajar");
	jsonw_str(&w, "class", ctx->host_type);
	jsonw_str(&w, "verdict", verdict_name(ctx->verdict));
	jsonw_str(&w, "scope", door_scope_name(ev->door.scope));
	jsonw_u64(&w, "boot_seq", ev->boot_seq);
	jsonw_end_obj(&w);
	jsonw_end_obj(&w);
}
