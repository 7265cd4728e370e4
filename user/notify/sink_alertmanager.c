/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Prometheus Alertmanager, API v2. It has no memory of what is open: an alert lives until its
 * endsAt. So what is open is sent again every sink.NAME.resend with an endsAt four times that
 * ahead, and what is resolved once with an endsAt that is past. Labels are the identity of an alert
 * and few: alertname (the kind), severity, class, ajar_id (store and number); what changes while it
 * lives (nodes, count, texts) is in annotations.
 *
 * One request at a time: what is sent again is read from the store when nothing else is under way,
 * so that no resolved alert comes back to life.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/loop.h"
#include "notify/post.h"
#include "notify/sinks.h"
#include "store/store.h"

#define ALERTS_PER_POST 500
#define LIVES 4 /* resend intervals that an alert lives */
#define PATH "/api/v2/alerts"

struct sink {
	const struct notify_env *env;
	struct conf_sink conf; /* as it is, but for the url, which ends with PATH */
	char *url;
	struct post post;
	struct loop_source *timer;
	bool resending;
	unsigned sent, seen; /* of the alerts that are open: by this round, by this look */
	unsigned in_body;
	/* A message that came while something was being sent again. */
	const struct sink_message *waiting;
	sink_done_fn done;
	void *arg;
};

static void alertmanager_free(struct sink *s)
{
	if (!s)
		return;
	post_done(&s->post);
	loop_remove(s->timer);
	free(s->url);
	free(s);
}
DEFINE_FREEP(struct sink, alertmanager_free)

/* --- what is written -------------------------------------------------------------------------- */

static void put_labels(struct jsonw *w, const struct notify_env *env, const struct store_alert *a)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(512);
	const char *kind = finding_kind_name(a->kind);

	jsonw_obj(w, "labels");
	buf_printf(&b, "Ajar%c%s", toupper((unsigned char)kind[0]), kind + 1);
	jsonw_str(w, "alertname", buf_str(&b));
	jsonw_str(w, "severity", severity_name(a->severity));
	if (a->host_type && *a->host_type)
		jsonw_str(w, "class", a->host_type);
	buf_reset(&b);
	buf_printf(&b, "%.8s-%" PRIu64, env->uuid, a->id);
	jsonw_str(w, "ajar_id", buf_str(&b));
	jsonw_end_obj(w);
}

static void put_if(struct jsonw *w, const char *key, const char *value)
{
	if (value && *value)
		jsonw_str(w, key, value);
}

void notify_alertmanager_body(const struct notify_env *env, const struct conf_sink *conf,
			      const struct store_alert *a, uint64_t now_ns, struct buf *b)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(8192);
	bool stands = a->state == ALERT_OPEN || a->state == ALERT_ACKNOWLEDGED;
	uint64_t start = a->first_ns < now_ns ? a->first_ns : now_ns;
	char count[24];
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	put_labels(&w, env, a);
	jsonw_obj(&w, "annotations");
	put_if(&w, "summary", a->summary);
	put_if(&w, "description", store_alert_why(a, &why));
	put_if(&w, "remedy", a->remedy);
	put_if(&w, "nodes", a->nodes);
	put_if(&w, "state", alert_state_name(a->state));
	snprintf(count, sizeof(count), "%" PRIu64, a->count);
	jsonw_str(&w, "count", count);
	jsonw_end_obj(&w);
	jsonw_time(&w, "startsAt", start);
	jsonw_time(&w, "endsAt", stands ? now_ns + LIVES * conf->resend_ns : now_ns);
	jsonw_end_obj(&w);
}

static const char *const headers[] = { "Content-Type: application/json", NULL };

static void put_one(struct sink *s, const struct store_alert *a)
{
	buf_putc(&s->post.body, s->in_body++ ? ',' : '[');
	notify_alertmanager_body(s->env, &s->conf, a, clock_wall_ns(), &s->post.body);
}

/* --- sending what changed --------------------------------------------------------------------- */

