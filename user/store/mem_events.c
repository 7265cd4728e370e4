/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mem.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

/* Events and doors in memory. */

static int mem_cmp_at(struct journal_at a, struct journal_at b)
{
	if (a.boot_seq != b.boot_seq)
		return a.boot_seq < b.boot_seq ? -1 : 1;
	return a.seq < b.seq ? -1 : a.seq > b.seq;
}

static const struct mem_event *find_event(struct mem *m, uint64_t node_id, uint32_t boot_seq,
					  uint64_t seq)
{
	struct mem_event key = { .node_id = node_id, .raw = { .boot_seq = boot_seq, .seq = seq } };

	return mem_find(m, MEM_EVENTS, &key);
}

int mem_make_node(struct mem *m, const char *name, const char *host_type, uint64_t now_ns,
		  struct mem_node *ret_n)
{
	const struct mem_node *old = mem_node(m, name);
	const char *type = NULL;

	if (!old || strcmp(old->reported, host_type)) {
		type = mem_str(m, host_type);
		if (!type || mem_make_host_type(m, host_type))
			return -ENOMEM;
	}
	if (old) {
		*ret_n = *old;
		if (type && strcmp(type, old->host_type))
			m->now.revision++;
		if (type)
			ret_n->host_type = ret_n->reported = type;
		return 0;
	}
	*ret_n = (struct mem_node){
		.name = mem_str(m, name),
		.id = ++m->now.last_id,
		.host_type = type,
		.reported = type,
		.first_seen_ns = now_ns,
		.last_seen_ns = now_ns,
	};
	return ret_n->name ? 0 : -ENOMEM;
}

static void advance_head(struct mem *m, struct mem_journal *j)
{
	const struct mem_rows *r = m->now.tables[MEM_EVENTS];
	struct mem_event first = { .node_id = j->node_id, .raw = { .boot_seq = j->boot_seq } };
	bool moved = true;

	while (moved) {
		moved = false;
		while (find_event(m, j->node_id, j->boot_seq, j->head_seq + 1)) {
			j->head_seq++;
			moved = true;
		}
		for (size_t i = mem_seek(m, MEM_EVENTS, &first); i < r->len; i++) {
			const struct mem_event *e = r->row[i];

			if (e->node_id != j->node_id || e->raw.boot_seq != j->boot_seq)
				break;
			if (e->ev.kind != EVENT_GAP || e->raw.gap_elsewhere ||
			    e->ev.from_seq > j->head_seq + 1 || e->ev.to_seq <= j->head_seq ||
			    e->ev.to_seq >= INT64_MAX)
				continue;
			j->head_seq = e->ev.to_seq;
			moved = true;
		}
	}
}

static int note_boot(struct mem *m, uint64_t node_id, uint32_t boot_seq, uint64_t seq)
{
	struct mem_journal j = { .node_id = node_id, .boot_seq = boot_seq };
	const struct mem_journal *old = mem_find(m, MEM_JOURNALS, &j);

	if (old)
		j = *old;
	if (seq > j.stored_seq)
		j.stored_seq = seq;
	if (seq <= j.judged_seq)
		j.judged_seq = seq - 1;
	return mem_put(m, MEM_JOURNALS, &j, sizeof(j));
}

static uint64_t count_lost(struct mem *m, uint64_t node_id, const struct mem_event *e)
{
	struct mem_event from = { .node_id = node_id, .raw = { .boot_seq = e->raw.boot_seq } };
	struct mem_event to = from;

	if (e->ev.kind == EVENT_LOST)
		return e->ev.count;
	if (e->ev.kind != EVENT_GAP)
		return 0;
	if (e->raw.gap_elsewhere || !e->ev.from_seq || e->ev.to_seq < e->ev.from_seq ||
	    e->ev.to_seq >= INT64_MAX)
		return e->ev.count;
	from.raw.seq = e->ev.from_seq;
	to.raw.seq = e->ev.to_seq + 1;
	return e->ev.to_seq + 1 - e->ev.from_seq -
	       (mem_seek(m, MEM_EVENTS, &to) - mem_seek(m, MEM_EVENTS, &from));
}

