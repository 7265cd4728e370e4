/* SPDX-License-Identifier: GPL-2.0 */
/*
 * OCSF 1.4.0. An alert is a Detection Finding (class 2004): the finding is the alert, its activity
 * the change, the evidence the door and the process that opened it. A door that opens is a Network
 * Activity (class 4001) with activity 7, Listen. Times are milliseconds since 1970. What has no
 * place in the schema is under "unmapped".
 */
#include <inttypes.h>
#include <string.h>

#include "ajar/version.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "core/place.h"
#include "store/store.h"
#include "view/encode.h"
#include "view/writer.h"

enum { CATEGORY_FINDINGS = 2, CATEGORY_NETWORK = 4, CLASS_FINDING = 2004, CLASS_NETWORK = 4001 };
enum { CREATE = 1, UPDATE = 2, CLOSE = 3 };
enum { NETWORK_CLOSE = 2, NETWORK_LISTEN = 7 };
enum { TYPE_UNKNOWN = 0, TYPE_SERVER = 1, FILE_REGULAR = 1, DIRECTION_INBOUND = 1 };

#define MS_OF(ns) ((ns) / UINT64_C(1000000))

static void put_metadata(struct jsonw *w, const char *uid, const char *event_code)
{
	jsonw_obj(w, "metadata");
	jsonw_str(w, "version", VIEW_OCSF_VERSION);
	jsonw_obj(w, "product");
	jsonw_str(w, "name", "Ajar");
	jsonw_str(w, "vendor_name", "Ajar");
	jsonw_str(w, "version", AJAR_VERSION);
	jsonw_end_obj(w);
	jsonw_arr(w, "profiles"); /* which bring device, actor and container */
	jsonw_str(w, NULL, "host");
	jsonw_str(w, NULL, "container");
	jsonw_end_arr(w);
	jsonw_str(w, "uid", uid);
	jsonw_str(w, "event_code", event_code);
	jsonw_str(w, "log_name", "ajar");
	jsonw_end_obj(w);
}

static void put_class(struct jsonw *w, unsigned category, unsigned class, unsigned activity)
{
	jsonw_u64(w, "category_uid", category);
	jsonw_u64(w, "class_uid", class);
	jsonw_u64(w, "activity_id", activity);
	jsonw_u64(w, "type_uid", class * 100 + activity);
}

static void put_text(struct jsonw *w, const char *key, struct text t)
{
	if (t.ptr)
		jsonw_text(w, key, t);
}

static void put_user(struct jsonw *w, const struct process *p)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);

	if (p->uid == ID_UNKNOWN)
		return;
	jsonw_obj(w, "user");
	buf_printf(&b, "%" PRIu32, p->uid);
	jsonw_str(w, "uid", buf_str(&b));
	put_text(w, "name", p->user);
	jsonw_end_obj(w);
}

static void put_file(struct jsonw *w, const struct process *p)
{
	struct text name = p->exe;

	if (!p->exe.ptr)
		return;
	for (uint32_t i = 0; i < p->exe.len; i++) {
		if (p->exe.ptr[i] == '/')
			name = (struct text){ p->exe.ptr + i + 1, p->exe.len - i - 1 };
	}
	jsonw_obj(w, "file");
	jsonw_text(w, "name", name);
	jsonw_text(w, "path", p->exe);
	jsonw_u64(w, "type_id", FILE_REGULAR);
	jsonw_end_obj(w);
}

static struct text comm_text(const char comm[COMM_LEN])
{
	return (struct text){ comm, (uint32_t)strnlen(comm, COMM_LEN) };
}

static void put_process(struct jsonw *w, const struct process *p)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);

	if (!p->known || p->kernel || !p->pid)
		return;
	jsonw_obj(w, "process");
	jsonw_u64(w, "pid", p->pid);
	jsonw_text(w, "name", comm_text(p->comm));
	if (p->argv.ptr) {
		view_argv(&b, p);
		jsonw_str(w, "cmd_line", buf_str(&b));
	}
	if (p->start_ns)
		jsonw_u64(w, "created_time", MS_OF(p->start_ns));
	put_file(w, p);
	put_user(w, p);
	if (p->ancestors_len) {
		jsonw_obj(w, "parent_process");
		jsonw_u64(w, "pid", p->ancestors[0].pid);
		jsonw_text(w, "name", comm_text(p->ancestors[0].comm));
		jsonw_end_obj(w);
	}
	jsonw_end_obj(w);
}

