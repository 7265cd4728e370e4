/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_PLACE_H
#define AJAR_CORE_PLACE_H

#include <stdbool.h>

#include "base/text.h"
#include "core/event.h"

/*
 * What one cgroup path says about a scheduler's job or a container; the name borrows from the path.
 */
struct place {
	enum place_state state;
	/*
	 * "4711" of ".../slurmstepd.scope/job_4711/step_0", the 64 digits of a docker container,
	 * the name of an LXC one. Also where users make cgroups themselves, and the state is
	 * unknown: a hint for people.
	 */
	struct text name;
};

void place_of_path(struct text cgroup, struct place *ret_job, struct place *ret_container);
/* Does it name a job or a container? */
bool place_is_named(struct text cgroup);

/*
 * Fills the opener's job and container with what its cgroups and its namespaces say: a verdict
 * rests on it. "None" is claimed only when all hierarchies were read and each path is one that we
 * understand. For whoever makes an event: the codec, the sensor.
 */
void place_fill(struct event *ev);
/* The same for a process that has its cgroups with it. */
void place_process(struct process *p);

/*
 * Whether its executable's path is of another mount namespace and means another file there, be it
 * that somebody made it for himself or root did. Of a known container that goes without saying.
 */
bool place_exe_is_foreign(const struct process *p);

#define PLACE_WHERE_MAX 128 /* a longer name is cut, and ends in "+" */
/*
 * Where a door is that is not among the host's own: "container 0123456789ab", "container web1",
 * "netns blue", "netns:4026532001". Empty for the host's own, and where it is not known to be
 * elsewhere. Hostile: escape it at output.
 */
void place_where(const struct door *d, const struct process *opener,
		 char ret_where[PLACE_WHERE_MAX]);

/*
 * The same for an alert's key, so without what is another at the next start: "web1", "blue";
 * "container" for one whose name is an id, so that the replicas of one image on many nodes are one
 * finding. Empty for the host's own.
 */
void place_where_key(const struct door *d, const struct process *opener,
		     char ret_where[PLACE_WHERE_MAX]);

#endif
