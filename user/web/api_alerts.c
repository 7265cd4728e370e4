/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hostlist.h"
#include "base/parse.h"
#include "core/filter.h"
#include "store/alert_ports.h"
#include "store/seen.h"
#include "store/store.h"
#include "view/alert_story.h"
#include "view/match.h"
#include "view/view.h"
#include "view/writer.h"
#include "web/alert_then.h"
#include "web/web_internal.h"

#define LIMIT 100
#define LIMIT_MAX 500
#define NODES_TEXT_MAX 65536 /* of an alert's nodes of then; cut, and that is said */
#define LOOKED_AT_MAX 20000 /* the newest; with more, "cut" says that older ones are not there */

/* What orders the list: the worst first, of those the newest. */
struct place {
	uint64_t severity, last_ns, id;
};

struct list {
	const struct filter *filter;
	struct place *all;
	size_t len, cap;
	bool cut;
};

static int on_alert(const struct store_alert *a, void *arg)
{
	struct list *l = arg;

	if (!view_match_alert(l->filter, a))
		return 0;
	if (l->len == LOOKED_AT_MAX) {
		l->cut = true;
		return 1;
	}
	if (l->len == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 256;
		struct place *all = reallocarray(l->all, cap, sizeof(*all));

		if (!all)
			return -ENOMEM;
		l->all = all;
		l->cap = cap;
	}
	l->all[l->len++] = (struct place){ a->severity, a->last_ns, a->id };
	return 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;

	if (a->severity != b->severity)
		return a->severity > b->severity ? -1 : 1;
	if (a->last_ns != b->last_ns)
		return a->last_ns > b->last_ns ? -1 : 1;
	return a->id > b->id ? -1 : a->id < b->id;
}

struct put {
	struct api_call *c;
	unsigned n;
	bool story;
	uint64_t at_ns; /* as it stood then; 0: now */
};

/* Of then are its nodes; what scans saw, and the ports it stands for, are kept as of now. */
static int put_alert_then(const struct store_alert *found, void *arg)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(HOSTLIST_TEXT_MAX);
	struct hostlist nodes = { 0 };
	struct store_alert a = *found;
	struct put *p = arg;
	struct writer w;
	int err = alert_nodes_at(p->c->w->store, &a, p->at_ns, &nodes);

	if (!err && nodes.len) {
		hostlist_fold_short(&nodes, &text, NODES_TEXT_MAX);
		a.nodes = buf_str(&text);
		a.node_count = nodes.len;
		err = text.err;
	}
	if (!err) {
		jsonw_obj(&p->c->json, NULL);
		writer_json(&w, &p->c->json);
		view_alert_members(&w, &a);
		jsonw_end_obj(&p->c->json);
	}
	hostlist_done(&nodes);
	return err;
}

static int put_alert(const struct store_alert *found, void *arg)
{
	struct put *p = arg;
	struct store_alert a = *found;
	struct store_alert_ports ports;
	struct store_seen seen;
	struct writer w;
	int err = view_alert_look_up(p->c->w->store, &a, &seen, &ports);

	if (err)
		return err;
	p->n++;
	jsonw_obj(&p->c->json, NULL);
	writer_json(&w, &p->c->json);
	view_alert_members(&w, &a);
	if (p->story)
		err = alert_story_json(p->c->w->store, &a, &w);
	jsonw_end_obj(&p->c->json);
	return err;
}

static int put_page(struct api_call *c, struct list *l, const struct place *after, uint64_t limit,
		    uint64_t at_ns)
{
	struct put p = { .c = c, .at_ns = at_ns };
	size_t i = 0, end;
	char next[80];
	int err = 0;

	if (l->len)
		qsort(l->all, l->len, sizeof(l->all[0]), compare);
	while (after && i < l->len && compare(&l->all[i], after) <= 0)
		i++;
	end = l->len - i > limit ? i + limit : l->len;
	jsonw_obj(&c->json, NULL);
	jsonw_arr(&c->json, "items");
	for (; i < end && !err; i++) {
		const struct store_alert_query q = { .all = true, .id = l->all[i].id };

		err = at_ns ? store_alerts_at(c->w->store, at_ns, q.id, put_alert_then, &p)
			    : store_alerts(c->w->store, &q, put_alert, &p);
	}
	jsonw_end_arr(&c->json);
	if (end && end < l->len) {
		const struct place *last = &l->all[end - 1];

		snprintf(next, sizeof(next), "%" PRIu64 ".%" PRIu64 ".%" PRIu64, last->severity,
			 last->last_ns, last->id);
		jsonw_str(&c->json, "next", next);
	} else {
		jsonw_null(&c->json, "next");
	}
	jsonw_u64(&c->json, "total", l->len);
	jsonw_bool(&c->json, "cut", l->cut);
	state_version_text(c->w->state, next);
	jsonw_str(&c->json, "version", next);
	jsonw_end_obj(&c->json);
	return err;
}

int api_alerts(struct api_call *c)
{
	const char *status = query_arg(c->q, "status"), *cursor = query_arg(c->q, "cursor");
	struct store_alert_query q = { .all = status && !strcmp(status, "all") };
	_free_ char *words = NULL;
	struct list l = { 0 };
	uint64_t limit, then_ns = 0, at[3];
	struct filter f;
	int err = api_filter(c, "q", &f, &words);

	if (!err)
		err = api_limit(c, LIMIT, LIMIT_MAX, &limit);
	if (!err)
		err = api_at(c, &then_ns);
	if (err)
		return err;
	if (status && strcmp(status, "all") && strcmp(status, "open"))
		return api_error(c->a, 400, "open or all", "status: there is no such");
	if (then_ns && q.all)
		return api_error(c->a, 400, "status=open",
				 "at: only of the alerts that were open then");
	if (cursor && cursor_parse(cursor, at, 3))
		return api_error(c->a, 400, "begin anew", "cursor: this is none");
	l.filter = &f;
	err = then_ns ? store_alerts_at(c->w->store, then_ns, 0, on_alert, &l)
		      : store_alerts(c->w->store, &q, on_alert, &l);
	if (err >= 0)
		err = put_page(c, &l, cursor ? &(struct place){ at[0], at[1], at[2] } : NULL, limit,
			       then_ns);
	free(l.all);
	return err;
}

int api_alert(struct api_call *c)
{
	struct store_alert_query q = { .all = true };
	struct put p = { .c = c, .story = true };
	int err;

	if (parse_u64(c->name, &q.id) || !q.id)
		return api_error(c->a, 400, "alerts/7", "an alert is asked for by its number");
	err = store_alerts(c->w->store, &q, put_alert, &p);
	return !err && !p.n ? -ENOENT : err;
}
