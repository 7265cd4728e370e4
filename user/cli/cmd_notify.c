/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/proc.h"
#include "cli/cmd.h"
#include "cli/notify_status.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "notify/http.h"
#include "notify/notify.h"

/* --- a test ------------------------------------------------------------------------------------------- */

static int say(int err, const char *why, const char *what)
{
	if (!err)
		return 0;
	return why ? log_usage("%s", why) : log_err(err, "%s", what);
}

struct test {
	struct loop *loop;
	bool done;
	int err;
	char why[1024];
};

static void on_tested(int err, const char *why, void *arg)
{
	struct test *t = arg;

	t->done = true;
	t->err = err;
	snprintf(t->why, sizeof(t->why), "%s", why ? why : "");
	if (t->loop)
		loop_stop(t->loop);
}

/* As the role would send it: what root may read says nothing. */
static int become_role(const struct conf *conf)
{
	bool fallback;
	uid_t uid;
	gid_t gid;
	int err;

	if (geteuid())
		return 0;
	err = proc_role_ids(conf->role_user, &uid, &gid, &fallback);
	if (!err)
		err = proc_drop_privileges(uid, gid);
	return err ? log_err(err, "cannot go on as '%s'", conf->role_user) : 0;
}

static int send_test(const struct conf *conf, const struct conf_sink *s, struct loop *loop,
		     struct test *t)
{
	struct notify_env env = {
		.loop = loop, .uuid = "test", .host = conf->node_name, .user = conf->role_user
	};
	const struct sink_ops *ops = NULL;
	_free_ char *why = NULL;
	struct sink *sink = NULL;
	int err = 0;

	if (notify_needs_http(s))
		err = http_new(loop, &env.http, &why);
	if (err)
		return say(err, why, "cannot use libcurl");
	err = notify_test(&env, s, on_tested, t, &ops, &sink);
	if (!err) {
		t->loop = loop;
		err = t->done ? 0 : loop_run(loop);
		ops->free(sink);
	}
	http_free(env.http);
	return err ? log_err(err, "cannot send to the sink '%s'", s->name) : 0;
}

static int test(struct cmd_ctx *c, const char *name)
{
	const struct conf_sink *s = conf_sink_find(c->conf, name);
	_cleanup_(loop_freep) struct loop *loop = NULL;
	struct test t = { 0 };
	_free_ char *why = NULL;
	int err;

	if (!s)
		return log_usage("there is no sink '%s' in the configuration: 'ajar config' shows "
				 "those that are",
				 name),
		       AJAR_EXIT_ERROR;
	err = become_role(c->conf);
	if (!err) {
		err = conf_sink_check(s, &why);
		err = say(err, why, "cannot look at the sink");
	}
	if (!err)
		err = loop_new(&loop);
	if (!err)
		err = send_test(c->conf, s, loop, &t);
	if (err)
		return AJAR_EXIT_ERROR;
	if (t.err) {
		log_usage("%s: the test was not taken: %s", name,
			  *t.why ? t.why : strerror(-t.err));
		return AJAR_EXIT_NEGATIVE;
	}
	log_info("%s: the test was taken%s%s", name, *t.why ? ": " : "", t.why);
	return AJAR_EXIT_OK;
}

static int run(struct cmd_ctx *c)
{
	const char *tested = cmd_opt(c, "test"), *retried = cmd_opt(c, "retry"),
		   *forgotten = cmd_opt(c, "forget");
	bool status = cmd_opt(c, "status") != NULL;
	const struct daemon_opts daemon = {
		.conf = c->conf, .conf_file = c->conf_file, .quiet = c->quiet, .verbose = c->verbose
	};

	if (!!tested + !!retried + !!forgotten + status > 1)
		return log_usage("--test, --status, --retry and --forget: one of them"),
		       AJAR_EXIT_ERROR;
	if (cmd_opt(c, "csv") && !status)
		return log_usage("--csv is for --status"), AJAR_EXIT_ERROR;
	if (tested)
		return test(c, tested);
	if (status)
		return notify_status(c);
	if (retried)
		return notify_retry(c, retried);
	if (forgotten)
		return notify_forget(c, forgotten);
	return daemon_notifier(&daemon);
}

static const struct cmd_option options[] = {
	{ "test", 0, "NAME", "send a test to the sink NAME and say what the receiver answered" },
	{ "status", 0, NULL, "how far each sink has got, and what was refused" },
	CMD_CSV,
	{ "retry", 0, "NAME", "what the sink NAME refused is tried again now" },
	{ "forget", 0, "NAME",
	  "the sink NAME is gone for good: its place in the log is forgotten" },
	{ 0 },
};

const struct cmd cmd_notify = {
	.name = "notify",
	.args = "",
	.help = "send alerts to the receivers of the configuration (sink.NAME...)",
	.options = options,
	.more = "Reads what the monitor wrote into the store's alert_log and sends it on: webhook, "
		"Alertmanager,\nSlack, mail, syslog. Each receiver has a cursor of its own: one "
		"that is away "
		"is tried again until\nit is back, the others go on. 'ajar run' starts it by "
		"itself.",
	.run = run,
};
