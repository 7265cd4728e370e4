/* SPDX-License-Identifier: GPL-2.0 */
#include "notify/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "ajar/version.h"
#include "base/buf.h"
#include "base/loop.h"
#include "base/text.h"
#include "conf/sinks.h"
#include "notify/curl.h"

#define NS_PER_MS UINT64_C(1000000)

struct http {
	struct loop *loop;
	const struct curl_api *curl;
	CURLM *multi;
	struct loop_source *timer;
};

struct http_call {
	struct http *http;
	CURL *easy;
	struct curl_slist *headers, *mail_to;
	const char *body; /* of a mail */
	size_t len, at;
	size_t got; /* bytes of the answer */
	struct buf text; /* its beginning */
	char error[CURL_ERROR_SIZE], why[512];
	http_done_fn done;
	void *arg;
	int fd; /* of a stream */
	bool stream;
};

/* --- libcurl in the loop ---------------------------------------------------------------------- */

struct watch { /* a socket of libcurl's */
	struct http *http;
	curl_socket_t fd;
	struct loop_source *src;
};

static void look_for_ends(struct http *h);

static int act(struct http *h, curl_socket_t fd)
{
	int running;

	/* 0: libcurl looks itself what happened at the socket. */
	h->curl->multi_socket_action(h->multi, fd, 0, &running);
	look_for_ends(h);
	return 0;
}

static int on_socket(void *arg)
{
	const struct watch *w = arg;

	return act(w->http, w->fd);
}

static int on_timer(void *arg)
{
	return act(arg, CURL_SOCKET_TIMEOUT);
}

static int set_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct http *h = arg;
	struct watch *w = of_socket;

	(void)easy;
	if (w)
		loop_remove(take_ptr(w->src));
	if (what == CURL_POLL_REMOVE) {
		h->curl->multi_assign(h->multi, fd, NULL);
		free(w);
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return -1;
		w->http = h;
		w->fd = fd;
		h->curl->multi_assign(h->multi, fd, w);
	}
	return loop_add_fd(h->loop, fd,
			   (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
				   (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0),
			   on_socket, w, &w->src)
		       ? -1
		       : 0;
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	return loop_timer_set(h->timer, ms < 0 ? 0 : ms ? (uint64_t)ms * NS_PER_MS : 1, 0) ? -1 : 0;
}

/* --- an answer -------------------------------------------------------------------------------- */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t room;

	(void)size; /* is 1 */
	c->got += n;
	room = HTTP_TEXT_MAX - (c->text.len < HTTP_TEXT_MAX ? c->text.len : HTTP_TEXT_MAX);
	buf_put(&c->text, p, n < room ? n : room);
	return c->got > HTTP_ANSWER_MAX ? 0 : n;
}

/* A mail, read by libcurl. */
static size_t on_read(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t left = c->len - c->at, take;

	take = size * n < left ? size * n : left;
	memcpy(p, c->body + c->at, take);
	c->at += take;
	return take;
}

/* The first line of what it said. */
static void put_said(struct http_call *c, struct buf *b)
{
	size_t n = 0;

	while (n < c->text.len && c->text.data[n] != '\n' && c->text.data[n] != '\r')
		n++;
	if (!n)
		return;
	buf_puts(b, ": ");
	esc_text(b, c->text.data, n, HTTP_TEXT_MAX);
}

static int err_of(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return -EKEYREJECTED;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static void call_free(struct http_call *c)
{
	const struct curl_api *curl = c ? c->http->curl : NULL;

	if (!c)
		return;
	if (c->easy)
		curl->easy_cleanup(c->easy);
	curl->slist_free_all(c->headers);
	curl->slist_free_all(c->mail_to);
	buf_done(&c->text);
	free(c);
}
DEFINE_FREEP(struct http_call, call_free)

static void answer(struct http_call *c, CURLcode code)
{
	const struct curl_api *curl = c->http->curl;
	_cleanup_(buf_done) struct buf why = BUF_INIT(4096);
	struct http_answer a = { 0 };
	curl_off_t retry = 0;

	curl->easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &a.status);
	curl->easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &retry);
	a.retry_after_s = retry > 0 ? (uint64_t)retry : 0;
	if (code == CURLE_WRITE_ERROR && c->got > HTTP_ANSWER_MAX)
		code = CURLE_OK; /* it said more than anybody wants to hear; what it meant is in the status */
	a.err = code ? err_of(code) : 0;
	if (code) {
		const char *said = *c->error ? c->error : curl->easy_strerror(code);

		esc_text(&why, said, strlen(said), HTTP_TEXT_MAX);
	} else if (a.status) {
		buf_printf(&why, "HTTP %ld", a.status);
		put_said(c, &why);
	}
	snprintf(c->why, sizeof(c->why), "%s", buf_str(&why));
	a.why = c->why;
	c->done(&a, c->arg);
}

