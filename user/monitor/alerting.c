/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/alerting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "audit/audit.h"
#include "audit/health.h"
#include "audit/lifecycle.h"
#include "base/buf.h"
#include "base/map.h"
#include "monitor/alert_row.h"
#include "monitor/held.h"
#include "store/health.h"
#include "store/store.h"
#include "store/triage.h"

#define WHO "monitor"
#define TURN "judge"
#define TEXT_MAX 4096
#define NODES_MAX 32768
#define FOLD_EVERY_NS                                                                              \
	UINT64_C(1000000000) /* the folded text of an alert is written anew at most so often */

struct entry {
	struct life life;
	uint64_t id; /* of the alert; 0: none yet */
	uint64_t due_ns;
	uint64_t fold_ns; /* wall: when the folded text is written anew; 0: it is right */
	bool dirty; /* count or last time not written yet */
	bool foreign; /* somebody else says where it stands (what scans saw): only its snooze ends here */
};

struct alerting {
	struct store *store;
	struct alerting_opts o;
	struct held *held;
	struct map *entries; /* key -> struct entry; alerts that are neither resolved nor unknown */
	struct map *floods; /* flood key -> unsigned: alerts of such keys that stand */
	bool loaded;
	char self[24]; /* whose turn it was is written by this */
	uint64_t log_id, revision; /* up to where people's decisions are known */
	uint64_t now_ns;
	unsigned changes;
};

/* Other monitors may run on other hosts, or in this very process. */
static int name_self(struct alerting *a)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(a->self, sizeof(a->self), "%016" PRIx64, random);
	return 0;
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
		err = map_new(free, &a->floods);
	if (!err)
		err = held_new(&a->held);
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

	return e && lifecycle_stands(e->life.state);
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
	struct entry *e = arg;

	e->id = alert->id;
	e->life = (struct life){
		.state = alert->state,
		.severity = alert->severity,
		.first_ns = alert->first_ns,
		.last_ns = alert->last_ns,
		.told_nodes = alert->told_nodes,
		.told_ns = alert->told_ns,
		.until_ns = alert->until_ns,
		.window_id = alert->window_id,
	};
	return 0;
}

static int entry_for(struct alerting *a, const char *key, struct entry **ret_e)
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
		err = store_alert_sum(a->store, e->id, &sum);
	else if (err == -ENOENT)
		err = 0;
	e->life.doors = sum.doors;
	e->life.nodes = sum.nodes;
	if (!sum.doors && lifecycle_stands(e->life.state))
		e->life.gone_ns = sum.last_ns ? sum.last_ns : e->life.last_ns;
	if (!err)
		err = count_flood(a, key, false, lifecycle_stands(e->life.state));
	if (!err)
		err = map_put(a->entries, key, strlen(key), e);
	if (err) {
		free(e);
		return err;
	}
	*ret_e = e;
	return 0;
}

/*
 * An alert that was never counted on any node is kept by whoever raised it (monitor/crosscheck, monitor/vitals): that no door is
 * open under its key says nothing. Of those only snoozes end here, and those about nodes not even that.
 */
static int load_foreign(struct alerting *a, const struct store_alert *alert, struct entry *e)
{
	e->foreign = true;
	e->life.gone_ns = 0;
	e->life.doors = alert->count ? alert->count : 1;
	e->life.nodes = alert->node_count;
	e->due_ns = 1;
	if (alert->state == ALERT_SNOOZED)
		return 0;
	map_del(a->entries, alert->key, strlen(alert->key));
	return count_flood(a, alert->key, true, false);
}

static int load_entry(const struct store_alert *alert, void *arg)
{
	struct alerting *a = arg;
	struct store_alert_sum sum;
	struct entry *e;
	int err = 0;

	if (health_kind(alert->kind))
		return 0;
	err = store_alert_sum(a->store, alert->id, &sum);
	if (!err)
		err = entry_for(a, alert->key, &e);
	if (err)
		return err;
	if (!sum.last_ns)
		return load_foreign(a, alert, e);
	/* Due at once: a tick that comes early does nothing but say when it is wanted. */
	e->due_ns = e->fold_ns = 1;
	return 0;
}

/* --- what people decide ---------------------------------------------------------------------------- */

