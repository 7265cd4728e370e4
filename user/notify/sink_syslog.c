/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RFC 5424 messages to a syslog server: a datagram each over UDP (RFC 5426); over TCP and TLS with
 * octet counting, "LENGTH MESSAGE" (RFC 6587, RFC 5425). Syslog answers nothing. Over TCP a message
 * counts as delivered when the other side's kernel has acknowledged its bytes, and the stream is
 * looked at for its end before anything is written: what was written to a server that is gone is
 * sent again.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "notify/http.h"
#include "notify/sinks.h"
#include "store/store.h"
#include "view/rfc5424.h"

#define MESSAGE_BYTES_MAX (SINK_JSON_MAX + 16384UL)
#define UDP_BYTES_MAX 65000
#define LOOK_NS UINT64_C(2000000) /* between two looks whether all is acknowledged */

struct sink {
	const struct notify_env *env;
	const struct conf_sink *conf;
	char *host, *port;
	char *url; /* for the stream: http://HOST:PORT or https:// */
	struct buf out; /* what is to be written */
	size_t at;
	struct http_call *call;
	bool connected;
	struct loop_source *writable, *timer;
	uint64_t deadline_ns;
	sink_done_fn done;
	void *arg;
	/* UDP */
	int udp;
	struct gaicb ask;
	struct addrinfo hints;
	bool asking;
	const struct sink_message *message;
};

static void finish(struct sink *s, int err, const char *why)
{
	sink_done_fn done = take_ptr(s->done);

	loop_remove(take_ptr(s->writable));
	if (loop_timer_set(s->timer, 0, 0))
		err = err ? err : -EIO;
	if (done)
		done(err, why, s->arg);
}

static void fail(struct sink *s, int err, const char *what)
{
	char why[512];

	snprintf(why, sizeof(why), "%s: %s: %s", s->conf->url, what, strerror(-err));
	http_cancel(take_ptr(s->call));
	s->connected = false;
	finish(s, err, why);
}

static void put_message(struct sink *s, const struct sink_message *m, struct buf *b)
{
	bool words = !*s->conf->format || !strcmp(s->conf->format, "text");

	view_rfc5424(m->change, s->env->host, (unsigned)getpid(), words ? NULL : m->json,
		     m->json_len, b);
}

/* --- TCP and TLS ------------------------------------------------------------------------------ */

static void go_on(struct sink *s);

static int on_writable(void *arg)
{
	go_on(arg);
	return 0;
}

static int on_look(void *arg);

/* Everything is written: has the other side got it? */
static void await_acks(struct sink *s)
{
	int left = 0, err = 0;

	loop_remove(take_ptr(s->writable));
	if (http_stream_ended(s->call)) {
		fail(s, -EPIPE, "the server has closed the connection");
		return;
	}
	if (ioctl(http_stream_fd(s->call), SIOCOUTQ, &left) < 0)
		err = -errno;
	if (!err && !left) {
		finish(s, 0, NULL);
		return;
	}
	if (!err && clock_boot_ns() > s->deadline_ns)
		err = -ETIMEDOUT;
	if (!err)
		err = loop_timer_set(s->timer, LOOK_NS, 0);
	if (err)
		fail(s, err, "it does not take what was written");
}

static void go_on(struct sink *s)
{
	while (s->at < s->out.len) {
		ssize_t n = http_stream_write(s->call, s->out.data + s->at, s->out.len - s->at);
		int err = 0;

		if (n >= 0) {
			s->at += (size_t)n;
			continue;
		}
		if (n == -EAGAIN && clock_boot_ns() < s->deadline_ns) {
			if (!s->writable)
				err = loop_add_fd(s->env->loop, http_stream_fd(s->call), EPOLLOUT,
						  on_writable, s, &s->writable);
			/* The timer ends a wait for a server that reads nothing. */
			if (!err)
				err = loop_timer_set(s->timer, s->deadline_ns - clock_boot_ns() + 1,
						     0);
			if (!err)
				return;
		} else {
			err = n == -EAGAIN ? -ETIMEDOUT : (int)n;
		}
		fail(s, err, "cannot write");
		return;
	}
	await_acks(s);
}

static int on_look(void *arg)
{
	struct sink *s = arg;

	if (s->done && s->connected)
		go_on(s);
	return 0;
}

static void on_connected(const struct http_answer *a, void *arg)
{
	struct sink *s = arg;
	char why[512];

	if (a->err) {
		s->call = NULL;
		snprintf(why, sizeof(why), "%s: %s", s->conf->url, a->why);
		finish(s, a->err, why);
		return;
	}
	s->connected = true;
	go_on(s);
}

static int send_stream(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg)
{
	const struct http_request r = { .conf = s->conf, .url = s->url };
	int err = 0;

	buf_reset(&s->out);
	for (; m; m = m->next) {
		_cleanup_(buf_done) struct buf one = BUF_INIT(MESSAGE_BYTES_MAX);

		put_message(s, m, &one);
		if (one.err)
			return one.err;
		buf_printf(&s->out, "%zu ", one.len);
		buf_put(&s->out, one.data, one.len);
	}
	if (s->out.err)
		return s->out.err;
	s->at = 0;
	s->done = done;
	s->arg = arg;
	s->deadline_ns = clock_boot_ns() + s->conf->timeout_ns;
	if (s->connected && http_stream_ended(s->call)) {
		http_cancel(take_ptr(s->call));
		s->connected = false;
	}
	if (s->connected)
		go_on(s);
	else
		err = http_connect(s->env->http, &r, on_connected, s, &s->call);
	return err;
}

/* --- UDP -------------------------------------------------------------------------------------- */

