/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/judge.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/parse.h"
#include "monitor/alerting.h"
#include "monitor/chain.h"
#include "monitor/classes.h"
#include "monitor/crowd.h"
#include "monitor/hits.h"
#include "store/store.h"

#define BATCH 500
#define CONFLICTS_MAX 50
#define BATCHES_PER_STEP 16 /* so that alerts are sent and signals seen while there is a backlog */
#define BLINK_DEFAULT_NS UINT64_C(5000000000)
#define PENDING_MAX 4096
#define QUIET_NS UINT64_C(1000000000) /* after which what has not come is not under way */

struct judge {
	struct store *store;
	struct alerting *alerting;
	struct crowd *crowd;
	struct chains *chains;
	struct hits *hits;
	struct classes *classes; /* of `revision` */
	struct map *profiles; /* host_type -> struct profile, of `revision` */
	uint64_t revision, expiry_ns;
	uint64_t now_ns;
	uint64_t known_ns; /* up to when the nodes that had events last are known */
	uint64_t news_ns; /* when that was; 0: not yet */
	bool news; /* this step had events */
	bool more; /* events are left for the next step */
	char *own_programs[2];
	unsigned conflicts; /* steps in a row that another writer has undone */
};

static void free_profile(void *p)
{
	profile_free(p);
}

int judge_new(struct store *s, const struct judge_opts *o, struct judge **ret_judge)
{
	_cleanup_(judge_freep) struct judge *j = calloc(1, sizeof(*j));
	const struct alerting_opts alerting = {
		.blink_ns = o->blink_ns ? o->blink_ns : BLINK_DEFAULT_NS,
		.reopen_nodes = o->reopen_nodes,
	};
	int err;

	if (!j)
		return -ENOMEM;
	j->store = s;
	for (size_t i = 0; i < array_len(j->own_programs); i++) {
		if (!o->own_programs[i])
			continue;
		j->own_programs[i] = strdup(o->own_programs[i]);
		if (!j->own_programs[i])
			return -ENOMEM;
	}
	err = map_new(free_profile, &j->profiles);
	if (!err)
		err = alerting_new(s, &alerting, &j->alerting);
	if (!err)
		err = crowd_new(s, j->alerting, &j->crowd);
	if (!err)
		err = chains_new(s, &j->chains);
	if (!err)
		err = hits_new(&j->hits);
	if (err)
		return err;
	*ret_judge = take_ptr(j);
	return 0;
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	crowd_free(j->crowd);
	alerting_free(j->alerting);
	chains_free(j->chains);
	hits_free(j->hits);
	classes_free(j->classes);
	map_free(j->profiles);
	for (size_t i = 0; i < array_len(j->own_programs); i++)
		free(j->own_programs[i]);
	free(j);
}

struct alerting *judge_alerting(const struct judge *j)
{
	return j->alerting;
}

/* --- profiles --------------------------------------------------------------------------------- */

/* NULL when the class has no profile; cached until the revision moves. */
static int profile_for(struct judge *j, const char *host_type, const struct profile **ret_profile)
{
	struct profile *p = map_get(j->profiles, host_type, strlen(host_type));
	int err = 0;

	if (!p) {
		err = store_profile_get(j->store, host_type, &p);
		if (err == -ENOENT) {
			*ret_profile = NULL;
			return 0;
		}
		if (!err)
			err = map_put(j->profiles, host_type, strlen(host_type), p);
		if (err) {
			profile_free(p);
			return err;
		}
	}
	*ret_profile = p;
	return 0;
}

/* --- one event ---------------------------------------------------------------------------------- */

static bool is_own_trial(const struct judge *j, const struct event *ev)
{
	if (ev->door.scope != SCOPE_LOOPBACK || !ev->door.autoport)
		return false;
	for (size_t i = 0; i < array_len(j->own_programs); i++) {
		if (j->own_programs[i] && text_is(ev->opener.exe, j->own_programs[i]))
			return true;
	}
	return false;
}

