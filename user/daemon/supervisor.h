/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_DAEMON_SUPERVISOR_H
#define AJAR_DAEMON_SUPERVISOR_H

#include <stdbool.h>

#include "base/err.h"

struct child;
struct loop;
struct loop_source;

/*
 * Keeps a fixed list of roles running as children: starts each when the one before it is ready,
 * starts one that died again (at once, later with a growing delay) and says so, and stops them in
 * the order of the list, so that each can still pass on what the one before it wrote last.
 */
#define ROLE_ARGS_MAX 24

struct supervised {
	const char *name; /* for messages */
	const char *argv[ROLE_ARGS_MAX];
	int keep_fds[2]; /* -1-terminated */
	/*
	 * Called before each start (again after a death): may set argv and keep_fds. NULL: nothing
	 * to do.
	 */
	int (*prepare)(struct supervised *role, void *arg);
	/* its end is no reason to start it again, and nobody waits until it is ready */
	bool optional;
	/*
	 * Nobody waits until it is ready, and one that cannot start is tried again a minute later:
	 * the rest is worth having without it.
	 */
	bool bystander;
	bool own_stdout;

	/* The supervisor's own. */
	struct child *child; /* NULL: it does not run */
	bool ready, was_ready, stopping;
	unsigned deaths;
	unsigned long long started_ns;
	struct loop_source *timer;
	struct supervisor *of;
};

struct supervisor;
struct supervisor_opts {
	struct supervised *roles; /* borrowed for the supervisor's life */
	unsigned roles_len;
	int notify_fd; /* of notify_listen() */
	/* NULL: nothing to do. Each time that a role is ready, also after a restart. */
	void (*on_role_ready)(const struct supervised *role, void *arg);
	int (*on_ready)(void *arg); /* all are ready for the first time */
	void *arg; /* of on_role_ready, on_ready and prepare */
};

must_check int supervisor_new(struct loop *l, const struct supervisor_opts *o,
			      struct supervisor **ret_sv);
void supervisor_free(struct supervisor *sv); /* kills what still runs */
DEFINE_FREEP(struct supervisor, supervisor_free)
must_check int supervisor_start(struct supervisor *sv);
/* Stops all, then the loop. A role that does not end within 10 s is killed. */
void supervisor_stop(struct supervisor *sv);
/* Why it ended by itself: a role could not be started at all; 0 otherwise. */
int supervisor_result(const struct supervisor *sv);

#endif
