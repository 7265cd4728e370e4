/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/alerting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "audit/audit.h"
#include "audit/health.h"
#include "base/map.h"
#include "monitor/alerting_internal.h"
#include "monitor/arrivals.h"
#include "monitor/held.h"
#include "store/health.h"
#include "store/triage.h"

#define INTERVAL_LOCK "judge"

/* Other monitors may run on other hosts, or in this very process. */
static int name_self(struct alerting *a)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(a->self, sizeof(a->self), "%016" PRIx64, random);
	return 0;
}

static void flood_free(void *p)
{
	struct flood *f = p;

	free(f->head);
	free(f);
}

int alerting_new(struct store *s, const struct alerting_opts *o, struct alerting **ret_a)
{
	struct alerting *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->store = s;
	a->o = *o;
	err = name_self(a);
	if (!err)
		err = map_new(free, &a->entries);
	if (!err)
		err = map_new(flood_free, &a->floods);
	if (!err)
		err = held_new(&a->held);
	if (!err)
		err = arrivals_new(&a->arrivals);
	if (err) {
		alerting_free(a);
		return err;
	}
	*ret_a = a;
	return 0;
}

void alerting_free(struct alerting *a)
{
	if (!a)
		return;
	map_free(a->entries);
	map_free(a->floods);
	held_free(a->held);
	arrivals_free(a->arrivals);
	free(a);
}

void alerting_begin(struct alerting *a)
{
	a->changes = 0;
}

unsigned alerting_changes(const struct alerting *a)
{
	return a->changes;
}

void alerting_forget(struct alerting *a)
{
	map_each(a->entries, map_always, NULL);
	map_each(a->floods, map_always, NULL);
	a->loaded = false;
	a->unsure = true;
}

/* --- bursts and floods ------------------------------------------------------------------------- */

static int set_head(struct flood *f, const char *key, uint64_t at_ns)
{
	char *head;

	if (f->head && at_ns < f->head_ns)
		return 0;
	head = strdup(key);
	if (!head)
		return -ENOMEM;
	free(f->head);
	f->head = head;
	f->head_ns = at_ns;
	return 0;
}

int alerting_count_flood(struct alerting *a, const char *key, bool stood, bool stands_now,
			 uint64_t at_ns)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
	struct flood *f;
	int err;

	if (stood == stands_now || !audit_flood_key(key, &b))
		return 0;
	f = map_get(a->floods, b.data, b.len);
	if (!f) {
		if (!stands_now)
			return 0;
		f = calloc(1, sizeof(*f));
		err = f ? map_put(a->floods, b.data, b.len, f) : -ENOMEM;
		if (err) {
			free(f);
			return err;
		}
	}
	if (stands_now) {
		f->standing++;
		return set_head(f, key, at_ns);
	}
	f->standing -= !!f->standing;
	if (f->head && !strcmp(f->head, key))
		free(take_ptr(f->head));
	if (!f->standing)
		map_del(a->floods, b.data, b.len);
	return 0;
}

static const struct entry *standing(const struct alerting *a, const char *key)
{
	const struct entry *e = map_get(a->entries, key, strlen(key));

	return e && lifecycle_is_open(e->life.state) ? e : NULL;
}

/* What a person has acknowledged or snoozed takes in nothing new. */
static bool takes_more(const struct life *l, uint64_t at_ns)
{
	bool quiet = l->state == ALERT_ACKNOWLEDGED || (l->state == ALERT_SNOOZED && !l->window_id);

	return !quiet && at_ns <= l->last_ns + AUDIT_BURST_NS &&
	       at_ns + AUDIT_BURST_NS >= l->reported_ns &&
	       at_ns <= l->reported_ns + AUDIT_BURST_MAX_NS;
}

/* An alert of its own would open: unless its user or its node has too many. */
static int put_own_or_crowd(struct alerting *a, const char *key, const struct audit_crowd *c,
			    struct buf *b)
{
	enum crowd_of of = CROWD_NONE;
	int err = 0;

	/* What a person lives with opens none. */
	if (!held_excepted(a->held, key, c->node, a->now_ns))
		err = arrivals_add(a->arrivals, key, c, a->now_ns, &of);
	if (err)
		return err;
	if (of)
		audit_crowd_key(c, of, b);
	else
		buf_puts(b, key);
	return b->err;
}

int alerting_key(struct alerting *a, const char *key, const struct audit_crowd *c, uint64_t at_ns,
		 struct buf *b)
{
	_cleanup_(buf_done) struct buf many = BUF_INIT(1024);
	const char *goes = NULL;

	if (standing(a, key)) {
		goes = key;
	} else if (audit_flood_key(key, &many)) {
		const struct flood *f = map_get(a->floods, many.data, many.len);
		const struct entry *head = f && f->head ? standing(a, f->head) : NULL;

		if ((f && f->standing >= AUDIT_FLOOD_MIN) || standing(a, buf_str(&many)))
			goes = buf_str(&many);
		else if (head && takes_more(&head->life, at_ns))
			goes = f->head;
	}
	if (!goes)
		return put_own_or_crowd(a, key, c, b);
	buf_puts(b, goes);
	return b->err;
}

/* --- lives ------------------------------------------------------------------------------------- */

static int read_life(const struct store_alert *alert, void *arg)
{
	struct entry *e = arg;

	e->id = alert->id;
	e->life = (struct life){
		.state = alert->state,
		.severity = alert->severity,
		.first_ns = alert->first_ns,
		.last_ns = alert->last_ns,
		.reported_nodes = alert->reported_nodes,
		.reported_ns = alert->reported_ns,
		.until_ns = alert->until_ns,
		.window_id = alert->window_id,
	};
	return 0;
}

