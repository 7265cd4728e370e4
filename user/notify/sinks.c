/* SPDX-License-Identifier: GPL-2.0 */
#include "notify/sinks.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "store/store.h"
#include "view/encode.h"

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

bool notify_wants(const struct store_alert_change *c, void *arg)
{
	const struct notify_format *f = arg;

	return notify_wants_alert(f->conf, &c->alert);
}
