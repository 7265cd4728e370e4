/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who opened it: processes that are gone, renamed, unlinked or have no file before anybody can
 * look.
 */
#include <limits.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "witness.h"

extern char **environ;

static struct witness w;
static char helper[PATH_MAX];

/* Runs path as a child and returns its pid once it is gone; *ret_status is how it ended. */
static pid_t run(const char *path, const char *const argv[], int *ret_status)
{
	pid_t pid = fork();

	if (pid == 0) {
		execv(path, (char *const *)argv);
		_exit(126);
	}
	*ret_status = reap(pid);
	return pid;
}

static void brief(void)
{
	const char *argv[] = { helper, "plain", "two words", NULL };
	char want[PATH_MAX + 32];
	int status;
	pid_t pid = run(helper, argv, &status);
	const struct event *ev = witness_wait_pid(&w, EVENT_OPEN, pid);

	is_int(status, 0, "a process opens a door and is gone at once");
	if (!ok(ev, "its door is reported"))
		return;
	size_t len = (size_t)snprintf(want, sizeof(want), "%s%cplain%ctwo words", helper, 0, 0) + 1;
	ok(text_is(ev->opener.exe, helper), "with the whole path of its executable");
	ok(ev->opener.argv.len == len && !memcmp(ev->opener.argv.ptr, want, len),
	   "with its arguments, each ended by NUL");
	is_str(ev->opener.comm, "odd_door", "its name");
	bool clean = true;
	for (size_t i = strlen(ev->opener.comm); i < sizeof(ev->opener.comm); i++)
		clean &= !ev->opener.comm[i];
	ok(clean, "nothing is behind its end");
	is_int(ev->opener.ancestors[0].pid, getpid(), "its parent is this test");
	is_str(ev->opener.ancestors[0].comm, "test_owner", "by name");
	is_int(ev->opener.ancestors[1].pid, getppid(), "and the parent's parent follows");
	const struct event *end = witness_wait_pid(&w, EVENT_CLOSE, pid);
	ok(end && end->opener.pid == (uint32_t)pid && text_is(end->opener.exe, helper) &&
		   text_is(end->closer.exe, helper),
	   "its end names opener and closer, although it was closed by dying");
}

static void long_arguments(void)
{
	static char big[100001];
	const char *argv[] = { helper, "plain", big, NULL };
	int status;

	memset(big, 'a', sizeof(big) - 1);
	pid_t pid = run(helper, argv, &status);
	const struct event *ev = witness_wait_pid(&w, EVENT_OPEN, pid);
	ok(ev && ev->opener.argv_cut && ev->opener.argv.len == 1024,
	   "100 KB of arguments are cut to 1024 bytes, and it says so");
}

static void bad_name(void)
{
	const char *argv[] = { helper, "name", NULL };
	int status;
	pid_t pid = run(helper, argv, &status);
	const struct event *ev = witness_wait_pid(&w, EVENT_OPEN, pid);

	ok(ev && !strcmp(ev->opener.comm, "\033[31m\xff\nx"),
	   "a name of escapes is kept byte for byte");
}

