/* SPDX-License-Identifier: GPL-2.0 */
#include "notify/post.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "conf/sinks.h"
#include "notify/http.h"

#define BODY_BYTES_MAX (SINK_BATCH_MAX * (SINK_JSON_MAX + 1024UL))
#define PAUSE_MAX_S 3600
#define NS_PER_S UINT64_C(1000000000)

void post_init(struct post *p, struct http *h, const struct conf_sink *conf)
{
	*p = (struct post){ .http = h, .conf = conf, .body = BUF_INIT(BODY_BYTES_MAX) };
}

static void forget_secrets(struct post *p)
{
	secret_free(take_ptr(p->url));
	secret_free(take_ptr(p->auth));
}

void post_done(struct post *p)
{
	http_cancel(p->call);
	forget_secrets(p);
	buf_done(&p->body);
}

/*
 * What the message cannot help is the receiver's trouble or a mistake in the configuration, and is
 * tried until it is fixed: nobody there, 5xx, too many requests, a redirect, who we are (401, 407),
 * a place that is not there (404).
 */
static int post_verdict(const struct http_answer *a)
{
	if (a->err)
		return a->err;
	if (a->status >= 200 && a->status < 300)
		return 0;
	switch (a->status) {
	case 401:
	case 407:
		return -EACCES;
	case 404:
		return -ENOENT;
	case 408:
	case 425:
	case 429:
		return -EAGAIN;
	default:
		return a->status >= 400 && a->status < 500 ? SINK_REFUSED : -EIO;
	}
}

static const char *hint(const struct http_answer *a)
{
	if (a->err)
		return "";
	if (a->status >= 300 && a->status < 400)
		return " (it redirects, which is not followed: give the url it redirects to)";
	if (a->status == 401 || a->status == 407)
		return " (look at auth-file)";
	if (a->status == 404)
		return " (look at the url)";
	return "";
}

static void on_answer(const struct http_answer *a, void *arg)
{
	struct post *p = arg;
	sink_done_fn done = take_ptr(p->done);
	int err = post_verdict(a);
	char why[700];

	p->call = NULL;
	p->pause_ns = (a->retry_after_s < PAUSE_MAX_S ? a->retry_after_s : PAUSE_MAX_S) * NS_PER_S;
	snprintf(why, sizeof(why), "%s%s", a->why, hint(a));
	done(err, why, p->arg);
}

static int read_secrets(struct post *p, char **ret_why)
{
	int err = 0;

	forget_secrets(p);
	if (*p->conf->url_file)
		err = secret_read(p->conf->url_file, &p->url, ret_why);
	if (!err && *p->conf->auth_file)
		err = secret_read(p->conf->auth_file, &p->auth, ret_why);
	return err;
}

int post_send(struct post *p, const char *const *headers, sink_done_fn done, void *arg)
{
	struct http_request r = { .conf = p->conf, .headers = headers };
	_free_ char *why = NULL;
	int err;

	if (p->call)
		return -EBUSY;
	if (p->body.err)
		return p->body.err;
	err = read_secrets(p, &why);
	if (err) {
		done(err, why, arg);
		return 0;
	}
	r.url = p->url ? p->url : p->conf->url;
	r.auth = p->auth;
	r.body = buf_str(&p->body);
	r.len = p->body.len;
	p->done = done;
	p->arg = arg;
	p->pause_ns = 0;
	return http_send(p->http, &r, on_answer, p, &p->call);
}
