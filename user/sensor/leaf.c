/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/leaf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/proc.h"
#include "sensor/internal.h"
#include "sensor/own_door.h"

#define PREFIX "ajar-canary-"
#define CLOSE OWN_DOORS
#define ANSWER_MS 1000
#define END_NS UINT64_C(1000000000)

/* What the process keeps open, from 3 on. */
enum { SAYS = 3, ABOVE, BACK, KEPT };

struct request {
	uint32_t number, door; /* of own_doors[]; CLOSE: none */
};

struct answer {
	uint32_t number;
	int32_t err;
	uint64_t cookie;
};

struct leaf {
	struct child *child;
	int fd;
	uint32_t number; /* of the last request: an answer that came too late is of another */
};

struct place {
	int says, above, back; /* the folder of its root, and cgroup.procs there */
	char name[32];
};

/* --- the process ------------------------------------------------------------------------------ */

static int keep_only(const struct place *p)
{
	const int from[] = { p->says, p->above, p->back };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), high[array_len(from)];

	for (size_t i = 0; i < array_len(from); i++) {
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 16);
		if (high[i] < 0)
			return -errno;
	}
	for (int i = 0; i < SAYS; i++) {
		if (dup2(null, i) < 0)
			return -errno;
	}
	for (int i = 0; i < (int)array_len(from); i++) {
		if (dup2(high[i], SAYS + i) < 0)
			return -errno;
	}
	closefrom(KEPT);
	return 0;
}

/* Writing 0 moves whoever writes. */
static int enter(int procs)
{
	return write(procs, "0", 1) == 1 ? 0 : -errno;
}

static int enter_leaf(const struct place *p)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/cgroup.procs", p->name);
	_close_ int procs = openat(ABOVE, path, O_WRONLY | O_CLOEXEC);
	return procs < 0 ? -errno : enter(procs);
}

static void answer_all(void)
{
	struct request r;
	int door = -1;

	while (recv(SAYS, &r, sizeof(r), 0) == sizeof(r)) {
		struct answer a = { .number = r.number };

		close_fd(&door);
		if (r.door < OWN_DOORS)
			a.err = own_door_open(&own_doors[r.door], &door, &a.cookie);
		if (send(SAYS, &a, sizeof(a), MSG_NOSIGNAL) < 0)
			break;
	}
	close_fd(&door);
}

/*
 * Its first word, with no number: it is there, or why not. The folder of cgroup v2's root is not
 * even its owner's to write, which is what it keeps a capability for.
 */
static int in_child(int none, void *arg)
{
	static const int ignored[] = { SIGPIPE, SIGTERM, SIGINT, SIGHUP };
	const struct place *p = arg;
	struct answer ready = { 0 };

	(void)none;
	if (keep_only(p))
		return 1;
	for (size_t i = 0; i < array_len(ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "ajar-canary");
	/* Who ends our parent's group ends us too late: first the cgroup goes. */
	setsid();
	ready.err = chdir("/") < 0 ? -errno : enter_leaf(p);
	if (!ready.err)
		ready.err = proc_drop_privileges_but(0, 0, UINT64_C(1) << CAP_DAC_OVERRIDE);
	if (send(SAYS, &ready, sizeof(ready), MSG_NOSIGNAL) > 0 && !ready.err)
		answer_all();
	if (enter(BACK) < 0)
		errno = 0;
	unlinkat(ABOVE, p->name, AT_REMOVEDIR);
	return 0;
}

/* --- its cgroup ------------------------------------------------------------------------------- */

/* Of one that was killed together with its process: an empty one, whose number nobody has. */
static void remove_left(int above)
{
	int copy = openat(above, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;

	if (!d) {
		close_fd(&copy);
		return;
	}
	while ((e = readdir(d))) {
		int pid;
		char end;

		if (sscanf(e->d_name, PREFIX "%d%c", &pid, &end) == 1 && pid > 0 &&
		    kill(pid, 0) < 0 && errno == ESRCH)
			unlinkat(above, e->d_name, AT_REMOVEDIR);
	}
	closedir(d);
}

static int make_place(bool own_netns, struct place *p)
{
	int err = load_cgroup(own_netns, &p->above, NULL);

	if (err)
		return err;
	remove_left(p->above);
	p->back = openat(p->above, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (p->back < 0)
		return -errno;
	snprintf(p->name, sizeof(p->name), PREFIX "%d", (int)getpid());
	return mkdirat(p->above, p->name, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static void place_done(struct place *p)
{
	close_fd(&p->says);
	close_fd(&p->above);
	close_fd(&p->back);
}

/* --- our end ---------------------------------------------------------------------------------- */

/* -EPIPE: it is gone; -ETIMEDOUT. */
static int take_answer(const struct leaf *l, struct answer *ret)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	struct answer a = { .number = l->number - 1 };

	while (a.number != l->number) {
		if (poll(&p, 1, ANSWER_MS) <= 0)
			return -ETIMEDOUT;
		if (recv(l->fd, &a, sizeof(a), MSG_DONTWAIT) != sizeof(a))
			return -EPIPE;
	}
	*ret = a;
	return a.err;
}

static int start(struct leaf *l, struct place *p)
{
	const struct child_opts o = { .function = in_child, .arg = p };
	struct answer ready;
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	p->says = fds[1];
	l->fd = fds[0];
	err = child_start(&o, &l->child);
	close_fd(&p->says);
	return err ? err : take_answer(l, &ready);
}

int leaf_start(bool own_netns, struct leaf **ret_l)
{
	_cleanup_(place_done) struct place p = { .says = -1, .above = -1, .back = -1 };
	struct leaf *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->fd = -1;
	int err = make_place(own_netns, &p);
	if (!err && (err = start(l, &p))) {
		leaf_free(take_ptr(l));
		unlinkat(p.above, p.name, AT_REMOVEDIR);
	}
	if (err) {
		leaf_free(l);
		return err;
	}
	*ret_l = l;
	return 0;
}

void leaf_free(struct leaf *l)
{
	if (!l)
		return;
	/* It ends by itself then: a signal of one who is root no more would not reach it. */
	close_fd(&l->fd);
	if (l->child)
		child_end(l->child, END_NS);
	free(l);
}

static int ask(struct leaf *l, uint32_t door, struct answer *ret)
{
	const struct request r = { .number = ++l->number, .door = door };

	if (send(l->fd, &r, sizeof(r), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -EPIPE;
	return take_answer(l, ret);
}

int leaf_open(struct leaf *l, unsigned door, uint64_t *ret_cookie)
{
	struct answer a;
	int err = ask(l, door, &a);

	if (!err)
		*ret_cookie = a.cookie;
	return err;
}

int leaf_close(struct leaf *l)
{
	struct answer a;

	return ask(l, CLOSE, &a);
}
