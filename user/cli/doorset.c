/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/doorset.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "core/place.h"
#include "store/seen.h"
#include "view/view.h"
#include "view/writer.h"

void doorset_done(struct doorset *s)
{
	for (size_t i = 0; i < s->len; i++) {
		free(s->items[i].record);
		free((char *)s->items[i].later.author);
		free(s->items[i].seen);
		free(s->items[i].node);
		free(s->items[i].host_type);
	}
	free(s->items);
	*s = (struct doorset){ 0 };
}

static int make_room(struct doorset *s)
{
	size_t cap = s->cap ? s->cap * 2 : 64;
	struct doorset_item *p;

	if (s->len < s->cap)
		return 0;
	if (s->len >= DOORSET_MAX)
		return -E2BIG;
	p = reallocarray(s->items, cap, sizeof(*p));
	if (!p)
		return -ENOMEM;
	s->items = p;
	s->cap = cap;
	return 0;
}

static int fill(struct doorset_item *it, const struct event *ev, const char *node,
		const char *host_type)
{
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	size_t n;
	int err;

	event_encode(ev, &b);
	n = b.len;
	err = b.err;
	it->record = buf_take(&b);
	it->node = strdup(node);
	it->host_type = strdup(host_type);
	if (err)
		return err;
	if (!it->record || !it->node || !it->host_type)
		return -ENOMEM;
	err = event_decode(it->record, n, &it->ev);
	it->ev.boot_seq = ev->boot_seq;
	it->ev.seq = ev->seq;
	return err;
}

int doorset_add(struct doorset *s, const struct event *ev, const char *node, const char *host_type,
		enum verdict verdict)
{
	struct doorset_item *it;
	int err = make_room(s);

	if (err)
		return err;
	it = &s->items[s->len++]; /* doorset_done() copes with a half-filled one */
	*it = (struct doorset_item){ .verdict = verdict };
	return fill(it, ev, node ? node : "", host_type ? host_type : "");
}

void doorset_later(struct doorset *s, const struct view_later *later, bool computed)
{
	struct doorset_item *it = &s->items[s->len - 1];

	it->later = *later;
	it->later.author = later->author ? strdup(later->author) : NULL; /* NULL: not known */
	it->computed = computed;
}

static int compare(const void *x, const void *y)
{
	const struct doorset_item *a = x, *b = y;
	const struct door *d = &a->ev.door, *e = &b->ev.door;
	int c = strcmp(a->node, b->node);

	if (c)
		return c;
	if (d->proto != e->proto)
		return d->proto < e->proto ? -1 : 1;
	if (d->port != e->port)
		return d->port < e->port ? -1 : 1;
	if (d->family != e->family)
		return d->family < e->family ? -1 : 1;
	c = memcmp(d->addr, e->addr, sizeof(d->addr));
	if (c)
		return c;
	return d->cookie < e->cookie ? -1 : d->cookie > e->cookie;
}

void doorset_sort(struct doorset *s)
{
	if (s->len)
		qsort(s->items, s->len, sizeof(*s->items), compare);
}

static bool scannable(const struct door *d)
{
	return d->scope != SCOPE_LOOPBACK && d->port && d->port <= UINT16_MAX &&
	       (d->proto == PROTO_TCP || d->proto == PROTO_MPTCP || d->proto == PROTO_UDP ||
		d->proto == PROTO_SCTP);
}

int doorset_look_outside(struct doorset *s, struct store *store)
{
	int err = s->len > DOORSET_OUTSIDE_MAX ? -E2BIG : 0;

	for (size_t i = 0; i < s->len && !err; i++) {
		struct doorset_item *it = &s->items[i];

		if (!scannable(&it->ev.door))
			continue;
		it->seen = calloc(1, sizeof(*it->seen));
		err = it->seen ? store_seen_port(store, it->node, it->ev.door.proto,
						 (uint16_t)it->ev.door.port, it->ev.time_ns,
						 it->seen)
			       : -ENOMEM;
	}
	s->outside = !err;
	return err;
}

/* What was open before anybody looked says so. */
static void put_since(struct buf *b, const struct event *ev, uint64_t now_ns)
{
	if (ev->origin != ORIGIN_EVENT)
		buf_puts(b, "before ");
	view_time_short(b, ev->time_ns, now_ns);
}

/* "open, 02:00:21"; one that the node's addresses do not lead to is nobody's to scan. */
static void put_outside(struct buf *b, const struct doorset_item *it, uint64_t now_ns)
{
	if (!it->seen || !it->seen->scan_id) {
		buf_puts(b, it->ev.door.scope == SCOPE_LOOPBACK || it->ev.door.elsewhere
				    ? "-"
				    : "not known");
		return;
	}
	buf_printf(b, "%s, ", port_state_name(it->seen->state));
	view_time_short(b, it->seen->ended_ns, now_ns);
}

