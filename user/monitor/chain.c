/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/chain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "journal/journal.h"
#include "store/health.h"
#include "store/store.h"

#define BOOTS_MAX 32768 /* remembered; then they are looked up anew */

struct link {
	uint32_t journal_boot; /* the number that the chain is computed over */
	uint64_t seq; /* of the record below; 0: none yet */
	uint8_t chain[SHA256_LEN];
};

struct chains {
	struct store *store;
	struct map *links; /* "boot node" -> struct link */
};

int chains_new(struct store *s, struct chains **ret_c)
{
	_cleanup_(chains_freep) struct chains *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->store = s;
	err = map_new(free, &c->links);
	if (err)
		return err;
	*ret_c = take_ptr(c);
	return 0;
}

void chains_free(struct chains *c)
{
	if (!c)
		return;
	map_free(c->links);
	free(c);
}

struct search {
	uint32_t boot_seq;
	struct link *link;
};

static int on_boot(const struct store_boot *b, void *arg)
{
	struct search *s = arg;

	if (b->boot_seq == s->boot_seq)
		s->link->journal_boot = b->journal_boot;
	return 0;
}

static int on_before(const struct store_event_row *row, void *arg)
{
	struct link *l = arg;

	l->seq = row->raw.seq;
	memcpy(l->chain, row->raw.chain, SHA256_LEN);
	return 0;
}

static int look_up(struct chains *c, const struct store_event_row *row, struct link *l)
{
	const struct store_event_query before = { .node = row->node,
						  .boot_seq = row->raw.boot_seq,
						  .after_seq = row->raw.seq - 2,
						  .limit = 1 };
	struct search s = { row->raw.boot_seq, l };
	int err;

	l->journal_boot = row->raw.boot_seq;
	err = store_boots(c->store, row->node, on_boot, &s);
	if (!err && row->raw.seq > 1)
		err = store_events(c->store, &before, on_before, l);
	return err;
}

static int link_for(struct chains *c, const struct store_event_row *row, struct link **ret_l)
{
	char key[300];
	int len = snprintf(key, sizeof(key), "%" PRIu32 " %s", row->raw.boot_seq, row->node), err;
	struct link *l = map_get(c->links, key, (size_t)len);

	if (l) {
		*ret_l = l;
		return 0;
	}
	if (map_size(c->links) >= BOOTS_MAX)
		map_each(c->links, map_always, NULL);
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	err = look_up(c, row, l);
	if (!err)
		err = map_put(c->links, key, (size_t)len, l);
	if (err) {
		free(l);
		return err;
	}
	*ret_l = l;
	return 0;
}

int chains_check(struct chains *c, const struct store_event_row *row, bool *ret_whole)
{
	uint8_t want[SHA256_LEN];
	struct link *l = NULL;
	int err = link_for(c, row, &l);

	if (err)
		return err;
	*ret_whole = true;
	if (l->seq && l->seq + 1 == row->raw.seq) {
		journal_chain_step(l->chain, (struct journal_pos){ l->journal_boot, row->raw.seq },
				   row->raw.recorded_ns, row->raw.record, want);
		*ret_whole = !memcmp(want, row->raw.chain, SHA256_LEN);
	}
	l->seq = row->raw.seq;
	memcpy(l->chain, row->raw.chain, SHA256_LEN);
	return 0;
}

int chains_note(struct chains *c, const struct store_event_row *row)
{
	struct store_watch w = { 0 };
	uint64_t now = 0;
	int err = store_get_watch(c->store, row->node, &w);

	if (!err)
		err = store_clock(c->store, &now);
	if (err || w.broken_ns)
		return err == -EOPNOTSUPP ? 0 : err;
	w.broken_boot = row->raw.boot_seq;
	w.broken_seq = row->raw.seq;
	w.broken_ns = now;
	return store_put_watch(c->store, row->node, &w);
}