struct counting {
	struct alerting *a;
	const char *key;
	struct store_alert_sum *sum;
};

static int count_open(const struct store_alert_node *n, void *arg)
{
	struct counting *c = arg;

	if (held_excepted(c->a->held, c->key, n->node, c->a->now_ns))
		return 0;
	c->sum->doors += n->open;
	c->sum->nodes++;
	return 0;
}

/* Without what stands on nodes where a person lives with it. */
static int sum_of(struct alerting *a, const char *key, uint64_t id, struct store_alert_sum *sum)
{
	struct counting c = { a, key, sum };
	int err = store_alert_sum(a->store, id, sum);

	if (err || !sum->doors || !held_excepts_some(a->held, key, a->now_ns))
		return err;
	sum->doors = sum->nodes = 0;
	return store_alert_nodes(a->store, id, true, count_open, &c);
}

int alerting_entry(struct alerting *a, const char *key, struct entry **ret_e)
{
	struct entry *e = map_get(a->entries, key, strlen(key));
	struct store_alert_sum sum = { 0 };
	int err;

	if (e) {
		*ret_e = e;
		return 0;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	err = store_alert_get(a->store, key, read_life, e);
	if (!err)
		err = sum_of(a, key, e->id, &sum);
	else if (err == -ENOENT)
		err = 0;
	e->life.doors = sum.doors;
	e->life.nodes = sum.nodes;
	if (!sum.doors && lifecycle_is_open(e->life.state))
		e->life.gone_ns = sum.last_ns ? sum.last_ns : e->life.last_ns;
	e->many = sum.doors > sum.nodes;
	e->seen_ns = a->now_ns;
	if (!err)
		err = alerting_count_flood(a, key, false, lifecycle_is_open(e->life.state),
					   e->life.last_ns);
	if (!err)
		err = map_put(a->entries, key, strlen(key), e);
	if (err) {
		free(e);
		return err;
	}
	*ret_e = e;
	return 0;
}

static int load_entry(const struct store_alert *alert, void *arg)
{
	struct alerting *a = arg;
	struct entry *e;
	int err;

	if (health_kind(alert->kind))
		return 0; /* monitor/health_watch says where those stand */
	err = alerting_entry(a, alert->key, &e);
	if (err)
		return err;
	/* Due at once: a tick that comes early does nothing but say when it is wanted. */
	e->due_ns = e->fold_ns = 1;
	return 0;
}

/* --- what people decide ---------------------------------------------------------------------------- */

int alerting_forget_entry(struct alerting *a, const char *key)
{
	size_t len = strlen(key);
	const struct entry *e = map_get(a->entries, key, len);
	int err = e ? alerting_count_flood(a, key, lifecycle_is_open(e->life.state), false, 0) : 0;

	map_del(a->entries, key, len);
	return err;
}

/* Somebody else has written about this alert: its life is read anew. */
static int on_decision(const struct store_alert_change *c, void *arg)
{
	struct alerting *a = arg;
	int err;

	a->log_id = c->log_id;
	if (c->author == AUTHOR_MONITOR)
		return 0;
	err = alerting_forget_entry(a, c->alert.key);
	if (!err && lifecycle_is_open(c->state))
		err = load_entry(&c->alert, a);
	return err;
}

/* What a maintenance held is due when that has ended, which may be sooner than it was to. */
static bool recall_entry(const void *key, size_t len, void *value, void *arg)
{
	const struct alerting *a = arg;
	struct entry *e = value;

	(void)key;
	(void)len;
	if (e->life.state == ALERT_SNOOZED && e->life.window_id) {
		e->life.until_ns = held_window_end(a->held, e->life.window_id);
		e->due_ns = 1;
	}
	return false;
}

/* Before the lives: what is excepted is no part of them. */
static int load_held(struct alerting *a, uint64_t revision)
{
	int err = 0;

	if (revision != a->revision || !a->loaded) {
		err = held_load(a->held, a->store, a->now_ns);
		a->recheck_ns = 1;
	}
	return err;
}

static int load_decisions(struct alerting *a, uint64_t log_id, uint64_t revision)
{
	int err = 0;

	if (log_id > a->log_id)
		err = store_alert_changes(a->store, a->log_id, 0, 0, 0, on_decision, a);
	if (!err && (revision != a->revision || !a->loaded))
		map_each(a->entries, recall_entry, a);
	if (!err)
		a->revision = revision;
	return err;
}

int alerting_load(struct alerting *a, uint64_t now_wall_ns)
{
	const struct store_alert_query q = { 0 };
	uint64_t log_id = 0, revision = 0;
	int err = store_triage_marks(a->store, &log_id, &revision);

	a->now_ns = now_wall_ns;
	if (!err)
		err = load_held(a, revision);
	if (err)
		return err;
	if (!a->loaded) {
		a->log_id = log_id;
		err = store_alerts(a->store, &q, load_entry, a);
	}
	if (!err)
		err = load_decisions(a, log_id, revision);
	if (err < 0)
		return err;
	a->loaded = true;
	return 0;
}

int alerting_enter(struct alerting *a)
{
	_cleanup_(buf_done) struct buf last = BUF_INIT(64);
	uint64_t now;
	int err = store_interval_lock(a->store, INTERVAL_LOCK, 0, &now);

	if (err < 0)
		return err;
	err = store_setting_get(a->store, INTERVAL_LOCK, &last);
	if (!err && !a->unsure && last.len == strlen(a->self) &&
	    !memcmp(last.data, a->self, last.len))
		return 0;
	if (!err || err == -ENOENT)
		err = store_setting_set(a->store, INTERVAL_LOCK, a->self);
	if (err)
		return err;
	alerting_forget(a);
	err = alerting_load(a, a->now_ns);
	a->unsure = err != 0;
	return err;
}