static int connect_udp(struct sink *s)
{
	const struct addrinfo *a = s->ask.ar_result;

	s->udp = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->udp < 0)
		return -errno;
	return connect(s->udp, a->ai_addr, a->ai_addrlen) < 0 ? -errno : 0;
}

static void close_udp(struct sink *s)
{
	if (s->udp >= 0)
		close(take_fd(s->udp));
}

static void send_datagrams(struct sink *s)
{
	int err = s->udp < 0 ? connect_udp(s) : 0;

	for (; !err && s->message; s->message = s->message->next) {
		_cleanup_(buf_done) struct buf one = BUF_INIT(MESSAGE_BYTES_MAX);

		put_message(s, s->message, &one);
		err = one.err;
		if (!err && one.len > UDP_BYTES_MAX)
			err = SINK_REFUSED; /* no datagram is that long */
		else if (!err && send(s->udp, one.data, one.len, MSG_NOSIGNAL) < 0)
			err = -errno;
	}
	if (err) {
		close_udp(s); /* the name may have another address by now */
		fail(s, err, "cannot send");
		return;
	}
	finish(s, 0, NULL);
}

static int on_resolved(void *arg)
{
	struct sink *s = arg;
	int ret = gai_error(&s->ask);
	char why[512];

	if (!s->asking)
		return 0;
	if (ret == EAI_INPROGRESS && clock_boot_ns() < s->deadline_ns)
		return loop_timer_set(s->timer, 10 * LOOK_NS, 0);
	if (ret == EAI_INPROGRESS && gai_cancel(&s->ask) == EAI_NOTCANCELED)
		return loop_timer_set(s->timer, 10 * LOOK_NS, 0); /* it writes into what is ours */
	s->asking = false;
	if (!ret) {
		send_datagrams(s);
		return 0;
	}
	snprintf(why, sizeof(why), "%s: cannot find '%s': %s", s->conf->url, s->host,
		 gai_strerror(ret));
	finish(s, -EHOSTUNREACH, why);
	return 0;
}

/* Names are looked up without waiting, and again after each failure. */
static int resolve(struct sink *s)
{
	struct gaicb *list[] = { &s->ask };

	if (s->ask.ar_result)
		freeaddrinfo(take_ptr(s->ask.ar_result));
	s->hints = (struct addrinfo){ .ai_socktype = SOCK_DGRAM };
	s->ask = (struct gaicb){ .ar_name = s->host,
				 .ar_service = s->port,
				 .ar_request = &s->hints };
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL))
		return -EAGAIN;
	s->asking = true;
	return loop_timer_set(s->timer, 1, 0);
}

static int on_timer(void *arg)
{
	struct sink *s = arg;

	return s->asking ? on_resolved(s) : on_look(s);
}

static int send_udp(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg)
{
	if (s->asking)
		return -EBUSY;
	s->message = m;
	s->done = done;
	s->arg = arg;
	s->deadline_ns = clock_boot_ns() + s->conf->timeout_ns;
	if (s->udp < 0)
		return resolve(s);
	send_datagrams(s);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static int syslog_send(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg)
{
	int err = s->url ? send_stream(s, m, done, arg) : send_udp(s, m, done, arg);

	if (err)
		s->done = NULL;
	return err;
}

static void syslog_free(struct sink *s)
{
	struct gaicb *const list[] = { s ? &s->ask : NULL };

	if (!s)
		return;
	http_cancel(s->call);
	loop_remove(s->writable);
	loop_remove(s->timer);
	if (s->asking && gai_cancel(&s->ask) == EAI_NOTCANCELED)
		(void)!gai_suspend((const struct gaicb *const *)list, 1, NULL);
	if (s->ask.ar_result)
		freeaddrinfo(s->ask.ar_result);
	close_udp(s);
	buf_done(&s->out);
	free(s->host);
	free(s->port);
	free(s->url);
	free(s);
}
DEFINE_FREEP(struct sink, syslog_free)

/* "udp://HOST:PORT", "tls://[::1]:6514"; without a port the usual one. */
static int take_url(struct sink *s, const char *url)
{
	const char *host = strstr(url, "://"), *end;
	bool tls = !strncmp(url, "tls:", 4), udp = !strncmp(url, "udp:", 4);

	if (!host)
		return -EINVAL;
	host += 3;
	end = *host == '[' ? strchr(host, ']') : NULL;
	end = end ? end + 1 : host + strcspn(host, ":");
	s->host = *host == '[' ? strndup(host + 1, (size_t)(end - host) - 2)
			       : strndup(host, (size_t)(end - host));
	s->port = strdup(*end == ':' && end[1] ? end + 1 : tls ? "6514" : "514");
	if (!s->host || !s->port)
		return -ENOMEM;
	if (!udp && asprintf(&s->url, "%s://%.*s:%s", tls ? "https" : "http", (int)(end - host),
			     host, s->port) < 0)
		s->url = NULL;
	return udp || s->url ? 0 : -ENOMEM;
}

static int open_as(const struct notify_env *env, const struct conf_sink *conf,
		   struct sink **ret_sink)
{
	_cleanup_(syslog_freep) struct sink *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->env = env;
	s->conf = conf;
	s->udp = -1;
	s->out = (struct buf)BUF_INIT(SINK_BATCH_MAX * MESSAGE_BYTES_MAX);
	err = take_url(s, conf->url);
	if (!err)
		err = loop_add_timer(env->loop, on_timer, s, &s->timer);
	if (err)
		return err;
	*ret_sink = take_ptr(s);
	return 0;
}

const struct notify_type notify_syslog = {
	.type = "syslog",
	.open = open_as,
	.ops = { .name = "syslog",
		 .send = syslog_send,
		 .free = syslog_free,
		 .batch_max = SINK_BATCH_MAX },
};
