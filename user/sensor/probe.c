/* SPDX-License-Identifier: GPL-2.0 */
/* What this machine has, for `ajar doctor`: nothing is loaded or attached for long. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <linux/capability.h>
#include <linux/magic.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/buf.h"
#include "base/file.h"
#include "sensor/bare.h"
#include "sensor/internal.h"
#include "sensor/system.h"

static void say(struct sensor_check *c, int ok, const char *fix, const char *fmt, ...)
	printf_like(4, 5);

static void say(struct sensor_check *c, int ok, const char *fix, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->detail, sizeof(c->detail), fmt, ap);
	va_end(ap);
	c->ok = ok;
	c->fix = fix;
}

static void probe_kernel(struct sensor_check *c)
{
	struct utsname u;

	if (uname(&u) < 0)
		say(c, -1, NULL, "unknown");
	else
		say(c, 1, NULL, "%s %s", u.sysname, u.release);
}

static void probe_root(struct sensor_check *c)
{
	if (geteuid() == 0)
		say(c, 1, NULL, "uid 0");
	else
		say(c, 0, "sudo ajar doctor", "uid %u cannot load BPF programs",
		    (unsigned)geteuid());
}

static void probe_caps(struct sensor_check *c)
{
	static const char *const need[] = { "CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN" };
	static const unsigned bits[] = { CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN };
	struct buf b = BUF_INIT(16384);
	unsigned long long caps = 0;
	const char *line = NULL;

	if (file_read(AT_FDCWD, "/proc/self/status", &b) == 0)
		line = strstr(buf_str(&b), "\nCapEff:");
	if (!line || sscanf(line + 8, "%llx", &caps) != 1) {
		say(c, -1, NULL, "/proc/self/status does not tell");
	} else if (!(caps & 1ULL << CAP_SYS_ADMIN)) {
		for (size_t i = 0; i < array_len(bits); i++) {
			if (caps & 1ULL << bits[i])
				continue;
			say(c, 0, "sudo ajar doctor", "%s is missing", need[i]);
			break;
		}
	}
	if (!c->detail[0])
		say(c, 1, NULL, "effective %llx", caps);
	buf_done(&b);
}

static void probe_btf(struct sensor_check *c)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		say(c, 1, NULL, "/sys/kernel/btf/vmlinux");
	else
		say(c, 0, NO_BTF_FIX,
		    "no /sys/kernel/btf/vmlinux: all but TCP only by polling (tier C)");
}

/* What is left without BTF. */
static void probe_tracepoint(struct sensor_check *c)
{
	_close_ int dir = -1;
	int err = bare_tracepoint(&dir);

	if (err)
		say(c, -1, "mount -t tracefs tracefs /sys/kernel/tracing",
		    "no sock/inet_sock_set_state (%s): without BTF the sensor could only poll "
		    "(tier D)",
		    strerror(-err));
	else
		say(c, 1, NULL, "sock/inet_sock_set_state");
}

static void probe_cgroup(struct sensor_check *c)
{
	_free_ char *root = NULL;
	const char *fix, *what;
	_close_ int fd = -1;

	if (system_cgroup_root(&fd)) {
		what = system_no_cgroup(&fix);
		say(c, 0, fix, "UDP only by sweeps (tier B): %s", what);
	} else if (system_mount_point("cgroup2", &root) == 0) {
		say(c, 1, NULL, "%s", root);
	} else {
		say(c, 1, NULL, "not mounted; the sensor reaches it by a mount of its own");
	}
}

/* For a sensor that watches one network namespace the part of its container will do. */
static void probe_cgroup_part(struct sensor_check *c)
{
	_close_ int fd = -1;

	if (system_cgroup_part(&fd) == 0)
		say(c, 1, NULL, "the part of this container");
}

static void probe_bpffs(struct sensor_check *c)
{
	struct statfs st;

	if (statfs(BPFFS, &st) == 0 && st.f_type == BPF_FS_MAGIC && st.f_flags & ST_RDONLY)
		say(c, 0, "mount -o remount,rw " BPFFS,
		    BPFFS " is read-only: nothing can be pinned");
	else if (statfs(BPFFS, &st) == 0 && st.f_type == BPF_FS_MAGIC)
		say(c, 1, NULL, BPFFS);
	else
		say(c, -1, "mount -t bpf bpf " BPFFS,
		    "not mounted at " BPFFS ": the agent mounts it when it pins");
}

static void probe_lockdown(struct sensor_check *c)
{
	struct buf b = BUF_INIT(256);

	if (file_read(AT_FDCWD, "/sys/kernel/security/lockdown", &b))
		say(c, -1, NULL,
		    "not known: securityfs is not mounted, or a kernel without lockdown");
	else if (strstr(buf_str(&b), "[confidentiality]"))
		say(c, 0, "boot with lockdown=integrity",
		    "confidentiality: paths and names cannot be read");
	else
		say(c, 1, NULL, "%.*s", (int)strcspn(buf_str(&b), "\n"), buf_str(&b));
	buf_done(&b);
}

static void probe_ring(struct sensor_check *c)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ajar_probe", 0, 0, 4096, NULL);

	if (fd < 0)
		say(c, 0, "as root, on Linux 5.8 or newer", "cannot make one: %s", strerror(errno));
	else
		say(c, 1, NULL, "works");
	close_fd(&fd);
}

static void probe_helpers(struct sensor_check *c)
{
	/* The one that tells who calls: in programs of this kind since 5.8. */
	int has = libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCK_OPS, BPF_FUNC_get_current_task, NULL);

	if (has == 1)
		say(c, 1, NULL, "sockops with the current task");
	else
		say(c, has == 0 ? 0 : -1, "as root, on Linux 5.12 or newer",
		    "sockops programs cannot see who calls%s%s", has < 0 ? ": " : "",
		    has < 0 ? strerror(-has) : "");
}

static void probe_jit(struct sensor_check *c)
{
	struct buf b = BUF_INIT(64);

	if (file_read(AT_FDCWD, "/proc/sys/net/core/bpf_jit_enable", &b))
		say(c, -1, NULL, "not known");
	else if (buf_str(&b)[0] == '0')
		say(c, -1, "sysctl net.core.bpf_jit_enable=1", "off: each event costs more");
	else
		say(c, 1, NULL, "on");
	buf_done(&b);
}

unsigned sensor_probe(bool own_netns, struct sensor_check checks[SENSOR_CHECKS_MAX])
{
	static const struct {
		const char *name;
		void (*probe)(struct sensor_check *c);
	} probes[] = {
		{ "kernel", probe_kernel },	    { "root", probe_root },
		{ "capabilities", probe_caps },	    { "BTF", probe_btf },
		{ "tracepoint", probe_tracepoint }, { "cgroup v2", probe_cgroup },
		{ "BPF file system", probe_bpffs }, { "lockdown", probe_lockdown },
		{ "ring buffer", probe_ring },	    { "BPF helpers", probe_helpers },
		{ "BPF compiler", probe_jit },
	};
	_Static_assert(array_len(probes) <= SENSOR_CHECKS_MAX, "room for all");

	libbpf_set_print(NULL);
	for (size_t i = 0; i < array_len(probes); i++) {
		checks[i] = (struct sensor_check){ .name = probes[i].name };
		probes[i].probe(&checks[i]);
		if (probes[i].probe == probe_cgroup && !checks[i].ok && own_netns)
			probe_cgroup_part(&checks[i]);
	}
	return array_len(probes);
}
