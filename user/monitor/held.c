/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/hostlist.h"
#include "base/map.h"
#include "store/store.h"
#include "store/triage.h"

#define LATE_NS UINT64_C(86400000000000)
/* Those of a day that were ended early count too; beyond it none holds anything back. */
#define WINDOWS_MAX (4 * STORE_MAINTENANCES_MAX)

struct window {
	struct held_window w;
	struct hostlist nodes; /* empty: all */
	char *host_type; /* "": all */
};

struct held {
	struct window *windows;
	size_t len;
	struct held_exception **exceptions;
	size_t exceptions_len;
	struct map *by_key; /* alert key without the class -> struct same_key */
};

/* The exceptions of one key: for other nodes, or for the same ones at another time. */
struct same_key {
	struct held_exception **list; /* borrowed */
	size_t len;
};

static void same_key_free(void *p)
{
	struct same_key *k = p;

	free(k->list);
	free(k);
}

static void exception_free(struct held_exception *e)
{
	if (!e)
		return;
	hostlist_done(&e->nodes);
	free(e->key);
	free(e);
}

static void forget(struct held *h)
{
	for (size_t i = 0; i < h->len; i++) {
		hostlist_done(&h->windows[i].nodes);
		free(h->windows[i].host_type);
		free(h->windows[i].w.note);
	}
	h->len = 0;
	map_each(h->by_key, map_always, NULL);
	for (size_t i = 0; i < h->exceptions_len; i++)
		exception_free(h->exceptions[i]);
	h->exceptions_len = 0;
}

int held_new(struct held **ret_h)
{
	struct held *h = calloc(1, sizeof(*h));
	int err = h ? map_new(same_key_free, &h->by_key) : -ENOMEM;

	if (err) {
		free(h);
		return err;
	}
	*ret_h = h;
	return 0;
}

void held_free(struct held *h)
{
	if (!h)
		return;
	forget(h);
	free(h->windows);
	free(h->exceptions);
	map_free(h->by_key);
	free(h);
}

/*
 * A window whose node set cannot be read (written by hand) holds nothing back: rather an alert too
 * many.
 */
