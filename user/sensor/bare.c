/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/bare.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/perf_event.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ajar_bare.skel.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/parse.h"
#include "sensor/internal.h"
#include "sensor/system.h"

#define TRACEPOINT "events/sock/inet_sock_set_state"

/* What bpf/bare/state.bpf.c reads, and where. */
static const char *const head_fields[] = {
	" skaddr;\toffset:8;\tsize:8;",	   " oldstate;\toffset:16;\tsize:4;",
	" newstate;\toffset:20;\tsize:4;", " sport;\toffset:24;\tsize:2;",
	" family;\toffset:28;\tsize:2;",
};

static const char *const tail_fields[2][3] = {
	{ " protocol;\toffset:30;\tsize:2;", " saddr[4];\toffset:32;\tsize:4;",
	  " saddr_v6[16];\toffset:40;\tsize:16;" },
	{ " protocol;\toffset:30;\tsize:1;", " saddr[4];\toffset:31;\tsize:4;",
	  " saddr_v6[16];\toffset:39;\tsize:16;" },
};

static bool has_all(const char *format, const char *const *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!strstr(format, fields[i]))
			return false;
	}
	return true;
}

int bare_layout(const char *format, bool *ret_narrow)
{
	if (!has_all(format, head_fields, array_len(head_fields)))
		return -EOPNOTSUPP;
	for (size_t i = 0; i < array_len(tail_fields); i++) {
		if (!has_all(format, tail_fields[i], array_len(tail_fields[i])))
			continue;
		*ret_narrow = i == 1;
		return 0;
	}
	return -EOPNOTSUPP;
}

int bare_tracepoint(int *ret_dir)
{
	_close_ int tracefs = -1;
	int err = system_tracefs(&tracefs);

	if (err)
		return err;
	int dir = openat(tracefs, TRACEPOINT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	*ret_dir = dir;
	return 0;
}

static int read_tracepoint(uint32_t *ret_id, bool *ret_narrow)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(16384);
	_close_ int dir = -1;
	int err = bare_tracepoint(&dir);

	if (!err)
		err = file_read(dir, "format", &b);
	if (!err)
		err = bare_layout(buf_str(&b), ret_narrow);
	if (err)
		return err;
	buf_reset(&b);
	err = file_read(dir, "id", &b);
	if (err)
		return err;
	b.data[strcspn(buf_str(&b), "\n")] = '\0';
	return parse_u32(b.data, ret_id);
}

/* One event stands for all processors: the program runs wherever the tracepoint is met. */
static int attach(int prog, uint32_t id, int *ret_fd)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT,
					.size = sizeof(attr),
					.config = id };
	_close_ int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) < 0 ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

static int take_maps(const struct ajar_bare_bpf *b, struct handles *h)
{
	const struct {
		enum map_id id;
		const struct bpf_map *map;
	} maps[] = { { MAP_RING, b->maps.ajar_ring },
		     { MAP_CPUS, b->maps.ajar_cpus },
		     { MAP_CONTROL, b->maps.ajar_control } };

	for (size_t i = 0; i < array_len(maps); i++) {
		int fd = fcntl(bpf_map__fd(maps[i].map), F_DUPFD_CLOEXEC, 3);

		if (fd < 0)
			return -errno;
		h->maps[maps[i].id] = fd;
	}
	return 0;
}

static int load(const struct sensor_opts *o, struct ajar_bare_bpf *b, char **ret_why)
{
	int cpus = libbpf_num_possible_cpus();
	int err = cpus < 0 ? cpus : bpf_map__set_max_entries(b->maps.ajar_cpus, (uint32_t)cpus);

	if (!err)
		err = bpf_map__set_max_entries(b->maps.ajar_ring, load_ring_bytes(o));
	if (err)
		return why(ret_why, err,
			   "the ring's size must be a power of two and a multiple of 4096");
	err = ajar_bare_bpf__load(b);
	return err ? why(ret_why, err,
			 "the kernel refuses the BPF program state_bare (%s): see 'ajar doctor'",
			 strerror(-err))
		   : 0;
}

int bare_load(const struct sensor_opts *o, uint64_t build, struct handles *ret_h, char **ret_why)
{
	bool narrow = false;
	struct handles h;
	uint32_t id = 0;
	int err = read_tracepoint(&id, &narrow);

	libbpf_set_print(NULL);
	if (err)
		return why(ret_why, err,
			   "this kernel has no tracepoint sock/inet_sock_set_state that the sensor "
			   "knows (%s): 'mount -t tracefs tracefs /sys/kernel/tracing' shows those "
			   "that it has",
			   strerror(-err));
	struct ajar_bare_bpf *b = ajar_bare_bpf__open();
	if (!b)
		return why(ret_why, -errno, "cannot open the BPF object (%s)", strerror(errno));
	b->rodata->cfg_narrow = narrow;
	err = load(o, b, ret_why);
	handles_init(&h);
	h.tier = TIER_BARE;
	if (!err)
		err = take_maps(b, &h);
	if (!err) {
		load_init_control(&h, build);
		err = attach(bpf_program__fd(b->progs.state_bare), id, &h.links[HOOK_LISTEN]);
		if (err)
			why(ret_why, err, "cannot attach %s (%s): see 'ajar doctor'",
			    hook_alt(HOOK_LISTEN, TIER_BARE)->name, strerror(-err));
	}
	ajar_bare_bpf__destroy(b);
	if (err) {
		handles_close(&h);
		return why(ret_why, err, "cannot set up the sensor (%s)", strerror(-err));
	}
	*ret_h = h;
	return 0;
}
