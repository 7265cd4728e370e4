/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/alerting.h"

#include <errno.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/health.h"
#include "audit/lifecycle.h"
#include "base/buf.h"
#include "base/map.h"
#include "store/store.h"

#define WHO "monitor"
#define TEXT_MAX 4096

struct entry {
	struct life life;
	uint64_t due_ns;
	bool dirty; /* count or last time not written yet */
};

struct alerting {
	struct store *store;
	uint64_t blink_ns;
	struct map *entries; /* key -> struct entry; alerts that are neither resolved nor unknown */
	struct map *floods; /* flood key -> unsigned: alerts of such keys that stand */
	bool loaded;
	unsigned changes;
};

int alerting_new(struct store *s, uint64_t blink_ns, struct alerting **ret_a)
{
	struct alerting *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->store = s;
	a->blink_ns = blink_ns;
	err = map_new(free, &a->entries);
	if (!err)
		err = map_new(free, &a->floods);
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
}

/* --- floods ------------------------------------------------------------------------------------ */

static bool stands(enum alert_state s)
{
	return s == ALERT_OPEN || s == ALERT_ACKNOWLEDGED || s == ALERT_SNOOZED;
}

/* Keeps the number of alerts of one flood key that stand. */
static int count_flood(struct alerting *a, const char *key, bool stood, bool stands_now)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
	unsigned *n;
	int err;

	if (stood == stands_now || !audit_flood_key(key, &b))
		return 0;
	n = map_get(a->floods, b.data, b.len);
	if (!n) {
		if (!stands_now)
			return 0;
		n = calloc(1, sizeof(*n));
		err = n ? map_put(a->floods, b.data, b.len, n) : -ENOMEM;
		if (err) {
			free(n);
			return err;
		}
	}
	*n = stands_now ? *n + 1 : *n - !!*n;
	if (!*n)
		map_del(a->floods, b.data, b.len);
	return 0;
}

static bool key_stands(const struct alerting *a, const char *key)
{
	const struct entry *e = map_get(a->entries, key, strlen(key));

	return e && stands(e->life.state);
}

int alerting_key(struct alerting *a, const char *key, const char *kept, struct buf *b)
{
	_cleanup_(buf_done) struct buf flood = BUF_INIT(1024);
	const unsigned *n;
	bool folds = false;

	if (audit_flood_key(key, &flood)) {
		n = map_get(a->floods, flood.data, flood.len);
		if (kept && !strcmp(kept, buf_str(&flood)))
			folds = true;
		else if (!(kept && !strcmp(kept, key)) && !key_stands(a, key))
			folds = (n && *n >= AUDIT_FLOOD_MIN) || key_stands(a, buf_str(&flood));
	}
	buf_puts(b, folds ? buf_str(&flood) : key);
	return b->err;
}

/* --- lives ------------------------------------------------------------------------------------- */

static int read_life(const struct store_alert *alert, void *arg)
{
	struct life *life = arg;

	life->state = alert->state;
	life->severity = alert->severity;
	life->first_ns = alert->first_ns;
	life->last_ns = alert->last_ns;
	return 0;
}

