/* SPDX-License-Identifier: GPL-2.0 */
#include "web/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/loop.h"
#include "web/mhd.h"

/*
 * libmicrohttpd runs in our loop: its epoll descriptor is one of ours, and a timer is set to what
 * it says it must do next. Connections whose stream has nothing to say are suspended; whoever puts
 * something there resumes them. The library does not look at a suspended connection, so that a
 * reader who has gone is noticed when something is put: streams need a heartbeat.
 */

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define PEERS 1024 /* buckets of the rate limit; addresses that share one share the rate */
#define CSP                                                                                        \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "          \
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "           \
	"frame-ancestors 'none'"

struct httpd_stream {
	struct httpd *h;
	struct MHD_Connection *c;
	void *stream; /* the answer's */
	struct buf waiting;
	size_t sent; /* of waiting */
	bool suspended, ended;
	struct httpd_stream *next, **at;
};

struct bucket {
	uint64_t at_ns;
	double tokens;
};

struct httpd {
	struct httpd_opts o;
	const struct mhd_api *mhd;
	struct MHD_Daemon *daemon;
	struct loop_source *source, *timer;
	struct httpd_stream *streams;
	struct bucket peers[PEERS];
	char said[160]; /* by the library, first of all, while it starts with TLS */
};

/* What is kept of a request while its body arrives. */
struct incoming {
	char *target;
	struct buf body;
	bool begun, too_much;
};

/* --- in the loop -------------------------------------------------------------------------------------- */

static int set_timer(struct httpd *h)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;
	uint64_t ns = 0;

	if (h->mhd->get_timeout(h->daemon, &ms) == MHD_YES)
		ns = ms ? ms * NS_PER_MS : 1;
	return loop_timer_set(h->timer, ns, 0);
}

static int turn(void *arg)
{
	struct httpd *h = arg;

	(void)h->mhd->run(h->daemon);
	return set_timer(h);
}

/* --- streams ------------------------------------------------------------------------------------------ */

static ssize_t on_read(void *arg, uint64_t pos, char *to, size_t max)
{
	struct httpd_stream *st = arg;
	size_t n = st->waiting.len - st->sent;

	(void)pos;
	if (!n && st->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!n) {
		st->suspended = true;
		st->h->mhd->suspend_connection(st->c);
		return 0;
	}
	if (n > max)
		n = max;
	memcpy(to, st->waiting.data + st->sent, n);
	st->sent += n;
	if (st->sent == st->waiting.len) {
		buf_reset(&st->waiting);
		st->sent = 0;
	}
	return (ssize_t)n;
}

static void on_gone(void *arg)
{
	struct httpd_stream *st = arg;

	*st->at = st->next;
	if (st->next)
		st->next->at = st->at;
	st->h->o.gone(st->stream, st->h->o.arg);
	buf_done(&st->waiting);
	free(st);
}

/* What is due now is done by the next turn of the loop, not by whoever calls us. */
static void resume(struct httpd_stream *st)
{
	struct httpd *h = st->h;

	if (!st->suspended)
		return;
	st->suspended = false;
	h->mhd->resume_connection(st->c);
	(void)!loop_timer_set(h->timer, 1, 0);
}

void httpd_stream_put(struct httpd_stream *st, const void *p, size_t n)
{
	if (st->ended)
		return;
	buf_put(&st->waiting, p, n);
	if (st->waiting.err) {
		httpd_stream_end(st);
		return;
	}
	resume(st);
}

void httpd_stream_end(struct httpd_stream *st)
{
	st->ended = true;
	resume(st);
}

static struct MHD_Response *stream_response(struct httpd *h, struct MHD_Connection *c,
					    const struct httpd_answer *a)
{
	struct httpd_stream *st = calloc(1, sizeof(*st));
	struct MHD_Response *r = NULL;

	if (st) {
		*st = (struct httpd_stream){ .h = h,
					     .c = c,
					     .stream = a->stream,
					     .waiting = BUF_INIT(HTTPD_STREAM_BYTES_MAX) };
		r = h->mhd->create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, on_read, st,
							  on_gone);
	}
	if (!r) {
		h->o.gone(a->stream, h->o.arg);
		free(st);
		return NULL;
	}
	st->next = h->streams;
	st->at = &h->streams;
	if (st->next)
		st->next->at = &st->next;
	h->streams = st;
	h->o.opened(st, st->stream, h->o.arg);
	return r;
}

