/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks that somebody leaves at the agent's own cgroup alone: doors of ours in another one find
 * that out. The test puts itself into a cgroup of its own for that.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor/internal.h"
#include "sensor/system.h"
#include "witness.h"

static const enum hook_id cgroup_hooks[] = {
	HOOK_LISTEN, HOOK_BIND4, HOOK_BIND6, HOOK_POST_BIND4, HOOK_POST_BIND6, HOOK_RELEASE,
};

static bool enter(int cgroup)
{
	_close_ int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, "0", 1) == 1;
}

static int root = -1; /* of cgroup v2 */

static bool has_cgroup(pid_t pid)
{
	char name[32];

	snprintf(name, sizeof(name), "ajar-canary-%d", (int)pid);
	return !faccessat(root, name, F_OK, 0);
}

static bool none_left(pid_t pid)
{
	uint64_t until = clock_boot_ns() + DEADLINE_NS;

	while (has_cgroup(pid) && clock_boot_ns() < until)
		poll(NULL, 0, 5);
	return !has_cgroup(pid);
}

/* The process in the cgroup of a sensor's process. */
static pid_t canary_of(pid_t pid)
{
	char text[64];

	snprintf(text, sizeof(text), "ajar-canary-%d/cgroup.procs", (int)pid);
	_close_ int fd = openat(root, text, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* What is detached from the root is attached to this cgroup; the links go with the numbers. */
static bool move_hooks(struct sensor *s, int cgroup, int links[HOOKS_MAX])
{
	bool good = true;

	for (size_t i = 0; i < array_len(cgroup_hooks); i++) {
		enum hook_id hook = cgroup_hooks[i];
		const struct link_watch *w = &s->links.of[hook];

		links[hook] = -1;
		if (s->h.links[hook] < 0)
			continue;
		good = !bpf_link_detach(s->h.links[hook]) && good;
		links[hook] = bpf_link_create(w->prog, cgroup, (enum bpf_attach_type)w->attach_type,
					      NULL);
		good = links[hook] >= 0 && good;
	}
	return good;
}

static void test_hooks_of_one_cgroup(int cgroup, bool other)
{
	const struct sensor_opts o = { .tier = 'A', .other_cgroup = other };
	int links[HOOKS_MAX];
	struct witness w;

	if (!ok(witness_open(&w, &o), "a sensor opens%s", other ? ", with a canary elsewhere" : ""))
		return;
	is_int(canary_of(getpid()) > 0, other, "it has %s process in another cgroup",
	       other ? "a" : "no");
	witness_drain(&w);
	is_int(sensor_try(w.s), 0, "it sees doors of its own");
	pid_t canary = canary_of(getpid());
	witness_drain(&w);
	is_int(sensor_try(w.s), 0, "and does so again");
	witness_drain(&w);
	ok(!witness_find_pid(&w, EVENT_OPEN, (uint32_t)getpid()) &&
		   !(other && witness_find_pid(&w, EVENT_OPEN, (uint32_t)canary)),
	   "of which it tells nothing");
	ok(move_hooks(w.s, cgroup, links), "its hooks are left at its own cgroup alone");
	is_int(sensor_try(w.s), other ? -ENODATA : 0, "that is %s",
	       other ? "found out" : "not seen from its own cgroup");
	for (size_t i = 0; i < array_len(cgroup_hooks); i++)
		close_fd(&links[cgroup_hooks[i]]);
	witness_close(&w, false);
	ok(none_left(getpid()), "no cgroup is left");
}

static bool named(const struct sensor *s, const char *note)
{
	const struct sensor_report *r = sensor_report(s);

	for (unsigned i = 0; i < r->hooks_len; i++) {
		if (!r->hooks[i].hook && r->hooks[i].note && strstr(r->hooks[i].note, note))
			return true;
	}
	return false;
}

static void count(const struct sensor_harm *h, void *arg)
{
	unsigned *n = arg;

	*n += h->canary && h->err == -EPIPE;
}

static void test_killed_canary(void)
{
	const struct sensor_opts o = { .tier = 'A', .other_cgroup = true };
	struct witness w;
	unsigned told = 0;

	if (!ok(witness_open(&w, &o), "a sensor opens, with a canary elsewhere"))
		return;
	pid_t pid = canary_of(getpid());
	ok(pid > 0 && !kill(pid, SIGKILL), "the process of the other cgroup is killed");
	is_int(sensor_try(w.s), 0, "the doors of its own cgroup must do");
	ok(sensor_look_after(w.s, count, &told) && told == 1, "that is reported");
	ok(sensor_look_after(w.s, count, &told) && told == 1, "once");
	is_int(sensor_try(w.s), 0, "it goes on");
	witness_close(&w, false);
	ok(has_cgroup(getpid()), "its cgroup is left");
}

/* Of the one who was killed, in whose name the cgroup is, too. */
static void test_killed_sensor(void)
{
	const struct sensor_opts o = { .tier = 'A', .other_cgroup = true };
	pid_t pid;
	int p[2];
	char c;

	fflush(stdout);
	if (pipe(p) < 0 || (pid = fork()) < 0)
		return;
	if (!pid) {
		struct sensor *s = NULL;

		if (sensor_open(&o, &s, NULL) || write(p[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(p[1]);
	ok(read(p[0], &c, 1) == 1 && canary_of(pid) > 0, "a sensor of another process opens");
	close(p[0]);
	kill(pid, SIGKILL);
	reap(pid);
	ok(none_left(pid), "when that is killed no cgroup is left");
}

static void test_left_behind(void)
{
	const struct sensor_opts o = { .tier = 'A', .other_cgroup = true };
	pid_t pid = fork();
	struct witness w;
	char name[32];

	if (!pid)
		_exit(0);
	reap(pid);
	snprintf(name, sizeof(name), "ajar-canary-%d", (int)pid);
	ok(!mkdirat(root, name, 0755) && has_cgroup(getpid()),
	   "cgroups are left, of a process that is gone and of our own number");
	if (!ok(witness_open(&w, &o), "a sensor opens"))
		return;
	ok(!has_cgroup(pid) && canary_of(getpid()) > 0, "it takes the one away and has the other");
	is_int(sensor_try(w.s), 0, "it sees doors of its own");
	witness_close(&w, false);
	ok(!has_cgroup(getpid()), "which it takes away when it ends");
}

static void test_read_only(void)
{
	const struct sensor_opts o = { .tier = 'A', .other_cgroup = true };
	_free_ char *point = NULL;
	struct witness w;

	ok(!system_mount_point("cgroup2", &point) && !unshare(CLONE_NEWNS) &&
		   !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
		   !mount(NULL, point, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL),
	   "cgroup v2 is read-only");
	if (!ok(witness_open(&w, &o), "a sensor opens all the same"))
		return;
	ok(named(w.s, "read-only"), "its report says what it is not tried with");
	witness_close(&w, false);
}

static int run(int cgroup)
{
	test_hooks_of_one_cgroup(cgroup, false);
	test_hooks_of_one_cgroup(cgroup, true);
	test_killed_sensor();
	test_killed_canary();
	test_left_behind();
	test_read_only();
	return tap_done();
}

int main(void)
{
	_close_ int cgroup = -1;
	char name[64];
	int status;
	pid_t pid;

	if (geteuid())
		tap_skip_all("needs root");
	snprintf(name, sizeof(name), "ajar-test-canary-%d", (int)getpid());
	if (system_cgroup_root(&root) || mkdirat(root, name, 0755) < 0)
		tap_skip_all("needs a cgroup v2 that is not read-only");
	cgroup = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fflush(stdout);
	pid = fork();
	if (!pid)
		exit(enter(cgroup) ? run(cgroup) : 1);
	status = reap(pid);
	if (unlinkat(root, name, AT_REMOVEDIR) < 0)
		printf("# cannot remove the cgroup %s: %s\n", name, strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
