/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_HOOKS_H
#define AJAR_SENSOR_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ways to learn of one thing, best first. */
struct hook_alt {
	const char *name; /* as people know it */
	const char *prog; /* function in bpf/ */
	bool iter; /* an iterator: opened, not attached to the cgroup */
};

struct hook {
	const char *what;
	bool required;
	struct hook_alt alts[2];
};

enum hook_id {
	HOOK_LISTEN,
	HOOK_BIND4,
	HOOK_BIND6,
	HOOK_POST_BIND4,
	HOOK_POST_BIND6,
	HOOK_RELEASE,
	HOOK_SWEEP_FILES,
	HOOK_SWEEP_TCP,
	HOOK_SWEEP_UDP,
	HOOKS_MAX,
};

extern const struct hook hooks[HOOKS_MAX];

enum map_id {
	MAP_RING,
	MAP_DOORS,
	MAP_OWNERS,
	MAP_CPUS,
	MAP_CONTROL,
	MAPS_MAX,
};

struct map_spec {
	const char *name;
	uint32_t type, key, value; /* bytes; 0 for the ring */
};

extern const struct map_spec map_specs[MAPS_MAX];

/* File descriptors of all that the sensor consists of; -1: absent. */
struct handles {
	int maps[MAPS_MAX];
	int links[HOOKS_MAX];
};

void handles_init(struct handles *h);
void handles_close(struct handles *h);

#endif