static bool is_ip(const struct door *d)
{
	return d->family == FAMILY_INET || d->family == FAMILY_INET6;
}

static void put_endpoint(struct jsonw *w, const char *node, const struct door *d)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(256);

	jsonw_obj(w, "dst_endpoint");
	jsonw_str(w, "hostname", node && *node ? node : "unknown");
	if (is_ip(d)) {
		door_addr_format(&b, d);
		jsonw_str(w, "ip", buf_str(&b));
		if (d->proto != PROTO_RAW)
			jsonw_u64(w, "port", d->port);
	}
	jsonw_end_obj(w);
}

static void put_connection(struct jsonw *w, const struct door *d)
{
	static const uint8_t numbers[] = { [PROTO_TCP] = 6,
					   [PROTO_MPTCP] = 6,
					   [PROTO_UDP] = 17,
					   [PROTO_UDPLITE] = 136,
					   [PROTO_SCTP] = 132 };
	const char *name = door_proto_name(d->proto);

	jsonw_obj(w, "connection_info");
	jsonw_u64(w, "direction_id", DIRECTION_INBOUND);
	if (d->proto == PROTO_RAW)
		jsonw_u64(w, "protocol_num", d->port);
	else if (d->proto < array_len(numbers) && numbers[d->proto])
		jsonw_u64(w, "protocol_num", numbers[d->proto]);
	jsonw_str(w, "protocol_name", d->proto == PROTO_MPTCP ? "tcp" : name);
	jsonw_u64(w, "protocol_ver_id",
		  d->family == FAMILY_INET    ? 4
		  : d->family == FAMILY_INET6 ? 6
					      : 99);
	jsonw_end_obj(w);
}

static void put_container(struct jsonw *w, const struct event *ev)
{
	struct text id = ev->opener.container;

	if (!id.ptr)
		return;
	jsonw_obj(w, "container");
	jsonw_text(w, "uid", id);
	jsonw_end_obj(w);
}

static void put_device(struct jsonw *w, const char *node)
{
	jsonw_obj(w, "device");
	jsonw_str(w, "hostname", node);
	jsonw_u64(w, "type_id", TYPE_SERVER);
	jsonw_end_obj(w);
}

static void put_evidence(struct jsonw *w, const struct store_alert_change *c)
{
	struct event ev;

	if (!view_change_event(c, &ev))
		return;
	jsonw_arr(w, "evidences");
	jsonw_obj(w, NULL);
	put_endpoint(w, c->alert.node, &ev.door);
	put_connection(w, &ev.door);
	put_process(w, &ev.opener);
	put_container(w, &ev);
	jsonw_end_obj(w);
	jsonw_end_arr(w);
}

static unsigned severity_id(enum severity s)
{
	return s == SEVERITY_CRITICAL ? 5 : s == SEVERITY_WARNING ? 3 : 2;
}

static unsigned status_id(enum alert_state s)
{
	switch (s) {
	case ALERT_OPEN:
		return 1;
	case ALERT_ACKNOWLEDGED:
		return 2;
	case ALERT_SNOOZED:
	case ALERT_ALLOWED:
		return 3;
	case ALERT_RESOLVED:
		return 4;
	}
	return 0;
}

/* An alert that opens for the first time began when it changed. */
static unsigned activity_of(const struct store_alert_change *c)
{
	if (c->state == ALERT_RESOLVED || c->state == ALERT_ALLOWED)
		return CLOSE;
	return c->state == ALERT_OPEN && c->alert.first_ns == c->at_ns ? CREATE : UPDATE;
}

static void put_finding(struct jsonw *w, const struct store_alert_change *c, const char *uid)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(8192);
	const struct store_alert *a = &c->alert;

	jsonw_obj(w, "finding_info");
	jsonw_str(w, "uid", uid);
	jsonw_str(w, "title", a->summary);
	jsonw_str(w, "desc", store_alert_why(a, &why));
	jsonw_arr(w, "types");
	jsonw_str(w, NULL, finding_kind_name(a->kind));
	jsonw_end_arr(w);
	jsonw_u64(w, "created_time", MS_OF(a->first_ns));
	jsonw_u64(w, "first_seen_time", MS_OF(a->first_ns));
	jsonw_u64(w, "last_seen_time", MS_OF(a->last_ns));
	jsonw_u64(w, "modified_time", MS_OF(c->at_ns));
	jsonw_end_obj(w);
}

