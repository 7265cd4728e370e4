/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_WEB_INTERNAL_H
#define AJAR_WEB_WEB_INTERNAL_H

#include "base/jsonw.h"
#include "web/http.h"
#include "web/query.h"
#include "web/session.h"
#include "web/state.h"
#include "web/web.h"

struct conf;
struct loop_source;
struct racks;
struct stream;

#define CACHE_LEN 32 /* answers kept */
#define CACHE_BYTES_MAX (4 << 20) /* of one; larger ones are not kept */
#define STREAMS_MAX 1000
#define STREAMS_SESSION_MAX 8 /* beyond it the oldest of that session ends */

/* An answer that was given: again as long as it is true. */
struct cached {
	char *target;
	struct buf body;
	uint64_t version, changes, at_ns;
};

struct web {
	struct loop *loop;
	struct store *store;
	const struct conf *conf;
	struct httpd *httpd;
	bool local;
	char *accounts, *token_file; /* their paths */
	char cookie[32]; /* its name: one for each port, which cookies do not tell apart */
	char *secret; /* of a proxy, or NULL */
	char *cluster; /* the store's uuid */
	const struct racks *racks; /* or NULL */
	struct sessions sessions;
	struct state *state;
	uint64_t changes; /* commits seen */
	/* boot clock; alerts_ns: when alerts were looked at last, with the map or without */
	uint64_t refreshed_ns, asked_ns, alerts_ns;
	uint64_t told_ns; /* of alerts that the map does not have yet; 0: it has them all */
	bool dirty, alerts_dirty; /* something was committed since the map, or alerts, were read */
	double alert_tokens; /* events of alerts alone: see refresh.c */
	uint64_t alert_tokens_ns;
	int err; /* of the last refresh */
	struct loop_source *notifier, *due, *beat;
	struct stream *streams;
	unsigned streams_len;
	struct cached cache[CACHE_LEN];
	double login_tokens; /* see login.c */
	uint64_t login_at_ns;
};

/* --- refresh.c: what is read when ---------------------------------------------------------- */

/* The map as it is now, or nearly: -errno of the store when it cannot be read. */
must_check int web_state(struct web *w);
must_check int refresh_watch(struct web *w); /* the store, from now on */

/* --- an API call --------------------------------------------------------------------------- */

struct api_call {
	struct web *w;
	const struct httpd_request *rq;
	const struct query *q;
	struct session *se;
	struct httpd_answer *a;
	struct jsonw json; /* into the answer's body */
	const char *name; /* what is behind the resource: "n1" of nodes/n1; NULL: nothing */
};

/*
 * Answers into c->json: 0, or a negative errno. -EINVAL, -ENOENT and the store's have been said
 * with api_error(), or get an answer of their own.
 */
typedef int (*api_fn)(struct api_call *c);
int api_error(struct httpd_answer *a, unsigned status, const char *fix, const char *fmt, ...)
	printf_like(4, 5);

int api_me(struct api_call *c);
int api_state(struct api_call *c);
int api_stream(struct api_call *c);
int api_alerts(struct api_call *c);
int api_alert(struct api_call *c);
int api_nodes(struct api_call *c);
int api_node(struct api_call *c);
int api_doors(struct api_call *c);
int api_timeline(struct api_call *c);
int api_histogram(struct api_call *c);
int api_filter_words(struct api_call *c);
int api_scans(struct api_call *c);
int api_profiles(struct api_call *c);
int api_profile(struct api_call *c);
int api_request(struct api_call *c);
int api_request_put(struct api_call *c);

struct filter;
/* The words of an argument, "tcp :4444 class:compute"; f borrows copy, which the caller frees. */
must_check int api_filter(struct api_call *c, const char *arg, struct filter *f, char **ret_copy);
must_check int api_limit(struct api_call *c, uint64_t usual, uint64_t max, uint64_t *ret_limit);
must_check int api_time(struct api_call *c, const char *arg, uint64_t *ret_ns);
/* The argument "at", a time that is over; untouched when it is not given. */
must_check int api_at(struct api_call *c, uint64_t *ret_ns);

/* --- route.c, login.c, stream.c ------------------------------------------------------------ */

void web_handle(const struct httpd_request *rq, struct httpd_answer *a, void *arg);
void web_api(struct web *w, const struct httpd_request *rq, const struct query *q,
	     struct httpd_answer *a);
/* Who asks, by his cookie or by a proxy's word; NULL: nobody that we know. */
struct session *web_session(struct web *w, const struct httpd_request *rq, struct httpd_answer *a);
void web_login(struct web *w, const struct httpd_request *rq, const struct query *q,
	       struct httpd_answer *a);
void web_logout(struct web *w, const struct httpd_request *rq, struct httpd_answer *a);
bool web_host_ok(const struct web *w, const char *host);
/* The ways to log in, a JSON array. */
void web_login_ways(const struct web *w, struct jsonw *json);

/*
 * knows: the version that its reader has, or NULL; resync: he has one that means nothing any more.
 * -EUSERS: there are too many.
 */
must_check int stream_new(struct web *w, const struct session *se, const uint64_t *knows,
			  bool resync, void **ret_stream);
void stream_opened(struct httpd_stream *st, void *stream, void *arg);
void stream_gone(void *stream, void *arg);
void streams_tell(struct web *w); /* the version has changed */
int streams_beat(void *arg);

#endif
