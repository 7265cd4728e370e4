/* SPDX-License-Identifier: GPL-2.0 */
#include "notify/notify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alert/route.h"
#include "base/buf.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "store/store.h"

/*
 * A new sink is told of what changed shortly before it was there: it may be the reason why it is.
 */
#define LOOK_BACK_NS UINT64_C(600000000000)

struct notify {
	struct notify_env env;
	struct notify_format formats[CONF_SINKS_MAX];
};

static int add(struct notify *n, unsigned i, const struct conf_sink *conf, struct route *route,
	       char **ret_why)
{
	struct notify_format *f = &n->formats[i];
	struct route_sink s = { .name = conf->name,
				.format = notify_format,
				.wants = notify_wants,
				.arg = f,
				.every_ns = notify_every_ns(conf),
				.new_since_ns = clock_wall_ns() - LOOK_BACK_NS };
	int err = conf_sink_check(conf, ret_why);

	if (err)
		return err;
	*f = (struct notify_format){ &n->env, conf };
	err = notify_sink_open(&n->env, conf, &s.ops, &s.sink);
	if (err)
		return err;
	err = route_add_open(route, &s);
	if (err)
		s.ops->free(s.sink);
	return err;
}

int notify_new(const struct notify_env *env, const struct conf *conf, struct route *route,
	       struct notify **ret_notify, char **ret_why)
{
	_cleanup_(notify_freep) struct notify *n = calloc(1, sizeof(*n));
	int err = 0;

	if (!n)
		return -ENOMEM;
	n->env = *env;
	for (unsigned i = 0; i < conf->sinks_len && !err; i++)
		err = add(n, i, &conf->sinks[i], route, ret_why);
	if (err)
		return err;
	*ret_notify = take_ptr(n);
	return 0;
}

void notify_free(struct notify *n)
{
	free(n);
}

int notify_test(const struct notify_env *env, const struct conf_sink *conf, sink_done_fn done,
		void *arg, const struct sink_ops **ret_ops, struct sink **ret_sink)
{
	_cleanup_(buf_done) struct buf json = BUF_INIT(SINK_JSON_MAX);
	static struct store_alert_change c;
	static struct sink_message m;
	static char text[512], body[4096];
	struct notify_format f = { env, conf };
	uint64_t now = clock_wall_ns();
	int err;

	snprintf(text, sizeof(text), "this is a test of the sink '%s' by ajar on %s", conf->name,
		 env->host);
	/* It lives until the answer is here, which may be behind our return. */
	c = (struct store_alert_change){
		.at_ns = now,
		.state = ALERT_OPEN,
		.author = AUTHOR_PERSON,
		.who = "ajar notify --test",
		.note = "",
		.alert = { .key = "test",
			   .kind = FINDING_UNEXPECTED,
			   .severity = SEVERITY_NOTICE,
			   .state = ALERT_OPEN,
			   .host_type = "test",
			   .nodes = env->host,
			   .node = env->host,
			   .count = 1,
			   .summary = text,
			   .why = "somebody wants to know whether alerts arrive here",
			   .remedy = "nothing is wrong, and nothing has to be done",
			   .first_ns = now,
			   .last_ns = now },
	};
	err = notify_format(&c, &json, &f);
	if (!err && json.len >= sizeof(body))
		err = -E2BIG;
	if (!err)
		err = notify_sink_open(env, conf, ret_ops, ret_sink);
	if (err)
		return err;
	memcpy(body, json.data, json.len);
	m = (struct sink_message){ .change = &c, .json = body, .json_len = json.len };
	err = (*ret_ops)->send(*ret_sink, &m, done, arg);
	if (err)
		(*ret_ops)->free(*ret_sink);
	return err;
}
