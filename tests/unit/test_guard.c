/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scan/guard.h"
#include "tap.h"

#define SHORT_NS 200000000ULL
#define LONG_NS 60000000000ULL

static pid_t waiting_child(int *ret_pidfd)
{
	pid_t pid = fork();

	if (!pid) {
		for (;;)
			pause();
	}
	*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return pid;
}

static bool ends_within(int pidfd, int ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void reap(pid_t pid, int pidfd)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pidfd);
}

int main(void)
{
	struct guard g = { 0 };
	int pidfd = -1, status = 0;
	pid_t pid = waiting_child(&pidfd);
	bool gone = false;

	ok(!guard_start(&g, pidfd, SHORT_NS), "a guard is started");
	for (int i = 0; i < 10 && !gone; i++) {
		guard_renew(&g);
		gone = ends_within(pidfd, 50);
	}
	ok(!gone, "whoever is heard of keeps its child");
	ok(ends_within(pidfd, 10000), "silence ends it");
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "by SIGKILL");
	guard_stop(&g);
	is_int(waitpid(-1, NULL, WNOHANG), -1, "and the guard is gone too");
	close(pidfd);

	pid = waiting_child(&pidfd);
	ok(!guard_start(&g, pidfd, LONG_NS), "another is started");
	guard_stop(&g);
	ok(ends_within(pidfd, 10000), "stopped, it takes the child with it at once");
	reap(pid, pidfd);
	g = (struct guard){ 0 };
	pid = waiting_child(&pidfd);
	guard_stop(&g);
	ok(!ends_within(pidfd, 100), "stopping a guard that was never started ends nobody");
	reap(pid, pidfd);
	return tap_done();
}