/* *ret_new: it was read from the store just now, this event's effect on the doors included. */
static int entry_for(struct alerting *a, const char *key, struct entry **ret_e, bool *ret_new)
{
	struct entry *e = map_get(a->entries, key, strlen(key));
	uint64_t closed_ns = 0;
	int err;

	*ret_new = !e;
	if (e) {
		*ret_e = e;
		return 0;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	err = store_alert_get(a->store, key, read_life, &e->life);
	if (!err || err == -ENOENT)
		err = store_key_doors(a->store, key, &e->life.doors, &closed_ns);
	if (!err && !e->life.doors && e->life.state && e->life.state != ALERT_RESOLVED)
		e->life.gone_ns = closed_ns ? closed_ns : e->life.last_ns;
	if (!err)
		err = count_flood(a, key, false, stands(e->life.state));
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
	bool is_new;
	int err;

	/* It is about nodes: that no door is open under its key says nothing. */
	if (health_kind(alert->kind))
		return 0;
	err = entry_for(a, alert->key, &e, &is_new);

	/* Due at once: a tick that comes early does nothing but say when it is wanted. */
	if (!err && !e->life.doors)
		e->due_ns = 1;
	return err;
}

int alerting_load(struct alerting *a)
{
	const struct store_alert_query q = { 0 };
	int err;

	if (a->loaded)
		return 0;
	err = store_alerts(a->store, &q, load_entry, a);
	if (err < 0)
		return err;
	a->loaded = true;
	return 0;
}

/* --- what goes into an alert ---------------------------------------------------------------------- */

struct texts {
	struct buf summary, why, remedy;
};

static void texts_done(struct texts *t)
{
	buf_done(&t->summary);
	buf_done(&t->why);
	buf_done(&t->remedy);
}

static int put_of_door(struct alerting *a, const struct store_door *d, const struct judgement *j,
		       const struct profile *p, const struct life *life,
		       const struct life_change *c)
{
	_cleanup_(texts_done) struct texts t = { BUF_INIT(TEXT_MAX), BUF_INIT(TEXT_MAX),
						 BUF_INIT(TEXT_MAX) };
	const struct process *opener = &d->ev.opener;
	uint64_t id, log_id;

	if (audit_is_flood(d->alert_key))
		buf_printf(&t.summary,
			   "a flood: more than %d ports at once; those on top are counted here, "
			   "the first: ",
			   AUDIT_FLOOD_MIN);
	audit_summary(j, d->node, &d->door, opener, &t.summary);
	audit_why(j, d->host_type, p, &d->door, opener, &t.why);
	audit_remedy(j, d->host_type, &d->door, opener, &t.remedy);
	a->changes++;
	return store_put_alert(a->store,
			       &(struct store_alert){ .key = d->alert_key,
						      .kind = j->kind,
						      .severity = c->severity,
						      .state = c->state,
						      .host_type = d->host_type,
						      .nodes = d->node,
						      .count = life->doors,
						      .proto = d->door.proto,
						      .port = d->door.port,
						      .summary = buf_str(&t.summary),
						      .why = buf_str(&t.why),
						      .remedy = buf_str(&t.remedy),
						      .first_ns = life->first_ns,
						      .last_ns = life->last_ns,
						      .boot_seq = d->boot_seq,
						      .seq = d->open_seq,
						      .node = d->node,
						      .record = d->record },
			       WHO, c->note, c->at_ns, &id, &log_id);
}

/* An alert as the store has it, with another state. */
struct restated {
	struct alerting *a;
	const struct life *life;
	const struct life_change *change;
};

static int put_restated(const struct store_alert *alert, void *arg)
{
	const struct restated *r = arg;
	struct store_alert next = *alert;
	uint64_t id, log_id;

	next.state = r->change->state;
	next.severity = r->change->severity;
	next.count = r->life->doors;
	next.last_ns = r->life->last_ns;
	r->a->changes++;
	return store_put_alert(r->a->store, &next, WHO, r->change->note, r->change->at_ns, &id,
			       &log_id);
}

static int put_of_key(struct alerting *a, const char *key, const struct life *life,
		      const struct life_change *c)
{
	struct restated r = { a, life, c };

	return store_alert_get(a->store, key, put_restated, &r);
}

/* --- what happens --------------------------------------------------------------------------------- */

static int step(struct alerting *a, const char *key, struct entry *e, const struct life_input *in,
		struct life_result *res)
{
	bool stood = stands(e->life.state);

	lifecycle_step(&e->life, in, res);
	e->life = res->next;
	e->due_ns = res->due_ns;
	e->dirty = e->life.state && !res->len && in->what != LIFE_TICK;
	return count_flood(a, key, stood, stands(e->life.state));
}

int alerting_raise(struct alerting *a, const struct store_door *d, const struct judgement *j,
		   const struct profile *p, bool fresh, uint64_t at_ns)
{
	struct life_input in = { .what = LIFE_OPENED,
				 .severity = j->severity,
				 .at_ns = at_ns,
				 .blink_ns = a->blink_ns };
	struct life_result res;
	struct entry *e;
	bool is_new;
	int err = entry_for(a, d->alert_key, &e, &is_new);

	if (err)
		return err;
	in.doors = e->life.doors + (!is_new && fresh);
	err = step(a, d->alert_key, e, &in, &res);
	for (unsigned i = 0; i < res.len && !err; i++)
		err = put_of_door(a, d, j, p, &e->life, &res.changes[i]);
	return err;
}

static int lose_door(struct alerting *a, const char *key, enum life_event what, uint64_t at_ns)
{
	struct life_input in = { .what = what, .at_ns = at_ns, .blink_ns = a->blink_ns };
	struct life_result res;
	struct entry *e;
	bool is_new;
	int err = entry_for(a, key, &e, &is_new);

	if (err)
		return err;
	in.doors = e->life.doors - (!is_new && e->life.doors);
	in.severity = e->life.severity;
	err = step(a, key, e, &in, &res);
	for (unsigned i = 0; i < res.len && !err; i++)
		err = put_of_key(a, key, &e->life, &res.changes[i]);
	return err;
}

int alerting_close(struct alerting *a, const char *key, uint64_t at_ns)
{
	return lose_door(a, key, LIFE_CLOSED, at_ns);
}

int alerting_allow(struct alerting *a, const char *key, uint64_t at_ns)
{
	return lose_door(a, key, LIFE_FINE, at_ns);
}

/* --- walks ------------------------------------------------------------------------------------------ */

struct walk {
	struct alerting *a;
	uint64_t until_ns, now_ns, next_ns;
	int err;
};

static bool flush_entry(const void *key, size_t len, void *value, void *arg)
{
	struct walk *w = arg;
	struct entry *e = value;
	char text[1024];

	if (!e->dirty || w->err || len >= sizeof(text))
		return false;
	memcpy(text, key, len);
	text[len] = '\0';
	w->err = store_touch_alert(w->a->store, text, e->life.doors, e->life.last_ns);
	e->dirty = false;
	return false;
}

int alerting_flush(struct alerting *a)
{
	struct walk w = { .a = a };

	map_each(a->entries, flush_entry, &w);
	return w.err;
}

static bool tick_entry(const void *key, size_t len, void *value, void *arg)
{
	struct walk *w = arg;
	struct entry *e = value;
	struct life_input in = { .what = LIFE_TICK,
				 .doors = e->life.doors,
				 .severity = e->life.severity,
				 .at_ns = w->until_ns,
				 .blink_ns = w->a->blink_ns };
	struct life_result res;
	char text[1024];

	if (w->err || !e->due_ns || e->due_ns > w->until_ns || len >= sizeof(text))
		return false;
	memcpy(text, key, len);
	text[len] = '\0';
	w->err = step(w->a, text, e, &in, &res);
	for (unsigned i = 0; i < res.len && !w->err; i++)
		w->err = put_of_key(w->a, text, &e->life, &res.changes[i]);
	/* What is resolved is read anew should it come back. */
	return !w->err && e->life.state == ALERT_RESOLVED;
}

static bool earliest_due(const void *key, size_t len, void *value, void *arg)
{
	struct entry *e = value;
	struct walk *w = arg;

	(void)key;
	(void)len;
	/* It closed in the future: a clock was set back. It has been gone since now at the latest. */
	if (e->life.gone_ns > w->now_ns) {
		e->life.gone_ns = w->now_ns;
		e->due_ns = w->now_ns + w->a->blink_ns;
	}
	if (e->due_ns && (!w->next_ns || e->due_ns < w->next_ns))
		w->next_ns = e->due_ns;
	return false;
}

int alerting_due(struct alerting *a, uint64_t until_ns, uint64_t now_wall_ns, uint64_t *ret_next_ns)
{
	struct walk w = { .a = a, .until_ns = until_ns, .now_ns = now_wall_ns };
	int err = alerting_load(a);

	if (err)
		return err;
	map_each(a->entries, earliest_due, &w);
	if (w.next_ns && w.next_ns <= until_ns) {
		err = store_begin(a->store);
		if (err)
			return err;
		map_each(a->entries, tick_entry, &w);
		err = w.err ? w.err : store_commit(a->store);
		if (err) {
			store_rollback(a->store);
			alerting_forget(a);
			return err;
		}
		w.next_ns = 0;
		map_each(a->entries, earliest_due, &w);
	}
	*ret_next_ns = w.next_ns;
	return 0;
}