static int post_changes(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg)
{
	buf_reset(&s->post.body);
	s->in_body = 0;
	for (; m; m = m->next)
		put_one(s, &m->change->alert);
	buf_putc(&s->post.body, ']');
	return post_send(&s->post, headers, done, arg);
}

static int alertmanager_send(struct sink *s, const struct sink_message *m, sink_done_fn done,
			     void *arg)
{
	if (!post_busy(&s->post) && !s->resending)
		return post_changes(s, m, done, arg);
	/* The router keeps the messages until they are answered. */
	s->waiting = m;
	s->done = done;
	s->arg = arg;
	return 0;
}

/* --- sending again what is open --------------------------------------------------------------- */

static void end_round(struct sink *s)
{
	const struct sink_message *m = take_ptr(s->waiting);
	int err;

	s->resending = false;
	if (!m)
		return;
	err = post_changes(s, m, s->done, s->arg);
	if (err)
		s->done(err, NULL, s->arg);
}

static void resend_page(struct sink *s);

/* A receiver that is away is reported by the next change, and what is open is sent again soon. */
static void on_resent(int err, const char *why, void *arg)
{
	struct sink *s = arg;

	(void)why;
	if (err || s->in_body < ALERTS_PER_POST)
		end_round(s);
	else
		resend_page(s);
}

static int on_alert(const struct store_alert *a, void *arg)
{
	struct sink *s = arg;

	if ((a->state != ALERT_OPEN && a->state != ALERT_ACKNOWLEDGED) ||
	    !notify_wants_alert(&s->conf, a))
		return 0;
	if (s->seen++ < s->sent)
		return 0;
	put_one(s, a);
	return s->in_body == ALERTS_PER_POST;
}

static void resend_page(struct sink *s)
{
	const struct store_alert_query q = { 0 };
	int err;

	buf_reset(&s->post.body);
	s->in_body = s->seen = 0;
	err = store_alerts(s->env->store, &q, on_alert, s);
	if (err < 0 || !s->in_body) {
		end_round(s);
		return;
	}
	s->sent += s->in_body;
	buf_putc(&s->post.body, ']');
	err = post_send(&s->post, headers, on_resent, s);
	if (err)
		end_round(s);
}

static int on_timer(void *arg)
{
	struct sink *s = arg;

	/* The next turn is near; a test has no store. */
	if (post_busy(&s->post) || s->resending || !s->env->store)
		return 0;
	s->resending = true;
	s->sent = 0;
	resend_page(s);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static int alertmanager_open(const struct notify_env *env, const struct conf_sink *conf,
			     struct sink **ret_sink)
{
	_cleanup_(alertmanager_freep) struct sink *s = calloc(1, sizeof(*s));
	size_t n = strlen(conf->url);
	int err;

	if (!s)
		return -ENOMEM;
	s->env = env;
	s->conf = *conf;
	post_init(&s->post, env->http, &s->conf);
	while (n && conf->url[n - 1] == '/')
		n--;
	if (n >= strlen(PATH) && !strncmp(conf->url + n - strlen(PATH), PATH, strlen(PATH)))
		n -= strlen(PATH);
	if (n && asprintf(&s->url, "%.*s" PATH, (int)n, conf->url) < 0)
		s->url = NULL;
	if (n && !s->url)
		return -ENOMEM;
	if (n)
		s->conf.url = s->url;
	err = loop_add_timer(env->loop, on_timer, s, &s->timer);
	if (!err)
		err = loop_timer_set(s->timer, 1, s->conf.resend_ns);
	if (err)
		return err;
	*ret_sink = take_ptr(s);
	return 0;
}

static uint64_t alertmanager_pause(const struct sink *s)
{
	return s->post.pause_ns;
}

const struct notify_type notify_alertmanager = {
	.type = "alertmanager",
	.open = alertmanager_open,
	.ops = { .name = "alertmanager",
		 .send = alertmanager_send,
		 .free = alertmanager_free,
		 .batch_max = SINK_BATCH_MAX,
		 .pause_ns = alertmanager_pause },
};
