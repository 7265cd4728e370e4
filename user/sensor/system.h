/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_SYSTEM_H
#define AJAR_SENSOR_SYSTEM_H

#include "base/err.h"

/*
 * Where the first mount of a file system type is, from /proc/self/mountinfo; -ENOENT. Caller frees.
 */
must_check int system_mount_point(const char *fstype, char **ret_path);
/*
 * The root of the machine's cgroup v2, where it is mounted, else by a mount of our own that has no
 * place and ends with *ret_fd. -ENOENT when neither can be: in a cgroup namespace a mount may show
 * the namespace's part alone.
 */
must_check int system_cgroup_root(int *ret_fd);
/* What is mounted as the root of cgroup v2: in a container its own part. */
must_check int system_cgroup_part(int *ret_fd);
/* The root of tracefs, where it is mounted, else by a mount of our own that ends with *ret_fd. */
must_check int system_tracefs(int *ret_fd);
/*
 * What is the case when the root of cgroup v2 is not to be had, and the command that fixes it.
 */
const char *system_no_cgroup(const char **ret_fix);
/* bpffs at BPFFS, mounted when it is not; *ret_why as everywhere. */
#define BPFFS "/sys/fs/bpf"
must_check int system_bpffs(char **ret_why);
#define NO_BTF_FIX                                                                                 \
	"boot one built with CONFIG_DEBUG_INFO_BTF=y, 5.15 or newer: 'apt-get install "            \
	"linux-image-$(dpkg --print-architecture)'"

#endif
