/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "monitor/held.h"
#include "monitor/health_watch_internal.h"

/*
 * A round: every node's row is judged (audit_health); what is found is gathered by issue and class;
 * each such group is compared with its alert. The alert follows the group:
 *
 *	alert            group             becomes            logged as
 *	none, resolved   not empty         open               "opened", "reopened"
 *	open, snoozed    more nodes        the same           "more: node007"
 *	acknowledged     more nodes        open               "more: node007"
 *	open, snoozed,   the same once     the same, or open  "once more"
 *	acknowledged     more
 *	allowed          a node where no   open               "more: node007", or
 *	                 exception stands                     "the exception is over"
 *	any of these     fewer nodes       the same           "well again: node003"
 *	any of these     empty             resolved           "well again after 3 min 20 s"
 *
 * A group that grows goes on growing for a moment (300 nodes do not fall silent in one second), so
 * that a change follows another only after SETTLE_NS. What a person has allowed is the nodes that
 * the alert had then, for as long as the exception lasts and they have it: those are in no group
 * (health_except.c), and another node of the class that falls silent is another matter.
 */
#define WHO "monitor"
#define SETTLE_NS UINT64_C(30000000000)
#define TOUCH_NS UINT64_C(60000000000)
#define NODES_TEXT_MAX 60000 /* of the column */
#define NODES_WORDS_MAX 200 /* in a sentence */

struct stored {
	bool exists;
	enum alert_state state;
	uint64_t first_ns, last_ns, until_ns, window_id;
	char *host_type, *nodes, *summary, *why, *remedy, *node;
	enum finding_kind kind;
	enum severity severity;
};

void health_free_known(void *p)
{
	struct known *k = p;

	hostlist_done(&k->nodes);
	free(k);
}

struct known *health_known(struct health_watch *v, const char *key, size_t len)
{
	struct known *k = map_get(v->known, key, len);

	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (k && map_put(v->known, key, len, k)) {
		health_free_known(k);
		k = NULL;
	}
	return k;
}

static void stored_done(struct stored *s)
{
	free(s->host_type);
	free(s->nodes);
	free(s->summary);
	free(s->why);
	free(s->remedy);
	free(s->node);
}

static int copy_stored(const struct store_alert *a, void *arg)
{
	struct stored *s = arg;

	*s = (struct stored){ .exists = true,
			      .state = a->state,
			      .first_ns = a->first_ns,
			      .last_ns = a->last_ns,
			      .until_ns = a->until_ns,
			      .window_id = a->window_id,
			      .kind = a->kind,
			      .severity = a->severity,
			      .host_type = strdup(a->host_type),
			      .nodes = strdup(a->nodes),
			      .summary = strdup(a->summary),
			      .why = strdup(a->why),
			      .remedy = strdup(a->remedy),
			      .node = strdup(a->node) };
	return s->host_type && s->nodes && s->summary && s->why && s->remedy && s->node ? 0
											: -ENOMEM;
}

static bool stands(const struct stored *s)
{
	return s->exists && s->state != ALERT_RESOLVED;
}

int health_watch_begin(struct health_watch *v)
{
	int err = v->begun ? 0 : store_begin(v->store);

	v->begun |= !err;
	return err;
}

/* In which state, and until when: what `ajar alerts` and `ajar maintenance` have decided. */
struct stance {
	enum alert_state state;
	uint64_t until_ns, window_id;
	enum alert_cause cause; /* 0: nothing new */
	const char *note; /* instead of the cause in words */
};

static int put(struct health_watch *v, const char *key, struct group *g, const struct stance *st,
	       uint64_t first_ns)
{
	_cleanup_(buf_done) struct buf nodes = BUF_INIT(NODES_TEXT_MAX + 64),
				       few = BUF_INIT(NODES_WORDS_MAX + 64),
				       summary = BUF_INIT(HEALTH_TEXT_MAX),
				       remedy = BUF_INIT(HEALTH_TEXT_MAX),
				       why = BUF_INIT(HEALTH_TEXT_MAX);
	struct store_alert a = { .key = key,
				 .kind = health_issue_kind(g->issue),
				 .severity = health_issue_severity(g->issue),
				 .state = st->state,
				 .until_ns = st->until_ns,
				 .window_id = st->window_id,
				 .host_type = g->host_type,
				 .count = g->nodes.len,
				 .node_count = g->nodes.len,
				 .first_ns = first_ns,
				 .last_ns = v->now_ns,
				 .node = g->nodes.names[0] };
	uint64_t id, log_id;

	hostlist_fold_short(&g->nodes, &nodes, NODES_TEXT_MAX);
	hostlist_fold_short(&g->nodes, &few, NODES_WORDS_MAX);
	health_summary(g->issue, buf_str(&few), g->nodes.len, &summary);
	health_remedy(g->issue, buf_str(&few), &remedy);
	buf_puts(&why, buf_str(&g->why));
	if (g->nodes.len > HEALTH_DETAILS_MAX)
		buf_printf(&why, "; and %zu more", g->nodes.len - HEALTH_DETAILS_MAX);
	if (nodes.err || few.err || summary.err || remedy.err || why.err)
		return -ENOMEM;
	a.nodes = buf_str(&nodes);
	a.summary = buf_str(&summary);
	a.why = buf_str(&why);
	a.remedy = buf_str(&remedy);
	v->changes++;
	a.cause = st->cause;
	return store_put_alert(v->store, &a, WHO,
			       st->note ? st->note : alert_cause_words(st->cause), v->now_ns, &id,
			       &log_id);
}

