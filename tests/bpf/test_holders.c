/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who holds a door, by the kernel's word: after exec, when the opener has ended, when the
 * descriptor was sent or taken, while it is in a message. What happens must be told by itself; no
 * sweep is asked for unless the test says so.
 */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/holders.h"
#include "witness.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static struct witness w;

/* A process that does as it is told, one letter at a time. */
struct actor {
	pid_t pid;
	int tell, hear; /* our ends */
};

static int say(struct actor *a, char c)
{
	return write(a->tell, &c, 1) == 1 ? 0 : -1;
}

static char hear(struct actor *a)
{
	char c = 0;

	return read(a->hear, &c, 1) == 1 ? c : 0;
}

typedef void (*role_fn)(int in, int out);

static bool act(struct actor *a, role_fn role)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return false;
	a->pid = fork();
	if (a->pid == 0) {
		close(in[1]);
		close(out[0]);
		role(in[0], out[1]);
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	a->tell = in[1];
	a->hear = out[0];
	return a->pid > 0;
}

static void dismiss(struct actor *a)
{
	close(a->tell);
	close(a->hear);
	reap(a->pid);
}

/* Waits for the next letter; an actor whose director has gone ends. */
static void wait_for(int in)
{
	char c;

	if (read(in, &c, 1) != 1)
		_exit(0);
}

static int listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind_loopback(fd, AF_INET, 0) || listen(fd, 1))
		_exit(1);
	return fd;
}

static void tell_cookie(int out, int fd)
{
	uint64_t cookie = cookie_of(fd);

	(void)!write(out, &cookie, sizeof(cookie));
}

static uint64_t hear_cookie(struct actor *a)
{
	uint64_t cookie = 0;

	return read(a->hear, &cookie, sizeof(cookie)) == sizeof(cookie) ? cookie : 0;
}

/* The first holder of the n-th change, or one that is not known. */
static struct process holder(const struct event *ev)
{
	struct process p = { 0 };

	if (ev)
		holders_first(ev, &p);
	return p;
}

/* --- exec ------------------------------------------------------------------------------------------- */

static void role_exec(int in, int out)
{
	tell_cookie(out, listener());
	wait_for(in);
	/* cat ends with its input; the pipe must outlive exec. */
	dup2(in, 0);
	execl("/bin/cat", "svc", NULL);
	_exit(1);
}

static void becomes_another_program(void)
{
	struct actor a;

	witness_mark(&w);
	if (!act(&a, role_exec))
		return;
	uint64_t cookie = hear_cookie(&a), since;
	ok(witness_wait(&w, EVENT_OPEN, cookie), "a program opens a door");
	since = clock_boot_ns();
	say(&a, 'x');
	const struct event *ev = witness_wait(&w, EVENT_HELD, cookie);
	struct process p = holder(ev);
	printf("# told %" PRIu64 " ms after exec\n", (clock_boot_ns() - since) / 1000000);
	ok(ev && p.pid == (uint32_t)a.pid && text_ends(p.exe, "/cat"),
	   "that it is another program now is reported, without a sweep on time");
	ok(ev && ev->opener.pid == (uint32_t)a.pid && text_ends(ev->opener.exe, "/test_holders"),
	   "beside who opened it");
	dismiss(&a);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "and its end");
}

/* --- fork and exit --------------------------------------------------------------------------------------- */

static void role_orphan(int in, int out)
{
	int fd = listener();

	tell_cookie(out, fd);
	wait_for(in);
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		wait_for(in);
		_exit(0);
	}
	(void)!write(out, &pid, sizeof(pid));
	_exit(0);
}

