/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/capture.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/proc.h"
#include "scan/address.h"

#define WORDS_MAX 32
#define COMMAND_MAX 1024
#define ANSWERS_MAX (4u << 20)

/* A name's answers, as the child writes them: small enough that a pipe passes them whole. */
struct answer {
	uint32_t name; /* index */
	struct address address;
};
_Static_assert(sizeof(struct answer) < 4096, "a write of one answer is atomic");

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
	const char *words[WORDS_MAX];
	const struct proc_opts p = {
		.argv = words, .own_session = true, .ends_with_us = true, .plain_env = true
	};
	const struct child_opts o = { .program = &p, .timeout_ns = timeout_ns };
	char copy[COMMAND_MAX];
	int err;

	if (strlen(command) >= sizeof(copy))
		return -E2BIG;
	memcpy(copy, command, strlen(command) + 1);
	err = split(copy, words);
	return err ? err : child_run(&o, b, NULL);
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

struct question {
	const char *const *names;
	size_t n;
};

/* In the child: the resolver's library may do what it likes here, and end with us. */
static int resolve(int out, void *arg)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC };
	const struct question *q = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (size_t i = 0; i < q->n; i++) {
		struct addrinfo *all = NULL;

		if (getaddrinfo(q->names[i], NULL, &hints, &all))
			continue;
		for (const struct addrinfo *ai = all; ai; ai = ai->ai_next)
			answer(out, (uint32_t)i, ai);
		freeaddrinfo(all);
	}
	return 0;
}

int capture_addresses(const char *const *names, size_t n, uint64_t timeout_ns,
		      capture_address_fn fn, void *arg)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(ANSWERS_MAX);
	struct question q = { names, n };
	const struct child_opts o = {
		.function = resolve, .arg = &q, .own_group = true, .timeout_ns = timeout_ns
	};
	struct answer an;
	int ret;

	if (!n)
		return 0;
	/* What came in time counts, whatever became of the rest. */
	ret = child_run(&o, &b, NULL);
	if (ret && ret != -ETIMEDOUT && ret != -EIO && ret != -E2BIG)
		return ret;
	ret = 0;
	for (size_t at = 0; !ret && b.len - at >= sizeof(an); at += sizeof(an)) {
		memcpy(&an, b.data + at, sizeof(an));
		if (an.name < n)
			ret = fn(names[an.name], &an.address, arg);
	}
	return ret;
}
