/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SHIP_EXECUTABLES_H
#define AJAR_SHIP_EXECUTABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "core/executable.h"

struct event;
struct loop;

/*
 * What the executables of this node's doors are: digest and package of each file that opened or
 * holds one. What may block (files, dpkg's database) is done by a child, a few files at a time, so
 * that nothing here ever waits; whoever ships takes what is new from executables_next().
 */
struct executables;

/*
 * Paths that are remembered: of root's files and of others'. Beyond it the one that was seen
 * longest ago is forgotten, and looked at anew when it opens a door again.
 */
#define EXECUTABLES_ROOT_MAX 512
#define EXECUTABLES_USERS_MAX 128
/* Files that one child looks at; so many of them for who is not root, as long as others wait. */
#define EXECUTABLES_ROUND 64
#define EXECUTABLES_ROUND_USERS 16

struct executables_opts {
	const char *dpkg_dir; /* borrowed; NULL: EXE_DPKG_DIR */
	uint64_t every_ns; /* from one child to the next at least; 0: five seconds */
	/* There is something for executables_next(). */
	void (*ready)(void *arg);
	void *arg;
};

must_check int executables_new(struct loop *l, const struct executables_opts *o,
			       struct executables **ret_x);
void executables_free(struct executables *x);
DEFINE_FREEP(struct executables, executables_free)

/* A record of the journal, as it is shipped: cheap. */
void executables_note(struct executables *x, const struct event *ev);
/* All files once more: one that was changed is read anew, one that was told long ago told again. */
void executables_recheck(struct executables *x);

struct executable_report {
	struct text path; /* borrowed until the next call of anything here */
	const struct exe_file *file;
};
/* One that has not been told yet; it stays the next until executables_told(). */
bool executables_next(struct executables *x, struct executable_report *ret);
void executables_told(struct executables *x);

/* Remembered now; forgotten before they were looked at, or told. For tests and messages. */
size_t executables_count(const struct executables *x);
uint64_t executables_dropped(const struct executables *x);

#endif
