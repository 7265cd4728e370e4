/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/redirect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/log.h"
#include "base/loop.h"
#include "redirect/confine.h"
#include "redirect/keeper.h"
#include "redirect/word.h"

/* Between two words that are taken: whoever says more waits, and fills no journal. */
#define PAUSE_NS UINT64_C(200000000)

struct redirect_end {
	struct child *child;
	int fd; /* what it says */
	int unconfined;
	struct loop *loop;
	struct loop_source *source, *pause; /* one of them is on; neither: it says no more */
	bool told; /* a list that was not empty */
	redirect_fn fn;
	void *arg;
};

static void warn_unconfined(int err)
{
	log_warn("the process that reads what redirects connections past doors gets no seccomp "
		 "filter (%s), continuing without one: %s",
		 strerror(-err),
		 err == -EOPNOTSUPP
			 ? "boot a kernel with CONFIG_SECCOMP_FILTER=y, on x86-64 or arm64"
			 : "let the agent call prctl(PR_SET_SECCOMP), which its unit or "
			   "container refuses");
}

void redirect_start(uid_t uid, gid_t gid, uint64_t every_ns, struct redirect_end **ret_e)
{
	struct redirect_end *e = calloc(1, sizeof(*e));
	int err = e ? redirect_spawn(uid, gid, every_ns, &e->child, &e->fd) : -ENOMEM;

	*ret_e = err ? NULL : e;
	if (!err) {
		e->unconfined = redirect_confine_try();
		if (e->unconfined)
			warn_unconfined(e->unconfined);
		return;
	}
	free(e);
	log_warn("cannot read what redirects connections past doors (%s), continuing without",
		 strerror(-err));
}

int redirect_unconfined(const struct redirect_end *e)
{
	return e ? e->unconfined : 0;
}

void redirect_free(struct redirect_end *e)
{
	if (!e)
		return;
	close(e->fd);
	child_free(e->child);
	free(e);
}

static int give(struct redirect_end *e, struct text list, uint32_t ways)
{
	if (!list.len && !e->told)
		return 0;
	e->told = true;
	return e->fn(list, ways, e->arg);
}

static int on_reader_ended(struct redirect_end *e, int status)
{
	if (WIFSIGNALED(status))
		log_warn("the process that reads what redirects connections past doors was killed "
			 "by SIG%s, it is started again",
			 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
	else
		log_warn("the process that reads what redirects connections past doors ended with "
			 "status %d, it is started again",
			 WEXITSTATUS(status));
	return give(e, TEXT("! the process that reads it has ended\n"), 0);
}

/* Nobody is left who could start another one: that needs rights that we have given up. */
static int on_no_more(struct redirect_end *e, int err)
{
	log_warn("what redirects connections past doors is not read any more (%s), continuing "
		 "without: restart the agent",
		 strerror(-err));
	loop_remove(take_ptr(e->source));
	return give(e, TEXT("! the process that reads it has ended\n"), 0);
}

static int on_word(void *arg);

static int on_pause_over(void *arg)
{
	struct redirect_end *e = arg;

	return loop_add_fd(e->loop, e->fd, EPOLLIN, on_word, e, &e->source);
}

static int rest(struct redirect_end *e)
{
	loop_remove(take_ptr(e->source));
	return loop_timer_set(e->pause, PAUSE_NS, 0);
}

/* Its word is bounded and checked: it reads what others wrote. */
static int on_word(void *arg)
{
	struct redirect_end *e = arg;
	struct redirect_word w;
	int got = redirect_word_take(e->fd, &w), err = 0;

	if (!got)
		return 0;
	if (got == -EBADMSG) {
		log_warn("the process that reads what redirects connections past doors said "
			 "something that is no list");
		err = give(e, TEXT("! the process that reads it said what is no list\n"), 0);
	} else if (got < 0) {
		return on_no_more(e, got);
	} else if (w.ended) {
		err = on_reader_ended(e, (int)w.ended);
	} else {
		err = give(e, (struct text){ w.text, w.len }, w.ways);
	}
	return err ? err : rest(e);
}

int redirect_attach(struct redirect_end *e, struct loop *l, redirect_fn fn, void *arg)
{
	int err;

	if (!e)
		return 0;
	e->loop = l;
	e->fn = fn;
	e->arg = arg;
	err = loop_add_timer(l, on_pause_over, e, &e->pause);
	return err ? err : on_pause_over(e);
}
