/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/peer_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/siblings.h"
#include "base/buf.h"
#include "base/map.h"
#include "core/holders.h"
#include "monitor/alerting.h"
#include "store/health.h"
#include "store/store.h"
#include "store/triage.h"

#define NODES_A_STEP 64
#define PAUSE_NS UINT64_C(5000000)

struct member {
	char *node, *host_type;
};

/* A finding on a node, from its first look on. */
struct sight {
	uint64_t first_ns, look; /* look: when it was seen last */
	bool raised;
	char *key, *node; /* of the alert */
	struct finding f; /* its texts are those below */
	char *host_type, *what, *summary, *why, *remedy;
};

struct peer_check {
	struct store *store;
	struct alerting *alerting;
	struct map *sights; /* "KEY\nNODE" -> struct sight */
	uint64_t due_ns, look;
	bool loaded;

	/* The look that is under way; members NULL: none is. */
	struct member *members;
	size_t len, cap, at;
	struct siblings *siblings;
	struct profile *profile;
	uint64_t now_ns,
		store_ns; /* store_ns: by the store's clock, which heartbeats are stamped with */
};

static void sight_free(void *p)
{
	struct sight *s = p;

	free(s->key);
	free(s->node);
	free(s->host_type);
	free(s->what);
	free(s->summary);
	free(s->why);
	free(s->remedy);
	free(s);
}

static void stop_looking(struct peer_check *c)
{
	for (size_t i = 0; i < c->len; i++) {
		free(c->members[i].node);
		free(c->members[i].host_type);
	}
	free(c->members);
	c->members = NULL;
	c->len = c->cap = c->at = 0;
	siblings_free(take_ptr(c->siblings));
	profile_free(take_ptr(c->profile));
}

int peer_check_new(struct store *s, struct alerting *a, struct peer_check **ret_c)
{
	struct peer_check *c = calloc(1, sizeof(*c));
	int err = c ? map_new(sight_free, &c->sights) : -ENOMEM;

	if (err) {
		free(c);
		return err;
	}
	c->store = s;
	c->alerting = a;
	*ret_c = c;
	return 0;
}

void peer_check_free(struct peer_check *c)
{
	if (!c)
		return;
	stop_looking(c);
	map_free(c->sights);
	free(c);
}

/* --- what was seen --------------------------------------------------------------------------------- */

static int sight_for(struct peer_check *c, const char *key, const char *node, struct sight **ret_s)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(2048);
	struct sight *s;
	int err;

	buf_printf(&b, "%s\n%s", key, node);
	if (b.err)
		return b.err;
	s = map_get(c->sights, b.data, b.len);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->first_ns = c->now_ns;
		s->key = strdup(key);
		s->node = strdup(node);
		err = s->key && s->node ? map_put(c->sights, b.data, b.len, s) : -ENOMEM;
		if (err) {
			sight_free(s);
			return err;
		}
	}
	*ret_s = s;
	return 0;
}

static bool put_text(char **at, const char *text)
{
	free(*at);
	*at = strdup(text);
	return *at;
}

static int on_finding(const struct sibling_finding *f, void *arg)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024);
	struct peer_check *c = arg;
	const char *host_type = c->members[c->at - 1].host_type;
	struct sight *s;
	int err;

	audit_finding_key(host_type, f->kind, f->proto, f->port, f->what, &key);
	err = key.err ? key.err : sight_for(c, buf_str(&key), f->node, &s);
	if (err)
		return err;
	s->look = c->look;
	if (!put_text(&s->host_type, host_type) || !put_text(&s->what, f->what) ||
	    !put_text(&s->summary, f->summary) || !put_text(&s->why, f->why) ||
	    !put_text(&s->remedy, f->remedy))
		return -ENOMEM;
	s->f = (struct finding){ .kind = f->kind,
				 .severity = f->severity,
				 .host_type = s->host_type,
				 .node = s->node,
				 .proto = f->proto,
				 .port = f->port,
				 .what = s->what,
				 .summary = s->summary,
				 .why = s->why,
				 .remedy = s->remedy };
	return 0;
}

/* What an earlier monitor has alerted: that ends when it is no longer seen. */
struct recall {
	struct peer_check *c;
	const char *key;
};

static int recall_node(const struct store_alert_node *n, void *arg)
{
	struct recall *r = arg;
	struct sight *s;
	int err = sight_for(r->c, r->key, n->node, &s);

	if (!err)
		s->raised = true;
	return err;
}

static int recall_alert(const struct store_alert *a, void *arg)
{
	struct recall r = { arg, a->key };

	if (a->kind != FINDING_MISSING && a->kind != FINDING_OUTLIER)
		return 0;
	return store_alert_nodes(r.c->store, a->id, true, recall_node, &r);
}

/* --- a look ---------------------------------------------------------------------------------------- */

static int on_row(const struct store_health_row *row, void *arg)
{
	struct peer_check *c = arg;
	struct member *m;

	if (!row->known || row->standing != STANDING_CURRENT ||
	    row->received_ns + PEER_CHECK_ALIVE_NS < c->store_ns)
		return 0;
	if (c->len == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;

		m = reallocarray(c->members, cap, sizeof(*m));
		if (!m)
			return -ENOMEM;
		c->members = m;
		c->cap = cap;
	}
	m = &c->members[c->len++];
	m->node = strdup(row->node);
	m->host_type = strdup(row->host_type);
	return m->node && m->host_type ? 0 : -ENOMEM;
}

static int by_class(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;
	int order = strcmp(a->host_type, b->host_type);

	return order ? order : strcmp(a->node, b->node);
}

