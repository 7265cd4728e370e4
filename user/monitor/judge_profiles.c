/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/parse.h"
#include "monitor/alerting.h"
#include "monitor/classes.h"
#include "monitor/judge_internal.h"
#include "store/judging.h"
#include "store/verdicts.h"

/* Profiles that changed, or of which a row has run out: what is open is judged again. */

#define RESTART_NS                                                                                 \
	(UINT64_C(30) *                                                                            \
	 1000000000) /* what a daemon's restart, or its package's upgrade, may take */

/*
 * Doors whose verdict another profile changes; copied, since a walk must not change what it walks.
 */
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
	/* One that cannot be read, of an older version's store, stays as it was judged. */
	if (event_decode(r->record.data, r->record.len, &r->d.ev)) {
		rj->list = take_ptr(r->next);
		rejudged_free(r);
	}
	return 0;
}

static int rejudge_door(struct judge *j, struct rejudged *r)
{
	enum verdict before = r->d.verdict;
	enum severity severity = r->d.severity;
	const struct profile *profile;
	struct buf key = BUF_INIT(1024);
	struct judgement judgement;
	bool shared = r->d.ev.door.shared;
	_cleanup_(buf_done) struct buf record = BUF_INIT(EVENT_RECORD_MAX);
	struct process who;
	int err = judge_door(j, &r->d, &r->d.ev, &profile, &judgement, &who);

	if (!err && shared != r->d.ev.door.shared)
		err = judge_seal(&r->d, &record);
	if (err)
		return err;
	if (judgement.kind)
		err = judge_key(j, &r->d, &who, judgement.kind, r->old_key, j->now_ns, &key);
	if (!err && (before != r->d.verdict || r->old_key || r->d.alert_key)) {
		bool same_key = r->old_key && r->d.alert_key && !strcmp(r->old_key, r->d.alert_key);
		/* A node's clock may be ahead of ours: its opening was before, all the same. */
		uint64_t at_ns = j->now_ns > r->d.opened_ns ? j->now_ns : r->d.opened_ns + 1;

		err = judge_keep_past(j, &r->d, before, &judgement, at_ns);
		if (!err)
			err = store_put_door(j->store, &r->d);
		if (!err && r->old_key && !same_key)
			err = alerting_allow(j->alerting, r->old_key, r->node,
					     judge_over(&judgement), j->now_ns);
		/*
		 * Under the same key it may have become worse: a rule denies now what no rule had
		 * permitted.
		 */
		if (!err && judgement.kind && (!same_key || judgement.severity > severity))
			err = alerting_raise(j->alerting, &r->d, &judgement, profile, !same_key,
					     j->now_ns);
	}
	buf_done(&key);
	return err;
}

struct sharing {
	struct rejudging rj;
	const struct store_door *with;
};

static int copy_sharer(const struct store_door *d, void *arg)
{
	struct sharing *s = arg;

	if (d->verdict != VERDICT_IMPOSTOR ||
	    !audit_shares(&d->ev.door, &s->with->ev.door, s->with->verdict))
		return 0;
	return copy_door(d, &s->rj);
}

int judge_sharers(struct judge *j, const struct store_door *d)
{
	const struct store_door_query q = { .node = d->node,
					    .boot_seq = d->boot_seq,
					    .open_only = true };
	struct sharing s = { .rj = { .j = j }, .with = d };
	int err = store_doors(j->store, &q, copy_sharer, &s);

	for (struct rejudged *r = s.rj.list; r && !err; r = r->next)
		err = rejudge_door(j, r);
	rejudged_free(s.rj.list);
	return err;
}

static int copy_sharing(const struct store_door *d, void *arg)
{
	return d->verdict == VERDICT_SHARED ? copy_door(d, arg) : 0;
}

/* --- a walk over all nodes ------------------------------------------------------------------------- */

void judge_walk_free(struct judge_walk *w)
{
	for (size_t i = 0; w->nodes && i < w->len; i++)
		free(w->nodes[i]);
	free(w->nodes);
	*w = (struct judge_walk){ 0 };
}

int judge_walk_add(struct judge_walk *w, const char *node)
{
	char **nodes = reallocarray(w->nodes, w->len + 1, sizeof(*nodes));

	if (!nodes)
		return -ENOMEM;
	w->nodes = nodes;
	w->nodes[w->len] = strdup(node);
	return w->nodes[w->len++] ? 0 : -ENOMEM;
}

static int collect_node(const struct store_node *n, void *arg)
{
	return judge_walk_add(arg, n->name);
}

