/* SPDX-License-Identifier: GPL-2.0 */
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/proc.h"
#include "tap.h"

struct seen {
	struct loop *loop;
	struct loop_source *src, *other;
	int ticks, signo, reads;
};

static int on_tick(void *arg)
{
	struct seen *s = arg;

	if (++s->ticks == 3)
		loop_stop(s->loop);
	return 0;
}

static int on_signal(int signo, void *arg)
{
	struct seen *s = arg;

	s->signo = signo;
	loop_stop(s->loop);
	return 0;
}

static int on_read_remove_both(void *arg)
{
	struct seen *s = arg;

	s->reads++;
	loop_remove(s->src);
	loop_remove(s->other);
	loop_stop(s->loop);
	return 0;
}

static int on_limit(void *arg)
{
	(void)arg;
	return -ETIMEDOUT;
}

static void drop(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int err = proc_drop_privileges(65534, 65534);

		if (err || getuid() != 65534 || geteuid() != 65534 || !setuid(0))
			_exit(1);
		_exit(open("/etc/shadow", O_RDONLY | O_CLOEXEC) < 0 ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && !WEXITSTATUS(status),
	   "privileges once dropped cannot be had back and open no secret");
}

struct hastened {
	struct loop *loop;
	struct loop_source *due, *often;
	unsigned calls, due_calls;
};

/* As losses that come faster than what is due after one. */
static int on_often(void *arg)
{
	struct hastened *h = arg;

	h->calls++;
	return loop_timer_hasten(h->due, 20000000);
}

static int on_due(void *arg)
{
	struct hastened *h = arg;

	if (++h->due_calls == 2)
		loop_stop(h->loop);
	return 0;
}

static void hasten(void)
{
	struct hastened h = { 0 };
	struct loop_source *limit;

	ok(!loop_new(&h.loop) && !loop_add_timer(h.loop, on_limit, NULL, &limit) &&
		   !loop_timer_set(limit, UINT64_C(20000000000), 0) &&
		   !loop_add_timer(h.loop, on_due, &h, &h.due) &&
		   !loop_timer_set(h.due, UINT64_C(3600000000000), UINT64_C(3600000000000)) &&
		   !loop_add_timer(h.loop, on_often, &h, &h.often) &&
		   !loop_timer_set(h.often, 1000000, 1000000),
	   "a timer that is due in an hour, and one that hastens it each millisecond");
	is_int(loop_run(h.loop), 0, "it is called, and again: hastening puts nothing off");
	ok(h.calls >= 2, "after it was hastened %u times", h.calls);
	loop_free(h.loop);
}

int main(void)
{
	static const int signals[] = { SIGUSR1, 0 };
	struct seen s = { 0 };
	struct loop_source *limit;
	int fds[2];

	is_int(loop_new(&s.loop), 0, "a loop is made");
	is_int(loop_add_timer(s.loop, on_limit, NULL, &limit), 0, "with a limit for this test");
	is_int(loop_timer_set(limit, UINT64_C(20000000000), 0), 0, "of 20 s");
	is_int(loop_add_timer(s.loop, on_tick, &s, &s.src), 0, "a timer is added");
	is_int(loop_timer_set(s.src, 1000000, 1000000), 0, "to tick every millisecond");
	is_int(loop_run(s.loop), 0, "the loop runs until it is stopped");
	is_int(s.ticks, 3, "after three ticks");
	loop_remove(s.src);
	is_int(loop_add_signals(s.loop, signals, on_signal, &s), 0, "a signal is watched");
	raise(SIGUSR1);
	is_int(loop_run(s.loop), 0, "the loop ends at the signal");
	is_int(s.signo, SIGUSR1, "which is named");
	if (pipe2(fds, O_CLOEXEC) < 0 || write(fds[1], "x", 1) != 1)
		return 1;
	is_int(loop_add_fd(s.loop, fds[0], EPOLLIN, on_read_remove_both, &s, &s.src), 0,
	       "a readable fd is added");
	is_int(loop_add_fd(s.loop, fds[1], EPOLLOUT, on_read_remove_both, &s, &s.other), 0,
	       "and a writable one");
	is_int(loop_run(s.loop), 0, "one callback removes both sources");
	is_int(s.reads, 1, "and the other is not called any more");
	hasten();
	if (!geteuid())
		drop();
	loop_free(s.loop);
	return tap_done();
}
