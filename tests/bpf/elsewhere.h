/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_BPF_ELSEWHERE_H
#define AJAR_TESTS_BPF_ELSEWHERE_H

/* Doors to look at, here and in another network namespace. */
#include <sched.h>
#include <unistd.h>

#include "witness.h"

static inline int tcp_door(uint64_t *ret_cookie)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_cookie = cookie_of(fd);
	bind_loopback(fd, AF_INET, 0);
	listen(fd, 1);
	return fd;
}

static inline int udp_door(uint64_t *ret_cookie)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*ret_cookie = cookie_of(fd);
	bind_loopback(fd, AF_INET, 0);
	return fd;
}

struct elsewhere {
	pid_t pid;
	int stop;
	uint64_t tcp, udp;
};

/* Two doors in another network namespace, held by a child. */
static inline bool open_elsewhere(struct elsewhere *e)
{
	int got[2], stop[2];
	char c;

	if (pipe2(got, O_CLOEXEC) || pipe2(stop, O_CLOEXEC))
		return false;
	e->pid = fork();
	if (e->pid == 0) {
		uint64_t cookies[2];

		close(stop[1]);
		if (unshare(CLONE_NEWNET))
			_exit(1);
		int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
		struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(5353) };
		cookies[0] = cookie_of(a);
		cookies[1] = cookie_of(b);
		if (listen(a, 1) || bind(b, (struct sockaddr *)&any, sizeof(any)))
			_exit(1);
		(void)!write(got[1], cookies, sizeof(cookies));
		_exit(read(stop[0], &c, 1) < 0);
	}
	close(got[1]);
	close(stop[0]);
	uint64_t cookies[2] = { 0 };
	bool good = read(got[0], cookies, sizeof(cookies)) == sizeof(cookies);
	close(got[0]);
	e->stop = stop[1];
	e->tcp = cookies[0];
	e->udp = cookies[1];
	return good;
}

#endif
