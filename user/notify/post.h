/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_NOTIFY_POST_H
#define AJAR_NOTIFY_POST_H

#include <stdbool.h>
#include <stdint.h>

#include "alert/sink.h"
#include "base/buf.h"

struct conf_sink;
struct http;
struct http_answer;
struct http_call;

/* What the sinks over HTTP have in common: an URL, who we are, and what an answer means. */
struct post {
	struct http *http;
	const struct conf_sink *conf;
	/* read from their files anew for each message: they may be changed while we run */
	char *url, *auth;
	struct http_call *call;
	struct buf body;
	uint64_t pause_ns; /* what the last answer asked for */
	sink_done_fn done;
	void *arg;
};

void post_init(struct post *p, struct http *h, const struct conf_sink *conf);
void post_done(struct post *p);
/* Sends p->body; done as of a sink's send(). */
must_check int post_send(struct post *p, const char *const *headers, sink_done_fn done, void *arg);
static inline bool post_busy(const struct post *p)
{
	return p->call != NULL;
}

#endif
