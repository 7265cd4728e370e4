/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/store.h"
#include "web/web_internal.h"

/*
 * The API: /api/v1/RESOURCE[/NAME]. Whoever is logged in may read; who may act is decided in
 * api_requests.c, and again by the monitor. Answers are kept for as long as they are true, so that
 * many who ask the same cost the store one question: until something is committed, and then for a
 * tenth of a second, unless the map has a new version.
 */
#define KEPT_NS UINT64_C(5000000000)
#define KEPT_LEAST_NS UINT64_C(100000000)
#define VERSION "v1"

static const struct resource {
	const char *name;
	bool named; /* a NAME follows */
	bool kept;
	api_fn fn; /* NULL: it is not read */
	api_fn post; /* NULL: it is only read */
} resources[] = {
	{ "me", false, false, api_me, NULL },
	{ "state", false, false, api_state, NULL },
	{ "stream", false, false, api_stream, NULL },
	{ "alerts", false, true, api_alerts, NULL },
	{ "alerts", true, true, api_alert, NULL },
	{ "nodes", false, true, api_nodes, NULL },
	{ "nodes", true, true, api_node, NULL },
	{ "doors", false, true, api_doors, NULL },
	{ "timeline", false, true, api_timeline, NULL },
	{ "histogram", false, true, api_histogram, NULL },
	{ "filter", true, true, api_filter_words, NULL },
	{ "profiles", false, true, api_profiles, NULL },
	{ "profiles", true, true, api_profile, NULL },
	{ "scans", false, true, api_scans, NULL },
	{ "requests", false, false, NULL, api_request_put },
	{ "requests", true, false, api_request, NULL },
};

static const struct resource *find(const struct query *q)
{
	bool named = q->segments_len == 4;

	if (q->segments_len < 3 || q->segments_len > 4 || strcmp(q->segments[1], VERSION))
		return NULL;
	for (size_t i = 0; i < array_len(resources); i++)
		if (!strcmp(resources[i].name, q->segments[2]) && resources[i].named == named)
			return &resources[i];
	return NULL;
}

/* --- answers that are kept -------------------------------------------------------------------------------- */

static struct cached *kept(struct web *w, const char *target)
{
	uint64_t now_ns = clock_boot_ns();

	for (unsigned i = 0; i < CACHE_LEN; i++) {
		struct cached *k = &w->cache[i];
		uint64_t age_ns = now_ns - k->at_ns;

		if (k->target && !strcmp(k->target, target) &&
		    k->version == state_version(w->state) &&
		    age_ns < (k->changes == w->changes ? KEPT_NS : KEPT_LEAST_NS))
			return k;
	}
	return NULL;
}

static void keep(struct web *w, const char *target, const struct buf *body)
{
	struct cached *k = &w->cache[0];

	if (body->len > CACHE_BYTES_MAX)
		return;
	for (unsigned i = 0; i < CACHE_LEN; i++) {
		struct cached *other = &w->cache[i];

		if (other->target && !strcmp(other->target, target)) {
			k = other;
			break;
		}
		if (!other->target || other->at_ns < k->at_ns)
			k = other;
	}
	free(k->target);
	buf_done(&k->body);
	*k = (struct cached){ .target = strdup(target),
			      .body = BUF_INIT(CACHE_BYTES_MAX + 1),
			      .version = state_version(w->state),
			      .changes = w->changes,
			      .at_ns = clock_boot_ns() };
	buf_put(&k->body, body->data, body->len);
	if (k->body.err || !k->target) {
		free(k->target);
		k->target = NULL;
	}
}

/* --- answering ---------------------------------------------------------------------------------------------- */

/*
 * How long it is without the version that ends a list: that moves with everything, what is listed
 * does not.
 */
static size_t without_version(const struct buf *b)
{
	static const char key[] = ",\"version\":";
	size_t from = b->len > 80 ? b->len - 80 : 0;
	const char *at = memmem(b->data + from, b->len - from, key, sizeof(key) - 1);

	return at ? (size_t)(at - b->data) : b->len;
}

static void tag(struct httpd_answer *a)
{
	uint8_t hash[SHA256_LEN];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, a->body.data, without_version(&a->body));
	sha256_final(&sha, hash);
	snprintf(a->etag, sizeof(a->etag), "\"%02x%02x%02x%02x%02x%02x%02x%02x\"", hash[0], hash[1],
		 hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]);
}

static void finish(const struct httpd_request *rq, struct httpd_answer *a)
{
	if (!a->status)
		a->status = 200;
	if (a->status != 200 || a->stream)
		return;
	a->type = "application/json";
	a->cache = HTTPD_REVALIDATE;
	if (!a->etag[0] && !a->body.err && a->body.len)
		tag(a);
	if (a->etag[0] && rq->if_none_match && strstr(rq->if_none_match, a->etag)) {
		a->status = 304;
		a->type = NULL;
		buf_done(&a->body);
	}
}

static void failed(struct web *w, struct httpd_answer *a, int err)
{
	if (a->status >= 400)
		return; /* it has been said */
	if (err == -ENOENT)
		api_error(a, 404, "the list has what there is", "there is none of that name");
	else
		api_error(a, 503, "see 'ajar doctor' on the server", "the store cannot be read: %s",
			  *store_why(w->store) ? store_why(w->store) : store_error_text(err));
}

static void post(struct api_call *c, const struct resource *r)
{
	int err;

	jsonw_init(&c->json, &c->a->body);
	err = r->post(c);
	if (err)
		failed(c->w, c->a, err);
}

static void answer(struct api_call *c, const struct resource *r)
{
	struct web *w = c->w;
	const struct cached *k;
	int err = r->kept ? web_state(w) : 0;

	k = !err && r->kept ? kept(w, c->rq->target) : NULL;
	if (k) {
		buf_put(&c->a->body, k->body.data, k->body.len);
	} else if (!err) {
		jsonw_init(&c->json, &c->a->body);
		err = r->fn(c);
		if (!err && r->kept && !c->a->status && !c->a->body.err)
			keep(w, c->rq->target, &c->a->body);
	}
	if (err)
		failed(w, c->a, err);
	finish(c->rq, c->a);
}

void web_api(struct web *w, const struct httpd_request *rq, const struct query *q,
	     struct httpd_answer *a)
{
	const struct resource *r = find(q);
	struct api_call c = { .w = w,
			      .rq = rq,
			      .q = q,
			      .a = a,
			      .name = q->segments_len == 4 ? q->segments[3] : NULL };

	c.se = web_session(w, rq, a);
	if (!c.se) {
		api_error(a, 401, "log in: 'ajar web login' on the server prints an address",
			  "not logged in");
		a->body.len--; /* the closing brace */
		c.json = (struct jsonw){ .b = &a->body, .depth = 1, .more = { true, true } };
		web_login_ways(w, &c.json);
		jsonw_end_obj(&c.json);
	} else if (!r) {
		api_error(a, 404, "see ajar(8) for what there is", "there is no such thing");
	} else if (r->post && !strcmp(rq->method, "POST")) {
		post(&c, r);
	} else if (!r->fn || (strcmp(rq->method, "GET") && strcmp(rq->method, "HEAD"))) {
		api_error(a, 405, r->fn ? "GET it" : "POST it",
			  r->fn ? "this is only to be read" : "this is not to be read");
	} else {
		answer(&c, r);
	}
}
