/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/health_watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "monitor/heads.h"
#include "monitor/held.h"
#include "monitor/health_watch_internal.h"
#include "store/triage.h"
#include "view/health_row.h"

/* Every node's row is judged (audit_health); what is found is gathered by issue and class. */
#define EVERY_NS UINT64_C(5000000000)
#define RELOAD_NS UINT64_C(60000000000)

static void free_group(void *p)
{
	struct group *g = p;

	free(g->host_type);
	hostlist_done(&g->nodes);
	buf_done(&g->why);
	free(g);
}

static void drop_notes(struct health_watch *v)
{
	while (v->notes) {
		struct note *n = v->notes;

		v->notes = n->next;
		free(n->node);
		free(n);
	}
}

int health_watch_new(struct store *s, const struct health_watch_opts *o,
		     struct health_watch **ret_v)
{
	_cleanup_(health_watch_freep) struct health_watch *v = calloc(1, sizeof(*v));
	int err;

	if (!v)
		return -ENOMEM;
	v->store = s;
	v->opts = *o;
	v->limits = (struct health_limits){ .silent_ns = o->silent_ns,
					    .skew_ns = o->skew_ns,
					    .hole_ns = o->hole_ns };
	err = map_new(free_group, &v->groups);
	if (!err)
		err = map_new(health_free_known, &v->known);
	if (!err)
		err = map_new(health_free_spared, &v->spared);
	if (!err)
		err = heads_new(s, &v->heads);
	if (!err)
		err = held_new(&v->held);
	if (err)
		return err;
	v->revision = UINT64_MAX;
	*ret_v = take_ptr(v);
	return 0;
}

void health_watch_free(struct health_watch *v)
{
	if (!v)
		return;
	map_free(v->groups);
	map_free(v->known);
	map_free(v->spared);
	held_free(v->held);
	heads_free(v->heads);
	drop_notes(v);
	free(v);
}

uint64_t health_watch_every_ns(const struct health_watch *v)
{
	uint64_t ns = v->opts.silent_ns / 4;

	return ns < EVERY_NS ? ns : EVERY_NS;
}

/* --- judging the rows ------------------------------------------------------------------------------ */

static int keep_note(struct health_watch *v, const char *node, const struct store_watch *w)
{
	struct note *n = calloc(1, sizeof(*n));

	if (n)
		n->node = strdup(node);
	if (!n || !n->node) {
		free(n);
		return -ENOMEM;
	}
	n->watch = *w;
	n->next = v->notes;
	v->notes = n;
	return 0;
}

static int group_for(struct health_watch *v, enum health_issue i, const char *host_type,
		     const struct buf *key, struct group **ret_g)
{
	struct group *g;
	int err;

	g = map_get(v->groups, key->data, key->len);
	if (!g) {
		g = calloc(1, sizeof(*g));
		if (!g)
			return -ENOMEM;
		g->issue = i;
		g->why = (struct buf)BUF_INIT(HEALTH_TEXT_MAX);
		g->host_type = strdup(host_type);
		err = g->host_type ? map_put(v->groups, key->data, key->len, g) : -ENOMEM;
		if (err) {
			free_group(g);
			return err;
		}
	}
	*ret_g = g;
	return 0;
}

static int gather_one(struct health_watch *v, enum health_issue i, const struct store_health_row *r,
		      const struct health_in *in)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1023);
	struct group *g = NULL;
	bool spared = false;
	int err;

	health_key(i, r->host_type, &key);
	err = key.err ? key.err : group_for(v, i, r->host_type, &key, &g);
	if (!err)
		err = health_spare(v, buf_str(&key), r->node, &spared);
	if (err)
		return err;
	if (spared) {
		g->spared = true;
		return 0;
	}
	err = hostlist_add(&g->nodes, r->node);
	if (err)
		return err;
	if (i == ISSUE_STEP)
		g->news += in->stepped_ns;
	if (g->details++ >= HEALTH_DETAILS_MAX)
		return 0;
	buf_puts(&g->why, g->why.len ? "; " : "");
	health_detail(g->issue, in, v->now_ns, &g->why);
	return 0;
}

static int gather(struct health_watch *v, const struct store_health_row *r,
		  const struct health_in *in, uint32_t found)
{
	int err = 0;

	for (unsigned i = 0; i < ISSUES && !err; i++)
		if (found & 1U << i)
			err = gather_one(v, (enum health_issue)i, r, in);
	return err;
}