static void put_cells(struct writer *w, const struct doorset_item *it)
{
	_cleanup_(buf_done) struct buf addr = BUF_INIT(128), since = BUF_INIT(128),
				       who = BUF_INIT(4096), seen = BUF_INIT(128),
				       verdict = BUF_INIT(512);
	const char *name = verdict_name(it->verdict);

	put_outside(&seen, it, w->now_ns);
	buf_printf(&verdict, "%s%s", name ? name : "-", it->computed ? " (as of now)" : "");
	if (it->verdict != VERDICT_LEARNING)
		view_later_text(&verdict, &it->later);
	door_endpoint_format(&addr, &it->ev.door);
	put_since(&since, &it->ev, w->now_ns);
	view_holder(&who, &it->ev);
	writer_cell(w, "addr", "%s", buf_str(&addr));
	writer_cell(w, "time", "%s", buf_str(&since));
	if (view_holder_pid(&it->ev))
		writer_cell(w, "pid", "%" PRIu32, view_holder_pid(&it->ev));
	writer_cell(w, "who", "%s", buf_str(&who));
	writer_cell(w, "verdict", "%s", buf_str(&verdict));
	writer_cell(w, "outside", "%s", buf_str(&seen));
	writer_colour(w, view_verdict_sgr(it->verdict));
}

static int put_item(struct writer *w, const struct doorset *s, const struct doorset_item *it)
{
	static const struct store_seen none;
	const struct view_event_ctx ctx = { .node = it->node,
					    .host_type = it->host_type,
					    .verdict = it->verdict,
					    .later = it->later,
					    .verdict_computed = it->computed,
					    .latency_us = -1,
					    .seen = s->outside ? it->seen ? it->seen : &none
							       : NULL };

	writer_start(w, NULL);
	view_event_members(w, &it->ev, &ctx);
	if (writer_for_people(w))
		put_cells(w, it);
	return writer_end(w);
}

/* Only then there is a column for it. */
static bool any_elsewhere(const struct doorset *s)
{
	char where[PLACE_WHERE_MAX];

	for (size_t i = 0; i < s->len; i++) {
		place_where(&s->items[i].ev.door, &s->items[i].ev.opener, where);
		if (where[0])
			return true;
	}
	return false;
}

int doorlist_open(struct doorlist *l, const struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		COLUMN("node", "NODE", .trunc = true),
		COLUMN("proto", "PROTO", .none = "?"),
		COLUMN("addr", "ADDRESS"),
		FIELD("port"),
		COLUMN("where", "IN", .trunc = true),
		COLUMN("time", "SINCE"),
		COLUMN("pid", "PID", .right = true, .none = "", .people = true),
		COLUMN("who", "WHO", .width = 0.3, .trunc = true, .people = true),
		COLUMN("verdict", "VERDICT"),
		COLUMN("outside", "OUTSIDE", .people = true),
		VIEW_EVENT_FIELDS,
		VIEW_SEEN_FIELDS("scan."),
		{ 0 },
	};

	l->out_err = out_open(c, fields, &l->w);
	if (l->out_err)
		return l->out_err;
	writer_hide(&l->w, "where");
	writer_hide(&l->w, "outside");
	return 0;
}

int doorlist_put(struct doorlist *l)
{
	struct doorset *s = &l->doors;

	doorset_sort(s);
	if (any_elsewhere(s))
		writer_show(&l->w, "where");
	if (s->outside)
		writer_show(&l->w, "outside");
	for (size_t i = 0; i < s->len && !l->out_err; i++)
		l->out_err = put_item(&l->w, s, &s->items[i]);
	l->len += s->len;
	doorset_done(s);
	if (!l->out_err)
		l->out_err = writer_page(&l->w);
	return l->out_err;
}

int doorlist_close(struct doorlist *l)
{
	return l->out_err ? l->out_err : (l->out_err = writer_close(&l->w));
}

void doorlist_done(struct doorlist *l)
{
	doorset_done(&l->doors);
	writer_done(&l->w);
}

int doorset_print(struct doorset *s, const struct cmd_ctx *c)
{
	_cleanup_(doorlist_done) struct doorlist l = { .doors = *s };
	int err;

	*s = (struct doorset){ 0 };
	err = doorlist_open(&l, c);
	if (!err)
		err = doorlist_put(&l);
	return err ? err : doorlist_close(&l);
}
