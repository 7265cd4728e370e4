/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_CHILD_H
#define AJAR_BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct buf;
struct loop;
struct proc_opts;

/*
 * A child process from its start until it is reaped: its pipes, its time limit, its group.
 *
 * It runs a program (base/proc.h) or, without exec, a function. What it writes is handed on as it
 * comes; a callback that refuses it (-E2BIG beyond its maximum) kills the child. It has ended when
 * it was reaped and what it had written was read: a process that it left behind and that keeps the
 * pipe open is not waited for. When the child leads a session of its own, signals go to its whole
 * group, and what is left of the group is killed before the child is reaped, while the number of
 * the group cannot be anybody else's.
 */
struct child;

struct child_end {
	/* 0: by itself. -ETIMEDOUT: it was ended. Else what a callback said. */
	int err;
	bool killed; /* with SIGKILL, by us */
	int status; /* of waitpid() */
};

struct child_opts {
	const struct proc_opts *program;
	/*
	 * Instead of a program: runs in a fork, out is -1 without `out`; what it returns is the
	 * exit status.
	 */
	int (*function)(int out, void *arg);
	bool own_group; /* of a function; a program's options say so themselves: own_session */
	/* pipes for standard output and standard error; else as the program's options say */
	bool out, talk;
	uint64_t timeout_ns; /* then it is ended; 0: no limit */
	uint64_t grace_ns; /* from SIGTERM to SIGKILL when it is ended; 0: SIGKILL at once */
	bool leave_group; /* after its own end what it left behind goes on; not when it was ended */
	bool term_leader; /* SIGTERM is for itself alone: it ends those that it started */

	/*
	 * In a loop. A negative errno of on_out kills the child. NULL: what is written is thrown
	 * away. These two must not free the child.
	 */
	int (*on_out)(const void *bytes, size_t n, void *arg);
	void (*on_talk)(const void *bytes, size_t n, void *arg);
	/*
	 * Once, unless child_free() comes first, which may be called here. A negative errno ends
	 * loop_run().
	 */
	int (*done)(const struct child_end *end, void *arg);
	void *arg; /* of the function too */
};

/*
 * What `o` says is copied, but for the program, which is read here only. -ENOENT, -EACCES ... when
 * it cannot be started.
 */
must_check int child_start(const struct child_opts *o, struct child **ret_c);
/*
 * The time limit begins here. May be long after the start: until then nothing is read and nothing
 * reaped.
 */
must_check int child_watch(struct child *c, struct loop *l);
/* Ends it before its time, as the limit would; done() is called with -ETIMEDOUT. */
must_check int child_stop(struct child *c);
/*
 * Kills it, with its group, and reaps it. One that SIGKILL does not end within a second is left to
 * init.
 */
void child_free(struct child *c);
DEFINE_FREEP(struct child, child_free)
/* Blocks: SIGTERM, and up to grace_ns later what child_free() does. */
void child_end(struct child *c, uint64_t grace_ns);

pid_t child_pid(const struct child *c); /* 0: reaped */
int child_pidfd(const struct child *c);
int child_out(const struct child *c); /* our end of `out`, for one that is not watched; -1 */

/*
 * Runs it and waits, for at most its time limit: 0 when it ended with status 0, -EIO with another
 * (*ret_status), -ETIMEDOUT, -E2BIG beyond out->max. Both pointers may be NULL. The callbacks of
 * `o` are not used.
 */
must_check int child_run(const struct child_opts *o, struct buf *out, int *ret_status);

#endif
