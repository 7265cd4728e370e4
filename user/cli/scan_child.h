/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_SCAN_CHILD_H
#define AJAR_CLI_SCAN_CHILD_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct cmd_ctx;
struct loop;
struct loop_source;

/* The monitor's scanner (scan_serve.c) as a child of the monitor: started before that gives up root, started again when it dies. */
struct scan_child {
	const struct cmd_ctx *c;
	struct loop *loop;
	struct loop_source *timer;
	char self[PATH_MAX];
	pid_t pid; /* 0: none */
	unsigned deaths;
};

/* Does nothing when scans are off. Reports a failure, which is none of the monitor's. */
void scan_child_start(struct scan_child *ch, const struct cmd_ctx *c);
must_check int scan_child_watch(struct scan_child *ch, struct loop *l);
void scan_child_stop(struct scan_child *ch);

#endif
