/* SPDX-License-Identifier: GPL-2.0 */
#include "web/alert_then.h"

#include <errno.h>

#include "base/hostlist.h"
#include "store/store.h"
#include "store/triage.h"

struct then {
	uint64_t at_ns;
	struct hostlist there, gone;
};

static int on_node(const struct store_alert_node *n, void *arg)
{
	struct then *t = arg;

	if (n->first_ns > t->at_ns)
		return 0;
	return hostlist_add(n->open || n->last_ns > t->at_ns ? &t->there : &t->gone, n->node);
}

int alert_nodes_at(struct store *s, const struct store_alert *a, uint64_t at_ns, struct hostlist *h)
{
	struct then t = { .at_ns = at_ns };
	struct hostlist said = { 0 };
	struct hostlist_error why;
	int err = hostlist_parse(&said, a->nodes, NULL, &why);

	/* A long list was cut, and a hostile name may be none: then its first node stands for it. */
	if (err && err != -ENOMEM)
		err = hostlist_add(&said, a->node);
	if (!err)
		err = store_alert_nodes(s, a->id, false, on_node, &t);
	if (!err) {
		hostlist_subtract(&said, &t.gone);
		err = hostlist_unite(h, &said);
	}
	if (!err)
		err = hostlist_unite(h, &t.there);
	hostlist_done(&said);
	hostlist_done(&t.there);
	hostlist_done(&t.gone);
	return err;
}
