/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_NOTIFY_SINKS_H
#define AJAR_NOTIFY_SINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "alert/sink.h"
#include "conf/sinks.h"

struct buf;
struct http;
struct loop;
struct store;
struct store_alert;
struct store_alert_change;

/*
 * The sinks of `ajar notify`, one for each type of conf/sinks.h. They have no open() of their own:
 * notify_sink_open() makes them, and the router is given them open.
 */
struct notify_env {
	struct loop *loop;
	struct http *http; /* NULL: nobody needs libcurl */
	struct store *store;
	const char *uuid; /* the store's cluster_uuid */
	const char *host; /* this machine's name */
	const char *user; /* role.user */
};

/* Does this configured sink go through libcurl? */
bool notify_needs_http(const struct conf_sink *s);
/* env, conf: borrowed for the sink's life. */
must_check int notify_sink_open(const struct notify_env *env, const struct conf_sink *conf,
				const struct sink_ops **ret_ops, struct sink **ret_sink);
/* How this sink's messages are written; arg is a struct notify_format. */
struct notify_format {
	const struct notify_env *env;
	const struct conf_sink *conf;
};
must_check int notify_format(const struct store_alert_change *c, struct buf *b, void *arg);
/* By severity and class; arg as above. */
bool notify_wants(const struct store_alert_change *c, void *arg);
bool notify_wants_alert(const struct conf_sink *conf, const struct store_alert *a);
/* sink.NAME.every, or what its type has. */
uint64_t notify_every_ns(const struct conf_sink *conf);

/* --- the types -------------------------------------------------------------------------------- */

struct notify_type {
	const char *type;
	struct sink_ops ops;
	int (*open)(const struct notify_env *env, const struct conf_sink *conf,
		    struct sink **ret_sink);
	uint64_t every_ns;
};
extern const struct notify_type notify_webhook, notify_alertmanager, notify_slack, notify_mail,
	notify_syslog;

/* The body of each, for tests and for the sinks themselves. */
void notify_alertmanager_body(const struct notify_env *env, const struct conf_sink *conf,
			      const struct store_alert *a, uint64_t now_ns,
			      struct buf *b); /* one object */
void notify_slack_body(const struct sink_message *m, struct buf *b);
/* eol: "\n" for a program, "\r\n" for SMTP. */
void notify_mail_body(const struct notify_env *env, const struct conf_sink *conf,
		      const struct sink_message *m, uint64_t now_ns, const char *eol,
		      struct buf *b);

#endif
