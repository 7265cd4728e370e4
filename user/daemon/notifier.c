/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "ajar/exit.h"
#include "alert/route.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/role.h"
#include "daemon/route_log.h"
#include "notify/http.h"
#include "notify/notify.h"
#include "store/store.h"

/*
 * The notifier: carries what the monitor wrote into alert_log to receivers on the network. A
 * process of its own, so that nothing they answer, and none of the libraries it takes to talk to
 * them, is near the judge.
 */
#define LOOK_NS UINT64_C(10000000000)
#define DRAIN_NS UINT64_C(3000000000)
#define DRAIN_LOOK_NS UINT64_C(20000000)

struct notifier {
	struct role role;
	struct http *http;
	struct route *route;
	struct notify *notify;
	struct notify_env env;
	struct buf uuid;
	uint64_t drain_until_ns; /* boot clock */
};

static int on_notifier(void *arg)
{
	struct notifier *n = arg;

	if (store_notifier_clear(n->role.store))
		route_kick(n->route);
	return 0;
}

static int on_look(void *arg)
{
	struct notifier *n = arg;

	route_kick(n->route);
	return 0;
}

static int say(int err, const char *why, const char *what)
{
	if (!err)
		return 0;
	return why ? log_usage("%s", why) : log_err(err, "%s", what);
}

static int use_http(const struct conf *conf, struct loop *loop, struct http **ret_http)
{
	_free_ char *why = NULL;

	for (unsigned i = 0; i < conf->sinks_len; i++)
		if (notify_needs_http(&conf->sinks[i])) {
			int err = http_new(loop, ret_http, &why);

			return say(err, why, "cannot use libcurl");
		}
	return 0;
}

static int watch_store(struct notifier *n)
{
	struct loop_source *timer;
	int fd = store_notifier_fd(n->role.store), err;

	if (fd < 0)
		return log_err(fd, "the store has no notifier");
	err = loop_add_fd(n->role.loop, fd, EPOLLIN, on_notifier, n, NULL);
	if (!err)
		err = loop_add_timer(n->role.loop, on_look, n, &timer);
	if (!err)
		err = loop_timer_set(timer, LOOK_NS, LOOK_NS);
	return err ? log_err(err, "cannot watch the store") : 0;
}

static int set_up(struct notifier *n, const struct conf *conf)
{
	struct route_opts o = { .report = route_log };
	_free_ char *why = NULL;
	int err;

	if (!conf->sinks_len)
		return log_usage(
			"there is nobody to notify: add a sink to the configuration, such as "
			"'sink.ops.type webhook' and 'sink.ops.url https://...' (see "
			"ajar.conf(5))");
	err = role_start(conf, false, &n->role);
	if (!err)
		err = use_http(conf, n->role.loop, &n->http);
	if (err)
		return err;
	err = store_setting_get(n->role.store, "cluster_uuid", &n->uuid);
	if (err && err != -ENOENT)
		return log_err(err, "cannot read the store (%s)", store_why(n->role.store));
	/* It goes into headers. */
	if (strspn(buf_str(&n->uuid), "0123456789abcdefABCDEF-") != n->uuid.len)
		return log_usage("the store's cluster_uuid is none");
	n->env = (struct notify_env){ .loop = n->role.loop,
				      .http = n->http,
				      .store = n->role.store,
				      .uuid = buf_str(&n->uuid),
				      .host = conf->node_name,
				      .user = conf->role_user };
	o.loop = n->role.loop;
	o.store = n->role.store;
	err = route_new(&o, &n->route);
	if (!err)
		err = notify_new(&n->env, conf, n->route, &n->notify, &why);
	if (err)
		return say(err, why, "cannot set up the sinks");
	return watch_store(n);
}

static int on_drain(void *arg)
{
	struct notifier *n = arg;

	if (!route_drain(n->route) || clock_boot_ns() > n->drain_until_ns)
		loop_stop(n->role.loop);
	return 0;
}

/*
 * Told to stop: what a receiver is just being told is not told again by the next one, if it answers
 * soon.
 */
static int drain(struct notifier *n)
{
	struct loop_source *timer;
	int err;

	if (!route_drain(n->route))
		return 0;
	n->drain_until_ns = clock_boot_ns() + DRAIN_NS;
	err = loop_add_timer(n->role.loop, on_drain, n, &timer);
	if (!err)
		err = loop_timer_set(timer, DRAIN_LOOK_NS, DRAIN_LOOK_NS);
	return err ? err : loop_run(n->role.loop);
}

static int notifier(struct notifier *n)
{
	int err;

	route_kick(n->route); /* what the one before had not sent */
	err = notify_send("READY=1");
	if (!err)
		err = loop_run(n->role.loop);
	if (!err)
		err = drain(n);
	return err ? log_err(err, "the notifier stops") : 0;
}

int daemon_notifier(const struct daemon_opts *o)
{
	struct notifier n = { .role = ROLE_INIT("notify"), .uuid = BUF_INIT(256) };
	int err;

	log_init("ajar-notify");
	role_log_level(o->quiet);
	err = set_up(&n, o->conf);
	if (!err)
		err = notifier(&n);
	else if (err > 0)
		err = 0; /* told to stop before there was a store */
	route_free(n.route);
	notify_free(n.notify);
	http_free(n.http);
	buf_done(&n.uuid);
	role_done(&n.role);
	return err ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}
