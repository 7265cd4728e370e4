/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/health.h"
#include "monitor/alerting_internal.h"
#include "monitor/held.h"

/*
 * Findings that a person lives with, on the nodes for which he said so. alert_nodes goes on to say
 * where a finding stands, on those too; an alert's life counts only the rest (alerting_entry()). So
 * an exception that ends, is taken back, or never was for a node that joined as the alert was
 * allowed, leaves nodes in the count of an alert that is not open: it opens.
 */
#define ENDED_NS UINT64_C(86400000000000) /* how long one that is over is looked at */

struct about {
	bool is;
	char node[256], host_type[256];
};

static int copy_about(const struct store_alert *alert, void *arg)
{
	struct about *about = arg;

	about->is = !health_kind(alert->kind); /* monitor/health_watch does its own */
	snprintf(about->node, sizeof(about->node), "%s", alert->node);
	snprintf(about->host_type, sizeof(about->host_type), "%s", alert->host_type);
	return 0;
}

static int open_again(struct alerting *a, const char *key, struct entry *e,
		      const struct about *about)
{
	const struct held_window *w =
		held_window_at(a->held, about->node, about->host_type, a->now_ns);
	struct life_input in = { .what = LIFE_OPENED,
				 .severity = e->life.severity,
				 .doors = e->life.doors,
				 .nodes = e->life.nodes,
				 .at_ns = a->now_ns };

	if (w) {
		in.held_until_ns = w->ends_ns;
		in.window_id = w->id;
		in.held_note = w->note;
	}
	return alerting_live(a, key, e, &in, NULL);
}

static int recheck(struct held_exception *x, void *arg)
{
	struct alerting *a = arg;
	struct about about = { 0 };
	struct entry *e;
	int err = store_alert_get(a->store, x->key, copy_about, &about);

	if (err == -ENOENT || (!err && !about.is))
		return 0;
	if (!err)
		err = alerting_forget_entry(a, x->key);
	if (!err)
		err = alerting_entry(a, x->key, &e);
	if (err)
		return err;
	if (!lifecycle_is_open(e->life.state))
		return e->life.doors ? open_again(a, x->key, e, &about) : 0;
	e->due_ns = e->fold_ns = 1;
	return 0;
}

int alerting_recheck(struct alerting *a)
{
	uint64_t since_ns = a->rechecked && a->now_ns > ENDED_NS ? a->now_ns - ENDED_NS : 0;
	int err = held_each_exception(a->held, since_ns, recheck, a);

	if (!err) {
		a->recheck_ns = held_exception_end(a->held, a->now_ns);
		a->rechecked = true;
	}
	return err;
}
