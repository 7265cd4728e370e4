/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "web/web_internal.h"

/* Last-Event-ID: what he knows; of another process, or of long ago, it is nothing. */
int api_stream(struct api_call *c)
{
	const char *last = c->rq->last_event_id;
	struct web *w = c->w;
	uint64_t since;
	bool knows;
	int err = web_state(w);

	if (err)
		return err;
	knows = last && state_version_parse(w->state, last, &since);
	err = stream_new(w, c->se, knows ? &since : NULL, last && *last && !knows, &c->a->stream);
	if (err == -EUSERS) {
		c->a->retry_s = 30;
		return api_error(c->a, 429, "close other pages; the page polls meanwhile",
				 "too many streams");
	}
	if (err)
		return err;
	c->a->status = 200;
	c->a->type = "text/event-stream";
	return 0;
}