static void leaves_it_to_a_child(void)
{
	struct actor a;
	pid_t child = 0;

	witness_mark(&w);
	if (!act(&a, role_orphan))
		return;
	uint64_t cookie = hear_cookie(&a);
	ok(witness_wait(&w, EVENT_OPEN, cookie), "another one opens a door");
	say(&a, 'f');
	(void)!read(a.hear, &child, sizeof(child));
	reap(a.pid);
	const struct event *ev = witness_wait(&w, EVENT_HELD, cookie);
	ok(ev && holder(ev).pid == (uint32_t)child,
	   "it ends, and its child holds it: told, though it is the same program");
	close(a.tell);
	close(a.hear);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "until that ends");
}

/* --- workers ----------------------------------------------------------------------------------------------- */

#define WORKERS 20

static void role_server(int in, int out)
{
	int fd = listener();

	tell_cookie(out, fd);
	for (int round = 0; round < 2; round++) {
		pid_t pids[WORKERS];
		int go[2];

		wait_for(in);
		if (pipe2(go, O_CLOEXEC))
			_exit(1);
		for (int i = 0; i < WORKERS; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				close(go[1]);
				wait_for(go[0]);
			}
		}
		(void)!write(out, "f", 1);
		wait_for(in);
		close(go[1]);
		for (int i = 0; i < WORKERS; i++)
			reap(pids[i]);
		(void)!write(out, "e", 1);
	}
	wait_for(in);
}

static void has_workers(void)
{
	struct actor a;

	witness_mark(&w);
	if (!act(&a, role_server))
		return;
	uint64_t cookie = hear_cookie(&a);
	ok(witness_wait(&w, EVENT_OPEN, cookie), "a server opens a door");
	for (int round = 0; round < 2; round++) {
		say(&a, 'f');
		hear(&a);
		(void)!sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w);
		say(&a, 'e');
		hear(&a);
		(void)!sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w);
		witness_drain(&w);
	}
	is_int(witness_count(&w, EVENT_HELD, cookie), 0,
	       "%d workers of its come and go, and no sweep makes news of them", WORKERS);
	dismiss(&a);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "the door goes with it");
}

/* --- sent and taken ------------------------------------------------------------------------------------------ */

static int send_fd(int s, int fd)
{
	char c = 'x', room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { &c, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
	};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	return sendmsg(s, &m, 0) == 1 ? 0 : -1;
}

static int receive_fd(int s)
{
	char c, room[CMSG_SPACE(sizeof(int))];
	struct iovec v = { &c, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
	};
	int fd = -1;

	if (recvmsg(s, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

static int pair[2]; /* between sender and us */

static void role_sender(int in, int out)
{
	int fd = listener();

	close(pair[0]);
	tell_cookie(out, fd);
	wait_for(in);
	if (send_fd(pair[1], fd))
		_exit(1);
	close(fd);
	(void)!write(out, "s", 1);
	wait_for(in);
}

static void is_under_way_and_arrives(void)
{
	struct actor a;

	witness_mark(&w);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) || !act(&a, role_sender))
		return;
	close(pair[1]);
	uint64_t cookie = hear_cookie(&a);
	ok(witness_wait(&w, EVENT_OPEN, cookie), "a sender opens a door");
	say(&a, 's');
	hear(&a);
	dismiss(&a);
	const struct event *ev = witness_wait(&w, EVENT_HELD, cookie);
	ok(ev && holders_hidden(ev) && ev->opener.pid == (uint32_t)a.pid,
	   "sent, and the sender gone: held, nobody is seen to, and who opened it is kept");
	is_int(witness_count(&w, EVENT_CLOSE, cookie), 0, "it is not taken for gone");
	int fd = receive_fd(pair[0]);
	ok(fd >= 0, "it is received");
	(void)!sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w);
	witness_drain(&w);
	ev = witness_find(&w, EVENT_HELD, cookie, 1);
	ok(ev && holder(ev).pid == (uint32_t)getpid(), "by us, who hold it now");
	close(fd);
	close(pair[0]);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "until we close it");
}

static void role_victim(int in, int out)
{
	tell_cookie(out, listener());
	wait_for(in);
}

