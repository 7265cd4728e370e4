/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "scan/plan_internal.h"

/*
 * From a plan to a scan: which nodes, where they are, which ports, cut into shards (plan_*.c), and
 * all that into the store.
 */
#define LIST_MAX (512u << 10)

static int fold_names(const struct scan_queue *l, struct buf *b)
{
	struct hostlist set = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < l->groups_len; i++) {
		for (size_t k = 0; !err && k < l->groups[i]->len; k++)
			err = hostlist_add(&set, l->groups[i]->members[k].node->name);
	}
	buf_puts(b, "");
	if (!err)
		hostlist_fold_short(&set, b, 4096);
	hostlist_done(&set);
	return err ? err : b->err;
}

static int put_queue(const struct making *m, const struct scan_queue *l, const char *command,
		     uint64_t priority, uint64_t *ret_id)
{
	_cleanup_(buf_done) struct buf nodes = BUF_INIT(64 << 10);
	int err = l->len ? fold_names(l, &nodes) : 0;
	const struct store_scan scan = {
		.plan = m->p->name,
		.kind = m->p->kind,
		.nodes = buf_str(&nodes),
		.command = command,
		.rate = m->p->rate,
		.host_rate = m->p->host_rate,
		.priority = priority,
		.held_ns = m->sc->held_ns,
	};

	if (err || !l->len)
		return err;
	return store_scan_new(m->sc->store, &scan, l->shards, l->len, m->now_ns, ret_id);
}

/*
 * Claimed and queued together: a monitor that dies between has done neither. The deferred queue is
 * a scan of its own, since a host is told of once in a scan.
 */
static int put(struct making *m)
{
	struct store *s = m->sc->store;
	struct plan_made *made = m->made;
	uint64_t priority = m->sc->priority ? m->sc->priority : STORE_SCAN_USUAL;
	bool ours = true;
	int err = store_begin(s);

	if (err)
		return err;
	if (m->sc->claim)
		err = store_scan_plan_claim(s, m->p->name, m->p->claimed_ns, m->now_ns, &ours);
	if (!err && ours)
		err = put_queue(m, &m->fast, m->sc->command, priority, &made->scan_id);
	if (!err && ours)
		err = put_queue(m, &m->deferred, PLAN_DEFERRED, STORE_SCAN_DEFERRED,
				&made->deferred_scan_id);
	if (!err)
		return store_commit(s);
	store_rollback(s);
	made->scan_id = made->deferred_scan_id = 0;
	return err;
}

static int make(struct making *m)
{
	int err = store_scan_now(m->sc->store, &m->now_ns);

	if (!err)
		err = plan_find_nodes(m);
	if (err)
		return err;
	plan_drop_busy(m);
	err = plan_find_addresses(m);
	if (!err)
		err = plan_find_unresponsive(m);
	if (!err)
		err = plan_cut(m);
	return err ? err : put(m);
}

int plan_make(const struct store_plan *p, const struct plan_scope *sc, struct plan_made *ret)
{
	struct plan_made made = { 0 };
	struct making *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->p = p;
	m->sc = sc;
	m->made = &made;
	m->list.max = LIST_MAX;
	err = make(m);
	scan_queue_done(&m->fast);
	scan_queue_done(&m->deferred);
	plan_free_nodes(m);
	buf_done(&m->list);
	free(m);
	if (!err)
		*ret = made;
	return err;
}
