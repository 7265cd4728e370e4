/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/hits.h"

#include <errno.h>
#include <stddef.h>

#include "base/map.h"
#include "store/profile.h"

#define WRITE_EVERY_NS UINT64_C(10000000000)
#define ROWS_MAX 4096 /* counted at a time; more are passed over until they are written */

struct count {
	uint64_t sure, sure_ns; /* committed, not written */
	uint64_t open, open_ns; /* of the batch under way */
};

struct hits {
	struct map *counts; /* row id -> struct count */
	uint64_t written_ns;
	bool due;
};

int hits_new(struct hits **ret_hits)
{
	_cleanup_(hits_freep) struct hits *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	err = map_new(free, &h->counts);
	if (err)
		return err;
	*ret_hits = take_ptr(h);
	return 0;
}

void hits_free(struct hits *h)
{
	if (!h)
		return;
	map_free(h->counts);
	free(h);
}

static bool decided(const struct judgement *j)
{
	if (!j->row || !j->row->id)
		return false;
	return j->verdict == VERDICT_PROFILED || j->row->action == PROFILE_DENY;
}

void hits_add(struct hits *h, const struct judgement *j, uint64_t time_ns)
{
	struct count *c;

	if (!decided(j))
		return;
	c = map_get(h->counts, &j->row->id, sizeof(j->row->id));
	if (!c) {
		if (map_size(h->counts) >= ROWS_MAX)
			return;
		c = calloc(1, sizeof(*c));
		if (!c || map_put(h->counts, &j->row->id, sizeof(j->row->id), c)) {
			free(c);
			return;
		}
	}
	c->open++;
	if (time_ns > c->open_ns)
		c->open_ns = time_ns;
}

struct settling {
	struct hits *h;
	bool committed;
};

static bool settle(const void *key, size_t len, void *value, void *arg)
{
	struct settling *s = arg;
	struct count *c = value;

	(void)key;
	(void)len;
	if (s->committed) {
		c->sure += c->open;
		c->sure_ns = c->open_ns > c->sure_ns ? c->open_ns : c->sure_ns;
		s->h->due |= c->sure > 0;
	}
	c->open = c->open_ns = 0;
	return false;
}

void hits_settle(struct hits *h, bool committed)
{
	struct settling s = { h, committed };

	if (map_size(h->counts))
		map_each(h->counts, settle, &s);
}

struct list {
	struct store_profile_hit hits[ROWS_MAX];
	size_t len;
};

static bool collect(const void *key, size_t len, void *value, void *arg)
{
	const struct count *c = value;
	struct list *l = arg;

	if (c->sure && l->len < ROWS_MAX && len == sizeof(l->hits[0].row_id)) {
		struct store_profile_hit *hit = &l->hits[l->len++];

		hit->row_id = *(const uint64_t *)key;
		hit->hits = c->sure;
		hit->last_ns = c->sure_ns;
	}
	return false;
}

int hits_write(struct hits *h, struct store *s, uint64_t now_ns, uint64_t *ret_next_ns)
{
	_free_ struct list *l = NULL;
	uint64_t next = h->written_ns + WRITE_EVERY_NS;
	int err;

	if (!h->due)
		return 0;
	if (h->written_ns && now_ns >= h->written_ns && now_ns < next) {
		if (!*ret_next_ns || *ret_next_ns > next)
			*ret_next_ns = next;
		return 0;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	map_each(h->counts, collect, l);
	err = store_profile_count(s, l->hits, l->len);
	if (err == -STORE_E_UNDONE || err == -ECANCELED) { /* somebody else counts: later */
		h->written_ns = now_ns;
		return 0;
	}
	if (err)
		return err;
	map_each(h->counts, map_always, NULL);
	h->written_ns = now_ns;
	h->due = false;
	return 0;
}
