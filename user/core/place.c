/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shapes of cgroup paths, from the documentation, the tests and the bug reports of the projects
 * that make them. ID is 64 lower-case hexadecimal digits, "a/b" any path that contains these names
 * in a row, "^" the root of the hierarchy.
 *
 * Containers:
 *	ID  docker-ID.scope  libpod-ID.scope  libpod-payload-ID  cri-containerd-ID.scope  crio-ID.scope ...
 *	PARENT.slice:cri-containerd:ID	containerd, whose runtime and cgroup driver disagree
 *	kata_ID				the sandbox of Kata Containers, on the host
 *	crun-buildah-buildahN.scope	a step of a build
 *	lxc/NAME  lxc.payload.NAME  lxc.payload/NAME		LXC, LXD, Incus, Proxmox (whose NAME is a number)
 *	machine.slice/systemd-nspawn@NAME.service  machine.slice/machine-NAME.scope	nspawn, machined; NAME is escaped
 *	nomad.slice/share.slice/ALLOC.TASK.scope  ^nomad/ALLOC...	Nomad
 *	^ecs/TASK/ID  ^ecs/TASK/TASK-N				Amazon ECS, on instances and Fargate
 *	buildkit/NAME						a step of a docker build
 * Jobs:
 *	^X.slice/slurmstepd.scope/job_N  .../HOST_slurmstepd.scope/sXXXXXXXXXXXXX	Slurm, v2: by number, or by SLUID since 26.05
 *	^slurm/uid_U/job_N  ^slurm_HOST/uid_U/job_N		Slurm, v1
 *	^pbs_jobs.service/jobid/N.server  .../jobs/...  ^pbs_jobs/jobid/N.server  ^pbspro/...	OpenPBS and PBS Professional
 *	^lsf/CLUSTER/job.N.PID.TIME  ^UGE/N.1  ^sge/N.1  ^torque/N.server  ^oar/USER_N	LSF, Grid Engine, Torque, OAR
 *	^htcondor/condor_..._SLOT@HOST				HTCondor, v1; below system.slice on v2
 *	^hadoop-yarn/container_...				YARN
 * Perhaps a job:
 *	system.slice/slurmd.service ...	a scheduler's daemon that does not use cgroups leaves its jobs in its own
 * Neither:
 *	/  init.scope  *.slice/NAME.service  session-N.scope  run-*.scope	what systemd starts
 *	lxc.monitor.NAME  libpod-conmon-ID.scope  crio-conmon-ID.scope	watch a container, outside of it
 *	qemu.slice/N.scope  machine.slice/machine-qemu-...		a virtual machine's emulator runs on the host
 *
 * A user makes cgroups of any name below the own slice, root of a container below its own, whoever
 * a service with Delegate= runs as below that service: there a name is a hint for people. An
 * argument for a verdict is only what root of the node has made. That is why Slurm's scope counts
 * below slices alone.
 */
#include "core/place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "core/event.h"

#define CONTAINER_ID_LEN 64
#define SLUID_LEN 14
#define PARTS_MAX 48 /* of a path; of a longer one nothing is known */

static bool ends_with(struct text t, const char *suffix)
{
	size_t n = strlen(suffix);

	return t.len >= n && !memcmp(t.ptr + t.len - n, suffix, n);
}

static bool starts_with(struct text t, const char *prefix)
{
	size_t n = strlen(prefix);

	return t.len >= n && !memcmp(t.ptr, prefix, n);
}

static struct text cut_head(struct text t, const char *prefix)
{
	uint32_t n = (uint32_t)strlen(prefix);

	return (struct text){ t.ptr + n, t.len - n };
}

/* Cuts prefix and suffix off; unknown when they are not there or nothing is between. */
static struct text between(struct text t, const char *prefix, const char *suffix)
{
	size_t n = strlen(prefix) + strlen(suffix);

	if (t.len <= n || !starts_with(t, prefix) || !ends_with(t, suffix))
		return (struct text){ 0 };
	return (struct text){ t.ptr + strlen(prefix), t.len - (uint32_t)n };
}

static bool is_container_id(struct text t)
{
	for (uint32_t i = 0; i < t.len; i++) {
		if (!((t.ptr[i] >= '0' && t.ptr[i] <= '9') || (t.ptr[i] >= 'a' && t.ptr[i] <= 'f')))
			return false;
	}
	return t.len == CONTAINER_ID_LEN;
}

/* --- containers ------------------------------------------------------------------------------------- */

