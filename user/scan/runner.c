/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "core/portset.h"
#include "scan/backoff.h"
#include "scan/nmap.h"
#include "scan/seen.h"
#include "store/scans.h"

#define NS_PER_S 1000000000ULL
#define LEASE_NS (20 * NS_PER_S)
#define LOOK_NS (5 * NS_PER_S)
#define PROCESSES_MAX 64

/* A shard under way. */
struct slot {
	struct runner *r;
	struct nmap *nmap; /* NULL: free */
	bool ended; /* by itself; its nmap is freed on the next turn, not inside its own callback */
	uint64_t scan_id;
	uint32_t shard;
	size_t targets_len, seen_len;
	struct address targets[STORE_SHARD_HOSTS_MAX];
	char nodes[STORE_SHARD_HOSTS_MAX][256], addrs[STORE_SHARD_HOSTS_MAX][ADDRESS_TEXT_MAX];
	char task[64];
	double percent;
	uint64_t remaining_s;
	enum scan_kind kind;
	char *ports;
	bool sweeps; /* no look that was asked for to be sure of something */
	uint64_t rate;
	int err; /* of the store, when it ended the nmap */
};

struct runner {
	struct runner_opts o;
	char owner[256];
	struct loop_source *timer, *renew_timer;
	unsigned slots_len;
	struct slot *slots;
	bool kicked;
};

static void report(struct runner *r, enum runner_news news, const struct slot *sl, const char *why)
{
	const struct runner_report rep = { .news = news,
					   .scan_id = sl ? sl->scan_id : 0,
					   .shard = sl ? sl->shard : 0,
					   .why = why };

	r->o.report(&rep, r->o.arg);
}

static void changed(struct runner *r)
{
	if (r->o.changed)
		r->o.changed(r->o.arg);
}

static void clear_slot(struct slot *sl)
{
	struct runner *r = sl->r;

	nmap_free(sl->nmap);
	free(sl->ports);
	memset(sl, 0, sizeof(*sl));
	sl->r = r;
}

/* --- what an nmap says ------------------------------------------------------------------------ */

static int target_of(const struct slot *sl, const struct scan_host *h)
{
	struct address a = { .family = h->family };

	memcpy(a.bytes, h->addr, h->family == FAMILY_INET ? 4 : 16);
	for (size_t i = 0; i < sl->targets_len; i++) {
		if (address_eq(&a, &sl->targets[i]))
			return (int)i;
	}
	return -ENOENT;
}

/* A look that was asked for to be sure is taken as it is. */
static int look_for_backoff(const struct slot *sl, const struct scan_host *h, struct seen *seen,
			    struct backoff *ret_b)
{
	int err = 0;

	if (!sl->sweeps || seen->host.state != SCAN_HOST_SEEN)
		return 0;
	err = backoff_look(sl->r->o.store, seen->host.node, seen->host.addr, h, ret_b);
	if (!err && backoff_is_due(ret_b))
		seen->host.state = SCAN_HOST_BACKED_OFF;
	return err;
}

/* Stored together with the later look that it asks for. */
static int put_one(struct slot *sl, const struct scan_host *h, struct seen *seen)
{
	struct store *s = sl->r->o.store;
	enum scan_host_state state = seen->host.state;
	struct backoff b = { 0 };
	int err = look_for_backoff(sl, h, seen, &b);

	if (!err)
		err = store_begin(s);
	if (err)
		return err;
	err = store_scan_host_put(s, &seen->host, sl->r->owner, seen->ports, seen->ports_len);
	if (!err && backoff_is_due(&b))
		err = backoff_later(s, seen->host.node, seen->host.addr, &b);
	seen->host.state = state; /* of a node with the same address it may not be so */
	if (!err)
		return store_commit(s);
	store_rollback(s);
	return err;
}

/* Two nodes may have one address; then each of them was seen. */
static int put_seen(struct slot *sl, const struct scan_host *h, struct seen *seen,
		    const struct address *a)
{
	int err = 0;

	for (size_t i = 0; !err && i < sl->targets_len; i++) {
		if (!address_eq(a, &sl->targets[i]))
			continue;
		seen->host.scan_id = sl->scan_id;
		seen->host.shard = sl->shard;
		seen->host.node = sl->nodes[i];
		seen->host.addr = sl->addrs[i];
		err = put_one(sl, h, seen);
		sl->seen_len += !err;
	}
	return err;
}