static int note_start(struct mem *m, struct mem_node *n, const struct mem_event *e)
{
	struct journal_at at = { e->raw.boot_seq, e->raw.seq };
	struct buf b = BUF_INIT(4 * EVENT_RECORD_MAX);

	if (e->ev.kind != EVENT_START || mem_cmp_at(n->tier_at, at) >= 0)
		return 0;
	n->tier_at = at;
	n->tier = NULL;
	if (!e->ev.reason.ptr)
		return 0;
	esc_text(&b, e->ev.reason.ptr, e->ev.reason.len, 0);
	n->tier = mem_str(m, buf_str(&b));
	buf_done(&b);
	return n->tier ? 0 : -ENOMEM;
}

static int put_event(struct mem *m, struct mem_node *n, const struct store_event *row,
		     size_t *count)
{
	const struct mem_event *old = find_event(m, n->id, row->boot_seq, row->seq);
	struct journal_at at = { row->boot_seq, row->seq };
	struct mem_event e = { .node_id = n->id, .raw = *row };
	const struct mem_journal *j =
		mem_find(m, MEM_JOURNALS,
			 &(struct mem_journal){ .node_id = n->id, .boot_seq = row->boot_seq });
	int err;

	if (j && row->seq <= j->base_seq)
		return 0; /* pruned: it was here */
	if (old) {
		if (text_eq(old->raw.record, row->record) &&
		    !memcmp(old->raw.chain, row->chain, SHA256_LEN))
			return 0;
		return store_set_why(&m->base, -EEXIST, "record %u:%llu is stored with other bytes",
				     row->boot_seq, (unsigned long long)row->seq);
	}
	e.raw.record.ptr = mem_copy(m, row->record.ptr, row->record.len);
	if (!e.raw.record.ptr)
		return -ENOMEM;
	if (event_decode(e.raw.record.ptr, e.raw.record.len, &e.ev))
		e.ev = (struct event){ .time_ns = row->recorded_ns, .raw = e.raw.record };
	e.ev.boot_seq = row->boot_seq;
	e.ev.seq = row->seq;
	err = mem_put(m, MEM_EVENTS, &e, sizeof(e));
	if (!err)
		err = note_boot(m, n->id, row->boot_seq, row->seq);
	if (!err)
		err = note_start(m, n, &e);
	if (err)
		return err;
	(*count)++;
	n->events++;
	n->lost += count_lost(m, n->id, &e);
	if (row->received_ns > n->last_seen_ns)
		n->last_seen_ns = row->received_ns;
	if (mem_cmp_at(n->newest, at) < 0)
		n->newest = at;
	return 0;
}

static int advance_heads(struct mem *m, uint64_t node_id, const struct store_event *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mem_journal j = { .node_id = node_id, .boot_seq = rows[i].boot_seq };
		const struct mem_journal *old;
		int err;

		if (i && rows[i].boot_seq == rows[i - 1].boot_seq)
			continue;
		old = mem_find(m, MEM_JOURNALS, &j);
		if (!old)
			continue;
		j = *old;
		advance_head(m, &j);
		err = mem_put(m, MEM_JOURNALS, &j, sizeof(j));
		if (err)
			return err;
	}
	return 0;
}

int mem_put_events(struct store *base, const char *node, const char *host_type,
		   const struct store_event *rows, size_t n, size_t *ret_new)
{
	struct mem *m = (struct mem *)base;
	struct mem_node who;
	size_t count = 0;
	int err;

	err = mem_make_node(m, node, host_type, n ? rows[0].received_ns : 0, &who);
	for (size_t i = 0; !err && i < n; i++)
		err = put_event(m, &who, &rows[i], &count);
	if (!err)
		err = advance_heads(m, who.id, rows, n);
	if (!err)
		err = mem_put(m, MEM_NODES, &who, sizeof(who));
	if (!err)
		*ret_new = count;
	return err;
}

int mem_event_head(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_seq)
{
	struct mem *m = (struct mem *)base;
	const struct mem_node *n = mem_node(m, node);
	const struct mem_journal *j = NULL;

	if (n)
		j = mem_find(m, MEM_JOURNALS,
			     &(struct mem_journal){ .node_id = n->id, .boot_seq = boot_seq });
	*ret_seq = j ? j->head_seq : 0;
	return 0;
}