static const char *const id_prefixes[] = {
	"",	 "docker-",  "libpod-",	    "libpod-payload-", "cri-containerd-",
	"crio-", "nerdctl-", "containerd-", "kata_",	       "cri-o-",
};

static const char *const build_prefixes[] = { "crun-buildah-", "runc-buildah-", "buildah-buildah" };

/* One part that names a container by itself. */
static struct text container_by_id(struct text part)
{
	struct text whole = part, colon = part;

	while (colon.len && colon.ptr[colon.len - 1] != ':')
		colon.len--;
	if (colon.len) { /* PARENT.slice:PREFIX:ID */
		whole.ptr += colon.len;
		whole.len -= colon.len;
		return is_container_id(whole) ? whole : (struct text){ 0 };
	}
	if (ends_with(part, ".scope"))
		part.len -= sizeof(".scope") - 1;
	for (size_t i = 0; i < array_len(id_prefixes); i++) {
		if (starts_with(part, id_prefixes[i]) &&
		    is_container_id(cut_head(part, id_prefixes[i])))
			return cut_head(part, id_prefixes[i]);
	}
	for (size_t i = 0; i < array_len(build_prefixes); i++) {
		if (starts_with(part, build_prefixes[i]))
			return part;
	}
	return (struct text){ 0 };
}

/* Where a part names a container because of the one before it. */
static const struct named_container {
	const char *before; /* "": any */
	const char *prefix, *suffix;
	bool at_root; /* before is the path's first part */
} named_containers[] = {
	{ "", "lxc.payload.", ".scope", false },
	{ "", "lxc.payload.", "", false },
	{ "lxc", "", "", true },
	{ "lxc.payload", "", "", true },
	{ "machine.slice", "systemd-nspawn@", ".service", false },
	{ "machine.slice", "machine-", ".scope", false },
	{ "share.slice", "", ".scope", false },
	{ "reserve.slice", "", ".scope", false },
	{ "nomad", "", "", true },
	{ "buildkit", "", "", false },
};

static struct text container_by_name(struct text before, struct text part, bool second)
{
	for (size_t i = 0; i < array_len(named_containers); i++) {
		const struct named_container *n = &named_containers[i];
		struct text name;

		if ((n->before[0] && !text_is(before, n->before)) || (n->at_root && !second))
			continue;
		name = between(part, n->prefix, n->suffix);
		if (name.ptr)
			return name;
	}
	return (struct text){ 0 };
}

/* --- jobs --------------------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "4711" of job_4711, or the SLUID: "s" and 13 digits and capitals. */
static struct text slurm_job(struct text part)
{
	static const char prefix[] = "job_";
	uint32_t head = sizeof(prefix) - 1;

	if (part.len == SLUID_LEN && part.ptr[0] == 's') {
		for (uint32_t i = 1; i < part.len; i++) {
			if (!is_digit(part.ptr[i]) && !(part.ptr[i] >= 'A' && part.ptr[i] <= 'Z'))
				return (struct text){ 0 };
		}
		return part;
	}
	if (part.len <= head || memcmp(part.ptr, prefix, head))
		return (struct text){ 0 };
	for (uint32_t i = head; i < part.len; i++) {
		if (!is_digit(part.ptr[i]))
			return (struct text){ 0 };
	}
	return (struct text){ part.ptr + head, part.len - head };
}

/*
 * "4711" of "4711.server", "4711[3].server" or what systemd makes of that, "4711\x5b3..."; unknown
 * when it does not begin so.
 */
static struct text number_of(struct text part, const char *prefix)
{
	uint32_t head = (uint32_t)strlen(prefix), n = head;

	if (part.len <= head || memcmp(part.ptr, prefix, head))
		return (struct text){ 0 };
	while (n < part.len && is_digit(part.ptr[n]))
		n++;
	if (n == head || (n < part.len && !memchr(".[\\", part.ptr[n], 3)))
		return (struct text){ 0 };
	return (struct text){ part.ptr + head, n - head };
}

/* "4711" of "mlee_4711". */
static struct text number_behind(struct text part)
{
	uint32_t n = part.len;

	while (n && is_digit(part.ptr[n - 1]))
		n--;
	if (!n || n == part.len || part.ptr[n - 1] != '_')
		return (struct text){ 0 };
	return (struct text){ part.ptr + n, part.len - n };
}

static struct text number(struct text part)
{
	return number_of(part, "");
}

static struct text pbspro_slice(struct text part)
{
	return number_of(part, "pbspro-");
}