static int resolve(struct health_watch *v, const char *key, const struct stored *s)
{
	_cleanup_(buf_done) struct buf note = BUF_INIT(256);
	struct store_alert a = { .key = key,
				 .kind = s->kind,
				 .severity = s->severity,
				 .state = ALERT_RESOLVED,
				 .cause = CAUSE_FINE,
				 .window_id = s->window_id, /* what was held back goes as quietly */
				 .host_type = s->host_type,
				 .nodes = s->nodes,
				 .summary = s->summary,
				 .why = s->why,
				 .remedy = s->remedy,
				 .first_ns = s->first_ns,
				 .last_ns = v->now_ns,
				 .node = s->node };
	uint64_t id, log_id;

	buf_puts(&note, "well again after ");
	health_duration(v->now_ns > s->first_ns ? v->now_ns - s->first_ns : 0, &note);
	v->changes++;
	return store_put_alert(v->store, &a, WHO, buf_str(&note), v->now_ns, &id, &log_id);
}

/* The difference in words: "more: a,b; well again: c". Empty: the same nodes. */
static int compare(struct hostlist *now, struct hostlist *before, bool *ret_more, struct buf *note)
{
	struct hostlist more = { 0 }, fewer = { 0 };
	int err = hostlist_unite(&more, now);

	if (!err)
		err = hostlist_unite(&fewer, before);
	if (!err) {
		hostlist_subtract(&more, before);
		hostlist_subtract(&fewer, now);
		*ret_more = more.len;
		buf_puts(note, more.len ? "more: " : "");
		hostlist_fold_short(&more, note, NODES_WORDS_MAX);
		buf_puts(note, more.len && fewer.len ? "; " : "");
		buf_puts(note, fewer.len ? "well again: " : "");
		hostlist_fold_short(&fewer, note, NODES_WORDS_MAX);
		err = note->err;
	}
	hostlist_done(&more);
	hostlist_done(&fewer);
	return err;
}

static int remember(struct health_watch *v, const char *key, const struct group *g, bool changed,
		    uint64_t look_ns)
{
	struct known *k = health_known(v, key, strlen(key));

	if (!k)
		return -ENOMEM;
	if (changed)
		k->changed_ns = v->now_ns;
	k->touched_ns = v->now_ns;
	k->look_ns = look_ns;
	k->news = g->news;
	hostlist_done(&k->nodes);
	k->nodes = (struct hostlist){ 0 };
	return hostlist_unite(&k->nodes, &g->nodes);
}

/*
 * The alert as it stands in the store, and what its nodes were, without those that a person lives
 * with now; a list that was cut says nothing.
 */
static int read_alert(struct health_watch *v, const char *key, struct stored *s,
		      struct hostlist *nodes)
{
	_cleanup_(hostlist_done) struct hostlist all = { 0 };
	struct hostlist_error why;
	int err = store_alert_get(v->store, key, copy_stored, s);

	if (err == -ENOENT)
		return 0;
	if (err || hostlist_parse(&all, s->nodes, NULL, &why))
		return err;
	for (size_t i = 0; i < all.len && !err; i++)
		if (!held_excepted(v->held, key, all.names[i], v->now_ns))
			err = hostlist_add(nodes, all.names[i]);
	return err;
}

/* All of its nodes are in a maintenance: the one of them that ends first; else NULL. */
static const struct held_window *held_by(const struct health_watch *v, const struct group *g)
{
	const struct held_window *first = NULL;

	for (size_t i = 0; i < g->nodes.len; i++) {
		const struct held_window *w =
			held_window_at(v->held, g->nodes.names[i], g->host_type, v->now_ns);

		if (!w)
			return NULL;
		if (!first || w->ends_ns < first->ends_ns)
			first = w;
	}
	return first;
}