/* The call may be cancelled by whoever hears of its end, or be followed by another. */
static void finish(struct http_call *c, CURLcode code)
{
	bool lives = c->stream && code == CURLE_OK;
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (lives) {
		c->http->curl->easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
		c->fd = (int)fd;
		answer(c, code);
		return;
	}
	answer(c, code);
	c->http->curl->multi_remove_handle(c->http->multi, c->easy);
	call_free(c);
}

static void look_for_ends(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = h->curl->multi_info_read(h->multi, &left))) {
		struct http_call *c = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		h->curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		finish(c, code);
	}
}

/* --- a request -------------------------------------------------------------------------------- */

struct setter {
	const struct curl_api *curl;
	CURL *easy;
	CURLcode code; /* the first that failed */
};

static void set_long(struct setter *s, CURLoption o, long v)
{
	if (!s->code)
		s->code = s->curl->easy_setopt(s->easy, o, v);
}

static void set_ptr(struct setter *s, CURLoption o, const void *p)
{
	if (!s->code)
		s->code = s->curl->easy_setopt(s->easy, o, p);
}

static void set_tls(struct setter *s, const struct conf_sink *conf)
{
	set_long(s, CURLOPT_SSL_VERIFYPEER, 1);
	set_long(s, CURLOPT_SSL_VERIFYHOST, 2);
	set_long(s, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (*conf->ca_file) {
		set_ptr(s, CURLOPT_CAINFO, conf->ca_file);
		set_ptr(s, CURLOPT_CAPATH, NULL); /* these and no others */
	}
	if (*conf->cert_file)
		set_ptr(s, CURLOPT_SSLCERT, conf->cert_file);
	if (*conf->key_file)
		set_ptr(s, CURLOPT_SSLKEY, conf->key_file);
}

static void set_common(struct setter *s, struct http_call *c, const struct http_request *r)
{
	long ms = (long)(r->conf->timeout_ns / NS_PER_MS);

	set_ptr(s, CURLOPT_PRIVATE, c);
	set_ptr(s, CURLOPT_ERRORBUFFER, c->error);
	set_ptr(s, CURLOPT_URL, r->url);
	set_long(s, CURLOPT_PROTOCOLS,
		 CURLPROTO_HTTP | CURLPROTO_HTTPS | CURLPROTO_SMTP | CURLPROTO_SMTPS);
	set_long(s, CURLOPT_NOSIGNAL, 1);
	set_long(s, CURLOPT_FOLLOWLOCATION, 0);
	set_long(s, CURLOPT_TIMEOUT_MS, ms);
	set_long(s, CURLOPT_CONNECTTIMEOUT_MS, ms);
	set_ptr(s, CURLOPT_PROXY, r->conf->proxy); /* "" is none, whatever the environment says */
	set_long(s, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	set_ptr(s, CURLOPT_USERAGENT, "ajar/" AJAR_VERSION);
	set_tls(s, r->conf);
}

static int add_header(struct http_call *c, const char *header)
{
	struct curl_slist *l = c->http->curl->slist_append(c->headers, header);

	if (!l)
		return -ENOMEM;
	c->headers = l;
	return 0;
}

static int set_auth(struct setter *s, struct http_call *c, const char *auth)
{
	char header[4200];
	int err;

	if (strncmp(auth, "Bearer ", 7)) {
		set_long(s, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		set_ptr(s, CURLOPT_USERPWD, auth);
		return 0;
	}
	snprintf(header, sizeof(header), "Authorization: %s", auth);
	err = add_header(c, header);
	explicit_bzero(header, sizeof(header));
	return err;
}

static int set_post(struct setter *s, struct http_call *c, const struct http_request *r)
{
	int err = add_header(c, "Expect:"); /* no round trip to ask whether we may */

	for (const char *const *h = r->headers; h && *h && !err; h++)
		err = add_header(c, *h);
	if (!err && r->auth && *r->auth)
		err = set_auth(s, c, r->auth);
	set_ptr(s, CURLOPT_HTTPHEADER, c->headers);
	set_ptr(s, CURLOPT_WRITEFUNCTION, (const void *)(uintptr_t)on_body);
	set_ptr(s, CURLOPT_WRITEDATA, c);
	set_long(s, CURLOPT_POST, 1);
	set_long(s, CURLOPT_POSTFIELDSIZE, (long)r->len);
	set_ptr(s, CURLOPT_POSTFIELDS, r->body);
	return err;
}

static int set_mail(struct setter *s, struct http_call *c, const struct http_request *r)
{
	for (const char *const *to = r->mail_to; *to; to++) {
		struct curl_slist *l = s->curl->slist_append(c->mail_to, *to);

		if (!l)
			return -ENOMEM;
		c->mail_to = l;
	}
	c->body = r->body;
	c->len = r->len;
	set_ptr(s, CURLOPT_MAIL_FROM, r->mail_from);
	set_ptr(s, CURLOPT_MAIL_RCPT, c->mail_to);
	set_long(s, CURLOPT_UPLOAD, 1);
	set_ptr(s, CURLOPT_READFUNCTION, (const void *)(uintptr_t)on_read);
	set_ptr(s, CURLOPT_READDATA, c);
	return 0;
}

static int set_stream(struct setter *s)
{
	set_long(s, CURLOPT_CONNECT_ONLY, 1);
	set_long(s, CURLOPT_SSL_ENABLE_ALPN, 0); /* it is no HTTP */
	set_long(s, CURLOPT_TCP_KEEPALIVE, 1);
	return 0;
}

static int start(struct http *h, const struct http_request *r, bool stream, http_done_fn done,
		 void *arg, struct http_call **ret_call)
{
	_cleanup_(call_freep) struct http_call *c = calloc(1, sizeof(*c));
	struct setter s = { .curl = h->curl };
	int err;

	if (!c)
		return -ENOMEM;
	c->http = h;
	c->stream = stream;
	c->fd = -1;
	c->text = (struct buf)BUF_INIT(HTTP_TEXT_MAX + 1);
	c->done = done;
	c->arg = arg;
	c->easy = s.easy = h->curl->easy_init();
	if (!c->easy)
		return -ENOMEM;
	set_common(&s, c, r);
	err = stream ? set_stream(&s) : r->mail_to ? set_mail(&s, c, r) : set_post(&s, c, r);
	if (err)
		return err;
	if (s.code)
		return s.code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	if (h->curl->multi_add_handle(h->multi, c->easy))
		return -ENOMEM;
	*ret_call = take_ptr(c);
	return 0;
}

int http_send(struct http *h, const struct http_request *r, http_done_fn done, void *arg,
	      struct http_call **ret_call)
{
	return start(h, r, false, done, arg, ret_call);
}

/* --- streams ---------------------------------------------------------------------------------- */

int http_connect(struct http *h, const struct http_request *r, http_done_fn done, void *arg,
		 struct http_call **ret_call)
{
	return start(h, r, true, done, arg, ret_call);
}

ssize_t http_stream_write(struct http_call *c, const void *p, size_t n)
{
	size_t sent = 0;
	CURLcode code = c->http->curl->easy_send(c->easy, p, n, &sent);

	if (code == CURLE_AGAIN)
		return -EAGAIN;
	return code ? -EPIPE : (ssize_t)sent;
}

bool http_stream_ended(struct http_call *c)
{
	char trash[512];
	size_t n = 0;
	CURLcode code;

	do
		code = c->http->curl->easy_recv(c->easy, trash, sizeof(trash), &n);
	while (code == CURLE_OK && n);
	return code != CURLE_AGAIN;
}

int http_stream_fd(const struct http_call *c)
{
	return c->fd;
}

void http_cancel(struct http_call *c)
{
	if (!c)
		return;
	c->http->curl->multi_remove_handle(c->http->multi, c->easy);
	call_free(c);
}

/* --- life ------------------------------------------------------------------------------------- */

int http_new(struct loop *l, struct http **ret_http, char **ret_why)
{
	_cleanup_(http_freep) struct http *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->loop = l;
	err = curl_load(&h->curl, ret_why);
	if (err)
		return err;
	err = loop_add_timer(l, on_timer, h, &h->timer);
	if (err)
		return err;
	h->multi = h->curl->multi_init();
	if (!h->multi || h->curl->multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_watch) ||
	    h->curl->multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) ||
	    h->curl->multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer) ||
	    h->curl->multi_setopt(h->multi, CURLMOPT_TIMERDATA, h))
		return -ENOMEM;
	*ret_http = take_ptr(h);
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->multi)
		h->curl->multi_cleanup(h->multi);
	loop_remove(h->timer);
	free(h);
}
