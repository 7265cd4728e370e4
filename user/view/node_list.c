/* SPDX-License-Identifier: GPL-2.0 */
#include "view/node_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/redirect.h"
#include "store/health.h"
#include "store/redirect.h"
#include "store/store.h"
#include "view/node_json.h"

/* A node of the page, with copies of what it borrows. */
struct kept {
	char *name, *host_type, *tier;
	struct store_node n; /* name NULL: it is not read yet */
	struct view_node st;
};

struct walk {
	const struct node_list *l;
	struct store *s;
	const struct conf *conf;
	unsigned len, next;
	struct kept page[HEALTH_PAGE_NODES];
};

static void empty_page(struct walk *w)
{
	for (unsigned i = 0; i < w->len; i++) {
		free(w->page[i].name);
		free(w->page[i].host_type);
		free(w->page[i].tier);
		view_node_done(&w->page[i].st);
	}
	w->len = w->next = 0;
}

static int begin_node(struct walk *w, const char *name)
{
	struct kept *k = &w->page[w->len];

	if (w->len == HEALTH_PAGE_NODES)
		return -E2BIG; /* a page has no more */
	*k = (struct kept){ .name = strdup(name),
			    .st = { .is = NODE_UNKNOWN,
				    .redirects = BUF_INIT(REDIRECT_STORED_MAX) } };
	w->len++;
	return k->name ? node_health_new(&k->st.heartbeat) : -ENOMEM;
}

static int on_health(const struct store_health_row *r, void *arg)
{
	struct walk *w = arg;
	int err = 0;

	if (!w->len || strcmp(w->page[w->len - 1].name, r->node))
		err = begin_node(w, r->node);
	return err ? err : node_health_take(&w->page[w->len - 1].st.heartbeat, r);
}

static int fill(struct kept *k, const struct store_node *n, const struct store_node_more *m)
{
	k->host_type = strdup(n->host_type);
	k->tier = n->tier ? strdup(n->tier) : NULL;
	if (!k->host_type || !k->tier != !n->tier)
		return -ENOMEM;
	k->n = *n;
	k->n.name = k->name;
	k->n.host_type = k->host_type;
	k->n.tier = k->tier;
	k->n.reported = NULL;
	k->st.doors = m->doors;
	k->st.last_event_ns = m->last_event_ns;
	k->st.is = m->stopped ? NODE_STOPPED : NODE_UNKNOWN;
	k->st.since_ns = m->stopped ? m->last_event_ns : 0;
	return m->redirects ? store_redirect_lines(m->redirects, &k->st.redirects) : 0;
}

/* Both walks are by name; one that came between them is shown the next time. */
static int on_node(const struct store_node *n, const struct store_node_more *m, void *arg)
{
	struct walk *w = arg;
	int order = -1;

	while (w->next < w->len && (order = strcmp(w->page[w->next].name, n->name)) < 0)
		w->next++;
	return w->next < w->len && !order ? fill(&w->page[w->next], n, m) : 0;
}

static int show(struct walk *w, struct kept *k, uint64_t now_ns)
{
	const struct node_list *l = w->l;

	if (!k->n.name)
		return 0; /* deleted meanwhile */
	node_health_judge(&k->st.heartbeat, w->conf, now_ns);
	view_node_conclude(&k->n, l->own && !strcmp(l->own, k->name) ? l->own_runs : -1, &k->st);
	return l->node(&k->n, &k->st, l->arg);
}

static int on_page(const char *first, const char *last, void *arg)
{
	struct walk *w = arg;
	uint64_t now_ns = 0;
	int err = store_clock(w->s, &now_ns);

	if (!err)
		err = store_nodes_between(w->s, first, last, on_node, w);
	for (unsigned i = 0; i < w->len && !err; i++)
		err = show(w, &w->page[i], now_ns);
	empty_page(w);
	return err ? err : w->l->page(w->l->arg);
}

int node_list_walk(const struct node_list *l, struct store *s, const struct conf *conf)
{
	struct walk *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->l = l;
	w->s = s;
	w->conf = conf;
	err = store_health_by_node(s, on_health, on_page, w);
	empty_page(w);
	free(w);
	return err;
}
