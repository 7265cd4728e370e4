/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/cmd_scan.h"
#include "cli/out.h"
#include "store/scans.h"
#include "view/scan_json.h"
#include "view/writer.h"

/*
 * Scans for people and programs. What is stored of a host's own words was escaped when it was
 * stored.
 */

struct print {
	struct store *store;
	struct writer w;
	struct buf open; /* ports, for people */
};

/* --- ports -------------------------------------------------------------------------------------------- */

/* "22/ssh OpenSSH 9.2p1", the name in brackets when it is only the table's. */
static void put_open(struct buf *b, const struct store_scan_port *p)
{
	if (p->state != PORT_OPEN && p->state != PORT_OPEN_FILTERED)
		return;
	buf_printf(b, "%s%" PRIu32, b->len ? ", " : "", p->port);
	if (p->proto != PROTO_TCP)
		buf_printf(b, "/%s", door_proto_name(p->proto));
	if (p->state != PORT_OPEN)
		buf_printf(b, " %s", port_state_name(p->state));
	if (*p->service && p->method == METHOD_TABLE)
		buf_printf(b, " (%s)", p->service);
	else if (*p->service)
		buf_printf(b, " %s%s%s", p->tunnel, *p->tunnel ? "/" : "", p->service);
	if (*p->product)
		buf_printf(b, " %s%s%s", p->product, *p->version ? " " : "", p->version);
}

static int on_port(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	struct print *pr = arg;
	struct writer *w = &pr->w;

	(void)h;
	put_open(&pr->open, p);
	writer_start(w, NULL);
	writer_str(w, "proto", door_proto_name(p->proto));
	writer_u64(w, "port", p->port);
	writer_str(w, "state", port_state_name(p->state));
	writer_str_or_null(w, "reason", p->reason);
	writer_str_or_null(w, "service", p->service);
	writer_str_or_null(w, "method", service_method_name(p->method));
	writer_str_or_null(w, "product", p->product);
	writer_str_or_null(w, "version", p->version);
	writer_str_or_null(w, "extra", p->extra);
	writer_str_or_null(w, "tunnel", p->tunnel);
	writer_list(w, "fingerprints");
	for (const char *s = p->fingerprint; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		writer_text(w, NULL, (struct text){ s, (uint32_t)n });
		s += n;
	}
	writer_end(w);
	writer_end(w);
	return 0;
}

/* --- hosts -------------------------------------------------------------------------------------------- */

static void put_cells(struct print *pr, const struct store_scan_host *h)
{
	struct buf *b = &pr->open;

	if (h->state == SCAN_HOST_FLOODED)
		buf_puts(b, "answers on nearly everything: nothing it says of a port means "
			    "anything");
	if (h->state == SCAN_HOST_BACKED_OFF)
		buf_printf(b, "%smost of what answered last is silent: asked again later",
			   b->len ? "; " : "");
	writer_cell(&pr->w, "ports", "%s", buf_str(b));
	writer_colour(&pr->w, h->state != SCAN_HOST_SEEN ? "33" : NULL);
}

static int on_host(const struct store_scan_host *h, void *arg)
{
	struct print *pr = arg;
	struct writer *w = &pr->w;
	int err;

	buf_reset(&pr->open);
	writer_start(w, NULL);
	writer_u64(w, "scan", h->scan_id);
	writer_str(w, "plan", h->plan);
	writer_str(w, "kind", scan_kind_name(h->kind));
	writer_str(w, "node", h->node);
	writer_str(w, "addr", h->addr);
	writer_str(w, "state", scan_host_state_name(h->state));
	writer_time(w, "started", h->started_ns);
	writer_time(w, "ended", h->ended_ns);
	writer_str(w, "asked", h->asked);
	writer_u64(w, "open", h->open_count);
	writer_list(w, "ports");
	err = store_scan_ports(pr->store, h->scan_id, h->node, h->addr, on_port, pr);
	writer_end(w);
	writer_str(w, "folded", h->folded);
	put_cells(pr, h);
	return err ? err : writer_end(w);
}