int mem_event_base(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_seq)
{
	struct mem *m = (struct mem *)base;
	const struct mem_node *n = mem_node(m, node);
	const struct mem_journal *j = NULL;

	if (n)
		j = mem_find(m, MEM_JOURNALS,
			     &(struct mem_journal){ .node_id = n->id, .boot_seq = boot_seq });
	*ret_seq = j ? j->base_seq : 0;
	return 0;
}

/* --- reading events -------------------------------------------------------------------------------- */

static const struct mem_door *door_of(const struct mem *m, const struct mem_event *e)
{
	struct mem_door key = { .node_id = e->node_id,
				.d = { .boot_seq = e->raw.boot_seq, .door = e->ev.door } };

	return e->ev.door.proto ? mem_find(m, MEM_DOORS, &key) : NULL;
}

static int give_event(struct mem *m, const struct mem_event *e, store_event_fn fn, void *arg)
{
	const struct mem_node *n = mem_node_by_id(m, e->node_id);
	const struct mem_door *d = door_of(m, e);
	struct store_event_row row = {
		.node = n->name,
		.host_type = n->host_type,
		.raw = e->raw,
		.ev = e->ev,
		.verdict = d ? d->d.verdict : VERDICT_NONE,
	};

	return fn(&row, arg);
}

static int by_time(const void *pa, const void *pb)
{
	const struct mem_event *a = *(const struct mem_event *const *)pa;
	const struct mem_event *b = *(const struct mem_event *const *)pb;

	if (a->ev.time_ns != b->ev.time_ns)
		return a->ev.time_ns < b->ev.time_ns ? -1 : 1;
	return mem_cmp(MEM_EVENTS, a, b);
}

static bool event_wanted(const struct mem_event *e, const struct store_event_query *q,
			 const struct mem_node *n)
{
	if (n && e->node_id != n->id)
		return false;
	if (q->boot_seq && (e->raw.boot_seq != q->boot_seq || e->raw.seq <= q->after_seq))
		return false;
	if (q->port_hi && e->ev.door.proto &&
	    (e->ev.door.port < q->port_lo || e->ev.door.port > q->port_hi))
		return false;
	return e->ev.time_ns >= q->since_ns && (!q->until_ns || e->ev.time_ns < q->until_ns);
}

int mem_events(struct store *base, const struct store_event_query *q, store_event_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref(m, MEM_EVENTS);
	const struct mem_node *n = q->node ? mem_node(m, q->node) : NULL;
	_free_ const struct mem_event **found = NULL;
	size_t len = 0;
	int ret = 0;

	if (q->node && !n)
		return store_set_why(base, -ENOENT, "no node %s", q->node);
	found = calloc(r->len + 1, sizeof(const struct mem_event *));
	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < r->len; i++) {
		if (event_wanted(r->row[i], q, n))
			found[len++] = r->row[i];
	}
	if (!q->boot_seq)
		qsort(found, len, sizeof(const struct mem_event *), by_time);
	for (size_t i = 0; !ret && i < len && (!q->limit || i < q->limit); i++)
		ret = give_event(m, found[q->newest_first ? len - 1 - i : i], fn, arg);
	return ret;
}

/* --- doors --------------------------------------------------------------------------------------------- */

int mem_put_door(struct store *base, const struct store_door *d)
{
	struct mem *m = (struct mem *)base;
	const struct mem_node *n = mem_node(m, d->node);
	struct mem_door row = { .d = *d };

	if (!n)
		return store_set_why(base, -ENOENT, "no node %s", d->node);
	row.node_id = n->id;
	row.d.node = row.d.host_type = NULL; /* as the node has them when it is read */
	row.d.alert_key = d->alert_key ? mem_str(m, d->alert_key) : NULL;
	if (d->alert_key && !row.d.alert_key)
		return -ENOMEM;
	row.d.ev = (struct event){ 0 };
	if (d->record.ptr) {
		row.d.record.ptr = mem_copy(m, d->record.ptr, d->record.len);
		if (!row.d.record.ptr)
			return -ENOMEM;
		if (event_decode(row.d.record.ptr, row.d.record.len, &row.d.ev))
			row.d.ev = (struct event){ .raw = row.d.record };
	}
	row.d.ev.boot_seq = d->boot_seq;
	row.d.ev.seq = d->open_seq;
	return mem_put(m, MEM_DOORS, &row, sizeof(row));
}