static int judge_door(struct judge *j, struct store_door *d, const struct event *ev,
		      const struct profile **ret_profile, struct judgement *ret_j)
{
	int err = profile_for(j, d->host_type, ret_profile);

	if (err)
		return err;
	audit_judge(*ret_profile, &ev->door, &ev->opener, j->now_ns, ret_j);
	if (ret_j->verdict == VERDICT_UNEXPECTED && is_own_trial(j, ev))
		*ret_j = (struct judgement){ .verdict = VERDICT_PROFILED };
	d->verdict = ret_j->verdict;
	d->severity = ret_j->kind ? ret_j->severity : (enum severity)0;
	return 0;
}

/* What the store knows of a door before an event is judged. */
struct known {
	uint64_t open_seq, opened_ns; /* opened_ns 0: it is not open */
	char *key; /* of its alert, while it is open */
};

static int remember(const struct store_door *d, void *arg)
{
	struct known *k = arg;

	k->open_seq = d->open_seq;
	if (d->closed_ns)
		return 0;
	k->opened_ns = d->opened_ns;
	k->key = d->alert_key ? strdup(d->alert_key) : NULL;
	return d->alert_key && !k->key ? -ENOMEM : 0;
}

static void known_done(struct known *k)
{
	free(k->key);
}

/* A door that is unknown leaves zeros. */
static int look_up(struct judge *j, const struct store_event_row *row, struct known *ret_k)
{
	int err = store_door_get(j->store, row->node, row->raw.boot_seq, &row->ev.door, remember,
				 ret_k);

	return err == -ENOENT ? 0 : err;
}

/* Under which alert the door goes. kept: the key it has in the store, or NULL. */
static int choose_key(struct judge *j, struct store_door *d, enum finding_kind kind,
		      const char *kept, struct buf *b)
{
	_cleanup_(buf_done) struct buf own = BUF_INIT(1024);
	int err;

	audit_key(d->host_type, NULL, &d->door, &d->ev.opener, kind, &own);
	err = own.err;
	if (!err && kept && audit_key_fits(kept, buf_str(&own)))
		buf_puts(b, kept);
	else if (!err)
		err = alerting_key(j->alerting, buf_str(&own), NULL, b);
	d->alert_key = buf_str(b);
	return err;
}

static int on_open(struct judge *j, const struct store_event_row *row)
{
	const struct event *ev = &row->ev;
	struct store_door d = { .node = row->node,
				.host_type = row->host_type,
				.boot_seq = row->raw.boot_seq,
				.door = ev->door,
				.open_seq = row->raw.seq,
				.opened_ns = ev->time_ns,
				.record = row->raw.record,
				.ev = *ev };
	struct buf key = BUF_INIT(1024);
	const struct profile *profile;
	struct judgement judgement;
	_cleanup_(known_done) struct known known = { 0 };
	bool same_key;
	int err = look_up(j, row, &known);

	/* A record that came late takes the cursor back: what follows it is judged already. */
	if (err || known.open_seq >= row->raw.seq)
		return err;
	err = judge_door(j, &d, ev, &profile, &judgement);
	/* A door that a fresh sensor found again is the same door, open since it was first seen. */
	if (known.opened_ns)
		d.opened_ns = known.opened_ns;
	else if (!err)
		hits_add(j->hits, &judgement, ev->time_ns);
	if (!err && judgement.kind)
		err = choose_key(j, &d, judgement.kind, known.key, &key);
	if (!err)
		err = store_put_door(j->store, &d);
	same_key = known.key && d.alert_key && !strcmp(known.key, d.alert_key);
	if (!err && known.key && !same_key)
		err = alerting_allow(j->alerting, known.key, row->node, ev->time_ns);
	if (!err && judgement.kind)
		err = alerting_raise(j->alerting, &d, &judgement, profile, !same_key, ev->time_ns);
	buf_done(&key);
	return err;
}

struct closing {
	struct judge *j;
	uint64_t time_ns;
	int err;
};

