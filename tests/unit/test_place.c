/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Paths as they stand in bug reports, documentation and tests of those who make them; numbers and
 * names are ours.
 */
#include "core/place.h"

#include <stdio.h>
#include <string.h>

#include "core/event.h"
#include "tap.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define POD "pod214f3ba8_4b69_4bdb_a7d5_5ecc73f04ae9"
#define U "/user.slice/user-1000.slice/user@1000.service"

/* "-": known to be in none; "?": not known; "?x": not known, but named so; else the name. */
static const struct {
	const char *path, *job, *container;
} paths[] = {
	/* Slurm */
	{ "/system.slice/slurmstepd.scope/job_4711/step_0/user/task_0", "4711", "-" },
	{ "/system.slice/slurmstepd.scope/sEKNKTV3WPV500/step_0/user/task_0", "sEKNKTV3WPV500",
	  "-" },
	{ "/system.slice/node001_slurmstepd.scope/job_4711/step_batch/slurm", "4711", "-" },
	{ "/system.slice/node001_slurmstepd.scope/sEKNKTV3WPV500/step_extern", "sEKNKTV3WPV500",
	  "-" },
	{ "/slurm/uid_1000/job_4711/step_batch/task_0", "4711", "-" },
	{ "/slurm/uid_1000/sEKNKTV3WPV500/step_0", "sEKNKTV3WPV500", "-" },
	{ "/slurm_node001/uid_1000/job_4711/step_0", "4711", "-" },
	{ "/slurm/uid_1000/job_4711x/step_0", "?", "?" },
	{ "/slurm/job_12", "?", "?" },
	{ "/slurm/uid_1000", "?", "?" },
	{ "/system.slice/slurmstepd.scope/sEKNKTV3WPV50/step_0", "?", "?" },
	{ "/system.slice/slurmstepd.scope/sEKNKTV3WPV5001/step_0", "?", "?" },
	{ "/system.slice/slurmstepd.scope/sEKNKTV3WPv500/step_0", "?", "?" },
	{ "/system.slice/slurmstepd.scope/task_4711", "?", "?" },
	{ "/system.slice/slurmstepd.scope/system", "-", "-" },
	{ "/system.slice/slurmd.service", "?", "-" },
	{ "/system.slice/slurmctld.service", "-", "-" },
	{ "/user.slice/user-1000.slice/slurmstepd.scope/job_4711", "?4711", "?" },
	{ U "/app.slice/slurmstepd.scope/job_4711", "?4711", "?" },
	{ "/user.slice/slurm/uid_1000/job_4711", "?", "?" },
	{ "/system.slice/docker-" ID ".scope/system.slice/slurmstepd.scope/job_1", "?1", ID },
	{ "/system.slice/slurmstepd.scope/job_4711/step_0/user/task_0/docker-" ID ".scope", "4711",
	  ID },
	/* other schedulers */
	{ "/pbs_jobs.service/jobid/4711.server", "4711", "-" },
	{ "/pbs_jobs.service/jobid/4711[3].server", "4711", "-" },
	{ "/pbs_jobs.service/jobs/2404743.opbs", "2404743", "-" },
	{ "/pbs_jobs.service", "?", "?" },
	{ "/pbspro.service/jobid/4711.gadi-pbs", "4711", "-" },
	{ "/pbspro.slice/pbspro-4711.server.slice", "4711", "-" },
	{ "/pbspro/4711.server", "4711", "-" },
	{ "/system.slice/pbs.service", "?", "-" },
	{ "/lsf/cluster1/job.4711.12345.1600000000", "4711", "-" },
	{ "/lsf/cluster1/job.x.1", "?", "?" },
	{ "/lsf/cluster1", "?", "?" },
	{ "/UGE/4711.1", "4711", "-" },
	{ "/UGE/4711x", "?", "?" },
	{ "/sge/4711.1", "4711", "-" },
	{ "/torque/4711.server", "4711", "-" },
	{ "/torque/job_4711", "4711", "-" },
	{ "/oar/mlee_4711", "4711", "-" },
	{ "/oar/mlee", "?", "?" },
	{ "/htcondor/condor_var_lib_condor_execute_slot1_2@node001", "slot1_2@node001", "-" },
	{ "/system.slice/htcondor/condor_var_lib_condor_execute_slot1_23@node001",
	  "slot1_23@node001", "-" },
	{ "/system.slice/condor.service", "?", "-" },
	{ "/hadoop-yarn/container_1410901177871_0001_01_000005",
	  "container_1410901177871_0001_01_000005", "-" },
	{ "/system.slice/flux.service", "?", "-" },
	{ "/user.slice/user-500.slice/user@500.service/app.slice/imp-shell-0-fABC.service", "?",
	  "-" },
	{ "/user.slice/UGE/4711.1", "?", "?" },
	{ "/unknown-scheduler/4711", "?", "?" },
	/* docker, podman, buildah */
	{ "/docker/" ID, "-", ID },
	{ "/system.slice/docker-" ID ".scope", "-", ID },
	{ "/docker/" ID "/docker/" ID2, "-", ID2 },
	{ "/actions_job/" ID, "-", ID },
	{ "/docker/buildkit/qzn4p8x0c1v2b3n4m5a6s7d8f", "-", "qzn4p8x0c1v2b3n4m5a6s7d8f" },
	{ "/system.slice/docker.service", "-", "-" },
	{ "/system.slice/docker-abc.scope", "?", "?" },
	{ "/machine.slice/libpod-" ID ".scope/container", "-", ID },
	{ "/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", "-", ID },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "-", "-" },
	{ "/libpod_parent/libpod-" ID, "-", ID },
	{ "/libpod_parent/conmon", "-", "-" },
	{ "/system.slice/nginx.service/libpod-payload-" ID, "-", ID },
	{ "/system.slice/nginx.service/runtime", "-", "-" },
	{ U "/user.slice/libpod-" ID ".scope/container", "?", "?" ID },
	{ U "/app.slice/redis.service/libpod-payload-" ID, "?", "?" ID },
	{ "/system.slice/crun-buildah-buildah2365838308.scope", "-",
	  "crun-buildah-buildah2365838308" },
	/* Kubernetes */
	{ "/kubepods/besteffort/pod2c48913c-b29f-11e7-9350-020968147796/" ID, "-", ID },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" POD
	  ".slice/cri-containerd-" ID ".scope",
	  "-", ID },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" POD ".slice/crio-" ID
	  ".scope",
	  "-", ID },
	{ "/kubepods.slice/kubepods-" POD ".slice/crio-conmon-" ID ".scope", "-", "-" },
	{ "/kubepods-besteffort-" POD ".slice:cri-containerd:" ID, "-", ID },
	{ "/system.slice/containerd.service/kubepods-burstable-" POD ".slice:cri-containerd:" ID,
	  "-", ID },
	{ "/system.slice/k3s.service", "-", "-" },
	{ "/system.slice/k3s.service/kubepods/besteffort/pod2c48913c/" ID, "-", ID },
	{ "/docker/" ID2 "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-" POD
	  ".slice/cri-containerd-" ID ".scope",
	  "-", ID },
	{ "/kubepods/besteffort/pod2c48913c/kata_" ID, "-", ID },
	{ "/kata_overhead/" ID, "-", ID },
	{ "/kubepods/besteffort/pod2c48913c-b29f-11e7-9350-020968147796", "?", "?" },
	{ "/kubepods.slice/kubepods-" POD ".slice", "?", "?" },
	{ "/default/redis", "?", "?" },
	{ "/firecracker/vm-1", "?", "?" },
	/* system containers, virtual machines */
	{ "/lxc.payload.web1/system.slice/ssh.service", "-", "web1" },
	{ "/lxc.payload/web1", "-", "web1" },
	{ "/lxc/100/ns/system.slice/ssh.service", "-", "100" },
	{ "/lxc/web1", "-", "web1" },
	{ "/lxc.monitor.web1", "-", "-" },
	{ "/lxc.monitor/100", "-", "-" },
	{ "/system.slice/lxc.payload.web-01.scope", "-", "web-01" },
	{ "/machine.slice/systemd-nspawn@web.service/payload/system.slice/ssh.service", "-",
	  "web" },
	{ "/machine.slice/systemd-nspawn@web.service/supervisor", "-", "-" },
	{ "/machine.slice/machine-web\\x2d1.scope/payload/init.scope", "-", "web\\x2d1" },
	{ "/machine.slice/machine-lxc\\x2d123\\x2dweb.scope", "-", "lxc\\x2d123\\x2dweb" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm1.scope/libvirt/emulator", "-", "-" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm1.scope/libvirt/vcpu0", "-", "-" },
	{ "/qemu.slice/100.scope", "-", "-" },
	{ U "/machine.slice/systemd-nspawn@web.service/payload", "?", "?web" },
	/* Nomad, ECS */
	{ "/nomad.slice/share.slice/4744f0ea-7616-ab3a-a420-8e25056e3861.redis.scope", "-",
	  "4744f0ea-7616-ab3a-a420-8e25056e3861.redis" },
	{ "/nomad/4744f0ea-7616-ab3a-a420-8e25056e3861.redis", "-",
	  "4744f0ea-7616-ab3a-a420-8e25056e3861.redis" },
	{ "/ecs/0a1b2c3d-1111-2222-3333-444455556666/" ID, "-", ID },
	{ "/ecs/0a1b2c3d4e5f60718293a4b5c6d7e8f9/0a1b2c3d4e5f60718293a4b5c6d7e8f9-1234567890", "-",
	  "0a1b2c3d4e5f60718293a4b5c6d7e8f9-1234567890" },
	{ "/ecstasks.slice/ecstasks-0a1b2c3d.slice/docker-" ID ".scope", "-", ID },
	/* Delegated units: whoever the service runs as makes cgroups below it, of any name. */
	{ "/system.slice/web.service/slurmstepd.scope/job_4711", "?4711", "?" },
	{ "/system.slice/web.service/system.slice/slurmstepd.scope/job_4711/step_0", "?4711", "?" },
	{ "/system.slice/run-r0123.scope/x_slurmstepd.scope/job_4711", "?4711", "?" },
	{ "/evil/slurmstepd.scope/job_4711", "?4711", "?" },
	{ "/system.slice/evil.slurmstepd.scope.service/job_4711", "?", "?" },
	{ "/slurmstepd.scope/job_4711/step_0", "4711", "-" },
	{ "/hpc.slice/slurmstepd.scope/job_4711/step_0", "4711", "-" },
	{ "/system.slice/web.service/docker-" ID ".scope", "-", ID },
	{ U "/app.slice/slurm/uid_1000/job_1", "?", "?" },
	{ U "/job_1", "?", "?" },
	{ U "/app.slice/job_1/slurmstepd.scope/job_1/step_0", "?1", "?" },
	{ "/user/mlee/0/slurmstepd.scope/job_4711", "?4711", "?" },
	{ "/user/mlee/0/docker-" ID ".scope", "?", "?" ID },
	{ "/user/mlee/0/lxc/web1", "?", "?" },
	{ "/user/mlee/0", "?", "?" },
	/* Steps of Slurm; several daemons on one node; what its plugin made on v1 */
	{ "/system.slice/slurmstepd.scope/job_4711/step_extern/user/task_special", "4711", "-" },
	{ "/system.slice/slurmstepd.scope/sEKNKTV3WPV500/step_extern/user/task_0", "sEKNKTV3WPV500",
	  "-" },
	{ "/slurm/uid_1000/job_4711/step_extern/task_0", "4711", "-" },
	{ "/slurm_node-01.site/uid_1000/job_4711/step_4294967290", "4711", "-" },
	{ "/slurm/system", "?", "?" },
	{ "/system.slice/slurm.service", "?", "-" },
	{ "/system.slice/slurm-llnl.service", "?", "-" },
	{ "/system.slice/hadoop-yarn-nodemanager.service", "?", "-" },
	{ "/system.slice/pbs_mom.service", "?", "-" },
	{ "/system.slice/openlava.service", "?", "-" },
	{ "/system.slice/slurmdbd.service", "-", "-" },
	{ "/system.slice/slurmrestd.service", "-", "-" },
	/* An array's job as systemd escapes it; PBS without systemd; arrays of LSF */
	{ "/pbs_jobs.service/jobid/4711\\x5b3\\x5d.server", "4711", "-" },
	{ "/pbspro.slice/pbspro-4711\\x5b3\\x5d.server.slice", "4711", "-" },
	{ "/pbs_jobs/jobid/4711.server", "4711", "-" },
	{ "/pbs_jobs.slice/pbs_jobs-4711.server.slice", "4711", "-" },
	{ "/lsf/cluster1/job.4711[3].12345.1600000000", "4711", "-" },
	{ "/lsf/cluster1/job.4711.12345.1600000000/docker-" ID ".scope", "4711", ID },
	/* parents of containers that people choose; nerdctl, ctr, k3s, kind, pods that nest */
	{ "/batch.slice/docker-" ID ".scope", "-", ID },
	{ "/batch.slice/batch-web.slice/docker-" ID ".scope/init.scope", "-", ID },
	{ "/batch/web/" ID, "-", ID },
	{ "/system.slice/nerdctl-" ID ".scope", "-", ID },
	{ "/default/" ID, "-", ID },
	{ "/k8s.io/" ID, "-", ID },
	{ "/system.slice/k3s-agent.service", "-", "-" },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-" POD ".slice/crio-" ID
	  ".scope/container",
	  "-", ID },
	{ "/kubepods.slice/kubepods-" POD ".slice/cri-containerd-" ID ".scope/kubepods.slice/x",
	  "-", ID },
	{ "/lxc.payload.web1/docker/" ID, "-", ID },
	{ "/lxc.payload.web1/system.slice/slurmstepd.scope/job_1", "?1", "web1" },
	{ "/lxc.payload.web1/user.slice/user-1000.slice/session-1.scope", "-", "web1" },
	{ "/lxc.payload.web1/lxc.payload.inner", "-", "web1" },
	{ "/system.slice/docker-" ID ".scope (deleted)", "?", "?" },
	{ "/lxc.payload.", "?", "?" },
	{ "/lxc/", "?", "?" },
	{ "//docker//" ID "//", "-", ID },
	/* neither */
	{ "/", "-", "-" },
	{ "/init.scope", "-", "-" },
	{ "/system.slice", "-", "-" },
	{ "/system.slice/sshd.service", "-", "-" },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "-", "-" },
	{ "/system.slice/systemd-udevd.service/udev", "-", "-" },
	{ "/system.slice/run-r0123.scope", "-", "-" },
	{ "/web.slice/nginx.service", "-", "-" },
	{ "/user.slice/user-1000.slice/session-4.scope", "-", "-" },
	{ U "/app.slice/app-gnome-firefox-1234.scope", "-", "-" },
	{ U "/app.slice/snap.firefox.firefox-aaaa.scope", "-", "-" },
	{ U "/init.scope", "-", "-" },
	{ "/user.slice", "-", "-" },
	{ "/openrc.sshd", "-", "-" },
	{ "/openrc/sshd", "-", "-" },
	/* not understood */
	{ "/user.slice/user-1000.slice/docker-" ID ".scope", "?", "?" ID },
	{ "/user.slice/docker-123.scope", "?", "?" },
	{ "/system.slice/web.service/worker", "?", "?" },
	{ "/system.slice/thing.scope", "?", "?" },
	{ "/machine.slice/thing.service", "?", "?" },
	{ "/garden/0a1b2c", "?", "?" },
	{ "/../../sibling", "?", "?" },
	{ NULL, "?", "?" },
};

