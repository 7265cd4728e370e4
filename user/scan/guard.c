/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_PER_MS 1000000ULL
#define FD_CHILD 3
#define FD_US 4

/* Nothing of ours stays open in it: a store's connection would outlive us. */
static int keep_two(int pidfd, int fd)
{
	int child = fcntl(pidfd, F_DUPFD, FD_US + 1), us = fcntl(fd, F_DUPFD, FD_US + 1);

	if (child < 0 || us < 0 || dup2(child, FD_CHILD) < 0 || dup2(us, FD_US) < 0)
		return -errno;
	return syscall(SYS_close_range, FD_US + 1, UINT_MAX, 0) < 0 ? -errno : 0;
}

static _Noreturn void watch(int pidfd, int fd, uint64_t time_ns)
{
	struct pollfd p = { .fd = FD_US, .events = POLLIN };
	sigset_t all;
	char byte;
	int n = 1;

	/* A terminal sends its signals to all; this one ends with whom it guards. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "ajar-guard", 0, 0, 0);
	if (keep_two(pidfd, fd))
		_exit(1);
	while (n > 0) {
		n = poll(&p, 1, (int)(time_ns / NS_PER_MS));
		if (n > 0 && read(FD_US, &byte, 1) <= 0)
			break;
		if (n < 0 && errno == EINTR)
			n = 1;
	}
	syscall(SYS_pidfd_send_signal, FD_CHILD, SIGKILL, NULL, 0);
	_exit(0);
}

int guard_start(struct guard *g, int pidfd, uint64_t time_ns)
{
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	pid = fork();
	if (!pid) {
		close(fds[0]);
		watch(pidfd, fds[1], time_ns);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return -EAGAIN;
	}
	*g = (struct guard){ .pid = pid, .fd = fds[0] };
	return 0;
}

void guard_renew(struct guard *g)
{
	/*
	 * One that reads nothing is stopped itself; then it kills nobody either, and there is
	 * nothing to be done.
	 */
	if (g->pid && send(g->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0;
}

void guard_stop(struct guard *g)
{
	if (!g->pid)
		return;
	close(g->fd);
	while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	g->pid = 0;
}
