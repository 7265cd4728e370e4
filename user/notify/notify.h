/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_NOTIFY_NOTIFY_H
#define AJAR_NOTIFY_NOTIFY_H

#include "notify/sinks.h"

struct conf;
struct route;

/* All the sinks of a configuration, on their way through one router. */
struct notify;

/*
 * route: made by the caller, who frees it before this. -EINVAL and others with one line for people.
 */
must_check int notify_new(const struct notify_env *env, const struct conf *conf,
			  struct route *route, struct notify **ret_notify, char **ret_why);
void notify_free(struct notify *n);
DEFINE_FREEP(struct notify, notify_free)

/*
 * A message that says it is a test, to one sink, without a store. done as of a sink's send();
 * *ret_sink is to be freed by (*ret_ops)->free() behind it.
 */
must_check int notify_test(const struct notify_env *env, const struct conf_sink *conf,
			   sink_done_fn done, void *arg, const struct sink_ops **ret_ops,
			   struct sink **ret_sink);

#endif
