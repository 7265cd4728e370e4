/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_HTTP_H
#define AJAR_WEB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct loop;

/*
 * HTTP/1.1 on one listening socket in our event loop: requests in, answers and streams out. What
 * they say is not its business. libmicrohttpd is known here alone (http.c, mhd.c).
 *
 * Limits: HTTPD_CONNECTIONS_MAX connections, HTTPD_PEER_MAX from one address (more are closed at
 * once), a head of HTTPD_HEAD_MAX bytes (431), a body of HTTPD_BODY_MAX bytes (413), HTTPD_IDLE_S
 * seconds without a byte (closed), HTTPD_RATE requests a second from one address after a burst of
 * HTTPD_BURST (429).
 */
#define HTTPD_CONNECTIONS_MAX 1200
#define HTTPD_PEER_MAX 256
#define HTTPD_HEAD_MAX 16384
#define HTTPD_BODY_MAX 65536
#define HTTPD_IDLE_S 20
#define HTTPD_ANSWER_MAX (16 << 20) /* bytes; a larger one is a 503 */
#define HTTPD_RATE 200
#define HTTPD_BURST 400
#define HTTPD_STREAM_BYTES_MAX 65536 /* that wait for a reader; beyond it the stream ends */

struct httpd;
struct httpd_stream;

struct httpd_request {
	const char *method, *target; /* as sent: path and query, nothing unescaped */
	/* headers; NULL: not sent */
	const char *host, *cookie, *csrf, *if_none_match, *last_event_id, *content_type, *origin;
	const char *user, *secret; /* X-Remote-User and X-Ajar-Secret, of a proxy; once, or NULL */
	bool gzip; /* its sender reads gzip */
	const char *body; /* NUL behind it */
	size_t body_len;
	bool local; /* over a Unix socket or from this machine's loopback */
	bool unix_socket;
};

enum httpd_cache { HTTPD_NO_STORE, HTTPD_REVALIDATE, HTTPD_FOR_EVER };
struct httpd_answer {
	unsigned status;
	const char *type; /* constant text; NULL: no body */
	struct buf body;
	const void *fixed; /* instead of body: bytes that outlive us */
	size_t fixed_len;
	bool gzip; /* fixed is */
	enum httpd_cache cache;
	char etag[48]; /* with its quotes; "": none */
	char cookie[256]; /* a Set-Cookie; "": none */
	const char *location; /* constant text; NULL: none */
	unsigned retry_s; /* 0: none */
	/*
	 * Not NULL: instead of a body a stream of server-sent events, which is opened with
	 * httpd_opts.opened() and this.
	 */
	void *stream;
};

struct httpd_opts {
	struct loop *loop;
	int fd; /* listening; the server closes it, also when httpd_new() fails */
	bool unix_socket;
	bool one_peer; /* a proxy: no limits by address */
	const char *cert, *key; /* PEM: it speaks TLS 1.2 or later; NULL: none. Copied. */
	/* *a is zeros but for body's maximum; what it gets the server frees */
	void (*handle)(const struct httpd_request *rq, struct httpd_answer *a, void *arg);
	void (*opened)(struct httpd_stream *st, void *stream, void *arg);
	void (*gone)(void *stream, void *arg); /* once for every answer with a stream */
	void *arg;
};

/*
 * -ENOENT with the line to say (caller frees): the library is not installed. -EINVAL with one:
 * certificate and key cannot be used.
 */
must_check int httpd_new(const struct httpd_opts *o, struct httpd **ret_h, char **ret_why);
void httpd_free(struct httpd *h);
DEFINE_FREEP(struct httpd, httpd_free)

/* Copied; reaches the reader with the next turn of the loop. Too much waits for him: it ends. */
void httpd_stream_put(struct httpd_stream *st, const void *p, size_t n);
void httpd_stream_end(struct httpd_stream *st); /* gone() follows, later */

/*
 * Listens: "ADDR:PORT", "[ADDR]:PORT" (numeric, or localhost) or "unix:PATH". *ret_local: nobody
 * but this machine gets there. -EINVAL, -EADDRINUSE, ... with *ret_why (caller frees), one line
 * with the remedy.
 */
must_check int httpd_listen(const char *where, int *ret_fd, bool *ret_local, char **ret_why);
/* Only whether it is such an address, and one of this machine alone. */
must_check int httpd_address_check(const char *where, bool *ret_local, char **ret_why);

#endif
