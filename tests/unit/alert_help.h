/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_ALERT_HELP_H
#define AJAR_TESTS_ALERT_HELP_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/loop.h"
#include "tap.h"

/*
 * What the tests of alert/ share: a folder of their own, programs in it, and waiting with a
 * deadline.
 */
#define MS UINT64_C(1000000)
#define DEADLINE_NS (10000 * MS)

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_dir(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void make_dir(void)
{
	int null_fd;

	snprintf(dir, sizeof(dir), "/tmp/ajar-test-XXXXXX");
	if (!mkdtemp(dir))
		tap_skip_all("cannot make a folder in /tmp");
	atexit(remove_dir);
	null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null_fd >= 0) /* what hooks print goes to stderr: it is not part of the test's output */
		dup2(null_fd, STDERR_FILENO);
}

/* One static buffer: good until the next call. */
static inline const char *in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* A shell script, run in the folder. */
static inline const char *program(const char *name, const char *body)
{
	char text[2048];
	int n = snprintf(text, sizeof(text), "#!/bin/sh\ncd %s\n%s\n", dir, body);

	if (file_write_atomic(AT_FDCWD, in_dir(name), text, (size_t)n, 0755))
		printf("# cannot write %s\n", in_dir(name));
	return in_dir(name);
}

/* The file's bytes, or "" when there is none; one static buffer. */
static inline const char *content(const char *name)
{
	static struct buf b = BUF_INIT(8 << 20);

	buf_reset(&b);
	if (file_read(AT_FDCWD, in_dir(name), &b))
		return "";
	return buf_str(&b);
}

/* --- waiting ---------------------------------------------------------------------------------------- */

struct waiter {
	struct loop *loop;
	bool (*cond)(void *arg);
	void *arg;
	uint64_t until_ns;
	bool held;
};

static int on_wait(void *arg)
{
	struct waiter *w = arg;

	w->held = w->cond(w->arg);
	if (w->held || clock_boot_ns() > w->until_ns)
		loop_stop(w->loop);
	return 0;
}

/* Runs the loop until cond holds, at most DEADLINE_NS; the answer is whether it did. */
static inline bool run_until(struct loop *l, bool (*cond)(void *arg), void *arg)
{
	struct waiter w = {
		.loop = l, .cond = cond, .arg = arg, .until_ns = clock_boot_ns() + DEADLINE_NS
	};
	struct loop_source *timer = NULL;

	if (loop_add_timer(l, on_wait, &w, &timer) || loop_timer_set(timer, 1, 2 * MS))
		return false;
	if (loop_run(l))
		w.held = false;
	loop_remove(timer);
	return w.held;
}

/* Waits without the loop. */
static inline bool wait_until(bool (*cond)(void *arg), void *arg)
{
	const struct timespec pause = { .tv_nsec = 2 * (long)MS };
	uint64_t until = clock_boot_ns() + DEADLINE_NS;

	while (!cond(arg)) {
		if (clock_boot_ns() > until)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static inline bool has_content(void *name)
{
	return *content(name);
}

/* The process whose pid the file says is gone, or a zombie that nobody in this container reaps. */
static inline bool is_gone(void *name)
{
	struct buf b = BUF_INIT(4096);
	char path[64];
	bool gone;
	int pid = 0;

	if (sscanf(content(name), "%d", &pid) != 1)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	gone = file_read(AT_FDCWD, path, &b) || strstr(buf_str(&b), ") Z ");
	buf_done(&b);
	return gone;
}

#endif
