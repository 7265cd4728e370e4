/* SPDX-License-Identifier: GPL-2.0 */
#include "view/past.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "store/verdicts.h"

struct change {
	struct change *next;
	uint64_t at_ns, made_ns, rule_id;
	enum verdict was, verdict;
	char author[];
};

/* A door's changes in the order of time. */
struct door_past {
	struct change *first, *last;
};

static void free_door(void *value)
{
	struct door_past *d = value;

	for (struct change *c = d->first, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(d);
}

void past_done(struct past *p)
{
	map_free(p->doors);
	*p = (struct past){ 0 };
}

static int key_of(const char *node, uint32_t boot_seq, uint64_t netns_cookie, uint64_t cookie,
		  struct buf *b)
{
	buf_printf(b, "%" PRIu32 " %" PRIu64 " %" PRIu64 " %s", boot_seq, netns_cookie, cookie,
		   node);
	return b->err;
}

static int door_for(struct past *p, const struct store_verdict_change *c, struct door_past **ret_d)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024);
	int err = key_of(c->node, c->boot_seq, c->netns_cookie, c->cookie, &key);
	struct door_past *d;

	if (err)
		return err;
	d = map_get(p->doors, key.data, key.len);
	if (!d) {
		d = calloc(1, sizeof(*d));
		err = d ? map_put(p->doors, key.data, key.len, d) : -ENOMEM;
		if (err)
			free(d);
	}
	*ret_d = d;
	return err;
}

static int keep(const struct store_verdict_change *c, void *arg)
{
	size_t n = strlen(c->author) + 1;
	struct past *p = arg;
	struct door_past *d;
	struct change *mine;
	int err;

	if (p->changes == PAST_CHANGES_MAX) {
		p->left_out++;
		return 0;
	}
	err = door_for(p, c, &d);
	mine = err ? NULL : malloc(sizeof(*mine) + n);
	if (!mine)
		return err ? err : -ENOMEM;
	*mine = (struct change){ .at_ns = c->at_ns,
				 .made_ns = c->made_ns,
				 .rule_id = c->rule_id,
				 .was = c->was,
				 .verdict = c->verdict };
	memcpy(mine->author, c->author, n);
	if (d->last)
		d->last->next = mine;
	else
		d->first = mine;
	d->last = mine;
	p->changes++;
	return 0;
}

int past_load(struct store *s, uint64_t after_ns, struct past *ret_past)
{
	_cleanup_(past_done) struct past p = { 0 };
	int err = map_new(free_door, &p.doors);

	if (!err)
		err = store_verdicts_since(s, &p.since_ns);
	if (!err)
		err = store_verdict_changes(s, after_ns, keep, &p);
	if (err)
		return err;
	*ret_past = p;
	p = (struct past){ 0 };
	return 0;
}

enum verdict past_verdict(const struct past *p, const char *node, uint32_t boot_seq,
			  const struct door *d, uint64_t at_ns, enum verdict now,
			  struct view_later *ret_later, bool *ret_computed)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024);
	const struct door_past *of;
	const struct change *c;

	*ret_later = (struct view_later){ 0 };
	*ret_computed = now && at_ns < p->since_ns;
	if (!p->doors || key_of(node, boot_seq, d->netns_cookie, d->cookie, &key))
		return now;
	of = map_get(p->doors, key.data, key.len);
	c = of ? of->first : NULL;
	while (c && c->at_ns <= at_ns)
		c = c->next;
	if (!c)
		return now;
	*ret_later = (struct view_later){ .verdict = c->verdict,
					  .at_ns = c->at_ns,
					  .rule_id = c->rule_id,
					  .author = c->author,
					  .made_ns = c->made_ns };
	*ret_computed = false; /* it was kept */
	return c->was;
}