/* The door's alert has one reason less. */
static int on_closed_door(const struct store_door *d, void *arg)
{
	struct closing *c = arg;

	if (d->alert_key)
		c->err = alerting_close(c->j->alerting, d->alert_key, d->node, c->time_ns);
	return c->err;
}

static int close_door(struct judge *j, const char *node, uint32_t boot_seq, const struct door *door,
		      uint64_t seq, uint64_t time_ns)
{
	struct closing c = { .j = j, .time_ns = time_ns };
	bool found;
	int err = store_close_door(j->store, node, boot_seq, door, seq, time_ns, &found);

	if (err || !found)
		return err;
	return store_door_get(j->store, node, boot_seq, door, on_closed_door, &c);
}

static int on_close(struct judge *j, const struct store_event_row *row)
{
	_cleanup_(known_done) struct known known = { 0 };
	int err = look_up(j, row, &known);

	/* Judged before, and the same socket listens again since. */
	if (err || known.open_seq > row->raw.seq)
		return err;
	return close_door(j, row->node, row->raw.boot_seq, &row->ev.door, row->raw.seq,
			  row->ev.time_ns);
}

/* --- a new session of an agent -------------------------------------------------------------------- */

struct stale {
	uint32_t boot_seq;
	uint64_t from_seq;
	unsigned len;
	struct {
		uint32_t boot_seq;
		struct door door;
	} doors[PENDING_MAX];
};

static int collect_stale(const struct store_door *d, void *arg)
{
	struct stale *s = arg;

	if (d->boot_seq > s->boot_seq || (d->boot_seq == s->boot_seq && d->open_seq >= s->from_seq))
		return 0;
	if (s->len == PENDING_MAX)
		return 1; /* the caller asks again for the rest */
	s->doors[s->len].boot_seq = d->boot_seq;
	s->doors[s->len++].door = d->door;
	return 0;
}

/*
 * A start record with from_seq says: this session's snapshot is complete from there on. What stood open before and was
 * not found again has closed while nobody watched, at the latest now.
 */
static int on_start(struct judge *j, const struct store_event_row *row)
{
	_free_ struct stale *s = calloc(1, sizeof(*s));
	struct store_door_query q = { .node = row->node, .open_only = true };
	int more;

	if (!s)
		return -ENOMEM;
	s->boot_seq = row->raw.boot_seq;
	s->from_seq = row->ev.from_seq;
	do {
		s->len = 0;
		more = store_doors(j->store, &q, collect_stale, s);
		if (more < 0)
			return more;
		for (unsigned i = 0; i < s->len; i++) {
			int err = close_door(j, row->node, s->doors[i].boot_seq, &s->doors[i].door,
					     row->raw.seq, row->ev.time_ns);

			if (err)
				return err;
		}
	} while (more);
	return 0;
}

static int on_event(const struct store_event_row *row, void *arg)
{
	struct judge *j = arg;

	switch (row->ev.kind) {
	case EVENT_OPEN:
		return on_open(j, row);
	case EVENT_CLOSE:
		return on_close(j, row);
	case EVENT_START:
		return row->ev.from_seq ? on_start(j, row) : 0;
	case EVENT_BIND:
	case EVENT_LOST:
	case EVENT_GAP:
	case EVENT_STOP:
		break;
	}
	return 0;
}

/* --- what is new ------------------------------------------------------------------------------------ */

struct pending {
	struct judge *j;
	unsigned len;
	struct {
		char *node;
		const char *move; /* to this class, before its events are judged; or NULL */
		uint32_t boot_seq;
		uint64_t judged_seq, stored_seq;
	} nodes[PENDING_MAX];
};

static void pending_free(struct pending *p)
{
	for (unsigned i = 0; p && i < p->len; i++)
		free(p->nodes[i].node);
	free(p);
}
DEFINE_FREEP(struct pending, pending_free)

