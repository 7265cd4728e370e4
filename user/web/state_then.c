/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "base/hostlist.h"
#include "store/overview.h"
#include "store/store.h"
#include "web/alert_then.h"
#include "web/state_internal.h"

/* The map as it was at a time. */

#define HOUR_NS (3600 * NS_PER_S)

struct then {
	struct state *st;
	struct store *store;
	unsigned alerts;
};

static int on_node(const struct store_node_then *n, void *arg)
{
	struct state *st = arg;
	struct row *row = NULL;
	int err = state_add_row(st, n->node, &row);

	if (err)
		return err == -E2BIG ? 0 : err;
	row->new_health = NODE_RECORDING;
	return words_number(&st->classes, n->host_type, &row->new_class);
}

static void stands_on(struct row *row, const struct store_alert *a)
{
	/* Acknowledged or not: nobody saw what opened there. */
	if (a->kind == FINDING_SILENT)
		row->new_health = NODE_SILENT;
	if (a->state != ALERT_OPEN)
		return;
	row->new_alerts++;
	if (a->severity > row->new_worst)
		row->new_worst = a->severity;
}

static int on_alert(const struct store_alert *a, void *arg)
{
	struct then *t = arg;
	struct state *st = t->st;
	struct hostlist nodes = { 0 };
	int err;

	if (a->state != ALERT_OPEN && a->kind != FINDING_SILENT)
		return 0;
	if (t->alerts++ == STATE_THEN_ALERTS_MAX) {
		st->cut = true;
		return 1;
	}
	if (a->state == ALERT_OPEN && a->severity <= SEVERITY_CRITICAL)
		st->severities[a->severity]++;
	err = alert_nodes_at(t->store, a, st->at_ns, &nodes);
	for (size_t i = 0; !err && i < nodes.len; i++) {
		struct row *row = state_row(st, nodes.names[i]);

		if (row)
			stands_on(row, a);
	}
	hostlist_done(&nodes);
	return err;
}

static int on_scan(const struct store_overview_row *o, void *arg)
{
	struct row *row = state_row(arg, o->node);

	if (row)
		row->scan_s = o->at_ns / NS_PER_S;
	return 0;
}

int state_at(struct store *s, const struct racks *racks, uint64_t at_ns, struct state **ret_st)
{
	_cleanup_(state_freep) struct state *st = NULL;
	struct then t = { .store = s };
	int err = state_new(0, racks, &st);

	if (err)
		return err;
	st->at_ns = at_ns;
	t.st = st;
	err = store_overview_oldest(s, &st->oldest_ns);
	if (!err)
		err = store_overview_nodes_at(s, at_ns, on_node, st);
	if (!err)
		err = store_alerts_at(s, at_ns, 0, on_alert, &t);
	if (err >= 0)
		err = store_overview_opened(s, at_ns > HOUR_NS ? at_ns - HOUR_NS : 0, at_ns,
					    state_on_opened, st);
	if (!err)
		err = store_overview_scans(s, at_ns, on_scan, st);
	if (err)
		return err;
	(void)state_take_rows(st);
	*ret_st = take_ptr(st);
	return 0;
}
