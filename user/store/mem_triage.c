/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mem.h"

#include <errno.h>
#include <string.h>

/* Where alerts stand, and what people decide about them, in memory. */

static const struct store_alert *by_id(struct mem *m, uint64_t id)
{
	const struct mem_rows *r = m->now.tables[MEM_ALERTS];

	for (size_t i = 0; i < r->len; i++) {
		const struct store_alert *a = r->row[i];

		if (a->id == id)
			return a;
	}
	return NULL;
}

int mem_alert_node(struct store *base, const struct store_alert_step *st, uint64_t *ret_before,
		   uint64_t *ret_after)
{
	struct mem *m = (struct mem *)base;
	const struct mem_node *node = mem_node(m, st->node);
	struct mem_alert_node n = { .alert_id = st->alert_id, .n.node = st->node };
	const struct mem_alert_node *old;

	if (!node)
		return store_set_why(base, -ENOENT, "no such node");
	n.n.node = node->name;
	n.n.first_ns = st->at_ns;
	old = mem_find(m, MEM_ALERT_NODES, &n);
	if (old)
		n = *old;
	*ret_before = n.n.open;
	*ret_after = n.n.open = store_alert_stepped(st, n.n.open);
	if (!old && !n.n.open)
		return 0;
	if (st->at_ns > n.n.last_ns)
		n.n.last_ns = st->at_ns;
	return mem_put(m, MEM_ALERT_NODES, &n, sizeof(n));
}

int mem_alert_sum(struct store *base, uint64_t alert_id, struct store_alert_sum *ret)
{
	const struct mem_rows *r = ((struct mem *)base)->now.tables[MEM_ALERT_NODES];

	for (size_t i = 0; i < r->len; i++) {
		const struct mem_alert_node *n = r->row[i];

		if (n->alert_id != alert_id)
			continue;
		ret->doors += n->n.open;
		ret->nodes += n->n.open > 0;
		if (n->n.last_ns > ret->last_ns)
			ret->last_ns = n->n.last_ns;
	}
	return 0;
}

int mem_alert_nodes(struct store *base, uint64_t alert_id, bool open_only, store_alert_node_fn fn,
		    void *arg)
{
	struct mem *m = (struct mem *)base;
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref(m, MEM_ALERT_NODES);
	int ret = 0;

	for (size_t i = 0; !ret && i < r->len; i++) {
		const struct mem_alert_node *have = r->row[i];
		struct store_alert_node n = have->n;
		const struct mem_node *node = mem_node(m, n.node);

		if (have->alert_id != alert_id || (open_only && !n.open))
			continue;
		n.host_type = node ? node->host_type : "";
		ret = fn(&n, arg);
	}
	return ret;
}

int mem_alert_nodes_restart(struct store *base, uint64_t alert_id)
{
	struct mem *m = (struct mem *)base;
	int err = 0;

	for (size_t i = 0; !err && i < m->now.tables[MEM_ALERT_NODES]->len;) {
		const struct mem_alert_node *n = m->now.tables[MEM_ALERT_NODES]->row[i];

		if (n->alert_id == alert_id && !n->n.open)
			err = mem_del(m, MEM_ALERT_NODES, i, 1);
		else
			i++;
	}
	return err;
}

int mem_alert_fold(struct store *base, uint64_t alert_id, const char *nodes, uint64_t node_count,
		   const char *summary)
{
	struct mem *m = (struct mem *)base;
	const struct store_alert *old = by_id(m, alert_id);
	struct store_alert a;

	if (!old)
		return -ENOENT;
	a = *old;
	a.nodes = mem_str(m, nodes);
	a.node_count = node_count;
	if (summary)
		a.summary = mem_str(m, summary);
	return a.nodes && a.summary ? mem_put(m, MEM_ALERTS, &a, sizeof(a)) : -ENOMEM;
}

int mem_decide(struct store *base, const struct store_decision *d, uint64_t *ret_log_id)
{
	struct mem *m = (struct mem *)base;
	const struct store_alert *old = by_id(m, d->alert_id);
	struct store_alert a;
	uint64_t id;

	if (!old)
		return store_set_why(base, -ENOENT, "no such alert");
	if (old->state != d->from)
		return store_set_why(base, -EAGAIN, "the alert has changed meanwhile");
	a = *old;
	a.state = d->to;
	a.until_ns = d->until_ns;
	a.window_id = 0;
	a.told_nodes = a.node_count;
	a.told_ns = d->at_ns;
	return mem_put_alert(base, &a, d->who, d->note, d->at_ns, &id, ret_log_id);
}