/* A node that is new, or that says another class than before, may belong elsewhere. */
static const char *move_to(struct judge *j, const struct store_pending *row)
{
	const char *want = j->classes ? classes_find(j->classes, row->node, 0).host_type : NULL;

	return want && strcmp(want, row->host_type) ? want : NULL;
}

static int collect_pending(const struct store_pending *row, void *arg)
{
	struct pending *p = arg;
	char *node;

	if (p->len == PENDING_MAX)
		return 1;
	node = strdup(row->node);
	if (!node)
		return -ENOMEM;
	p->nodes[p->len].node = node;
	p->nodes[p->len].move = move_to(p->j, row);
	p->nodes[p->len].boot_seq = row->boot_seq;
	p->nodes[p->len].judged_seq = row->judged_seq;
	p->nodes[p->len++].stored_seq = row->stored_seq;
	return 0;
}

struct batch {
	struct judge *j;
	uint64_t last_seq, newest_ns;
};

static int on_batch_event(const struct store_event_row *row, void *arg)
{
	struct batch *b = arg;
	bool whole;
	int err = chains_check(b->j->chains, row, &whole);

	if (!err && !whole)
		err = chains_note(b->j->chains, row);
	if (err)
		return err;
	b->last_seq = row->raw.seq;
	if (row->ev.time_ns > b->newest_ns)
		b->newest_ns = row->ev.time_ns;
	return row->ev.kind ? on_event(row, b->j) : 0; /* kind 0: it did not decode */
}

/* Up to BATCH events of one node's boot, in one transaction; *seq and *newest_ns, the latest time, move on. */
static int judge_batch(struct judge *j, const char *node, uint32_t boot_seq, uint64_t *seq,
		       uint64_t *newest_ns)
{
	const struct store_event_query q = {
		.node = node, .boot_seq = boot_seq, .after_seq = *seq, .limit = BATCH
	};
	struct batch b = { .j = j, .last_seq = *seq, .newest_ns = *newest_ns };
	int err = store_begin(j->store);

	if (err)
		return err;
	err = alerting_enter(j->alerting);
	if (!err)
		err = store_events(j->store, &q, on_batch_event, &b);
	if (!err)
		err = alerting_flush(j->alerting);
	if (!err)
		err = store_set_judged(j->store, node, boot_seq, *seq, b.last_seq);
	if (!err)
		err = store_commit(j->store);
	hits_settle(j->hits, !err);
	if (err) {
		store_rollback(j->store);
		alerting_forget(j->alerting); /* what it remembers of the lost transaction */
		return err;
	}
	*seq = b.last_seq;
	*newest_ns = b.newest_ns;
	return 0;
}

static int judge_new_events(struct judge *j)
{
	_cleanup_(pending_freep) struct pending *p = calloc(1, sizeof(*p));
	unsigned share;
	int err;

	if (!p)
		return -ENOMEM;
	p->j = j;
	err = store_pending(j->store, collect_pending, p);
	if (err < 0)
		return err;
	/* Each node gets its share: one in a storm must not keep the others waiting. */
	share = p->len < BATCHES_PER_STEP ? BATCHES_PER_STEP / (p->len ? p->len : 1) : 1;
	for (unsigned i = 0; i < p->len; i++) {
		uint64_t seq = p->nodes[i].judged_seq, newest_ns = 0, before = seq + 1;

		if (p->nodes[i].move) {
			err = store_set_host_type(j->store, p->nodes[i].node, p->nodes[i].move);
			if (err)
				return err;
		}
		for (unsigned n = 0; n < share && seq != before; n++) {
			if (seq >= p->nodes[i].stored_seq)
				break;
			before = seq;
			err = judge_batch(j, p->nodes[i].node, p->nodes[i].boot_seq, &seq,
					  &newest_ns);
			if (err)
				return err;
		}
		if (seq != before && seq < p->nodes[i].stored_seq)
			j->more = true;
		if (newest_ns && (!j->news || newest_ns < j->known_ns))
			j->known_ns = newest_ns;
		j->news |= newest_ns;
	}
	return 0;
}

/* --- profiles that changed ----------------------------------------------------------------------------- */

