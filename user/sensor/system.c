/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "sensor/internal.h"

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/*
 * "ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAGS] - TYPE SOURCE SUPER": POINT if TYPE fits, and ROOT
 * is "/" where that is asked.
 */
static char *match_line(char *line, const char *fstype, bool whole)
{
	char *type = strstr(line, " - "), *root = NULL, *point = NULL, *field;

	if (!type)
		return NULL;
	*type = '\0';
	type += 3;
	if (strncmp(type, fstype, strlen(fstype)) || type[strlen(fstype)] != ' ')
		return NULL;
	for (int i = 0; i < 5 && (field = strsep(&line, " ")); i++) {
		if (i == 3)
			root = field;
		if (i == 4)
			point = field;
	}
	if (!point || (whole && strcmp(root, "/")))
		return NULL;
	unescape(point);
	return point;
}

static int mount_point_in(const char *file, const char *fstype, char **ret_path)
{
	_free_ char *line = NULL;
	size_t cap = 0;
	int err = -ENOENT;
	FILE *f = fopen(file, "re");

	if (!f)
		return -errno;
	while (err == -ENOENT && getline(&line, &cap, f) > 0) {
		char *point = match_line(line, fstype, true);

		if (!point)
			continue;
		char *copy = strdup(point);
		err = copy ? 0 : -ENOMEM;
		if (copy)
			*ret_path = copy;
	}
	fclose(f);
	return err;
}

int system_mount_point(const char *fstype, char **ret_path)
{
	return mount_point_in("/proc/self/mountinfo", fstype, ret_path);
}

static bool in_first_cgroup_ns(void)
{
	struct stat st;

	return stat("/proc/self/ns/cgroup", &st) == 0 && st.st_ino == INITIAL_CGROUP_NS;
}

static int mount_nowhere(const char *fstype, int *ret_fd)
{
	_close_ int fs = fsopen(fstype, FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	int fd = fsmount(fs, FSMOUNT_CLOEXEC,
			 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/*
 * The root of the machine's hierarchy is its first folder; a cgroup namespace, or a bind mount,
 * shows another one as the root.
 */
#define CGROUP_ROOT_INODE 1

/*
 * Of all mounts of cgroup v2 one that has the machine's root; *ret_part: there is one that has not.
 */
static int open_first_cgroup(int *ret_fd, bool *ret_part)
{
	_free_ char *line = NULL;
	size_t cap = 0;
	int err = -ENOENT;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	if (!f)
		return -errno;
	while (err && getline(&line, &cap, f) > 0) {
		const char *point = match_line(line, "cgroup2", false);
		_close_ int fd = point ? open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
		struct statfs fs;
		struct stat st;

		/* Another file system may cover it, or not let us through. */
		if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC ||
		    fstat(fd, &st) < 0)
			continue;
		if (st.st_ino != CGROUP_ROOT_INODE) {
			*ret_part = true;
			continue;
		}
		*ret_fd = take_fd(fd);
		err = 0;
	}
	fclose(f);
	return err;
}

int system_cgroup_root(int *ret_fd)
{
	bool part = false;
	int err = open_first_cgroup(ret_fd, &part);

	if (err == -ENOENT && in_first_cgroup_ns())
		return mount_nowhere("cgroup2", ret_fd) ? -ENOENT : 0;
	return err;
}

int system_cgroup_part(int *ret_fd)
{
	_free_ char *root = NULL;
	int err = system_mount_point("cgroup2", &root), fd;

	if (err)
		return err;
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static bool kernel_has(const char *fstype)
{
	_free_ char *line = NULL;
	size_t cap = 0;
	bool has = false;
	FILE *f = fopen("/proc/filesystems", "re");

	while (f && !has && getline(&line, &cap, f) > 0) {
		const char *name = strchr(line, '\t');

		has = name && !strncmp(name + 1, fstype, strlen(fstype)) &&
		      name[1 + strlen(fstype)] == '\n';
	}
	if (f)
		fclose(f);
	return has;
}

/* Where the machine's first process is, it can be seen. */
static bool is_outside(const char *fstype)
{
	_free_ char *path = NULL;

	return mount_point_in("/proc/1/mountinfo", fstype, &path) == 0;
}

const char *system_no_cgroup(const char **ret_fix)
{
	_close_ int fd = -1;
	bool part = false;
	struct statfs st;

	*ret_fix = "docker run --cgroupns=host";
	if (open_first_cgroup(&fd, &part) && part)
		return "only a part of cgroup v2 is mounted here, as in a container with a cgroup "
		       "namespace of its own; with the machine's";

	*ret_fix = "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 "
		   "/sys/fs/cgroup/unified";
	if (!kernel_has("cgroup2")) {
		*ret_fix = "boot a kernel built with CONFIG_CGROUPS=y";
		return "this kernel has no cgroup v2";
	}
	if (access("/sys/fs/cgroup", F_OK) < 0)
		*ret_fix = "mount -t sysfs sysfs /sys && mount -t cgroup2 cgroup2 /sys/fs/cgroup";
	/* The folder of sysfs itself: nothing of version 1 is there to be covered. */
	else if (statfs("/sys/fs/cgroup", &st) == 0 && st.f_type == SYSFS_MAGIC)
		*ret_fix = "mount -t cgroup2 cgroup2 /sys/fs/cgroup";
	if (is_outside("cgroup2"))
		return "this mount namespace hides cgroup v2, as 'ip netns exec' and containers "
		       "do; for it alone";
	return "no cgroup v2 is mounted";
}

int system_tracefs(int *ret_fd)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	struct statfs fs;

	for (size_t i = 0; i < array_len(places); i++) {
		_close_ int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != TRACEFS_MAGIC)
			continue;
		*ret_fd = take_fd(fd);
		return 0;
	}
	return mount_nowhere("tracefs", ret_fd);
}

int system_bpffs(char **ret_why)
{
	struct statfs st;

	if (statfs(BPFFS, &st) < 0)
		return why(ret_why, -errno,
			   "there is no " BPFFS ": mount sysfs first, 'mount -t sysfs sysfs /sys'");
	if (st.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755") < 0)
		return why(ret_why, -errno, "cannot mount bpffs (%s): 'mount -t bpf bpf " BPFFS "'",
			   strerror(errno));
	return 0;
}
