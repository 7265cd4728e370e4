/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_DAEMON_SCAN_CHILD_H
#define AJAR_DAEMON_SCAN_CHILD_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

struct child;
struct daemon_opts;
struct loop;
struct loop_source;

/*
 * The monitor's scanner (scanner.c) as a child of the monitor: started before that gives up root,
 * started again when it dies.
 */
struct scan_child {
	const struct daemon_opts *opts;
	struct loop *loop;
	struct loop_source *timer;
	char self[PATH_MAX];
	struct child *child; /* NULL: none */
	/*
	 * the first one begins when a byte comes, and ends when this is closed without; -1: it has
	 * begun
	 */
	int go_fd;
	unsigned deaths;
};

/*
 * What the scanner finds its end of go_fd by. It waits there until the monitor has the store: what
 * is wrong with that is said once.
 */
#define SCAN_GO_ENV "AJAR_SCAN_GO"

/* Does nothing when scans are off. Reports a failure, which is none of the monitor's. */
void scan_child_start(struct scan_child *ch, const struct daemon_opts *o);
must_check int scan_child_watch(struct scan_child *ch, struct loop *l);
void scan_child_stop(struct scan_child *ch);

#endif
