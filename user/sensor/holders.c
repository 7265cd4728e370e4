/* SPDX-License-Identifier: GPL-2.0 */
/* Who holds which socket, by /proc/PID/fd, as far as we may look. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/map.h"
#include "base/parse.h"
#include "sensor/poll.h"

#define HELD_MAX (1u << 20)

struct socket_holders {
	struct map *by_inode; /* struct ajar_actor */
	struct map *netns; /* by inode: uint32_t, a process in it */
	uint32_t netns_max;
	bool more_netns;
};

void holders_free(struct socket_holders *h)
{
	if (!h)
		return;
	map_free(h->by_inode);
	map_free(h->netns);
	free(h);
}

/* "Name:\tVALUE ..." of /proc/PID/status. */
static uint32_t status_field(const char *status, const char *name)
{
	const char *p = strstr(status, name);
	unsigned v = UINT32_MAX;

	if (p && sscanf(p + strlen(name), "%u", &v) != 1)
		v = UINT32_MAX;
	return v;
}

static uint32_t number_file(int dir, const char *name)
{
	struct buf b = BUF_INIT(32);
	uint32_t v = UINT32_MAX;

	if (file_read(dir, name, &b) || parse_u32(buf_str(&b), &v))
		v = UINT32_MAX;
	buf_done(&b);
	return v;
}

/* Field 22 of /proc/PID/stat, in the clock ticks that deliver.c compares. */
static uint64_t start_ns(int dir)
{
	struct buf b = BUF_INIT(4096);
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	unsigned long long ticks = 0;
	const char *p = NULL;

	if (file_read(dir, "stat", &b) == 0)
		p = strrchr(buf_str(&b), ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p + 1, "%20llu", &ticks) != 1)
		ticks = 0;
	buf_done(&b);
	return ticks * (1000000000 / hz);
}

/* Another one when it runs another program; 0: we may not look. */
static uint32_t exe_id(int dir)
{
	struct stat st;

	if (fstatat(dir, "exe", &st, 0) < 0)
		return 0;
	return (uint32_t)(st.st_ino ^ st.st_ino >> 32) ^ (uint32_t)st.st_dev << 16;
}

static int read_actor(int dir, uint32_t pid, struct ajar_actor *a)
{
	struct buf b = BUF_INIT(16384);
	int err = file_read(dir, "status", &b);

	if (err) {
		buf_done(&b);
		return err;
	}
	*a = (struct ajar_actor){ .owner = { .start_ns = start_ns(dir), .tgid = pid }, .tid = pid };
	a->owner.exec_id = exe_id(dir);
	a->uid = status_field(buf_str(&b), "\nUid:");
	a->gid = status_field(buf_str(&b), "\nGid:");
	a->loginuid = number_file(dir, "loginuid");
	a->session = number_file(dir, "sessionid");
	buf_reset(&b);
	if (file_read(dir, "comm", &b) == 0)
		memcpy(a->comm, buf_str(&b), strcspn(buf_str(&b), "\n") % sizeof(a->comm));
	buf_done(&b);
	return 0;
}

