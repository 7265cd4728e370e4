/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_PINS_H
#define AJAR_SENSOR_PINS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "sensor/hooks.h"

struct sensor_opts;

/*
 * Maps and links pinned under DIR/vN, N being AJAR_ABI, so that the kernel side outlives the
 * agent. The folders stay open: they are emptied by name later, without privileges and whatever
 * the mode of the file system's root is.
 */
struct pins {
	char *dir;
	int parent; /* of dir */
	int base; /* dir */
	int version; /* dir/vN */
	uid_t uid;
	gid_t gid;
};

void pins_init(struct pins *p);
void pins_done(struct pins *p);
/* Opens or makes the folders, owned by uid:gid, and locks them: -EBUSY when another agent lives. */
must_check int pins_open(struct pins *p, const struct sensor_opts *o, char **ret_why);
/*
 * A whole set of this tier, layout and build: fills *ret_h. -ENOENT when there is none, else what
 * is wrong with it.
 */
must_check int pins_take(struct pins *p, char tier, uint64_t build, struct handles *ret_h);
must_check int pins_put(struct pins *p, const struct handles *h, char **ret_why);
/* The pin of a link is another one now. */
must_check int pins_renew(struct pins *p, const struct handles *h, enum hook_id hook);
/*
 * Are the folders and all pins there? Without privileges; 0: they are, or nothing is pinned. 1:
 * some were not, and are now. -EACCES ...: some are not, and cannot be made.
 */
must_check int pins_mend(struct pins *p, const struct handles *h);
/*
 * An iterator of a link, to be read; a file descriptor or a negative errno. By the pin where there
 * is one: making an iterator takes CAP_BPF before Linux 5.19 where unprivileged_bpf_disabled is
 * set, opening a file never does.
 */
must_check int pins_iterate(const struct pins *p, const struct handles *h, enum hook_id hook);
/* Unpins everything in the folder, ours or half-made. */
void pins_clear(struct pins *p);
/* And the folders. */
void pins_remove(struct pins *p);

#endif
