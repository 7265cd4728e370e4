/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "web/web_internal.h"

/*
 * Server-sent events: "there is something new", with its version as the id, and whether it is of
 * alerts or of the map. What is new the page asks for itself, so that a slow reader costs no memory
 * and a lost event no data.
 */

struct stream {
	struct web *w;
	struct httpd_stream *out; /* NULL: it opens, or ends */
	const struct session *of;
	uint64_t session_made_ns; /* the session's place may have another one by then */
	uint64_t told; /* the version its reader knows */
	bool resync; /* he knows one that means nothing any more */
	struct stream *next, **at;
};

/* Of a reader who knows nothing, or nothing that means anything, both are new. */
static bool is_new(const struct stream *st, uint64_t version)
{
	return st->resync || st->told == UINT64_MAX || version > st->told;
}

static void tell(struct stream *st)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(8192);
	char version[STATE_VERSION_TEXT];
	struct web *w = st->w;
	struct jsonw json;

	if (!st->out || st->told == state_version(w->state))
		return;
	state_version_text(w->state, version);
	buf_printf(&b, "id: %s\nevent: %s\ndata: ", version, st->resync ? "resync" : "state");
	jsonw_init(&json, &b);
	jsonw_obj(&json, NULL);
	jsonw_str(&json, "version", version);
	jsonw_bool(&json, "map", is_new(st, state_map_version(w->state)));
	jsonw_bool(&json, "alerts", is_new(st, state_alerts_version(w->state)));
	state_criticals_json(w->state, st->told, &json);
	jsonw_end_obj(&json);
	st->resync = false;
	buf_puts(&b, "\n\n");
	st->told = state_version(w->state);
	if (!b.err)
		httpd_stream_put(st->out, b.data, b.len);
}

void streams_tell(struct web *w)
{
	for (struct stream *st = w->streams; st; st = st->next)
		tell(st);
}

/*
 * So that proxies keep it, and that we notice who has gone; a session that is over ends its
 * streams.
 */
int streams_beat(void *arg)
{
	static const char beat[] = "event: beat\ndata: {}\n\n";
	struct web *w = arg;

	for (struct stream *st = w->streams; st; st = st->next) {
		if (!st->out)
			continue;
		if (st->of->made_ns != st->session_made_ns) {
			httpd_stream_end(st->out);
			st->out = NULL;
			continue;
		}
		httpd_stream_put(st->out, beat, sizeof(beat) - 1);
	}
	return 0;
}

void stream_opened(struct httpd_stream *out, void *stream, void *arg)
{
	struct stream *st = stream;
	struct web *w = arg;

	st->out = out;
	httpd_stream_put(out, "retry: 2000\n\n", 13);
	tell(st);
	st->told = state_version(w->state);
}

void stream_gone(void *stream, void *arg)
{
	struct stream *st = stream;
	struct web *w = arg;

	*st->at = st->next;
	if (st->next)
		st->next->at = st->at;
	w->streams_len--;
	free(st);
}

/* One browser needs one; who opens many loses the oldest. */
static void make_room(struct web *w, const struct session *se)
{
	struct stream *oldest = NULL;
	unsigned n = 0;

	for (struct stream *st = w->streams; st; st = st->next)
		if (st->of == se && st->out) {
			oldest = st; /* the newest come first */
			n++;
		}
	if (n < STREAMS_SESSION_MAX)
		return;
	httpd_stream_end(oldest->out);
	oldest->out = NULL;
}

int stream_new(struct web *w, const struct session *se, const uint64_t *knows, bool resync,
	       void **ret_stream)
{
	struct stream *st;

	make_room(w, se);
	if (w->streams_len >= STREAMS_MAX)
		return -EUSERS;
	st = calloc(1, sizeof(*st));
	if (!st)
		return -ENOMEM;
	*st = (struct stream){ .w = w,
			       .of = se,
			       .session_made_ns = se->made_ns,
			       .told = knows ? *knows : UINT64_MAX,
			       .resync = resync,
			       .next = w->streams,
			       .at = &w->streams };
	if (st->next)
		st->next->at = &st->next;
	w->streams = st;
	w->streams_len++;
	*ret_stream = st;
	return 0;
}
