/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/heads.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/map.h"
#include "store/health.h"
#include "store/store.h"

#define AGAIN_NS UINT64_C(600000000000)

struct head {
	struct head *next;
	char *node;
	uint32_t boot_seq;
	uint64_t seq;
	uint8_t chain[SHA256_LEN];
	struct store_watch watch;
};

struct looked {
	uint32_t boot_seq;
	uint64_t seq;
};

struct heads {
	struct store *store;
	struct head *list; /* to be compared */
	struct map *looked; /* node -> struct looked: compared last */
	uint64_t begun_ns; /* since when that is kept */
};

int heads_new(struct store *s, struct heads **ret_h)
{
	struct heads *h = calloc(1, sizeof(*h));
	int err = h ? map_new(free, &h->looked) : -ENOMEM;

	if (err) {
		free(h);
		return err;
	}
	h->store = s;
	*ret_h = h;
	return 0;
}

static void drop(struct heads *h)
{
	while (h->list) {
		struct head *one = h->list;

		h->list = one->next;
		free(one->node);
		free(one);
	}
}

void heads_free(struct heads *h)
{
	if (!h)
		return;
	drop(h);
	map_free(h->looked);
	free(h);
}

void heads_forget(struct heads *h)
{
	drop(h);
	map_each(h->looked, map_always, NULL);
}

int heads_add(struct heads *h, const struct store_health_row *r, const struct store_watch *w)
{
	const struct looked *last = map_get(h->looked, r->node, strlen(r->node));
	struct head *one;

	if (!r->known || !r->h.boot_seq || !r->h.seq || r->h.boot_seq != r->stored_boot ||
	    r->head_seq < r->h.seq || w->broken_ns)
		return 0;
	if (last && last->boot_seq == r->h.boot_seq && last->seq == r->h.seq)
		return 0;
	one = calloc(1, sizeof(*one));
	if (one)
		one->node = strdup(r->node);
	if (!one || !one->node) {
		free(one);
		return -ENOMEM;
	}
	one->boot_seq = r->h.boot_seq;
	one->seq = r->h.seq;
	memcpy(one->chain, r->h.chain, SHA256_LEN);
	one->watch = *w;
	one->next = h->list;
	h->list = one;
	return 0;
}

struct comparing {
	const struct head *head;
	bool same;
};

static int on_row(const struct store_event_row *row, void *arg)
{
	struct comparing *c = arg;

	c->same =
		row->raw.seq == c->head->seq && !memcmp(row->raw.chain, c->head->chain, SHA256_LEN);
	return 0;
}

static int compare(struct heads *h, const struct head *one, bool *ret_same)
{
	const struct store_event_query q = {
		.node = one->node, .boot_seq = one->boot_seq, .after_seq = one->seq - 1, .limit = 1
	};
	struct comparing c = { .head = one };
	struct looked *last;
	uint64_t base = 0;
	int err = store_events(h->store, &q, on_row, &c);

	if (!err && !c.same)
		err = store_event_base(h->store, one->node, one->boot_seq, &base);
	if (err)
		return err;
	*ret_same = c.same || base >= one->seq; /* pruned: it was here */
	last = calloc(1, sizeof(*last));
	if (!last)
		return -ENOMEM;
	*last = (struct looked){ one->boot_seq, one->seq };
	err = map_put(h->looked, one->node, strlen(one->node), last);
	if (err)
		free(last);
	return err;
}

int heads_compare(struct heads *h, uint64_t now_ns,
		  int (*fn)(const char *node, const struct store_watch *w, void *arg), void *arg)
{
	int err = 0;

	for (struct head *one = h->list; one && !err; one = one->next) {
		bool same = true;

		err = compare(h, one, &same);
		if (err || same)
			continue;
		one->watch.broken_boot = one->boot_seq;
		one->watch.broken_seq = one->seq;
		one->watch.broken_ns = now_ns;
		err = fn(one->node, &one->watch, arg);
	}
	drop(h);
	if (now_ns - h->begun_ns >= AGAIN_NS) {
		map_each(h->looked, map_always, NULL);
		h->begun_ns = now_ns;
	}
	return err;
}
