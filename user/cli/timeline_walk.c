/* SPDX-License-Identifier: GPL-2.0 */
/* Events, changes of alerts and what scans saw change, each sorted by the store, merged by time. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/out.h"
#include "cli/timeline.h"
#include "store/scan_changes.h"
#include "store/store.h"

#define CHANGES_AT_ONCE 256

/* A change, rendered and waiting for its place among the events. */
struct pending {
	uint64_t at_ns;
	char *text;
};

struct walk;

/* Changes are read a page at a time, always ahead of the events. */
struct stream {
	struct walk *w;
	int (*read)(struct stream *st); /* the next page, with keep() */
	struct pending page[CHANGES_AT_ONCE];
	unsigned page_len, page_next;
	uint64_t after_ns, after_id;
	bool page_is_last;
};
enum { ALERTS, SCANS, STREAMS };

struct walk {
	struct timeline *t;
	const char *node; /* the only one of the filter, or NULL */
	char **ring; /* of t->last rows */
	uint64_t rows;
	struct stream streams[STREAMS];
};

/* What has been written into b, as a text of its own. */
static int take_row(struct timeline *t, char **ret_text)
{
	int err = t->b.err;
	char *text = buf_take(&t->b);

	if (!text)
		return err ? err : -ENOMEM;
	*ret_text = text;
	return 0;
}

/* A row in its place: printed, or kept until it is known which are the last ones. */
static int emit(struct walk *w, char *text)
{
	char **slot;

	w->rows++;
	if (w->t->last) {
		slot = &w->ring[(w->rows - 1) % w->t->last];
		free(*slot);
		*slot = text;
		return 0;
	}
	errno = 0;
	if (fputs(text, stdout) == EOF)
		w->t->out_err = errno ? -errno : -EIO;
	free(text);
	return w->t->out_err;
}

/* The row that was read last; put: it has been written. */
static int keep(struct stream *st, uint64_t at_ns, uint64_t id, bool put)
{
	struct pending *p = &st->page[st->page_len];
	int err;

	st->after_ns = at_ns;
	st->after_id = id;
	st->page_is_last = false;
	if (!put)
		return 0;
	p->at_ns = at_ns;
	err = take_row(st->w->t, &p->text);
	if (!err)
		st->page_len++;
	return err;
}

static int keep_change(const struct store_alert_change *c, void *arg)
{
	struct stream *st = arg;

	return keep(st, c->at_ns, c->log_id, timeline_put_change(st->w->t, c));
}

static int read_alerts(struct stream *st)
{
	const struct timeline *t = st->w->t;

	return store_alert_changes(t->store, st->after_id, t->since_ns, t->until_ns,
				   CHANGES_AT_ONCE, keep_change, st);
}

static int keep_scan(const struct store_scan_change *c, void *arg)
{
	struct stream *st = arg;

	return keep(st, c->at_ns, c->id, timeline_put_scan(st->w->t, c));
}

static int read_scans(struct stream *st)
{
	const struct timeline *t = st->w->t;
	const struct store_scan_change_query q = { .node = st->w->node,
						   .since_ns = t->since_ns,
						   .until_ns = t->until_ns,
						   .after_ns = st->after_ns,
						   .after_id = st->after_id,
						   .limit = CHANGES_AT_ONCE };
	int err = store_scan_changes(t->store, &q, keep_scan, st);

	return err == -ENOENT ? 0 : err; /* no such node */
}

/* *ret_p: the stream's next change, or NULL when there is none any more. */
static int need(struct stream *st, struct pending **ret_p)
{
	while (st->page_next == st->page_len && !st->page_is_last) {
		int err;

		st->page_next = st->page_len = 0;
		st->page_is_last = true;
		err = st->read(st);
		if (err)
			return err;
	}
	*ret_p = st->page_next < st->page_len ? &st->page[st->page_next] : NULL;
	return 0;
}

