/* SPDX-License-Identifier: GPL-2.0 */
#include "store/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "store/wrap.h"

static const struct scheme {
	const char *prefix;
	const struct store_ops *ops;
	bool remote;
} schemes[] = {
	{ "sqlite:", &store_sqlite_ops, false },
	{ "mysql:", &store_mysql_ops, true },
	{ "mariadb:", &store_mysql_ops, true },
};

int store_set_why(struct store *s, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	return err;
}

int store_open_why(char **ret_why, int err, const char *fmt, ...)
{
	char *why;
	va_list ap;

	if (!ret_why)
		return err;
	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) >= 0)
		*ret_why = why;
	va_end(ap);
	return err;
}

static int find_driver(const char *uri, const struct store_ops **ret_ops, const char **ret_where,
		       char **ret_why)
{
	for (size_t i = 0; i < array_len(schemes); i++) {
		size_t len = strlen(schemes[i].prefix);

		if (strncmp(uri, schemes[i].prefix, len))
			continue;
		*ret_ops = schemes[i].ops;
		*ret_where = uri + len;
		return 0;
	}
	/* A colon before any slash ends a scheme: "mysq://..." is a slip, not a file of that name. */
	if (uri[strcspn(uri, ":/")] == ':')
		return store_open_why(ret_why, -EOPNOTSUPP,
				      "store %s: no driver of that name: use sqlite:PATH or "
				      "mysql://USER@HOST/DATABASE",
				      uri);
	*ret_ops = &store_sqlite_ops;
	*ret_where = uri;
	return 0;
}

int store_uri_check(const char *uri, char **ret_why)
{
	const struct store_ops *ops;
	const char *where;
	int err = find_driver(uri, &ops, &where, ret_why);

	return err || !ops->check ? err : ops->check(where, ret_why);
}

int store_open(const char *uri, unsigned flags, struct store **ret_store, char **ret_why)
{
	const struct store_ops *ops;
	const char *where;
	int err;

	if (ret_why)
		*ret_why = NULL;
	if ((flags & STORE_CREATE) && (flags & STORE_READONLY))
		return store_open_why(ret_why, -EINVAL, "a store cannot be created read-only");
	err = find_driver(uri, &ops, &where, ret_why);
	if (!err)
		err = ops->open(where, flags, ret_store, ret_why);
	if (err)
		return err;
	(*ret_store)->ops = ops;
	(*ret_store)->readonly = flags & STORE_READONLY;
	return 0;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	store_rollback(s);
	s->ops->free(s);
}

const char *store_why(const struct store *s)
{
	return s->why;
}

bool store_is_remote(const char *uri)
{
	for (size_t i = 0; i < array_len(schemes); i++) {
		if (!strncmp(uri, schemes[i].prefix, strlen(schemes[i].prefix)))
			return schemes[i].remote;
	}
	return false;
}

unsigned store_connections(const struct store *s)
{
	return s->connections;
}

const char *store_cluster(const struct store *s)
{
	return s->cluster;
}

const char *store_group(const struct store *s)
{
	return s->group;
}

int store_schema(struct store *s, unsigned *ret_have, unsigned *ret_want)
{
	return s->ops->schema(s, ret_have, ret_want);
}

int store_bell_fd(struct store *s)
{
	return s->ops->bell_fd(s);
}

bool store_bell_clear(struct store *s)
{
	return s->ops->bell_clear(s);
}

/* --- checks ------------------------------------------------------------------------------------ */

static int check_events(struct store *s, const struct store_event *rows, size_t n)
{
	if (n > STORE_BATCH_MAX)
		return store_set_why(s, -E2BIG, "more than %d records in a batch", STORE_BATCH_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].boot_seq || !rows[i].seq || rows[i].seq > INT64_MAX)
			return store_set_why(s, -EINVAL, "a record without identity");
		if (!rows[i].record.ptr || rows[i].record.len > EVENT_RECORD_MAX)
			return store_set_why(s, -EINVAL, "record %u:%llu is empty or too long",
					     rows[i].boot_seq, (unsigned long long)rows[i].seq);
	}
	return 0;
}

static bool is_job_word(const char *job)
{
	return !strcasecmp(job, PROFILE_ANY) || !strcasecmp(job, PROFILE_NONE) ||
	       !strcasecmp(job, "slurm");
}

int store_check_profile_row(struct store *s, const struct profile_row *r)
{
	if (r->port_end && r->port_end < r->port)
		return store_set_why(s, -EINVAL, "the port range %u-%u ends before it begins",
				     r->port, r->port_end);
	if (r->proto < PROTO_TCP || r->proto > PROTO_VSOCK)
		return store_set_why(s, -EINVAL, "a profile row needs a protocol");
	if ((unsigned)r->scope > SCOPE_LOOPBACK)
		return store_set_why(s, -EINVAL, "unknown scope %u", (unsigned)r->scope);
	if ((unsigned)r->action > PROFILE_DENY || (unsigned)r->severity > SEVERITY_CRITICAL)
		return store_set_why(s, -EINVAL, "unknown action or severity");
	if (r->job && r->job[0] && !is_job_word(r->job))
		return store_set_why(s, -EINVAL, "a row's job is any, none or slurm");
	return 0;
}

