/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CEF, version 0: "CEF:0|Ajar|Ajar|VERSION|KIND|SUMMARY|SEVERITY|key=value key=value ...". In the
 * header a backslash and a bar are escaped with a backslash, in values a backslash and an equals
 * sign; neither has line breaks, since control characters are written as \xNN (which is then
 * \\xNN).
 */
#include <inttypes.h>
#include <string.h>

#include "ajar/version.h"
#include "base/buf.h"
#include "core/place.h"
#include "store/seen.h"
#include "store/store.h"
#include "view/encode.h"

#define HEADER_BYTES_MAX 512
#define VALUE_BYTES_MAX 1023 /* what ArcSight's columns of strings take */

/* Escaped text, and behind it CEF's own escapes. */
static void put_escaped(struct buf *b, const char *p, size_t n, size_t max, char special)
{
	_cleanup_(buf_done) struct buf t = BUF_INIT(1 << 16);

	esc_text(&t, p, n, max);
	for (size_t i = 0; i < t.len; i++) {
		if (t.data[i] == '\\' || t.data[i] == special)
			buf_putc(b, '\\');
		buf_putc(b, t.data[i]);
	}
}

static void put_header(struct buf *b, const char *s)
{
	put_escaped(b, s ? s : "", s ? strlen(s) : 0, HEADER_BYTES_MAX, '|');
	buf_putc(b, '|');
}

static void put_text(struct buf *b, const char *key, struct text t)
{
	if (!t.ptr || !t.len)
		return;
	buf_printf(b, "%s=", key);
	put_escaped(b, t.ptr, t.len, VALUE_BYTES_MAX, '=');
	buf_putc(b, ' ');
}

static void put_str(struct buf *b, const char *key, const char *s)
{
	put_text(b, key, text_of(s));
}

static void put_u64(struct buf *b, const char *key, uint64_t v)
{
	buf_printf(b, "%s=%" PRIu64 " ", key, v);
}

static void put_label(struct buf *b, unsigned number, const char *label, const char *value)
{
	if (!value || !*value)
		return;
	buf_printf(b, "cs%uLabel=%s cs%u=", number, label, number);
	put_escaped(b, value, strlen(value), VALUE_BYTES_MAX, '=');
	buf_putc(b, ' ');
}

static void put_door(struct buf *b, const struct event *ev)
{
	_cleanup_(buf_done) struct buf t = BUF_INIT(1 << 16);
	const struct process *p = &ev->opener;
	const struct door *d = &ev->door;

	put_str(b, "proto", d->proto == PROTO_MPTCP ? "tcp" : door_proto_name(d->proto));
	if (d->port <= UINT16_MAX)
		put_u64(b, "dpt", d->port);
	if (d->family == FAMILY_INET || d->family == FAMILY_INET6) {
		door_addr_format(&t, d);
		put_str(b, d->family == FAMILY_INET ? "dst" : "c6a3", buf_str(&t));
		if (d->family == FAMILY_INET6)
			buf_puts(b, "c6a3Label=Destination IPv6 Address ");
	}
	if (!p->known || p->kernel)
		return;
	put_u64(b, "dpid", p->pid);
	put_text(b, "dproc", (struct text){ p->comm, (uint32_t)strnlen(p->comm, COMM_LEN) });
	put_text(b, "duser", p->user);
	if (p->uid != ID_UNKNOWN)
		put_u64(b, "duid", p->uid);
	put_text(b, "filePath", p->exe);
	buf_reset(&t);
	view_argv(&t, p);
	put_label(b, 6, "argv", buf_str(&t));
}

void view_encode_cef(const struct store_alert_change *c, const char *store, struct buf *b)
{
	_cleanup_(buf_done) struct buf outside = BUF_INIT(2048), why = BUF_INIT(8192);
	const struct store_alert *a = &c->alert;
	struct event ev;

	buf_puts(b, "CEF:0|Ajar|Ajar|" AJAR_VERSION "|");
	put_header(b, finding_kind_name(a->kind));
	put_header(b, a->summary);
	buf_printf(b, "%d|",
		   a->severity == SEVERITY_CRITICAL  ? 9
		   : a->severity == SEVERITY_WARNING ? 6
						     : 3);
	put_u64(b, "rt", c->at_ns / 1000000);
	put_u64(b, "start", a->first_ns / 1000000);
	buf_printf(b, "externalId=%s:%" PRIu64 " ", store, c->log_id);
	put_u64(b, "cnt", a->count);
	put_str(b, "dhost", a->node);
	put_str(b, "act", alert_state_name(c->state));
	if (view_change_event(c, &ev))
		put_door(b, &ev);
	put_label(b, 1, "class", a->host_type);
	put_label(b, 2, "nodes", a->nodes);
	put_label(b, 3, "why", store_alert_why(a, &why));
	put_label(b, 4, "remedy", a->remedy);
	put_label(b, 5, "who", c->who);
	put_str(b, "msg", c->note);
	if (a->seen && a->seen->scan_id) {
		view_seen_text(&outside, a->seen);
		buf_puts(b, "flexString1Label=outside ");
		put_str(b, "flexString1", buf_str(&outside));
	}
	while (b->len &&
	       b->data[b->len - 1] == ' ') /* which no value ends with: it would be part of it */
		b->data[--b->len] = '\0';
}