static bool copy_file(const char *from, int to)
{
	_close_ int fd = open(from, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	for (off_t off = 0; off < st.st_size;) {
		if (sendfile(to, fd, &off, (size_t)(st.st_size - off)) <= 0)
			return false;
	}
	return true;
}

static void unlinked(void)
{
	char dir[] = "/tmp/ajar-test-XXXXXX", path[64], want[96];
	int status;

	if (!ok(mkdtemp(dir), "a folder for a copy"))
		return;
	snprintf(path, sizeof(path), "%s/gone", dir);
	snprintf(want, sizeof(want), "%s (deleted)", path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	bool copied = fd >= 0 && copy_file(helper, fd);
	close(fd);
	const char *argv[] = { path, "unlink", NULL };
	pid_t pid = run(path, argv, &status);
	const struct event *ev = witness_wait_pid(&w, EVENT_OPEN, pid);
	ok(copied && ev && text_is(ev->opener.exe, want),
	   "a program that unlinks itself is reported as deleted, with its old path");
	unlink(path);
	rmdir(dir);
}

static void in_memory(void)
{
	const char *argv[] = { "innocent", "plain", NULL };
	int fd = memfd_create("payload", MFD_CLOEXEC);
	bool copied = fd >= 0 && copy_file(helper, fd);
	pid_t pid = fork();

	if (pid == 0) {
		syscall(SYS_execveat, fd, "", (char *const *)argv, environ, AT_EMPTY_PATH);
		_exit(126);
	}
	int status = reap(pid);
	close(fd);
	const struct event *ev = witness_wait_pid(&w, EVENT_OPEN, pid);
	ok(copied && status == 0 && ev && text_is(ev->opener.exe, "/memfd:payload (deleted)"),
	   "a program without a file is reported as the memfd it is");
	ok(ev && ev->opener.argv.len > 9 && !memcmp(ev->opener.argv.ptr, "innocent", 9),
	   "whatever it calls itself");
}

/* A path of many components, near the kernel's limit. */
static void deep(void)
{
	char dir[] = "/tmp/ajar-test-XXXXXX", path[PATH_MAX], name[201];
	int status, depth = 0;

	if (!ok(mkdtemp(dir), "a folder for a deep path"))
		return;
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	size_t len = (size_t)snprintf(path, sizeof(path), "%s", dir);
	for (; len + 220 < 3800; depth++) {
		len += (size_t)snprintf(path + len, sizeof(path) - len, "/%s", name);
		if (mkdir(path, 0755) < 0)
			break;
	}
	snprintf(path + len, sizeof(path) - len, "/x");
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	bool copied = fd >= 0 && copy_file(helper, fd);
	close(fd);
	const char *argv[] = { "x", "plain", NULL };
	pid_t pid = run(path, argv, &status);
	const struct event *ev = witness_wait_pid(&w, EVENT_OPEN, pid);
	ok(copied && ev && text_is(ev->opener.exe, path) && !ev->opener.exe_cut,
	   "a path of %zu bytes is whole", strlen(path));
	unlink(path);
	while (depth-- > 0) {
		*strrchr(path, '/') = '\0';
		rmdir(path);
	}
	rmdir(dir);
}

/*
 * Where 32-bit emulation is off, int 0x80 is no call that fails: it is a fault that ends the
 * process.
 */
static bool no_compat(int status)
{
	return (WIFEXITED(status) && WEXITSTATUS(status) == 77) ||
	       (WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGSYS));
}

static void compat(void)
{
	const char *argv[] = { helper, "compat", NULL };
	int status;
	pid_t pid = run(helper, argv, &status);

	if (no_compat(status)) {
		tap_skip_machine(1, "32-bit system calls are off");
		return;
	}
	const struct event *ev = witness_wait_pid(&w, EVENT_OPEN, pid);
	ok(WIFEXITED(status) && !WEXITSTATUS(status) && ev && text_is(ev->opener.exe, helper),
	   "a door through int 0x80 is reported like any other");
}

/* One process, one owner record, however many doors. */
static void once(void)
{
	struct sensor_stats before, after;

	sensor_stats(w.s, &before);
	for (int i = 0; i < 50; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		uint64_t cookie = cookie_of(fd);

		bind_loopback(fd, AF_INET, 0);
		listen(fd, 1);
		close(fd);
		if (i == 49)
			ok(witness_wait(&w, EVENT_CLOSE, cookie), "fifty doors of one process");
	}
	sensor_stats(w.s, &after);
	ok(after.owners - before.owners < 25, "do not send its owner fifty times");
}

/*
 * All of it with a task as the kernel types it, then as kernels before 5.16 and RHEL before 9.1
 * give it: by address.
 */
static void owners(const struct sensor_opts *o, const char *how)
{
	printf("# the task %s\n", how);
	if (!ok(witness_open(&w, o), "the sensor opens"))
		return;
	brief();
	long_arguments();
	bad_name();
	unlinked();
	in_memory();
	deep();
	compat();
	once();
	witness_close(&w, true);
}

int main(int argc, char **argv)
{
	const char *build = getenv("BUILD");
	char path[PATH_MAX];

	(void)argc;
	if (geteuid())
		tap_skip_all("needs root");
	snprintf(path, sizeof(path), "%s/tests/helpers/odd_door", build ? build : "build");
	if (!realpath(path, helper)) {
		printf("# %s: no helper at %s\n", argv[0], path);
		ok(false, "the helper is built");
		return tap_done();
	}
	owners(&(struct sensor_opts){ 0 }, "by its type");
	owners(&(struct sensor_opts){ .untyped = true }, "by address");
	return tap_done();
}
