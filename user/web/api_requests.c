/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "store/requests.h"
#include "store/store.h"
#include "web/request_body.h"
#include "web/web_internal.h"

/*
 * What people ask for. The web server hands it in and can do no more; the monitor decides, see
 * store/requests.h. What is checked here saves an honest person the way; the monitor checks it
 * again.
 */
#define FIX                                                                                        \
	"send {\"action\":\"ack|snooze|reopen|allow|preview\",\"alerts\":[7],\"reason\":\"...\","  \
	"\"until\":\"2026-11-22T16:01:02Z\",\"ticket\":\"...\"}"

static int refused(struct api_call *c, int err)
{
	struct store *s = c->w->store;

	if (err == -EBUSY) {
		c->a->retry_s = 5;
		return api_error(c->a, 429, "wait for the answers; is 'ajar monitor' running?",
				 "%s", store_why(s));
	}
	if (err == -EINVAL)
		return api_error(c->a, 400, FIX, "%s", store_why(s));
	return api_error(
		c->a, 503, "see 'ajar doctor' on the server; of MySQL: 'ajar db grant --web' anew",
		"it cannot be handed in: %s", *store_why(s) ? store_why(s) : store_error_text(err));
}

static int hand_in(struct api_call *c, const struct request_body *b)
{
	struct store_request r = { .login = c->se->login,
				   .role = web_role_name(c->se->role),
				   .verb = b->verb,
				   .alerts = b->alerts,
				   .reason = b->reason,
				   .ticket = b->ticket,
				   .until_ns = b->until_ns };
	int err;

	if (!request_may(r.role, r.verb))
		return api_error(c->a, 403, "ask somebody whose role may: 'ajar web user' has them",
				 "as %s you may not do that", r.role);
	err = store_request_put(c->w->store, &r);
	if (err)
		return refused(c, err);
	c->a->status = 202;
	c->a->type = "application/json";
	c->a->cache = HTTPD_NO_STORE;
	jsonw_obj(&c->json, NULL);
	jsonw_u64(&c->json, "id", r.id);
	jsonw_str(&c->json, "state", request_state_name(REQUEST_WAITING));
	jsonw_end_obj(&c->json);
	return 0;
}

int api_request_put(struct api_call *c)
{
	const struct httpd_request *rq = c->rq;
	_free_ struct request_body *b = malloc(sizeof(*b));
	const char *why;

	if (!b)
		return -ENOMEM;
	if (!rq->csrf || !same_text(rq->csrf, c->se->csrf))
		return api_error(c->a, 403, "send the session's X-CSRF, which GET me has",
				 "this is not from the page");
	if (!rq->content_type || strncmp(rq->content_type, "application/json", 16))
		return api_error(c->a, 400, "send Content-Type: application/json",
				 "this is no request");
	if (request_body_parse(rq->body ? rq->body : "", rq->body_len, clock_wall_ns(), b, &why))
		return api_error(c->a, 400, FIX, "%s", why);
	return hand_in(c, b);
}

static int put_request(const struct store_request *r, void *arg)
{
	struct jsonw *j = &((struct api_call *)arg)->json;

	jsonw_obj(j, NULL);
	jsonw_u64(j, "id", r->id);
	jsonw_str(j, "state", request_state_name(r->state));
	jsonw_lines(j, "answer", r->answer);
	jsonw_str(j, "login", *r->login ? r->login : NULL);
	jsonw_time(j, "time", r->at_ns);
	jsonw_time(j, "answered", r->answered_ns);
	jsonw_end_obj(j);
	return 0;
}

int api_request(struct api_call *c)
{
	uint64_t id;

	if (parse_u64(c->name, &id) || !id || id > INT64_MAX)
		return api_error(c->a, 400, "requests/7", "a request is asked for by its number");
	return store_request_get(c->w->store, id, put_request, c);
}