/* Doors whose verdict another profile changes; copied, since a walk must not change what it walks. */
struct rejudged {
	struct rejudged *next;
	char *node, *host_type, *old_key;
	struct buf record;
	struct store_door d;
};

struct rejudging {
	struct judge *j;
	struct rejudged *list;
};

static void rejudged_free(struct rejudged *r)
{
	for (struct rejudged *next; r; r = next) {
		next = r->next;
		free(r->node);
		free(r->host_type);
		free(r->old_key);
		buf_done(&r->record);
		free(r);
	}
}

static int copy_door(const struct store_door *d, void *arg)
{
	struct rejudging *rj = arg;
	struct rejudged *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->next = rj->list;
	rj->list = r;
	r->record = (struct buf)BUF_INIT(EVENT_RECORD_MAX);
	r->node = strdup(d->node);
	r->host_type = strdup(d->host_type);
	r->old_key = d->alert_key ? strdup(d->alert_key) : NULL;
	buf_put(&r->record, d->record.ptr, d->record.len);
	r->d = *d;
	r->d.node = r->node;
	r->d.host_type = r->host_type;
	r->d.alert_key = NULL;
	r->d.record = (struct text){ r->record.data, (uint32_t)r->record.len };
	if (!r->node || !r->host_type || (d->alert_key && !r->old_key) || r->record.err)
		return -ENOMEM;
	return event_decode(r->record.data, r->record.len, &r->d.ev);
}

static int rejudge_door(struct judge *j, struct rejudged *r)
{
	enum verdict before = r->d.verdict;
	const struct profile *profile;
	struct buf key = BUF_INIT(1024);
	struct judgement judgement;
	int err = judge_door(j, &r->d, &r->d.ev, &profile, &judgement);

	if (err)
		return err;
	if (judgement.kind)
		err = choose_key(j, &r->d, judgement.kind, r->old_key, &key);
	if (!err && (before != r->d.verdict || r->old_key || r->d.alert_key)) {
		bool same_key = r->old_key && r->d.alert_key && !strcmp(r->old_key, r->d.alert_key);

		err = store_put_door(j->store, &r->d);
		if (!err && r->old_key && !same_key)
			err = alerting_allow(j->alerting, r->old_key, r->node, j->now_ns);
		if (!err && judgement.kind && !same_key)
			err = alerting_raise(j->alerting, &r->d, &judgement, profile, true,
					     j->now_ns);
	}
	buf_done(&key);
	return err;
}

static bool sooner_expiry(const void *key, size_t len, void *value, void *arg)
{
	const struct profile *p = value;
	struct judge *j = arg;

	(void)key;
	(void)len;
	for (size_t i = 0; i < p->rows_len; i++) {
		uint64_t at = p->rows[i].expires_ns;

		if (at > j->now_ns && (!j->expiry_ns || at < j->expiry_ns))
			j->expiry_ns = at;
	}
	return false;
}

static int read_profile(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
			uint64_t nodes, void *arg)
{
	const struct profile *p;

	(void)accepted;
	(void)accepted_ns;
	(void)rows;
	(void)nodes;
	return profile_for(arg, host_type, &p);
}

/* When the first row of any profile runs out: doors are judged again then; 0: none does. */
static int next_expiry(struct judge *j)
{
	int err = store_host_types(j->store, read_profile, j);

	j->expiry_ns = 0;
	map_each(j->profiles, sooner_expiry, j);
	return err;
}

static int rejudge_all(struct judge *j)
{
	const struct store_door_query q = { .open_only = true };
	struct rejudging rj = { .j = j };
	int err = store_begin(j->store);

	if (err)
		return err;
	err = alerting_enter(j->alerting);
	if (!err)
		err = store_doors(j->store, &q, copy_door, &rj);
	for (struct rejudged *r = rj.list; r && !err; r = r->next)
		err = rejudge_door(j, r);
	rejudged_free(rj.list);
	if (!err)
		err = alerting_flush(j->alerting);
	if (!err)
		err = next_expiry(j);
	if (!err) {
		char text[64];

		snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)j->revision,
			 (unsigned long long)j->expiry_ns);
		err = store_setting_set(j->store, "judged-revision", text);
	}
	if (!err)
		err = store_commit(j->store);
	if (err) {
		store_rollback(j->store);
		alerting_forget(j->alerting);
	}
	return err;
}