static struct text pbs_jobs_slice(struct text part)
{
	return number_of(part, "pbs_jobs-");
}

static struct text lsf_job(struct text part)
{
	return number_of(part, "job.");
}

static struct text torque_job(struct text part)
{
	struct text t = slurm_job(part);

	return t.ptr ? t : number(part);
}

/* "slot1_2@node" of "condor_var_lib_condor_execute_slot1_2@node". */
static struct text condor_slot(struct text part)
{
	const char *at =
		starts_with(part, "condor_") ? memmem(part.ptr, part.len, "_slot", 5) : NULL;

	if (!at)
		return starts_with(part, "condor_") ? part : (struct text){ 0 };
	return (struct text){ at + 1, part.len - (uint32_t)(at + 1 - part.ptr) };
}

static struct text yarn_container(struct text part)
{
	return starts_with(part, "container_") ? part : (struct text){ 0 };
}

/* Schedulers whose daemon, root, makes a hierarchy of its own at the root. */
static const struct scheduler {
	const char *first; /* the path's first part */
	const char *second; /* its second, "*": any, NULL: that is the job's already */
	struct text (*job)(struct text part);
} schedulers[] = {
	{ "pbs_jobs.service", "jobid", number },
	{ "pbs_jobs.service", "jobs", number },
	{ "pbs_jobs", "jobid", number },
	{ "pbs_jobs", "jobs", number },
	{ "pbs_jobs.slice", NULL, pbs_jobs_slice },
	{ "pbspro.service", "jobid", number },
	{ "pbspro", NULL, number },
	{ "pbspro.slice", NULL, pbspro_slice },
	{ "lsf", "*", lsf_job },
	{ "UGE", NULL, number },
	{ "uge", NULL, number },
	{ "sge", NULL, number },
	{ "torque", NULL, torque_job },
	{ "oar", NULL, number_behind },
	{ "oardocker", NULL, number_behind },
	{ "htcondor", NULL, condor_slot },
	{ "system.slice", "htcondor", condor_slot },
	{ "system.slice", "condor.service", condor_slot },
	{ "hadoop-yarn", NULL, yarn_container },
};

/* --- a path ----------------------------------------------------------------------------------------- */

struct parts {
	struct text at[PARTS_MAX];
	uint32_t len;
};

/* False: too many. */
static bool split(struct text path, struct parts *ret)
{
	ret->len = 0;
	while (path.len) {
		const char *slash = memchr(path.ptr, '/', path.len);
		uint32_t n = slash ? (uint32_t)(slash - path.ptr) : path.len;

		if (n) {
			if (ret->len == PARTS_MAX)
				return false;
			ret->at[ret->len++] = (struct text){ path.ptr, n };
		}
		if (slash)
			n++;
		path.ptr += n;
		path.len -= n;
	}
	return true;
}

static struct text scheduler_job(const struct parts *p)
{
	for (size_t i = 0; i < array_len(schedulers); i++) {
		const struct scheduler *s = &schedulers[i];
		uint32_t at = s->second ? 2 : 1;
		struct text job;

		if (p->len <= at || !text_is(p->at[0], s->first))
			continue;
		if (s->second && strcmp(s->second, "*") && !text_is(p->at[1], s->second))
			continue;
		job = s->job(p->at[at]);
		if (job.ptr)
			return job;
	}
	return (struct text){ 0 };
}

/*
 * Slurm's own below a part that its daemon has made; *ret_at: where the job is, *ret_forgeable: not
 * only root could make it.
 */
static struct text slurm_of(const struct parts *p, uint32_t *ret_at, bool *ret_forgeable)
{
	bool slices = true; /* so far: systemd makes them */

	for (uint32_t i = 0; i + 1 < p->len; i++) {
		struct text part = p->at[i], job = { 0 };

		bool v1 = !i && (text_is(part, "slurm") || starts_with(part, "slurm_")) &&
			  p->len > 2 && starts_with(p->at[1], "uid_");

		*ret_at = v1 ? 2 : i + 1;
		*ret_forgeable = !slices;
		slices &= ends_with(part, ".slice");
		if (v1 || ends_with(part, "slurmstepd.scope"))
			job = slurm_job(p->at[*ret_at]);
		if (job.ptr)
			return job;
	}
	return (struct text){ 0 };
}

/*
 * Outside of the container that it watches: nspawn's and libvirt's own part, conmon, the monitor of
 * LXC.
 */