/* Somebody else has written about this alert: its life is read anew. */
static int on_decision(const struct store_alert_change *c, void *arg)
{
	struct alerting *a = arg;
	struct entry *e;
	size_t len = strlen(c->alert.key);
	int err = 0;

	a->log_id = c->log_id;
	if (!strcmp(c->who, WHO))
		return 0;
	e = map_get(a->entries, c->alert.key, len);
	if (e) {
		err = count_flood(a, c->alert.key, lifecycle_stands(e->life.state), false);
		map_del(a->entries, c->alert.key, len);
	}
	if (!err && lifecycle_stands(c->state))
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

static int load_decisions(struct alerting *a, uint64_t log_id, uint64_t revision,
			  uint64_t now_wall_ns)
{
	int err = 0;

	if (log_id > a->log_id)
		err = store_alert_changes(a->store, a->log_id, 0, 0, 0, on_decision, a);
	if (!err && (revision != a->revision || !a->loaded)) {
		err = held_load(a->held, a->store, now_wall_ns);
		if (!err)
			map_each(a->entries, recall_entry, a);
	}
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
	if (err)
		return err;
	if (!a->loaded) {
		a->log_id = log_id;
		err = store_alerts(a->store, &q, load_entry, a);
	}
	if (!err)
		err = load_decisions(a, log_id, revision, now_wall_ns);
	if (err < 0)
		return err;
	a->loaded = true;
	return 0;
}

int alerting_enter(struct alerting *a)
{
	_cleanup_(buf_done) struct buf last = BUF_INIT(64);
	uint64_t now;
	int err = store_take_turn(a->store, TURN, 0, &now);

	if (err < 0)
		return err;
	err = store_setting_get(a->store, TURN, &last);
	if (!err && last.len == strlen(a->self) && !memcmp(last.data, a->self, last.len))
		return 0;
	if (!err || err == -ENOENT)
		err = store_setting_set(a->store, TURN, a->self);
	if (err)
		return err;
	alerting_forget(a);
	return alerting_load(a, a->now_ns);
}

/* --- what goes into an alert ---------------------------------------------------------------------- */

struct texts {
	struct buf nodes, summary, why, remedy;
};
#define TEXTS_INIT                                                                                 \
	{                                                                                          \
		BUF_INIT(NODES_MAX), BUF_INIT(TEXT_MAX), BUF_INIT(TEXT_MAX), BUF_INIT(TEXT_MAX)    \
	}

static void texts_done(struct texts *t)
{
	buf_done(&t->nodes);
	buf_done(&t->summary);
	buf_done(&t->why);
	buf_done(&t->remedy);
}

/* Everything but the texts that differ between a door and another finding; nodes and summary go into t. */
static int put_row(struct alerting *a, struct entry *e, enum alert_state was, const char *node,
		   const struct life_change *c, struct store_alert *row, struct texts *t)
{
	_cleanup_(buf_done) struct buf summary = BUF_INIT(TEXT_MAX);
	uint64_t log_id;
	int err = 0;

	if (e->id && !e->foreign)
		err = alert_row_nodes(a->store, e->id, &t->nodes);
	else
		buf_puts(&t->nodes, e->foreign ? row->nodes : node);
	if (err)
		return err;
	if (!e->foreign)
		alert_row_summary(row->summary, buf_str(&t->nodes), e->life.nodes, &summary);
	row->nodes = buf_str(&t->nodes);
	row->summary = e->foreign ? row->summary : buf_str(&summary);
	row->severity = c->severity;
	row->state = c->state;
	row->count = e->life.doors;
	row->node_count = e->life.nodes;
	row->first_ns = e->life.first_ns;
	row->last_ns = e->life.last_ns;
	row->until_ns = c->state == ALERT_SNOOZED ? e->life.until_ns : 0;
	row->window_id = c->state == ALERT_OPEN ? 0 : e->life.window_id;
	row->was = was;
	a->changes++;
	e->fold_ns = 0;
	return store_put_alert(a->store, row, WHO, c->note, c->at_ns, &e->id, &log_id);
}

/* A door, or a finding that is none. */
struct cause {
	const char *key, *host_type, *node;
	const struct store_door *d;
	const struct judgement *j;
	const struct profile *p;
	const struct finding *f;
};

static int put_of_door(struct alerting *a, struct entry *e, const struct cause *c,
		       enum alert_state was, const struct life_change *change)
{
	_cleanup_(texts_done) struct texts t = TEXTS_INIT;
	const struct store_door *d = c->d;
	const struct process *opener = &d->ev.opener;
	struct store_alert row = { .key = c->key,
				   .kind = c->j->kind,
				   .host_type = d->host_type,
				   .proto = d->door.proto,
				   .port = d->door.port,
				   .boot_seq = d->boot_seq,
				   .seq = d->open_seq,
				   .node = d->node,
				   .record = d->record };

	if (audit_is_flood(c->key))
		buf_printf(&t.summary,
			   "a flood: more than %d ports at once; those on top are counted here, "
			   "the first: ",
			   AUDIT_FLOOD_MIN);
	audit_summary(c->j, d->node, &d->door, opener, &t.summary);
	audit_why(c->j, d->host_type, c->p, &d->door, opener, &t.why);
	audit_remedy(c->j, d->host_type, &d->door, opener, &t.remedy);
	row.summary = buf_str(&t.summary);
	row.why = buf_str(&t.why);
	row.remedy = buf_str(&t.remedy);
	return put_row(a, e, was, d->node, change, &row, &t);
}

static int put_of_finding(struct alerting *a, struct entry *e, const struct cause *c,
			  enum alert_state was, const struct life_change *change)
{
	_cleanup_(texts_done) struct texts t = TEXTS_INIT;
	const struct finding *f = c->f;
	struct store_alert row = { .key = c->key,
				   .kind = f->kind,
				   .host_type = f->host_type,
				   .proto = f->proto,
				   .port = f->port,
				   .boot_seq = f->boot_seq,
				   .seq = f->seq,
				   .node = f->node,
				   .record = f->record,
				   .why = f->why,
				   .remedy = f->remedy };

	buf_printf(&t.summary, "%s on ", f->summary);
	row.summary = buf_str(&t.summary);
	return put_row(a, e, was, f->node, change, &row, &t);
}

/* An alert as the store has it, with another state. */
struct restated {
	struct alerting *a;
	struct entry *e;
	enum alert_state was;
	const struct life_change *change;
};

static int put_restated(const struct store_alert *alert, void *arg)
{
	_cleanup_(texts_done) struct texts t = TEXTS_INIT;
	const struct restated *r = arg;
	struct store_alert next = *alert;

	return put_row(r->a, r->e, r->was, alert->node, r->change, &next, &t);
}

/* --- what happens --------------------------------------------------------------------------------- */

/* One step of the life, and what it changes; c NULL: as the store has it. */
static int live(struct alerting *a, const char *key, struct entry *e, struct life_input *in,
		const struct cause *c)
{
	enum alert_state was = e->life.state;
	struct life_result res;
	int err;

	in->blink_ns = a->o.blink_ns;
	in->reopen_nodes = a->o.reopen_nodes;
	lifecycle_step(&e->life, in, &res);
	e->life = res.next;
	e->due_ns = res.due_ns;
	e->dirty = e->life.state && !res.len && in->what != LIFE_TICK;
	err = count_flood(a, key, lifecycle_stands(was), lifecycle_stands(e->life.state));
	for (unsigned i = 0; i < res.len && !err; i++) {
		struct restated r = { a, e, was, &res.changes[i] };

		if (c && c->f)
			err = put_of_finding(a, e, c, was, &res.changes[i]);
		else if (c)
			err = put_of_door(a, e, c, was, &res.changes[i]);
		else
			err = store_alert_get(a->store, key, put_restated, &r);
		was = res.changes[i].state;
	}
	return err;
}

static void count_node(struct alerting *a, struct entry *e, uint64_t before, uint64_t after)
{
	e->life.doors += after - before;
	e->life.nodes += (uint64_t)(after > 0) - (uint64_t)(before > 0);
	if (!before != !after && !e->fold_ns)
		e->fold_ns = a->now_ns + FOLD_EVERY_NS;
}

/* The alert has one more reason; when there is none yet, it is counted once that has its number. */
static int begin_on(struct alerting *a, const struct cause *c, bool fresh, enum severity severity,
		    uint64_t at_ns)
{
	struct life_input in = { .what = LIFE_OPENED, .severity = severity, .at_ns = at_ns };
	const struct held_window *w = held_window_at(a->held, c->node, c->host_type, at_ns);
	uint64_t before = 0, after = 0;
	struct entry *e;
	bool is_new;
	int err = entry_for(a, c->key, &e);

	if (err)
		return err;
	is_new = !e->id;
	if (!is_new && !lifecycle_stands(e->life.state) && !e->life.doors)
		err = store_alert_nodes_restart(a->store, e->id);
	if (!err && !is_new && fresh) {
		err = store_alert_node_add(a->store, e->id, c->node, 1, at_ns, &before, &after);
		if (!err)
			count_node(a, e, before, after);
	}
	if (err)
		return err;
	in.doors = is_new ? 1 : e->life.doors;
	in.nodes = is_new ? 1 : e->life.nodes;
	in.excepted = held_excepted(a->held, c->key, at_ns);
	if (w) {
		in.held_until_ns = w->ends_ns;
		in.window_id = w->id;
		in.held_note = w->note;
	}
	err = live(a, c->key, e, &in, c);
	if (!err && is_new && e->id)
		err = store_alert_node_add(a->store, e->id, c->node, 1, at_ns, &before, &after);
	return err;
}

int alerting_raise(struct alerting *a, const struct store_door *d, const struct judgement *j,
		   const struct profile *p, bool fresh, uint64_t at_ns)
{
	const struct cause c = { .key = d->alert_key,
				 .host_type = d->host_type,
				 .node = d->node,
				 .d = d,
				 .j = j,
				 .p = p };

	return begin_on(a, &c, fresh, j->severity, at_ns);
}

static int lose_door(struct alerting *a, const char *key, const char *node, enum life_event what,
		     uint64_t at_ns)
{
	struct life_input in = { .what = what, .at_ns = at_ns };
	uint64_t before = 0, after = 0;
	struct entry *e;
	int err = entry_for(a, key, &e);

	if (!err && e->id)
		err = store_alert_node_add(a->store, e->id, node, -1, at_ns, &before, &after);
	if (err)
		return err;
	count_node(a, e, before, after);
	in.doors = e->life.doors;
	in.nodes = e->life.nodes;
	in.severity = e->life.severity;
	return live(a, key, e, &in, NULL);
}

int alerting_close(struct alerting *a, const char *key, const char *node, uint64_t at_ns)
{
	return lose_door(a, key, node, LIFE_CLOSED, at_ns);
}

int alerting_allow(struct alerting *a, const char *key, const char *node, uint64_t at_ns)
{
	return lose_door(a, key, node, LIFE_FINE, at_ns);
}

/* --- findings that are no single door ---------------------------------------------------------------- */

static int is_open_there(struct alerting *a, const struct entry *e, const char *node,
			 bool *ret_open)
{
	uint64_t before = 0, after = 0;
	int err = 0;

	if (e->id)
		err = store_alert_node_add(a->store, e->id, node, 0, 0, &before, &after);
	*ret_open = before > 0;
	return err;
}

int alerting_find(struct alerting *a, const struct finding *f, uint64_t at_ns)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024);
	struct entry *e;
	bool open = false;
	int err;

	audit_finding_key(f->host_type, f->kind, f->proto, f->port, f->what, &key);
	err = key.err ? key.err : entry_for(a, buf_str(&key), &e);
	if (!err)
		err = is_open_there(a, e, f->node, &open);
	if (err || (open && lifecycle_stands(e->life.state) && f->severity <= e->life.severity))
		return err;
	{
		const struct cause c = {
			.key = buf_str(&key), .host_type = f->host_type, .node = f->node, .f = f
		};

		return begin_on(a, &c, !open, f->severity, at_ns);
	}
}

