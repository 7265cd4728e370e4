/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mem.h"

#include <string.h>

/* Retention in memory: the rules of sqlite_prune.c, said in C. */

struct pruning {
	struct mem *m;
	const struct store_prune *q;
	struct store_pruned *ret;
};

static bool may_go(const struct mem_journal *j, const struct mem_event *e)
{
	uint64_t limit = j->judged_seq < j->head_seq ? j->judged_seq : j->head_seq;

	return e->node_id == j->node_id && e->raw.boot_seq == j->boot_seq && e->raw.seq <= limit;
}

static int prune_journal(struct pruning *p, const struct mem_journal *old)
{
	const struct mem_rows *events = p->m->now.tables[MEM_EVENTS];
	struct mem_journal j = *old;
	struct mem_event first = { .node_id = j.node_id, .raw.boot_seq = j.boot_seq };
	size_t i = mem_seek(p->m, MEM_EVENTS, &first), n = 0;
	int err = 0;

	while (i + n < events->len && may_go(&j, events->row[i + n])) {
		const struct mem_event *e = events->row[i + n];

		if (e->raw.received_ns >= p->q->before_ns)
			break;
		if (p->ret->events == p->q->limit) {
			p->ret->more = true;
			break;
		}
		p->ret->events++;
		j.base_seq = e->raw.seq;
		n++;
	}
	if (!n || p->q->count_only)
		return 0;
	err = mem_del(p->m, MEM_EVENTS, i, n);
	return err ? err : mem_put(p->m, MEM_JOURNALS, &j, sizeof(j));
}

static int prune_events(struct pruning *p)
{
	_cleanup_(mem_unrefp) struct mem_rows *journals = mem_ref(p->m, MEM_JOURNALS);
	int err = 0;

	for (size_t i = 0; !err && !p->ret->more && i < journals->len; i++)
		err = prune_journal(p, journals->row[i]);
	return err;
}

static bool door_is_old(const struct pruning *p, const struct mem_door *d)
{
	const struct mem_journal *j =
		mem_find(p->m, MEM_JOURNALS,
			 &(struct mem_journal){ .node_id = d->node_id, .boot_seq = d->d.boot_seq });

	return d->d.closed_ns && d->d.closed_ns < p->q->before_ns &&
	       (p->q->count_only || (j && d->d.open_seq <= j->base_seq));
}

static int prune_doors(struct pruning *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->m->now.tables[MEM_DOORS]->len;) {
		if (!door_is_old(p, p->m->now.tables[MEM_DOORS]->row[i])) {
			i++;
			continue;
		}
		p->ret->doors++;
		if (p->q->count_only)
			i++;
		else
			err = mem_del(p->m, MEM_DOORS, i, 1);
	}
	return err;
}

static bool key_is_kept(const struct pruning *p, const char *key)
{
	const struct mem_rows *doors = p->m->now.tables[MEM_DOORS];

	for (size_t i = 0; i < doors->len; i++) {
		const struct mem_door *d = doors->row[i];

		if (d->d.alert_key && !strcmp(d->d.alert_key, key) &&
		    (!d->d.closed_ns || d->d.closed_ns >= p->q->before_ns))
			return true;
	}
	return false;
}

static bool alert_is_old(const struct pruning *p, const struct store_alert *a)
{
	const struct mem_rows *log = p->m->now.tables[MEM_LOG];
	const struct mem_rows *cursors = p->m->now.tables[MEM_CURSORS];
	uint64_t told = UINT64_MAX;

	if (a->state != ALERT_RESOLVED || a->last_ns >= p->q->before_ns || key_is_kept(p, a->key))
		return false;
	for (size_t i = 0; i < cursors->len; i++) {
		const struct mem_named *c = cursors->row[i];

		told = c->log_id < told ? c->log_id : told;
	}
	for (size_t i = 0; i < log->len; i++) {
		const struct mem_log *l = log->row[i];

		if (l->c.alert.id == a->id && (l->c.at_ns >= p->q->before_ns || l->c.log_id > told))
			return false;
	}
	return true;
}

static int forget_alert(struct pruning *p, size_t at, uint64_t id)
{
	int err = mem_del(p->m, MEM_ALERTS, at, 1);

	for (size_t i = 0; !err && i < p->m->now.tables[MEM_LOG]->len;) {
		const struct mem_log *l = p->m->now.tables[MEM_LOG]->row[i];

		if (l->c.alert.id == id)
			err = mem_del(p->m, MEM_LOG, i, 1);
		else
			i++;
	}
	for (size_t i = 0; !err && i < p->m->now.tables[MEM_ALERT_NODES]->len;) {
		const struct mem_alert_node *n = p->m->now.tables[MEM_ALERT_NODES]->row[i];

		if (n->alert_id == id)
			err = mem_del(p->m, MEM_ALERT_NODES, i, 1);
		else
			i++;
	}
	return err;
}

static int prune_alerts(struct pruning *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->m->now.tables[MEM_ALERTS]->len;) {
		const struct store_alert *a = p->m->now.tables[MEM_ALERTS]->row[i];

		if (!alert_is_old(p, a)) {
			i++;
			continue;
		}
		p->ret->alerts++;
		if (p->q->count_only)
			i++;
		else
			err = forget_alert(p, i, a->id);
	}
	return err;
}

int mem_prune(struct store *base, const struct store_prune *q, struct store_pruned *ret)
{
	struct pruning p = { (struct mem *)base, q, ret };
	int err = prune_events(&p);

	if (!err && !ret->more)
		err = prune_doors(&p);
	return err || ret->more ? err : prune_alerts(&p);
}

int mem_usage(struct store *base, bool count, struct store_usage *ret)
{
	struct mem *m = (struct mem *)base;
	const struct mem_rows *events = m->now.tables[MEM_EVENTS];

	(void)count;
	ret->events = events->len;
	for (size_t i = 0; i < events->len; i++) {
		const struct mem_event *e = events->row[i];

		if (!ret->oldest_ns || e->raw.received_ns < ret->oldest_ns)
			ret->oldest_ns = e->raw.received_ns;
		if (e->raw.received_ns > ret->newest_ns)
			ret->newest_ns = e->raw.received_ns;
		ret->used_bytes += sizeof(*e) + e->raw.record.len;
	}
	ret->file_bytes = ret->used_bytes;
	return 0;
}
