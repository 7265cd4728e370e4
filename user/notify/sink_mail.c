/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mail for all that changed since the last one, through sendmail(8), "PROGRAM -oi -f FROM --
 * TO...", or over SMTP. The addresses are the configuration's and go as arguments, never through
 * "-t"; no byte of an alert gets into a header but in the subject, where anything that is not plain
 * ASCII is an encoded word (RFC 2047).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "alert/hook.h"
#include "base/buf.h"
#include "base/clock.h"
#include "notify/http.h"
#include "notify/sinks.h"
#include "store/store.h"

#define RECIPIENTS_MAX 32
#define BODY_BYTES_MAX (1 << 19)
#define SUBJECT_BYTES_MAX 160
#define LINE_BYTES_MAX 900 /* RFC 5321: 998 */
#define TEXT_BYTES_MAX 4000
#define MINUTE_NS UINT64_C(60000000000)

struct sink {
	const struct notify_env *env;
	const struct conf_sink *conf;
	struct hook *hook; /* a program, or ... */
	struct http_call *call; /* ... a server */
	char *to; /* conf->to, cut into addresses */
	const char *recipients[RECIPIENTS_MAX + 1];
	char from[512];
	struct buf body;
	sink_done_fn done;
	void *arg;
};

/* --- what is written -------------------------------------------------------------------------- */

static void put_from(const struct notify_env *env, const struct conf_sink *conf, char *from,
		     size_t size)
{
	if (*conf->from)
		snprintf(from, size, "%s", conf->from);
	else
		snprintf(from, size, "%s@%s", env->user, env->host);
}

/* "=?utf-8?Q?...?=" in pieces of at most 75 bytes, each of whole characters. */
static void put_encoded(struct buf *b, const char *s, size_t n)
{
	size_t room = 0;

	for (size_t i = 0, len; i < n; i += len) {
		len = utf8_len((const unsigned char *)s + i, n - i);
		if (!len)
			len = 1;
		if (room < 3 * len) {
			buf_puts(b, i ? "?=\n =?utf-8?Q?" : "=?utf-8?Q?");
			room = 60;
		}
		for (size_t k = 0; k < len; k++)
			buf_printf(b, "=%02X", (unsigned char)s[i + k]);
		room -= 3 * len;
	}
	buf_puts(b, "?=");
}

static void put_subject(struct buf *b, const struct sink_message *m, unsigned n)
{
	_cleanup_(buf_done) struct buf t = BUF_INIT(4096);
	const struct store_alert_change *worst = m->change;
	const char *summary;
	bool plain = true;

	for (; m; m = m->next)
		if (m->change->state == ALERT_OPEN &&
		    (worst->state != ALERT_OPEN ||
		     m->change->alert.severity > worst->alert.severity))
			worst = m->change;
	summary = worst->alert.summary ? worst->alert.summary : "";
	if (n > 1)
		buf_printf(&t, "[ajar] %u changes, %s: ", n, severity_name(worst->alert.severity));
	else
		buf_printf(&t, "[ajar] %s, %s: ", severity_name(worst->alert.severity),
			   alert_state_name(worst->state));
	esc_text(&t, summary, strlen(summary), SUBJECT_BYTES_MAX);
	for (size_t i = 0; i < t.len; i++)
		plain &= (unsigned char)t.data[i] >= ' ' && (unsigned char)t.data[i] < 0x7f;
	buf_puts(b, "Subject: ");
	/* What looks like an encoded word would be taken for one. */
	if (plain && !strstr(buf_str(&t), "=?"))
		buf_puts(b, buf_str(&t));
	else
		put_encoded(b, buf_str(&t), t.len);
	buf_putc(b, '\n');
}

static void put_date(struct buf *b, uint64_t now_ns)
{
	static const char days[] = "SunMonTueWedThuFriSat",
			  months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)(now_ns / UINT64_C(1000000000));
	struct tm tm = { 0 };

	gmtime_r(&t, &tm);
	buf_printf(b, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\n", days + 3 * tm.tm_wday,
		   tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		   tm.tm_sec);
}

