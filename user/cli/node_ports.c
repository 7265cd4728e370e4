/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/node_ports.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/cmd.h"
#include "store/scans.h"
#include "store/seen.h"
#include "store/store.h"
#include "view/view.h"

#define PORTS_SHOWN_MAX 500

/* A port of the node: what each of the three says. */
struct line {
	enum door_proto proto;
	uint32_t port;
	const struct profile_row *row; /* borrowed from the profile */
	enum verdict verdict; /* of its worst door */
	enum severity severity;
	bool open, loopback_only;
	char who[128];
};

struct ports {
	size_t len;
	struct line lines[PORTS_SHOWN_MAX];
};

static struct line *line_of(struct ports *p, enum door_proto proto, uint32_t port)
{
	struct line *l;

	proto = proto == PROTO_MPTCP ? PROTO_TCP : proto;
	for (size_t i = 0; i < p->len; i++) {
		if (p->lines[i].port == port && p->lines[i].proto == proto)
			return &p->lines[i];
	}
	if (p->len == PORTS_SHOWN_MAX)
		return NULL;
	l = &p->lines[p->len++];
	*l = (struct line){ .proto = proto, .port = port };
	return l;
}

static bool has_port(enum door_proto proto)
{
	return proto == PROTO_TCP || proto == PROTO_MPTCP || proto == PROTO_UDP ||
	       proto == PROTO_UDPLITE || proto == PROTO_SCTP;
}

static int on_door(const struct store_door *d, void *arg)
{
	_cleanup_(buf_done) struct buf who = BUF_INIT(512);
	struct line *l = has_port(d->door.proto) ? line_of(arg, d->door.proto, d->door.port) : NULL;
	bool loopback = d->door.scope == SCOPE_LOOPBACK;

	if (!l)
		return 0;
	l->loopback_only = l->open ? l->loopback_only && loopback : loopback;
	if (!l->open || d->severity > l->severity) {
		l->verdict = d->verdict;
		l->severity = d->severity;
		view_who(&who, &d->ev.opener);
		snprintf(l->who, sizeof(l->who), "%s", buf_str(&who));
	}
	l->open = true;
	return 0;
}

/* The first row about the port; one for a range of many is no line of its own. */
static void add_rows(struct ports *p, const struct profile *pr)
{
	for (size_t i = 0; i < pr->rows_len; i++) {
		const struct profile_row *r = &pr->rows[i];

		if (r->port && (!r->port_end || r->port_end == r->port) && has_port(r->proto))
			line_of(p, r->proto, r->port);
		for (size_t k = 0; k < p->len; k++) {
			struct line *l = &p->lines[k];

			if (!l->row && r->proto == l->proto && r->port <= l->port &&
			    l->port <= (r->port_end ? r->port_end : r->port))
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
	_cleanup_(buf_done) struct buf age = BUF_INIT(64);
	struct store_seen seen;
	char port[32], profile[300], kernel[200], outside[700];
	int err = store_seen_port(s, node, l->proto, (uint16_t)l->port, 0, &seen);

	if (err)
		return err;
	snprintf(port, sizeof(port), "%" PRIu32 "/%s", l->port, door_proto_name(l->proto));
	snprintf(profile, sizeof(profile), "%s%s%.200s",
		 l->row ? profile_action_name(l->row->action) : "-",
		 l->row && l->row->service ? " " : "",
		 l->row && l->row->service ? l->row->service : "");
	snprintf(kernel, sizeof(kernel), "%s%s%s",
		 !l->open	    ? "closed"
		 : l->loopback_only ? "loopback"
				    : "open",
		 *l->who ? ", " : "", l->who);
	if (seen.scan_id)
		view_time_short(&age, seen.ended_ns, clock_wall_ns());
	snprintf(outside, sizeof(outside), "%s%s%s%s%s",
		 seen.scan_id ? port_state_name(seen.state) : "not known",
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

static int print(struct cmd_ctx *c, struct store *s, const char *node, struct ports *p)
{
	static const struct table_column columns[] = {
		{ "PORT", 0, true, false },	{ "PROFILE", 0, false, true },
		{ "KERNEL", 0, false, true },	{ "OUTSIDE", 0, false, true },
		{ "VERDICT", 0, false, false },
	};
	_cleanup_(table_freep) struct table *t = NULL;
	int err = table_new(columns, array_len(columns), c->colour, &t);

	qsort(p->lines, p->len, sizeof(p->lines[0]), by_port);
	for (size_t i = 0; !err && i < p->len; i++)
		err = add_line(t, s, node, &p->lines[i]);
	if (err || !p->len)
		return err;
	if (fputc('\n', stdout) == EOF)
		return -EPIPE;
	return table_print(t, stdout);
}

/* What is not known from outside, and why: it is neither open nor closed. */
static int on_newest(const struct store_scan_host *h, void *arg)
{
	static const struct {
		const char *state, *words;
	} why[] = {
		{ "timed-out", "took too long" },
		{ "cut", "had more to say than is kept" },
		{ "lost", "was not answered for" },
		{ "flooded", "answered on everything" },
	};
	_cleanup_(buf_done) struct buf age = BUF_INIT(64);

	(void)arg;
	for (size_t i = 0; i < array_len(why); i++) {
		if (strcmp(h->state, why[i].state))
			continue;
		view_time_short(&age, h->ended_ns, clock_wall_ns());
		if (printf("\nfrom outside: at its newest scan (%" PRIu64
			   ", %s) the node %s: nothing is known from that; see 'ajar scan show "
			   "%" PRIu64 "'\n",
			   h->scan_id, buf_str(&age), why[i].words, h->scan_id) < 0)
			return -EPIPE;
	}
	return 0;
}

int node_ports_print(struct cmd_ctx *c, struct store *s, const char *node, const char *host_type)
{
	const struct store_door_query q = { .node = node, .open_only = true };
	struct ports *p = calloc(1, sizeof(*p));
	struct profile *pr = NULL;
	int err;

	if (!p)
		return -ENOMEM;
	err = store_doors(s, &q, on_door, p);
	if (!err)
		err = store_profile_get(s, host_type, &pr);
	if (err == -ENOENT)
		err = 0;
	if (!err && pr)
		add_rows(p, pr);
	if (!err)
		err = print(c, s, node, p);
	if (!err)
		err = store_scan_host_newest(s, node, on_newest, NULL);
	if (err == -EOPNOTSUPP)
		err = 0;
	profile_free(pr);
	free(p);
	return err;
}
