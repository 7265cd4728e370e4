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
	bool own_only, tcp_only;
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
	else if (l->tcp_only)
		return 0;
	return l->fn(&whole, l->arg);
}

static int dump(struct looking *l, uint32_t netns)
{
	return (l->tcp_only ? diag_listeners : diag_doors)(netns, add_holder, l);
}

static int look(uint32_t netns, uint32_t pid, void *arg)
{
	struct looking *l = arg;
	char path[64];

	if (netns == l->own_ino)
		return dump(l, netns);
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
	int err = dump(l, netns);
	/* Sockets made from now on would be elsewhere: nothing may go on after this. */
	return setns(l->own, CLONE_NEWNET) < 0 ? -errno : err;
}

/* Frees l->holders. */
static int look_at_all(struct looking *l)
{
	_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct stat st;
	int err = own < 0 || fstat(own, &st) < 0 ? -errno : 0;

	if (!err) {
		l->own = own;
		l->own_ino = (uint32_t)st.st_ino;
		err = holders_each_netns(l->holders, look, l);
	}
	if (holders_more_netns(l->holders) && !l->own_only)
		l->missed |= POLL_NETNS_MORE;
	holders_free(l->holders);
	return err;
}

int poll_doors(bool own_only, uint32_t netns_max, poll_fn fn, void *arg, unsigned *ret_missed)
{
	struct looking l = { .own_only = own_only, .fn = fn, .arg = arg };
	int err = holders_read(netns_max, &l.holders);

	if (err)
		return err;
	err = look_at_all(&l);
	*ret_missed = l.missed;
	return err;
}

int poll_listeners_of(bool own_only, uint32_t pid, poll_fn fn, void *arg)
{
	struct looking l = { .own_only = own_only, .tcp_only = true, .fn = fn, .arg = arg };
	int err = holders_of(pid, &l.holders);

	return err ? err : look_at_all(&l);
}
