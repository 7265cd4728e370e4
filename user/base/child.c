/* SPDX-License-Identifier: GPL-2.0 */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/proc.h"

#define NS_PER_MS UINT64_C(1000000)
#define READ_BYTES (32u << 10)
#define KILLED_MS 1000 /* what SIGKILL does not end by then is left to init */

struct child_pipe {
	int fd; /* ours; -1: none, or at its end */
	struct loop_source *source;
};

struct child {
	struct child_opts o;
	struct loop *loop;
	struct loop_source *source, *timer;
	struct child_pipe out, talk;
	int pidfd;
	pid_t pid; /* 0: reaped */
	bool own_group, ending;
	struct child_end end;
};

/* --- signals ---------------------------------------------------------------------------------- */

/*
 * The group's number cannot have become somebody else's: the leader is not reaped yet, so its pid
 * is taken. EPERM and ESRCH (it changed its user, or has no members left) leave nothing else to do.
 */
static void send_group(const struct child *c, int signo)
{
	if (c->pid > 0)
		kill(c->own_group ? -c->pid : c->pid, signo);
}

static void send_term(const struct child *c)
{
	if (!c->o.term_leader)
		send_group(c, SIGTERM);
	else if (c->pid > 0)
		kill(c->pid, SIGTERM);
}

/* --- its start -------------------------------------------------------------------------------- */

static int make_pipe(int *ret_ours, int *ret_theirs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = fds[0];
	*ret_theirs = fds[1];
	return 0;
}

static int fork_function(struct child *c, int out, int talk)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		if (c->o.own_group)
			setpgid(0, 0);
		if (c->out.fd >= 0)
			close(c->out.fd);
		if (c->talk.fd >= 0)
			close(c->talk.fd);
		if (talk >= 0 && dup2(talk, STDERR_FILENO) < 0)
			_exit(126);
		_exit(c->o.function(out, c->o.arg));
	}
	if (c->o.own_group)
		setpgid(pid, pid); /* whichever of us is first */
	c->pid = pid;
	return 0;
}

static int spawn_program(struct child *c, int out, int talk)
{
	struct proc_opts p = *c->o.program;

	if (out >= 0)
		p.stdout_fd = out;
	if (talk >= 0)
		p.stderr_fd = talk;
	return proc_spawn(&p, &c->pid);
}

int child_start(const struct child_opts *o, struct child **ret_c)
{
	_cleanup_(child_freep) struct child *c = calloc(1, sizeof(*c));
	_close_ int out = -1, talk = -1;
	int err = 0;

	if (!c)
		return -ENOMEM;
	*c = (struct child){ .o = *o, .pidfd = -1, .out.fd = -1, .talk.fd = -1 };
	c->own_group = o->program ? o->program->own_session : o->own_group;
	if (o->out)
		err = make_pipe(&c->out.fd, &out);
	if (!err && o->talk)
		err = make_pipe(&c->talk.fd, &talk);
	if (!err)
		err = o->program ? spawn_program(c, out, talk) : fork_function(c, out, talk);
	if (err)
		return err;
	c->o.program = NULL;
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0)
		return -errno;
	*ret_c = take_ptr(c);
	return 0;
}

/* --- what it writes --------------------------------------------------------------------------- */

static void close_pipe(struct child_pipe *p)
{
	loop_remove(take_ptr(p->source));
	if (p->fd >= 0)
		close(take_fd(p->fd));
}

static int hand_on(struct child *c, const struct child_pipe *p, const void *bytes, size_t n)
{
	if (p == &c->talk) {
		if (c->o.on_talk)
			c->o.on_talk(bytes, n, c->o.arg);
		return 0;
	}
	return c->o.on_out ? c->o.on_out(bytes, n, c->o.arg) : 0;
}

/* One piece: its length, 0 when there is nothing now or no more. */
static size_t read_pipe(struct child *c, struct child_pipe *p)
{
	char bytes[READ_BYTES];
	ssize_t n;

	if (p->fd < 0)
		return 0;
	n = read(p->fd, bytes, sizeof(bytes));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		close_pipe(p);
		return 0;
	}
	if (!c->end.err)
		c->end.err = hand_on(c, p, bytes, (size_t)n);
	return (size_t)n;
}

static int on_pipe(struct child *c, struct child_pipe *p)
{
	read_pipe(c, p);
	/* It need not go on for nobody. */
	if (c->end.err) {
		c->end.killed = true;
		send_group(c, SIGKILL);
	}
	return 0;
}

static int on_out(void *arg)
{
	struct child *c = arg;

	return on_pipe(c, &c->out);
}

static int on_talk(void *arg)
{
	struct child *c = arg;

	return on_pipe(c, &c->talk);
}

/*
 * What it had written when it ended is at most what a pipe holds; others may go on writing for
 * ever.
 */
