/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/doorset.h"
#include "cli/follow.h"
#include "cli/out.h"
#include "cli/timeline.h"
#include "cli/words.h"
#include "store/store.h"
#include "view/view.h"

#define ROW_BYTES_MAX (1 << 20)
#define LAST_MAX 1000000
#define CHANGES_AT_ONCE 256

/* A change of an alert, rendered and waiting for its place among the events. */
struct pending {
	uint64_t log_id, at_ns;
	char *text;
};

struct timeline {
	struct cmd_ctx *c;
	struct store *store;
	struct filter filter;
	uint64_t since_ns, until_ns;
	uint64_t last; /* -n: only the last so many; 0 all */
	char **ring; /* of `last` rows */
	uint64_t rows;
	/* Alerts' changes are read a page at a time, always ahead of the events. */
	struct pending page[CHANGES_AT_ONCE];
	unsigned page_len, page_next;
	uint64_t after_log_id;
	bool page_is_last;
	struct buf b;
	struct jsonw json;
	int out_err; /* of standard output: not the store's */
};

/* Takes what has been written into b as one row. */
static int emit_text(struct timeline *t, char *text)
{
	char **slot;

	t->rows++;
	if (!t->last) {
		struct buf b = BUF_INIT(ROW_BYTES_MAX);

		buf_puts(&b, text);
		free(text);
		t->out_err = out_put(&b);
		buf_done(&b);
		return t->out_err;
	}
	slot = &t->ring[(t->rows - 1) % t->last];
	free(*slot);
	*slot = text;
	return 0;
}

static int take_row(struct timeline *t, char **ret_text)
{
	int err = t->b.err;
	char *text;

	if (t->c->json)
		buf_putc(&t->b, '\n');
	text = buf_take(&t->b);
	jsonw_init(&t->json, &t->b);
	if (!text)
		return err ? err : -ENOMEM;
	*ret_text = text;
	return 0;
}

/* --- alerts ------------------------------------------------------------------------------------ */

static int keep_change(const struct store_alert_change *c, void *arg)
{
	const struct view_line_opts o = { .colour = false, .with_node = true };
	struct view_line_opts own = o;
	struct timeline *t = arg;
	struct pending *p;
	int err;

	t->after_log_id = c->log_id;
	t->page_is_last = false;
	own.colour = t->c->colour;
	if (t->filter.len && !words_match_alert(&t->filter, &c->alert))
		return 0;
	if (t->c->json)
		view_change_json(&t->json, c);
	else
		view_change_line(&t->b, c, &own);
	p = &t->page[t->page_len];
	*p = (struct pending){ .log_id = c->log_id, .at_ns = c->at_ns };
	err = take_row(t, &p->text);
	if (!err)
		t->page_len++;
	return err;
}

/* Makes page[page_next] the next change, if there is any more. */
static int need_change(struct timeline *t)
{
	while (t->page_next == t->page_len && !t->page_is_last) {
		int err;

		t->page_next = t->page_len = 0;
		t->page_is_last = true;
		err = store_alert_changes(t->store, t->after_log_id, t->since_ns, t->until_ns,
					  CHANGES_AT_ONCE, keep_change, t);
		if (err)
			return err;
	}
	return 0;
}

/* Everything that changed up to then. */
static int emit_changes(struct timeline *t, uint64_t until_ns)
{
	for (;;) {
		int err = need_change(t);
		struct pending *p = &t->page[t->page_next];

		if (err)
			return err;
		if (t->page_next == t->page_len || p->at_ns > until_ns)
			return 0;
		err = emit_text(t, take_ptr(p->text));
		t->page_next++;
		if (err)
			return err;
	}
}

/* --- events ------------------------------------------------------------------------------------ */

static int64_t latency_of(const struct store_event_row *row)
{
	if (row->ev.origin != ORIGIN_EVENT || row->raw.received_ns < row->ev.time_ns)
		return -1;
	return (int64_t)((row->raw.received_ns - row->ev.time_ns) / 1000);
}

static int on_event(const struct store_event_row *row, void *arg)
{
	struct timeline *t = arg;
	const struct view_event_ctx ctx = { .node = row->node,
					    .host_type = row->host_type,
					    .verdict = row->verdict,
					    .latency_us = latency_of(row) };
	struct view_line_opts o = { .colour = t->c->colour, .with_node = true };
	char *text = NULL;
	int err;

	/* An event comes before the alert that it raised. */
	err = emit_changes(t, row->ev.time_ns ? row->ev.time_ns - 1 : 0);
	if (err || !words_match(&t->filter, &row->ev, row->node, row->host_type, row->verdict))
		return err;
	if (t->c->json)
		view_event_json(&t->json, &row->ev, &ctx);
	else
		view_event_line(&t->b, &row->ev, &ctx, &o);
	err = take_row(t, &text);
	return err ? err : emit_text(t, text);
}

static int print_last(struct timeline *t)
{
	uint64_t n = t->rows < t->last ? t->rows : t->last;
	int err = 0;

	for (uint64_t i = t->rows - n; i < t->rows && !err; i++) {
		buf_puts(&t->b, t->ring[i % t->last]);
		err = out_put(&t->b);
	}
	t->out_err = err;
	return err;
}