/* --- who asks ------------------------------------------------------------------------------------------ */

static const struct sockaddr *peer_of(struct httpd *h, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		h->mhd->get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info ? info->client_addr : NULL;
}

static bool is_local(const struct sockaddr *sa)
{
	const struct in6_addr *six = &((const struct sockaddr_in6 *)sa)->sin6_addr;

	if (sa->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)sa)->sin_addr.s_addr) >> 24 == 127;
	return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(six);
}

static bool may_ask(struct httpd *h, const struct sockaddr *sa)
{
	uint64_t now_ns = clock_boot_ns();
	struct bucket *b;

	if (h->o.one_peer || !sa)
		return true;
	if (sa->sa_family == AF_INET)
		b = &h->peers[hash_bytes(&((const struct sockaddr_in *)sa)->sin_addr, 4) % PEERS];
	else if (sa->sa_family == AF_INET6) /* whoever has an address there has 2^64 */
		b = &h->peers[hash_bytes(&((const struct sockaddr_in6 *)sa)->sin6_addr, 8) % PEERS];
	else
		return true;
	b->tokens = b->at_ns ? b->tokens + (double)(now_ns - b->at_ns) * HTTPD_RATE / NS_PER_S
			     : HTTPD_BURST;
	if (b->tokens > HTTPD_BURST)
		b->tokens = HTTPD_BURST;
	b->at_ns = now_ns;
	if (b->tokens < 1)
		return false;
	b->tokens--;
	return true;
}

/* --- answers ------------------------------------------------------------------------------------------- */

static bool add(struct httpd *h, struct MHD_Response *r, const char *name, const char *value)
{
	return h->mhd->add_response_header(r, name, value) == MHD_YES;
}

static bool add_headers(struct httpd *h, struct MHD_Response *r, const struct httpd_answer *a)
{
	static const char *const caches[] = {
		[HTTPD_NO_STORE] = "no-store",
		[HTTPD_REVALIDATE] = "private, no-cache",
		[HTTPD_FOR_EVER] = "public, max-age=31536000, immutable",
	};
	bool good = add(h, r, "Content-Security-Policy", CSP) &&
		    add(h, r, "X-Content-Type-Options", "nosniff") &&
		    add(h, r, "X-Frame-Options", "DENY") &&
		    add(h, r, "Referrer-Policy", "no-referrer") &&
		    add(h, r, "Cross-Origin-Opener-Policy", "same-origin") &&
		    add(h, r, "Cross-Origin-Resource-Policy", "same-origin") &&
		    add(h, r, "Permissions-Policy",
			"camera=(), geolocation=(), microphone=(), payment=(), usb=()") &&
		    add(h, r, "Cache-Control", caches[a->cache]);
	char retry[16];

	if (a->type)
		good = good && add(h, r, "Content-Type", a->type);
	if (a->fixed && a->gzip)
		good = good && add(h, r, "Content-Encoding", "gzip");
	if (a->fixed)
		good = good && add(h, r, "Vary", "Accept-Encoding");
	if (a->etag[0])
		good = good && add(h, r, "ETag", a->etag);
	if (a->cookie[0])
		good = good && add(h, r, "Set-Cookie", a->cookie);
	if (a->location)
		good = good && add(h, r, "Location", a->location);
	if (a->stream)
		good = good && add(h, r, "X-Accel-Buffering", "no");
	if (a->retry_s) {
		snprintf(retry, sizeof(retry), "%u", a->retry_s);
		good = good && add(h, r, "Retry-After", retry);
	}
	return good;
}

static enum MHD_Result send_answer(struct httpd *h, struct MHD_Connection *c,
				   struct httpd_answer *a)
{
	struct MHD_Response *r;
	enum MHD_Result ret;

