/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/classes.h"

#include <errno.h>
#include <string.h>

#include "base/hostlist.h"
#include "store/profile.h"
#include "store/store.h"

struct rule {
	uint64_t id;
	uint32_t priority;
	char *host_type;
	struct hostlist nodes;
};

struct classes {
	struct rule *rules; /* in the order they decide in */
	size_t len;
};

void classes_free(struct classes *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->len; i++) {
		free(k->rules[i].host_type);
		hostlist_done(&k->rules[i].nodes);
	}
	free(k->rules);
	free(k);
}

/* What cannot be read names nobody: `ajar node class sync` has said so. */
static int add_rule(const struct store_class_rule *r, void *arg)
{
	struct classes *k = arg;
	struct hostlist_error e;
	struct rule *rule;
	int err;

	if (!(k->len & (k->len - 1))) {
		rule = reallocarray(k->rules, k->len ? 2 * k->len : 1, sizeof(*rule));
		if (!rule)
			return -ENOMEM;
		k->rules = rule;
	}
	rule = &k->rules[k->len++];
	*rule = (struct rule){ .id = r->id, .priority = r->priority };
	rule->host_type = strdup(r->host_type);
	if (!rule->host_type)
		return -ENOMEM;
	/* A row that somebody inserted by hand and that names no group needs no resolving. */
	err = hostlist_parse(&rule->nodes, r->resolved_ns ? r->resolved : r->nodes, NULL, &e);
	return err == -ENOMEM ? err : 0;
}

int classes_load(struct store *s, struct classes **ret_k)
{
	_cleanup_(classes_freep) struct classes *k = calloc(1, sizeof(*k));
	int err = k ? store_class_rules(s, add_rule, k) : -ENOMEM;

	if (err)
		return err;
	*ret_k = take_ptr(k);
	return 0;
}

struct class_match classes_find(struct classes *k, const char *node, unsigned from)
{
	for (size_t i = 0; i < k->len; i++) {
		struct rule *r = &k->rules[i];

		if (hostlist_has(&r->nodes, node) && !from--)
			return (struct class_match){ r->host_type, r->id, r->priority };
	}
	return (struct class_match){ 0 };
}

/* Nodes that are where they do not belong; written after the walk. */
struct moving {
	struct classes *k;
	bool unnamed_too;
	struct move {
		char *node, *host_type;
	} * list;
	size_t len;
};

static int check_node(const struct store_node *n, void *arg)
{
	struct moving *m = arg;
	const char *want = classes_find(m->k, n->name, 0).host_type;
	struct move *list;

	if (!want && m->unnamed_too)
		want = n->reported;
	if (!want || !strcmp(want, n->host_type))
		return 0;
	if (!(m->len & (m->len - 1))) {
		list = reallocarray(m->list, m->len ? 2 * m->len : 1, sizeof(*list));
		if (!list)
			return -ENOMEM;
		m->list = list;
	}
	m->list[m->len] = (struct move){ strdup(n->name), strdup(want) };
	m->len++;
	return m->list[m->len - 1].node && m->list[m->len - 1].host_type ? 0 : -ENOMEM;
}

int classes_apply(struct classes *k, struct store *s, bool unnamed_too, unsigned *ret_moved)
{
	struct moving m = { .k = k, .unnamed_too = unnamed_too };
	int err = store_nodes(s, check_node, &m);

	for (size_t i = 0; i < m.len && !err; i++)
		err = store_set_host_type(s, m.list[i].node, m.list[i].host_type);
	for (size_t i = 0; i < m.len; i++) {
		free(m.list[i].node);
		free(m.list[i].host_type);
	}
	free(m.list);
	if (!err && ret_moved)
		*ret_moved = (unsigned)m.len;
	return err;
}
