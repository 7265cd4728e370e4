/* SPDX-License-Identifier: GPL-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"

int file_read(int dirfd, const char *path, struct buf *b)
{
	_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	char chunk[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf_put(b, chunk, (size_t)n);
		if (b->err)
			return b->err;
	}
	return 0;
}

int file_write_all(int fd, const void *p, size_t n)
{
	const char *from = p;

	while (n) {
		ssize_t did = write(fd, from, n);

		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0)
			return -errno;
		from += did;
		n -= (size_t)did;
	}
	return 0;
}

static int sync_parent(int dirfd, const char *path)
{
	char copy[PATH_MAX];
	_close_ int fd = -1;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = openat(dirfd, dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_write_atomic(int dirfd, const char *path, const void *p, size_t n, mode_t mode)
{
	char tmp[PATH_MAX];
	_close_ int fd = -1;
	int err;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp%d", path, (int)getpid()) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	err = file_write_all(fd, p, n);
	if (!err && fsync(fd) < 0)
		err = -errno;
	if (!err && renameat(dirfd, tmp, dirfd, path) < 0)
		err = -errno;
	if (err) {
		unlinkat(dirfd, tmp, 0);
		return err;
	}
	return sync_parent(dirfd, path);
}

/*
 * mkdir -p for the last component only; an existing directory is fine; owner is set when running as
 * root.
 */
static int file_mkdir(int dirfd, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	if (mkdirat(dirfd, path, mode) < 0 && errno != EEXIST)
		return -errno;
	if (fstatat(dirfd, path, &st, 0) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (!geteuid() && (st.st_uid != uid || st.st_gid != gid) &&
	    fchownat(dirfd, path, uid, gid, 0) < 0)
		return -errno;
	return 0;
}

int file_mkdir_p(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	char copy[PATH_MAX];

	if (!*path)
		return -ENOENT;
	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return file_mkdir(AT_FDCWD, path, mode, uid, gid);
}

int file_is_named(int fd, int dirfd, const char *name)
{
	struct stat is, named;

	if (fstat(fd, &is) < 0)
		return -errno;
	if (!is.st_nlink)
		return 0;
	if (fstatat(dirfd, name, &named, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return named.st_ino == is.st_ino && named.st_dev == is.st_dev;
}

int file_lock(int fd)
{
	for (uint64_t since = clock_boot_ns(); flock(fd, LOCK_EX | LOCK_NB) < 0;) {
		if (errno != EWOULDBLOCK || clock_boot_ns() - since > FILE_PREDECESSOR_NS)
			return -errno;
		poll(NULL, 0, 20);
	}
	return 0;
}
