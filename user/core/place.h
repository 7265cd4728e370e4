/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_PLACE_H
#define AJAR_CORE_PLACE_H

#include "base/text.h"

struct event;

/*
 * What a cgroup's path says about where a process runs. Both borrow from the path and are unknown (ptr NULL)
 * when the path does not say so.
 */

/* The 64 digits of a container of docker, podman, containerd (CRI) or CRI-O. */
struct text place_container(struct text cgroup);
/* The number of a scheduler's job, "4711" of ".../slurmstepd.scope/job_4711/step_0/...": Slurm, PBS, LSF, Grid Engine. */
struct text place_job(struct text cgroup);

/*
 * Fills the opener's job and container with what its cgroup says, if only root can have made it say so: a verdict rests on it.
 * For whoever makes an event: the codec, the sensor.
 */
void place_fill(struct event *ev);

#endif
