/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_CUT_PROXY_H
#define AJAR_TESTS_CUT_PROXY_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A line that breaks where it is told to: a process between a TCP port of loopback and a server's
 * unix socket. Bytes are counted in both directions from cut_arm() on; when one direction has
 * passed so many, both ends are reset (or, stalled, hear nothing any more), and what comes behind
 * that byte never arrives. Each arming cuts once; later connections pass whole.
 */
enum cut_way { CUT_UP, CUT_DOWN }; /* from the client, from the server */

struct cut_shared {
	atomic_int armed; /* 1: to be cut, 0: not, or done */
	atomic_int way, stall;
	atomic_ulong at, passed[2], cuts;
};

struct cut_proxy {
	struct cut_shared *sh;
	pid_t pid;
	unsigned port;
};

static inline int cut_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", path);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	close(fd);
	return -1;
}

static inline void cut_reset(int fd)
{
	const struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* Passes on what came, up to the cut. false: the line is cut, or its other end gone. */
static inline bool cut_pass(struct cut_shared *sh, int way, int from, int to)
{
	char bytes[16384];
	ssize_t got = read(from, bytes, sizeof(bytes));
	unsigned long room;

	if (got <= 0)
		return false;
	if (atomic_load(&sh->armed) && atomic_load(&sh->way) == way) {
		room = atomic_load(&sh->at) - atomic_load(&sh->passed[way]);
		if ((unsigned long)got >= room) {
			if (room && send(to, bytes, room, MSG_NOSIGNAL) < 0)
				return false;
			atomic_store(&sh->armed, 0);
			atomic_fetch_add(&sh->cuts, 1);
			return false;
		}
	}
	atomic_fetch_add(&sh->passed[way], (unsigned long)got);
	for (ssize_t sent = 0, n; sent < got; sent += n) {
		n = send(to, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL);
		if (n <= 0)
			return false;
	}
	return true;
}

static inline void cut_serve(struct cut_shared *sh, int client, const char *sock)
{
	int server = cut_unix(sock);
	struct pollfd p[2] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
	unsigned long cuts = atomic_load(&sh->cuts);
	bool good = server >= 0;

	while (good && poll(p, 2, -1) > 0) {
		if (p[0].revents)
			good = cut_pass(sh, CUT_UP, client, server);
		if (good && p[1].revents)
			good = cut_pass(sh, CUT_DOWN, server, client);
	}
	if (atomic_load(&sh->cuts) != cuts && atomic_load(&sh->stall)) {
		/*
		 * Nobody hears anything; the client gives up by itself, the server only when we go.
		 */
		p[0].events = POLLRDHUP;
		poll(p, 1, -1);
	}
	cut_reset(client);
	if (server >= 0)
		close(server);
}

static inline _Noreturn void cut_main(struct cut_shared *sh, int listener, const char *sock)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (client >= 0 && !fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(listener);
			cut_serve(sh, client, sock);
			_exit(0);
		}
		close(client);
	}
}

static inline int cut_start(struct cut_proxy *c, const char *sock)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);

	c->sh = mmap(NULL, sizeof(*c->sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (c->sh == MAP_FAILED || fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(fd, 16) || getsockname(fd, (struct sockaddr *)&a, &len))
		return -errno;
	c->port = ntohs(a.sin_port);
	fflush(stdout);
	c->pid = fork();
	if (!c->pid)
		cut_main(c->sh, fd, sock);
	close(fd);
	return c->pid < 0 ? -errno : 0;
}

static inline void cut_stop(struct cut_proxy *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	munmap(c->sh, sizeof(*c->sh));
}

static inline void cut_count(struct cut_proxy *c)
{
	atomic_store(&c->sh->armed, 0);
	atomic_store(&c->sh->passed[CUT_UP], 0);
	atomic_store(&c->sh->passed[CUT_DOWN], 0);
}

static inline void cut_arm(struct cut_proxy *c, enum cut_way way, unsigned long at, bool stall)
{
	cut_count(c);
	atomic_store(&c->sh->way, way);
	atomic_store(&c->sh->at, at);
	atomic_store(&c->sh->stall, stall);
	atomic_store(&c->sh->armed, 1);
}

#endif