static int on_host(const struct scan_host *h, void *arg)
{
	struct slot *sl = arg;
	int at = target_of(sl, h);
	struct seen seen;

	if (at < 0)
		return 0; /* it was not asked for that one */
	sl->err = seen_make(h, nmap_run(sl->nmap), &seen);
	if (!sl->err) {
		sl->err = put_seen(sl, h, &seen, &sl->targets[at]);
		seen_done(&seen);
	}
	changed(sl->r);
	return sl->err;
}

static int on_progress(const struct scan_progress *p, void *arg)
{
	struct slot *sl = arg;

	snprintf(sl->task, sizeof(sl->task), "%s", p->task);
	sl->percent = p->percent;
	sl->remaining_s = p->remaining_s;
	changed(sl->r);
	return 0;
}

static void end_shard(struct slot *sl, int err, const char *why)
{
	struct runner *r = sl->r;

	if (sl->err) {
		report(r, RUNNER_LOST, sl, store_why(r->o.store));
		return;
	}
	if (err)
		report(r, RUNNER_SHARD_FAILED, sl, why);
	err = store_shard_end(r->o.store, sl->scan_id, sl->shard, r->owner, !err, err ? why : "");
	if (err)
		report(r, RUNNER_LOST, sl, store_why(r->o.store));
	else
		report(r, RUNNER_SHARD_DONE, sl, "");
}

static void on_done(int err, const char *why, void *arg)
{
	struct slot *sl = arg;

	end_shard(sl, err, why);
	sl->ended = true;
	changed(sl->r);
	runner_kick(sl->r);
}

static const struct nmap_ops ops = { .xml = { on_host, on_progress }, .done = on_done };

/* --- what there is to do ---------------------------------------------------------------------- */

static int take(const struct store_shard *sh, void *arg)
{
	struct slot *sl = arg;

	sl->scan_id = sh->scan_id;
	sl->shard = sh->shard;
	sl->targets_len = 0;
	sl->kind = sh->kind;
	sl->sweeps = sh->priority < STORE_SCAN_PROBE && strcmp(sh->plan, BACKOFF_PLAN) != 0;
	sl->ports = strdup(sh->ports);
	if (!sl->ports)
		return -ENOMEM;
	for (size_t i = 0; i < sh->targets_len; i++) {
		size_t n = sl->targets_len;

		/*
		 * Whoever can write the store does not choose what we scan: only numbers, and no
		 * networks.
		 */
		if (address_parse(sh->targets[i].addr, &sl->targets[n]) ||
		    !address_is_host(&sl->targets[n]))
			continue;
		snprintf(sl->nodes[n], sizeof(sl->nodes[n]), "%s", sh->targets[i].node);
		snprintf(sl->addrs[n], sizeof(sl->addrs[n]), "%s", sh->targets[i].addr);
		sl->targets_len++;
	}
	sl->rate = sh->rate / sl->r->slots_len;
	if (sh->rate && !sl->rate)
		sl->rate = 1;
	if (sh->host_rate && (!sl->rate || sl->rate > sh->host_rate * sl->targets_len))
		sl->rate = sh->host_rate * sl->targets_len;
	return 0;
}

static bool ports_are_good(const char *list)
{
	struct ports *set = calloc(1, sizeof(*set));
	bool good = set && (!strcmp(list, "services") || !ports_parse(list, set));

	free(set);
	return good;
}

static int start(struct slot *sl)
{
	const struct runner_opts *o = &sl->r->o;
	const struct nmap_job job = {
		.kind = sl->kind,
		.ports = sl->ports,
		.targets = sl->targets,
		.targets_len = sl->targets_len,
		.rate = sl->rate,
		.stats_every_s = o->stats_every_s,
		.lease_ns = o->lease_ns - o->lease_ns / 10, /* gone before another may begin */
		.uid = o->uid,
		.gid = o->gid,
	};

	if (!ports_are_good(sl->ports))
		return -EINVAL;
	return nmap_start(o->loop, &job, &ops, sl, &sl->nmap);
}

/* 1: took one. */
static int begin(struct slot *sl)
{
	struct runner *r = sl->r;
	char why[128];
	const struct store_lease l = { .scan_id = r->o.scan_id,
				       .raw = r->o.raw,
				       .owner = r->owner,
				       .lease_ns = r->o.lease_ns };
	int err = store_shard_lease(r->o.store, &l, take, sl);

	if (err == -ENOENT)
		return 0;
	if (err) {
		report(r, RUNNER_STORE, NULL, store_why(r->o.store));
		clear_slot(sl);
		return err;
	}
	if (!sl->targets_len) {
		end_shard(
			sl, 0,
			""); /* nothing is left of it: its holder died between the last host and the end */
		clear_slot(sl);
		return 1;
	}
	err = start(sl);
	if (err) {
		snprintf(why, sizeof(why), "cannot start %s: %s%s", nmap_program(), strerror(-err),
			 err == -ENOENT ? " (install nmap)" : "");
		end_shard(sl, err, why);
		clear_slot(sl);
		return 0; /* not at once again */
	}
	changed(r);
	return 1;
}