	if (a->body.err && !a->stream) {
		buf_done(&a->body);
		a->body = (struct buf)BUF_INIT(256);
		a->status = 503;
		a->type = "application/json";
		a->etag[0] = '\0';
		buf_puts(&a->body, "{\"error\":\"the answer is too large\",\"fix\":\"ask for less: "
				   "a smaller limit, or a filter\"}");
	}
	if (a->stream)
		r = stream_response(h, c, a);
	else if (a->fixed)
		r = h->mhd->create_response_from_buffer(a->fixed_len, (void *)(uintptr_t)a->fixed,
							MHD_RESPMEM_PERSISTENT);
	else
		r = h->mhd->create_response_from_buffer(
			a->body.len, a->body.len ? a->body.data : (void *)(uintptr_t) "",
			MHD_RESPMEM_MUST_COPY);
	buf_done(&a->body);
	if (!r)
		return MHD_NO;
	ret = add_headers(h, r, a) ? h->mhd->queue_response(c, a->status, r) : MHD_NO;
	h->mhd->destroy_response(r);
	return ret;
}

static enum MHD_Result refuse(struct httpd *h, struct MHD_Connection *c, unsigned status,
			      const char *what)
{
	struct httpd_answer a = { .status = status,
				  .type = "application/json",
				  .body = BUF_INIT(512),
				  .retry_s = status == 429 ? 1 : 0 };

	buf_printf(&a.body, "{\"error\":\"%s\",\"fix\":\"ask for less, and more slowly\"}", what);
	return send_answer(h, c, &a);
}

/* --- requests ------------------------------------------------------------------------------------------ */

static void *on_target(void *arg, const char *target, struct MHD_Connection *c)
{
	struct incoming *in = calloc(1, sizeof(*in));

	(void)arg;
	(void)c;
	if (!in)
		return NULL;
	in->body = (struct buf)BUF_INIT(HTTPD_BODY_MAX);
	in->target = strdup(target);
	return in;
}

static void on_completed(void *arg, struct MHD_Connection *c, void **con,
			 enum MHD_RequestTerminationCode how)
{
	struct incoming *in = *con;

	(void)arg;
	(void)c;
	(void)how;
	if (!in)
		return;
	buf_done(&in->body);
	free(in->target);
	free(in);
	*con = NULL;
}

static const char *header(struct httpd *h, struct MHD_Connection *c, const char *name)
{
	return h->mhd->lookup_connection_value(c, MHD_HEADER_KIND, name);
}

struct lone {
	const char *name, *value;
	unsigned n;
};

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	struct lone *l = arg;

	(void)kind;
	if (!strcasecmp(name, l->name)) {
		l->n++;
		l->value = value;
	}
	return MHD_YES;
}

/*
 * A header that may be there once. Of two one is a guest's, and the proxy has added its own instead
 * of replacing it: neither is believed.
 */
static const char *lone_header(struct httpd *h, struct MHD_Connection *c, const char *name)
{
	struct lone l = { .name = name };

	h->mhd->get_connection_values(c, MHD_HEADER_KIND, on_header, &l);
	return l.n == 1 ? l.value : NULL;
}

/* "gzip" among what is accepted, and not with q=0: nobody writes that. */
static bool reads_gzip(const char *accept)
{
	return accept && (strstr(accept, "gzip") || strchr(accept, '*'));
}