/*
 * The victim's program is ours, and so is the user: the thief has to be another to be another kind
 * of holder.
 */
static void role_thief(int in, int out)
{
	pid_t victim = 0;
	int pidfd, fd = -1;

	if (read(in, &victim, sizeof(victim)) != sizeof(victim))
		_exit(1);
	pidfd = (int)syscall(SYS_pidfd_open, victim, 0);
	for (int i = 3; i < 64 && fd < 0; i++) {
		struct sockaddr_in sin;
		socklen_t len = sizeof(sin);
		int listens = 0;
		socklen_t one = sizeof(listens);

		fd = (int)syscall(SYS_pidfd_getfd, pidfd, i, 0);
		if (fd >= 0 &&
		    (getsockname(fd, (struct sockaddr *)&sin, &len) ||
		     getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &one) || !listens)) {
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0 || setresuid(65534, 65534, 65534))
		_exit(1);
	(void)!write(out, "t", 1);
	wait_for(in);
}

static void is_taken(void)
{
	struct actor victim, thief;

	witness_mark(&w);
	if (!act(&victim, role_victim))
		return;
	uint64_t cookie = hear_cookie(&victim);
	ok(witness_wait(&w, EVENT_OPEN, cookie), "a victim opens a door");
	if (!act(&thief, role_thief))
		return;
	(void)!write(thief.tell, &victim.pid, sizeof(victim.pid));
	is_int(hear(&thief), 't', "another process takes its descriptor by pidfd_getfd");
	(void)!sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w);
	witness_drain(&w);
	const struct event *ev = witness_find(&w, EVENT_HELD, cookie, 0);
	struct process p;
	bool seen = false;
	struct text list = ev ? ev->holders.list : (struct text){ 0 };
	while (holders_next(&list, &p))
		seen |= p.pid == (uint32_t)thief.pid && p.uid == 65534;
	ok(ev && ev->holders.len == 2 && seen, "both hold it, and that is reported");
	dismiss(&thief);
	ok(witness_wait(&w, EVENT_HELD, cookie), "the thief's end is reported, too");
	dismiss(&victim);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "and the door's");
}

/* --- from before --------------------------------------------------------------------------------------------- */

static void role_in_flight(int in, int out)
{
	int own[2];

	if (unshare(CLONE_NEWNET) || socketpair(AF_UNIX, SOCK_STREAM, 0, own))
		_exit(1);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	tell_cookie(out, fd);
	if (listen(fd, 1) || send_fd(own[0], fd))
		_exit(1);
	close(fd);
	(void)!write(out, "s", 1);
	wait_for(in);
}

static void stood_elsewhere_before(void)
{
	const struct sensor_opts o = { 0 };
	struct actor a;

	if (!act(&a, role_in_flight))
		return;
	uint64_t cookie = hear_cookie(&a);
	is_int(hear(&a), 's', "a message holds a listener in another network namespace");
	if (!ok(witness_open(&w, &o), "a sensor opens afterwards"))
		return;
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "and looks");
	const struct event *ev = witness_find(&w, EVENT_OPEN, cookie, 0);
	ok(ev && !ev->opener.known && holders_hidden(ev),
	   "it is found, and said to be held by nobody who is seen");
	for (int i = 0; i < 4; i++)
		(void)!sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w);
	is_int(witness_count(&w, EVENT_CLOSE, cookie), 0, "sweeps do not take it for gone");
	dismiss(&a);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "its end is an event");
	witness_close(&w, true);
}

int main(void)
{
	const struct sensor_opts o = { 0 };

	if (geteuid())
		tap_skip_all("needs root");
	if (!ok(witness_open(&w, &o), "the sensor opens"))
		return tap_done();
	(void)!sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w);
	becomes_another_program();
	leaves_it_to_a_child();
	has_workers();
	is_under_way_and_arrives();
	is_taken();
	witness_close(&w, true);
	stood_elsewhere_before();
	return tap_done();
}
