/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/hook.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/loop.h"
#include "base/proc.h"

#define NS_PER_MS UINT64_C(1000000)
#define TERM_GRACE_NS (1000 * NS_PER_MS)
#define TEMPFAIL 75 /* EX_TEMPFAIL of sysexits.h */
#define REAP_TRIES 500 /* of 2 ms, after SIGKILL */

struct hook {
	struct loop *loop;
	char **argv; /* NULL-terminated */
	uint64_t timeout_ns;
	struct loop_source *timer;
	pid_t pid; /* 0: nothing runs */
	int pidfd;
	struct loop_source *child;
	bool timed_out;
	hook_done_fn done;
	void *arg;
};

static int on_timer(void *arg);

static char **copy_argv(const char *const *argv)
{
	size_t n = 0;
	char **copy;

	while (argv[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(argv[i]);
		if (!copy[i]) {
			while (i--)
				free(copy[i]);
			free(copy);
			return NULL;
		}
	}
	return copy;
}

int hook_new_argv(struct loop *l, const char *const *argv, uint64_t timeout_ns,
		  struct hook **ret_hook)
{
	_cleanup_(hook_freep) struct hook *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->loop = l;
	h->pidfd = -1;
	h->timeout_ns = timeout_ns;
	h->argv = copy_argv(argv);
	if (!h->argv)
		return -ENOMEM;
	err = loop_add_timer(l, on_timer, h, &h->timer);
	if (err)
		return err;
	*ret_hook = take_ptr(h);
	return 0;
}

int hook_new(struct loop *l, const char *program, uint64_t timeout_ns, struct hook **ret_hook)
{
	const char *const argv[] = { program, NULL };

	return hook_new_argv(l, argv, timeout_ns, ret_hook);
}

/*
 * The group's number cannot have become somebody else's: the leader is not reaped yet, so its pid is
 * taken. EPERM and ESRCH (it changed its user, or has no members left) leave nothing else to do.
 */
static void kill_group(const struct hook *h, int signo)
{
	kill(-h->pid, signo);
}

static void forget_child(struct hook *h)
{
	loop_remove(take_ptr(h->child));
	if (h->pidfd >= 0)
		close(take_fd(h->pidfd));
	h->pid = 0;
}

/* The last step of every run. The hook may be gone or run again when done() is back. */
static void finish(struct hook *h, int err, const char *why)
{
	hook_done_fn done = take_ptr(h->done);

	if (done)
		done(err, why, h->arg);
}

static int on_timer(void *arg)
{
	struct hook *h = arg;

	if (!h->pid)
		return 0;
	if (h->timed_out) {
		kill_group(h, SIGKILL);
		return 0;
	}
	h->timed_out = true;
	kill_group(h, SIGTERM);
	return loop_timer_set(h->timer, TERM_GRACE_NS, 0);
}

static int on_child(void *arg)
{
	struct hook *h = arg;
	char why[256];
	siginfo_t info = { 0 };
	bool timed_out = h->timed_out;
	int status = 0, err;

	if (waitid(P_PID, (id_t)h->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid)
		return 0;
	if (timed_out)
		kill_group(h, SIGKILL); /* the leader obeyed; what it started may not have */
	waitpid(h->pid, &status, 0);
	forget_child(h);
	err = loop_timer_set(h->timer, 0, 0);
	if (err)
		return err;
	if (timed_out) {
		snprintf(why, sizeof(why), "'%s' was not done after %llu ms and was ended",
			 h->argv[0], (unsigned long long)(h->timeout_ns / NS_PER_MS));
		finish(h, -ETIMEDOUT, why);
	} else if (status) {
		snprintf(why, sizeof(why), "'%s' %s", h->argv[0], proc_status_text(status));
		finish(h, WIFEXITED(status) && WEXITSTATUS(status) == TEMPFAIL ? -EAGAIN : -EIO,
		       why);
	} else {
		finish(h, 0, NULL);
	}
	return 0;
}

static int watch(struct hook *h)
{
	int err;

	h->pidfd = (int)syscall(SYS_pidfd_open, h->pid, 0);
	if (h->pidfd < 0)
		return -errno;
	err = loop_add_fd(h->loop, h->pidfd, EPOLLIN, on_child, h, &h->child);
	if (err)
		return err;
	return h->timeout_ns ? loop_timer_set(h->timer, h->timeout_ns, 0) : 0;
}

/* Ends and reaps what runs; a process that even SIGKILL cannot end at once is left to init. */
static void abandon(struct hook *h)
{
	const struct timespec pause = { .tv_nsec = 2 * (long)NS_PER_MS };

	if (!h->pid)
		return;
	kill_group(h, SIGKILL);
	for (int i = 0; i < REAP_TRIES && waitpid(h->pid, NULL, WNOHANG) == 0; i++)
		nanosleep(&pause, NULL);
	forget_child(h);
}

void hook_run(struct hook *h, const void *input, size_t len, hook_done_fn done, void *arg)
{
	struct proc_opts o = { .argv = (const char *const *)h->argv,
			       .input = input,
			       .input_len = len,
			       .own_session = true };
	char why[256];
	int err;

	if (h->pid) {
		done(-EBUSY, "the run before is still under way", arg);
		return;
	}
	h->done = done;
	h->arg = arg;
	h->timed_out = false;
	err = proc_spawn(&o, &h->pid);
	if (err) {
		h->pid = 0;
		snprintf(why, sizeof(why),
			 "cannot start '%s': %s (look at its path, its #! line and chmod +x)",
			 h->argv[0], strerror(-err));
		finish(h, err, why);
		return;
	}
	err = watch(h);
	if (err) {
		abandon(h);
		snprintf(why, sizeof(why), "cannot watch '%s': %s", h->argv[0], strerror(-err));
		finish(h, err, why);
	}
}

void hook_free(struct hook *h)
{
	if (!h)
		return;
	abandon(h);
	loop_remove(h->timer);
	for (char **a = h->argv; a && *a; a++)
		free(*a);
	free(h->argv);
	free(h);
}
