/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/seen.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "core/portset.h"
#include "scan/arena.h"

#define TEXTS_MAX (16u << 20)
#define COLUMN_MAX 240 /* bytes of the escaped text; its column takes 255 */
#define SHORT_MAX 60 /* of the columns that take 64 */
#define LISTS_MAX (1u << 20)

static const char *keep(struct arena *a, const struct buf *b, int *err)
{
	struct text t = arena_put(a, buf_str(b), b->len);

	if (b->err || !t.ptr) {
		*err = b->err ? b->err : -ENOMEM;
		return "";
	}
	return t.ptr;
}

static const char *escaped(struct arena *a, struct text t, size_t max, int *err)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	if (!t.ptr || !t.len)
		return "";
	esc_text(&b, t.ptr, t.len, max);
	return keep(a, &b, err);
}

static const char *fingerprints(struct arena *a, const struct port_seen *p, int *err)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	if (!p->fingerprints_len)
		return "";
	fingerprints_format(&b, p->fingerprints, p->fingerprints_len);
	return keep(a, &b, err);
}

static void make_port(struct arena *a, const struct port_seen *p, struct store_scan_port *ret,
		      int *err)
{
	*ret = (struct store_scan_port){
		.proto = p->proto,
		.port = p->port,
		.state = p->state,
		.reason = escaped(a, p->reason, SHORT_MAX, err),
		.reason_ttl = p->reason_ttl,
		.service = escaped(a, p->service.name, COLUMN_MAX, err),
		.method = p->service.method,
		.conf = p->service.conf,
		.product = escaped(a, p->service.product, COLUMN_MAX, err),
		.version = escaped(a, p->service.version, COLUMN_MAX, err),
		.extra = escaped(a, p->service.extra, COLUMN_MAX, err),
		.tunnel = escaped(a, p->service.tunnel, SHORT_MAX, err),
		.fingerprint = fingerprints(a, p, err),
	};
}

static uint64_t count_open(const struct scan_host *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i < h->ports_len; i++)
		n += h->ports[i].state == PORT_OPEN;
	for (unsigned i = 0; i < h->extras_len; i++)
		n += h->extras[i].state == PORT_OPEN ? h->extras[i].count : 0;
	return n;
}

/* A list of nmap's is digits, commas and dashes; anything else it is not. */
static bool is_list(struct text t)
{
	for (uint32_t i = 0; i < t.len; i++) {
		if (!(t.ptr[i] >= '0' && t.ptr[i] <= '9') && t.ptr[i] != ',' && t.ptr[i] != '-')
			return false;
	}
	return t.ptr && t.len;
}

static void put_list(struct buf *b, enum door_proto proto, const char *state, struct text list)
{
	if (!is_list(list))
		return;
	buf_printf(b, "%s%s %s ", b->len ? "; " : "", door_proto_name(proto), state);
	buf_put(b, list.ptr, list.len);
}

/* Those of one state, out of a flood. */
static void fold_flood(const struct scan_host *h, enum door_proto proto, struct buf *b)
{
	_cleanup_(buf_done) struct buf list = BUF_INIT(LISTS_MAX);
	struct ports *set = calloc(1, sizeof(*set));

	if (!set) {
		b->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < h->ports_len; i++) {
		if (h->ports[i].proto == proto && h->ports[i].state == PORT_OPEN)
			ports_add(set, h->ports[i].port, h->ports[i].port);
	}
	ports_format(&list, set);
	free(set);
	put_list(b, proto, port_state_name(PORT_OPEN),
		 (struct text){ buf_str(&list), (uint32_t)list.len });
}

static const char *folded(struct arena *a, const struct scan_host *h, bool flooded, int *err)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(LISTS_MAX);

	for (unsigned i = 0; i < h->extras_len; i++)
		put_list(&b, h->extras[i].proto, port_state_name(h->extras[i].state),
			 h->extras[i].ports);
	if (flooded) {
		fold_flood(h, PROTO_TCP, &b);
		fold_flood(h, PROTO_UDP, &b);
	}
	return b.len ? keep(a, &b, err) : "";
}

static const char *asked(struct arena *a, const struct scan_run *run, int *err)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(LISTS_MAX);

	for (unsigned i = 0; i < run->asked_len; i++) {
		if (!is_list(run->asked[i].ports))
			continue;
		buf_printf(&b, "%s%s ", b.len ? "; " : "", door_proto_name(run->asked[i].proto));
		buf_put(&b, run->asked[i].ports.ptr, run->asked[i].ports.len);
	}
	return b.len ? keep(a, &b, err) : "";
}

static enum scan_host_state state_of(const struct scan_host *h, uint64_t open)
{
	return h->timed_out	      ? SCAN_HOST_TIMED_OUT
	       : open > SEEN_OPEN_MAX ? SCAN_HOST_FLOODED
	       : h->cut		      ? SCAN_HOST_CUT
	       : !h->up		      ? SCAN_HOST_LOST
				      : SCAN_HOST_SEEN;
}

/* nmap has whole seconds: a second later is when it was surely over. */
static uint64_t end_of(const struct scan_host *h)
{
	return h->end_ns ? h->end_ns + 999999999 : clock_wall_ns();
}

static int make(const struct scan_host *h, const struct scan_run *run, struct seen *s)
{
	uint64_t open = count_open(h);
	bool flooded = open > SEEN_OPEN_MAX;
	int err = 0;

	s->host = (struct store_scan_host){
		.state = state_of(h, open),
		.started_ns = h->start_ns,
		.ended_ns = end_of(h),
		.asked = asked(s->texts, run, &err),
		.folded = folded(s->texts, h, flooded, &err),
		.open_count = open,
	};
	if (flooded || !h->ports_len || err)
		return err;
	s->ports = calloc(h->ports_len, sizeof(*s->ports));
	if (!s->ports)
		return -ENOMEM;
	for (size_t i = 0; i < h->ports_len; i++)
		make_port(s->texts, &h->ports[i], &s->ports[s->ports_len++], &err);
	return err;
}

int seen_make(const struct scan_host *h, const struct scan_run *run, struct seen *ret_seen)
{
	struct seen s = { .texts = calloc(1, sizeof(struct arena)) };
	int err;

	if (!s.texts)
		return -ENOMEM;
	s.texts->max = TEXTS_MAX;
	err = make(h, run, &s);
	if (err)
		seen_done(&s);
	else
		*ret_seen = s;
	return err;
}

void seen_done(struct seen *s)
{
	if (s->texts)
		arena_reset(s->texts);
	free(s->texts);
	free(s->ports);
	*s = (struct seen){ 0 };
}
