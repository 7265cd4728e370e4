/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "ajar/exit.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "base/proc.h"

#define MS UINT64_C(1000000)
#define STEADY_NS (10000 * MS) /* one that ran this long starts again at once */
#define DELAY_FIRST_NS (100 * MS)
#define DELAY_MAX_NS (5000 * MS)
#define BYSTANDER_NS (60000 * MS)
#define STOP_LIMIT_NS (10000 * MS)

struct supervisor {
	struct loop *loop;
	struct supervisor_opts o;
	struct loop_source *notify;
	bool reported_ready, stopping;
	int result;
};

static int on_role_end(const struct child_end *end, void *arg);
static int stop_next(struct supervisor *sv);

static int start_role(struct supervised *r)
{
	struct supervisor *sv = r->of;
	struct proc_opts p = {
		.keep_password = true,
		.argv = r->argv,
		.keep_fds = r->keep_fds,
		.own_stdout = r->own_stdout,
		.ends_with_us = true,
		/* Ctrl-C on our terminal is for us alone: we end the roles in order. */
		.own_session = !r->optional,
	};
	/*
	 * It ends its own children itself, and what it left behind when it was killed (a scanner)
	 * ends in order.
	 */
	const struct child_opts o = { .program = &p,
				      .grace_ns = STOP_LIMIT_NS,
				      .term_leader = true,
				      .leave_group = true,
				      .done = on_role_end,
				      .arg = r };
	int err = r->prepare ? r->prepare(r, sv->o.arg) : 0;

	if (!err)
		err = child_start(&o, &r->child);
	if (err)
		return log_err(err, "cannot start %s ('%s')", r->name, r->argv[0]);
	r->started_ns = clock_boot_ns();
	r->ready = false;
	log_debug("%s started, pid %d", r->name, (int)child_pid(r->child));
	return child_watch(r->child, sv->loop);
}

static int on_restart(void *arg)
{
	struct supervised *r = arg;

	return r->of->stopping ? 0 : start_role(r);
}

static uint64_t restart_delay(const struct supervised *r)
{
	uint64_t delay = DELAY_FIRST_NS;

	if (r->deaths <= 1)
		return 1; /* at once: nobody should wait because something died for the first time */
	for (unsigned i = 2; i < r->deaths && delay < DELAY_MAX_NS; i++)
		delay *= 2;
	return delay < DELAY_MAX_NS ? delay : DELAY_MAX_NS;
}

/*
 * A role that never came up ends everything. One that ended with 2 has said why itself: nothing is
 * added.
 */
static int on_failed_start(struct supervised *r, int status)
{
	struct supervisor *sv = r->of;

	if (WEXITSTATUS(status) != AJAR_EXIT_ERROR)
		log_usage("%s %s before it was ready: 'ajar run -v' says more", r->name,
			  proc_status_text(status));
	sv->result = -ECHILD;
	supervisor_stop(sv);
	return 0;
}

static int on_role_end(const struct child_end *end, void *arg)
{
	struct supervised *r = arg;
	struct supervisor *sv = r->of;
	int status = end->status;

	child_free(take_ptr(r->child));
	r->ready = false;
	if (sv->stopping) {
		if (end->killed)
			log_warn("%s did not end within %u s and was killed", r->name,
				 (unsigned)(STOP_LIMIT_NS / (1000 * MS)));
		else if (!r->optional && (!WIFEXITED(status) || WEXITSTATUS(status)))
			log_warn("%s %s while stopping", r->name, proc_status_text(status));
		return stop_next(sv);
	}
	if (r->optional)
		return 0;
	if (!r->was_ready && WIFEXITED(status) && r->bystander) {
		log_warn("%s cannot start, continuing without it and trying again every minute",
			 r->name);
		return loop_timer_set(r->timer, BYSTANDER_NS, 0);
	}
	if (!r->was_ready && WIFEXITED(status))
		return on_failed_start(r, status);
	r->deaths = clock_boot_ns() - r->started_ns > STEADY_NS ? 1 : r->deaths + 1;
	log_warn("%s %s, starting it again", r->name, proc_status_text(status));
	return loop_timer_set(r->timer, restart_delay(r), 0);
}

/* Starts the first role that does not run, once all before it are ready. */
static int start_next(struct supervisor *sv)
{
	for (unsigned i = 0; i < sv->o.roles_len; i++) {
		struct supervised *r = &sv->o.roles[i];
		int err = 0;

		if (!r->started_ns)
			err = start_role(r);
		if (err || (!r->was_ready && !r->optional && !r->bystander))
			return err;
	}
	if (sv->reported_ready)
		return 0;
	sv->reported_ready = true;
	return sv->o.on_ready ? sv->o.on_ready(sv->o.arg) : 0;
}

static int on_notify(void *arg)
{
	struct supervisor *sv = arg;
	pid_t pid;
	int n;

	while ((n = notify_receive(sv->o.notify_fd, &pid)) >= 0) {
		for (unsigned i = 0; n && i < sv->o.roles_len; i++) {
			struct supervised *r = &sv->o.roles[i];
			bool first = !r->was_ready;
			int err;

			if (!r->child || child_pid(r->child) != pid)
				continue;
			r->ready = r->was_ready = true;
			if (sv->o.on_role_ready)
				sv->o.on_role_ready(r, sv->o.arg);
			if (!first)
				log_info("%s is back", r->name);
			err = first && !sv->stopping ? start_next(sv) : 0;
			if (err)
				return err;
		}
	}
	return n == -EAGAIN ? 0 : n;
}

int supervisor_new(struct loop *l, const struct supervisor_opts *o, struct supervisor **ret_sv)
{
	_cleanup_(supervisor_freep) struct supervisor *sv = calloc(1, sizeof(*sv));
	int err;

	if (!sv)
		return -ENOMEM;
	sv->loop = l;
	sv->o = *o;
	for (unsigned i = 0; i < o->roles_len; i++) {
		o->roles[i].of = sv;
		err = loop_add_timer(l, on_restart, &o->roles[i], &o->roles[i].timer);
		if (err)
			return err;
	}
	err = loop_add_fd(l, o->notify_fd, EPOLLIN, on_notify, sv, &sv->notify);
	if (err)
		return err;
	*ret_sv = take_ptr(sv);
	return 0;
}

void supervisor_free(struct supervisor *sv)
{
	if (!sv)
		return;
	for (unsigned i = 0; i < sv->o.roles_len; i++) {
		struct supervised *r = &sv->o.roles[i];

		child_free(take_ptr(r->child));
		loop_remove(r->timer);
	}
	loop_remove(sv->notify);
	free(sv);
}

int supervisor_start(struct supervisor *sv)
{
	return start_next(sv);
}

/* One at a time, in the order of the list. */
static int stop_next(struct supervisor *sv)
{
	for (unsigned i = 0; i < sv->o.roles_len; i++) {
		struct supervised *r = &sv->o.roles[i];

		if (!r->child)
			continue;
		if (r->stopping)
			return 0; /* its end calls again */
		r->stopping = true;
		return child_stop(r->child);
	}
	loop_stop(sv->loop);
	return 0;
}

void supervisor_stop(struct supervisor *sv)
{
	if (sv->stopping)
		return;
	sv->stopping = true;
	if (stop_next(sv))
		loop_stop(sv->loop);
}

int supervisor_result(const struct supervisor *sv)
{
	return sv->result;
}
