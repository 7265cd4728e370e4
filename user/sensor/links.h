/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_LINKS_H
#define AJAR_SENSOR_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sensor/hooks.h"

/*
 * A link to a cgroup can be detached, or given another program, by whoever may; who holds it is not
 * told. (Links of tracepoints and iterators last as long as somebody holds them.) So each is looked
 * at: through its file in /proc/self/fdinfo, opened with privileges, because before 5.19 an
 * unprivileged process may not ask with bpf(2). And each can be put right without privileges, from
 * 5.19 on: that takes no more than the program and the cgroup, which are kept open.
 */
struct links {
	int cgroup;
	struct link_watch {
		int info; /* -1: it is not looked at */
		int prog; /* -1: it cannot be put right */
		uint32_t prog_id, attach_type;
		bool told; /* that it is not as it was; for sensor/harm.c */
	} of[HOOKS_MAX];
};

void links_init(struct links *l);
void links_done(struct links *l);
/* As root: begins to look at the links of h. What cannot be kept is left out. */
void links_keep(struct links *l, const struct handles *h, bool own_netns);

/*
 * Is the link as it was? 0: it is. 1: it was not, and is now. -ENOLINK, -EPERM ...: it is not, and
 * cannot be put right.
 */
must_check int links_mend(struct links *l, const struct handles *h, enum hook_id hook);

#endif
