/* SPDX-License-Identifier: GPL-2.0 */
#include <inttypes.h>

#include "base/buf.h"
#include "view/writer.h"
#include "store/alert_ports.h"
#include "store/scan_changes.h"
#include "store/seen.h"
#include "store/store.h"
#include "view/encode.h"
#include "view/view.h"

/* The event that opened the alert, or null: no door, or a record that cannot be read any more. */
static void put_alert_door(struct writer *w, const struct store_alert *a)
{
	const struct view_event_ctx ctx = { .node = a->node,
					    .host_type = a->host_type,
					    .verdict = a->kind == FINDING_IMPOSTOR
							       ? VERDICT_IMPOSTOR
							       : VERDICT_UNEXPECTED,
					    .latency_us = -1 };
	struct event ev;

	if (!a->record.ptr || event_decode(a->record.ptr, a->record.len, &ev) < 0) {
		writer_null(w, "door");
		return;
	}
	ev.boot_seq = a->boot_seq;
	ev.seq = a->seq;
	view_event_member(w, "door", &ev, &ctx);
}

int view_alert_look_up(struct store *s, struct store_alert *a, struct store_seen *seen,
		       struct store_alert_ports *ports)
{
	int err = store_seen_alert(s, a, seen);

	if (err)
		return err;
	a->seen = seen;
	if (!a->record.ptr)
		return 0;
	err = store_alert_ports(s, a->key, ports);
	if (!err)
		a->ports = ports;
	return err;
}

void view_scan_change_json(struct writer *w, const struct store_scan_change *c)
{
	writer_start(w, NULL);
	writer_time(w, "time", c->at_ns);
	writer_str(w, "node", c->node);
	writer_str(w, "class", c->host_type);
	writer_str(w, "event", "scan");
	writer_u64(w, "scan", c->scan_id);
	writer_str(w, "plan", *c->plan ? c->plan : NULL);
	writer_str(w, "kind", c->kind ? scan_kind_name(c->kind) : NULL);
	writer_str(w, "scanner", c->scanner);
	writer_str(w, "addr", c->addr);
	writer_str(w, "proto", door_proto_name(c->proto));
	writer_u64(w, "port", c->port);
	writer_str(w, "was", c->was == PORT_UNKNOWN ? NULL : port_state_name(c->was));
	writer_str(w, "state", port_state_name(c->state));
	writer_str(w, "service_was", *c->service_was ? c->service_was : NULL);
	writer_str(w, "service", *c->service ? c->service : NULL);
	writer_end(w);
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
static void put_alert_ports(struct writer *w, const struct store_alert *a)
{
	const struct store_alert_ports *p = a->ports;

	if (!p || !p->count) {
		writer_null(w, "ports");
		writer_u64(w, "port_count", a->proto != 0);
		return;
	}
	writer_str(w, "ports", p->folded);
	writer_u64(w, "port_count", p->count);
}

void view_alert_members(struct writer *w, const struct store_alert *a)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(8192);

	writer_u64(w, "id", a->id);
	writer_str(w, "kind", finding_kind_name(a->kind));
	writer_str(w, "severity", severity_name(a->severity));
	writer_str(w, "state", alert_state_name(a->state));
	writer_str(w, "nodes", a->nodes);
	writer_u64(w, "count", a->count);
	writer_str(w, "class", a->host_type);
	if (a->proto) {
		writer_str(w, "proto", door_proto_name(a->proto));
		writer_u64(w, "port", a->port);
	} else {
		writer_null(w, "proto");
		writer_null(w, "port");
	}
	writer_str(w, "summary", a->summary);
	writer_str(w, "why", store_alert_why(a, &why));
	writer_str(w, "remedy", a->remedy);
	writer_time(w, "first", a->first_ns);
	writer_time(w, "last", a->last_ns);
	writer_u64(w, "node_count", a->node_count);
	if (a->until_ns)
		writer_time(w, "until", a->until_ns);
	else
		writer_null(w, "until");
	put_alert_door(w, a);
	put_alert_ports(w, a);
	view_seen_member(w, a->seen);
}

void view_alert_json(struct writer *w, const struct store_alert *a)
{
	writer_start(w, NULL);
	view_alert_members(w, a);
	writer_end(w);
}

void view_change_json(struct writer *w, const struct store_alert_change *c)
{
	writer_start(w, NULL);
	writer_time(w, "time", c->at_ns);
	writer_str(w, "node", c->alert.node);
	writer_str(w, "event", "alert");
	writer_str(w, "who", c->who);
	writer_str(w, "note", c->note);
	view_alert_members(w, &c->alert);
	writer_end(w);
}

void view_sink_json(struct writer *w, const struct store_alert_change *c, const char *store)
{
	writer_start(w, NULL);
	writer_str(w, "store", store);
	writer_start(w, "change");
	writer_u64(w, "id", c->log_id);
	writer_time(w, "time", c->at_ns);
	writer_str(w, "who", c->who);
	writer_str(w, "note", c->note);
	writer_end(w);
	view_alert_members(w, &c->alert);
	writer_end(w);
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