static int open_process(uint32_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

int holders_actor(uint32_t pid, struct ajar_actor *ret, uint32_t *ret_netns)
{
	_close_ int dir = open_process(pid);
	struct stat st;

	if (dir < 0)
		return dir;
	*ret_netns = fstatat(dir, "ns/net", &st, 0) < 0 ? 0 : (uint32_t)st.st_ino;
	return read_actor(dir, pid, ret);
}

static int take_held(struct socket_holders *h, uint64_t inode, const struct ajar_actor *a)
{
	struct ajar_actor *have = map_get(h->by_inode, &inode, sizeof(inode));

	if (have) {
		if (a->owner.start_ns < have->owner.start_ns)
			*have = *a;
		return 0;
	}
	if (map_size(h->by_inode) >= HELD_MAX)
		return -E2BIG;
	have = malloc(sizeof(*have));
	if (!have)
		return -ENOMEM;
	*have = *a;
	int err = map_put(h->by_inode, &inode, sizeof(inode), have);
	if (err)
		free(have);
	return err;
}

static int read_fds(struct socket_holders *h, int dir, uint32_t pid)
{
	int fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct ajar_actor actor;
	bool known = false;
	struct dirent *e;

	if (!d) {
		close_fd(&fd);
		return 0;
	}
	while (!err && (e = readdir(d))) {
		unsigned long long inode;
		char to[64];
		ssize_t n = readlinkat(fd, e->d_name, to, sizeof(to) - 1);

		if (n <= 0)
			continue;
		to[n] = '\0';
		if (sscanf(to, "socket:[%20llu]", &inode) != 1)
			continue;
		if (!known && read_actor(dir, pid, &actor))
			break;
		known = true;
		err = take_held(h, inode, &actor);
	}
	closedir(d);
	return err;
}

static int read_netns(struct socket_holders *h, int dir, uint32_t pid)
{
	struct stat st;
	uint32_t *p;

	if (fstatat(dir, "ns/net", &st, 0) < 0)
		return 0;
	uint64_t ino = st.st_ino;
	if (map_get(h->netns, &ino, sizeof(ino)))
		return 0;
	if (map_size(h->netns) >= h->netns_max) {
		h->more_netns = true;
		return 0;
	}
	p = malloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = pid;
	int err = map_put(h->netns, &ino, sizeof(ino), p);
	if (err)
		free(p);
	return err;
}

static int read_all(struct socket_holders *h)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (e = readdir(proc))) {
		uint32_t pid;

		if (parse_u32(e->d_name, &pid))
			continue;
		_close_ int dir =
			openat(dirfd(proc), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		/* It has ended meanwhile. */
		if (dir < 0)
			continue;
		err = read_netns(h, dir, pid);
		if (!err)
			err = read_fds(h, dir, pid);
	}
	closedir(proc);
	return err;
}

/* Our own namespace is among those that there is room for. */
static int read_own_netns(struct socket_holders *h)
{
	_close_ int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return self < 0 ? -errno : read_netns(h, self, (uint32_t)getpid());
}

static int new_holders(uint32_t netns_max, struct socket_holders **ret_h)
{
	struct socket_holders *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->netns_max = netns_max;
	int err = map_new(free, &h->by_inode);
	if (!err)
		err = map_new(free, &h->netns);
	if (err) {
		holders_free(h);
		return err;
	}
	*ret_h = h;
	return 0;
}

int holders_read(uint32_t netns_max, struct socket_holders **ret_h)
{
	struct socket_holders *h = NULL;
	int err = new_holders(netns_max, &h);

	if (err)
		return err;
	err = read_own_netns(h);
	if (!err)
		err = read_all(h);
	if (err) {
		holders_free(h);
		return err;
	}
	*ret_h = h;
	return 0;
}

int holders_of(uint32_t pid, struct socket_holders **ret_h)
{
	struct socket_holders *h = NULL;
	_close_ int dir = open_process(pid);
	int err = dir < 0 ? dir : new_holders(1, &h);

	if (err)
		return err;
	err = read_netns(h, dir, pid);
	if (!err)
		err = read_fds(h, dir, pid);
	if (err) {
		holders_free(h);
		return err;
	}
	*ret_h = h;
	return 0;
}

const struct ajar_actor *holders_find(const struct socket_holders *h, uint64_t inode)
{
	return inode ? map_get(h->by_inode, &inode, sizeof(inode)) : NULL;
}

bool holders_more_netns(const struct socket_holders *h)
{
	return h->more_netns;
}

struct each {
	int (*fn)(uint32_t netns, uint32_t pid, void *arg);
	void *arg;
	int err;
};

static bool each_one(const void *key, size_t len, void *value, void *arg)
{
	struct each *e = arg;
	uint64_t ino;

	(void)len;
	memcpy(&ino, key, sizeof(ino));
	if (!e->err)
		e->err = e->fn((uint32_t)ino, *(const uint32_t *)value, e->arg);
	return false;
}

int holders_each_netns(struct socket_holders *h, int (*fn)(uint32_t netns, uint32_t pid, void *arg),
		       void *arg)
{
	struct each e = { .fn = fn, .arg = arg };

	map_each(h->netns, each_one, &e);
	return e.err;
}
