/* SPDX-License-Identifier: GPL-2.0 */
/* Children as they are in the wild: deaf, chatty, fertile. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/proc.h"

#include "tap.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)
#define PATIENCE_NS (20 * S)

/* What `script` prints, in a shell of its own session. */
static int sh(const char *script, uint64_t timeout_ns, struct buf *out, int *ret_status)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct proc_opts p = { .argv = argv, .own_session = true, .quiet = true };
	const struct child_opts o = { .program = &p, .timeout_ns = timeout_ns };

	return child_run(&o, out, ret_status);
}

static bool is_gone(pid_t pid)
{
	uint64_t until = clock_boot_ns() + PATIENCE_NS;

	while (kill(pid, 0) == 0 && clock_boot_ns() < until)
		poll(NULL, 0, 5);
	return kill(pid, 0) < 0;
}

/* The first number that a child printed: a process of its own. */
static pid_t number(const struct buf *b)
{
	_free_ char *word = strndup(buf_str(b), strcspn(buf_str(b), "\n"));
	uint64_t v = 0;

	return word && !parse_u64(word, &v) ? (pid_t)v : 0;
}

static unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void ends(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(100);
	const char *const missing[] = { "/nonexistent/program", NULL };
	const char *const reads[] = { "sh", "-c", "read x; test \"$x\" = hello && exit 3", NULL };
	struct proc_opts p = { .argv = missing };
	const struct child_opts o = { .program = &p };
	int status = -1;

	is_int(sh("echo hello", S, &b, &status), 0, "a program runs and ends");
	is_str(buf_str(&b), "hello\n", "what it printed is had");
	is_int(status, 0, "with its status");
	is_int(sh("exit 3", S, NULL, &status), -EIO, "another status than 0 is a failure");
	is_str(proc_status_text(status), "exited with status 3", "and which one is said");
	is_int(sh("kill -9 $$", S, NULL, NULL), -EIO, "so is a signal");
	is_int(child_run(&o, NULL, NULL), -ENOENT, "a program that is not there cannot be started");
	p = (struct proc_opts){ .argv = reads, .input = "hello\n", .input_len = 6 };
	is_int(child_run(&o, NULL, &status), -EIO, "one that is given input");
	is_str(proc_status_text(status), "exited with status 3", "has read it");
}

static void bounds(void)
{
	_cleanup_(buf_done) struct buf fits = BUF_INIT(8), cut = BUF_INIT(7),
				       all = BUF_INIT(1 << 20);
	uint64_t began = clock_boot_ns();

	is_int(sh("printf 12345678", S, &fits, NULL), 0, "output of the maximum is taken");
	is_str(buf_str(&fits), "12345678", "whole");
	is_int(sh("printf 12345678", S, &cut, NULL), -E2BIG, "one byte more is refused");
	is_int(sh("yes", PATIENCE_NS, &all, NULL), -E2BIG, "a flood is refused");
	ok(all.len <= all.max, "and nothing beyond the maximum is kept");
	ok(clock_boot_ns() - began < PATIENCE_NS, "the flood was ended, not waited for");
	buf_done(&all);
	all = (struct buf)BUF_INIT(1 << 20);
	is_int(sh("head -c 1000000 /dev/zero | tr '\\0' x", PATIENCE_NS, &all, NULL), 0,
	       "a million bytes are taken");
	is_int(all.len, 1000000, "all of them");
}

static void deaf(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(100), talk = BUF_INIT(100);
	const char *const argv[] = { "sh", "-c", "trap '' TERM; echo $$; exec tail -f /dev/null",
				     NULL };
	const struct proc_opts p = { .argv = argv, .own_session = true, .quiet = true };
	struct child_opts o = { .program = &p, .timeout_ns = 300 * MS, .grace_ns = 100 * MS };

	is_int(sh("echo $$; exec tail -f /dev/null", 300 * MS, &b, NULL), -ETIMEDOUT,
	       "one that does not end is ended");
	ok(number(&b) && is_gone(number(&b)), "and is gone");
	is_int(child_run(&o, &talk, NULL), -ETIMEDOUT, "one that ignores SIGTERM is killed");
	ok(number(&talk) && is_gone(number(&talk)), "and is gone, too");
}

static void fertile(void)
{
	_cleanup_(buf_done) struct buf same = BUF_INIT(100), late = BUF_INIT(100),
				       far = BUF_INIT(100), far_flood = BUF_INIT(1 << 20);
	uint64_t began = clock_boot_ns();

	is_int(sh("tail -f /dev/null & echo $!", PATIENCE_NS, &same, NULL), 0,
	       "one that leaves a process behind, which has its output open, has ended");
	ok(number(&same) && is_gone(number(&same)), "and what it left in its group is killed");
	is_int(sh("tail -f /dev/null & echo $!; wait", 300 * MS, &late, NULL), -ETIMEDOUT,
	       "one that waits for its own child is ended");
	ok(number(&late) && is_gone(number(&late)), "together with that child");
	is_int(sh("setsid sh -c 'echo $$; exec tail -f /dev/null' & while ! ps -o sid= -p $! | "
		  "grep -q $!; "
		  "do :; done; kill -0 $!",
		  PATIENCE_NS, &far, NULL),
	       0,
	       "one whose child went into a session of its own, with the output open, has ended");
	ok(number(&far) > 0 && kill(number(&far), SIGKILL) == 0, "that child is left alone");
	is_int(sh("setsid sh -c 'echo $$; exec yes' & exec tail -f /dev/null", PATIENCE_NS,
		  &far_flood, NULL),
	       -E2BIG, "one whose child floods the output from a session of its own is refused");
	ok(number(&far_flood) > 0, "it did run");
	if (number(&far_flood) > 0)
		kill(number(&far_flood), SIGKILL); /* or SIGPIPE was faster */
	ok(clock_boot_ns() - began < PATIENCE_NS, "and nobody was waited for");
}