int scan_print(struct cmd_ctx *c, struct store *s, uint64_t scan_id)
{
	static const struct writer_field fields[] = {
		FIELD("scan"),
		FIELD("plan"),
		FIELD("kind"),
		COLUMN("node", "NODE", .trunc = true),
		COLUMN("addr", "ADDRESS"),
		COLUMN("state", "RESULT"),
		FIELD("started"),
		FIELD("ended"),
		FIELD("asked"),
		COLUMN("open", "OPEN", .right = true),
		COLUMN("ports", "PORTS", .width = 0.5, .trunc = true, .people = true),
		FIELD("ports.proto"),
		FIELD("ports.port"),
		FIELD("ports.state"),
		FIELD("folded"),
		{ 0 },
	};
	struct print pr = { .store = s, .open = BUF_INIT(1 << 20) };
	const struct store_scan_query q = { .scan_id = scan_id };
	int err;

	if (out_open(c, fields, &pr.w))
		return AJAR_EXIT_ERROR;
	err = store_scan_hosts(s, &q, on_host, &pr);
	err = out_close(&pr.w, err, s, "cannot read the scan");
	buf_done(&pr.open);
	return err;
}

/* --- scans ---------------------------------------------------------------------------------------------- */

static int on_scan(const struct store_scan *sc, void *arg)
{
	struct writer *w = arg;

	writer_start(w, NULL);
	view_scan_members(w, sc);
	writer_cell(w, "hosts", "%" PRIu64 "/%" PRIu64, sc->hosts_seen, sc->hosts);
	if (sc->ended_ns && sc->started_ns)
		writer_cell(w, "took", "%.1f s", (double)(sc->ended_ns - sc->started_ns) / 1e9);
	writer_colour(w, sc->state == SCAN_FAILED ? "33" : NULL);
	return writer_end(w);
}

int scan_list(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		COLUMN("scan", "SCAN", .right = true),
		COLUMN("plan", "PLAN", .trunc = true),
		COLUMN("kind", "KIND"),
		COLUMN("state", "STATE"),
		COLUMN("created", "BEGUN (UTC)", .brief = true),
		FIELD("started"),
		FIELD("ended"),
		COLUMN("took", "TOOK", .right = true, .people = true),
		COLUMN("hosts", "HOSTS", .right = true),
		FIELD("hosts_seen"),
		COLUMN("nodes", "NODES", .width = 0.3, .trunc = true),
		FIELD("by"),
		COLUMN("reason", "WHY", .width = 0.3, .trunc = true, .none = ""),
		{ 0 },
	};
	_cleanup_(store_freep) struct store *s = NULL;
	const struct store_scan_query q = { .limit = 50 };
	struct writer w;
	int err;

	if (cmd_store(c, STORE_READONLY, &s) || out_open(c, fields, &w))
		return AJAR_EXIT_ERROR;
	err = store_scans(s, &q, on_scan, &w);
	if (!err && !w.records)
		log_info("nothing was scanned yet: 'ajar scan' does so now");
	return out_close(&w, err, s, "cannot read the scans");
}

static int find_scan(const struct store_scan *sc, void *arg)
{
	(void)sc;
	*(bool *)arg = true;
	return 0;
}

int scan_show(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	struct store_scan_query q = { 0 };
	bool found = false;
	int err;

	if (parse_u64(c->argv[1], &q.scan_id) || !q.scan_id) {
		log_usage("'ajar scan show' wants a scan's number: 'ajar scan ls' lists them");
		return AJAR_EXIT_ERROR;
	}
	if (cmd_store(c, STORE_READONLY, &s))
		return AJAR_EXIT_ERROR;
	err = store_scans(s, &q, find_scan, &found);
	if (!err && !found) {
		log_usage("no scan %s: 'ajar scan ls' lists them", c->argv[1]);
		return AJAR_EXIT_NEGATIVE;
	}
	if (err) {
		cmd_store_err(err, s, "cannot read the scan");
		return AJAR_EXIT_ERROR;
	}
	return scan_print(c, s, q.scan_id);
}
