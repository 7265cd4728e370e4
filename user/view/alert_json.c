/* SPDX-License-Identifier: GPL-2.0 */
#include <inttypes.h>

#include "base/buf.h"
#include "base/jsonw.h"
#include "store/alert_ports.h"
#include "store/scan_changes.h"
#include "store/seen.h"
#include "store/store.h"
#include "view/encode.h"
#include "view/view.h"

/* The event that opened the alert, or null: no door, or a record that cannot be read any more. */
static void put_alert_door(struct jsonw *w, const struct store_alert *a)
{
	const struct view_event_ctx ctx = { .node = a->node,
					    .host_type = a->host_type,
					    .verdict = a->kind == FINDING_IMPOSTOR
							       ? VERDICT_IMPOSTOR
							       : VERDICT_UNEXPECTED,
					    .latency_us = -1 };
	struct event ev;

	if (!a->record.ptr || event_decode(a->record.ptr, a->record.len, &ev) < 0) {
		jsonw_null(w, "door");
		return;
	}
	ev.boot_seq = a->boot_seq;
	ev.seq = a->seq;
	view_event_member(w, "door", &ev, &ctx);
}

void view_scan_change_json(struct jsonw *w, const struct store_scan_change *c)
{
	jsonw_obj(w, NULL);
	jsonw_time(w, "time", c->at_ns);
	jsonw_str(w, "node", c->node);
	jsonw_str(w, "class", c->host_type);
	jsonw_str(w, "event", "scan");
	jsonw_u64(w, "scan", c->scan_id);
	jsonw_str(w, "plan", *c->plan ? c->plan : NULL);
	jsonw_str(w, "kind", c->kind ? scan_kind_name(c->kind) : NULL);
	jsonw_str(w, "scanner", c->scanner);
	jsonw_str(w, "addr", c->addr);
	jsonw_str(w, "proto", door_proto_name(c->proto));
	jsonw_u64(w, "port", c->port);
	jsonw_str(w, "was", c->was == PORT_UNKNOWN ? NULL : port_state_name(c->was));
	jsonw_str(w, "state", port_state_name(c->state));
	jsonw_str(w, "service_was", *c->service_was ? c->service_was : NULL);
	jsonw_str(w, "service", *c->service ? c->service : NULL);
	jsonw_end_obj(w);
}

void view_seen_text(struct buf *b, const struct store_seen *seen)
{
	if (!seen || !seen->scan_id) {
		buf_puts(b, "not known: no scan has asked for it");
		return;
	}
	buf_printf(b, "%s at %s%s%s", port_state_name(seen->state), seen->addr,
		   *seen->service ? ", " : "", seen->service);
	if (seen->asked > 1)
		buf_printf(b, " (%s; reachable on %" PRIu64 " of %" PRIu64 " nodes)", seen->node,
			   seen->reachable, seen->asked);
}

/* Of one program's burst all its ports; "port" is that of the first. */
static void put_alert_ports(struct jsonw *w, const struct store_alert *a)
{
	const struct store_alert_ports *p = a->ports;

	if (!p || !p->count) {
		jsonw_null(w, "ports");
		jsonw_u64(w, "port_count", a->proto != 0);
		return;
	}
	jsonw_str(w, "ports", p->folded);
	jsonw_u64(w, "port_count", p->count);
}

void view_alert_members(struct jsonw *w, const struct store_alert *a)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(8192);

	jsonw_u64(w, "id", a->id);
	jsonw_str(w, "kind", finding_kind_name(a->kind));
	jsonw_str(w, "severity", severity_name(a->severity));
	jsonw_str(w, "state", alert_state_name(a->state));
	jsonw_str(w, "nodes", a->nodes);
	jsonw_u64(w, "count", a->count);
	jsonw_str(w, "class", a->host_type);
	if (a->proto) {
		jsonw_str(w, "proto", door_proto_name(a->proto));
		jsonw_u64(w, "port", a->port);
	} else {
		jsonw_null(w, "proto");
		jsonw_null(w, "port");
	}
	jsonw_str(w, "summary", a->summary);
	jsonw_str(w, "why", store_alert_why(a, &why));
	jsonw_str(w, "remedy", a->remedy);
	jsonw_time(w, "first", a->first_ns);
	jsonw_time(w, "last", a->last_ns);
	jsonw_u64(w, "node_count", a->node_count);
	if (a->until_ns)
		jsonw_time(w, "until", a->until_ns);
	else
		jsonw_null(w, "until");
	put_alert_door(w, a);
	put_alert_ports(w, a);
	view_seen_member(w, a->seen);
}

void view_alert_json(struct jsonw *w, const struct store_alert *a)
{
	jsonw_obj(w, NULL);
	view_alert_members(w, a);
	jsonw_end_obj(w);
}

void view_change_json(struct jsonw *w, const struct store_alert_change *c)
{
	jsonw_obj(w, NULL);
	jsonw_time(w, "time", c->at_ns);
	jsonw_str(w, "node", c->alert.node);
	jsonw_str(w, "event", "alert");
	jsonw_str(w, "who", c->who);
	jsonw_str(w, "note", c->note);
	view_alert_members(w, &c->alert);
	jsonw_end_obj(w);
}

void view_sink_json(struct jsonw *w, const struct store_alert_change *c, const char *store)
{
	jsonw_obj(w, NULL);
	jsonw_str(w, "store", store);
	jsonw_obj(w, "change");
	jsonw_u64(w, "id", c->log_id);
	jsonw_time(w, "time", c->at_ns);
	jsonw_str(w, "who", c->who);
	jsonw_str(w, "note", c->note);
	jsonw_end_obj(w);
	view_alert_members(w, &c->alert);
	jsonw_end_obj(w);
}

bool view_change_event(const struct store_alert_change *c, struct event *ret_ev)
{
	const struct store_alert *a = &c->alert;

	if (!a->record.ptr || event_decode(a->record.ptr, a->record.len, ret_ev) < 0)
		return false;
	ret_ev->boot_seq = a->boot_seq;
	ret_ev->seq = a->seq;
	return event_has_door(ret_ev->kind);
}