static int on_window(const struct store_maintenance *m, void *arg)
{
	struct held *h = arg;
	struct hostlist_error why;
	struct window *w;
	int err = 0;

	if (h->len == WINDOWS_MAX)
		return 0;
	w = reallocarray(h->windows, h->len + 1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	h->windows = w;
	w = &h->windows[h->len];
	*w = (struct window){ .w = { .id = m->id,
				     .starts_ns = m->starts_ns,
				     .ends_ns = m->ended_ns && m->ended_ns < m->ends_ns
							? m->ended_ns
							: m->ends_ns } };
	if (*m->nodes)
		err = hostlist_parse(&w->nodes, m->nodes, NULL, &why);
	if (!err && *m->nodes && !w->nodes.len)
		err = -EINVAL;
	if (err) {
		hostlist_done(&w->nodes);
		return err == -ENOMEM ? err : 0;
	}
	h->len++;
	hostlist_sort(&w->nodes);
	w->host_type = strdup(m->host_type);
	if (!w->host_type || asprintf(&w->w.note, "maintenance %llu: %s", (unsigned long long)m->id,
				      m->reason) < 0) {
		w->w.note = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int same_key_of(struct held *h, const char *key, struct same_key **ret_k)
{
	size_t len = audit_key_without_class(key);
	struct same_key *k = map_get(h->by_key, key, len);
	int err;

	if (!k) {
		k = calloc(1, sizeof(*k));
		err = k ? map_put(h->by_key, key, len, k) : -ENOMEM;
		if (err) {
			free(k);
			return err;
		}
	}
	*ret_k = k;
	return 0;
}

/* A node set that cannot be read excepts nobody: rather an alert too many. */
static int read_exception(const struct store_exception *from, struct held_exception *e)
{
	struct hostlist_error why;
	int err;

	e->id = from->id;
	e->ends_ns = from->expires_ns;
	e->key = strdup(from->key);
	if (!e->key)
		return -ENOMEM;
	err = hostlist_parse(&e->nodes, from->nodes, NULL, &why);
	if (err == -ENOMEM)
		return err;
	hostlist_sort(&e->nodes);
	return 0;
}

static int on_exception(const struct store_exception *from, void *arg)
{
	struct held *h = arg;
	struct held_exception **all =
		reallocarray(h->exceptions, h->exceptions_len + 1, sizeof(struct held_exception *));
	struct held_exception **list, *e;
	struct same_key *k;
	int err;

	if (!all)
		return -ENOMEM;
	h->exceptions = all;
	e = calloc(1, sizeof(*e));
	err = e ? read_exception(from, e) : -ENOMEM;
	if (err) {
		exception_free(e);
		return err;
	}
	all[h->exceptions_len++] = e;
	err = same_key_of(h, e->key, &k);
	if (err)
		return err;
	list = reallocarray(k->list, k->len + 1, sizeof(struct held_exception *));
	if (!list)
		return -ENOMEM;
	k->list = list;
	k->list[k->len++] = e;
	return 0;
}

int held_load(struct held *h, struct store *s, uint64_t now_wall_ns)
{
	int err;

	forget(h);
	err = store_maintenances(s, now_wall_ns > LATE_NS ? now_wall_ns - LATE_NS : 0, on_window,
				 h);
	return err ? err : store_exceptions(s, on_exception, h);
}

const struct held_window *held_window_at(const struct held *h, const char *node,
					 const char *host_type, uint64_t at_ns)
{
	const struct held_window *best = NULL;

	for (size_t i = 0; i < h->len; i++) {
		struct window *w = &h->windows[i];

		if (at_ns < w->w.starts_ns || at_ns >= w->w.ends_ns)
			continue;
		if (*w->host_type && strcmp(w->host_type, host_type ? host_type : ""))
			continue;
		if (w->nodes.len && !hostlist_has(&w->nodes, node))
			continue;
		if (!best || w->w.ends_ns > best->ends_ns)
			best = &w->w;
	}
	return best;
}

uint64_t held_window_end(const struct held *h, uint64_t id)
{
	for (size_t i = 0; i < h->len; i++)
		if (h->windows[i].w.id == id)
			return h->windows[i].w.ends_ns;
	return 0;
}

static const struct same_key *exceptions_of(const struct held *h, const char *key)
{
	return map_get(h->by_key, key, audit_key_without_class(key));
}

static bool lasts(const struct held_exception *e, uint64_t at_ns)
{
	return !e->ends_ns || at_ns < e->ends_ns;
}

bool held_excepted(const struct held *h, const char *key, const char *node, uint64_t at_ns)
{
	const struct same_key *k = exceptions_of(h, key);

	for (size_t i = 0; k && i < k->len; i++)
		if (lasts(k->list[i], at_ns) && hostlist_has(&k->list[i]->nodes, node))
			return true;
	return false;
}

bool held_excepts_some(const struct held *h, const char *key, uint64_t at_ns)
{
	const struct same_key *k = exceptions_of(h, key);

	for (size_t i = 0; k && i < k->len; i++)
		if (lasts(k->list[i], at_ns))
			return true;
	return false;
}

uint64_t held_exception_end(const struct held *h, uint64_t at_ns)
{
	uint64_t next = 0;

	for (size_t i = 0; i < h->exceptions_len; i++) {
		uint64_t end = h->exceptions[i]->ends_ns;

		if (end > at_ns && (!next || end < next))
			next = end;
	}
	return next;
}

int held_each_exception(const struct held *h, uint64_t since_ns,
			int (*fn)(struct held_exception *e, void *arg), void *arg)
{
	int err = 0;

	for (size_t i = 0; i < h->exceptions_len && !err; i++)
		if (lasts(h->exceptions[i], since_ns))
			err = fn(h->exceptions[i], arg);
	return err;
}
