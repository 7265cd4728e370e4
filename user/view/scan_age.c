/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/scans.h"
#include "view/metrics.h"

#define SCANS_LOOKED_AT 500 /* the newest; a plan that is not among them has no age */

static int on_scan(const struct store_scan *scan, void *arg)
{
	struct scan_ages *a = arg;

	if (!scan->ended_ns || scan->state != SCAN_DONE)
		return 0;
	for (unsigned i = 0; i < a->len; i++)
		if (!strcmp(a->plans[i].name, scan->plan) && scan->ended_ns > a->plans[i].ended_ns)
			a->plans[i].ended_ns = scan->ended_ns;
	return 0;
}

static int on_plan(const struct store_plan *p, void *arg)
{
	struct scan_ages *a = arg;

	if (!p->enabled || a->len == SCAN_AGES_MAX || strlen(p->name) >= sizeof(a->plans[0].name))
		return 0;
	snprintf(a->plans[a->len].name, sizeof(a->plans[0].name), "%s", p->name);
	a->plans[a->len++].every_ns = p->every_ns;
	return 0;
}

int view_scan_ages(struct store *s, struct scan_ages *ret)
{
	const struct store_scan_query q = { .limit = SCANS_LOOKED_AT };
	struct scan_ages a = { 0 };
	int err = store_scan_now(s, &a.now_ns);

	if (err == -EOPNOTSUPP) { /* a driver without scans */
		*ret = a;
		return 0;
	}
	if (!err)
		err = store_scan_plans(s, on_plan, &a);
	if (!err)
		err = store_scans(s, &q, on_scan, &a);
	if (!err)
		*ret = a;
	return err;
}