static int on_row(const struct store_health_row *r, void *arg)
{
	struct health_watch *v = arg;
	struct store_watch w = r->watch;
	struct health_in in;
	int err = 0;

	if (!r->known || r->standing == STANDING_CURRENT) {
		health_follow(r, v->now_ns, &w);
		if (memcmp(&w, &r->watch, sizeof(w)))
			err = keep_note(v, r->node, &w);
		if (!err)
			err = heads_add(v->heads, r, &w);
		snprintf(v->holder_node, sizeof(v->holder_node), "%s", r->node);
		snprintf(v->holder_host, sizeof(v->holder_host), "%s", r->known ? r->h.host : "");
	}
	health_row(r, &w, &in);
	if (in.refused)
		in.other_host = strcmp(v->holder_node, r->node) ? "" : v->holder_host;
	return err ? err : gather(v, r, &in, audit_health(&in, &v->limits, v->now_ns));
}

static int load_alert(const struct store_alert *a, void *arg)
{
	struct health_watch *v = arg;

	if (!health_kind(a->kind))
		return 0;
	return health_known(v, a->key, strlen(a->key)) ? 0 : -ENOMEM;
}

/* Alerts that are open, whoever raised them: an earlier monitor, or another one. */
static int load(struct health_watch *v)
{
	const struct store_alert_query q = { 0 };
	int err;

	if (v->loaded_ns && v->now_ns - v->loaded_ns < RELOAD_NS)
		return 0;
	err = store_alerts(v->store, &q, load_alert, v);
	if (!err)
		v->loaded_ns = v->now_ns;
	return err;
}

static int write_notes(struct health_watch *v)
{
	int err = v->notes ? health_watch_begin(v) : 0;

	for (struct note *n = v->notes; n && !err; n = n->next)
		err = store_put_watch(v->store, n->node, &n->watch);
	return err;
}

/* Maintenance that has begun or was ended: every alert is looked at again. */
static int read_held(struct health_watch *v)
{
	uint64_t log_id, revision;
	int err = store_triage_marks(v->store, &log_id, &revision);

	if (err || revision == v->revision)
		return err;
	map_each(v->known, map_always, NULL);
	v->loaded_ns = 0;
	err = held_load(v->held, v->store, v->now_ns);
	if (!err)
		v->revision = revision;
	return err;
}

static int on_broken(const char *node, const struct store_watch *w, void *arg)
{
	struct health_watch *v = arg;
	int err = health_watch_begin(v);

	return err ? err : store_put_watch(v->store, node, w);
}

static int round_of(struct health_watch *v)
{
	int err;

	if (!v->limits.watching_ns)
		v->limits.watching_ns = v->now_ns;
	err = read_held(v);
	if (!err)
		err = load(v);
	if (!err)
		err = store_health(v->store, NULL, false, on_row, v);
	if (!err)
		err = write_notes(v);
	if (!err)
		err = heads_compare(v->heads, v->now_ns, on_broken, v);
	if (!err)
		err = health_end_exceptions(v);
	return err ? err : health_alerts(v);
}

/*
 * 1: this round is ours. On a store that nobody shares it always is, and a quiet round writes
 * nothing.
 */
static int take_interval(struct health_watch *v)
{
	int ret;

	if (!v->opts.shared) {
		ret = store_clock(v->store, &v->now_ns);
		return ret ? ret : 1;
	}
	ret = health_watch_begin(v);
	if (!ret)
		ret = store_interval_lock(v->store, "health", health_watch_every_ns(v) * 3 / 4,
					  &v->now_ns);
	return ret;
}

int health_watch_step(struct health_watch *v, unsigned *ret_changes)
{
	int ret;

	v->changes = 0;
	v->err = 0;
	v->begun = false;
	ret = take_interval(v);
	if (ret > 0)
		ret = round_of(v);
	if (!ret && v->begun)
		ret = store_commit(v->store);
	else if (v->begun)
		store_rollback(v->store);
	/* What is remembered of a round that did not come through is not so. */
	if (ret) {
		map_each(v->known, map_always, NULL);
		heads_forget(v->heads);
		v->loaded_ns = 0;
		v->revision = UINT64_MAX;
	}
	map_each(v->groups, map_always, NULL);
	map_each(v->spared, map_always, NULL);
	drop_notes(v);
	*ret_changes = ret ? 0 : v->changes;
	return ret == -EOPNOTSUPP ? 0 : ret;
}
