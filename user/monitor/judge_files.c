/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "monitor/judge_internal.h"
#include "store/executables.h"
#include "store/health.h"

/*
 * Rules that ask for the program's file. A node tells of a file some seconds after it has opened a
 * door: until then such a door is settling. Time is the store's, counted from when a file was
 * missed first, whatever the node says of its clock and however often the door is opened again.
 */

#define LOOK_NS UINT64_C(2000000000)
/* Two writers' rows may appear in another order than their times. */
#define OVERLAP_NS UINT64_C(10000000000)

/* --- again ------------------------------------------------------------------------------------ */

static int take_node(const char *name, void *arg)
{
	return judge_walk_add(arg, name);
}

struct late {
	struct judge *j;
	int err;
};

static bool take_late(const void *key, size_t len, void *value, void *arg)
{
	struct late *l = arg;
	struct awaited *a = value;

	(void)len;
	if (a->over || l->err ||
	    (l->j->now_ns >= a->since_ns && l->j->now_ns - a->since_ns < AWAIT_NS))
		return false;
	a->over = true;
	l->err = judge_walk_add(&l->j->filing, key);
	return false;
}

/* The nodes whose doors are looked at now. */
static int begin(struct judge *j)
{
	uint64_t since_ns = j->files_since_ns, store_ns;
	struct late late = { .j = j };
	int err = store_clock(j->store, &store_ns);

	if (err)
		return err;
	j->files_since_ns = store_ns > OVERLAP_NS ? store_ns - OVERLAP_NS : 0;
	j->files_next_ns = j->now_ns + LOOK_NS;
	/* What happened while no judge was there is not known. */
	if (!j->files_seen) {
		j->files_seen = true;
		return judge_walk_begin(j, &j->filing);
	}
	judge_walk_free(&j->filing);
	j->filing.nodes = calloc(1, sizeof(*j->filing.nodes));
	if (!j->filing.nodes)
		return -ENOMEM;
	late.err = store_executables_since(j->store, since_ns, take_node, &j->filing);
	map_each(j->awaited, take_late, &late);
	if (late.err)
		judge_walk_free(&j->filing);
	return late.err;
}

static int walk(struct judge *j)
{
	int err = judge_walk_doors(j, &j->filing);

	if (!err && j->filing.done)
		judge_walk_free(&j->filing);
	else if (!err)
		j->more = true;
	return err;
}

int judge_files(struct judge *j, uint64_t *ret_next_ns)
{
	int err = 0;

	if (!j->files_seen || j->files_revision != j->revision) {
		err = store_rules_want_files(j->store, &j->want_files);
		j->files_revision = j->revision;
	}
	if (err || !j->want_files)
		return err;
	if (!j->filing.nodes &&
	    (j->now_ns >= j->files_next_ns || j->files_next_ns - j->now_ns > LOOK_NS))
		err = begin(j);
	if (!err && j->filing.nodes)
		err = walk(j);
	if (!*ret_next_ns || j->files_next_ns < *ret_next_ns)
		*ret_next_ns = j->files_next_ns;
	return err;
}
