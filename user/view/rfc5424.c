/* SPDX-License-Identifier: GPL-2.0 */
#include "view/rfc5424.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "store/store.h"

#define FACILITY_DAEMON (3 << 3)
#define HOST_BYTES_MAX 255
#define VALUE_BYTES_MAX 1024
#define TEXT_BYTES_MAX 2048

static unsigned severity_of(const struct store_alert_change *c)
{
	if (c->state != ALERT_OPEN)
		return 6;
	return c->alert.severity == SEVERITY_CRITICAL  ? 2
	       : c->alert.severity == SEVERITY_WARNING ? 4
						       : 5;
}

static void put_host(struct buf *b, const char *host)
{
	size_t n = 0;

	for (; host && host[n] && n < HOST_BYTES_MAX; n++) {
		unsigned char u = (unsigned char)host[n];

		buf_putc(b, u > ' ' && u < 0x7f ? host[n] : '-');
	}
	if (!n)
		buf_putc(b, '-');
}

/* In a value '"', '\' and ']' have a backslash before them. */
static void put_param(struct buf *b, const char *name, const char *value)
{
	_cleanup_(buf_done) struct buf t = BUF_INIT(1 << 14);

	if (!value || !*value)
		return;
	esc_text(&t, value, strlen(value), VALUE_BYTES_MAX);
	buf_printf(b, " %s=\"", name);
	for (size_t i = 0; i < t.len; i++) {
		if (strchr("\"\\]", t.data[i]))
			buf_putc(b, '\\');
		buf_putc(b, t.data[i]);
	}
	buf_putc(b, '"');
}

static void put_number(struct buf *b, const char *name, uint64_t v)
{
	buf_printf(b, " %s=\"%" PRIu64 "\"", name, v);
}

static void put_words(struct buf *b, const struct store_alert_change *c)
{
	_cleanup_(buf_done) struct buf b_why = BUF_INIT(8192);
	const struct store_alert *a = &c->alert;
	const char *summary = a->summary ? a->summary : "", *why = store_alert_why(a, &b_why);

	buf_printf(b, "alert %" PRIu64 " %s, %s: ", a->id, alert_state_name(c->state),
		   severity_name(a->severity));
	esc_text(b, summary, strlen(summary), TEXT_BYTES_MAX / 2);
	if (c->state != ALERT_OPEN || !why || !*why)
		return;
	buf_puts(b, ": ");
	esc_text(b, why, strlen(why), TEXT_BYTES_MAX / 2);
}

void view_rfc5424(const struct store_alert_change *c, const char *host, unsigned pid,
		  const char *text, size_t len, struct buf *b)
{
	const struct store_alert *a = &c->alert;

	buf_printf(b, "<%u>1 ", FACILITY_DAEMON | severity_of(c));
	clock_format(b, c->at_ns);
	buf_putc(b, ' ');
	put_host(b, host);
	buf_printf(b, " ajar %u %s [ajar@32473", pid, finding_kind_name(a->kind));
	put_number(b, "alert", a->id);
	put_number(b, "change", c->log_id);
	put_number(b, "count", a->count);
	put_param(b, "severity", severity_name(a->severity));
	put_param(b, "state", alert_state_name(c->state));
	put_param(b, "class", a->host_type);
	put_param(b, "nodes", a->nodes);
	if (a->proto) {
		put_param(b, "proto", door_proto_name(a->proto));
		put_number(b, "port", a->port);
	}
	put_param(b, "who", c->who);
	put_param(b, "note", c->note);
	buf_puts(b, "] ");
	if (text)
		buf_put(b, text, len);
	else
		put_words(b, c);
}
