/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/executables.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "core/event.h"
#include "core/holders.h"
#include "fixtures.h"
#include "tap.h"

#define LIMIT_NS UINT64_C(60000000000) /* the machine may be busy */

static char made[] = "/tmp/ajar-executables-XXXXXX", dir[4096];
static struct loop *loop;
static struct executables *x;
static bool is_ready;

static void on_ready(void *arg)
{
	(void)arg;
	is_ready = true;
	loop_stop(loop);
}

static int on_limit(void *arg)
{
	(void)arg;
	loop_stop(loop);
	return 0;
}

static bool wait_ready(void)
{
	struct loop_source *limit = NULL;

	is_ready = false;
	if (loop_add_timer(loop, on_limit, NULL, &limit) || loop_timer_set(limit, LIMIT_NS, 0) ||
	    loop_run(loop))
		return false;
	loop_remove(limit);
	return is_ready;
}

static bool begin(void)
{
	const struct executables_opts o = { .dpkg_dir = dir,
					    .every_ns = 1000000,
					    .ready = on_ready };

	return !loop_new(&loop) && !executables_new(loop, &o, &x);
}

static void end(void)
{
	executables_free(take_ptr(x));
	loop_free(take_ptr(loop));
}

static const char *path(const char *name)
{
	static char p[4200];

	snprintf(p, sizeof(p), "%s/%s", dir, name);
	return p;
}

static void put(const char *name, const char *bytes)
{
	char new[4200];
	int fd;

	snprintf(new, sizeof(new), "%s/new", dir);
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (fd < 0 || write(fd, bytes, strlen(bytes)) != (ssize_t)strlen(bytes))
		ok(false, "made %s", name);
	close(fd);
	if (rename(new, path(name)))
		ok(false, "named %s", name);
}

static struct process process_of(const char *exe, uint32_t uid, uint64_t start_ns)
{
	return (struct process){ .known = true,
				 .pid = 7,
				 .exe = text_of(exe),
				 .uid = uid,
				 .start_ns = start_ns,
				 .space = SPACE_KNOWN,
				 .container_state = PLACE_NONE };
}

static void opened(const char *exe, uint32_t uid, uint64_t start_ns)
{
	const struct event ev = { .kind = EVENT_OPEN, .opener = process_of(exe, uid, start_ns) };

	executables_note(x, &ev);
}

/* How many are told now, and the last of them. */
static unsigned told(char *last, struct exe_file *f)
{
	struct executable_report r;
	unsigned n = 0;

	for (; executables_next(x, &r); n++) {
		if (last)
			snprintf(last, 4200, "%.*s", (int)r.path.len, r.path.ptr);
		if (f)
			*f = *r.file;
		executables_told(x);
	}
	return n;
}

static void test_one(void)
{
	uint64_t now = clock_wall_ns() + 10 * UINT64_C(1000000000);
	char last[4200] = "";
	struct exe_file f = { 0 };
	struct stat st;

	put("prog", "abc");
	opened(path("prog"), 0, now);
	ok(wait_ready(), "what opens a door is looked at");
	is_int(told(last, &f), 1, "and told once");
	is_str(last, path("prog"), "by its path");
	ok(f.state == EXE_FILE_READ && f.hashed && f.size == 3, "with its digest");
	is_int(f.listed, EXE_LISTED_UNKNOWN, "without a database of packages nobody knows its one");
	ok(!stat(path("prog"), &st) && st.st_ino == f.ino, "it is that file");
	put("marker", "x");
	opened(path("prog"), 0, now);
	opened(path("marker"), 0, now);
	ok(wait_ready(), "another one");
	is_int(told(last, NULL), 1, "is told, the first is no news");
	is_str(last, path("marker"), "it alone");
	put("prog", "xyz");
	executables_recheck(x);
	ok(wait_ready(), "a file that was replaced is found when all are looked at again");
	is_int(told(last, &f), 1, "and told");
	is_str(last, path("prog"), "it alone");
	is_int(f.state, EXE_FILE_READ, "read anew");
	is_int(executables_count(x), 2, "two are remembered");
	is_int(executables_dropped(x), 0, "none was dropped");
}

