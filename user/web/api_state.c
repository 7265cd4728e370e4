/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "ajar/version.h"
#include "base/clock.h"
#include "store/store.h"
#include "web/web_internal.h"

int api_me(struct api_call *c)
{
	struct web *w = c->w;
	struct jsonw *j = &c->json;

	jsonw_obj(j, NULL);
	jsonw_str(j, "login", c->se->login);
	jsonw_str(j, "role", web_role_name(c->se->role));
	jsonw_str(j, "csrf", c->se->csrf);
	jsonw_str(j, "ajar", AJAR_VERSION);
	jsonw_str(j, "cluster", *w->cluster ? w->cluster : NULL);
	jsonw_time(j, "now", clock_wall_ns());
	jsonw_str(j, "store", store_connections(w->store) ? "mysql" : "sqlite");
	jsonw_bool(j, "requests", true);
	jsonw_end_obj(j);
	return 0;
}

static int state_then(struct api_call *c, uint64_t at_ns)
{
	_cleanup_(state_freep) struct state *then = NULL;
	int err = state_at(c->w->store, c->w->racks, at_ns, &then);

	if (!err)
		state_json(then, NULL, &c->json);
	return err;
}

int api_state(struct api_call *c)
{
	const char *since = query_arg(c->q, "since");
	char version[STATE_VERSION_TEXT];
	struct web *w = c->w;
	uint64_t v, at_ns = 0;
	int err = api_at(c, &at_ns);

	if (!err && at_ns)
		return state_then(c, at_ns);
	if (!err)
		err = web_state(w);
	if (err)
		return err;
	state_version_text(w->state, version);
	snprintf(c->a->etag, sizeof(c->a->etag), "\"%s\"", version);
	if (c->rq->if_none_match && strstr(c->rq->if_none_match, c->a->etag))
		return 0; /* nobody will read it */
	state_json(w->state, since && state_version_parse(w->state, since, &v) ? &v : NULL,
		   &c->json);
	return 0;
}
