/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_NETNS_H
#define AJAR_SENSOR_NETNS_H

#include <stdint.h>

struct map;

/* Names that 'ip netns' keeps in /run/netns, by inode number. Works without privileges. */
struct netns_names {
	struct map *by_ino; /* NULL: not read yet */
	uint64_t read_ns; /* boot time */
	/* names that are known at a time; those beyond it have none. 0: 4096 */
	uint32_t max;
};

/* NULL: it has none, or none that we can see. Valid until the next call. */
const char *netns_name(struct netns_names *n, uint32_t ino);
void netns_names_done(struct netns_names *n);

#endif