static int begin_look(struct peer_check *c)
{
	const struct store_alert_query q = { 0 };
	int err = c->loaded ? 0 : store_alerts(c->store, &q, recall_alert, c);

	if (err)
		return err;
	c->loaded = true;
	c->look++;
	err = store_clock(c->store, &c->store_ns);
	if (!err)
		err = store_health(c->store, NULL, false, on_row, c);
	if (!err && c->len)
		qsort(c->members, c->len, sizeof(*c->members), by_class);
	return err;
}

static size_t class_size(const struct peer_check *c, size_t from)
{
	size_t n = from;

	while (n < c->len && !strcmp(c->members[n].host_type, c->members[from].host_type))
		n++;
	return n - from;
}

/* The class of the next member, or past it when there is nothing to look for. */
static int begin_class(struct peer_check *c)
{
	const struct siblings_opts o = { 0 };
	const char *host_type = c->members[c->at].host_type;
	size_t n = class_size(c, c->at);
	int err = store_profile_get(c->store, host_type, &c->profile);

	if (err && err != -ENOENT)
		return err;
	if (siblings_wanted(c->profile, (unsigned)n, &o))
		return siblings_new(host_type, c->profile, &o, &c->siblings);
	profile_free(take_ptr(c->profile));
	c->at += n;
	return 0;
}

static int on_door(const struct store_door *d, void *arg)
{
	struct peer_check *c = arg;
	struct process who;

	holders_first(&d->ev, &who);
	return siblings_door(c->siblings, &d->ev.door, &who, c->now_ns);
}

static int look_at(struct peer_check *c)
{
	const struct member *m = &c->members[c->at++];
	const struct store_door_query q = { .node = m->node, .open_only = true };
	bool last = c->at == c->len || strcmp(c->members[c->at].host_type, m->host_type);
	int err = siblings_node(c->siblings, m->node);

	if (!err)
		err = store_doors(c->store, &q, on_door, c);
	if (err || !last)
		return err;
	err = siblings_end(c->siblings, c->now_ns, on_finding, c);
	siblings_free(take_ptr(c->siblings));
	profile_free(take_ptr(c->profile));
	return err;
}

/* --- what follows ---------------------------------------------------------------------------------- */

struct settling {
	struct peer_check *c;
	bool begun;
	int err;
};

static int need_transaction(struct settling *st)
{
	int err;

	if (st->begun)
		return 0;
	err = store_begin(st->c->store);
	st->begun = !err;
	return err ? err : alerting_enter(st->c->alerting);
}

static int by_node(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;

	return strcmp(a->node, b->node);
}

static bool was_looked_at(const struct peer_check *c, char *node)
{
	const struct member m = { .node = node };

	return c->len && bsearch(&m, c->members, c->len, sizeof(m), by_node);
}

static bool settle(const void *key, size_t len, void *value, void *arg)
{
	struct settling *st = arg;
	struct peer_check *c = st->c;
	struct sight *s = value;
	bool seen = s->look == c->look;

	(void)key;
	(void)len;
	/* Of a node that is not heard of nothing is known, and so nothing is over. */
	if (!seen && !was_looked_at(c, s->node))
		return false;
	if (st->err || (!seen && !s->raised))
		return !seen;
	/*
	 * A finding that stands is said again now and then: it may have been allowed for a time
	 * that is over.
	 */
	if (seen && c->now_ns - s->first_ns < PEER_CHECK_GRACE_NS && !s->raised)
		return false;
	st->err = need_transaction(st);
	if (!st->err && seen)
		st->err = alerting_find(c->alerting, &s->f, c->now_ns);
	else if (!st->err)
		st->err = alerting_close(c->alerting, s->key, s->node, c->now_ns);
	s->raised = true;
	return !st->err && !seen;
}

static int end_look(struct peer_check *c)
{
	struct settling st = { .c = c };
	int err;

	if (c->len)
		qsort(c->members, c->len, sizeof(*c->members), by_node);
	map_each(c->sights, settle, &st);
	err = st.err;
	if (!err && st.begun)
		err = alerting_flush(c->alerting);
	if (!err && st.begun)
		err = store_commit(c->store);
	if (err && st.begun) {
		store_rollback(c->store);
		alerting_forget(c->alerting);
		map_each(c->sights, map_always, NULL);
		c->loaded = false;
	}
	return err;
}

static int step(struct peer_check *c, bool *ret_more)
{
	int err = 0;

	if (!c->members) {
		err = begin_look(c);
		*ret_more = !err && c->len;
		return err || c->len ? err : end_look(c);
	}
	for (unsigned i = 0; i < NODES_A_STEP && c->at < c->len && !err; i++) {
		if (!c->siblings)
			err = begin_class(c);
		else
			err = look_at(c);
	}
	*ret_more = !err && c->at < c->len;
	return err || *ret_more ? err : end_look(c);
}

int peer_check_step(struct peer_check *c, uint64_t now_wall_ns, uint64_t *ret_next_ns)
{
	bool more = false;
	int err = 0;

	if (!c->members && now_wall_ns < c->due_ns &&
	    c->due_ns - now_wall_ns <= PEER_CHECK_EVERY_NS)
		return 0;
	c->now_ns = now_wall_ns;
	err = step(c, &more);
	if (!more) {
		stop_looking(c);
		c->due_ns = now_wall_ns + PEER_CHECK_EVERY_NS;
	}
	if (more && (!*ret_next_ns || *ret_next_ns > now_wall_ns + PAUSE_NS))
		*ret_next_ns = now_wall_ns + PAUSE_NS;
	return err == -EOPNOTSUPP ? 0 : err;
}
