/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/proc.h"
#include "scan/address.h"

#define WORDS_MAX 32
#define COMMAND_MAX 1024
#define NS_PER_MS 1000000ULL

/* A name's answers, as the child writes them: small enough that a pipe passes them whole. */
struct answer {
	uint32_t name; /* index */
	struct address address;
};
_Static_assert(sizeof(struct answer) < 4096, "a write of one answer is atomic");

static int make_pipe(int *ret_ours, int *ret_theirs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = fds[0];
	*ret_theirs = fds[1];
	return 0;
}

/* Bytes there within the time: their number, 0 at the end, or a negative errno. */
static ssize_t read_until(int fd, void *p, size_t n, uint64_t deadline_boot_ns)
{
	for (;;) {
		uint64_t now = clock_boot_ns();
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int left = now < deadline_boot_ns ? (int)((deadline_boot_ns - now) / NS_PER_MS) + 1
						  : 0;
		int ready = left ? poll(&pfd, 1, left) : 0;
		ssize_t got;

		if (!ready)
			return -ETIMEDOUT;
		if (ready < 0 && errno == EINTR)
			continue;
		got = ready < 0 ? -1 : read(fd, p, n);
		if (got >= 0 || errno != EINTR)
			return got < 0 ? -errno : got;
	}
}

/* Whatever it is still at; its status. */
static int end_child(pid_t pid, bool kill_it)
{
	int status = 0;

	if (kill_it)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static int split(char *command, const char *words[WORDS_MAX])
{
	unsigned n = 0;
	char *rest = NULL;

	for (char *w = strtok_r(command, " \t", &rest); w; w = strtok_r(NULL, " \t", &rest)) {
		if (n == WORDS_MAX - 1)
			return -E2BIG;
		words[n++] = w;
	}
	words[n] = NULL;
	return n ? 0 : -EINVAL;
}

int capture_program(const char *command, uint64_t timeout_ns, struct buf *b)
{
	uint64_t deadline = clock_boot_ns() + timeout_ns;
	const char *words[WORDS_MAX];
	_close_ int ours = -1, theirs = -1;
	char copy[COMMAND_MAX], bytes[4096];
	ssize_t got;
	pid_t pid;
	int err;

	if (strlen(command) >= sizeof(copy))
		return -E2BIG;
	memcpy(copy, command, strlen(command) + 1);
	err = split(copy, words);
	if (!err)
		err = make_pipe(&ours, &theirs);
	if (!err) {
		const struct proc_opts o = {
			.argv = words,
			.own_session = true,
			.ends_with_us = true,
			.stdout_fd = theirs,
			.plain_env = true,
		};

		err = proc_spawn(&o, &pid);
	}
	if (err)
		return err;
	close(take_fd(theirs));
	while ((got = read_until(ours, bytes, sizeof(bytes), deadline)) > 0 && !b->err)
		buf_put(b, bytes, (size_t)got);
	err = got < 0 ? (int)got : b->err;
	if (end_child(pid, err != 0) && !err)
		err = -EIO;
	return err;
}

static void answer(int fd, uint32_t name, const struct addrinfo *ai)
{
	struct answer an = { .name = name };

	if (ai->ai_family == AF_INET) {
		an.address.family = FAMILY_INET;
		memcpy(an.address.bytes,
		       &((const struct sockaddr_in *)(const void *)ai->ai_addr)->sin_addr, 4);
	} else if (ai->ai_family == AF_INET6) {
		an.address.family = FAMILY_INET6;
		memcpy(an.address.bytes,
		       &((const struct sockaddr_in6 *)(const void *)ai->ai_addr)->sin6_addr, 16);
	} else {
		return;
	}
	if (write(fd, &an, sizeof(an)) != sizeof(an))
		_exit(1);
}

/* In the child: the resolver's library may do what it likes here, and end with us. */
static void resolve(const char *const *names, size_t n, int fd)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC };

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (size_t i = 0; i < n; i++) {
		struct addrinfo *all = NULL;

		if (getaddrinfo(names[i], NULL, &hints, &all))
			continue;
		for (const struct addrinfo *ai = all; ai; ai = ai->ai_next)
			answer(fd, (uint32_t)i, ai);
		freeaddrinfo(all);
	}
	_exit(0);
}

int capture_addresses(const char *const *names, size_t n, uint64_t timeout_ns,
		      capture_address_fn fn, void *arg)
{
	uint64_t deadline = clock_boot_ns() + timeout_ns;
	_close_ int ours = -1, theirs = -1;
	struct answer an;
	pid_t pid;
	int ret;

	if (!n)
		return 0;
	ret = make_pipe(&ours, &theirs);
	if (ret)
		return ret;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		resolve(names, n, theirs);
	setpgid(pid, pid); /* whichever of us is first */
	close(take_fd(theirs));
	while (!ret && read_until(ours, &an, sizeof(an), deadline) == sizeof(an)) {
		if (an.name < n)
			ret = fn(names[an.name], &an.address, arg);
	}
	end_child(pid, true);
	return ret;
}
