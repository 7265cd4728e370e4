/* SPDX-License-Identifier: GPL-2.0 */
#include "view/node_ports.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/explain.h"
#include "audit/holder.h"
#include "audit/verdict.h"
#include "base/buf.h"
#include "base/clock.h"
#include "core/place.h"
#include "store/executables.h"
#include "store/seen.h"
#include "store/store.h"
#include "view/view.h"
#include "view/writer.h"

#define PORTS_SHOWN_MAX 500
#define MISSES_TEXT 300 /* a longer text is cut */

/* A port of the node: what each of the three says. */
struct line {
	enum door_proto proto;
	uint32_t port;
	const struct profile_row *row; /* borrowed from the profile */
	char misses[MISSES_TEXT]; /* what the row asks for and the worst door is not; "": nothing */
	enum verdict verdict; /* of its worst door */
	enum severity severity;
	uint64_t doors; /* open ones */
	bool open, loopback_only;
	bool elsewhere_only; /* no door of the host's own network namespace */
	char in[PLACE_WHERE_MAX]; /* where one of another namespace is */
	char who[128];
};

struct ports {
	struct store *store;
	const struct profile *profile; /* NULL: the class has none */
	uint64_t now_ns;
	size_t len;
	struct line lines[PORTS_SHOWN_MAX];
	uint64_t more; /* open doors on ports that have no line */
};

/* One that alerts has a line in any case: that of the one which matters least goes. */
static struct line *room_for(struct ports *p, enum severity severity)
{
	struct line *least = &p->lines[0];

	if (p->len < PORTS_SHOWN_MAX)
		return &p->lines[p->len++];
	for (size_t i = 1; i < p->len && least->severity; i++)
		if (p->lines[i].severity < least->severity)
			least = &p->lines[i];
	if (least->severity >= severity)
		return NULL;
	p->more += least->doors;
	return least;
}

static struct line *line_of(struct ports *p, enum door_proto proto, uint32_t port,
			    enum severity severity)
{
	struct line *l;

	proto = proto_class(proto);
	for (size_t i = 0; i < p->len; i++) {
		if (p->lines[i].port == port && p->lines[i].proto == proto)
			return &p->lines[i];
	}
	l = room_for(p, severity);
	if (!l)
		return NULL;
	*l = (struct line){ .proto = proto, .port = port };
	return l;
}

static bool has_port(enum door_proto proto)
{
	return proto == PROTO_TCP || proto == PROTO_MPTCP || proto == PROTO_UDP ||
	       proto == PROTO_UDPLITE || proto == PROTO_SCTP;
}

static bool covers(const struct profile_row *r, const struct line *l)
{
	return r->proto == l->proto && r->port <= l->port &&
	       l->port <= (r->port_end ? r->port_end : r->port);
}

/*
 * What the profile says of the door: the row that is about it, a denial before the others. If none
 * is, the first that covers its port, with what the door is not.
 */
static void find_row(const struct ports *p, const struct store_door *d, struct line *l)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	struct exe_account files[HOLDERS_JUDGED_MAX];
	struct event ev = d->ev;
	struct judgement j;
	struct process who;

	l->row = NULL;
	l->misses[0] = '\0';
	if (!p->profile)
		return;
	if (store_event_files(p->store, d->node, p->profile, d->verdict == VERDICT_SETTLING, &ev,
			      files))
		return; /* no row is said to be it */
	audit_judge_event(p->profile, &ev, p->now_ns, OUTSIDE_UNKNOWN, &j, &who);
	if (j.verdict == VERDICT_PROFILED) {
		l->row = j.row;
		return;
	}
	for (size_t i = 0; i < p->profile->rows_len; i++) {
		const struct profile_row *r = &p->profile->rows[i];
		bool fits;

		if (!covers(r, l))
			continue;
		buf_reset(&b);
		fits = !audit_row_misses(r, &d->door, &who, p->now_ns, &b);
		if (l->row && (!fits || (!l->misses[0] && r->action != PROFILE_DENY)))
			continue;
		l->row = r;
		snprintf(l->misses, sizeof(l->misses), "%s", fits ? "" : buf_str(&b));
	}
}

static int on_door(const struct store_door *d, void *arg)
{
	_cleanup_(buf_done) struct buf who = BUF_INIT(512);
	struct ports *p = arg;
	struct line *l;
	bool loopback = d->door.scope == SCOPE_LOOPBACK, elsewhere = d->door.elsewhere;

	if (!has_port(d->door.proto))
		return 0;
	l = line_of(p, d->door.proto, d->door.port, d->severity);
	if (!l) {
		p->more++;
		return 0;
	}
	l->doors++;
	l->loopback_only = l->open ? l->loopback_only && loopback : loopback;
	l->elsewhere_only = l->open ? l->elsewhere_only && elsewhere : elsewhere;
	if (elsewhere && !l->in[0])
		place_where(&d->door, &d->ev.opener, l->in);
	if (!l->open || d->severity > l->severity) {
		l->verdict = d->verdict;
		l->severity = d->severity;
		find_row(arg, d, l);
		view_holder(&who, &d->ev);
		snprintf(l->who, sizeof(l->who), "%s", buf_str(&who));
	}
	l->open = true;
	return 0;
}