/* Everything that changed up to then. */
static int emit_changes(struct walk *w, uint64_t until_ns)
{
	for (;;) {
		struct stream *first = NULL;
		struct pending *p, *best = NULL;
		int err;

		for (unsigned i = 0; i < STREAMS; i++) {
			err = need(&w->streams[i], &p);
			if (err)
				return err;
			if (p && (!best || p->at_ns < best->at_ns)) {
				best = p;
				first = &w->streams[i];
			}
		}
		if (!best || best->at_ns > until_ns)
			return 0;
		first->page_next++;
		err = emit(w, take_ptr(best->text));
		if (err)
			return err;
	}
}

static int on_event(const struct store_event_row *row, void *arg)
{
	struct walk *w = arg;
	char *text = NULL;
	int err;

	/* An event comes before the alert that it raised. */
	err = emit_changes(w, row->ev.time_ns ? row->ev.time_ns - 1 : 0);
	if (err || !timeline_put_event(w->t, row))
		return err;
	err = take_row(w->t, &text);
	return err ? err : emit(w, text);
}

static int print_last(struct walk *w)
{
	uint64_t n = w->rows < w->t->last ? w->rows : w->t->last;

	errno = 0;
	for (uint64_t i = w->rows - n; i < w->rows && !w->t->out_err; i++) {
		if (fputs(w->ring[i % w->t->last], stdout) == EOF)
			w->t->out_err = errno ? -errno : -EIO;
	}
	return w->t->out_err;
}

struct tail {
	const struct timeline *t;
	uint64_t found, since_ns;
};

static int on_tail(const struct store_event_row *row, void *arg)
{
	struct tail *tail = arg;

	if (!timeline_wants(tail->t, row))
		return 0;
	tail->since_ns = row->ev.time_ns;
	return ++tail->found == tail->t->last;
}

/* Where the last rows begin is found from the end on: what was long ago costs nothing. */
static int find_tail(struct walk *w, const char *node)
{
	struct store_event_query q = { .node = node,
				       .since_ns = w->t->since_ns,
				       .until_ns = w->t->until_ns,
				       .newest_first = true };
	struct tail tail = { .t = w->t };
	int ret;

	filter_ports(&w->t->filter, &q.port_lo, &q.port_hi);
	ret = store_events(w->t->store, &q, on_tail, &tail);

	if (ret > 0)
		w->t->since_ns = tail.since_ns;
	return ret < 0 ? ret : 0;
}

static int walk(struct walk *w)
{
	struct store_event_query q = { .node = w->node };
	int err = 0;

	if (w->t->last) {
		w->ring = calloc(w->t->last, sizeof(*w->ring));
		if (!w->ring)
			return -ENOMEM;
		err = find_tail(w, q.node);
	}
	q.since_ns = w->t->since_ns;
	q.until_ns = w->t->until_ns;
	filter_ports(&w->t->filter, &q.port_lo, &q.port_hi);
	if (!err)
		err = store_events(w->t->store, &q, on_event, w);
	if (err == -ENOENT && q.node)
		err = 0; /* the store has never heard of it: nothing happened there */
	if (!err)
		err = emit_changes(w, UINT64_MAX);
	if (!err && w->t->last)
		err = print_last(w);
	if (!err)
		err = w->t->out_err = out_flush();
	return err;
}

int timeline_walk(struct timeline *t, uint64_t *ret_rows)
{
	struct walk *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->t = t;
	w->node = filter_node(&t->filter);
	for (unsigned i = 0; i < STREAMS; i++)
		w->streams[i].w = w;
	w->streams[ALERTS].read = read_alerts;
	w->streams[SCANS].read = read_scans;
	err = walk(w);
	*ret_rows = w->rows;
	for (uint64_t i = 0; w->ring && i < t->last; i++)
		free(w->ring[i]);
	free(w->ring);
	for (unsigned i = 0; i < STREAMS; i++)
		while (w->streams[i].page_next < w->streams[i].page_len)
			free(w->streams[i].page[w->streams[i].page_next++].text);
	free(w);
	return err;
}
