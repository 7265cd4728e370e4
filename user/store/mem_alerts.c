/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mem.h"

#include <errno.h>
#include <string.h>

/* Alerts and their log in memory. */

static const struct store_alert *find_alert(struct mem *m, const char *key)
{
	return mem_find(m, MEM_ALERTS, &(struct store_alert){ .key = key });
}

int mem_alert_get(struct store *base, const char *key, store_alert_fn fn, void *arg)
{
	const struct store_alert *a = find_alert((struct mem *)base, key);

	return a ? fn(a, arg) : store_set_why(base, -ENOENT, "no such alert");
}

static int copy_alert(struct mem *m, struct store_alert *a)
{
	const char **texts[] = { &a->key, &a->host_type, &a->nodes, &a->summary,
				 &a->why, &a->remedy,	 &a->node };

	for (size_t i = 0; i < array_len(texts); i++) {
		*texts[i] = mem_str(m, *texts[i]);
		if (!*texts[i])
			return -ENOMEM;
	}
	if (a->record.ptr) {
		a->record.ptr = mem_copy(m, a->record.ptr, a->record.len);
		if (!a->record.ptr)
			return -ENOMEM;
	}
	return 0;
}

int mem_put_alert(struct store *base, const struct store_alert *given, const char *who,
		  const char *note, uint64_t now_wall_ns, uint64_t *ret_id, uint64_t *ret_log_id)
{
	struct mem *m = (struct mem *)base;
	const struct store_alert *old = find_alert(m, given->key);
	struct store_alert a = *given;
	struct mem_log log;
	int err;

	if (a.was && (!old || old->state != a.was))
		return -ECANCELED;
	a.was = 0;
	err = copy_alert(m, &a);
	if (err)
		return err;
	a.id = old ? old->id : ++m->now.last_id;
	log.c = (struct store_alert_change){
		.log_id = ++m->now.last_id,
		.at_ns = now_wall_ns,
		.state = a.state,
		.who = mem_str(m, who),
		.note = mem_str(m, note),
		.alert = a,
	};
	if (!log.c.who || !log.c.note)
		return -ENOMEM;
	if (old && old->first_ns < a.first_ns)
		a.first_ns = old->first_ns;
	err = mem_put(m, MEM_ALERTS, &a, sizeof(a));
	if (!err)
		err = mem_put(m, MEM_LOG, &log, sizeof(log));
	if (err)
		return err;
	*ret_id = a.id;
	*ret_log_id = log.c.log_id;
	return 0;
}

int mem_touch_alert(struct store *base, const char *key, uint64_t count, uint64_t last_ns)
{
	struct mem *m = (struct mem *)base;
	const struct store_alert *old = find_alert(m, key);
	struct store_alert a;

	if (!old)
		return -ENOENT;
	a = *old;
	a.count = count;
	if (last_ns > a.last_ns)
		a.last_ns = last_ns;
	return mem_put(m, MEM_ALERTS, &a, sizeof(a));
}

static bool in_time(uint64_t t, uint64_t since_ns, uint64_t until_ns)
{
	return t >= since_ns && (!until_ns || t < until_ns);
}

static bool has_changed(const struct mem *m, uint64_t id, uint64_t since_ns, uint64_t until_ns)
{
	const struct mem_rows *log = m->now.tables[MEM_LOG];

	for (size_t i = 0; i < log->len; i++) {
		const struct mem_log *l = log->row[i];

		if (l->c.alert.id == id && in_time(l->c.at_ns, since_ns, until_ns))
			return true;
	}
	return false;
}

static bool alert_wanted(const struct mem *m, const struct store_alert *a,
			 const struct store_alert_query *q)
{
	if (q->id)
		return a->id == q->id;
	if (!q->all && (a->state == ALERT_ALLOWED || a->state == ALERT_RESOLVED))
		return false;
	return (!q->since_ns && !q->until_ns) || has_changed(m, a->id, q->since_ns, q->until_ns);
}

static int newest_first(const void *pa, const void *pb)
{
	const struct store_alert *a = *(const struct store_alert *const *)pa;
	const struct store_alert *b = *(const struct store_alert *const *)pb;

	if (a->last_ns != b->last_ns)
		return a->last_ns > b->last_ns ? -1 : 1;
	return a->id > b->id ? -1 : a->id < b->id;
}

int mem_alerts(struct store *base, const struct store_alert_query *q, store_alert_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref(m, MEM_ALERTS);
	_free_ const struct store_alert **found =
		calloc(r->len + 1, sizeof(const struct store_alert *));
	size_t len = 0;
	int ret = 0;

	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < r->len; i++) {
		if (alert_wanted(m, r->row[i], q))
			found[len++] = r->row[i];
	}
	qsort(found, len, sizeof(const struct store_alert *), newest_first);
	for (size_t i = 0; !ret && i < len; i++)
		ret = fn(found[i], arg);
	return ret;
}

int mem_alert_changes(struct store *base, uint64_t after_log_id, uint64_t since_ns,
		      uint64_t until_ns, uint32_t limit, store_change_fn fn, void *arg)
{
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref((struct mem *)base, MEM_LOG);
	uint32_t given = 0;
	int ret = 0;

	for (size_t i = 0; !ret && i < r->len && (!limit || given < limit); i++) {
		const struct mem_log *l = r->row[i];

		if (l->c.log_id <= after_log_id || !in_time(l->c.at_ns, since_ns, until_ns))
			continue;
		given++;
		ret = fn(&l->c, arg);
	}
	return ret;
}