static int walk(struct timeline *t)
{
	const struct store_event_query q = { .since_ns = t->since_ns, .until_ns = t->until_ns };
	int err = 0;

	jsonw_init(&t->json, &t->b);
	if (t->last) {
		t->ring = calloc(t->last, sizeof(*t->ring));
		if (!t->ring)
			return -ENOMEM;
	}
	err = store_events(t->store, &q, on_event, t);
	if (!err)
		err = emit_changes(t, UINT64_MAX);
	if (!err && t->last)
		err = print_last(t);
	if (!err)
		err = t->out_err = out_flush();
	return err;
}

static void timeline_done(struct timeline *t)
{
	for (uint64_t i = 0; t->ring && i < t->last; i++)
		free(t->ring[i]);
	free(t->ring);
	while (t->page_next < t->page_len)
		free(t->page[t->page_next++].text);
	buf_done(&t->b);
	store_free(t->store);
}

/* --- --at ---------------------------------------------------------------------------------------- */

struct at {
	const struct filter *filter;
	struct doorset *doors;
};

static int keep_door(const struct store_door *d, void *arg)
{
	struct at *at = arg;
	struct event ev = d->ev;

	ev.time_ns = d->opened_ns ? d->opened_ns : ev.time_ns;
	if (!words_match(at->filter, &ev, d->node, d->host_type, d->verdict))
		return 0;
	return doorset_add(at->doors, &ev, d->node, d->host_type, d->verdict);
}

static int show_at(struct timeline *t, uint64_t at_ns)
{
	_cleanup_(doorset_done) struct doorset doors = { 0 };
	const struct store_door_query q = { .at_ns = at_ns };
	struct at at = { .filter = &t->filter, .doors = &doors };
	int err = store_doors(t->store, &q, keep_door, &at);

	if (err) {
		log_err(err, "cannot read the doors: %s", store_why(t->store));
		return AJAR_EXIT_ERROR;
	}
	if (!doors.len)
		log_info("no door is known to have stood open then");
	doorset_sort(&doors);
	return out_report(doorset_print(&doors, t->c));
}

static int show(struct timeline *t, uint64_t at_ns)
{
	int err;

	cmd_say_learning(t->c, t->store);
	if (cmd_opt(t->c, "follow"))
		return follow(t->c, &t->filter, t->store);
	if (at_ns)
		return show_at(t, at_ns);
	err = walk(t);
	if (err && t->out_err)
		return out_report(t->out_err);
	if (err) {
		log_err(err, "cannot read the timeline: %s", store_why(t->store));
		return AJAR_EXIT_ERROR;
	}
	if (!t->rows)
		log_info("nothing happened%s", t->filter.len ? " that matches" : " in that time");
	return AJAR_EXIT_OK;
}

static int run(struct cmd_ctx *c)
{
	struct timeline t = { .c = c, .b = BUF_INIT(ROW_BYTES_MAX) };
	uint64_t at_ns = 0;
	int rc = AJAR_EXIT_ERROR, err;

	if (c->argc && !strcmp(c->argv[0], "verify"))
		return cmd_bad_words(c, 0, 1) ? AJAR_EXIT_ERROR : timeline_verify(c);
	err = words_filter(c, &t.filter);
	if (!err)
		err = words_time(c, "since", &t.since_ns);
	if (!err)
		err = words_time(c, "until", &t.until_ns);
	if (!err)
		err = words_time(c, "at", &at_ns);
	if (!err)
		err = words_count(c, "lines", 1, LAST_MAX, &t.last);
	if (!err && at_ns && (t.since_ns || t.until_ns || t.last))
		err = log_usage("--at shows one moment: leave --since, --until and -n away");
	if (!err && cmd_opt(c, "follow") && (at_ns || t.since_ns || t.until_ns || t.last))
		err = log_usage("--follow begins now: leave --at, --since, --until and -n away");
	if (!err && t.since_ns && t.until_ns && t.since_ns > t.until_ns)
		err = log_usage("--since is later than --until");
	if (!err)
		err = cmd_store(c, STORE_READONLY, &t.store);
	if (!err)
		rc = show(&t, at_ns);
	timeline_done(&t);
	return rc;
}

static const struct cmd_option options[] = {
	{ "since", 0, "TIME",
	  "from then on: '2026-11-22 16:01:02' (UTC), '2026-11-22', or how long ago: 10m, 2h, 3d" },
	{ "until", 0, "TIME", "up to then" },
	{ "at", 0, "TIME", "the doors that stood open at that moment" },
	{ "follow", 'f', NULL, "what stands open, then everything as it happens; Ctrl-C ends it" },
	{ "lines", 'n', "N", "only the last N rows" },
	{ 0 },
};

const struct cmd cmd_timeline = {
	.name = "timeline",
	.args = "[FILTER...] | verify",
	.help = "openings, closings and alerts in time order; verify checks the record",
	.options = options,
	.more = "'ajar timeline verify' checks sequence numbers, checksums and the hash chain of "
		"the journal in --data, and the\n"
		"store's copy against it; it exits 1 and names the place where a record is missing "
		"or altered.",
	.run = run,
};
