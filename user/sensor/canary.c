/* SPDX-License-Identifier: GPL-2.0 */
/*
 * "Attached" is not "fires": links on a dying cgroup and programs that another tool has overridden
 * look healthy. So doors are opened and closed here, and the kernel's table must follow. The hooks
 * run inside the calls: there is nothing to wait for.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>

#include "sensor/internal.h"

/* Kernels before 5.19 do not let an unprivileged process ask: negative errno. */
static int in_table(struct sensor *s, uint64_t cookie)
{
	struct ajar_door_state st;

	if (bpf_map_lookup_elem(s->h.maps[MAP_DOORS], &cookie, &st) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

/* Opens a loopback door of the type; *ret_cookie names it. */
static int open_door(int type, int *ret_fd, uint64_t *ret_cookie)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	_close_ int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*ret_cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, ret_cookie, &len) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		return -errno;
	if (type == SOCK_STREAM && listen(fd, 1) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

static int try_door(struct sensor *s, int type, uint64_t *canary, char **ret_why)
{
	const char *what = type == SOCK_STREAM ? "TCP" : "UDP";
	uint64_t cookie = 0;
	int fd = -1, err = open_door(type, &fd, &cookie);

	/* No loopback to test with says nothing of the sensor. */
	if (err)
		return 0;
	*canary = cookie;
	int opened = in_table(s, cookie);
	close(fd);
	if (opened < 0)
		return 0;
	if (!opened)
		return why(
			ret_why, -ENODATA,
			"the hooks are attached but a %s door of our own was not reported: is the "
			"cgroup v2 mount the root? see 'findmnt -t cgroup2'",
			what);
	if (in_table(s, cookie) > 0)
		return why(ret_why, -ENODATA,
			   "the hooks are attached but the end of a %s door of our own was not "
			   "reported: "
			   "'bpftool cgroup tree' shows what else is attached",
			   what);
	return 0;
}

int canary_run(struct sensor *s, char **ret_why)
{
	int err = try_door(s, SOCK_STREAM, &s->canaries[0], ret_why);

	if (err || s->h.links[HOOK_POST_BIND4] < 0)
		return err;
	return try_door(s, SOCK_DGRAM, &s->canaries[1], ret_why);
}

int sensor_try(struct sensor *s)
{
	return s->h.tier == TIER_POLL ? 0 : canary_run(s, NULL);
}
