/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/redirect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/child.h"
#include "base/log.h"
#include "base/loop.h"
#include "core/redirect.h"
#include "redirect/reader.h"

struct redirect_end {
	struct child *child;
	int fd; /* its output */
	struct loop_source *source;
	bool told; /* a list that was not empty */
	redirect_fn fn;
	void *arg;
};

void redirect_start(uid_t uid, gid_t gid, uint64_t every_ns, struct redirect_end **ret_e)
{
	struct redirect_end *e = calloc(1, sizeof(*e));
	int err = e ? redirect_spawn(uid, gid, every_ns, &e->child) : -ENOMEM;

	*ret_e = err ? NULL : e;
	if (!err) {
		e->fd = child_out(e->child);
		return;
	}
	free(e);
	log_warn("cannot read what redirects connections past doors (%s), continuing without",
		 strerror(-err));
}

void redirect_free(struct redirect_end *e)
{
	if (!e)
		return;
	child_free(e->child);
	free(e);
}

static int read_all(int fd, void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t got = read(fd, (char *)p + at, n - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EPIPE;
		at += (size_t)got;
	}
	return 0;
}

static int give(struct redirect_end *e, struct text list, uint32_t ways)
{
	if (!list.len && !e->told)
		return 0;
	e->told = true;
	return e->fn(list, ways, e->arg);
}

/* Its word is bounded and checked: it reads what others wrote. */
static int on_list(void *arg)
{
	struct redirect_end *e = arg;
	char text[REDIRECT_TEXT_MAX];
	uint32_t head[2];
	int err = read_all(e->fd, head, sizeof(head));

	if (!err && head[0] > sizeof(text))
		err = -E2BIG;
	if (!err && head[0])
		err = read_all(e->fd, text, head[0]);
	if (!err)
		return give(e, (struct text){ text, head[0] }, head[1]);
	log_warn("what redirects connections past doors is not read any more (%s), continuing "
		 "without: restart the agent",
		 strerror(-err));
	loop_remove(take_ptr(e->source));
	return give(e, TEXT("! the process that reads it has ended\n"), 0);
}

int redirect_attach(struct redirect_end *e, struct loop *l, redirect_fn fn, void *arg)
{
	if (!e)
		return 0;
	e->fn = fn;
	e->arg = arg;
	return loop_add_fd(l, e->fd, EPOLLIN, on_list, e, &e->source);
}
