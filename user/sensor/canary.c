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
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "sensor/internal.h"

/* Kernels before 5.19 do not let an unprivileged process ask: negative errno. */
static int in_table(struct sensor *s, uint64_t cookie)
{
	struct ajar_door_state st;

	if (bpf_map_lookup_elem(s->h.maps[MAP_DOORS], &cookie, &st) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

struct canary {
	int family, type;
	enum hook_id hook; /* that tells of it in tier A */
	const char *what;
};

static const struct canary canaries[SENSOR_CANARIES] = {
	{ AF_INET, SOCK_STREAM, HOOK_LISTEN, "TCP" },
	{ AF_INET6, SOCK_STREAM, HOOK_LISTEN, "TCP on IPv6" },
	{ AF_INET, SOCK_DGRAM, HOOK_POST_BIND4, "UDP" },
	{ AF_INET6, SOCK_DGRAM, HOOK_POST_BIND6, "UDP on IPv6" },
};

/* Opens such a door on the loopback; *ret_cookie names it. */
static int open_door(const struct canary *c, int *ret_fd, uint64_t *ret_cookie)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	_close_ int fd = socket(c->family, c->type | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*ret_cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, ret_cookie, &len) < 0)
		return -errno;
	if (c->family == AF_INET ? bind(fd, (const struct sockaddr *)&v4, sizeof(v4))
				 : bind(fd, (const struct sockaddr *)&v6, sizeof(v6)))
		return -errno;
	if (c->type == SOCK_STREAM && listen(fd, 1) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

/* Doors that found no room in the table. */
static uint64_t no_room(const struct sensor *s)
{
	return s->ctl ? __atomic_load_n(&s->ctl->doors_full, __ATOMIC_ACQUIRE) : 0;
}

static int try_door(struct sensor *s, const struct canary *c, uint64_t *canary, char **ret_why)
{
	uint64_t cookie = 0, full = no_room(s);
	int fd = -1, err = open_door(c, &fd, &cookie);

	/* No loopback to test with says nothing of the sensor. */
	if (err)
		return 0;
	*canary = cookie;
	int opened = in_table(s, cookie);
	close(fd);
	if (opened < 0)
		return 0;
	/* It found no room there, which says nothing of the hooks. */
	if (!opened && no_room(s) != full)
		return 0;
	if (!opened)
		return why(
			ret_why, -ENODATA,
			"the hooks are attached but a %s door of our own was not reported: is the "
			"cgroup v2 mount the root? see 'findmnt -t cgroup2'",
			c->what);
	if (in_table(s, cookie) > 0)
		return why(ret_why, -ENODATA,
			   "the hooks are attached but the end of a %s door of our own was not "
			   "reported: "
			   "'bpftool cgroup tree' shows what else is attached",
			   c->what);
	return 0;
}

/* Records that the kernel side has numbered. */
static uint64_t produced(const struct sensor *s)
{
	int cpus = s->cpus ? (int)s->cpus_len : libbpf_num_possible_cpus();
	struct ajar_cpu cpu;
	uint64_t sum = 0;

	for (uint32_t i = 0; cpus > 0 && i < (uint32_t)cpus; i++) {
		if (s->cpus)
			sum += __atomic_load_n(&s->cpus[i].produced, __ATOMIC_ACQUIRE);
		else if (bpf_map_lookup_elem(s->h.maps[MAP_CPUS], &i, &cpu) == 0)
			sum += cpu.produced;
	}
	return sum;
}

/* Where there is no table: the tracepoint must be met by a door, and by its end. */
static int run_bare(struct sensor *s, char **ret_why)
{
	uint64_t before = produced(s), seen;
	int fd = -1;

	s->canary_from_ns = clock_boot_ns();
	/* No loopback to test with says nothing of the sensor. */
	if (open_door(&canaries[0], &fd, &s->canaries[0]))
		return 0;
	close(fd);
	s->canary_until_ns = clock_boot_ns();
	seen = produced(s) - before;
	return seen >= 2 ? 0
			 : why(ret_why, -ENODATA,
			       "the tracepoint of TCP states is attached but a door of our own was "
			       "not reported");
}

int canary_run(struct sensor *s, char **ret_why)
{
	int err = 0;

	if (s->h.tier == TIER_BARE)
		return run_bare(s, ret_why);

	for (size_t i = 0; !err && i < SENSOR_CANARIES; i++) {
		if (s->h.links[canaries[i].hook] >= 0)
			err = try_door(s, &canaries[i], &s->canaries[i], ret_why);
	}
	return err;
}

int sensor_try(struct sensor *s)
{
	return s->h.tier == TIER_POLL ? 0 : canary_run(s, NULL);
}

bool canary_is(const struct sensor *s, uint64_t cookie)
{
	for (size_t i = 0; i < array_len(s->canaries); i++) {
		if (s->canaries[i] && s->canaries[i] == cookie)
			return true;
	}
	return false;
}
