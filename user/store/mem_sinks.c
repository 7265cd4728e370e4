/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "store/mem.h"
#include "store/sinks.h"

/* How the sinks are doing in memory. */

static void count_behind(struct mem *m, struct store_sink *sink)
{
	const struct mem_rows *log = m->now.tables[MEM_LOG];

	for (size_t i = 0; i < log->len; i++) {
		const struct store_alert_change *c = &((const struct mem_log *)log->row[i])->c;

		if (c->log_id <= sink->log_id)
			continue;
		if (!sink->behind++ || c->at_ns < sink->behind_ns)
			sink->behind_ns = c->at_ns;
	}
}

static void count_parked(struct mem *m, struct store_sink *sink)
{
	const struct mem_rows *parked = m->now.tables[MEM_PARKED];

	for (size_t i = 0; i < parked->len; i++)
		sink->parked +=
			!strcmp(((const struct store_parked *)parked->row[i])->sink, sink->name);
}

int mem_sinks(struct store *base, store_sink_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	_cleanup_(mem_unrefp) struct mem_rows *cursors = mem_ref(m, MEM_CURSORS);
	int ret = 0;

	for (size_t i = 0; !ret && i < cursors->len; i++) {
		const struct mem_named *c = cursors->row[i];
		const struct store_sink *state =
			mem_find(m, MEM_SINKS, &(struct store_sink){ .name = c->name });
		struct store_sink sink = { .why = "" };

		if (state)
			sink = *state;
		sink.name = c->name;
		sink.log_id = c->log_id;
		count_behind(m, &sink);
		count_parked(m, &sink);
		ret = fn(&sink, arg);
	}
	return ret;
}

int mem_sink_put(struct store *base, const struct store_sink *given)
{
	struct mem *m = (struct mem *)base;
	struct store_sink sink = *given;
	int err = base->ops->sink_cursor_set(base, sink.name, sink.log_id);

	if (err)
		return err;
	sink.behind = sink.behind_ns = sink.parked = 0;
	sink.name = mem_str(m, given->name);
	sink.why = mem_str(m, given->why);
	return sink.name && sink.why ? mem_put(m, MEM_SINKS, &sink, sizeof(sink)) : -ENOMEM;
}

static int del_one(struct mem *m, enum mem_table t, const void *key)
{
	return mem_find(m, t, key) ? mem_del(m, t, mem_seek(m, t, key), 1) : -ENOENT;
}

int mem_sink_forget(struct store *base, const char *name)
{
	struct mem *m = (struct mem *)base;
	const struct mem_rows *parked = m->now.tables[MEM_PARKED];
	int err = 0;

	for (size_t i = parked->len; i > 0 && !err; i--) {
		const struct store_parked *p = parked->row[i - 1];

		if (!strcmp(p->sink, name))
			err = mem_del(m, MEM_PARKED, i - 1, 1);
		parked = m->now.tables[MEM_PARKED];
	}
	if (!err)
		err = del_one(m, MEM_SINKS, &(struct store_sink){ .name = name });
	if (!err || err == -ENOENT)
		err = del_one(m, MEM_CURSORS, &(struct mem_named){ .name = name });
	return err == -ENOENT ? store_set_why(base, err, "no such sink") : err;
}

int mem_park(struct store *base, const struct store_parked *given)
{
	struct mem *m = (struct mem *)base;
	const struct store_parked *old = mem_find(m, MEM_PARKED, given);
	struct store_parked p = *given;

	p.sink = mem_str(m, given->sink);
	p.why = mem_str(m, given->why);
	if (old) {
		p.first_ns = old->first_ns;
		p.alert_id = old->alert_id;
	}
	return p.sink && p.why ? mem_put(m, MEM_PARKED, &p, sizeof(p)) : -ENOMEM;
}

int mem_unpark(struct store *base, const char *sink, uint64_t log_id)
{
	int err = del_one((struct mem *)base, MEM_PARKED,
			  &(struct store_parked){ .sink = sink, .log_id = log_id });

	return err == -ENOENT ? 0 : err;
}

static int by_next_try(const void *a, const void *b)
{
	const struct store_parked *x = *(const struct store_parked *const *)a,
				  *y = *(const struct store_parked *const *)b;

	if (x->next_ns != y->next_ns)
		return x->next_ns < y->next_ns ? -1 : 1;
	if (x->log_id != y->log_id)
		return x->log_id < y->log_id ? -1 : 1;
	return strcmp(x->sink, y->sink);
}

int mem_parked(struct store *base, const char *sink, uint64_t due_ns, uint32_t limit,
	       store_parked_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	const struct mem_rows *all = m->now.tables[MEM_PARKED];
	_free_ const struct store_parked **some = calloc(all->len + 1, sizeof(*some));
	size_t n = 0;
	int ret = 0;

	if (!some)
		return -ENOMEM;
	for (size_t i = 0; i < all->len; i++) {
		const struct store_parked *p = all->row[i];

		if ((!sink || !strcmp(p->sink, sink)) &&
		    (!due_ns || (p->next_ns && p->next_ns <= due_ns)))
			some[n++] = p;
	}
	qsort(some, n, sizeof(*some), by_next_try);
	for (size_t i = 0; !ret && i < n && (!limit || i < limit); i++)
		ret = fn(some[i], arg);
	return ret;
}

int mem_log_before(struct store *base, uint64_t at_ns, uint64_t *ret_log_id)
{
	const struct mem_rows *log = ((struct mem *)base)->now.tables[MEM_LOG];
	uint64_t id = 0;

	for (size_t i = 0; i < log->len; i++) {
		const struct store_alert_change *c = &((const struct mem_log *)log->row[i])->c;

		if (c->at_ns < at_ns)
			id = c->log_id;
	}
	*ret_log_id = id;
	return 0;
}
