/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/cmd_scan.h"
#include "cli/out.h"
#include "store/scans.h"
#include "view/view.h"

/* Scans for people and programs. What is stored of a host's own words was escaped when it was stored. */

struct print {
	struct cmd_ctx *c;
	struct store *store;
	struct table *table;
	struct buf b;
	struct jsonw json;
	uint64_t n;
	const char *sep;
};

/* --- ports -------------------------------------------------------------------------------------------- */

static int port_json(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	struct jsonw *w = &((struct print *)arg)->json;
	const struct {
		const char *key, *value;
	} texts[] = { { "reason", p->reason },	 { "service", p->service }, { "method", p->method },
		      { "product", p->product }, { "version", p->version }, { "extra", p->extra },
		      { "tunnel", p->tunnel } };

	(void)h;
	jsonw_obj(w, NULL);
	jsonw_str(w, "proto", door_proto_name(p->proto));
	jsonw_u64(w, "port", p->port);
	jsonw_str(w, "state", p->state);
	for (size_t i = 0; i < array_len(texts); i++)
		jsonw_str(w, texts[i].key, *texts[i].value ? texts[i].value : NULL);
	jsonw_arr(w, "fingerprints");
	for (const char *s = p->fingerprint; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		jsonw_text(w, NULL, (struct text){ s, (uint32_t)n });
		s += n;
	}
	jsonw_end_arr(w);
	jsonw_end_obj(w);
	return 0;
}

/* "22/ssh OpenSSH 9.2p1", the name in brackets when it is only the table's. */
static int port_text(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	struct print *pr = arg;
	struct buf *b = &pr->b;

	(void)h;
	if (port_state_parse(p->state) != PORT_OPEN &&
	    port_state_parse(p->state) != PORT_OPEN_FILTERED)
		return 0;
	buf_printf(b, "%s%" PRIu32, pr->sep, p->port);
	pr->sep = ", ";
	if (p->proto != PROTO_TCP)
		buf_printf(b, "/%s", door_proto_name(p->proto));
	if (port_state_parse(p->state) != PORT_OPEN)
		buf_printf(b, " %s", p->state);
	if (*p->service && !strcmp(p->method, "table"))
		buf_printf(b, " (%s)", p->service);
	else if (*p->service)
		buf_printf(b, " %s%s%s", p->tunnel, *p->tunnel ? "/" : "", p->service);
	if (*p->product)
		buf_printf(b, " %s%s%s", p->product, *p->version ? " " : "", p->version);
	return 0;
}

/* --- hosts -------------------------------------------------------------------------------------------- */

static int host_json(struct print *pr, const struct store_scan_host *h)
{
	struct jsonw *w = &pr->json;
	int err;

	buf_reset(&pr->b);
	jsonw_init(w, &pr->b);
	jsonw_obj(w, NULL);
	jsonw_u64(w, "scan", h->scan_id);
	jsonw_str(w, "plan", h->plan);
	jsonw_str(w, "kind", scan_kind_name(h->kind));
	jsonw_str(w, "node", h->node);
	jsonw_str(w, "addr", h->addr);
	jsonw_str(w, "state", scan_host_state_name(h->state));
	jsonw_time(w, "started", h->started_ns);
	jsonw_time(w, "ended", h->ended_ns);
	jsonw_str(w, "asked", h->asked);
	jsonw_u64(w, "open", h->open_count);
	jsonw_arr(w, "ports");
	err = store_scan_ports(pr->store, h->scan_id, h->node, h->addr, port_json, pr);
	jsonw_end_arr(w);
	jsonw_str(w, "folded", h->folded);
	jsonw_end_obj(w);
	return err ? err : out_json(w);
}

static int on_host(const struct store_scan_host *h, void *arg)
{
	struct print *pr = arg;
	char open[24];
	int err;

	pr->n++;
	if (pr->c->json)
		return host_json(pr, h);
	buf_reset(&pr->b);
	buf_puts(&pr->b, "");
	pr->sep = "";
	err = store_scan_ports(pr->store, h->scan_id, h->node, h->addr, port_text, pr);
	if (err)
		return err;
	if (h->state == SCAN_HOST_FLOODED)
		buf_puts(&pr->b,
			 "answers on nearly everything: nothing it says of a port means anything");
	if (h->state == SCAN_HOST_BACKED_OFF)
		buf_printf(&pr->b, "%smost of what answered last is silent: asked again later",
			   pr->b.len ? "; " : "");
	snprintf(open, sizeof(open), "%" PRIu64, h->open_count);
	{
		const char *const cells[] = { h->node, h->addr, scan_host_state_name(h->state),
					      open, buf_str(&pr->b) };

		return table_row(pr->table, cells, array_len(cells),
				 h->state != SCAN_HOST_SEEN ? "33" : NULL);
	}
}