/* "Name: text", folded where it is long; a continuation is indented. */
static void put_field(struct buf *b, const char *name, const char *s)
{
	_cleanup_(buf_done) struct buf t = BUF_INIT(1 << 15);
	size_t column;

	if (!s || !*s)
		return;
	esc_text(&t, s, strlen(s), TEXT_BYTES_MAX);
	buf_printf(b, "  %-9s ", name);
	column = 12;
	for (size_t i = 0, n; i < t.len; i += n) {
		n = utf8_len((const unsigned char *)t.data + i, t.len - i);
		n = n ? n : 1;
		if (column + n > LINE_BYTES_MAX) {
			buf_puts(b, "\n            ");
			column = 12;
		}
		buf_put(b, t.data + i, n);
		column += n;
	}
	buf_putc(b, '\n');
}

static void put_change(struct buf *b, const struct store_alert_change *c)
{
	_cleanup_(buf_done) struct buf line = BUF_INIT(1 << 15), at = BUF_INIT(64),
				       why = BUF_INIT(8192);
	const struct store_alert *a = &c->alert;

	clock_format(&at, c->at_ns);
	buf_printf(b, "\nalert %" PRIu64 ": %s, %s\n", a->id, severity_name(a->severity),
		   alert_state_name(c->state));
	put_field(b, "what", a->summary);
	if (c->state == ALERT_OPEN) {
		put_field(b, "why", store_alert_why(a, &why));
		put_field(b, "remedy", a->remedy);
	}
	put_field(b, "class", a->host_type);
	buf_printf(&line, "%s (%" PRIu64 " open)", a->nodes ? a->nodes : "", a->count);
	put_field(b, "nodes", buf_str(&line));
	put_field(b, "changed", buf_str(&at));
	if (c->author == AUTHOR_PERSON)
		put_field(b, "by", c->who);
	put_field(b, "note", c->note);
}

static void put_headers(struct buf *b, const struct notify_env *env, const struct conf_sink *conf,
			const struct sink_message *m, uint64_t now_ns)
{
	char from[512];
	unsigned n = 0;

	for (const struct sink_message *i = m; i; i = i->next)
		n++;
	put_from(env, conf, from, sizeof(from));
	buf_printf(b, "From: Ajar <%s>\nTo: ", from);
	for (const char *p = conf->to + strspn(conf->to, " \t"); *p;) {
		size_t len = strcspn(p, " \t");

		buf_put(b, p, len);
		p += len + strspn(p + len, " \t");
		if (*p)
			buf_puts(b, ",\n ");
	}
	buf_putc(b, '\n');
	put_subject(b, m, n);
	put_date(b, now_ns);
	buf_printf(b, "Message-ID: <%s.%" PRIu64 ".%u@%s>\n", env->uuid, m->log_id, n, env->host);
	buf_puts(b, "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
		    "Content-Transfer-Encoding: 8bit\nAuto-Submitted: auto-generated\n\n");
}

void notify_mail_body(const struct notify_env *env, const struct conf_sink *conf,
		      const struct sink_message *m, uint64_t now_ns, const char *eol, struct buf *b)
{
	_cleanup_(buf_done) struct buf t = BUF_INIT(b->max);
	uint64_t waiting = m->waiting;

	put_headers(&t, env, conf, m, now_ns);
	buf_puts(&t, "What changed, the oldest first:\n");
	for (; m; m = m->next)
		put_change(&t, m->change);
	if (waiting)
		buf_printf(&t,
			   "\n%" PRIu64 " more changes wait: the worst are sent first. 'ajar "
			   "alerts' shows what is open.\n",
			   waiting);
	buf_puts(&t, "\n-- \najar on ");
	buf_puts(&t, env->host);
	buf_putc(&t, '\n');
	for (size_t i = 0; i < t.len; i++) {
		if (t.data[i] == '\n')
			buf_puts(b, eol);
		else
			buf_putc(b, t.data[i]);
	}
	if (t.err && !b->err)
		b->err = t.err;
}

