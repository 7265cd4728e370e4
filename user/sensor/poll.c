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
	unsigned missed;
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
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) {
		/* Else it is gone. */
		if (errno == EPERM || errno == EACCES)
			l->missed |= POLL_NETNS_SHUT;
		return 0;
	}
	int err = diag_doors(netns, add_holder, l);
	/* Sockets made from now on would be elsewhere: nothing may go on after this. */
	return setns(l->own, CLONE_NEWNET) < 0 ? -errno : err;
}

int poll_doors(bool own_only, uint32_t netns_max, poll_fn fn, void *arg, unsigned *ret_missed)
{
	_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct looking l = { .own = own, .own_only = own_only, .fn = fn, .arg = arg };
	struct stat st;

	if (own < 0 || fstat(own, &st) < 0)
		return -errno;
	l.own_ino = (uint32_t)st.st_ino;
	int err = holders_read(netns_max, &l.holders);
	if (err)
		return err;
	err = holders_each_netns(l.holders, look, &l);
	if (holders_more_netns(l.holders) && !own_only)
		l.missed |= POLL_NETNS_MORE;
	holders_free(l.holders);
	*ret_missed = l.missed;
	return err;
}
