/* SPDX-License-Identifier: GPL-2.0 */
#include "store/triage.h"

#include <errno.h>
#include <string.h>

#include "store/wrap.h"

#define TEXT_MAX 4000 /* of a reason or a note */

static int check_reason(struct store *s, const char *what, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len > TEXT_MAX)
		return store_set_why(s, -EINVAL, "%s has at most %d bytes", what, TEXT_MAX);
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_len((const unsigned char *)text + i, len - i);
		if (!n || (n == 1 && ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)))
			return store_set_why(s, -EINVAL, "%s is printable UTF-8", what);
	}
	return 0;
}

/* --- where an alert stands ------------------------------------------------------------------------ */

int store_alert_node_add(struct store *s, uint64_t alert_id, const char *node, int64_t doors,
			 uint64_t at_ns, uint64_t *ret_before, uint64_t *ret_after)
{
	const struct store_alert_step step = { alert_id, node, at_ns, doors, false };
	uint64_t before = 0, after = 0;
	int err = write_op(s, s->ops->alert_node(s, &step, &before, &after));

	if (err)
		return err;
	*ret_before = before;
	*ret_after = after;
	return 0;
}

int store_alert_node_set(struct store *s, uint64_t alert_id, const char *node, uint64_t doors,
			 uint64_t at_ns, uint64_t *ret_before)
{
	const struct store_alert_step step = { alert_id, node, at_ns, (int64_t)doors, true };
	uint64_t before = 0, after = 0;
	int err = write_op(s, s->ops->alert_node(s, &step, &before, &after));

	if (!err)
		*ret_before = before;
	return err;
}

int store_alert_sum(struct store *s, uint64_t alert_id, struct store_alert_sum *ret_sum)
{
	struct store_alert_sum sum = { 0 };
	int err = s->ops->alert_sum(s, alert_id, &sum);

	if (!err)
		*ret_sum = sum;
	return err;
}

int store_alert_nodes(struct store *s, uint64_t alert_id, bool open_only, store_alert_node_fn fn,
		      void *arg)
{
	return s->ops->alert_nodes(s, alert_id, open_only, fn, arg);
}

int store_alert_nodes_restart(struct store *s, uint64_t alert_id)
{
	return write_op(s, s->ops->alert_nodes_restart(s, alert_id));
}

int store_alert_fold(struct store *s, uint64_t alert_id, const char *nodes, uint64_t node_count,
		     const char *summary)
{
	return write_op(s, s->ops->alert_fold(s, alert_id, nodes, node_count, summary));
}

/* --- what people decide --------------------------------------------------------------------------- */

int store_decide(struct store *s, const struct store_decision *d, uint64_t *ret_log_id)
{
	uint64_t log_id = 0;
	int err = check_reason(s, "a note", d->note);

	if (!err)
		err = store_check_name(s, "person", d->who);
	if (err)
		return err;
	if ((d->to == ALERT_SNOOZED) != (d->until_ns > 0))
		return store_set_why(s, -EINVAL, "a snooze has an end, and nothing else has");
	err = write_op(s, s->ops->decide(s, d, &log_id));
	if (!err && ret_log_id)
		*ret_log_id = log_id;
	return err;
}

int store_exception_add(struct store *s, const struct store_exception *e, uint64_t *ret_id)
{
	uint64_t id = 0;
	int err = check_reason(s, "a reason", e->reason);

	if (!err)
		err = store_check_name(s, "person", e->author);
	if (!err && (!e->key || !*e->key))
		err = store_set_why(s, -EINVAL, "an exception needs an alert's key");
	if (err)
		return err;
	err = write_op(s, s->ops->exception_add(s, e, &id));
	if (!err && ret_id)
		*ret_id = id;
	return err;
}

int store_exception_end(struct store *s, uint64_t id, uint64_t at_ns)
{
	return write_op(s, s->ops->exception_end(s, id, at_ns));
}

int store_exceptions(struct store *s, store_exception_fn fn, void *arg)
{
	return s->ops->exceptions(s, fn, arg);
}

/* --- maintenance ---------------------------------------------------------------------------------- */

int store_maintenance_add(struct store *s, const struct store_maintenance *m, uint64_t *ret_id)
{
	uint64_t id = 0;
	int err = check_reason(s, "a reason", m->reason);

	if (!err)
		err = store_check_name(s, "person", m->author);
	if (!err && m->ends_ns <= m->starts_ns)
		err = store_set_why(s, -EINVAL, "a maintenance ends after it begins");
	if (err)
		return err;
	err = write_op(s, s->ops->maintenance_add(s, m, &id));
	if (!err && ret_id)
		*ret_id = id;
	return err;
}

int store_maintenance_end(struct store *s, uint64_t id, const char *who, uint64_t at_ns)
{
	int err = store_check_name(s, "person", who);

	return err ? err : write_op(s, s->ops->maintenance_end(s, id, who, at_ns));
}

int store_maintenances(struct store *s, uint64_t since_ns, store_maintenance_fn fn, void *arg)
{
	return s->ops->maintenances(s, since_ns, fn, arg);
}

int store_triage_marks(struct store *s, uint64_t *ret_log_id, uint64_t *ret_revision)
{
	return s->ops->triage_marks(s, ret_log_id, ret_revision);
}