/* --- sending ---------------------------------------------------------------------------------- */

static void finish(struct sink *s, int err, const char *why)
{
	sink_done_fn done = take_ptr(s->done);

	done(err, why, s->arg);
}

/*
 * A program that says no may mean this mail, or be out of order: 75 (EX_TEMPFAIL) is said by those
 * that know.
 */
static void on_program(int err, const char *why, void *arg)
{
	char text[512];

	snprintf(text, sizeof(text), "%s%s", why ? why : "",
		 err == -EIO || err == -EAGAIN ? "; a sendmail that is set-group-ID cannot write "
						 "its queue from here (no new "
						 "privileges): use url smtp://localhost"
					       : "");
	finish(arg, err == -EIO ? SINK_REFUSED : err, text);
}

static void on_server(const struct http_answer *a, void *arg)
{
	struct sink *s = arg;

	s->call = NULL;
	finish(s, a->err && a->status >= 500 && a->status < 560 ? SINK_REFUSED : a->err, a->why);
}

static int send_by_server(struct sink *s)
{
	const struct http_request r = { .conf = s->conf,
					.url = s->conf->url,
					.body = s->body.data,
					.len = s->body.len,
					.mail_from = s->from,
					.mail_to = s->recipients };

	return http_send(s->env->http, &r, on_server, s, &s->call);
}

static int mail_send(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg)
{
	buf_reset(&s->body);
	notify_mail_body(s->env, s->conf, m, clock_wall_ns(), s->hook ? "\n" : "\r\n", &s->body);
	if (s->body.err)
		return s->body.err;
	s->done = done;
	s->arg = arg;
	if (!s->hook)
		return send_by_server(s);
	hook_run(s->hook, s->body.data, s->body.len, on_program, s);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static void mail_free(struct sink *s)
{
	if (!s)
		return;
	hook_free(s->hook);
	http_cancel(s->call);
	buf_done(&s->body);
	free(s->to);
	free(s);
}
DEFINE_FREEP(struct sink, mail_free)

static int split_recipients(struct sink *s)
{
	unsigned n = 0;

	for (char *p = s->to; *p;) {
		size_t blanks = strspn(p, " \t"), len = strcspn(p + blanks, " \t");

		if (!len)
			break;
		if (n == RECIPIENTS_MAX)
			return -E2BIG;
		s->recipients[n++] = p + blanks;
		p += blanks + len;
		if (*p)
			*p++ = '\0';
	}
	return n ? 0 : -EINVAL;
}

static int mail_open(const struct notify_env *env, const struct conf_sink *conf,
		     struct sink **ret_sink)
{
	_cleanup_(mail_freep) struct sink *s = calloc(1, sizeof(*s));
	const char *argv[RECIPIENTS_MAX + 6] = { conf->program, "-oi", "-f", NULL, "--" };
	int err;

	if (!s)
		return -ENOMEM;
	s->env = env;
	s->conf = conf;
	s->body = (struct buf)BUF_INIT(BODY_BYTES_MAX);
	put_from(env, conf, s->from, sizeof(s->from));
	s->to = strdup(conf->to);
	if (!s->to)
		return -ENOMEM;
	err = split_recipients(s);
	argv[3] = s->from;
	for (unsigned i = 0; i < RECIPIENTS_MAX && s->recipients[i]; i++)
		argv[5 + i] = s->recipients[i];
	if (!err && !*conf->url)
		err = hook_new_argv(env->loop, argv, conf->timeout_ns, &s->hook);
	if (err)
		return err;
	*ret_sink = take_ptr(s);
	return 0;
}

const struct notify_type notify_mail = {
	.type = "mail",
	.open = mail_open,
	.every_ns = MINUTE_NS,
	.ops = { .name = "mail",
		 .send = mail_send,
		 .free = mail_free,
		 .batch_max = SINK_BATCH_MAX },
};
