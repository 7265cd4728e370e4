/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/filter.h"
#include "store/scan_changes.h"
#include "store/store.h"
#include "view/match.h"
#include "view/past.h"
#include "view/view.h"
#include "view/writer.h"
#include "web/web_internal.h"

/*
 * The timeline, newest first: events, changes of alerts, what scans saw change, merged. Of each
 * source as many are read as the page may need, and of rows that the filter passes over
 * LOOKED_AT_MAX at most: the page then ends where the first source was left, and the next goes on
 * from there. The cursor: the time of the last row, and how many of that time were given.
 */
#define LIMIT 200
#define LIMIT_MAX 1000
#define LOOKED_AT_MAX 20000
#define PAST_NS                                                                                    \
	UINT64_C(86400000000000) /* without a since: verdicts of then are known for so long */
#define ITEM_BYTES_MAX (1 << 20)

enum source { EVENTS, ALERTS, SCANS, SOURCES };
struct item {
	uint64_t at_ns, order; /* order: of those at one time */
	enum source source;
	char *json;
};

struct timeline {
	struct api_call *c;
	struct filter filter;
	const char *node;
	uint64_t since_ns, until_ns; /* until: not included */
	uint64_t limit, skip; /* of the newest time */
	struct past past;
	size_t len, cap;
	struct item *items;
	/* of the source being read */
	uint64_t found, looked_at;
	uint64_t floor_ns; /* older rows may be missing */
};

/* --- reading ---------------------------------------------------------------------------------------------- */

static int add(struct timeline *t, enum source source, uint64_t at_ns, struct buf *b)
{
	if (t->len == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 256;
		struct item *items = reallocarray(t->items, cap, sizeof(*items));

		if (!items)
			return -ENOMEM;
		t->items = items;
		t->cap = cap;
	}
	if (b->err)
		return b->err;
	t->items[t->len] = (struct item){
		.at_ns = at_ns, .order = t->found, .source = source, .json = buf_take(b)
	};
	if (!t->items[t->len].json)
		return -ENOMEM;
	t->len++;
	t->found++;
	return 0;
}

/*
 * 1: enough of this source. At so many rows found all that is on the page is complete, since no row
 * that was left comes before them. At so many passed over it is complete down to the time of this
 * one, which was left.
 */
static int enough(struct timeline *t, uint64_t at_ns)
{
	if (t->found > t->limit + t->skip)
		return 1;
	if (t->looked_at++ < LOOKED_AT_MAX || at_ns + 1 == t->until_ns)
		return 0;
	if (at_ns + 1 > t->floor_ns)
		t->floor_ns = at_ns + 1;
	return 1;
}

static int64_t latency_of(const struct store_event_row *row)
{
	if (row->ev.origin != ORIGIN_EVENT || row->raw.received_ns < row->ev.time_ns)
		return -1;
	return (int64_t)((row->raw.received_ns - row->ev.time_ns) / 1000);
}

static int on_event(const struct store_event_row *row, void *arg)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(ITEM_BYTES_MAX);
	struct view_event_ctx ctx = { .node = row->node,
				      .host_type = row->host_type,
				      .latency_us = latency_of(row) };
	struct timeline *t = arg;
	struct jsonw json;
	struct writer w;

	if (enough(t, row->ev.time_ns))
		return 1;
	/*
	 * A bound TCP socket is not open to anybody: the verdict is on its door, once it listens.
	 */
	if (row->ev.kind != EVENT_BIND)
		ctx.verdict = past_verdict(&t->past, row->node, row->raw.boot_seq, &row->ev.door,
					   row->ev.time_ns, row->verdict, &ctx.later,
					   &ctx.verdict_computed);
	if (!view_match_event(&t->filter, &row->ev, row->node, row->host_type, ctx.verdict))
		return 0;
	jsonw_init(&json, &b);
	writer_json(&w, &json);
	view_event_json(&w, &row->ev, &ctx);
	return add(t, EVENTS, row->ev.time_ns, &b);
}

static bool is_there(const struct timeline *t, const char *node)
{
	return !t->node || (node && !strcmp(t->node, node));
}

static int on_change(const struct store_alert_change *c, void *arg)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(ITEM_BYTES_MAX);
	struct timeline *t = arg;
	struct jsonw json;
	struct writer w;

	if (enough(t, c->at_ns))
		return 1;
	if (!is_there(t, c->alert.node) || !view_match_alert(&t->filter, &c->alert))
		return 0;
	jsonw_init(&json, &b);
	writer_json(&w, &json);
	view_change_json(&w, c);
	return add(t, ALERTS, c->at_ns, &b);
}

static int on_scan(const struct store_scan_change *c, void *arg)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(ITEM_BYTES_MAX);
	struct timeline *t = arg;
	struct jsonw json;
	struct writer w;

	if (enough(t, c->at_ns))
		return 1;
	if (!view_match_scan(&t->filter, c))
		return 0;
	jsonw_init(&json, &b);
	writer_json(&w, &json);
	view_scan_change_json(&w, c);
	return add(t, SCANS, c->at_ns, &b);
}

