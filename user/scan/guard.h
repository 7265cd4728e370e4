/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_GUARD_H
#define AJAR_SCAN_GUARD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * A process that kills another when we have not said for a time that we are there: because we are
 * stopped, stuck or dead. Whoever has a lease on work that a child does needs that: by the time
 * that somebody else takes the work over, the child is gone.
 */
struct guard {
	pid_t pid; /* 0: none */
	int fd;
};
/* pidfd: of the child that is killed after time_ns of silence, or when we end. */
must_check int guard_start(struct guard *g, int pidfd, uint64_t time_ns);
void guard_renew(struct guard *g);
/* Kills the child if it still runs, and waits for the guard's end. */
void guard_stop(struct guard *g);

#endif
