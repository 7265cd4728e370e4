/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/map.h"
#include "monitor/held.h"
#include "monitor/health_watch_internal.h"
#include "store/triage.h"

/*
 * What people live with, node by node. An exception of a finding about a node is for that finding as
 * it stands: one of a node that is well again, or of one that is gone, is over (but for a sensor that
 * sees less, see health_key_is_news()), so that nobody is deaf to what happens there a year later.
 */

void health_free_spared(void *p)
{
	hostlist_done(p);
	free(p);
}

static int spared_of(struct health_watch *v, const char *key, struct hostlist **ret_nodes)
{
	size_t len = audit_key_without_class(key);
	struct hostlist *nodes = map_get(v->spared, key, len);
	int err;

	if (!nodes) {
		nodes = calloc(1, sizeof(*nodes));
		err = nodes ? map_put(v->spared, key, len, nodes) : -ENOMEM;
		if (err) {
			free(nodes);
			return err;
		}
	}
	*ret_nodes = nodes;
	return 0;
}

int health_spare(struct health_watch *v, const char *key, const char *node, bool *ret_spared)
{
	struct hostlist *nodes;
	int err = 0;

	*ret_spared = held_excepted(v->held, key, node, v->now_ns);
	if (*ret_spared)
		err = spared_of(v, key, &nodes);
	return err || !*ret_spared ? err : hostlist_add(nodes, node);
}

static int end_where_well(struct held_exception *e, void *arg)
{
	struct health_watch *v = arg;
	_cleanup_(buf_done) struct buf text = BUF_INIT(HOSTLIST_TEXT_MAX);
	struct hostlist none = { 0 }, *still;
	size_t before = e->nodes.len;
	int err;

	if (!health_key_is_news(e->key))
		return 0;
	still = map_get(v->spared, e->key, audit_key_without_class(e->key));
	if (still)
		hostlist_sort(still);
	hostlist_intersect(&e->nodes, still ? still : &none);
	if (before && e->nodes.len == before)
		return 0;
	hostlist_fold(&e->nodes, &text);
	err = text.err ? text.err : health_watch_begin(v);
	/* Its alert is allowed, and over if no group has its key. */
	if (!err && !health_known(v, e->key, strlen(e->key)))
		err = -ENOMEM;
	if (!err)
		err = store_exception_keep(v->store, e->id, buf_str(&text), v->now_ns);
	return err == -ENOENT ? 0 : err; /* a person has ended it meanwhile */
}

int health_end_exceptions(struct health_watch *v)
{
	/* One that has only just begun does not know yet who is silent. */
	if (v->now_ns < v->limits.watching_ns + v->limits.silent_ns)
		return 0;
	return held_each_exception(v->held, v->now_ns, end_where_well, v);
}