static int read_events(struct timeline *t)
{
	struct store_event_query q = { .node = t->node,
				       .since_ns = t->since_ns,
				       .until_ns = t->until_ns,
				       .newest_first = true };

	filter_ports(&t->filter, &q.port_lo, &q.port_hi);
	return store_events(t->c->w->store, &q, on_event, t);
}

static int read_source(struct timeline *t, enum source source)
{
	const struct store_scan_change_query scans = { .node = t->node,
						       .since_ns = t->since_ns,
						       .until_ns = t->until_ns,
						       .newest_first = true };
	struct store *s = t->c->w->store;
	int ret = 0;

	t->found = t->looked_at = 0;
	if (source == EVENTS)
		ret = read_events(t);
	else if (source == ALERTS)
		ret = store_alert_changes_back(s, t->since_ns, t->until_ns, on_change, t);
	else
		ret = store_scan_changes(s, &scans, on_scan, t);
	return ret < 0 ? ret : 0;
}

/* --- writing ---------------------------------------------------------------------------------------------- */

static int compare(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;

	if (a->at_ns != b->at_ns)
		return a->at_ns > b->at_ns ? -1 : 1;
	if (a->source != b->source)
		return a->source > b->source ? -1 : 1; /* the alert comes after its event */
	return a->order < b->order ? -1 : a->order > b->order;
}

static void put_page(struct timeline *t)
{
	struct api_call *c = t->c;
	struct buf *b = &c->a->body;
	uint64_t n = 0, last_ns = t->until_ns ? t->until_ns - 1 : 0, same = 0;
	char text[STATE_VERSION_TEXT + 24];
	size_t i = 0;

	if (t->len)
		qsort(t->items, t->len, sizeof(t->items[0]), compare);
	buf_puts(b, "{\"items\":[");
	for (; i < t->len && n < t->limit && t->items[i].at_ns >= t->floor_ns; i++) {
		const struct item *it = &t->items[i];

		same = it->at_ns == last_ns ? same + 1 : 1;
		last_ns = it->at_ns;
		if (last_ns + 1 == t->until_ns && same <= t->skip)
			continue;
		buf_printf(b, "%s%s", n++ ? "," : "", it->json);
	}
	buf_putc(b, ']');
	c->json = (struct jsonw){ .b = b, .depth = 1, .more = { true, true } };
	if (i < t->len && n == t->limit)
		snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64, last_ns, same);
	else if (t->floor_ns) /* all behind it was looked at */
		snprintf(text, sizeof(text), "%" PRIu64 ".0", t->floor_ns - 1);
	else
		text[0] = '\0';
	jsonw_str(&c->json, "next", *text ? text : NULL);
	state_version_text(c->w->state, text);
	jsonw_str(&c->json, "version", text);
	jsonw_end_obj(&c->json);
}

static int load_past(struct timeline *t)
{
	uint64_t now_ns = clock_wall_ns(), from_ns = t->since_ns;
	int err;

	if (now_ns > PAST_NS && from_ns < now_ns - PAST_NS)
		from_ns = now_ns - PAST_NS;
	err = past_load(t->c->w->store, from_ns, &t->past);
	/* Before, the verdict is that of now, and says so. */
	if (!err && t->past.since_ns < from_ns)
		t->past.since_ns = from_ns;
	return err;
}

static int read_arguments(struct timeline *t, char **ret_words)
{
	struct api_call *c = t->c;
	const char *cursor = query_arg(c->q, "cursor");
	uint64_t at[2];
	int err = api_filter(c, "q", &t->filter, ret_words);

	if (!err)
		err = api_limit(c, LIMIT, LIMIT_MAX, &t->limit);
	if (!err)
		err = api_time(c, "since", &t->since_ns);
	if (!err)
		err = api_time(c, "until", &t->until_ns);
	if (err)
		return err;
	if (cursor && (cursor_parse(cursor, at, 2) || at[0] >= INT64_MAX || at[1] > LIMIT_MAX))
		return api_error(c->a, 400, "begin anew", "cursor: this is none");
	if (cursor) {
		t->until_ns = at[0] + 1;
		t->skip = at[1];
	}
	t->node = query_arg(c->q, "node");
	if (!t->node)
		t->node = filter_node(&t->filter);
	return 0;
}

int api_timeline(struct api_call *c)
{
	struct timeline t = { .c = c };
	_free_ char *words = NULL;
	int err = read_arguments(&t, &words);

	if (!err)
		err = load_past(&t);
	for (unsigned i = 0; i < SOURCES && !err; i++)
		err = read_source(&t, (enum source)i);
	if (!err)
		put_page(&t);
	for (size_t i = 0; i < t.len; i++)
		free(t.items[i].json);
	free(t.items);
	past_done(&t.past);
	return err;
}