static enum MHD_Result ask(struct httpd *h, struct MHD_Connection *c, const char *method,
			   const struct incoming *in, const struct sockaddr *peer)
{
	const struct httpd_request rq = {
		.method = method,
		.target = in->target,
		.host = header(h, c, "Host"),
		.cookie = header(h, c, "Cookie"),
		.csrf = header(h, c, "X-CSRF"),
		.origin = header(h, c, "Origin"),
		.if_none_match = header(h, c, "If-None-Match"),
		.last_event_id = header(h, c, "Last-Event-ID"),
		.content_type = header(h, c, "Content-Type"),
		.user = lone_header(h, c, "X-Remote-User"),
		.secret = lone_header(h, c, "X-Ajar-Secret"),
		.gzip = reads_gzip(header(h, c, "Accept-Encoding")),
		.body = buf_str(&in->body),
		.body_len = in->body.len,
		.unix_socket = h->o.unix_socket,
		.local = h->o.unix_socket || (peer && is_local(peer)),
	};
	struct httpd_answer a = { .body = BUF_INIT(HTTPD_ANSWER_MAX) };

	h->o.handle(&rq, &a, h->o.arg);
	return send_answer(h, c, &a);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *data_len, void **con)
{
	struct incoming *in = *con;
	struct httpd *h = arg;
	const struct sockaddr *peer = peer_of(h, c);

	(void)url;
	(void)version;
	if (!in || !in->target)
		return MHD_NO;
	if (!in->begun) {
		in->begun = true;
		return may_ask(h, peer) ? MHD_YES : refuse(h, c, 429, "too many requests");
	}
	if (*data_len) {
		buf_put(&in->body, data, *data_len);
		in->too_much |= in->body.err != 0;
		*data_len = 0;
		return MHD_YES;
	}
	if (in->too_much)
		return refuse(h, c, 413, "the request is too large");
	return ask(h, c, method, in, peer);
}

/* --- begin and end ------------------------------------------------------------------------------------- */

/* What it says later is of connections: any stranger could fill a log with those. */
static printf_like(2, 0) void on_said(void *arg, const char *fmt, va_list ap)
{
	struct httpd *h = arg;

	if (h->daemon || *h->said)
		return;
	vsnprintf(h->said, sizeof(h->said), fmt, ap);
	h->said[strcspn(h->said, "\r\n")] = '\0';
}

static struct MHD_Daemon *start_daemon(struct httpd *h)
{
	const struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)h->o.cert },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)h->o.key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0,
		  (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			 (h->o.cert ? MHD_USE_TLS | MHD_USE_ERROR_LOG : 0);

	return h->mhd->start_daemon(
		flags, 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_said, h,
		MHD_OPTION_ARRAY, h->o.cert ? tls : none, MHD_OPTION_LISTEN_SOCKET, h->o.fd,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, h, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, h, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTPD_CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)(h->o.one_peer || h->o.unix_socket ? 0 : HTTPD_PEER_MAX),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTPD_HEAD_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTPD_IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT,
		1, MHD_OPTION_END);
}

static int start(struct httpd *h, char **ret_why)
{
	const union MHD_DaemonInfo *info;
	int err;

	h->daemon = start_daemon(h);
	if (!h->daemon && h->o.cert)
		return fault(ret_why, -EINVAL,
			     "the web page cannot speak TLS with web.tls-cert and web.tls-key: %s; "
			     "'openssl x509 -in CERT -noout -text' shows what is in it",
			     *h->said ? h->said : "do they belong to each other?");
	if (!h->daemon)
		return -EIO;
	h->o.fd = -1; /* the library's */
	info = h->mhd->get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -EIO;
	err = loop_add_fd(h->o.loop, info->epoll_fd, EPOLLIN, turn, h, &h->source);
	if (!err)
		err = loop_add_timer(h->o.loop, turn, h, &h->timer);
	return err ? err : set_timer(h);
}

int httpd_new(const struct httpd_opts *o, struct httpd **ret_h, char **ret_why)
{
	struct httpd *h = calloc(1, sizeof(*h));
	int err = h ? 0 : -ENOMEM;

	if (!h) {
		close(o->fd);
		return -ENOMEM;
	}
	h->o = *o;
	err = mhd_load(&h->mhd, ret_why);
	if (!err)
		err = start(h, ret_why);
	if (err) {
		httpd_free(h);
		return err;
	}
	*ret_h = h;
	return 0;
}

void httpd_free(struct httpd *h)
{
	if (!h)
		return;
	/* The library does not stop with a connection suspended. */
	for (struct httpd_stream *st = h->streams; st; st = st->next) {
		st->ended = true;
		if (st->suspended)
			h->mhd->resume_connection(st->c);
		st->suspended = false;
	}
	if (h->streams)
		(void)h->mhd->run(h->daemon);
	loop_remove(h->source);
	loop_remove(h->timer);
	if (h->daemon)
		h->mhd->stop_daemon(h->daemon);
	if (h->o.fd >= 0)
		close(h->o.fd);
	free(h);
}