int mem_close_door(struct store *base, const char *node, uint32_t boot_seq, const struct door *d,
		   uint64_t close_seq, uint64_t closed_ns, bool *ret_found)
{
	struct mem *m = (struct mem *)base;
	const struct mem_node *n = mem_node(m, node);
	const struct mem_door *old = NULL;
	struct mem_door row;

	if (n)
		old = mem_find(m, MEM_DOORS,
			       &(struct mem_door){ .node_id = n->id,
						   .d = { .boot_seq = boot_seq, .door = *d } });
	*ret_found = old && !old->d.closed_ns;
	if (!*ret_found)
		return 0;
	row = *old;
	row.d.close_seq = close_seq;
	row.d.closed_ns = closed_ns;
	return mem_put(m, MEM_DOORS, &row, sizeof(row));
}

static int give_door(struct mem *m, const struct mem_door *row, store_door_fn fn, void *arg)
{
	const struct mem_node *n = mem_node_by_id(m, row->node_id);
	struct store_door d = row->d;

	d.node = n->name;
	d.host_type = n->host_type;
	return fn(&d, arg);
}

int mem_door_get(struct store *base, const char *node, uint32_t boot_seq, const struct door *d,
		 store_door_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	const struct mem_node *n = mem_node(m, node);
	const struct mem_door *row = NULL;

	if (n)
		row = mem_find(m, MEM_DOORS,
			       &(struct mem_door){ .node_id = n->id,
						   .d = { .boot_seq = boot_seq, .door = *d } });
	return row ? give_door(m, row, fn, arg) : -ENOENT;
}

int mem_key_doors(struct store *base, const char *alert_key, uint64_t *ret_open,
		  uint64_t *ret_last_closed_ns)
{
	const struct mem_rows *r = ((struct mem *)base)->now.tables[MEM_DOORS];
	uint64_t open = 0, last = 0;

	for (size_t i = 0; i < r->len; i++) {
		const struct store_door *d = &((const struct mem_door *)r->row[i])->d;

		if (!d->alert_key || strcmp(d->alert_key, alert_key))
			continue;
		open += !d->closed_ns;
		if (d->closed_ns > last)
			last = d->closed_ns;
	}
	*ret_open = open;
	*ret_last_closed_ns = last;
	return 0;
}

static bool door_wanted(const struct mem_door *d, const struct store_door_query *q,
			const struct mem_node *n)
{
	if (n && d->node_id != n->id)
		return false;
	if (q->boot_seq && d->d.boot_seq != q->boot_seq)
		return false;
	if (q->alert_key && (!d->d.alert_key || strcmp(d->d.alert_key, q->alert_key)))
		return false;
	if (q->at_ns)
		return d->d.opened_ns <= q->at_ns && (!d->d.closed_ns || d->d.closed_ns > q->at_ns);
	return !q->open_only || !d->d.closed_ns;
}

static int by_opening(const void *pa, const void *pb)
{
	const struct mem_door *a = *(const struct mem_door *const *)pa;
	const struct mem_door *b = *(const struct mem_door *const *)pb;

	if (a->d.opened_ns != b->d.opened_ns)
		return a->d.opened_ns < b->d.opened_ns ? -1 : 1;
	if (a->node_id != b->node_id)
		return a->node_id < b->node_id ? -1 : 1;
	return mem_cmp_at((struct journal_at){ a->d.boot_seq, a->d.open_seq },
			  (struct journal_at){ b->d.boot_seq, b->d.open_seq });
}

int mem_doors(struct store *base, const struct store_door_query *q, store_door_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref(m, MEM_DOORS);
	const struct mem_node *n = q->node ? mem_node(m, q->node) : NULL;
	_free_ const struct mem_door **found = NULL;
	size_t len = 0;
	int ret = 0;

	if (q->node && !n)
		return store_set_why(base, -ENOENT, "no node %s", q->node);
	found = calloc(r->len + 1, sizeof(const struct mem_door *));
	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < r->len; i++) {
		if (door_wanted(r->row[i], q, n))
			found[len++] = r->row[i];
	}
	qsort(found, len, sizeof(const struct mem_door *), by_opening);
	for (size_t i = 0; !ret && i < len; i++)
		ret = give_door(m, found[i], fn, arg);
	return ret;
}