int judge_walk_begin(struct judge *j, struct judge_walk *w)
{
	int err;

	judge_walk_free(w);
	w->nodes = calloc(1, sizeof(*w->nodes)); /* there may be no node */
	err = w->nodes ? store_nodes(j->store, collect_node, w) : -ENOMEM;
	if (err)
		judge_walk_free(w);
	w->revision = j->revision;
	return err;
}

static int rejudge_node(struct judge *j, const char *node, store_door_fn copy)
{
	const struct store_door_query q = { .node = node, .open_only = true };
	struct rejudging rj = { .j = j };
	int err = store_doors(j->store, &q, copy, &rj);

	for (struct rejudged *r = rj.list; r && !err; r = r->next)
		err = rejudge_door(j, r);
	rejudged_free(rj.list);
	return err;
}

static int walk_nodes(struct judge *j, struct judge_walk *w, store_door_fn copy, size_t *at)
{
	int err = alerting_enter(j->alerting);

	while (!err && *at < w->len) {
		err = rejudge_node(j, w->nodes[*at], copy);
		if (err)
			break;
		++*at;
		if (w->singly || clock_boot_ns() >= j->slice_end_ns - j->slice_ns / 2)
			break; /* the other half is for what is new */
	}
	return err ? err : alerting_flush(j->alerting);
}

/*
 * As many nodes as the step has time for, one at least, in one transaction. finish: with the last
 * of them.
 */
static int walk_on(struct judge *j, struct judge_walk *w, store_door_fn copy,
		   int (*finish)(struct judge *j))
{
	size_t at = w->at;
	int err = store_begin(j->store);

	if (err)
		return err;
	err = walk_nodes(j, w, copy, &at);
	if (!err && at == w->len && finish)
		err = finish(j);
	if (!err)
		err = store_commit(j->store);
	if (!err) {
		w->singly -= w->singly < at - w->at ? w->singly : at - w->at;
		w->at = at;
		w->done = at == w->len;
		return 0;
	}
	store_rollback(j->store);
	alerting_forget(j->alerting);
	if (store_is_in_trouble(err) || err == -ECANCELED || err == -STORE_E_UNDONE || at == w->len)
		return err;
	/*
	 * A node that cannot be judged keeps the verdicts it has; which of them it is, is found one
	 * by one.
	 */
	if (w->singly)
		w->at++, w->singly--;
	else
		w->singly = at - w->at + 1;
	return 0;
}

int judge_walk_doors(struct judge *j, struct judge_walk *w)
{
	return walk_on(j, w, copy_door, NULL);
}

static int rejudge_sharing(struct judge *j)
{
	int err = j->sharing.nodes ? 0 : judge_walk_begin(j, &j->sharing);

	if (!err)
		err = walk_on(j, &j->sharing, copy_sharing, NULL);
	if (!err && j->sharing.done)
		judge_walk_free(&j->sharing);
	else if (!err)
		j->more = true;
	return err;
}

void judge_sharers_later(struct judge *j)
{
	j->sharers_due_ns = j->now_ns + RESTART_NS;
}

int judge_sharers_due(struct judge *j, uint64_t *ret_next_ns)
{
	/* Who went away while no judge was there is not known. */
	if (!j->looked)
		judge_sharers_later(j);
	j->looked = true;
	if (!j->sharers_due_ns)
		return 0;
	if (j->now_ns >= j->sharers_due_ns || j->sharing.nodes) {
		int err = rejudge_sharing(j);

		if (!err && !j->sharing.nodes)
			j->sharers_due_ns = 0;
		return err;
	}
	if (!*ret_next_ns || j->sharers_due_ns < *ret_next_ns)
		*ret_next_ns = j->sharers_due_ns;
	return 0;
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
	return judge_profile(arg, host_type, &p);
}

/* When the first row of any profile runs out: doors are judged again then; 0: none does. */
static int next_expiry(struct judge *j)
{
	int err = store_host_types(j->store, read_profile, j);

	j->expiry_ns = 0;
	map_each(j->profiles, sooner_expiry, j);
	return err;
}

static int note_rejudged(struct judge *j)
{
	char text[64];
	int err = store_verdicts_forget(j->store);

	if (!err)
		err = next_expiry(j);
	snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)j->revision,
		 (unsigned long long)j->expiry_ns);
	return err ? err : store_setting_set(j->store, "judged-revision", text);
}

/* Other profiles meanwhile: from the beginning. */
static int rejudge_all(struct judge *j)
{
	struct judge_walk *w = &j->rejudging;
	int err = w->nodes && w->revision == j->revision ? 0 : judge_walk_begin(j, w);

	if (!err)
		err = walk_on(j, w, copy_door, note_rejudged);
	if (!err && w->done)
		judge_walk_free(w);
	else if (!err)
		j->more = true;
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

int judge_profiles(struct judge *j)
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
