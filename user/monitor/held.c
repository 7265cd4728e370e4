/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	struct map *exceptions; /* alert key -> uint64_t: when it ends, 0 never */
};

static void forget(struct held *h)
{
	for (size_t i = 0; i < h->len; i++) {
		hostlist_done(&h->windows[i].nodes);
		free(h->windows[i].host_type);
		free(h->windows[i].w.note);
	}
	h->len = 0;
	map_each(h->exceptions, map_always, NULL);
}

int held_new(struct held **ret_h)
{
	struct held *h = calloc(1, sizeof(*h));
	int err = h ? map_new(free, &h->exceptions) : -ENOMEM;

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
	map_free(h->exceptions);
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

static int on_exception(const struct store_exception *e, void *arg)
{
	struct held *h = arg;
	size_t len = strlen(e->key);
	uint64_t *have = map_get(h->exceptions, e->key, len), *end;
	int err;

	if (have) { /* the one that lasts longest */
		if (!e->expires_ns || (*have && e->expires_ns > *have))
			*have = e->expires_ns;
		return 0;
	}
	end = malloc(sizeof(*end));
	if (!end)
		return -ENOMEM;
	*end = e->expires_ns;
	err = map_put(h->exceptions, e->key, len, end);
	if (err)
		free(end);
	return err;
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

bool held_excepted(const struct held *h, const char *key, uint64_t at_ns)
{
	const uint64_t *end = map_get(h->exceptions, key, strlen(key));

	return end && (!*end || at_ns < *end);
}
