/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_NOTIFY_HTTP_H
#define AJAR_NOTIFY_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct conf_sink;
struct loop;

/*
 * What goes out over the network, by libcurl, in our loop: requests over HTTP, mails over SMTP, and
 * plain or TLS streams. Each has one time limit for all of it. Redirects are not followed, the
 * environment names no proxy, a certificate is always checked, and of an answer only the beginning
 * is kept.
 */
struct http;
struct http_call;

#define HTTP_TEXT_MAX 300 /* kept of an answer */
/* read of an answer; more is an error only of those who send it */
#define HTTP_ANSWER_MAX (1 << 20)

struct http_request {
	const struct conf_sink *conf; /* time limit, certificates, proxy */
	const char *url;
	const char *const *headers; /* "Name: value", NULL-terminated; or NULL */
	const char *auth; /* "Bearer TOKEN" or "USER:PASSWORD"; or NULL */
	const void *body; /* borrowed until the end */
	size_t len;
	const char *mail_from; /* smtp: */
	const char *const *mail_to;
};

struct http_answer {
	int err; /* 0: there was an answer */
	const char *why; /* one line: what went wrong, or "HTTP 400: what it said" */
	long status;
	uint64_t retry_after_s;
};
typedef void (*http_done_fn)(const struct http_answer *a, void *arg);

must_check int http_new(struct loop *l, struct http **ret_http, char **ret_why);
void http_free(struct http *h); /* after all its calls */
DEFINE_FREEP(struct http, http_free)

/* done is called once, from the loop; the call is over then. */
must_check int http_send(struct http *h, const struct http_request *r, http_done_fn done, void *arg,
			 struct http_call **ret_call);
/*
 * Connects only, for http://HOST:PORT or with TLS for https://; done with err 0 means that
 * http_stream_write() may be used until http_cancel().
 */
must_check int http_connect(struct http *h, const struct http_request *r, http_done_fn done,
			    void *arg, struct http_call **ret_call);
/* How many bytes it took; -EAGAIN: none now, wait until http_stream_fd() can be written. */
must_check ssize_t http_stream_write(struct http_call *call, const void *p, size_t n);
/* True: the other side has closed it. What it says is thrown away. */
bool http_stream_ended(struct http_call *call);
int http_stream_fd(const struct http_call *call);
void http_cancel(struct http_call *call); /* NULL is fine; done is not called any more */

#endif
