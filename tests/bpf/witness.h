/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_BPF_WITNESS_H
#define AJAR_TESTS_BPF_WITNESS_H

/* A sensor and what it told, kept whole: each test asks for the event it expects, by a deadline. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/event.h"
#include "sensor/sensor.h"
#include "tap.h"

#define REPORTED_MAX 65536
#define DEADLINE_NS 3000000000ULL

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* Without (before 5.14) namespaces cannot be told apart by what a record says. */
static inline bool has_netns_cookies(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	bool has = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) == 0;

	close(fd);
	return has;
}

struct told {
	struct event ev; /* texts point into what follows */
	char *bytes;
};

struct witness {
	struct sensor *s;
	struct told *told;
	size_t len, from; /* from: where the current test's events begin */
	uint64_t lost;
};

static inline void keep_text(struct text *t, char **at)
{
	if (!t->ptr)
		return;
	memcpy(*at, t->ptr, t->len);
	t->ptr = *at;
	*at += t->len;
}

static inline int witness_keep(const struct event *ev, void *arg)
{
	struct witness *w = arg;

	if (ev->kind == EVENT_LOST)
		w->lost += ev->count;
	if (w->len == REPORTED_MAX)
		return 0;
	struct told *t = &w->told[w->len];
	t->ev = *ev;
	struct text *texts[] = { &t->ev.opener.exe, &t->ev.opener.argv, &t->ev.opener.user,
				 &t->ev.closer.exe, &t->ev.closer.argv, &t->ev.closer.user,
				 &t->ev.cgroup,	    &t->ev.reason,
				 &t->ev.asker,	    &t->ev.holders.list };
	size_t n = 1;
	for (size_t i = 0; i < array_len(texts); i++)
		n += texts[i]->len;
	char *at = t->bytes = malloc(n);
	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < array_len(texts); i++)
		keep_text(texts[i], &at);
	w->len++;
	return 0;
}

static inline bool witness_open(struct witness *w, const struct sensor_opts *o)
{
	_free_ char *why = NULL;

	*w = (struct witness){ .told = calloc(REPORTED_MAX, sizeof(*w->told)) };
	int err = w->told ? sensor_open(o, &w->s, &why) : -ENOMEM;
	if (err)
		printf("# cannot open: %s\n", why ? why : strerror(-err));
	return !err;
}

static inline void witness_close(struct witness *w, bool unpin)
{
	sensor_free(w->s, unpin);
	for (size_t i = 0; i < w->len; i++)
		free(w->told[i].bytes);
	free(w->told);
}

/* Events from now on count. */
static inline void witness_mark(struct witness *w)
{
	w->from = w->len;
}

static inline void witness_drain(struct witness *w)
{
	for (int i = 0; i < 64; i++) {
		if (sensor_drain(w->s, witness_keep, w) <= 0)
			break;
	}
}

/* The n-th event since the mark of that kind about that door, or NULL. */
static inline const struct event *witness_find(struct witness *w, enum event_kind kind,
					       uint64_t cookie, unsigned n)
{
	for (size_t i = w->from; i < w->len; i++) {
		const struct event *ev = &w->told[i].ev;

		if (ev->kind == kind && ev->door.cookie == cookie && n-- == 0)
			return ev;
	}
	return NULL;
}

static inline const struct event *witness_find_pid(struct witness *w, enum event_kind kind,
						   pid_t pid)
{
	for (size_t i = w->from; i < w->len; i++) {
		const struct event *ev = &w->told[i].ev;

		if (ev->kind == kind && ev->opener.pid == (uint32_t)pid)
			return ev;
	}
	return NULL;
}

static inline unsigned witness_count(struct witness *w, enum event_kind kind, uint64_t cookie)
{
	unsigned n = 0;

	while (witness_find(w, kind, cookie, n))
		n++;
	return n;
}

static inline bool witness_step(struct witness *w, uint64_t until)
{
	struct pollfd p = { .fd = sensor_fd(w->s), .events = POLLIN };

	if (clock_boot_ns() > until)
		return false;
	if (poll(&p, 1, 100) > 0)
		return sensor_drain(w->s, witness_keep, w) >= 0;
	return true;
}

static inline const struct event *witness_wait(struct witness *w, enum event_kind kind,
					       uint64_t cookie)
{
	uint64_t until = clock_boot_ns() + DEADLINE_NS;
	const struct event *ev;

	while (!(ev = witness_find(w, kind, cookie, 0)) && witness_step(w, until))
		;
	return ev;
}

/*
 * The end of a door that no hook tells of is found by sweeps. A namespace ends in the background,
 * one after the other.
 */
static inline const struct event *witness_sweep_until_closed(struct witness *w, uint64_t cookie)
{
	uint64_t until = clock_boot_ns() + 60000000000ULL;
	const struct event *ev;

	while (!(ev = witness_find(w, EVENT_CLOSE, cookie, 0)) && witness_step(w, until) &&
	       sensor_sweep(w->s, ORIGIN_SWEEP, witness_keep, w) >= 0)
		;
	return ev;
}

static inline const struct event *witness_wait_pid(struct witness *w, enum event_kind kind,
						   pid_t pid)
{
	uint64_t until = clock_boot_ns() + DEADLINE_NS;
	const struct event *ev;

	while (!(ev = witness_find_pid(w, kind, pid)) && witness_step(w, until))
		;
	return ev;
}

static inline uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

static inline uint16_t port_of(int fd)
{
	struct sockaddr_in6 sin = { 0 };
	socklen_t len = sizeof(sin);

	getsockname(fd, (struct sockaddr *)&sin, &len);
	return ntohs(sin.sin6_port);
}

/* Binds to loopback of the family, port 0 unless given; 0 or -1. */
static inline int bind_loopback(int fd, int family, uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(port),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	return family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
				 : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
}

static inline int reap(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

static inline bool text_ends(struct text t, const char *s)
{
	size_t n = strlen(s);

	return t.ptr && t.len >= n && !memcmp(t.ptr + t.len - n, s, n);
}

#endif
