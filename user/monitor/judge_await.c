/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "monitor/judge_internal.h"
#include "store/executables.h"

/* What the files of a door's holders are, and which of them are waited for. */

/* Files that are waited for. Beyond it nobody waits: not known, as after the time. */
#define AWAITED_MAX 16384

static int key_of(const char *node, struct text path, struct buf *b)
{
	buf_put(b, node, strlen(node) + 1);
	buf_put(b, path.ptr, path.len);
	return b->err;
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
	if (!a) {
		if (j->awaited_len >= AWAITED_MAX)
			return 0;
		a = calloc(1, sizeof(*a));
		err = a ? map_put(j->awaited, key.data, key.len, a) : -ENOMEM;
		if (err) {
			free(a);
			return err;
		}
		a->since_ns = j->now_ns;
		j->awaited_len++;
	}
	/* A clock that was set back does not make it longer. */
	*ret = !a->over && j->now_ns >= a->since_ns && j->now_ns - a->since_ns < AWAIT_NS;
	return 0;
}

static int known(struct judge *j, const char *node, const struct process *p)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(EVENT_RECORD_MAX);
	int err = key_of(node, p->exe, &key);

	if (!err && map_del(j->awaited, key.data, key.len))
		j->awaited_len--;
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