static bool is_monitor(const struct parts *p, uint32_t i)
{
	struct text part = p->at[i];

	return starts_with(part, "libpod-conmon-") || starts_with(part, "crio-conmon-") ||
	       starts_with(part, "lxc.monitor") ||
	       (text_is(part, "conmon") && i && text_is(p->at[i - 1], "libpod_parent")) ||
	       (i && text_is(part, "supervisor") &&
		(starts_with(p->at[i - 1], "systemd-nspawn@") ||
		 starts_with(p->at[i - 1], "machine-")));
}

/* QEMU runs on the host, though machined calls its virtual machine a machine. */
static bool is_emulator(struct text part)
{
	return starts_with(part, "machine-qemu");
}

struct containers {
	struct text first, last; /* containers nest */
	uint32_t at; /* where the first is named */
	bool monitor;
};

static void find_containers(const struct parts *p, struct containers *ret)
{
	*ret = (struct containers){ .at = p->len };
	for (uint32_t i = 0; i < p->len; i++) {
		struct text id;

		if (is_monitor(p, i)) {
			ret->first = ret->last = (struct text){ 0 };
			ret->at = p->len;
			ret->monitor = true;
			return;
		}
		if (is_emulator(p->at[i]))
			continue;
		id = container_by_id(p->at[i]);
		/* Inside of a container its own names mean what its root likes. */
		if (!id.ptr && i && !ret->last.ptr)
			id = container_by_name(p->at[i - 1], p->at[i], i == 1);
		else if (!id.ptr && !i)
			id = container_by_name((struct text){ 0 }, p->at[i], false);
		if (!id.ptr)
			continue;
		if (!ret->first.ptr) {
			ret->first = id;
			ret->at = i;
		}
		ret->last = id;
	}
	/* Amazon ECS on Fargate: /ecs/TASK/TASK-1234567890 */
	if (!ret->first.ptr && p->len >= 3 && text_is(p->at[0], "ecs")) {
		ret->first = ret->last = p->at[2];
		ret->at = 2;
	}
}

/* --- what is neither -------------------------------------------------------------------------------- */

/* Parts that systemd, or a service for its own processes, puts below a unit. */
static bool is_below_unit(struct text part)
{
	static const char *const names[] = { "init.scope", "control",  ".control",
					     "supervisor", "udev",     "runtime",
					     "libvirt",	   "emulator", "dbus.socket" };

	for (size_t i = 0; i < array_len(names); i++) {
		if (text_is(part, names[i]))
			return true;
	}
	return starts_with(part, "vcpu") || starts_with(part, "iothread");
}

/*
 * Slices in which containers and jobs are: what is there and was not recognised is not understood.
 */
static bool is_foreign_slice(struct text part)
{
	static const char *const names[] = {
		"kubepods", "kubelet-kubepods", "machine", "nomad",	"ecstasks", "slurm", "pbs",
		"oar",	    "docker",		"podman",  "container", "lxc"
	};

	for (size_t i = 0; i < array_len(names); i++) {
		if (starts_with(part, names[i]))
			return true;
	}
	return false;
}

static bool is_unit(struct text part)
{
	return ends_with(part, ".service") || ends_with(part, ".socket") ||
	       ends_with(part, ".mount") || ends_with(part, ".swap");
}

/* Scopes that systemd's own programs make: logind, systemd-run. */
static bool is_plain_scope(struct text part)
{
	return ends_with(part, ".scope") &&
	       (starts_with(part, "session-") || starts_with(part, "run-") ||
		text_is(part, "init.scope") || is_emulator(part));
}

/*
 * Below user@N.service users make units as they like; nothing there is a job's or a container's by
 * the node's word.
 */
static bool is_user_plain(const struct parts *p, uint32_t i)
{
	while (i < p->len && ends_with(p->at[i], ".slice"))
		i++;
	if (i < p->len && (is_unit(p->at[i]) || ends_with(p->at[i], ".scope")))
		i++;
	return i == p->len;
}