int mem_triage_marks(struct store *base, uint64_t *ret_log_id, uint64_t *ret_revision)
{
	struct mem *m = (struct mem *)base;
	const struct mem_rows *log = m->now.tables[MEM_LOG];
	const struct mem_log *newest = log->len ? log->row[log->len - 1] : NULL;
	const struct mem_rows *e = m->now.tables[MEM_EXCEPTIONS],
			      *w = m->now.tables[MEM_MAINTENANCES];
	uint64_t n = e->len + w->len;

	for (size_t i = 0; i < e->len; i++)
		n += ((const struct store_exception *)e->row[i])->expires_ns;
	for (size_t i = 0; i < w->len; i++)
		n += ((const struct store_maintenance *)w->row[i])->ended_ns;
	*ret_log_id = newest ? newest->c.log_id : 0;
	*ret_revision = n;
	return 0;
}

/* --- exceptions and maintenance --------------------------------------------------------------------- */

int mem_exception_add(struct store *base, const struct store_exception *given, uint64_t *ret_id)
{
	struct mem *m = (struct mem *)base;
	struct store_exception e = *given;

	e.id = ++m->now.last_id;
	e.key = mem_str(m, e.key);
	e.reason = mem_str(m, e.reason);
	e.author = mem_str(m, e.author);
	if (!e.key || !e.reason || !e.author)
		return -ENOMEM;
	*ret_id = e.id;
	return mem_put(m, MEM_EXCEPTIONS, &e, sizeof(e));
}

int mem_exception_end(struct store *base, uint64_t id, uint64_t at_ns)
{
	struct mem *m = (struct mem *)base;
	const struct store_exception *old =
		mem_find(m, MEM_EXCEPTIONS, &(struct store_exception){ .id = id });
	struct store_exception e;

	if (!old || (old->expires_ns && old->expires_ns <= at_ns))
		return store_set_why(base, -ENOENT, "no exception %llu stands",
				     (unsigned long long)id);
	e = *old;
	e.expires_ns = at_ns;
	return mem_put(m, MEM_EXCEPTIONS, &e, sizeof(e));
}

int mem_exceptions(struct store *base, store_exception_fn fn, void *arg)
{
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref((struct mem *)base, MEM_EXCEPTIONS);
	int ret = 0;

	for (size_t i = 0; !ret && i < r->len; i++)
		ret = fn(r->row[i], arg);
	return ret;
}

int mem_maintenance_add(struct store *base, const struct store_maintenance *given, uint64_t *ret_id)
{
	struct mem *m = (struct mem *)base;
	struct store_maintenance w = *given;

	w.id = ++m->now.last_id;
	w.nodes = mem_str(m, w.nodes);
	w.host_type = mem_str(m, w.host_type);
	w.reason = mem_str(m, w.reason);
	w.author = mem_str(m, w.author);
	w.ended_ns = 0;
	w.ended_by = "";
	if (!w.nodes || !w.host_type || !w.reason || !w.author)
		return -ENOMEM;
	*ret_id = w.id;
	return mem_put(m, MEM_MAINTENANCES, &w, sizeof(w));
}

int mem_maintenance_end(struct store *base, uint64_t id, const char *who, uint64_t at_ns)
{
	struct mem *m = (struct mem *)base;
	const struct store_maintenance *old =
		mem_find(m, MEM_MAINTENANCES, &(struct store_maintenance){ .id = id });
	struct store_maintenance w;

	if (!old || old->ended_ns || old->ends_ns <= at_ns)
		return store_set_why(base, -ENOENT, "no maintenance %llu is under way or to come",
				     (unsigned long long)id);
	w = *old;
	w.ended_ns = at_ns;
	w.ended_by = mem_str(m, who);
	return w.ended_by ? mem_put(m, MEM_MAINTENANCES, &w, sizeof(w)) : -ENOMEM;
}

static int by_start(const void *pa, const void *pb)
{
	const struct store_maintenance *a = *(const struct store_maintenance *const *)pa;
	const struct store_maintenance *b = *(const struct store_maintenance *const *)pb;

	if (a->starts_ns != b->starts_ns)
		return a->starts_ns < b->starts_ns ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

int mem_maintenances(struct store *base, uint64_t since_ns, store_maintenance_fn fn, void *arg)
{
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref((struct mem *)base, MEM_MAINTENANCES);
	_free_ const struct store_maintenance **found =
		calloc(r->len + 1, sizeof(const struct store_maintenance *));
	size_t len = 0;
	int ret = 0;

	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < r->len; i++) {
		const struct store_maintenance *w = r->row[i];

		if (w->ends_ns >= since_ns && (!w->ended_ns || w->ended_ns >= since_ns))
			found[len++] = w;
	}
	qsort(found, len, sizeof(const struct store_maintenance *), by_start);
	for (size_t i = 0; !ret && i < len; i++)
		ret = fn(found[i], arg);
	return ret;
}