/* --- the interface -------------------------------------------------------------------------------- */

int store_put_events(struct store *s, const char *node, const char *host_type,
		     const struct store_event *rows, size_t n, size_t *ret_new)
{
	size_t new_rows;
	int err;

	err = store_check_name(s, "node", node);
	if (!err)
		err = store_check_name(s, "node class", host_type);
	if (!err)
		err = check_events(s, rows, n);
	if (err)
		return err;
	err = write_op(s,
		       (new_rows = 0, s->ops->put_events(s, node, host_type, rows, n, &new_rows)));
	if (!err && ret_new)
		*ret_new = new_rows;
	return err;
}

int store_events(struct store *s, const struct store_event_query *q, store_event_fn fn, void *arg)
{
	if (q->boot_seq && !q->node)
		return store_set_why(s, -EINVAL, "a boot_seq needs its node");
	if (q->boot_seq && (q->newest_first || q->port_hi))
		return store_set_why(s, -EINVAL, "the records of a boot are read in their order");
	return s->ops->events(s, q, fn, arg);
}

int store_event_head(struct store *s, const char *node, uint32_t boot_seq, uint64_t *ret_seq)
{
	return s->ops->event_head(s, node, boot_seq, ret_seq);
}

int store_nodes(struct store *s, store_node_fn fn, void *arg)
{
	return s->ops->nodes(s, fn, arg);
}

int store_set_host_type(struct store *s, const char *node, const char *host_type)
{
	int err;

	err = store_check_name(s, "node class", host_type);
	if (err)
		return err;
	return write_op(s, s->ops->set_host_type(s, node, host_type));
}

int store_pending(struct store *s, store_pending_fn fn, void *arg)
{
	return s->ops->pending(s, fn, arg);
}

int store_event_base(struct store *s, const char *node, uint32_t boot_seq, uint64_t *ret_base_seq)
{
	int err = store_check_name(s, "node", node);

	if (err)
		return err;
	return s->ops->event_base(s, node, boot_seq, ret_base_seq);
}

int store_prune(struct store *s, const struct store_prune *q, struct store_pruned *ret)
{
	struct store_pruned done = { 0 };
	struct store_prune some = *q;
	int err;

	if (q->count_only) {
		some.limit = UINT64_MAX;
		err = s->ops->prune(s, &some, &done);
	} else {
		if (!q->limit || q->limit > STORE_PRUNE_MAX)
			some.limit = STORE_PRUNE_MAX;
		err = store_write_begin(s);
		if (!err)
			err = store_write_end(s, s->ops->prune(s, &some, &done));
	}
	if (!err)
		*ret = done;
	return err;
}

int store_usage(struct store *s, bool count, struct store_usage *ret)
{
	struct store_usage u = { 0 };
	int err;

	err = s->ops->usage(s, count, &u);
	if (!err)
		*ret = u;
	return err;
}

int store_set_judged(struct store *s, const char *node, uint32_t boot_seq, uint64_t from_seq,
		     uint64_t judged_seq)
{
	return write_op(s, s->ops->set_judged(s, node, boot_seq, from_seq, judged_seq));
}

int store_put_door(struct store *s, const struct store_door *d)
{
	return write_op(s, s->ops->put_door(s, d));
}

int store_close_door(struct store *s, const char *node, uint32_t boot_seq, const struct door *d,
		     uint64_t close_seq, uint64_t closed_ns, bool *ret_found)
{
	bool found;
	int err;

	if (!closed_ns)
		return store_set_why(s, -EINVAL, "a door closes at a time");
	err = write_op(s, (found = false,
			   s->ops->close_door(s, node, boot_seq, d, close_seq, closed_ns, &found)));
	if (!err && ret_found)
		*ret_found = found;
	return err;
}

int store_doors(struct store *s, const struct store_door_query *q, store_door_fn fn, void *arg)
{
	return s->ops->doors(s, q, fn, arg);
}

int store_door_get(struct store *s, const char *node, uint32_t boot_seq, const struct door *d,
		   store_door_fn fn, void *arg)
{
	return s->ops->door_get(s, node, boot_seq, d, fn, arg);
}

int store_key_doors(struct store *s, const char *alert_key, uint64_t *ret_open,
		    uint64_t *ret_last_closed_ns)
{
	return s->ops->key_doors(s, alert_key, ret_open, ret_last_closed_ns);
}