int scan_print(struct cmd_ctx *c, struct store *s, uint64_t scan_id)
{
	static const struct table_column columns[] = {
		{ "NODE", 0, false, true },    { "ADDRESS", 0, false, false },
		{ "RESULT", 0, false, false }, { "OPEN", 0, true, false },
		{ "PORTS", 0.5, false, true },
	};
	struct print pr = { .c = c, .store = s, .b = BUF_INIT(1 << 20) };
	const struct store_scan_query q = { .scan_id = scan_id };
	int err = table_new(columns, array_len(columns), c->colour, &pr.table);

	if (!err)
		err = store_scan_hosts(s, &q, on_host, &pr);
	if (!err && !c->json && pr.n)
		err = table_print(pr.table, stdout);
	if (!err)
		err = out_flush();
	table_free(pr.table);
	buf_done(&pr.b);
	return err;
}

/* --- scans ---------------------------------------------------------------------------------------------- */

static int scan_json(struct print *pr, const struct store_scan *sc)
{
	struct jsonw *w = &pr->json;

	buf_reset(&pr->b);
	jsonw_init(w, &pr->b);
	jsonw_obj(w, NULL);
	jsonw_u64(w, "scan", sc->id);
	jsonw_str(w, "plan", sc->plan);
	jsonw_str(w, "kind", scan_kind_name(sc->kind));
	jsonw_str(w, "state", scan_state_name(sc->state));
	jsonw_str(w, "nodes", sc->nodes);
	jsonw_str(w, "by", sc->command);
	jsonw_time(w, "created", sc->created_ns);
	jsonw_time(w, "started", sc->started_ns);
	jsonw_time(w, "ended", sc->ended_ns);
	jsonw_u64(w, "hosts", sc->hosts);
	jsonw_u64(w, "hosts_seen", sc->hosts_seen);
	jsonw_str(w, "reason", *sc->reason ? sc->reason : NULL);
	jsonw_end_obj(w);
	return out_json(w);
}

static int on_scan(const struct store_scan *sc, void *arg)
{
	struct print *pr = arg;
	_cleanup_(buf_done) struct buf when = BUF_INIT(64), took = BUF_INIT(64),
				       hosts = BUF_INIT(64);
	char id[24];

	pr->n++;
	if (pr->c->json)
		return scan_json(pr, sc);
	snprintf(id, sizeof(id), "%" PRIu64, sc->id);
	view_time_short(&when, sc->created_ns, clock_wall_ns());
	buf_printf(&hosts, "%" PRIu64 "/%" PRIu64, sc->hosts_seen, sc->hosts);
	buf_puts(&took, sc->ended_ns && sc->started_ns ? "" : "-");
	if (!took.len || took.data[0] != '-')
		buf_printf(&took, "%.1f s", (double)(sc->ended_ns - sc->started_ns) / 1e9);
	{
		const char *const cells[] = { id,
					      sc->plan,
					      scan_kind_name(sc->kind),
					      scan_state_name(sc->state),
					      buf_str(&when),
					      buf_str(&took),
					      buf_str(&hosts),
					      sc->nodes,
					      sc->reason };

		return table_row(pr->table, cells, array_len(cells),
				 sc->state == SCAN_FAILED ? "33" : NULL);
	}
}

int scan_list(struct cmd_ctx *c)
{
	static const struct table_column columns[] = {
		{ "SCAN", 0, true, false },	    { "PLAN", 0, false, true },
		{ "KIND", 0, false, false },	    { "STATE", 0, false, false },
		{ "BEGUN (UTC)", 0, false, false }, { "TOOK", 0, true, false },
		{ "HOSTS", 0, true, false },	    { "NODES", 0.3, false, true },
		{ "WHY", 0.3, false, true },
	};
	_cleanup_(store_freep) struct store *s = NULL;
	struct print pr = { .c = c, .b = BUF_INIT(1 << 20) };
	const struct store_scan_query q = { .limit = 50 };
	int err;

	if (cmd_store(c, STORE_READONLY, &s))
		return AJAR_EXIT_ERROR;
	err = table_new(columns, array_len(columns), c->colour, &pr.table);
	if (!err)
		err = store_scans(s, &q, on_scan, &pr);
	if (err && err != -EPIPE)
		cmd_store_err(err, s, "cannot read the scans");
	if (!err && !pr.n)
		log_info("nothing was scanned yet: 'ajar scan' does so now");
	if (!err && !c->json && pr.n)
		err = table_print(pr.table, stdout);
	table_free(pr.table);
	buf_done(&pr.b);
	return err && err != -EPIPE ? AJAR_EXIT_ERROR : out_report(err ? err : out_flush());
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
	if (!err)
		err = scan_print(c, s, q.scan_id);
	if (err && err != -EPIPE)
		cmd_store_err(err, s, "cannot read the scan");
	return err && err != -EPIPE ? AJAR_EXIT_ERROR : out_report(err);
}