/*
 * Of a port where nothing is open the first row about it; one for a range of many is no line of its
 * own.
 */
static void add_rows(struct ports *p)
{
	for (size_t i = 0; i < p->profile->rows_len; i++) {
		const struct profile_row *r = &p->profile->rows[i];

		if (r->port && (!r->port_end || r->port_end == r->port) && has_port(r->proto))
			(void)line_of(p, r->proto, r->port, (enum severity)0);
		for (size_t k = 0; k < p->len; k++) {
			struct line *l = &p->lines[k];

			if (!l->open && !l->row && covers(r, l))
				l->row = r;
		}
	}
}

static int by_port(const void *pa, const void *pb)
{
	const struct line *a = pa, *b = pb;

	if (a->proto != b->proto)
		return a->proto < b->proto ? -1 : 1;
	return a->port < b->port ? -1 : a->port > b->port;
}

static int add_line(struct table *t, struct store *s, const char *node, const struct line *l)
{
	_cleanup_(buf_done) struct buf age = BUF_INIT(64), in = BUF_INIT(1024);
	struct store_seen seen;
	char port[32], profile[600], kernel[800], outside[700];
	int err = store_seen_port(s, node, l->proto, (uint16_t)l->port, 0, &seen);

	if (err)
		return err;
	snprintf(port, sizeof(port), "%" PRIu32 "/%s", l->port, door_proto_name(l->proto));
	snprintf(profile, sizeof(profile), "%s%s%.200s%s%s",
		 l->row ? profile_action_name(l->row->action) : "-",
		 l->row && l->row->service ? " " : "",
		 l->row && l->row->service ? l->row->service : "", *l->misses ? " only " : "",
		 l->misses);
	esc_text(&in, l->in, strlen(l->in), 0);
	snprintf(kernel, sizeof(kernel), "%s%s%s%s%s",
		 !l->open	    ? "closed"
		 : l->loopback_only ? "loopback"
				    : "open",
		 l->in[0] ? (l->elsewhere_only ? " in " : " here and in ") : "", buf_str(&in),
		 *l->who ? ", " : "", l->who);
	if (seen.scan_id)
		view_time_short(&age, seen.ended_ns, clock_wall_ns());
	snprintf(outside, sizeof(outside), "%s%s%s%s%s",
		 seen.scan_id				 ? port_state_name(seen.state)
		 : l->loopback_only || l->elsewhere_only ? "-"
							 : "not known",
		 *seen.service ? ", " : "", seen.service, seen.scan_id ? ", " : "", buf_str(&age));
	{
		const char *const cells[] = { port, profile, kernel, outside,
					      l->open && verdict_name(l->verdict)
						      ? verdict_name(l->verdict)
						      : "-" };

		return table_row(t, cells, array_len(cells),
				 l->open ? view_severity_sgr(l->severity) : NULL);
	}
}

static int print(FILE *out, bool colour, struct store *s, const char *node, struct ports *p)
{
	static const struct table_column columns[] = {
		{ "PORT", 0, true, false },	{ "PROFILE", 0, false, true },
		{ "KERNEL", 0, false, true },	{ "OUTSIDE", 0, false, true },
		{ "VERDICT", 0, false, false },
	};
	_cleanup_(table_freep) struct table *t = NULL;
	int err = table_new(columns, array_len(columns), colour, &t);

	qsort(p->lines, p->len, sizeof(p->lines[0]), by_port);
	for (size_t i = 0; !err && i < p->len; i++)
		err = add_line(t, s, node, &p->lines[i]);
	if (err || !p->len)
		return err;
	if (fputc('\n', out) == EOF)
		return -EPIPE;
	err = table_print(t, out);
	if (!err && p->more &&
	    fprintf(out, "%" PRIu64 " more door%s on other ports: 'ajar ls node:%s'\n", p->more,
		    plural(p->more), node) < 0)
		err = -EPIPE;
	return err;
}

static int read_ports(struct store *s, const char *node, const char *host_type, struct ports *p,
		      struct profile **ret_pr)
{
	const struct store_door_query q = { .node = node, .open_only = true };
	int err = store_profile_get(s, host_type, ret_pr);

	if (err && err != -ENOENT)
		return err;
	p->store = s;
	p->profile = *ret_pr;
	p->now_ns = clock_wall_ns();
	err = store_doors(s, &q, on_door, p);
	if (!err && p->profile)
		add_rows(p);
	return err;
}