static void put_resources(struct jsonw *w, const struct store_alert *a)
{
	jsonw_arr(w, "resources");
	jsonw_obj(w, NULL);
	jsonw_str(w, "name", a->nodes);
	jsonw_str(w, "type", "node set");
	jsonw_end_obj(w);
	jsonw_end_arr(w);
}

void view_encode_ocsf(const struct store_alert_change *c, const char *store, struct buf *b)
{
	_cleanup_(buf_done) struct buf uid = BUF_INIT(512), change = BUF_INIT(512);
	const struct store_alert *a = &c->alert;
	struct writer member;
	struct jsonw w;

	buf_printf(&uid, "%s:%" PRIu64, store, a->id);
	buf_printf(&change, "%s:%" PRIu64, store, c->log_id);
	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	put_class(&w, CATEGORY_FINDINGS, CLASS_FINDING, activity_of(c));
	jsonw_u64(&w, "severity_id", severity_id(a->severity));
	jsonw_u64(&w, "status_id", status_id(c->state));
	jsonw_u64(&w, "time", MS_OF(c->at_ns));
	jsonw_str(&w, "message", a->summary);
	jsonw_bool(&w, "is_alert", c->state == ALERT_OPEN);
	jsonw_u64(&w, "count", a->count ? a->count : 1);
	put_metadata(&w, buf_str(&change), finding_kind_name(a->kind));
	put_finding(&w, c, buf_str(&uid));
	if (a->node && *a->node)
		put_device(&w, a->node);
	put_resources(&w, a);
	put_evidence(&w, c);
	if (a->remedy && *a->remedy) {
		jsonw_obj(&w, "remediation");
		jsonw_str(&w, "desc", a->remedy);
		jsonw_end_obj(&w);
	}
	if (c->note && *c->note)
		jsonw_str(&w, "comment", c->note);
	jsonw_obj(&w, "unmapped");
	jsonw_str(&w, "class", a->host_type);
	jsonw_str(&w, "state", alert_state_name(c->state));
	jsonw_str(&w, "who", c->who);
	writer_json(&member, &w);
	view_seen_member(&member, a->seen);
	jsonw_end_obj(&w);
	jsonw_end_obj(&w);
}

void view_encode_ocsf_event(const struct event *ev, const struct view_event_ctx *ctx, struct buf *b)
{
	_cleanup_(buf_done) struct buf uid = BUF_INIT(512);
	struct jsonw w;

	buf_printf(&uid, "%s:%" PRIu32 ":%" PRIu64, ctx->node ? ctx->node : "", ev->boot_seq,
		   ev->seq);
	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	put_class(&w, CATEGORY_NETWORK, CLASS_NETWORK,
		  ev->kind == EVENT_OPEN ? NETWORK_LISTEN : NETWORK_CLOSE);
	jsonw_u64(&w, "severity_id", 1);
	jsonw_u64(&w, "time", MS_OF(ev->time_ns));
	if (ev->kind == EVENT_CLOSE && ev->opened_ns) {
		jsonw_u64(&w, "start_time", MS_OF(ev->opened_ns));
		jsonw_u64(&w, "end_time", MS_OF(ev->time_ns));
	}
	put_metadata(&w, buf_str(&uid), event_kind_name(ev->kind));
	put_endpoint(&w, ctx->node, &ev->door);
	put_connection(&w, &ev->door);
	/* The class has no process of its own: the profile "host" brings device and actor. */
	if (ctx->node && *ctx->node)
		put_device(&w, ctx->node);
	if (ev->opener.known && !ev->opener.kernel && ev->opener.pid) {
		jsonw_obj(&w, "actor");
		put_process(&w, &ev->opener);
		jsonw_end_obj(&w);
	}
	jsonw_obj(&w, "unmapped");
	jsonw_str(&w, "class", ctx->host_type);
	jsonw_str(&w, "verdict", verdict_name(ctx->verdict));
	jsonw_str(&w, "scope", door_scope_name(ev->door.scope));
	jsonw_end_obj(&w);
	jsonw_end_obj(&w);
}