int store_profile_get(struct store *s, const char *host_type, struct profile **ret_profile)
{
	return s->ops->profile_get(s, host_type, ret_profile);
}

int store_host_types(struct store *s, store_host_type_fn fn, void *arg)
{
	return s->ops->host_types(s, fn, arg);
}

int store_profile_add(struct store *s, const char *host_type, const struct profile_row *rows,
		      size_t n, bool accept, uint64_t now_wall_ns, size_t *ret_new)
{
	size_t new_rows;
	int err;

	err = store_check_name(s, "node class", host_type);
	for (size_t i = 0; !err && i < n; i++)
		err = store_check_profile_row(s, &rows[i]);
	if (err)
		return err;
	err = write_op(s, (new_rows = 0, s->ops->profile_add(s, host_type, rows, n, accept,
							     now_wall_ns, &new_rows)));
	if (!err && ret_new)
		*ret_new = new_rows;
	return err;
}

int store_profile_revision(struct store *s, uint64_t *ret_rev)
{
	return s->ops->profile_revision(s, ret_rev);
}

int store_alert_get(struct store *s, const char *key, store_alert_fn fn, void *arg)
{
	return s->ops->alert_get(s, key, fn, arg);
}

int store_put_alert(struct store *s, const struct store_alert *a, const char *who, const char *note,
		    uint64_t now_wall_ns, uint64_t *ret_id, uint64_t *ret_log_id)
{
	struct store_alert told = *a;
	uint64_t id = 0, log_id = 0;
	int err;

	if (!a->key || !a->key[0])
		return store_set_why(s, -EINVAL, "an alert needs a key");
	told.told_nodes = a->node_count;
	told.told_ns = now_wall_ns;
	err = write_op(s, s->ops->put_alert(s, &told, who, note, now_wall_ns, &id, &log_id));
	if (!err && ret_id)
		*ret_id = id;
	if (!err && ret_log_id)
		*ret_log_id = log_id;
	return err;
}

int store_touch_alert(struct store *s, const char *key, uint64_t count, uint64_t last_ns)
{
	return write_op(s, s->ops->touch_alert(s, key, count, last_ns));
}

int store_alerts(struct store *s, const struct store_alert_query *q, store_alert_fn fn, void *arg)
{
	return s->ops->alerts(s, q, fn, arg);
}

int store_alert_changes(struct store *s, uint64_t after_log_id, uint64_t since_ns,
			uint64_t until_ns, uint32_t limit, store_change_fn fn, void *arg)
{
	return s->ops->alert_changes(s, after_log_id, since_ns, until_ns, limit, fn, arg);
}

int store_sink_cursor_get(struct store *s, const char *sink, uint64_t *ret_log_id)
{
	return s->ops->sink_cursor_get(s, sink, ret_log_id);
}

int store_sink_cursor_set(struct store *s, const char *sink, uint64_t log_id)
{
	int err;

	err = store_check_name(s, "sink", sink);
	if (err)
		return err;
	return write_op(s, s->ops->sink_cursor_set(s, sink, log_id));
}

int store_setting_get(struct store *s, const char *name, struct buf *b)
{
	return s->ops->setting_get(s, name, b);
}

int store_setting_set(struct store *s, const char *name, const char *value)
{
	int err;

	err = store_check_name(s, "setting", name);
	if (err)
		return err;
	return write_op(s, s->ops->setting_set(s, name, value));
}

/* --- for the drivers ---------------------------------------------------------------------------- */

static char *copy(const char *s, bool *bad)
{
	char *p = s && s[0] ? strdup(s) : NULL;

	if (s && s[0] && !p)
		*bad = true;
	return p;
}

int store_profile_push(struct profile *p, const struct profile_row *row)
{
	struct profile_row *rows, *r;
	bool bad = false;

	if (!(p->rows_len & (p->rows_len - 1))) {
		rows = reallocarray(p->rows, p->rows_len ? 2 * p->rows_len : 1, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		p->rows = rows;
	}
	r = &p->rows[p->rows_len++];
	*r = *row;
	r->service = copy(row->service, &bad);
	r->host_type = copy(row->host_type, &bad);
	r->exe = copy(row->exe, &bad);
	r->user = copy(row->user, &bad);
	r->origin = copy(row->origin, &bad);
	r->reason = copy(row->reason, &bad);
	r->author = copy(row->author, &bad);
	r->job = copy(row->job, &bad);
	r->container = copy(row->container, &bad);
	r->fingerprint = copy(row->fingerprint, &bad);
	r->line = copy(row->line, &bad);
	return bad ? -ENOMEM : 0;
}

void store_door_complete(struct store_door *d)
{
	const struct door *from = &d->ev.door;

	d->door.elsewhere = from->elsewhere;
	memcpy(d->door.netns_name, from->netns_name, sizeof(d->door.netns_name));
	memcpy(d->door.device, from->device, sizeof(d->door.device));
}