/* Whether the open doors are judged by these profiles, none of whose rows has run out since. */
static int judged_revision(struct judge *j, bool *ret_same)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(64);
	int err = store_setting_get(j->store, "judged-revision", &b);
	uint64_t revision = 0, expires_ns = 0;
	char *text = b.data, *first;

	*ret_same = false;
	if (err || !text)
		return err == -ENOENT ? 0 : err;
	first = strsep(&text, " ");
	if (parse_u64(first, &revision) || (text && parse_u64(text, &expires_ns)))
		return 0;
	*ret_same = revision == j->revision && (!expires_ns || j->now_ns < expires_ns);
	return 0;
}

/* Nodes are where the rules have them before anything is judged by the profile of their class. */
static int place_nodes(struct judge *j)
{
	unsigned moved = 0;
	int err;

	classes_free(take_ptr(j->classes));
	err = classes_load(j->store, &j->classes);
	if (!err)
		err = classes_apply(j->classes, j->store, false, &moved);
	/* That moved the revision: doors are judged again in this step, not in the next. */
	return err || !moved ? err : store_profile_revision(j->store, &j->revision);
}

static int check_profiles(struct judge *j)
{
	uint64_t revision;
	bool same;
	int err = store_profile_revision(j->store, &revision);

	if (err)
		return err;
	if (revision != j->revision || !j->classes) {
		map_each(j->profiles, map_always, NULL);
		j->revision = revision;
		err = place_nodes(j);
		if (err)
			return err;
	}
	err = judged_revision(j, &same);
	return err || same ? err : rejudge_all(j);
}

/*
 * Time passes by the events as long as there are any: an alert whose door closed is not resolved because we
 * lag behind, the door's return may be among what comes next. When nothing new has come for a while
 * the clock counts; so too at the start.
 */
static uint64_t time_for_alerts(struct judge *j)
{
	if (j->news || !j->news_ns)
		j->news_ns = j->now_ns;
	if (j->now_ns < j->news_ns || j->now_ns - j->news_ns >= QUIET_NS)
		return j->now_ns;
	return j->known_ns < j->now_ns ? j->known_ns : j->now_ns;
}

int judge_step(struct judge *j, uint64_t now_wall_ns, unsigned *ret_changes, uint64_t *ret_next_ns)
{
	int err;

	j->now_ns = now_wall_ns;
	j->news = j->more = false;
	alerting_begin(j->alerting);
	err = alerting_load(j->alerting, now_wall_ns);
	if (!err)
		err = check_profiles(j);
	if (!err)
		err = judge_new_events(j);
	if (!err)
		err = alerting_due(j->alerting, time_for_alerts(j), now_wall_ns, ret_next_ns);
	/* Whole classes are looked over when nothing is waiting. */
	if (!err && !j->more)
		err = crowd_step(j->crowd, now_wall_ns, ret_next_ns);
	/* Somebody else was at the same rows: what is new is asked for again at once, but not for ever. */
	if ((err == -ECANCELED || err == -EDEADLK) && ++j->conflicts < CONFLICTS_MAX) {
		j->more = true;
		err = 0;
	} else if (!err) {
		j->conflicts = 0;
	}
	if (!err && j->more)
		*ret_next_ns = now_wall_ns;
	else if (!err && *ret_next_ns && *ret_next_ns <= now_wall_ns)
		*ret_next_ns = j->news_ns + QUIET_NS;
	if (!err)
		err = hits_write(j->hits, j->store, now_wall_ns, ret_next_ns);
	*ret_changes = alerting_changes(j->alerting);
	return err;
}
