/* SPDX-License-Identifier: GPL-2.0 */
#include "view/scan_json.h"

#include "store/scans.h"
#include "view/writer.h"

void view_scan_members(struct writer *w, const struct store_scan *sc)
{
	writer_u64(w, "scan", sc->id);
	writer_str(w, "plan", sc->plan);
	writer_str(w, "kind", scan_kind_name(sc->kind));
	writer_str(w, "state", scan_state_name(sc->state));
	writer_str(w, "nodes", sc->nodes);
	writer_str(w, "by", sc->command);
	writer_time(w, "created", sc->created_ns);
	writer_time(w, "started", sc->started_ns);
	writer_time(w, "ended", sc->ended_ns);
	writer_u64(w, "hosts", sc->hosts);
	writer_u64(w, "hosts_seen", sc->hosts_seen);
	writer_str_or_null(w, "reason", sc->reason);
}

void view_plan_members(struct writer *w, const struct store_plan *p)
{
	writer_str(w, "plan", p->name);
	writer_bool(w, "enabled", p->enabled);
	writer_str(w, "kind", scan_kind_name(p->kind));
	writer_str(w, "ports", p->ports);
	writer_str(w, "class", p->classes);
	writer_str(w, "nodes", p->nodes);
	writer_str(w, "order", p->order);
	writer_u64(w, "every_s", p->every_ns / 1000000000);
	writer_str(w, "window", p->window);
	writer_bool(w, "idle", p->idle_only);
	writer_u64(w, "idle_wait_s", p->idle_wait_ns / 1000000000);
	writer_u64(w, "rate", p->rate);
	writer_u64(w, "host_rate", p->host_rate);
	writer_u64(w, "load_percent", p->load_max);
	writer_time(w, "last_run", p->claimed_ns);
}
