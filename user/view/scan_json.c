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
