/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/doorset.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"
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
	int c;

	if (d->proto != e->proto)
		return d->proto < e->proto ? -1 : 1;
	if (d->port != e->port)
		return d->port < e->port ? -1 : 1;
	if (d->family != e->family)
		return d->family < e->family ? -1 : 1;
	c = memcmp(d->addr, e->addr, sizeof(d->addr));
	if (c)
		return c;
	c = strcmp(a->node, b->node);
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

static int print_json(const struct doorset *s)
{
	static const struct store_seen none;
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct jsonw j;
	struct writer w;
	int err = 0;

	jsonw_init(&j, &b);
	for (size_t i = 0; i < s->len && !err; i++) {
		const struct doorset_item *it = &s->items[i];
		const struct view_event_ctx ctx = { .node = it->node,
						    .host_type = it->host_type,
						    .verdict = it->verdict,
						    .later = it->later,
						    .verdict_computed = it->computed,
						    .latency_us = -1,
						    .seen = s->outside ? it->seen ? it->seen : &none
								       : NULL };

		writer_json(&w, &j);
		view_event_json(&w, &it->ev, &ctx);
		err = out_json(&j);
	}
	return err ? err : out_flush();
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

/* The columns that not every list has. */
struct shape {
	bool where, outside;
};

static int add_row(struct table *t, const struct doorset_item *it, uint64_t now_ns,
		   const struct shape *shape)
{
	struct buf addr = BUF_INIT(128), since = BUF_INIT(128), who = BUF_INIT(4096),
		   pid = BUF_INIT(32), seen = BUF_INIT(128), where = BUF_INIT(1024),
		   verdict = BUF_INIT(512);
	const char *name = verdict_name(it->verdict);
	int err;

	if (shape->outside)
		put_outside(&seen, it, now_ns);
	buf_printf(&verdict, "%s%s", name ? name : "-", it->computed ? " (as of now)" : "");
	if (it->verdict != VERDICT_LEARNING)
		view_later_text(&verdict, &it->later);
	door_endpoint_format(&addr, &it->ev.door);
	put_since(&since, &it->ev, now_ns);
	view_holder(&who, &it->ev);
	if (view_holder_pid(&it->ev))
		buf_printf(&pid, "%" PRIu32, view_holder_pid(&it->ev));
	view_where(&where, &it->ev.door, &it->ev.opener);
	{
		const char *cells[8 + 1];
		size_t n = 0;

		cells[n++] = it->node;
		cells[n++] = door_proto_name(it->ev.door.proto);
		cells[n++] = buf_str(&addr);
		if (shape->where)
			cells[n++] = where.len ? buf_str(&where) : "-";
		cells[n++] = buf_str(&since);
		cells[n++] = buf_str(&pid);
		cells[n++] = buf_str(&who);
		cells[n++] = buf_str(&verdict);
		if (shape->outside)
			cells[n++] = buf_str(&seen);
		err = table_row(t, cells, n, view_verdict_sgr(it->verdict));
	}
	buf_done(&where);
	buf_done(&addr);
	buf_done(&since);
	buf_done(&who);
	buf_done(&pid);
	buf_done(&seen);
	buf_done(&verdict);
	return err;
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

int doorset_print(const struct doorset *s, const struct cmd_ctx *c)
{
	static const struct table_column all[] = {
		{ "NODE", 0, false, true },	{ "PROTO", 0, false, false },
		{ "ADDRESS", 0, false, false }, { "IN", 0, false, true },
		{ "SINCE", 0, false, false },	{ "PID", 0, true, false },
		{ "WHO", 0.3, false, true },	{ "VERDICT", 0, false, false },
		{ "OUTSIDE", 0, false, false },
	};
	struct shape shape = { .where = any_elsewhere(s), .outside = s->outside };
	struct table_column columns[array_len(all)];
	size_t n = 0;
	_cleanup_(table_freep) struct table *t = NULL;
	uint64_t now_ns = clock_wall_ns();
	int err;

	if (c->json)
		return print_json(s);
	if (!s->len)
		return 0;
	for (size_t i = 0; i < array_len(all); i++) {
		if ((i != 3 || shape.where) && (i + 1 < array_len(all) || shape.outside))
			columns[n++] = all[i];
	}
	err = table_new(columns, n, c->colour, &t);
	for (size_t i = 0; i < s->len && !err; i++)
		err = add_row(t, &s->items[i], now_ns, &shape);
	if (!err)
		err = table_print(t, stdout);
	return err ? err : out_flush();
}
