/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_HOOKS_H
#define AJAR_SENSOR_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ways to learn of one thing, best first. */
enum hook_how { HOOK_CGROUP, HOOK_TRACE, HOOK_ITER, HOOK_BARE };

struct hook_alt {
	const char *name; /* as people know it */
	const char *prog; /* function in bpf/ */
	enum hook_how how; /* where it is attached */
	const char *map; /* whose elements an iterator goes over, or NULL */
};

/*
 * Tiers, best first: A has a cgroup v2 root to attach to, B has not, C has no BTF either and polls
 * but for TCP, D has no BPF and polls.
 */
#define TIERS_BPF "ABC"
#define TIER_BARE 'C'
#define TIER_POLL 'D'
/* What a tier does not see that A does, in words; NULL for A. */
const char *tier_misses(char tier);

struct hook {
	const char *what;
	bool required; /* of a tier that has an alternative for it */
	struct hook_alt alts[3];
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
	HOOK_SETTLE,
	HOOK_UNHOOKED,
	HOOK_FORK,
	HOOK_EXEC,
	HOOK_EXIT,
	HOOK_RECEIVE,
	HOOKS_MAX,
};

extern const struct hook hooks[HOOKS_MAX];
/* The best alternative that a tier can have, or NULL. */
const struct hook_alt *hook_alt(enum hook_id id, char tier);

enum map_id {
	MAP_RING,
	MAP_DOORS,
	MAP_OWNERS,
	MAP_CPUS,
	MAP_CONTROL,
	MAP_HOLDERS,
	MAPS_MAX,
};

struct map_spec {
	const char *name;
	uint32_t type, key, value; /* bytes; 0 for the ring */
};

extern const struct map_spec map_specs[MAPS_MAX];

/* File descriptors of all that the sensor consists of; -1: absent. */
struct handles {
	char tier;
	bool plain; /* of the plain objects: sensor/object.h */
	int maps[MAPS_MAX];
	int links[HOOKS_MAX];
};

void handles_init(struct handles *h);
void handles_close(struct handles *h);

#endif