static void test_newer(void)
{
	struct exe_file f = { 0 };

	put("late", "abc");
	opened(path("late"), 0, 1000000000);
	ok(wait_ready() && told(NULL, &f) == 1,
	   "a file that was written after the program started");
	is_int(f.state, EXE_FILE_NEWER, "is not taken for what runs");
	ok(f.hashed, "though its digest is known");
	opened(path("late"), 0, clock_wall_ns() + 10 * UINT64_C(1000000000));
	ok(wait_ready() && told(NULL, &f) == 1, "started again");
	is_int(f.state, EXE_FILE_READ, "it is");
}

/* Who must not be looked at here. */
static void test_others(void)
{
	struct process p[8];
	struct event ev = { .kind = EVENT_OPEN };
	const char *why = NULL;

	for (size_t i = 0; i < array_len(p); i++)
		p[i] = process_of("/usr/bin/prog", 0, 1);
	p[0].container_state = PLACE_IN;
	p[1].space |= SPACE_FILE;
	p[2].space |= SPACE_EXE;
	p[3].exe = text_of("/memfd:x (deleted)");
	p[4].exe = text_of("/usr/bin/prog (deleted)");
	p[5].exe_cut = true;
	p[6].kernel = true;
	p[7].exe = (struct text){ 0 };
	for (size_t i = 0; i < array_len(p); i++) {
		why = NULL;
		ok(!exe_file_is_the_nodes(&p[i], &why) && why, "not looked at: %s",
		   why ? why : "?");
		ev.opener = p[i];
		executables_note(x, &ev);
	}
	ev.kind = EVENT_CLOSE;
	ev.opener = process_of("/usr/bin/prog", 0, 1);
	executables_note(x, &ev);
	is_int(executables_count(x), 0, "none of them is remembered, nor who closes a door");
}

static void test_holder(void)
{
	_cleanup_(buf_done) struct buf list = BUF_INIT(HOLDERS_BYTES_MAX);
	struct event ev = { .kind = EVENT_HELD, .holders.known = true };
	char last[4200] = "";
	struct process p;

	put("holder", "abc");
	p = process_of(path("holder"), 0, clock_wall_ns());
	ok(holders_put(&ev.holders, &list, &p), "a door is held");
	executables_note(x, &ev);
	ok(wait_ready() && told(last, NULL) == 1, "who holds it is looked at");
	is_str(last, path("holder"), "by its path");
}

/* Many programs of one user, which do not push out what root has. */
static void test_flood(void)
{
	char name[4300];
	unsigned n = 0;

	put("prog", "abc");
	opened(path("prog"), 0, clock_wall_ns());
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%s/none%u", dir, i);
		opened(name, 1000, 1);
	}
	is_int(executables_count(x), EXECUTABLES_USERS_MAX + 1,
	       "so many are remembered, and root's");
	is_int(executables_dropped(x), 20000 - EXECUTABLES_USERS_MAX, "the others are counted");
	for (bool more = true; more && n < EXECUTABLES_USERS_MAX + 1; n += told(NULL, NULL))
		more = wait_ready();
	is_int(n, EXECUTABLES_USERS_MAX + 1, "those that are remembered are looked at");
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "%s/other%u", dir, i);
		opened(name, 0, 1);
	}
	is_int(executables_count(x), EXECUTABLES_ROOT_MAX + EXECUTABLES_USERS_MAX,
	       "and so many of root's");
}

int main(void)
{
	static void (*const tests[])(void) = { test_one, test_newer, test_others, test_holder,
					       test_flood };
	static const char *const names[] = { "prog", "marker", "late", "holder" };

	if (!mkdtemp(made) || !realpath(made, dir))
		return 1;
	for (size_t i = 0; i < array_len(tests); i++) {
		if (ok(begin(), "begun"))
			tests[i]();
		end();
	}
	for (size_t i = 0; i < array_len(names); i++)
		unlink(path(names[i]));
	rmdir(dir);
	return tap_done();
}
