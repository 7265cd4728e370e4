/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CONF_SINKS_H
#define AJAR_CONF_SINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct conf;

/*
 * Where alerts are sent besides alert.exec and alert.syslog: any number of receivers, each with a
 * name of the administrator's choice and keys "sink.NAME.KEY". `ajar notify` serves them. Texts are
 * "" when they are not set.
 */
#define CONF_SINKS_MAX 16
#define CONF_SINK_NAME_MAX 32

struct conf_sink {
	char *name;
	char *type; /* webhook, alertmanager, slack, mail, syslog; "" is a fault */
	char *url, *url_file;
	char *format; /* json, ocsf, ecs, cef, text; "": what the type has */
	char *min_severity;
	char *classes; /* blanks or commas between; shell patterns; "" is all */
	char *secret_file, *auth_file;
	char *ca_file, *cert_file, *key_file;
	char *proxy;
	char *program, *to, *from; /* mail */
	uint64_t timeout_ns, every_ns, resend_ns;
	char *origins[20]; /* by key index */
};

/* Is the key one of a sink, "sink...."? */
bool conf_sink_key(const char *key);
must_check int conf_sink_set(struct conf *c, const char *key, const char *value, const char *origin,
			     char **ret_why);
/* Where a sink's key was set, or NULL: it was not. */
const char *conf_sink_origin(const struct conf *c, const char *key);
void conf_sinks_free(struct conf *c);

const struct conf_sink *conf_sink_find(const struct conf *c, const char *name);
/*
 * Is what belongs together there, and does nothing contradict? Looks at the files it names too:
 * there, and nobody else's to read. -EINVAL with one line that says where and what.
 */
must_check int conf_sink_check(const struct conf_sink *s, char **ret_why);
/*
 * Every key that was set ("sink.NAME.url"), or, with template, every key there is ("sink.NAME.url",
 * literally), as conf_each().
 */
void conf_sink_each(const struct conf *c, bool template,
		    void (*fn)(const char *key, const char *value, const char *def,
			       const char *help, const char *origin, void *arg),
		    void *arg);
/* The values a key of that name takes, or NULL. */
const char *conf_sink_range(const char *key);

#endif