static struct stance stance_of(const struct health_watch *v, const struct group *g,
			       const struct stored *s)
{
	struct stance st = { .state = s->state,
			     .until_ns = s->state == ALERT_SNOOZED ? s->until_ns : 0,
			     .window_id = s->state == ALERT_SNOOZED ? s->window_id : 0 };
	const struct held_window *w = st.window_id || !stands(s) ? held_by(v, g) : NULL;

	if (w && (!stands(s) || st.window_id)) {
		st.cause = stands(s) ? 0 : CAUSE_HELD;
		st.note = stands(s) ? NULL : w->note;
		st.state = ALERT_SNOOZED;
		st.until_ns = w->ends_ns;
		st.window_id = w->id;
	} else if (!stands(s)) {
		st = (struct stance){ .state = ALERT_OPEN,
				      .cause = s->exists ? CAUSE_REOPENED : CAUSE_OPENED };
	} else if (st.window_id) {
		st = (struct stance){ .state = ALERT_OPEN, .cause = CAUSE_WINDOW_OVER };
	} else if (st.state == ALERT_SNOOZED && st.until_ns <= v->now_ns) {
		st = (struct stance){ .state = ALERT_OPEN, .cause = CAUSE_SNOOZE_OVER };
	} else if (st.state == ALERT_ALLOWED) { /* for others than these nodes, or no longer */
		st = (struct stance){ .state = ALERT_OPEN,
				      .cause = CAUSE_REOPENED,
				      .note = "the exception is over" };
	}
	return st;
}

/* A person lives with it on all nodes that have it. */
static int follow_spared(struct health_watch *v, const char *key, const struct group *g)
{
	_cleanup_(stored_done) struct stored s = { 0 };
	const struct known *k = map_get(v->known, key, strlen(key));
	int err;

	if (k && !k->nodes.len && k->touched_ns + TOUCH_NS > v->now_ns)
		return 0;
	err = health_watch_begin(v);
	if (!err)
		err = store_alert_get(v->store, key, copy_stored, &s);
	if (err == -ENOENT)
		err = 0;
	if (!err && stands(&s) && s.state != ALERT_ALLOWED)
		err = resolve(v, key, &s);
	return err ? err : remember(v, key, g, false, 0);
}

static int follow_group(struct health_watch *v, const char *key, struct group *g)
{
	_cleanup_(stored_done) struct stored s = { 0 };
	_cleanup_(hostlist_done) struct hostlist before = { 0 };
	_cleanup_(buf_done) struct buf note = BUF_INIT(1024);
	struct known *k = map_get(v->known, key, strlen(key));
	struct stance st;
	bool more = false, again;
	int err;

	hostlist_sort(&g->nodes);
	/* Nothing has changed: that needs no look at the store. */
	if (k && k->touched_ns + TOUCH_NS > v->now_ns && (!k->look_ns || v->now_ns < k->look_ns)) {
		err = compare(&g->nodes, &k->nodes, &more, &note);
		if (err || (!note.len && g->news == k->news) ||
		    k->changed_ns + SETTLE_NS > v->now_ns)
			return err;
		buf_reset(&note);
	}
	err = health_watch_begin(v);
	if (!err)
		err = read_alert(v, key, &s, &before);
	if (err)
		return err;
	st = stance_of(v, g, &s);
	if (!stands(&s)) {
		err = put(v, key, g, &st, v->now_ns);
		return err ? err : remember(v, key, g, true, st.until_ns);
	}
	err = compare(&g->nodes, &before, &more, &note);
	if (err)
		return err;
	/* A clock that is set a second time; whether it was before we came nobody knows. */
	again = !note.len && k && k->news && k->news != g->news && s.state != ALERT_ALLOWED;
	if (again)
		buf_puts(&note, "once more");
	if ((more || again) && st.state == ALERT_ACKNOWLEDGED)
		st.state = ALERT_OPEN;
	if (!note.len && !st.cause) {
		err = store_touch_alert(v->store, key, g->nodes.len, v->now_ns);
		return err ? err : remember(v, key, g, false, st.until_ns);
	}
	if (note.len) {
		st.cause = CAUSE_NODES_CHANGED;
		st.note = buf_str(&note);
	}
	err = put(v, key, g, &st, s.first_ns);
	return err ? err : remember(v, key, g, true, st.until_ns);
}

static bool on_group(const void *key, size_t len, void *value, void *arg)
{
	struct health_watch *v = arg;
	struct group *g = value;
	char text[1024];

	if (v->err || len >= sizeof(text))
		return false;
	memcpy(text, key, len);
	text[len] = '\0';
	v->err = g->nodes.len ? follow_group(v, text, g) : follow_spared(v, text, g);
	return false;
}

/* Known, and no group has its key any more. */
static bool on_known(const void *key, size_t len, void *value, void *arg)
{
	struct health_watch *v = arg;
	_cleanup_(stored_done) struct stored s = { 0 };
	char text[1024];

	(void)value;
	if (v->err || len >= sizeof(text) || map_get(v->groups, key, len))
		return false;
	memcpy(text, key, len);
	text[len] = '\0';
	v->err = health_watch_begin(v);
	if (!v->err)
		v->err = store_alert_get(v->store, text, copy_stored, &s);
	if (v->err == -ENOENT)
		v->err = 0;
	/* A monitor that has only just begun does not know yet who is silent. */
	if (s.kind == FINDING_SILENT && v->now_ns < v->limits.watching_ns + v->limits.silent_ns)
		return false;
	if (!v->err && stands(&s))
		v->err = resolve(v, text, &s);
	return !v->err;
}

int health_alerts(struct health_watch *v)
{
	map_each(v->groups, on_group, v);
	if (!v->err)
		map_each(v->known, on_known, v);
	return v->err;
}
