/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/filter.h"
#include "store/store.h"
#include "view/match.h"
#include "view/view.h"
#include "view/writer.h"
#include "web/web_internal.h"

#define LIMIT 200
#define LIMIT_MAX 2000

/*
 * The doors that are open, in the order of opening. The cursor: when the last one opened, and how
 * many of that time were given.
 */
struct list {
	struct api_call *c;
	const struct filter *filter;
	uint64_t limit, n;
	uint64_t skip_ns, skip; /* of an earlier page */
	uint64_t at_ns, at; /* the last one given; how many at that time */
	bool more;
};

static void put_door(struct list *l, const struct store_door *d, const struct event *ev)
{
	const struct view_event_ctx ctx = {
		.node = d->node, .host_type = d->host_type, .verdict = d->verdict, .latency_us = -1
	};
	struct writer w;

	writer_json(&w, &l->c->json);
	view_event_json(&w, ev, &ctx);
}

static int on_door(const struct store_door *d, void *arg)
{
	struct list *l = arg;
	struct event ev = d->ev;

	ev.time_ns = d->opened_ns ? d->opened_ns : ev.time_ns;
	if (d->opened_ns < l->skip_ns ||
	    !view_match_event(l->filter, &ev, d->node, d->host_type, d->verdict))
		return 0;
	if (d->opened_ns == l->skip_ns && l->skip) {
		l->skip--;
		l->at++;
		l->at_ns = d->opened_ns;
		return 0;
	}
	if (l->n == l->limit) {
		l->more = true;
		return 1;
	}
	l->at = d->opened_ns == l->at_ns ? l->at + 1 : 1;
	l->at_ns = d->opened_ns;
	l->n++;
	put_door(l, d, &ev);
	return l->c->a->body.err;
}

int api_doors(struct api_call *c)
{
	const char *cursor = query_arg(c->q, "cursor"), *node = query_arg(c->q, "node");
	const struct store_door_query q = { .open_only = true, .node = node };
	struct list l = { .c = c };
	_free_ char *words = NULL;
	uint64_t at[2] = { 0 };
	char text[STATE_VERSION_TEXT + 24];
	struct filter f;
	int err = api_filter(c, "q", &f, &words);

	if (!err)
		err = api_limit(c, LIMIT, LIMIT_MAX, &l.limit);
	if (err)
		return err;
	if (cursor && cursor_parse(cursor, at, 2))
		return api_error(c->a, 400, "begin anew", "cursor: this is none");
	l.filter = &f;
	l.skip_ns = at[0];
	l.skip = at[1];
	jsonw_obj(&c->json, NULL);
	jsonw_arr(&c->json, "items");
	err = store_doors(c->w->store, &q, on_door, &l);
	jsonw_end_arr(&c->json);
	if (err < 0)
		return err;
	snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64, l.at_ns, l.at);
	jsonw_str(&c->json, "next", l.more ? text : NULL);
	state_version_text(c->w->state, text);
	jsonw_str(&c->json, "version", text);
	jsonw_end_obj(&c->json);
	return 0;
}
