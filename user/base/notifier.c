/* SPDX-License-Identifier: GPL-2.0 */
#include "base/notifier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

int notifier_open(int dirfd, const char *name, int *ret_fd)
{
	int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int notifier_notify(int fd)
{
	uint64_t count = 0;

	if (pread(fd, &count, sizeof(count), 0) < 0)
		return -errno;
	count++;
	if (pwrite(fd, &count, sizeof(count), 0) == (ssize_t)sizeof(count))
		return 0;
	/*
	 * A disk so full that a new notifier has no block: its time can still be changed, which
	 * notifies as well.
	 */
	if (futimens(fd, NULL) < 0)
		return -errno;
	return 0;
}

/* inotify takes paths only; the one of an fd needs no knowledge of where dirfd is. */
static int watch(int inotify, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (inotify_add_watch(inotify, path, IN_MODIFY | IN_ATTRIB) < 0)
		return -errno;
	return 0;
}

int notifier_listen(int dirfd, const char *name, int *ret_fd)
{
	_close_ int file = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_close_ int inotify = -1;
	int err;

	if (file < 0 && errno == ENOENT) {
		err = notifier_open(dirfd, name, &file);
		if (err)
			return err;
	}
	if (file < 0)
		return -errno;
	inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (inotify < 0)
		return -errno;
	err = watch(inotify, file);
	if (err)
		return err;
	*ret_fd = take_fd(inotify);
	return 0;
}

void notifier_clear(int fd)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	/* Equal events fold in the kernel, so this is one read, and a second that finds nothing. */
	for (int i = 0; i < 64 && read(fd, events, sizeof(events)) > 0; i++)
		;
}
