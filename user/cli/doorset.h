/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_DOORSET_H
#define AJAR_CLI_DOORSET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "core/event.h"
#include "core/finding.h"
#include "view/view.h"
#include "view/writer.h"

struct cmd_ctx;
struct store;
struct store_seen;

/* Doors that are open, kept: each with a copy of the event that opened it. */
struct doorset_item {
	char *record; /* what ev borrows from */
	char *node, *host_type;
	struct event ev;
	enum verdict verdict;
	struct view_later later; /* what became of it; owns its author */
	bool computed; /* see struct view_event_ctx */
	/* what the last scan saw of it, once doorset_look_outside() was called */
	struct store_seen *seen;
};
struct doorset {
	bool outside; /* with what scans saw */
	size_t len, cap;
	struct doorset_item *items;
};
#define DOORSET_MAX 1000000

void doorset_done(struct doorset *s);
must_check int doorset_add(struct doorset *s, const struct event *ev, const char *node,
			   const char *host_type, enum verdict verdict);
/* What became of the verdict on the door that was added last. */
void doorset_later(struct doorset *s, const struct view_later *later, bool computed);
/* Node, protocol, port, address. */
void doorset_sort(struct doorset *s);
/*
 * What scans saw of each that can be reached over the network, since it was opened. -E2BIG for more
 * than these.
 */
#define DOORSET_OUTSIDE_MAX 5000
must_check int doorset_look_outside(struct doorset *s, struct store *store);
/* A table, or with -j one event a line, sorted. Takes the doors: s is empty then. */
must_check int doorset_print(struct doorset *s, const struct cmd_ctx *c);

/* The same of any number of doors, a page of whole nodes after the other. */
struct doorlist {
	struct doorset doors; /* the next page */
	size_t len; /* on the pages before */
	struct writer w;
	int out_err; /* of standard output: not the store's */
};
must_check int doorlist_open(struct doorlist *l, const struct cmd_ctx *c);
must_check int doorlist_put(struct doorlist *l); /* the page; then l->doors is empty */
must_check int doorlist_close(struct doorlist *l);
void doorlist_done(struct doorlist *l);

/* --- straight from the kernel ---------------------------------------------------------------- */

struct sensor;
/* Says "reading the kernel needs root ..." and returns -EPERM unless we are. */
must_check int kernel_need_root(const struct cmd_ctx *c);
/* Opens the sensor without pins; says why not. */
must_check int kernel_open(const struct cmd_ctx *c, struct sensor **ret_sensor);
/*
 * What is open now, judged by nobody. Opens and closes a sensor of its own; reports failures.
 */
must_check int kernel_doors(const struct cmd_ctx *c, struct doorset *s);

#endif
