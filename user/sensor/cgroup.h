/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_CGROUP_H
#define AJAR_SENSOR_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

struct map;

#define CGROUP_PATHS_MAX 4096
#define INITIAL_CGROUP_NS 0xEFFFFFFBU /* PROC_CGROUP_INIT_INO, the same on all kernels */

/* Where a process is in all hierarchies. */
struct cgroup_paths {
	struct buf v2; /* its path, ended by NUL; empty: unknown */
	/* paths in v1 hierarchies, other than that one and the root, each once and ended by NUL */
	struct buf others;
};
#define CGROUP_PATHS_INIT                                                                          \
	{                                                                                          \
		BUF_INIT(CGROUP_PATHS_MAX), BUF_INIT(CGROUP_PATHS_MAX)                             \
	}

/* Of what an owner record says. Nothing (v2 empty) when it is damaged or too long. */
void cgroup_paths_of_kernel(struct cgroup_paths *p, const char *raw, size_t len);
/* Of a process that lives, as /proc says; false: not all of it. */
bool cgroup_paths_of_pid(struct cgroup_paths *p, uint32_t pid);
void cgroup_paths_done(struct cgroup_paths *p);

/* Paths of cgroup v2 ids, which are inode numbers of its file system. Works without privileges. */
struct cgroups {
	char *root; /* NULL: no cgroup v2 */
	struct map *by_id;
	uint64_t walked_ns; /* the tree is walked once a second at most */
	/* we are in a cgroup namespace: the kernel's paths are not those that we see */
	bool inside;
	/* ours: whoever is in no other ones is where the agent is, and that says nothing */
	struct cgroup_paths own;
};

must_check int cgroups_init(struct cgroups *c);
void cgroups_done(struct cgroups *c);
/* "/user.slice/..." below the root, or unknown. pid, if not 0, is asked first: the cheap way. */
struct text cgroup_path(struct cgroups *c, uint64_t id, uint32_t pid);

#endif
