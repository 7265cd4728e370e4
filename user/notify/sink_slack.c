/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An incoming webhook as Slack, Mattermost and Rocket.Chat have it: "text" for notifications,
 * "blocks" to look at. Up to CHANGES_MAX changes go as one message, since a second message within a
 * second is answered with 429. What a process called itself is in blocks of plain text, where
 * nothing is markup; in "text" '&', '<' and '>' are escaped, so that nobody is mentioned.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/jsonw.h"
#include "notify/post.h"
#include "notify/sinks.h"
#include "store/store.h"

#define CHANGES_MAX 20
#define SECTION_BYTES_MAX 2900 /* 3000 characters */
#define NS_PER_S UINT64_C(1000000000)

struct sink {
	struct post post;
};

static void slack_free(struct sink *s)
{
	post_done(&s->post);
	free(s);
}

static int slack_open(const struct notify_env *env, const struct conf_sink *conf,
		      struct sink **ret_sink)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	post_init(&s->post, env->http, conf);
	*ret_sink = s;
	return 0;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void put_text(struct buf *b, const char *s, size_t max)
{
	esc_text(b, or_empty(s), strlen(or_empty(s)), max);
}

static void put_headline(struct buf *b, const struct store_alert_change *c)
{
	buf_printf(b, "%s, %s: ", severity_name(c->alert.severity), alert_state_name(c->state));
	put_text(b, c->alert.summary, 400);
}

static void put_fallback(struct jsonw *w, const struct sink_message *m, unsigned n)
{
	_cleanup_(buf_done) struct buf line = BUF_INIT(4096), text = BUF_INIT(8192);

	put_headline(&line, m->change);
	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] == '&')
			buf_puts(&text, "&amp;");
		else if (line.data[i] == '<')
			buf_puts(&text, "&lt;");
		else if (line.data[i] == '>')
			buf_puts(&text, "&gt;");
		else
			buf_putc(&text, line.data[i]);
	}
	if (n > 1 || m->waiting)
		buf_printf(&text, " (and %" PRIu64 " more)", n - 1 + m->waiting);
	jsonw_str(w, "text", buf_str(&text));
}

static void put_plain(struct jsonw *w, const char *text)
{
	jsonw_obj(w, NULL);
	jsonw_str(w, "type", "section");
	jsonw_obj(w, "text");
	jsonw_str(w, "type", "plain_text");
	jsonw_lines(w, "text", text);
	jsonw_bool(w, "emoji", false);
	jsonw_end_obj(w);
	jsonw_end_obj(w);
}

static void put_section(struct jsonw *w, const struct store_alert_change *c)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 14), why = BUF_INIT(8192);
	const struct store_alert *a = &c->alert;

	put_headline(&b, c);
	if (c->state == ALERT_OPEN) {
		buf_puts(&b, "\n");
		put_text(&b, store_alert_why(a, &why), SECTION_BYTES_MAX / 3);
		buf_puts(&b, "\n");
		put_text(&b, a->remedy, SECTION_BYTES_MAX / 3);
	}
	buf_printf(&b, "\nalert %" PRIu64 ", class ", a->id);
	put_text(&b, a->host_type, 64);
	buf_puts(&b, ", ");
	put_text(&b, a->nodes, 200);
	if (c->author == AUTHOR_PERSON && c->who && *c->who) {
		buf_puts(&b, ", by ");
		put_text(&b, c->who, 64);
	}
	if (c->note && *c->note) {
		buf_puts(&b, ": ");
		put_text(&b, c->note, 300);
	}
	put_plain(w, buf_str(&b));
}

static void put_waiting(struct jsonw *w, uint64_t waiting)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(256);

	buf_printf(&b, "%" PRIu64 " more changes wait: the worst are sent first.", waiting);
	put_plain(w, buf_str(&b));
}

void notify_slack_body(const struct sink_message *m, struct buf *b)
{
	uint64_t waiting = m->waiting;
	struct jsonw w;
	unsigned n = 0;

	for (const struct sink_message *i = m; i; i = i->next)
		n++;
	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	put_fallback(&w, m, n);
	jsonw_arr(&w, "blocks");
	for (; m; m = m->next)
		put_section(&w, m->change);
	if (waiting)
		put_waiting(&w, waiting);
	jsonw_end_arr(&w);
	jsonw_end_obj(&w);
}

static int slack_send(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };

	buf_reset(&s->post.body);
	notify_slack_body(m, &s->post.body);
	return post_send(&s->post, headers, done, arg);
}

static uint64_t slack_pause(const struct sink *s)
{
	return s->post.pause_ns;
}

const struct notify_type notify_slack = {
	.type = "slack",
	.open = slack_open,
	.every_ns = NS_PER_S,
	.ops = { .name = "slack",
		 .send = slack_send,
		 .free = slack_free,
		 .batch_max = CHANGES_MAX,
		 .pause_ns = slack_pause },
};