static bool too_busy(const struct runner *r)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	double load;

	return r->o.load_max && getloadavg(&load, 1) == 1 &&
	       load * 100 > (double)r->o.load_max * (double)(cores > 0 ? cores : 1);
}

static int on_timer(void *arg)
{
	struct runner *r = arg;

	r->kicked = false;
	for (unsigned i = 0; i < r->slots_len; i++) {
		if (r->slots[i].ended)
			clear_slot(&r->slots[i]);
	}
	for (unsigned i = 0; i < r->slots_len; i++) {
		int ret = 1;

		while (ret > 0 && !r->slots[i].nmap && !too_busy(r))
			ret = begin(&r->slots[i]);
		if (ret <= 0)
			break;
	}
	return r->kicked ? 0 : loop_timer_set(r->timer, LOOK_NS, 0);
}

void runner_kick(struct runner *r)
{
	if (r->kicked)
		return;
	r->kicked = !loop_timer_set(r->timer, 1, 0);
}

static int on_renew(void *arg)
{
	struct runner *r = arg;

	for (unsigned i = 0; i < r->slots_len; i++) {
		struct slot *sl = &r->slots[i];

		if (!sl->nmap || sl->ended)
			continue;
		sl->err = store_shard_renew(r->o.store, sl->scan_id, sl->shard, r->owner,
					    r->o.lease_ns);
		/* A store that is away for a moment may be back before the lease is over. */
		if (sl->err == -ECANCELED) {
			report(r, RUNNER_LOST, sl, store_why(r->o.store));
			clear_slot(sl);
			runner_kick(r);
		} else if (sl->err) {
			report(r, RUNNER_STORE, sl, store_why(r->o.store));
			sl->err = 0;
		} else {
			nmap_renew(sl->nmap);
		}
	}
	return 0;
}

int runner_new(const struct runner_opts *o, struct runner **ret_r)
{
	_cleanup_(runner_freep) struct runner *r = calloc(1, sizeof(*r));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = o->processes ? o->processes : cores > 0 ? (unsigned)cores : 1;
	int err;

	if (!r)
		return -ENOMEM;
	r->o = *o;
	if (!r->o.lease_ns)
		r->o.lease_ns = LEASE_NS;
	snprintf(r->owner, sizeof(r->owner), "%s", o->owner);
	r->slots = calloc(n < PROCESSES_MAX ? n : PROCESSES_MAX, sizeof(*r->slots));
	if (!r->slots)
		return -ENOMEM;
	r->slots_len = n < PROCESSES_MAX ? n : PROCESSES_MAX;
	for (unsigned i = 0; i < r->slots_len; i++)
		r->slots[i].r = r;
	err = loop_add_timer(o->loop, on_timer, r, &r->timer);
	if (!err)
		err = loop_add_timer(o->loop, on_renew, r, &r->renew_timer);
	if (!err)
		err = loop_timer_set(r->renew_timer, r->o.lease_ns / 3, r->o.lease_ns / 3);
	if (err)
		return err;
	runner_kick(r);
	*ret_r = take_ptr(r);
	return 0;
}

void runner_free(struct runner *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->slots_len; i++) {
		struct slot *sl = &r->slots[i];

		/* Its lease runs out if this fails. */
		if (sl->nmap && !sl->ended &&
		    store_shard_release(r->o.store, sl->scan_id, sl->shard, r->owner))
			report(r, RUNNER_LOST, sl, store_why(r->o.store));
		clear_slot(sl);
	}
	loop_remove(r->timer);
	loop_remove(r->renew_timer);
	free(r->slots);
	free(r);
}

void runner_progress(const struct runner *r, struct runner_progress *ret_p)
{
	struct runner_progress p = { .task = "" };

	for (unsigned i = 0; i < r->slots_len; i++) {
		const struct slot *sl = &r->slots[i];

		if (!sl->nmap || sl->ended)
			continue;
		p.running++;
		p.hosts += (double)(sl->targets_len - sl->seen_len) * sl->percent / 100;
		if (*sl->task) {
			p.task = sl->task;
			p.percent = sl->percent;
		}
		if (sl->remaining_s > p.remaining_s)
			p.remaining_s = sl->remaining_s;
	}
	*ret_p = p;
}
