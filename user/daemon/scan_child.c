/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/scan_child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/child.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/proc.h"
#include "conf/conf.h"
#include "daemon/daemon.h"

#define ARGS_MAX 16
#define AGAIN_NS UINT64_C(10000000000)
#define DEATHS_MAX 5
#define STOP_NS UINT64_C(5000000000)

static void fill(const struct scan_child *ch, const char *argv[ARGS_MAX])
{
	const struct daemon_opts *o = ch->opts;
	unsigned n = 0;

	argv[n++] = ch->self;
	argv[n++] = "scan";
	argv[n++] = "serve";
	if (o->conf_file) {
		argv[n++] = "-C";
		argv[n++] = o->conf_file;
	}
	argv[n++] = "--data";
	argv[n++] = o->conf->data_dir;
	if (*o->conf->store_uri) {
		argv[n++] = "--store";
		argv[n++] = o->conf->store_uri;
	}
	if (o->quiet)
		argv[n++] = "-q";
	if (o->verbose)
		argv[n++] = "-v";
	argv[n] = NULL;
}

static int on_end(const struct child_end *end, void *arg)
{
	struct scan_child *ch = arg;

	child_free(take_ptr(ch->child));
	if (!end->status)
		return 0; /* it has nothing to do here, and has said why */
	if (++ch->deaths >= DEATHS_MAX) {
		log_warn("the scanner %s for the %uth time: nothing is scanned until the monitor "
			 "is started again",
			 proc_status_text(end->status), ch->deaths);
		return 0;
	}
	log_warn("the scanner %s, starting it again in 10 s", proc_status_text(end->status));
	return loop_timer_set(ch->timer, AGAIN_NS, 0);
}

/* It ends with us: who its parent is it reads from the environment, as every role does. */
static int spawn(struct scan_child *ch, int go)
{
	const char *argv[ARGS_MAX], *above = getenv(PROC_SUPERVISOR_ENV);
	const int keep[] = { go, -1 };
	const struct proc_opts p = { .argv = argv,
				     .ends_with_us = true,
				     .keep_password = true,
				     .keep_fds = go < 0 ? NULL : keep };
	const struct child_opts o = { .program = &p, .done = on_end, .arg = ch };
	char pid[16], kept[32], number[16];
	int err;

	fill(ch, argv);
	snprintf(kept, sizeof(kept), "%s", above ? above : "");
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	snprintf(number, sizeof(number), "%d", go);
	if (setenv(PROC_SUPERVISOR_ENV, pid, 1) < 0 ||
	    (go >= 0 && setenv(SCAN_GO_ENV, number, 1) < 0))
		return -errno;
	err = child_start(&o, &ch->child);
	unsetenv(SCAN_GO_ENV);
	if (above ? setenv(PROC_SUPERVISOR_ENV, kept, 1) : unsetenv(PROC_SUPERVISOR_ENV))
		return -errno;
	return err;
}

void scan_child_start(struct scan_child *ch, const struct daemon_opts *o)
{
	ssize_t n = readlink("/proc/self/exe", ch->self, sizeof(ch->self) - 1);
	int err, go[2];

	ch->opts = o;
	ch->go_fd = -1;
	ch->self[n > 0 ? n : 0] = '\0';
	if (!o->conf->scan_enabled)
		return;
	err = n > 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, go) == 0 ? 0 : -errno;
	if (!err) {
		err = spawn(ch, go[0]);
		close(go[0]);
		ch->go_fd = go[1];
	}
	if (err)
		log_err(err, "cannot start the scanner, continuing without it");
}

static int on_timer(void *arg)
{
	struct scan_child *ch = arg;
	int err = spawn(ch, -1);

	if (!err)
		return child_watch(ch->child, ch->loop);
	log_err(err, "cannot start the scanner, continuing without it");
	return 0;
}

int scan_child_watch(struct scan_child *ch, struct loop *l)
{
	int err = loop_add_timer(l, on_timer, ch, &ch->timer);

	ch->loop = l;
	if (ch->go_fd >= 0 && send(ch->go_fd, "", 1, MSG_NOSIGNAL) < 0)
		log_debug("the scanner has ended already");
	close_fd(&ch->go_fd);
	ch->go_fd = -1;
	return err || !ch->child ? err : child_watch(ch->child, l);
}

void scan_child_stop(struct scan_child *ch)
{
	/* One that waits for the word is root still, and we are not: it ends by itself. */
	close_fd(&ch->go_fd);
	child_end(take_ptr(ch->child), STOP_NS);
}
