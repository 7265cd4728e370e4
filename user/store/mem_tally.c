/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "store/mem.h"
#include "store/tally.h"

/* Counts in memory. */

static int cmp_doors(const void *a, const void *b)
{
	const struct store_door_tally *x = a, *y = b;
	int order = strcmp(x->host_type, y->host_type);

	return order ? order : (int)x->verdict - (int)y->verdict;
}

int mem_tally_doors(struct store *base, store_door_tally_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	const struct mem_rows *doors = m->now.tables[MEM_DOORS];
	_free_ struct store_door_tally *t = calloc(doors->len + 1, sizeof(*t));
	size_t n = 0;
	int ret = 0;

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < doors->len; i++) {
		const struct mem_door *d = doors->row[i];
		const struct mem_node *node = mem_node_by_id(m, d->node_id);

		if (!d->d.closed_ns && node)
			t[n++] = (struct store_door_tally){ node->host_type, d->d.verdict, 1 };
	}
	qsort(t, n, sizeof(*t), cmp_doors);
	for (size_t i = 0, next; !ret && i < n; i = next) {
		for (next = i + 1; next < n && !cmp_doors(&t[i], &t[next]); next++)
			t[i].doors++;
		ret = fn(&t[i], arg);
	}
	return ret;
}

static int cmp_alerts(const void *a, const void *b)
{
	const struct store_alert_tally *x = a, *y = b;
	int order = strcmp(x->host_type, y->host_type);

	if (!order)
		order = (int)x->state - (int)y->state;
	if (!order)
		order = (int)x->severity - (int)y->severity;
	return order ? order : (int)x->kind - (int)y->kind;
}

int mem_tally_alerts(struct store *base, store_alert_tally_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	const struct mem_rows *alerts = m->now.tables[MEM_ALERTS];
	_free_ struct store_alert_tally *t = calloc(alerts->len + 1, sizeof(*t));
	int ret = 0;

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < alerts->len; i++) {
		const struct store_alert *a = alerts->row[i];

		t[i] = (struct store_alert_tally){ a->host_type, a->state, a->severity, a->kind,
						   1 };
	}
	qsort(t, alerts->len, sizeof(*t), cmp_alerts);
	for (size_t i = 0, next; !ret && i < alerts->len; i = next) {
		for (next = i + 1; next < alerts->len && !cmp_alerts(&t[i], &t[next]); next++)
			t[i].alerts++;
		ret = fn(&t[i], arg);
	}
	return ret;
}

int mem_turn_at(struct store *base, const char *name, uint64_t *ret_ns)
{
	const struct mem_named *n =
		mem_find((struct mem *)base, MEM_TURNS, &(struct mem_named){ .name = name });

	*ret_ns = n ? n->log_id : 0;
	return 0;
}
