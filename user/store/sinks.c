/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sinks.h"

#include <errno.h>

#include "store/wrap.h"

int store_sinks(struct store *s, store_sink_fn fn, void *arg)
{
	return s->ops->sinks(s, fn, arg);
}

int store_sink_put(struct store *s, const struct store_sink *sink)
{
	int err = store_check_name(s, "sink", sink->name);

	if (err)
		return err;
	return write_op(s, s->ops->sink_put(s, sink));
}

int store_sink_forget(struct store *s, const char *name)
{
	return write_op(s, s->ops->sink_forget(s, name));
}

int store_park(struct store *s, const struct store_parked *p)
{
	int err = store_check_name(s, "sink", p->sink);

	if (err)
		return err;
	return write_op(s, s->ops->park(s, p));
}

int store_unpark(struct store *s, const char *sink, uint64_t log_id)
{
	return write_op(s, s->ops->unpark(s, sink, log_id));
}

int store_parked(struct store *s, const char *sink, uint64_t due_ns, uint32_t limit,
		 store_parked_fn fn, void *arg)
{
	return s->ops->parked(s, sink, due_ns, limit, fn, arg);
}

int store_log_before(struct store *s, uint64_t at_ns, uint64_t *ret_log_id)
{
	return s->ops->log_before(s, at_ns, ret_log_id);
}
