/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "monitor/judge_internal.h"
#include "store/executables.h"

/* What the files of a door's holders are, and which of them are waited for. */

/*
 * Files that are waited for, of one node and of all. Beyond it nobody waits: not known, as after
 * the time, which alerts at once. A node that invents paths has its own share alone; 512 such nodes
 * take the patience for all.
 */
#define AWAITED_NODE_MAX 128
#define AWAITED_MAX 65536

static size_t *count_of(const struct judge *j, const char *node)
{
	return map_get(j->awaited_nodes, node, strlen(node));
}

static int key_of(const char *node, struct text path, struct buf *b)
{
	buf_put(b, node, strlen(node) + 1);
	buf_put(b, path.ptr, path.len);
	return b->err;
}

static int put(struct judge *j, const char *node, const struct buf *key, struct awaited **ret)
{
	struct awaited *a = calloc(1, sizeof(*a));
	size_t *count = count_of(j, node);
	int err = a ? 0 : -ENOMEM;

	if (!err && !count) {
		count = calloc(1, sizeof(*count));
		err = count ? map_put(j->awaited_nodes, node, strlen(node), count) : -ENOMEM;
		if (err)
			free(count);
	}
	if (!err)
		err = map_put(j->awaited, key->data, key->len, a);
	if (err) {
		free(a);
		return err;
	}
	a->since_ns = j->now_ns;
	++*count;
	*ret = a;
	return 0;
}

static bool is_full(const struct judge *j, const char *node)
{
	const size_t *count = count_of(j, node);

	return (count && *count >= AWAITED_NODE_MAX) || map_size(j->awaited) >= AWAITED_MAX;
}

/* Whether it is waited for, from now on or still. */
static int await(struct judge *j, const char *node, const struct process *p, bool *ret)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(EVENT_RECORD_MAX);
	struct awaited *a;
	int err = key_of(node, p->exe, &key);

	*ret = false;
	if (err)
		return err;
	a = map_get(j->awaited, key.data, key.len);
	if (!a && is_full(j, node))
		return 0;
	if (!a)
		err = put(j, node, &key, &a);
	if (err)
		return err;
	/* A clock that was set back does not make it longer. */
	*ret = !a->over && j->now_ns >= a->since_ns && j->now_ns - a->since_ns < AWAIT_NS;
	return 0;
}

static int known(struct judge *j, const char *node, const struct process *p)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(EVENT_RECORD_MAX);
	int err = key_of(node, p->exe, &key);

	if (!err && map_del(j->awaited, key.data, key.len))
		--*count_of(j, node);
	return err;
}

int judge_fill_files(struct judge *j, const char *node, const struct profile *p, bool final,
		     struct event *ev)
{
	struct process who[HOLDERS_JUDGED_MAX];
	int err = store_event_files(j->store, node, p, true, ev, j->files);
	size_t n;

	if (err || !ev->files)
		return err;
	n = holders_judged(ev, who);
	for (size_t i = 0; i < n && !err; i++) {
		bool waits = false;

		if (j->files[i].state == EXE_ACCOUNT_KNOWN)
			err = known(j, node, &who[i]);
		if (j->files[i].state != EXE_ACCOUNT_AWAITED)
			continue;
		if (!final)
			err = await(j, node, &who[i], &waits);
		if (!waits)
			j->files[i].state = EXE_ACCOUNT_NONE;
	}
	return err;
}
