/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/filter.h"
#include "store/store.h"
#include "view/executable.h"
#include "view/node_json.h"
#include "view/node_ports.h"
#include "view/writer.h"
#include "web/web_internal.h"

#define LIMIT 100
#define LIMIT_MAX 1000

/*
 * A node that the store gave, copied: reading more of it while the list is read would nest
 * statements without need.
 */
struct node {
	struct store_node n;
	char *name, *host_type, *reported, *tier;
};

struct list {
	const struct filter *filter;
	const char *only; /* of one */
	const char *after; /* names up to this one were on an earlier page; NULL: none */
	size_t len, limit; /* one more than the page has says that there are more */
	struct node *all;
	uint64_t total;
};

static void list_done(struct list *l)
{
	for (size_t i = 0; i < l->len; i++) {
		free(l->all[i].name);
		free(l->all[i].host_type);
		free(l->all[i].reported);
		free(l->all[i].tier);
	}
	free(l->all);
}

static int copy(struct list *l, const struct store_node *n)
{
	struct node *all = reallocarray(l->all, l->len + 1, sizeof(*all)), *to;

	if (!all)
		return -ENOMEM;
	l->all = all;
	to = &all[l->len++];
	*to = (struct node){ .n = *n,
			     .name = strdup(n->name),
			     .host_type = strdup(n->host_type),
			     .reported = strdup(n->reported ? n->reported : ""),
			     .tier = n->tier ? strdup(n->tier) : NULL };
	to->n.name = to->name;
	to->n.host_type = to->host_type;
	to->n.reported = to->reported;
	to->n.tier = to->tier;
	return to->name && to->host_type && to->reported && !to->tier == !n->tier ? 0 : -ENOMEM;
}

static int on_node(const struct store_node *n, void *arg)
{
	struct filter_subject subject = { .node = n->name, .host_type = n->host_type };
	struct list *l = arg;

	if (l->only)
		return strcmp(l->only, n->name) ? 0 : copy(l, n);
	if (!filter_match(l->filter, &subject))
		return 0;
	l->total++;
	if ((l->after && strcmp(n->name, l->after) <= 0) || l->len > l->limit)
		return 0;
	return copy(l, n);
}

/* ports: also what profile, kernel and scan say of each, and what its programs are. */
static int put_node(struct api_call *c, const struct store_node *n, bool ports)
{
	struct store *s = c->w->store;
	struct view_node st;
	struct writer w;
	int err = view_node_look(s, c->w->conf, n, -1, &st);

	if (!err) {
		writer_json(&w, &c->json);
		writer_start(&w, NULL);
		err = view_node_members(&w, s, c->w->racks, n, &st);
		if (!err && ports)
			err = node_ports_json(&w, s, n->name, n->host_type);
		if (!err && ports)
			err = node_executables_json(s, n->name, &w);
		if (!err)
			err = writer_end(&w);
	}
	view_node_done(&st);
	return err;
}

static int put_list(struct api_call *c, const struct list *l)
{
	size_t n = l->len < l->limit ? l->len : l->limit;
	char version[STATE_VERSION_TEXT];
	int err = 0;

	jsonw_obj(&c->json, NULL);
	jsonw_arr(&c->json, "items");
	for (size_t i = 0; i < n && !err; i++)
		err = put_node(c, &l->all[i].n, false);
	jsonw_end_arr(&c->json);
	jsonw_str(&c->json, "next", n < l->len ? l->all[n - 1].name : NULL);
	jsonw_u64(&c->json, "total", l->total);
	state_version_text(c->w->state, version);
	jsonw_str(&c->json, "version", version);
	jsonw_end_obj(&c->json);
	return err;
}

/* By name; the cursor is the last one's. */
int api_nodes(struct api_call *c)
{
	struct list l = { .after = query_arg(c->q, "cursor") };
	_free_ char *words = NULL;
	uint64_t limit;
	struct filter f;
	int err = api_filter(c, "q", &f, &words);

	if (!err)
		err = api_limit(c, LIMIT, LIMIT_MAX, &limit);
	if (err)
		return err;
	l.filter = &f;
	l.limit = limit;
	err = store_nodes(c->w->store, on_node, &l);
	if (!err)
		err = put_list(c, &l);
	list_done(&l);
	return err;
}

int api_node(struct api_call *c)
{
	struct list l = { .only = c->name };
	int err = store_nodes(c->w->store, on_node, &l);

	if (!err)
		err = l.len ? put_node(c, &l.all[0].n, true) : -ENOENT;
	list_done(&l);
	return err;
}
