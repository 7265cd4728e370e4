/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/poll.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct looking {
	struct socket_holders *holders;
	int own; /* our network namespace, to come back to */
	uint32_t own_ino;
	bool own_only;
	poll_fn fn;
	void *arg;
};

static int add_holder(const struct ajar_open *seen, void *arg)
{
	struct looking *l = arg;
	struct ajar_open whole = *seen;
	const struct ajar_actor *a = holders_find(l->holders, seen->door.inode);

	if (a)
		whole.opener = *a;
	return l->fn(&whole, l->arg);
}

static int look(uint32_t netns, uint32_t pid, void *arg)
{
	struct looking *l = arg;
	char path[64];

	if (netns == l->own_ino)
		return diag_doors(netns, add_holder, l);
	if (l->own_only)
		return 0;
	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	/* It is gone, or we may not: that namespace is not seen. */
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		return 0;
	int err = diag_doors(netns, add_holder, l);
	/* Sockets made from now on would be elsewhere: nothing may go on after this. */
	return setns(l->own, CLONE_NEWNET) < 0 ? -errno : err;
}

int poll_doors(bool own_only, poll_fn fn, void *arg)
{
	_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct looking l = { .own = own, .own_only = own_only, .fn = fn, .arg = arg };
	struct stat st;

	if (own < 0 || fstat(own, &st) < 0)
		return -errno;
	l.own_ino = (uint32_t)st.st_ino;
	int err = holders_read(&l.holders);
	if (!err)
		err = holders_each_netns(l.holders, look, &l);
	holders_free(l.holders);
	return err;
}
