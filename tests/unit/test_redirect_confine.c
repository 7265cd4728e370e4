/* SPDX-License-Identifier: GPL-2.0 */
#include "redirect/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static bool refused(long ret)
{
	return ret < 0 && errno == EPERM;
}

static bool opens(void)
{
	return open("/proc/self/stat", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool talks(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0;
}

static bool writes_no_file(void)
{
	return refused(open("/dev/null", O_WRONLY | O_CLOEXEC)) &&
	       refused(open("/dev/null", O_RDWR | O_CLOEXEC)) && refused(unlink("/nonexistent"));
}

static bool has_no_network(void)
{
	return refused(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) &&
	       refused(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static bool runs_nothing(void)
{
	char *const argv[] = { NULL };

	return refused(syscall(SYS_execve, "/nonexistent", argv, argv)) &&
	       refused(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)) &&
	       refused(syscall(SYS_kill, getpid(), 0));
}

static bool loads_no_bpf(void)
{
	union bpf_attr attr;

	/* Of any size but its own it would be -EINVAL or -E2BIG, had it been let through. */
	memset(&attr, 0, sizeof(attr));
	return refused(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, 0x10000)) &&
	       refused(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, 0x10000));
}

/* In a child, which is confined; -1: it cannot be here. */
static int confined(bool (*fn)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		_exit(redirect_confine() ? 2 : !fn());
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 0;
	return WEXITSTATUS(status) == 2 ? -1 : !WEXITSTATUS(status);
}

/* Where a unit or a container lets nobody install a filter. */
static int no_filter_may_be_installed(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = { .len = array_len(code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		return 2;
	return redirect_confine_try() != -EACCES;
}

static void test_try(void)
{
	pid_t pid;
	int status = 0, got = redirect_confine_try();

	if (got == -EOPNOTSUPP) {
		tap_skip_machine(3, "there is no seccomp here");
		return;
	}
	is_int(got, 0, "a child that ends at once tells that it can be confined");
	ok(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0, "whoever asked is not");
	pid = fork();
	if (!pid)
		_exit(no_filter_may_be_installed());
	ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status),
	   "or why not, where that is refused");
}

int main(void)
{
	static const struct {
		bool (*fn)(void);
		const char *what;
	} cases[] = {
		{ opens, "it opens a file to read" },
		{ talks, "it talks to netlink" },
		{ writes_no_file, "it opens none to write, and removes none" },
		{ has_no_network, "it has no network" },
		{ runs_nothing, "it runs no program, makes no process and ends none" },
		{ loads_no_bpf, "it loads no BPF" },
	};

	for (size_t i = 0; i < array_len(cases); i++) {
		int got = confined(cases[i].fn);

		if (got < 0)
			tap_skip_machine(1, "there is no seccomp here");
		else
			ok(got, "%s", cases[i].what);
	}
	test_try();
	return tap_done();
}
