/* SPDX-License-Identifier: GPL-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "tap.h"

static int dir = -1;

static void test_whole_or_not_at_all(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(64), small = BUF_INIT(4);
	struct stat st;

	is_int(file_write_atomic(dir, "f", "first", 5, 0640), 0, "a file is written");
	is_int(file_write_atomic(dir, "f", "second", 6, 0600), 0, "and written over");
	is_int(file_read(dir, "f", &b), 0, "it is read");
	is_str(buf_str(&b), "second", "as it was written last");
	ok(!fstatat(dir, "f", &st, 0) && (st.st_mode & 0777) == 0600,
	   "with the mode that was asked for");
	is_int(file_read(dir, "f", &small), -E2BIG, "what does not fit is refused");
	is_int(file_read(dir, "none", &b), -ENOENT, "what is not there is not read");
	is_int(mkdirat(dir, "d", 0755), 0, "where a folder has the name");
	ok(file_write_atomic(dir, "d", "x", 1, 0600) < 0, "nothing is written");
	is_int(unlinkat(dir, "d", AT_REMOVEDIR), 0, "and the folder stays");
	is_int(unlinkat(dir, "f", 0), 0, "nothing temporary");
}

static void test_folders(const char *top)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/a/b/c", top);
	is_int(file_mkdir_p(path, 0700, geteuid(), getegid()), 0, "folders in folders are made");
	ok(!stat(path, &st) && (st.st_mode & 0777) == 0700, "the last one with its mode");
	is_int(file_mkdir_p(path, 0700, geteuid(), getegid()), 0, "what is there already is fine");
	is_int(file_mkdir_p("", 0700, geteuid(), getegid()), -ENOENT, "no name is no folder");
	ok(!unlinkat(dir, "a/b/c", AT_REMOVEDIR) && !unlinkat(dir, "a/b", AT_REMOVEDIR) &&
		   !unlinkat(dir, "a", AT_REMOVEDIR),
	   "and nothing else was made");
}

/* Holds the lock until it is told to go. */
static pid_t hold(int *ret_told)
{
	int told[2], ready[2];
	char c;
	pid_t pid;

	if (pipe(told) || pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		_close_ int fd = openat(dir, "l", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		close(told[1]);
		if (file_lock(fd) || write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(told[0], &c, 1) ? 1 : 0);
	}
	close(told[0]);
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		pid = -1;
	close(ready[0]);
	*ret_told = told[1];
	return pid;
}

static void test_lock(void)
{
	_close_ int told = -1;
	pid_t pid = hold(&told);
	_close_ int fd = openat(dir, "l", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ok(pid > 0 && fd >= 0, "somebody holds a lock");
	is_int(file_lock(fd), -EWOULDBLOCK, "who waits long enough is told");
	close_fd(&told);
	is_int(file_lock(fd), 0, "when the holder goes it is ours");
	is_int(waitpid(pid, NULL, 0), pid, "and the holder has gone");
	is_int(file_lock(-1), -EBADF, "a descriptor that is none is an error at once");
	is_int(unlinkat(dir, "l", 0), 0, "the file is left to us");
}

static void test_names(const char *top)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/n", top);
	ok(!mkdirat(dir, "n", 0700), "a folder with a name");
	fd = openat(dir, "n", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	is_int(file_is_named(fd, dir, "n"), 1, "the name leads to it");
	is_int(file_is_named(fd, AT_FDCWD, path), 1, "and a longer one");
	is_int(file_is_named(fd, dir, "m"), 0, "what nothing is called does not");
	ok(!renameat(dir, "n", dir, "m") && !mkdirat(dir, "n", 0700), "it has another one now");
	is_int(file_is_named(fd, dir, "n"), 0, "the first leads elsewhere");
	is_int(file_is_named(fd, dir, "m"), 1, "the second to it");
	ok(!unlinkat(dir, "m", AT_REMOVEDIR), "it is removed");
	is_int(file_is_named(fd, -1, "m"), 0, "which it says itself, whatever may be looked at");
	is_int(file_is_named(-1, dir, "n"), -EBADF, "a descriptor that is none is an error");
	close_fd(&fd);
	ok(!unlinkat(dir, "n", AT_REMOVEDIR), "the other is left to us");
}

int main(void)
{
	char top[] = "/tmp/ajar-file-XXXXXX";

	ok(mkdtemp(top) != NULL, "a folder");
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_whole_or_not_at_all();
	test_folders(top);
	test_lock();
	test_names(top);
	close_fd(&dir);
	is_int(rmdir(top), 0, "nothing is left in it");
	return tap_done();
}
