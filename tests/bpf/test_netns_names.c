/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sensor/netns.h"
#include "tap.h"

/*
 * Names of network namespaces, as 'ip netns' keeps them: in a mount namespace of this test's own,
 * with a /run of its own.
 */

#define NAMED 3

static uint32_t inodes[NAMED];

/* A namespace that lives by its mount alone, as after 'ip netns add'. */
static bool add(unsigned i)
{
	char path[64], from[64];
	int got[2], stop[2], fd, status = 0;
	struct stat st;
	char c = 0;
	bool done;
	pid_t pid;

	if (pipe2(got, O_CLOEXEC) || pipe2(stop, O_CLOEXEC))
		return false;
	pid = fork();
	if (pid == 0) {
		close(stop[1]);
		if (unshare(CLONE_NEWNET) || write(got[1], &c, 1) < 0)
			_exit(1);
		_exit(read(stop[0], &c, 1) < 0);
	}
	close(got[1]);
	close(stop[0]);
	snprintf(path, sizeof(path), "/run/netns/net%u", i);
	snprintf(from, sizeof(from), "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0444);
	done = fd >= 0 && read(got[0], &c, 1) == 1 && !mount(from, path, NULL, MS_BIND, NULL) &&
	       !stat(path, &st);
	inodes[i] = done ? (uint32_t)st.st_ino : 0;
	close(fd);
	close(got[0]);
	close(stop[1]);
	waitpid(pid, &status, 0);
	return done && !status;
}

static unsigned count_named(uint32_t max)
{
	struct netns_names names = { .max = max };
	unsigned n = 0;

	for (unsigned i = 0; i < NAMED; i++) {
		char want[16];
		const char *name = netns_name(&names, inodes[i]);

		snprintf(want, sizeof(want), "net%u", i);
		if (name)
			is_str(name, want, "the namespace has its own name");
		n += name != NULL;
	}
	netns_names_done(&names);
	return n;
}

int main(void)
{
	if (geteuid())
		tap_skip_all("needs root");
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("run", "/run", "tmpfs", 0, "mode=0755") || mkdir("/run/netns", 0755)) {
		ok(false, "a /run of its own");
		return tap_done();
	}
	for (unsigned i = 0; i < NAMED; i++)
		ok(add(i), "namespace %u is named", i);
	is_int(count_named(0), NAMED, "each has its name");
	is_int(count_named(NAMED), NAMED, "also at the limit");
	is_int(count_named(NAMED - 1), NAMED - 1, "beyond it one has none, and no other's");
	return tap_done();
}