static void drain(struct child *c, struct child_pipe *p)
{
	int size = p->fd < 0 ? 0 : fcntl(p->fd, F_GETPIPE_SZ);
	size_t left = size > 0 ? (size_t)size : 0, n = 1;

	while (left && n && !c->end.err) {
		n = read_pipe(c, p);
		left -= n < left ? n : left;
	}
	close_pipe(p);
}

/* --- its end ---------------------------------------------------------------------------------- */

static void reap(struct child *c)
{
	while (waitpid(c->pid, &c->end.status, 0) < 0 && errno == EINTR)
		continue;
	c->pid = 0;
}

static void forget(struct child *c)
{
	loop_remove(take_ptr(c->source));
	loop_remove(take_ptr(c->timer));
	close_pipe(&c->out);
	close_pipe(&c->talk);
}

static int on_end(void *arg)
{
	struct child *c = arg;
	struct child_end end;
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid)
		return 0;
	/* It obeyed, or went by itself; what it started may not have. */
	if (c->own_group && (!c->o.leave_group || c->ending || c->end.err))
		send_group(c, SIGKILL);
	reap(c);
	drain(c, &c->out);
	drain(c, &c->talk);
	forget(c);
	if (c->ending && !c->end.err)
		c->end.err = -ETIMEDOUT;
	end = c->end;
	/* The last step: the child may be gone when this is back. */
	return c->o.done ? c->o.done(&end, c->o.arg) : 0;
}

int child_stop(struct child *c)
{
	if (!c->pid)
		return 0;
	if (c->ending || !c->o.grace_ns) {
		c->ending = c->end.killed = true;
		send_group(c, SIGKILL);
		return 0;
	}
	c->ending = true;
	send_term(c);
	return loop_timer_set(c->timer, c->o.grace_ns, 0);
}

static int on_timer(void *arg)
{
	return child_stop(arg);
}

static int watch_pipe(struct child *c, struct child_pipe *p, loop_fn fn)
{
	if (p->fd < 0)
		return 0;
	if (fcntl(p->fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return loop_add_fd(c->loop, p->fd, EPOLLIN, fn, c, &p->source);
}

int child_watch(struct child *c, struct loop *l)
{
	int err;

	c->loop = l;
	err = loop_add_fd(l, c->pidfd, EPOLLIN, on_end, c, &c->source);
	if (!err)
		err = watch_pipe(c, &c->out, on_out);
	if (!err)
		err = watch_pipe(c, &c->talk, on_talk);
	if (!err)
		err = loop_add_timer(l, on_timer, c, &c->timer);
	return !err && c->o.timeout_ns ? loop_timer_set(c->timer, c->o.timeout_ns, 0) : err;
}

static bool ends_within(const struct child *c, uint64_t ns)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };

	return c->pidfd >= 0 && poll(&p, 1, (int)(ns / NS_PER_MS)) > 0;
}

void child_end(struct child *c, uint64_t grace_ns)
{
	if (!c)
		return;
	if (c->pid > 0 && grace_ns) {
		send_term(c);
		ends_within(c, grace_ns);
	}
	if (c->pid > 0) {
		if (!c->o.leave_group || !ends_within(c, 0))
			send_group(c, SIGKILL);
		/* Without a pidfd (the start failed) waiting is all there is. */
		if (c->pidfd < 0 || ends_within(c, KILLED_MS * NS_PER_MS))
			reap(c);
	}
	forget(c);
	if (c->pidfd >= 0)
		close(c->pidfd);
	free(c);
}

void child_free(struct child *c)
{
	child_end(c, 0);
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

int child_pidfd(const struct child *c)
{
	return c->pidfd;
}

int child_out(const struct child *c)
{
	return c->out.fd;
}

/* --- run and wait ----------------------------------------------------------------------------- */

struct run {
	struct loop *loop;
	struct buf *out;
	struct child_end end;
};

static int keep(const void *bytes, size_t n, void *arg)
{
	struct run *r = arg;

	buf_put(r->out, bytes, n);
	return r->out->err;
}

static int run_done(const struct child_end *end, void *arg)
{
	struct run *r = arg;

	r->end = *end;
	loop_stop(r->loop);
	return 0;
}

int child_run(const struct child_opts *o, struct buf *out, int *ret_status)
{
	_cleanup_(loop_freep) struct loop *l = NULL;
	_cleanup_(child_freep) struct child *c = NULL;
	struct run r = { .out = out };
	struct child_opts own = *o;
	int err = loop_new(&l);

	if (err)
		return err;
	r.loop = l;
	/* arg stays the function's, whose fork has it before it becomes ours. */
	own.out = out != NULL;
	own.done = run_done;
	own.on_out = out ? keep : NULL;
	own.on_talk = NULL;
	err = child_start(&own, &c);
	if (err)
		return err;
	c->o.arg = &r;
	err = child_watch(c, l);
	if (!err)
		err = loop_run(l);
	if (!err)
		err = r.end.err;
	if (err)
		return err;
	if (ret_status)
		*ret_status = r.end.status;
	return r.end.status ? -EIO : 0;
}
