/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who removes a folder of pins after its parent's death, when it wakes up late: the folder that the
 * next agent made meanwhile stays. Each in a BPF file system of its own, in a mount namespace.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "sensor/unpin.h"
#include "tap.h"

#define PINS "/sys/fs/bpf/ajar-test-unpin"
#define TRIES 3000
#define TRY_MS 20

static ino_t inode(void)
{
	struct stat st;

	return stat(PINS, &st) == 0 ? st.st_ino : 0;
}

/* Until somebody stops the process, or it ends. */
static bool is_stopped(pid_t pid)
{
	char path[64], stat[512] = "";

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (int i = 0; i < TRIES; i++) {
		FILE *f = fopen(path, "re");
		size_t n = f ? fread(stat, 1, sizeof(stat) - 1, f) : 0;
		const char *state;

		if (f)
			fclose(f);
		stat[n] = '\0';
		state = strrchr(stat, ')');
		if (state && state[1] && state[2] == 'T')
			return true;
		poll(NULL, 0, TRY_MS);
	}
	return false;
}

/* A parent that starts the helper, says its pid, and dies when it is told to. */
static pid_t parent_with_helper(ino_t folder, pid_t *ret_helper)
{
	int fds[2];
	pid_t pid, helper = 0;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		struct unpinner u;

		if (unpin_start(PINS, true, &u))
			_exit(1);
		if (folder)
			unpin_folder_is(&u, folder);
		if (write(fds[1], &u.pid, sizeof(u.pid)) != sizeof(u.pid))
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	if (read(fds[0], &helper, sizeof(helper)) != sizeof(helper))
		helper = -1;
	close(fds[0]);
	*ret_helper = helper;
	return pid;
}

static bool die(pid_t pid)
{
	return !kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid;
}

/* The helper is ours by PR_SET_CHILD_SUBREAPER, once its parent is dead. */
static bool has_ended(pid_t helper)
{
	for (int i = 0; i < TRIES; i++) {
		pid_t got = waitpid(helper, NULL, WNOHANG);

		if (got)
			return got == helper;
		poll(NULL, 0, TRY_MS);
	}
	return false;
}

static void test_late(void)
{
	pid_t parent, helper;
	ino_t first, second;

	ok(!mkdir(PINS, 0700), "an agent has its folder");
	first = inode();
	parent = parent_with_helper(first, &helper);
	ok(parent > 0 && helper > 0, "and somebody who removes it");
	ok(!kill(helper, SIGSTOP) && is_stopped(helper), "who is slow");
	ok(die(parent), "the agent's parent is killed");
	/* The new one first: else it might have the old one's number. */
	ok(!rename(PINS, PINS "-old") && !mkdir(PINS, 0700) && !rmdir(PINS "-old"),
	   "the agent removes its folder, and the next one makes its own");
	second = inode();
	ok(second && second != first, "which is another one");
	ok(!kill(helper, SIGCONT) && has_ended(helper), "who was slow ends at once");
	is_int(inode(), second, "and leaves the folder of the next, whose agent is dead, too");
	ok(!rmdir(PINS), "which is empty");
}

static void test_waits(ino_t told)
{
	const char *which = told ? "its parent's folder" : "the folder";
	pid_t parent, helper;
	int fd;

	ok(!mkdir(PINS, 0700), "there is a folder");
	fd = open(PINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB), "an agent holds it");
	parent = parent_with_helper(told ? inode() : 0, &helper);
	ok(parent > 0 && helper > 0 && die(parent), "the agent's parent is killed");
	ok(inode(), "%s stays while the agent has it", which);
	close_fd(&fd);
	ok(has_ended(helper), "who removes it ends after the agent");
	ok(!inode(), "%s is gone", which);
}

int main(void)
{
	if (geteuid())
		tap_skip_all("needs root");
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700"))
		tap_skip_all("no BPF file system can be mounted");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	test_late();
	test_waits(0);
	test_waits(1);
	return tap_done();
}
