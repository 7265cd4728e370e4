/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
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

/* "ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAGS] - TYPE SOURCE SUPER": POINT if TYPE fits and ROOT is "/". */
static char *match_line(char *line, const char *fstype)
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
	if (!point || strcmp(root, "/"))
		return NULL;
	unescape(point);
	return point;
}

int system_mount_point(const char *fstype, char **ret_path)
{
	_free_ char *line = NULL;
	size_t cap = 0;
	int err = -ENOENT;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	if (!f)
		return -errno;
	while (err == -ENOENT && getline(&line, &cap, f) > 0) {
		char *point = match_line(line, fstype);

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