int alerting_end(struct alerting *a, const struct finding *f, uint64_t at_ns)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024);
	struct entry *e;
	bool open = false;
	int err;

	audit_finding_key(f->host_type, f->kind, f->proto, f->port, f->what, &key);
	err = key.err ? key.err : entry_for(a, buf_str(&key), &e);
	if (!err)
		err = is_open_there(a, e, f->node, &open);
	return err || !open ? err : lose_door(a, buf_str(&key), f->node, LIFE_CLOSED, at_ns);
}

/* --- walks ------------------------------------------------------------------------------------------ */

struct walk {
	struct alerting *a;
	uint64_t until_ns, now_ns, next_ns;
	bool work; /* something is due: a commit without any would ring the bell for nothing */
	int err;
};

static bool flush_entry(const void *key, size_t len, void *value, void *arg)
{
	struct walk *w = arg;
	struct entry *e = value;
	char text[1024];

	if (!e->dirty || !e->id || w->err || len >= sizeof(text))
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

struct folding {
	struct walk *w;
	struct entry *e;
};

static int fold_row(const struct store_alert *alert, void *arg)
{
	_cleanup_(buf_done) struct buf nodes = BUF_INIT(NODES_MAX), summary = BUF_INIT(TEXT_MAX);
	struct folding *f = arg;
	int err = alert_row_nodes(f->w->a->store, alert->id, &nodes);

	if (err)
		return err;
	alert_row_summary(alert->summary, buf_str(&nodes), f->e->life.nodes, &summary);
	return store_alert_fold(f->w->a->store, alert->id, buf_str(&nodes), f->e->life.nodes,
				buf_str(&summary));
}

/* A maintenance that goes on holds on: the alert's last node is asked for. */
static int look_held(const struct store_alert *alert, void *arg)
{
	struct folding *f = arg;
	const struct held_window *w =
		held_window_at(f->w->a->held, alert->node, alert->host_type, f->w->until_ns);

	f->e->life.until_ns = f->e->life.until_ns ? f->e->life.until_ns : 1;
	if (w && w->ends_ns > f->e->life.until_ns) {
		f->e->life.until_ns = w->ends_ns;
		f->e->life.window_id = w->id;
	}
	return 0;
}

static bool tick_entry(const void *key, size_t len, void *value, void *arg)
{
	struct walk *w = arg;
	struct entry *e = value;
	struct folding f = { w, e };
	struct life_input in = { .what = LIFE_TICK,
				 .doors = e->life.doors,
				 .nodes = e->life.nodes,
				 .severity = e->life.severity,
				 .at_ns = w->until_ns };
	char text[1024];

	if (w->err || len >= sizeof(text))
		return false;
	memcpy(text, key, len);
	text[len] = '\0';
	if (e->due_ns && e->due_ns <= w->until_ns) {
		if (e->life.state == ALERT_SNOOZED && e->life.window_id &&
		    e->life.until_ns <= w->until_ns)
			w->err = store_alert_get(w->a->store, text, look_held, &f);
		if (!w->err)
			w->err = live(w->a, text, e, &in, NULL);
	}
	if (!w->err && e->fold_ns && e->fold_ns <= w->now_ns && e->id) {
		w->err = store_alert_get(w->a->store, text, fold_row, &f);
		e->fold_ns = 0;
	}
	/* What is resolved is read anew should it come back. */
	return !w->err && e->life.state == ALERT_RESOLVED && !e->life.doors;
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
		e->due_ns = w->now_ns + w->a->o.blink_ns;
	}
	w->work |=
		(e->due_ns && e->due_ns <= w->until_ns) || (e->fold_ns && e->fold_ns <= w->now_ns);
	if (e->due_ns && (!w->next_ns || e->due_ns < w->next_ns))
		w->next_ns = e->due_ns;
	if (e->fold_ns && (!w->next_ns || e->fold_ns < w->next_ns))
		w->next_ns = e->fold_ns;
	return false;
}

int alerting_due(struct alerting *a, uint64_t until_ns, uint64_t now_wall_ns, uint64_t *ret_next_ns)
{
	struct walk w = { .a = a, .until_ns = until_ns, .now_ns = now_wall_ns };
	int err = a->loaded ? 0 : alerting_load(a, now_wall_ns);

	if (err)
		return err;
	map_each(a->entries, earliest_due, &w);
	if (w.work) {
		err = store_begin(a->store);
		if (err)
			return err;
		w.err = alerting_enter(a);
		if (!w.err)
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
