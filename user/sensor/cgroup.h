/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_CGROUP_H
#define AJAR_SENSOR_CGROUP_H

#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

struct map;

/* Paths of cgroup v2 ids, which are inode numbers of its file system. Works without privileges. */
struct cgroups {
	char *root; /* NULL: no cgroup v2 */
	struct map *by_id;
	uint64_t walked_ns; /* the tree is walked once a second at most */
};

must_check int cgroups_init(struct cgroups *c);
void cgroups_done(struct cgroups *c);
/* "/user.slice/..." below the root, or unknown. pid, if not 0, is asked first: the cheap way. */
struct text cgroup_path(struct cgroups *c, uint64_t id, uint32_t pid);

#endif
