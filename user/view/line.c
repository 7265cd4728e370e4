/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What streams, one line each:
 *
 *	2026-11-22 16:01:02.123  node001  + tcp    0.0.0.0:4444           nc mlee ← bash ← sshd   unexpected  0.3 ms after listen()
 *
 * + opened, - closed, . bound, ~ held by others than before, * agent, ! records missing or an
 * alert.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "core/place.h"
#include "core/redirect.h"
#include "store/scan_changes.h"
#include "store/store.h"
#include "view/view.h"

#define SGR_RED "31"
#define SGR_YELLOW "33"
#define SGR_GREEN "32"
#define SGR_LOUD "1;31"
#define TEXT_SHOWN_MAX 400
#define NARROW 120
#define REDIRECT_SHOWN 3
#define WHO_WIDTH 32
#define WHO_WIDTH_MIN 12

const char *view_verdict_sgr(enum verdict v)
{
	return v == VERDICT_UNEXPECTED || v == VERDICT_IMPOSTOR ? SGR_RED : NULL;
}

const char *view_severity_sgr(enum severity s)
{
	switch (s) {
	case SEVERITY_CRITICAL:
		return SGR_RED;
	case SEVERITY_WARNING:
		return SGR_YELLOW;
	case SEVERITY_NOTICE:
		break;
	}
	return NULL;
}

void view_time(struct buf *b, uint64_t wall_ns, bool ms)
{
	struct buf iso = BUF_INIT(64);

	if (!wall_ns) {
		buf_putc(b, '?');
		return;
	}
	clock_format(&iso, wall_ns);
	if (!iso.err && iso.len >= 23) {
		iso.data[10] = ' '; /* "2026-11-22T16:01:02.123456Z" */
		buf_put(b, iso.data, ms ? 23 : 19);
	}
	buf_done(&iso);
}

void view_time_short(struct buf *b, uint64_t wall_ns, uint64_t now_ns)
{
	static const uint64_t day_ns = UINT64_C(86400000000000);
	struct buf t = BUF_INIT(64);

	view_time(&t, wall_ns, false);
	if (t.err || t.len < 19)
		buf_puts(b, "?");
	else if (wall_ns / day_ns == now_ns / day_ns)
		buf_put(b, t.data + 11, 8);
	else
		buf_put(b, t.data, 10);
	buf_done(&t);
}

/* In characters: the tail bytes of UTF-8 take no room. */
static size_t width_from(const struct buf *b, size_t from)
{
	size_t n = 0;

	for (size_t i = from; i < b->len; i++)
		n += ((unsigned char)b->data[i] & 0xc0) != 0x80;
	return n;
}

static void pad(struct buf *b, size_t from, size_t width)
{
	for (size_t n = width_from(b, from); n < width && !b->err; n++)
		buf_putc(b, ' ');
}

/* What is more than width characters becomes one of "…". */
static void cut(struct buf *b, size_t from, size_t width)
{
	size_t i = from;

	if (b->err || width_from(b, from) <= width)
		return;
	for (size_t n = 0; i < b->len; i++) {
		n += ((unsigned char)b->data[i] & 0xc0) != 0x80;
		if (n == width)
			break;
	}
	while (i > from && b->data[i - 1] == ' ')
		i--;
	b->len = i;
	buf_puts(b, "…");
}

/* Returns where the text begins, behind the colour. */
static size_t begin(struct buf *b, const char *sgr, uint64_t time_ns, const char *node,
		    const struct view_line_opts *o)
{
	size_t from, line;

	if (sgr && o->colour)
		buf_printf(b, "\033[%sm", sgr);
	line = b->len;
	view_time(b, time_ns, true);
	buf_puts(b, "  ");
	if (!o->with_node)
		return line;
	from = b->len;
	if (node)
		esc_text(b, node, strlen(node), 64);
	else
		buf_putc(b, '-');
	pad(b, from, 10);
	buf_putc(b, ' ');
	return line;
}

static void end(struct buf *b, const char *sgr, const struct view_line_opts *o)
{
	while (b->len && b->data[b->len - 1] == ' ')
		b->data[--b->len] = '\0';
	if (sgr && o->colour)
		buf_puts(b, "\033[0m");
	buf_putc(b, '\n');
}

static void put_reason(struct buf *b, struct text reason)
{
	if (!reason.ptr || !reason.len)
		return;
	buf_puts(b, ": ");
	esc_text(b, reason.ptr, reason.len, TEXT_SHOWN_MAX);
}

