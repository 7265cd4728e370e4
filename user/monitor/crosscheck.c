/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/crosscheck.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "monitor/alerting.h"
#include "monitor/crosscheck_internal.h"

#define NS_PER_S UINT64_C(1000000000)
#define WAIT_NS (120 * NS_PER_S) /* for the node's own records about the time of the scan */
#define HOSTS_A_STEP 16
#define WAITING_MAX 256 /* hosts that wait for their nodes are passed over, so many */
#define CONFLICTS_MAX 50

int crosscheck_new(struct store *s, struct alerting *a, struct crosscheck **ret_o)
{
	_cleanup_(crosscheck_freep) struct crosscheck *o = calloc(1, sizeof(*o));
	int err = o ? map_new(NULL, &o->reached) : -ENOMEM;

	if (err)
		return err;
	o->store = s;
	o->alerting = a;
	*ret_o = take_ptr(o);
	return 0;
}

void crosscheck_free(struct crosscheck *o)
{
	if (!o)
		return;
	view_done(&o->v);
	map_free(o->reached);
	free(o);
}

/* Of several monitors one compares a host: the one that marks it. */
static int compare_host(struct crosscheck *o)
{
	const struct store_scan_host h = { .scan_id = o->v.h.scan_id,
					   .node = o->v.h.node,
					   .addr = o->v.h.addr };
	bool ours = false, ports = false;
	int err = alerting_enter(o->alerting);

	if (!err)
		err = store_scan_compare(o->store, &h, o->now_ns, &ours);
	/* Timed out, cut, lost: nothing is known, and what is open stays open. */
	if (err || !ours || (o->v.h.state != SCAN_HOST_SEEN && o->v.h.state != SCAN_HOST_FLOODED))
		return err;
	err = view_read(&o->v, o->store);
	if (!err)
		err = crosscheck_whole(o, &ports);
	if (!err && ports)
		err = crosscheck_ports(o);
	return err ? err : alerting_flush(o->alerting);
}

struct next {
	struct crosscheck *o;
	uint32_t skip;
	bool found;
};

static int pick(const struct store_scan_host *h, void *arg)
{
	struct next *n = arg;

	if (n->skip--)
		return 0;
	n->found = true;
	return view_take(&n->o->v, h);
}

/*
 * 1: one was compared, or *skip grows by one that waits for what its node has to say about that
 * time. 0: none is left.
 */
static int one_host(struct crosscheck *o, uint32_t *skip)
{
	struct view *v = &o->v;
	struct next n = { .o = o, .skip = *skip };
	int ret = store_scan_uncompared(o->store, 0, *skip + 1, pick, &n);

	if (ret < 0 || !n.found)
		return ret < 0 ? ret : 0;
	ret = view_health(v, o->store);
	if (!ret)
		ret = crosscheck_reach(o);
	if (ret)
		return ret;
	if (v->has_agent && !v->is_down && v->sees_to_ns < v->h.to_ns + COMPARE_SETTLE_NS &&
	    o->now_ns < v->h.to_ns + WAIT_NS) {
		++*skip; /* the others meanwhile */
		return 1;
	}
	ret = store_begin(o->store);
	if (ret)
		return ret;
	ret = compare_host(o);
	if (!ret)
		ret = store_commit(o->store);
	if (ret) {
		store_rollback(o->store);
		alerting_forget(o->alerting); /* what it remembers of the lost transaction */
	}
	return ret ? ret : 1;
}

static int step(struct crosscheck *o, bool *ret_more)
{
	uint32_t skip = 0, n = 0;
	int ret = alerting_load(o->alerting, o->wall_ns);

	while (!ret && n < HOSTS_A_STEP + skip && skip < WAITING_MAX &&
	       (ret = one_host(o, &skip)) > 0) {
		n++;
		ret = 0;
	}
	view_done(&o->v);
	*ret_more = n == HOSTS_A_STEP + skip;
	return ret < 0 ? ret : crosscheck_ask(o);
}

int crosscheck_step(struct crosscheck *o, uint64_t now_wall_ns, unsigned *ret_changes,
		    bool *ret_more)
{
	bool more = false;
	int ret = store_scan_now(o->store, &o->now_ns);

	*ret_changes = 0;
	*ret_more = false;
	if (ret)
		return ret == -EOPNOTSUPP ? 0 : ret;
	o->wall_ns = now_wall_ns;
	alerting_begin(o->alerting);
	ret = step(o, &more);
	/* Somebody else was at the same rows: it is done again, but not for ever. */
	if ((ret == -ECANCELED || ret == -STORE_E_UNDONE) && ++o->conflicts < CONFLICTS_MAX) {
		more = true;
		ret = 0;
	} else if (!ret) {
		o->conflicts = 0;
	}
	*ret_changes = alerting_changes(o->alerting);
	*ret_more = more;
	return ret;
}