static int print_and_return(int out, void *arg)
{
	const char *text = arg;

	return write(out, text, strlen(text)) < 0 ? 1 : 7;
}

static int hang(int out, void *arg)
{
	(void)out;
	(void)arg;
	pause();
	return 0;
}

static void functions(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(100);
	char text[] = "from a fork";
	const struct child_opts o = { .function = print_and_return, .arg = text };
	const struct child_opts h = { .function = hang, .own_group = true, .timeout_ns = 100 * MS };
	_cleanup_(child_freep) struct child *c = NULL;
	pid_t pid = 0;

	is_int(child_run(&o, &b, NULL), -EIO, "a function's return value is its exit status");
	is_str(buf_str(&b), "from a fork", "what it writes is had");
	is_int(child_run(&h, NULL, NULL), -ETIMEDOUT, "one that hangs is ended");
	is_int(child_start(&h, &c), 0, "one may be started and never watched");
	pid = child_pid(c);
	child_free(take_ptr(c));
	ok(pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == ECHILD,
	   "freeing it kills and reaps it");
}

struct seen {
	struct loop *loop;
	struct child *c;
	struct child_end end;
	unsigned dones;
	struct buf out, talk;
};

static int on_out(const void *bytes, size_t n, void *arg)
{
	struct seen *s = arg;

	buf_put(&s->out, bytes, n);
	return s->out.err;
}

static void on_talk(const void *bytes, size_t n, void *arg)
{
	struct seen *s = arg;

	buf_put(&s->talk, bytes, n);
}

static int on_done(const struct child_end *end, void *arg)
{
	struct seen *s = arg;

	s->end = *end;
	s->dones++;
	child_free(take_ptr(s->c));
	loop_stop(s->loop);
	return 0;
}

static void in_a_loop(void)
{
	_cleanup_(loop_freep) struct loop *l = NULL;
	struct seen s = { .out = BUF_INIT(100), .talk = BUF_INIT(100) };
	const char *const both[] = { "sh", "-c", "echo one; echo two >&2; exit 5", NULL };
	const char *const leave[] = { "sh", "-c", "tail -f /dev/null & echo $!", NULL };
	const char *const obey[] = {
		"sh", "-c", "trap 'kill $!; exit 4' TERM; tail -f /dev/null & echo $$; wait", NULL
	};
	struct proc_opts p = { .argv = both, .own_session = true };
	struct child_opts o = { .program = &p,
				.out = true,
				.talk = true,
				.on_out = on_out,
				.on_talk = on_talk,
				.done = on_done,
				.arg = &s };

	ok(!loop_new(&l) && !child_start(&o, &s.c), "a child is started before there is a loop");
	s.loop = l;
	/* It may have ended before anybody looks. */
	for (struct pollfd f = { .fd = child_pidfd(s.c), .events = POLLIN };
	     poll(&f, 1, 20000) < 0;)
		continue;
	ok(!child_watch(s.c, l) && !loop_run(l),
	   "one that ended before it was watched is reported");
	is_int(s.dones, 1, "once");
	is_str(buf_str(&s.out), "one\n", "its output is apart");
	is_str(buf_str(&s.talk), "two\n", "from what it said to people");
	is_str(proc_status_text(s.end.status), "exited with status 5", "and its status is known");
	ok(!s.c, "it may be freed when it is reported");

	buf_reset(&s.out);
	p.argv = leave;
	o.leave_group = true;
	ok(!child_start(&o, &s.c) && !child_watch(s.c, l) && !loop_run(l),
	   "one that leaves its group behind ends");
	ok(number(&s.out) > 0 && kill(number(&s.out), 0) == 0, "and the group goes on");
	kill(number(&s.out), SIGKILL);

	buf_reset(&s.out);
	p.argv = obey;
	o.timeout_ns = 500 * MS;
	o.grace_ns = PATIENCE_NS;
	ok(!child_start(&o, &s.c) && !child_watch(s.c, l) && !loop_run(l),
	   "one that obeys SIGTERM ends");
	is_int(s.end.err, -ETIMEDOUT, "that it was told to is said");
	is_str(proc_status_text(s.end.status), "exited with status 4", "beside its own word");
	ok(!s.end.killed, "and that nobody had to kill it");
	buf_done(&s.out);
	buf_done(&s.talk);
}

int main(void)
{
	unsigned fds;

	ends();
	fds = open_fds();
	bounds();
	deaf();
	fertile();
	functions();
	in_a_loop();
	is_int(open_fds(), fds, "no descriptor is left open");
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "and no child");
	return tap_done();
}
