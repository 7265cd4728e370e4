/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_PLACE_H
#define AJAR_VIEW_PLACE_H

#include "base/text.h"

/*
 * What a cgroup's path says about where a process runs. Both borrow from the path and are unknown (ptr NULL)
 * when the path does not say so.
 */

/* The 64 digits of a container of docker, podman, containerd (CRI) or CRI-O. */
struct text place_container(struct text cgroup);
/* The number of a Slurm job, "4711" of ".../slurmstepd.scope/job_4711/step_0/...". */
struct text place_job(struct text cgroup);

#endif
