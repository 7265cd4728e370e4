/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shapes seen (notes of the projects that make them, and their own tests):
 *
 *	/docker/ID  /system.slice/docker-ID.scope           docker, cgroupfs and systemd driver
 *	/machine.slice/libpod-ID.scope[/container]          podman; libpod-conmon-ID is its monitor, outside
 *	/kubepods/burstable/podUID/ID                       kubelet, cgroupfs driver
 *	/kubepods.slice/.../cri-containerd-ID.scope         containerd; crio-ID.scope CRI-O
 *	/system.slice/slurmstepd.scope/job_4711/step_0      Slurm, cgroup v2
 *	/slurm/uid_1000/job_4711/step_0                     Slurm, cgroup v1
 *	/pbs_jobs.service/jobid/4711.server                 OpenPBS' and PBS Professional's cgroup hook
 *	/pbspro/4711.server  /pbspro.slice/pbspro-4711...   the same, older
 *	/lsf/CLUSTER/job.4711.12345.1600000000              LSF
 *	/UGE/4711.1  /sge/4711.1                            Grid Engine
 *
 * ID is 64 lower-case hexadecimal digits. A user may make cgroups of any name below the own slice, so a name alone
 * is a hint for people. An argument for a verdict is only what lies where root alone makes cgroups: place_fill().
 */
#include "core/place.h"

#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "core/event.h"

#define CONTAINER_ID_LEN 64

static const char *const scope_prefixes[] = {
	"", "docker-", "libpod-", "cri-containerd-", "crio-", "containerd-", "nerdctl-",
};

static bool is_container_id(const char *p)
{
	for (size_t i = 0; i < CONTAINER_ID_LEN; i++) {
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
	}
	return true;
}

static struct text container_of(struct text part)
{
	static const char suffix[] = ".scope";
	size_t n = part.len, tail = sizeof(suffix) - 1;

	if (n > tail && !memcmp(part.ptr + n - tail, suffix, tail))
		n -= tail;
	for (size_t i = 0; i < array_len(scope_prefixes); i++) {
		size_t head = strlen(scope_prefixes[i]);

		if (n == head + CONTAINER_ID_LEN && !memcmp(part.ptr, scope_prefixes[i], head) &&
		    is_container_id(part.ptr + head))
			return (struct text){ part.ptr + head, CONTAINER_ID_LEN };
	}
	return (struct text){ 0 };
}

static struct text job_of(struct text part)
{
	static const char prefix[] = "job_";
	uint32_t head = sizeof(prefix) - 1;

	if (part.len <= head || memcmp(part.ptr, prefix, head))
		return (struct text){ 0 };
	for (uint32_t i = head; i < part.len; i++) {
		if (part.ptr[i] < '0' || part.ptr[i] > '9')
			return (struct text){ 0 };
	}
	return (struct text){ part.ptr + head, part.len - head };
}

/* Cuts the next part of a path off; false at its end. */
static bool next_part(struct text *path, struct text *ret_part)
{
	const char *slash;

	while (path->len && path->ptr[0] == '/') {
		path->ptr++;
		path->len--;
	}
	if (!path->len)
		return false;
	slash = memchr(path->ptr, '/', path->len);
	*ret_part = (struct text){ path->ptr, slash ? (uint32_t)(slash - path->ptr) : path->len };
	path->ptr += ret_part->len;
	path->len -= ret_part->len;
	return true;
}

/* The innermost one: containers nest. */
struct text place_container(struct text cgroup)
{
	struct text part, found = { 0 };

	while (cgroup.ptr && next_part(&cgroup, &part)) {
		struct text id = container_of(part);

		if (id.ptr)
			found = id;
	}
	return found;
}

/* Schedulers whose daemon, root, makes a hierarchy of its own at the root. */
static const struct scheduler {
	const char *first; /* the path's first part */
	const char *second; /* its second, "*": any, NULL: that is the job's already */
	const char *prefix; /* of the job's part, before the number */
} schedulers[] = {
	{ "pbs_jobs.service", "jobid", "" },
	{ "pbspro", NULL, "" },
	{ "pbspro.slice", NULL, "pbspro-" },
	{ "lsf", "*", "job." },
	{ "UGE", NULL, "" },
	{ "sge", NULL, "" },
};

/* "4711" of "4711.server" or "4711[3].server"; unknown when it does not begin with a number. */
static struct text number_of(struct text part, const char *prefix)
{
	uint32_t head = (uint32_t)strlen(prefix), n = head;

	if (part.len <= head || memcmp(part.ptr, prefix, head))
		return (struct text){ 0 };
	while (n < part.len && part.ptr[n] >= '0' && part.ptr[n] <= '9')
		n++;
	if (n == head || (n < part.len && part.ptr[n] != '.' && part.ptr[n] != '['))
		return (struct text){ 0 };
	return (struct text){ part.ptr + head, n - head };
}

static struct text scheduler_job(struct text cgroup)
{
	struct text first, part;

	if (!cgroup.ptr || !next_part(&cgroup, &first))
		return (struct text){ 0 };
	for (size_t i = 0; i < array_len(schedulers); i++) {
		const struct scheduler *s = &schedulers[i];
		struct text rest = cgroup;

		if (!text_is(first, s->first) || !next_part(&rest, &part))
			continue;
		if (s->second && ((strcmp(s->second, "*") && !text_is(part, s->second)) ||
				  !next_part(&rest, &part)))
			continue;
		return number_of(part, s->prefix);
	}
	return (struct text){ 0 };
}

struct text place_job(struct text cgroup)
{
	struct text part, other = scheduler_job(cgroup);
	bool slurm = false;

	if (other.ptr)
		return other;
	while (cgroup.ptr && next_part(&cgroup, &part)) {
		struct text job = job_of(part);

		if (slurm && job.ptr)
			return job;
		if (memmem(part.ptr, part.len, "slurm", 5))
			slurm = true;
	}
	return (struct text){ 0 };
}

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

/* Only /system.slice/[HOST_]slurmstepd.scope/job_N and /slurm[_HOST]/uid_N/job_N, from the root on. */
static struct text sure_job(struct text cgroup)
{
	struct text part, second;
	bool v2;

	if (!next_part(&cgroup, &part) || !next_part(&cgroup, &second))
		return (struct text){ 0 };
	v2 = text_is(part, "system.slice");
	if (v2 ? !ends_with(second, "slurmstepd.scope")
	       : !(text_is(part, "slurm") || starts_with(part, "slurm_")) ||
			    !starts_with(second, "uid_"))
		return (struct text){ 0 };
	return next_part(&cgroup, &part) ? job_of(part) : (struct text){ 0 };
}

void place_fill(struct event *ev)
{
	struct text path = ev->cgroup, first;
	struct process *p = &ev->opener;

	p->placed = ev->cgroup.ptr != NULL;
	if (!p->placed)
		return;
	p->job = sure_job(ev->cgroup);
	if (!p->job.ptr)
		p->job = scheduler_job(ev->cgroup);
	if (next_part(&path, &first) && !text_is(first, "user.slice"))
		p->container = place_container(ev->cgroup);
}
