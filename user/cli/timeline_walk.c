/* SPDX-License-Identifier: GPL-2.0 */
/* Events and changes of alerts, each sorted by the store, merged by time. */
#include <errno.h>
#include <stdio.h>

#include "cli/out.h"
#include "cli/timeline.h"
#include "store/store.h"

#define CHANGES_AT_ONCE 256

/* A change of an alert, rendered and waiting for its place among the events. */
struct pending {
	uint64_t at_ns;
	char *text;
};

struct walk {
	struct timeline *t;
	char **ring; /* of t->last rows */
	uint64_t rows;
	/* Changes are read a page at a time, always ahead of the events. */
	struct pending page[CHANGES_AT_ONCE];
	unsigned page_len, page_next;
	uint64_t after_log_id;
	bool page_is_last;
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

static int keep_change(const struct store_alert_change *c, void *arg)
{
	struct walk *w = arg;
	struct pending *p = &w->page[w->page_len];
	int err;

	w->after_log_id = c->log_id;
	w->page_is_last = false;
	if (!timeline_put_change(w->t, c))
		return 0;
	p->at_ns = c->at_ns;
	err = take_row(w->t, &p->text);
	if (!err)
		w->page_len++;
	return err;
}

/* Makes page[page_next] the next change, if there is any more. */
static int need_change(struct walk *w)
{
	while (w->page_next == w->page_len && !w->page_is_last) {
		int err;

		w->page_next = w->page_len = 0;
		w->page_is_last = true;
		err = store_alert_changes(w->t->store, w->after_log_id, w->t->since_ns,
					  w->t->until_ns, CHANGES_AT_ONCE, keep_change, w);
		if (err)
			return err;
	}
	return 0;
}

/* Everything that changed up to then. */
static int emit_changes(struct walk *w, uint64_t until_ns)
{
	for (;;) {
		int err = need_change(w);
		struct pending *p = &w->page[w->page_next];

		if (err)
			return err;
		if (w->page_next == w->page_len || p->at_ns > until_ns)
			return 0;
		w->page_next++;
		err = emit(w, take_ptr(p->text));
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

/* A filter that names one node: the store need not look at the others. */
static const char *the_node(const struct filter *f)
{
	const char *node = NULL;

	for (unsigned i = 0; i < f->len; i++) {
		if (f->words[i].kind != FILTER_NODE)
			continue;
		if (node)
			return NULL;
		node = f->words[i].text;
	}
	return node;
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
	const struct store_event_query q = { .node = node,
					     .since_ns = w->t->since_ns,
					     .until_ns = w->t->until_ns,
					     .newest_first = true };
	struct tail tail = { .t = w->t };
	int ret = store_events(w->t->store, &q, on_tail, &tail);

	if (ret > 0)
		w->t->since_ns = tail.since_ns;
	return ret < 0 ? ret : 0;
}

static int walk(struct walk *w)
{
	struct store_event_query q = { .node = the_node(&w->t->filter) };
	int err = 0;

	if (w->t->last) {
		w->ring = calloc(w->t->last, sizeof(*w->ring));
		if (!w->ring)
			return -ENOMEM;
		err = find_tail(w, q.node);
	}
	q.since_ns = w->t->since_ns;
	q.until_ns = w->t->until_ns;
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
	err = walk(w);
	*ret_rows = w->rows;
	for (uint64_t i = 0; w->ring && i < t->last; i++)
		free(w->ring[i]);
	free(w->ring);
	while (w->page_next < w->page_len)
		free(w->page[w->page_next++].text);
	free(w);
	return err;
}