/* A path that systemd or another init makes for a service or a login, whole. */
static bool is_plain(const struct parts *p)
{
	uint32_t i = 0;

	if (!p->len ||
	    (p->len == 1 && (text_is(p->at[0], "init.scope") || starts_with(p->at[0], "openrc.") ||
			     starts_with(p->at[0], "snap."))))
		return true;
	if (p->len == 2 && text_is(p->at[0], "openrc"))
		return true;
	/* Proxmox' virtual machines: QEMU on the host. */
	if (p->len == 2 && text_is(p->at[0], "qemu.slice") && number(p->at[1]).ptr)
		return true;
	if (!ends_with(p->at[0], ".slice"))
		return false;
	while (i < p->len && ends_with(p->at[i], ".slice")) {
		bool emulator = text_is(p->at[i], "machine.slice") && i + 1 < p->len &&
				is_emulator(p->at[i + 1]);

		if (is_foreign_slice(p->at[i]) && !emulator)
			return false;
		i++;
	}
	if (i == p->len)
		return true;
	if (starts_with(p->at[i], "user@") && ends_with(p->at[i], ".service"))
		return is_user_plain(p, i + 1);
	if (!is_unit(p->at[i]) && !is_plain_scope(p->at[i]))
		return false;
	for (i++; i < p->len; i++) {
		if (!is_below_unit(p->at[i]))
			return false;
	}
	return true;
}

/* slurmd's own helper, in no job: slurmstepd.scope/system */
static bool is_slurm_system(const struct parts *p)
{
	return p->len == 3 && text_is(p->at[0], "system.slice") &&
	       ends_with(p->at[1], "slurmstepd.scope") && text_is(p->at[2], "system");
}

static bool begins(struct text part, const char *const *with, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (starts_with(part, with[i]))
			return true;
	}
	return false;
}

/* Of the daemon of a scheduler, or of a unit that one makes for a job (Flux). */
static bool may_be_job(const struct parts *p)
{
	static const char *const units[] = { "slurm", "pbs",	    "torque",	"sge",
					     "uge",   "gridengine", "condor",	"htcondor",
					     "lsf",   "openlava",   "oar-node", "flux",
					     "yarn",  "hadoop",	    "shell-",	"imp-shell-" };
	static const char *const run_no_jobs[] = { "slurmctld", "slurmdbd", "slurmrestd" };

	for (uint32_t i = 0; i < p->len; i++) {
		if (ends_with(p->at[i], ".service") && begins(p->at[i], units, array_len(units)) &&
		    !begins(p->at[i], run_no_jobs, array_len(run_no_jobs)))
			return true;
	}
	return false;
}

void place_of_path(struct text cgroup, struct place *ret_job, struct place *ret_container)
{
	struct containers c;
	struct text job;
	struct parts p;
	bool users, plain, forgeable = false;
	uint32_t at = 1;

	*ret_job = *ret_container = (struct place){ .state = PLACE_UNKNOWN };
	if (!cgroup.ptr || !split(cgroup, &p))
		return;
	/* "user": what libpam-cgfs makes of v1. */
	users = p.len && (text_is(p.at[0], "user.slice") || text_is(p.at[0], "user"));
	find_containers(&p, &c);
	job = scheduler_job(&p);
	if (!job.ptr)
		job = slurm_of(&p, &at, &forgeable);
	ret_job->name = job;
	ret_container->name = c.last;
	plain = is_plain(&p) || is_slurm_system(&p) || (c.monitor && !users);
	if (job.ptr && !users && !forgeable && at < c.at)
		ret_job->state = PLACE_IN;
	/* A container is in no job unless it is below one: who would have started it there? */
	else if (!job.ptr && !may_be_job(&p) && (plain || (c.last.ptr && !users)))
		ret_job->state = PLACE_NONE;
	if (c.last.ptr)
		ret_container->state = users ? PLACE_UNKNOWN : PLACE_IN;
	else if (plain || ret_job->state == PLACE_IN)
		ret_container->state = PLACE_NONE;
}

bool place_is_named(struct text cgroup)
{
	struct place job, container;

	place_of_path(cgroup, &job, &container);
	return job.name.ptr || container.name.ptr;
}

/* --- an event --------------------------------------------------------------------------------------- */

/* Two hierarchies: who is in something in one of them is in it; in none only when both say so. */
static void merge(struct place *sum, const struct place *one)
{
	if (sum->state == PLACE_IN)
		return;
	if (one->state == PLACE_IN) {
		*sum = *one;
		return;
	}
	if (one->state == PLACE_UNKNOWN)
		sum->state = PLACE_UNKNOWN;
	if (!sum->name.ptr)
		sum->name = one->name;
}

static void fill_kernel(const struct event *ev, struct process *p)
{
	p->job_state = PLACE_NONE;
	/* Its socket may belong to a container's network namespace. */
	p->container_state = ev->door.elsewhere ? PLACE_UNKNOWN : PLACE_NONE;
}

