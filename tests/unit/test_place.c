/* SPDX-License-Identifier: GPL-2.0 */
#include "core/place.h"

#include "core/event.h"
#include "tap.h"

static const char *job(const char *cgroup)
{
	static char text[32];
	struct text t = place_job(text_of(cgroup));

	snprintf(text, sizeof(text), "%.*s", (int)t.len, t.ptr ? t.ptr : "");
	return t.ptr ? text : NULL;
}

/* The one that a verdict may rest on. */
static bool sure(const char *cgroup)
{
	struct event ev = { .cgroup = text_of(cgroup) };

	place_fill(&ev);
	return ev.opener.job.ptr;
}

int main(void)
{
	is_str(job("/system.slice/slurmstepd.scope/job_4711/step_0/user/task_0"), "4711",
	       "Slurm, cgroup v2");
	is_str(job("/slurm/uid_1000/job_12/step_batch"), "12", "Slurm, cgroup v1");
	is_str(job("/pbs_jobs.service/jobid/4711.server"), "4711", "PBS");
	is_str(job("/pbs_jobs.service/jobid/4711[3].server"), "4711", "an array job of PBS");
	is_str(job("/pbspro.slice/pbspro-4711.server.slice"), "4711", "PBS, older, with systemd");
	is_str(job("/pbspro/4711.server"), "4711", "PBS, older");
	is_str(job("/lsf/cluster1/job.4711.12345.1600000000"), "4711", "LSF");
	is_str(job("/UGE/4711.1"), "4711", "Univa Grid Engine");
	is_str(job("/sge/4711.1"), "4711", "Son of Grid Engine");
	ok(sure("/lsf/cluster1/job.4711.12345.1") && sure("/UGE/4711.1") &&
		   sure("/pbs_jobs.service/jobid/4711.server") &&
		   sure("/slurm/uid_1000/job_12/step_batch"),
	   "what root's daemons make at the root is sure");
	ok(!sure("/user.slice/user-1000.slice/pbs_jobs.service/jobid/4711.server") &&
		   !sure("/user.slice/slurm/job_1"),
	   "what a user can make below the own slice is not");
	is_str(job("/user.slice/UGE/4711.1"), NULL, "nor is it a hint");
	is_str(job("/lsf/cluster1/job.x.1"), NULL, "a number is a number");
	is_str(job("/lsf/cluster1"), NULL, "a path that ends early has none");
	is_str(job("/UGE/4711x"), NULL, "and ends at a dot");
	is_str(job("/"), NULL, "the root has none");
	is_str(job(NULL), NULL, "an unknown path has none");
	return tap_done();
}
