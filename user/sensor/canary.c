/* SPDX-License-Identifier: GPL-2.0 */
/*
 * "Attached" is not "fires": links on a dying cgroup and programs that another tool has overridden
 * look healthy. So doors are opened and closed here, and the kernel's table must follow. The hooks
 * run inside the calls: there is nothing to wait for. Hooks that are left at our own cgroup alone
 * see these, so a process in another one opens the same.
 */
#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "sensor/internal.h"
#include "sensor/leaf.h"
#include "sensor/own_door.h"

/* Kernels before 5.19 do not let an unprivileged process ask: negative errno. */
static int in_table(struct sensor *s, uint64_t cookie)
{
	struct ajar_door_state st;

	if (bpf_map_lookup_elem(s->h.maps[MAP_DOORS], &cookie, &st) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

/* A door of ours that is open: in our own cgroup, or the process's in another one. */
struct opened {
	struct leaf *leaf; /* NULL: our own */
	int fd;
};

static const char *where(const struct opened *o)
{
	return o->leaf ? " in another cgroup" : "";
}

static int open_one(struct opened *o, unsigned i, uint64_t *ret_cookie)
{
	return o->leaf ? leaf_open(o->leaf, i, ret_cookie)
		       : own_door_open(&own_doors[i], &o->fd, ret_cookie);
}

static int close_one(struct opened *o)
{
	if (o->leaf)
		return leaf_close(o->leaf);
	close_fd(&o->fd);
	return 0;
}

/* Doors that found no room in the table. */
static uint64_t no_room(const struct sensor *s)
{
	return s->ctl ? __atomic_load_n(&s->ctl->doors_full, __ATOMIC_ACQUIRE) : 0;
}

/* That no door can be opened or closed says nothing of the sensor: no loopback to test with. */
static int try_door(struct sensor *s, struct leaf *leaf, unsigned i, char **ret_why)
{
	struct opened o = { .leaf = leaf, .fd = -1 };
	uint64_t cookie = 0, full = no_room(s);
	const char *what = own_doors[i].what;
	int err = open_one(&o, i, &cookie);

	if (err)
		return err == -EPIPE && leaf ? -EPIPE : 0;
	s->canaries[leaf ? OWN_DOORS + i : i] = cookie;
	int opened = in_table(s, cookie);
	err = close_one(&o);
	if (opened < 0 || err)
		return err == -EPIPE ? -EPIPE : 0;
	/* It found no room there, which says nothing of the hooks. */
	if (!opened && no_room(s) != full)
		return 0;
	if (!opened)
		return why(ret_why, -ENODATA,
			   "the hooks are attached but a %s door of our own%s was not reported: is "
			   "the "
			   "cgroup v2 mount the root? see 'findmnt -t cgroup2'",
			   what, where(&o));
	if (in_table(s, cookie) > 0)
		return why(ret_why, -ENODATA,
			   "the hooks are attached but the end of a %s door of our own%s was not "
			   "reported: "
			   "'bpftool cgroup tree' shows what else is attached",
			   what, where(&o));
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
	if (own_door_open(&own_doors[0], &fd, &s->canaries[0]))
		return 0;
	close(fd);
	s->canary_until_ns = clock_boot_ns();
	seen = produced(s) - before;
	return seen >= 2 ? 0
			 : why(ret_why, -ENODATA,
			       "the tracepoint of TCP states is attached but a door of our own was "
			       "not reported");
}

static int try_doors(struct sensor *s, struct leaf *leaf, char **ret_why)
{
	int err = 0;

	for (unsigned i = 0; !err && i < OWN_DOORS; i++) {
		if (s->h.links[own_doors[i].hook] >= 0)
			err = try_door(s, leaf, i, ret_why);
	}
	return err;
}

int canary_run(struct sensor *s, char **ret_why)
{
	int err;

	if (s->h.tier == TIER_BARE)
		return run_bare(s, ret_why);
	err = try_doors(s, NULL, ret_why);
	if (!err && s->leaf)
		err = try_doors(s, s->leaf, ret_why);
	/* Nobody is there any more to try it with, which sensor_look_after() tells. */
	if (err != -EPIPE)
		return err;
	leaf_free(take_ptr(s->leaf));
	s->leaf_err = -EPIPE;
	return 0;
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
