/* SPDX-License-Identifier: GPL-2.0 */
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)
#define EVENTS_MAX 64

enum source_kind { SOURCE_FD, SOURCE_TIMER, SOURCE_SIGNALS };

struct loop_source {
	struct loop *loop;
	struct loop_source *next;
	enum source_kind kind;
	int fd; /* ours to close but for SOURCE_FD */
	bool removed; /* freed when the present round of events is over */
	uint64_t due_ns, every_ns; /* of a timer: when it is called next, 0: it is off */
	loop_fn fn;
	loop_signal_fn signal_fn;
	void *arg;
};

struct loop {
	int epoll_fd;
	bool stop, in_round;
	struct loop_source *sources;
};

int loop_new(struct loop **ret_loop)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		int err = -errno;

		free(l);
		return err;
	}
	*ret_loop = l;
	return 0;
}

static void source_free(struct loop_source *src)
{
	if (src->kind != SOURCE_FD && src->fd >= 0)
		close(src->fd);
	free(src);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (struct loop_source *s = l->sources, *next; s; s = next) {
		next = s->next;
		source_free(s);
	}
	close(l->epoll_fd);
	free(l);
}

static int add_source(struct loop *l, const struct loop_source *init, uint32_t events,
		      struct loop_source **ret_src)
{
	struct loop_source *src = malloc(sizeof(*src));
	struct epoll_event ev = { .events = events };

	if (!src)
		return -ENOMEM;
	*src = *init;
	src->loop = l;
	ev.data.ptr = src;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, src->fd, &ev) < 0) {
		int err = -errno;

		free(src);
		return err;
	}
	src->next = l->sources;
	l->sources = src;
	if (ret_src)
		*ret_src = src;
	return 0;
}

int loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fn fn, void *arg,
		struct loop_source **ret_src)
{
	struct loop_source src = { .kind = SOURCE_FD, .fd = fd, .fn = fn, .arg = arg };

	return add_source(l, &src, events, ret_src);
}

/* For the kinds that own their fd: it is closed when adding fails. */
static int add_owned(struct loop *l, struct loop_source *src, struct loop_source **ret_src)
{
	int err;

	if (src->fd < 0)
		return -errno;
	err = add_source(l, src, EPOLLIN, ret_src);
	if (err)
		close(src->fd);
	return err;
}

int loop_add_timer(struct loop *l, loop_fn fn, void *arg, struct loop_source **ret_src)
{
	struct loop_source src = { .kind = SOURCE_TIMER, .fn = fn, .arg = arg };

	src.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return add_owned(l, &src, ret_src);
}

/* As timers count: not while the machine sleeps. */
static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S),
				  .tv_nsec = (long)(ns % NS_PER_S) };
}

int loop_timer_set(struct loop_source *src, uint64_t after_ns, uint64_t every_ns)
{
	struct itimerspec its = { .it_value = to_timespec(after_ns),
				  .it_interval = to_timespec(after_ns ? every_ns : 0) };

	if (timerfd_settime(src->fd, 0, &its, NULL) < 0)
		return -errno;
	src->due_ns = after_ns ? now_ns() + after_ns : 0;
	src->every_ns = after_ns ? every_ns : 0;
	return 0;
}

/*
 * The kernel's view of the timer does not do: one that has expired and whose turn in the loop has
 * not come yet looks there like one that has a whole interval left, and setting it clears that.
 */
int loop_timer_hasten(struct loop_source *src, uint64_t after_ns)
{
	if (src->due_ns && src->due_ns <= now_ns() + after_ns)
		return 0;
	return loop_timer_set(src, after_ns, src->every_ns);
}

int loop_add_signals(struct loop *l, const int *signals, loop_signal_fn fn, void *arg)
{
	struct loop_source src = { .kind = SOURCE_SIGNALS, .signal_fn = fn, .arg = arg };
	sigset_t set;

	sigemptyset(&set);
	for (; *signals; signals++)
		sigaddset(&set, *signals);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	src.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return add_owned(l, &src, NULL);
}

void loop_remove(struct loop_source *src)
{
	struct loop *l;
	struct loop_source **p;

	if (!src || src->removed)
		return;
	l = src->loop;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, src->fd, NULL);
	src->removed = true;
	if (l->in_round)
		return; /* an event of this round may still point here */
	for (p = &l->sources; *p != src; p = &(*p)->next)
		;
	*p = src->next;
	source_free(src);
}

static void free_removed(struct loop *l)
{
	struct loop_source **p = &l->sources;

	while (*p) {
		struct loop_source *src = *p;

		if (!src->removed) {
			p = &src->next;
			continue;
		}
		*p = src->next;
		source_free(src);
	}
}

static int on_signals(struct loop_source *src)
{
	struct signalfd_siginfo info;

	while (!src->removed && read(src->fd, &info, sizeof(info)) == sizeof(info)) {
		int err = src->signal_fn((int)info.ssi_signo, src->arg);

		if (err)
			return err;
	}
	return 0;
}

static int dispatch(struct loop_source *src)
{
	uint64_t expirations;

	switch (src->kind) {
	case SOURCE_TIMER:
		if (read(src->fd, &expirations, sizeof(expirations)) < 0)
			return 0; /* switched off meanwhile */
		src->due_ns = src->every_ns ? now_ns() + src->every_ns : 0;
		return src->fn(src->arg);
	case SOURCE_SIGNALS:
		return on_signals(src);
	case SOURCE_FD:
		break;
	}
	return src->fn(src->arg);
}

int loop_run(struct loop *l)
{
	struct epoll_event events[EVENTS_MAX];
	int err = 0;

	l->stop = false;
	while (!l->stop && !err) {
		int n = epoll_wait(l->epoll_fd, events, EVENTS_MAX, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		l->in_round = true;
		for (int i = 0; i < n && !l->stop && !err; i++) {
			struct loop_source *src = events[i].data.ptr;

			if (!src->removed)
				err = dispatch(src);
		}
		l->in_round = false;
		free_removed(l);
	}
	return err;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