int node_ports_print(FILE *out, bool colour, struct store *s, const char *node,
		     const char *host_type)
{
	struct ports *p = calloc(1, sizeof(*p));
	struct profile *pr = NULL;
	int err = p ? read_ports(s, node, host_type, p, &pr) : -ENOMEM;

	if (!err)
		err = print(out, colour, s, node, p);
	profile_free(pr);
	free(p);
	return err;
}

static int line_json(struct writer *w, struct store *s, const char *node, const struct line *l)
{
	struct store_seen seen;
	int err = store_seen_port(s, node, l->proto, (uint16_t)l->port, 0, &seen);

	if (err)
		return err;
	writer_start(w, NULL);
	writer_str(w, "proto", door_proto_name(l->proto));
	writer_u64(w, "port", l->port);
	writer_str(w, "profile", l->row ? profile_action_name(l->row->action) : NULL);
	writer_str(w, "only", *l->misses ? l->misses : NULL);
	writer_str(w, "service", l->row ? l->row->service : NULL);
	writer_str(w, "kernel", !l->open ? "closed" : l->loopback_only ? "loopback" : "open");
	writer_str(w, "who", *l->who ? l->who : NULL);
	writer_str(w, "verdict", l->open ? verdict_name(l->verdict) : NULL);
	view_seen_member(w, &seen);
	writer_end(w);
	return 0;
}

int node_ports_json(struct writer *w, struct store *s, const char *node, const char *host_type)
{
	struct ports *p = calloc(1, sizeof(*p));
	struct profile *pr = NULL;
	int err = p ? read_ports(s, node, host_type, p, &pr) : -ENOMEM;

	writer_list(w, "ports");
	if (p)
		qsort(p->lines, p->len, sizeof(p->lines[0]), by_port);
	for (size_t i = 0; !err && i < p->len; i++)
		err = line_json(w, s, node, &p->lines[i]);
	writer_end(w);
	writer_u64(w, "more_doors", p ? p->more : 0);
	profile_free(pr);
	free(p);
	return err;
}

/* --- the whole node from outside -------------------------------------------------------------------- */

/* How a scan of a host ended, other than well. */
static const struct {
	enum scan_host_state state;
	const char *means;
} ends[] = {
	{ SCAN_HOST_TIMED_OUT, "timed out" },
	{ SCAN_HOST_LOST, "the run ended without an answer" },
	{ SCAN_HOST_CUT, "it answered more than is kept" },
	{ SCAN_HOST_FLOODED, "it answers on every port" },
};

static const char *end_of(enum scan_host_state state)
{
	for (size_t i = 0; i < array_len(ends); i++)
		if (ends[i].state == state)
			return ends[i].means;
	return scan_host_state_name(state);
}

int node_outside_text(struct buf *b, struct store *s, const char *node)
{
	struct store_outside o;
	int err = store_outside(s, node, &o);

	if (err)
		return err;
	buf_printf(b, "%-11s ", "outside");
	if (!o.scan_id) {
		buf_puts(b, "not known: no scan has asked\n");
		return 0;
	}
	if (o.seen_scan_id == o.scan_id)
		buf_printf(b, "scanned at %s, %" PRIu64 " open", o.addr, o.open);
	else
		buf_printf(b, "unknown: %s at %s", end_of(o.state), o.addr);
	buf_puts(b, ", ");
	view_time(b, o.ended_ns, false);
	buf_printf(b, " UTC (scan %" PRIu64 "%s%s, %s)\n", o.scan_id, *o.plan ? " of " : "", o.plan,
		   scan_kind_name(o.kind));
	if (o.seen_scan_id && o.seen_scan_id != o.scan_id) {
		buf_printf(b, "%-11s ", "last seen");
		view_time(b, o.seen_ns, false);
		buf_printf(b, " UTC (scan %" PRIu64 ")\n", o.seen_scan_id);
	}
	return 0;
}

int node_outside_json(struct writer *w, struct store *s, const char *node)
{
	struct store_outside o;
	int err = store_outside(s, node, &o);

	if (err || !o.scan_id) {
		writer_null(w, "outside");
		return err;
	}
	writer_start(w, "outside");
	writer_str(w, "state", scan_host_state_name(o.state));
	writer_u64(w, "scan", o.scan_id);
	writer_str(w, "plan", *o.plan ? o.plan : NULL);
	writer_str(w, "kind", scan_kind_name(o.kind));
	writer_time(w, "time", o.ended_ns);
	writer_str(w, "addr", o.addr);
	writer_str(w, "asked", *o.asked ? o.asked : NULL);
	writer_u64(w, "open", o.open);
	writer_time(w, "last_seen", o.seen_ns);
	writer_end(w);
	return 0;
}
