/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "store/store.h"
#include "view/metrics.h"
#include "web/assets.h"
#include "web/web_internal.h"

/* From a request to who answers it. */

/* --- whose host we are --------------------------------------------------------------------------------- */

/* Of "a.example:80" the name alone; of "[::1]:80" what is in brackets, with them. */
static size_t name_len(const char *host)
{
	const char *end = host[0] == '[' ? strchr(host, ']') : NULL;

	return end ? (size_t)(end + 1 - host) : strcspn(host, ":");
}

static bool is_name(const char *host, const char *name, size_t n)
{
	size_t len = name_len(host);

	/* A name of the configuration stands for itself with any port, or with the one it says. */
	return (len == n && !strncasecmp(host, name, n)) ||
	       (strlen(host) == n && !strncasecmp(host, name, n));
}

/*
 * A page of somebody else's whose name leads to 127.0.0.1 (DNS rebinding) sends that name: only our
 * own are answered. What reaches a Unix socket came through a proxy that decides itself, unless
 * web.names says.
 */
bool web_host_ok(const struct web *w, const char *host)
{
	static const char *const own[] = { "127.0.0.1", "localhost", "[::1]" };
	const char *listen = w->conf->web_listen, *names = w->conf->web_names;

	if (!host)
		return false;
	if (!*names && !strncmp(listen, "unix:", 5))
		return true;
	for (size_t i = 0; i < array_len(own) && w->local; i++)
		if (is_name(host, own[i], strlen(own[i])))
			return true;
	if (is_name(host, listen, name_len(listen)))
		return true;
	for (size_t n; *names; names += n) {
		names += strspn(names, " ");
		n = strcspn(names, " ");
		if (n && is_name(host, names, n))
			return true;
	}
	return false;
}

/* A browser says where a POST comes from. */
static bool origin_ok(const struct web *w, const char *origin)
{
	const char *host = origin ? strstr(origin, "://") : NULL;

	return !origin || (host && web_host_ok(w, host + 3));
}

/* --- fixed answers -------------------------------------------------------------------------------------- */

static void put_asset(const struct httpd_request *rq, const struct web_asset *asset,
		      enum httpd_cache cache, struct httpd_answer *a)
{
	if (strcmp(rq->method, "GET") && strcmp(rq->method, "HEAD")) {
		api_error(a, 405, "GET it", "this is only to be read");
		return;
	}
	if (!asset) {
		api_error(a, 404, "load the page anew", "there is no such file");
		return;
	}
	if (!rq->gzip) {
		api_error(a, 406, "send Accept-Encoding: gzip", "the page is sent compressed");
		return;
	}
	a->status = 200;
	a->type = assets_type(asset->name);
	a->fixed = asset->gz;
	a->fixed_len = asset->gz_len;
	a->gzip = true;
	a->cache = cache;
}

/* "/p/HASH/map/grid.js" of the page that is in this program; of another one there is nothing. */
static void put_file(const struct httpd_request *rq, struct httpd_answer *a)
{
	size_t folder = strlen(web_assets_folder), n = strcspn(rq->target, "?#");
	char name[256];

	if (strncmp(rq->target, web_assets_folder, folder) || n - folder >= sizeof(name)) {
		put_asset(rq, NULL, HTTPD_NO_STORE, a);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(n - folder), rq->target + folder);
	put_asset(rq, assets_find(name), HTTPD_FOR_EVER, a);
}

static void put_metrics(struct web *w, struct httpd_answer *a)
{
	const struct metrics_opts o = { .silent_ns = w->conf->health_silent_ns,
					.keep_ns =
						w->conf->store_keep_days * UINT64_C(86400000000000),
					.keep_bytes = w->conf->store_keep_bytes };

	a->status = 200;
	a->type = "text/plain; version=0.0.4; charset=utf-8";
	if (view_metrics(w->store, &o, &a->body))
		api_error(a, 503, "see 'ajar doctor' on the server", "the store cannot be read: %s",
			  store_why(w->store));
}

static void put_health(struct web *w, struct httpd_answer *a)
{
	if (web_state(w)) {
		api_error(a, 503, "see 'ajar doctor' on the server", "the store cannot be read: %s",
			  store_why(w->store));
		return;
	}
	a->status = 200;
	a->type = "text/plain; charset=utf-8";
	buf_puts(&a->body, "ok\n");
}

/* --- the way -------------------------------------------------------------------------------------------- */

static bool is_get(const struct httpd_request *rq)
{
	return !strcmp(rq->method, "GET") || !strcmp(rq->method, "HEAD");
}

/*
 * Without logging in for who is on this machine, as node_exporter and its like are; a proxy's
 * guests are not.
 */
static void put_open(struct web *w, const struct httpd_request *rq, bool metrics,
		     struct httpd_answer *a)
{
	if (!is_get(rq))
		api_error(a, 405, "GET it", "this is only to be read");
	else if (!web_session(w, rq, a) && (!rq->local || w->conf->web_proxy))
		api_error(a, 401, "log in", "not logged in");
	else if (metrics)
		put_metrics(w, a);
	else
		put_health(w, a);
}

void web_handle(const struct httpd_request *rq, struct httpd_answer *a, void *arg)
{
	struct web *w = arg;
	struct query q;
	const char *first;

	if (!web_host_ok(w, rq->host)) {
		api_error(a, 403,
			  "use the address that 'ajar web' prints, or add the name to web.names",
			  "this server is not called that");
		return;
	}
	if (!is_get(rq) && !origin_ok(w, rq->origin)) {
		api_error(a, 403, "use the page itself", "this came from another site");
		return;
	}
	if (query_parse(rq->target, &q)) {
		api_error(a, 400, "see ajar(8)", "the address cannot be read");
		return;
	}
	first = q.segments_len ? q.segments[0] : "";
	if (!strcmp(first, "api"))
		web_api(w, rq, &q, a);
	else if (!strcmp(first, "p"))
		put_file(rq, a);
	else if (!strcmp(first, "login") && q.segments_len == 1)
		web_login(w, rq, &q, a);
	else if (!strcmp(first, "logout") && q.segments_len == 1)
		web_logout(w, rq, a);
	else if (!strcmp(first, "healthz") || !strcmp(first, "metrics"))
		put_open(w, rq, first[0] == 'm', a);
	else
		put_asset(rq, assets_find("index.html"), HTTPD_NO_STORE, a);
}
