/* SPDX-License-Identifier: GPL-2.0 */
#include "view/encode.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "store/store.h"
#include "view/writer.h"

int view_format_parse(const char *name, enum view_format *ret_format)
{
	static const char *const names[] = {
		[VIEW_JSON] = "json", [VIEW_OCSF] = "ocsf", [VIEW_ECS] = "ecs", [VIEW_CEF] = "cef"
	};

	for (size_t i = 0; i < array_len(names); i++) {
		if (!strcmp(names[i], name)) {
			*ret_format = (enum view_format)i;
			return 0;
		}
	}
	return -ENOENT;
}

int view_encode_change(enum view_format f, const struct store_alert_change *c, const char *store,
		       struct buf *b)
{
	struct writer w;
	struct jsonw j;

	switch (f) {
	case VIEW_JSON:
		jsonw_init(&j, b);
		writer_json(&w, &j);
		view_sink_json(&w, c, store);
		break;
	case VIEW_OCSF:
		view_encode_ocsf(c, store, b);
		break;
	case VIEW_ECS:
		view_encode_ecs(c, store, b);
		break;
	case VIEW_CEF:
		view_encode_cef(c, store, b);
		break;
	}
	return b->err;
}

int view_encode_event(enum view_format f, const struct event *ev, const struct view_event_ctx *ctx,
		      struct buf *b)
{
	struct writer w;
	struct jsonw j;

	if (f == VIEW_JSON) {
		jsonw_init(&j, b);
		writer_json(&w, &j);
		view_event_json(&w, ev, ctx);
		return b->err;
	}
	if ((ev->kind != EVENT_OPEN && ev->kind != EVENT_CLOSE) || f == VIEW_CEF)
		return -EOPNOTSUPP;
	if (f == VIEW_OCSF)
		view_encode_ocsf_event(ev, ctx, b);
	else
		view_encode_ecs_event(ev, ctx, b);
	return b->err;
}