static bool is(const struct place *p, const char *want)
{
	if (!strcmp(want, "-"))
		return p->state == PLACE_NONE && !p->name.ptr;
	if (want[0] == '?')
		return p->state == PLACE_UNKNOWN &&
		       (want[1] ? text_is(p->name, want + 1) : !p->name.ptr);
	return p->state == PLACE_IN && text_is(p->name, want);
}

static void table(void)
{
	struct place job, container;

	for (size_t i = 0; i < array_len(paths); i++) {
		place_of_path(text_of(paths[i].path), &job, &container);
		ok(is(&job, paths[i].job), "job %s: %s (%d '%.*s')", paths[i].job,
		   paths[i].path ? paths[i].path : "no path", job.state, (int)job.name.len,
		   job.name.ptr ? job.name.ptr : "");
		ok(is(&container, paths[i].container), "container %.12s: %s (%d '%.*s')",
		   paths[i].container, paths[i].path ? paths[i].path : "no path", container.state,
		   (int)container.name.len, container.name.ptr ? container.name.ptr : "");
	}
}

/* What several hierarchies and the namespaces say together. */
static void together(void)
{
	struct event ev = { .cgroup = TEXT("/system.slice/x.service"), .cgroups_known = true };
	struct process *p = &ev.opener;
	char deep[4 * 64], *end = deep;
	struct place job, container;

	p->space = SPACE_KNOWN;
	place_fill(&ev);
	ok(p->job_state == PLACE_NONE && p->container_state == PLACE_NONE, "a plain service");
	ev.cgroups = TEXT("/slurm/uid_1000/job_4711/step_0\0");
	place_fill(&ev);
	ok(p->job_state == PLACE_IN && text_is(p->job, "4711") && p->container_state == PLACE_NONE,
	   "a job of Slurm on v1, whose daemon is a plain service on v2");
	ev.cgroups = TEXT("/system.slice\0/docker/" ID "\0/docker/" ID "\0");
	place_fill(&ev);
	ok(p->container_state == PLACE_IN && text_is(p->container, ID) &&
		   p->job_state == PLACE_NONE,
	   "docker on v1");
	ev.cgroups = TEXT("/strange/1\0");
	place_fill(&ev);
	ok(p->job_state == PLACE_UNKNOWN && p->container_state == PLACE_UNKNOWN,
	   "one hierarchy that is not understood is enough");
	ev.cgroups = TEXT("/strange/1\0/slurm/uid_1/job_1\0");
	place_fill(&ev);
	ok(p->job_state == PLACE_IN && p->container_state == PLACE_UNKNOWN,
	   "which does not hide what another one says");
	ev.cgroups = TEXT("/docker/" ID);
	place_fill(&ev);
	ok(p->container_state == PLACE_IN, "the last path may have no end");
	ev.cgroups = (struct text){ 0 };
	ev.cgroups_known = false;
	place_fill(&ev);
	ok(p->job_state == PLACE_UNKNOWN && p->container_state == PLACE_UNKNOWN,
	   "\"none\" is not claimed when hierarchies were not read");
	ev.cgroups_known = true;
	for (unsigned bit = SPACE_PID; bit <= SPACE_ROOT; bit *= 2) {
		p->space = SPACE_KNOWN | bit;
		place_fill(&ev);
		ok(p->job_state == PLACE_NONE && p->container_state == PLACE_UNKNOWN,
		   "surroundings of its own (%u) are some container's", bit);
	}
	p->space = 0;
	place_fill(&ev);
	ok(p->container_state == PLACE_UNKNOWN, "and so are unknown ones");
	ev.cgroup = TEXT("/docker/" ID);
	place_fill(&ev);
	ok(p->container_state == PLACE_IN, "a container's name needs no more");
	ev.cgroup = (struct text){ 0 };
	p->kernel = true;
	place_fill(&ev);
	ok(p->job_state == PLACE_NONE && p->container_state == PLACE_NONE, "the kernel is in none");
	ev.door.elsewhere = true;
	place_fill(&ev);
	ok(p->container_state == PLACE_UNKNOWN, "but its socket may be a container's");
	for (int i = 0; i < 49; i++, end += 2)
		memcpy(end, "/a", 3);
	place_of_path(text_of(deep), &job, &container);
	ok(job.state == PLACE_UNKNOWN && container.state == PLACE_UNKNOWN,
	   "a path of 49 parts is not understood");
}

static void names(void)
{
	struct event ev = { .cgroup = TEXT("/machine.slice/machine-web\\x2d1.scope/payload") };
	char where[PLACE_WHERE_MAX], path[300] = "/lxc/", *to = path + 5;

	place_fill(&ev);
	place_where(&ev.door, &ev.opener, where);
	is_str(where, "container web-1", "a machine's name is unescaped");
	ev.cgroup = TEXT("/machine.slice/machine-web\\x1b\\x0a\\xzz.scope");
	place_fill(&ev);
	place_where(&ev.door, &ev.opener, where);
	is_str(where, "container web\\x1b\\x0a\\xzz", "but not to what a terminal obeys");
	memset(to, 'n', 200);
	ev.cgroup = text_of(path);
	place_fill(&ev);
	place_where(&ev.door, &ev.opener, where);
	ok(strlen(where) < PLACE_WHERE_MAX && where[strlen(where) - 1] == '+',
	   "a long name is cut and says so");
	ev.cgroup = TEXT("/docker/" ID);
	place_fill(&ev);
	place_where(&ev.door, &ev.opener, where);
	is_str(where, "container 0123456789ab", "an id is as short as docker shows it");
}

int main(void)
{
	table();
	together();
	names();
	return tap_done();
}