/* "1.5 s", "3 h 20 m": for how long a door was open. */
static void put_duration(struct buf *b, uint64_t ns)
{
	uint64_t s = ns / 1000000000, ms = ns / 1000000;

	if (ms < 1000)
		buf_printf(b, "%" PRIu64 " ms", ms);
	else if (s < 60)
		buf_printf(b, "%" PRIu64 ".%" PRIu64 " s", s, ms % 1000 / 100);
	else if (s < 3600)
		buf_printf(b, "%" PRIu64 " m %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		buf_printf(b, "%" PRIu64 " h %" PRIu64 " m", s / 3600, s % 3600 / 60);
	else
		buf_printf(b, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s % 86400 / 3600);
}

static void put_latency(struct buf *b, int64_t us, const struct event *ev, bool narrow)
{
	bool stream = ev->door.proto == PROTO_TCP || ev->door.proto == PROTO_MPTCP ||
		      ev->door.proto == PROTO_SCTP;
	const char *call = ev->kind == EVENT_OPEN && stream ? "listen()" : "bind()";

	if (us < 10000)
		buf_printf(b, "  %" PRId64 ".%" PRId64 " ms", us / 1000, us % 1000 / 100);
	else
		buf_printf(b, "  %" PRId64 " ms", us / 1000);
	if (!narrow)
		buf_printf(b, " after %s", call);
}

/* What stands behind who it was. */
void view_later_text(struct buf *b, const struct view_later *l)
{
	const char *word = l->verdict == VERDICT_PROFILED ? "allowed" : "row";

	if (!l->verdict)
		return;
	buf_printf(b, " (later %s", verdict_name(l->verdict));
	if (l->author && *l->author) {
		buf_printf(b, ", %s by ", word);
		esc_text(b, l->author, strlen(l->author), 64);
	}
	buf_putc(b, ' ');
	view_time(b, l->made_ns ? l->made_ns : l->at_ns, false);
	buf_putc(b, ')');
}

static void put_tail(struct buf *b, const struct event *ev, const struct view_event_ctx *ctx,
		     bool narrow)
{
	const struct process *closer = &ev->closer, *opener = &ev->opener;
	char where[PLACE_WHERE_MAX];

	place_where(&ev->door, opener, where);
	if (where[0]) {
		buf_puts(b, "  in ");
		esc_text(b, where, strlen(where), 0);
	}
	if (ev->kind == EVENT_CLOSE) {
		if (ev->opened_ns && ev->opened_ns <= ev->time_ns) {
			buf_puts(b, "  was open ");
			put_duration(b, ev->time_ns - ev->opened_ns);
		}
		if (closer->known && closer->pid != opener->pid) {
			buf_puts(b, "  closed by ");
			view_who(b, closer);
		}
	} else {
		const char *verdict = verdict_name(ctx->verdict);

		buf_printf(b, "  %s%s", verdict ? verdict : "",
			   ctx->verdict_computed ? " (as of now)" : "");
		/*
		 * All that were open while nothing was accepted yet: not worth a word in each line.
		 */
		if (ctx->verdict != VERDICT_LEARNING)
			view_later_text(b, &ctx->later);
		if (ctx->latency_us >= 0 && ev->kind != EVENT_SETTLE)
			put_latency(b, ctx->latency_us, ev, narrow);
	}
	if (ev->kind == EVENT_SETTLE)
		buf_puts(b, ev->door.connected ? "  connected to one peer" : "  open to all");
	else if (ev->origin == ORIGIN_SNAPSHOT)
		buf_puts(b, "  was open already");
	else if (ev->origin == ORIGIN_SWEEP && ev->kind != EVENT_HELD)
		buf_puts(b, "  found by sweep");
}

/* On a terminal the ancestors give way, so that the line does not wrap and the verdict is seen. */
static void put_door_line(struct buf *b, size_t line, const struct event *ev,
			  const struct view_event_ctx *ctx, const struct view_line_opts *o)
{
	static const char marks[] = {
		[EVENT_OPEN] = '+', [EVENT_CLOSE] = '-',  [EVENT_BIND] = '.',
		[EVENT_HELD] = '~', [EVENT_SETTLE] = '=',
	};
	_cleanup_(buf_done) struct buf tail = BUF_INIT(1 << 16);
	size_t from, room = WHO_WIDTH, taken;

	buf_printf(b, "%c %-7s ", marks[ev->kind], door_proto_name(ev->door.proto));
	from = b->len;
	door_endpoint_format(b, &ev->door);
	pad(b, from, 22);
	buf_putc(b, ' ');
	put_tail(&tail, ev, ctx, o->width && o->width < NARROW);
	from = b->len;
	if (ev->kind == EVENT_CLOSE)
		view_who(b, &ev->opener);
	else
		view_holder(b, ev);
	if (o->width) {
		taken = width_from(b, line) - width_from(b, from) + width_from(&tail, 0);
		room = o->width > taken + WHO_WIDTH_MIN ? o->width - taken : WHO_WIDTH_MIN;
		cut(b, from, room);
	}
	pad(b, from, room < WHO_WIDTH ? room : WHO_WIDTH);
	if (!tail.err && tail.len)
		buf_put(b, tail.data, tail.len);
}

/* How many ways there are now, and the first of them. */
static void put_redirect(struct buf *b, const struct event *ev)
{
	struct text list = ev->reason, line;
	unsigned n = 0;

	buf_printf(b, "* redirects changed: %" PRIu64 " way%s in without a door", ev->count,
		   plural(ev->count));
	while (n++ < REDIRECT_SHOWN && redirect_next(&list, &line)) {
		buf_puts(b, n == 1 ? ": " : "; ");
		redirect_format_line(b, line);
	}
	if (list.len)
		buf_puts(b, "; ...");
}

void view_event_line(struct buf *b, const struct event *ev, const struct view_event_ctx *ctx,
		     const struct view_line_opts *o)
{
	const char *sgr = NULL;
	size_t line;

	switch (ev->kind) {
	case EVENT_OPEN:
	case EVENT_SETTLE:
	case EVENT_HELD:
		sgr = view_verdict_sgr(ctx->verdict);
		break;
	case EVENT_LOST:
	case EVENT_GAP:
		sgr = SGR_LOUD;
		break;
	case EVENT_CLOSE:
	case EVENT_BIND:
	case EVENT_START:
	case EVENT_STOP:
	case EVENT_REDIRECT:
		break;
	}
	line = begin(b, sgr, ev->time_ns, ctx->node, o);
	switch (ev->kind) {
	case EVENT_OPEN:
	case EVENT_CLOSE:
	case EVENT_BIND:
	case EVENT_SETTLE:
	case EVENT_HELD:
		put_door_line(b, line, ev, ctx, o);
		break;
	case EVENT_LOST:
		buf_printf(b, "! LOST %" PRIu64 " event%s", ev->count, plural(ev->count));
		put_reason(b, ev->reason);
		break;
	case EVENT_GAP:
		if (ev->opened_ns) {
			buf_puts(b, "! GAP of ");
			put_duration(b,
				     ev->time_ns > ev->opened_ns ? ev->time_ns - ev->opened_ns : 0);
			put_reason(b, ev->reason);
			break;
		}
		buf_printf(b, "! GAP of %" PRIu64 " record%s, %" PRIu64 " to %" PRIu64, ev->count,
			   plural(ev->count), ev->from_seq, ev->to_seq);
		put_reason(b, ev->reason);
		break;
	case EVENT_START:
	case EVENT_STOP:
		buf_printf(b, "* recording %s", ev->kind == EVENT_START ? "starts" : "stops");
		put_reason(b, ev->reason);
		break;
	case EVENT_REDIRECT:
		put_redirect(b, ev);
		break;
	}
	end(b, sgr, o);
}

/* "tcp 80 was open (http nginx), now filtered": the rest of the line, after who says so. */
static void put_scan_change(struct buf *b, const struct store_scan_change *c)
{
	bool same = c->was == c->state;

	buf_printf(b, "%s %" PRIu32 " ", door_proto_name(c->proto), c->port);
	if (c->was != PORT_UNKNOWN) {
		buf_printf(b, "was %s", port_state_name(c->was));
		if (*c->service_was && (same || c->was == PORT_OPEN))
			buf_printf(b, " (%s)", c->service_was);
		buf_puts(b, ", now ");
	}
	buf_puts(b, port_state_name(c->state));
	if (*c->service && c->state == PORT_OPEN)
		buf_printf(b, " (%s)", c->service);
	if (c->was == PORT_UNKNOWN)
		buf_puts(b, ", not seen before");
}

void view_scan_change_line(struct buf *b, const struct store_scan_change *c,
			   const struct view_line_opts *o)
{
	begin(b, NULL, c->at_ns, c->node, o);
	buf_printf(b, "? scan %" PRIu64 "%s%s from %s: ", c->scan_id, *c->plan ? " " : "", c->plan,
		   c->scanner);
	put_scan_change(b, c);
	buf_printf(b, " at %s", c->addr);
	end(b, NULL, o);
}

void view_change_line(struct buf *b, const struct store_alert_change *c,
		      const struct view_line_opts *o)
{
	const struct store_alert *a = &c->alert;
	const char *sgr = c->state == ALERT_OPEN       ? view_severity_sgr(a->severity)
			  : c->state == ALERT_RESOLVED ? SGR_GREEN
						       : NULL;

	begin(b, sgr, c->at_ns, a->node ? a->node : a->nodes, o);
	buf_printf(b, "! alert %" PRIu64 " %s, %s: ", a->id, alert_state_name(c->state),
		   severity_name(a->severity));
	if (a->summary)
		esc_text(b, a->summary, strlen(a->summary), TEXT_SHOWN_MAX);
	if (c->note && *c->note) {
		buf_puts(b, " (");
		esc_text(b, c->note, strlen(c->note), TEXT_SHOWN_MAX);
		buf_putc(b, ')');
	}
	end(b, sgr, o);
}
