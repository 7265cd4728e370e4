/* SPDX-License-Identifier: GPL-2.0 */
#include "notify/sinks.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/buf.h"
#include "store/store.h"
#include "view/encode.h"

#define PATTERN_MAX 255

static const struct notify_type *const types[] = { &notify_webhook, &notify_alertmanager,
						   &notify_slack, &notify_mail, &notify_syslog };

static const struct notify_type *type_of(const struct conf_sink *s)
{
	for (size_t i = 0; i < array_len(types); i++)
		if (!strcmp(types[i]->type, s->type))
			return types[i];
	return NULL;
}

bool notify_needs_http(const struct conf_sink *s)
{
	if (!strcmp(s->type, "mail"))
		return *s->url;
	return strncmp(s->url, "udp:", 4) != 0;
}

int notify_sink_open(const struct notify_env *env, const struct conf_sink *conf,
		     const struct sink_ops **ret_ops, struct sink **ret_sink)
{
	const struct notify_type *t = type_of(conf);
	int err = t ? t->open(env, conf, ret_sink) : -EINVAL;

	if (!err)
		*ret_ops = &t->ops;
	return err;
}

uint64_t notify_every_ns(const struct conf_sink *conf)
{
	const struct notify_type *t = type_of(conf);

	return conf->every_ns || !t ? conf->every_ns : t->every_ns;
}

int notify_format(const struct store_alert_change *c, struct buf *b, void *arg)
{
	const struct notify_format *f = arg;
	enum view_format format = VIEW_JSON;

	/* "", or text: the sink writes it from the change itself, and the JSON is not looked at. */
	if (view_format_parse(f->conf->format, &format))
		format = VIEW_JSON;
	return view_encode_change(format, c, f->env->uuid, b);
}

static enum severity least(const struct conf_sink *conf)
{
	return !strcmp(conf->min_severity, "critical")	? SEVERITY_CRITICAL
	       : !strcmp(conf->min_severity, "warning") ? SEVERITY_WARNING
							: SEVERITY_NOTICE;
}

static bool class_matches(const char *patterns, const char *class)
{
	char one[PATTERN_MAX + 1];
	bool any = false;

	for (const char *p = patterns; *p;) {
		size_t n = strcspn(p, " ,\t");

		if (n && n <= PATTERN_MAX) {
			any = true;
			memcpy(one, p, n);
			one[n] = '\0';
			if (!fnmatch(one, class, 0))
				return true;
		}
		p += n + strspn(p + n, " ,\t");
	}
	return !any;
}

bool notify_wants_alert(const struct conf_sink *conf, const struct store_alert *a)
{
	return a->severity >= least(conf) &&
	       class_matches(conf->classes, a->host_type ? a->host_type : "");
}

bool notify_wants(const struct store_alert_change *c, void *arg)
{
	const struct notify_format *f = arg;

	return notify_wants_alert(f->conf, &c->alert);
}