void place_fill(struct event *ev)
{
	struct process *p = &ev->opener;
	const char *path = ev->cgroups.ptr, *end = path ? path + ev->cgroups.len : NULL;
	struct place job, container;

	if (p->kernel) {
		fill_kernel(ev, p);
		return;
	}
	place_of_path(ev->cgroup, &job, &container);
	while (path < end) {
		struct text one = { path, (uint32_t)strnlen(path, (size_t)(end - path)) };
		struct place j, c;

		place_of_path(one, &j, &c);
		merge(&job, &j);
		merge(&container, &c);
		path += one.len + 1;
	}
	/* A scheduler or docker of v1 is in other hierarchies than the one that we know. */
	if (!ev->cgroups_known) {
		merge(&job, &(struct place){ .state = PLACE_UNKNOWN });
		merge(&container, &(struct place){ .state = PLACE_UNKNOWN });
	}
	/* Namespaces of its own: some container, though no id was recognised. */
	if (container.state == PLACE_NONE && p->space != SPACE_KNOWN)
		container.state = PLACE_UNKNOWN;
	p->job = job.name;
	p->job_state = job.state;
	p->container = container.name;
	p->container_state = container.state;
}

void place_process(struct process *p)
{
	struct event ev = { .opener = *p,
			    .cgroup = p->cgroup,
			    .cgroups = p->cgroups,
			    .cgroups_known = p->cgroups_known };

	place_fill(&ev);
	p->job = ev.opener.job;
	p->container = ev.opener.container;
	p->job_state = ev.opener.job_state;
	p->container_state = ev.opener.container_state;
}

bool place_exe_is_foreign(const struct process *p)
{
	return p->space & SPACE_EXE || (p->space & SPACE_FILE && p->container_state != PLACE_IN);
}

/* --- for people ------------------------------------------------------------------------------------- */

#define SHORT_ID 12

/* "web-1" of "web\x2d1", as systemd escapes names of units. */
static void unescape(struct text t, char *ret, size_t size)
{
	size_t n = 0;

	for (uint32_t i = 0; i < t.len; i++) {
		unsigned c = (unsigned char)t.ptr[i];
		char hex[3] = "";

		if (n + 2 > size) {
			ret[n - 1] = '+';
			break;
		}
		if (c == '\\' && t.len - i > 3 && t.ptr[i + 1] == 'x') {
			memcpy(hex, t.ptr + i + 2, 2);
			if (sscanf(hex, "%2x", &c) == 1 && c > ' ' && c < 127)
				i += 3;
			else
				c = '\\';
		}
		ret[n++] = (char)c;
	}
	ret[n] = '\0';
}

/* "netns-UUID", "cni-UUID": made for one container, and never again. */
static bool is_made_up(const char *name)
{
	static const uint32_t dashes[] = { 8, 13, 18, 23 };
	size_t n = strlen(name);

	if (n < 36)
		return false;
	for (size_t i = 0; i < array_len(dashes); i++) {
		if (name[n - 36 + dashes[i]] != '-')
			return false;
	}
	return true;
}

void place_where_key(const struct door *d, const struct process *p, char ret_where[PLACE_WHERE_MAX])
{
	bool named = p->container_state == PLACE_IN && !is_container_id(p->container);

	ret_where[0] = '\0';
	if (!d->elsewhere)
		return;
	if (named)
		unescape(p->container, ret_where, PLACE_WHERE_MAX);
	else if (p->container_state == PLACE_IN || is_made_up(d->netns_name))
		snprintf(ret_where, PLACE_WHERE_MAX, "container");
	else if (d->netns_name[0])
		snprintf(ret_where, PLACE_WHERE_MAX, "%s", d->netns_name);
	else if (p->container_state != PLACE_NONE)
		snprintf(ret_where, PLACE_WHERE_MAX, "container");
	else
		snprintf(ret_where, PLACE_WHERE_MAX, "netns:%" PRIu32, d->netns);
}

void place_where(const struct door *d, const struct process *p, char ret_where[PLACE_WHERE_MAX])
{
	struct text id = p->container;
	char name[PLACE_WHERE_MAX - 16];

	ret_where[0] = '\0';
	if (id.ptr) {
		if (is_container_id(id))
			id.len = SHORT_ID;
		unescape(id, name, sizeof(name));
		snprintf(ret_where, PLACE_WHERE_MAX, "container %s", name);
	} else if (d->elsewhere && d->netns_name[0]) {
		snprintf(ret_where, PLACE_WHERE_MAX, "netns %s", d->netns_name);
	} else if (d->elsewhere) {
		snprintf(ret_where, PLACE_WHERE_MAX, "netns:%" PRIu32, d->netns);
	}
}
