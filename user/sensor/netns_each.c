/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/netns_each.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "base/parse.h"

struct each {
	netns_fn fn;
	void *arg;
	struct map *seen; /* by inode */
	uint32_t max;
	bool more;
};

static int take(struct each *e, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	uint64_t ino = st.st_ino;
	if (map_get(e->seen, &ino, sizeof(ino)))
		return 0;
	if (map_size(e->seen) >= e->max) {
		e->more = true;
		return 0;
	}
	int err = map_put(e->seen, &ino, sizeof(ino), e);
	return err ? err : e->fn((uint32_t)ino, path, e->arg);
}

static int of_processes(struct each *e)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (d = readdir(proc))) {
		char path[64];
		uint32_t pid;

		if (parse_u32(d->d_name, &pid))
			continue;
		snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
		err = take(e, path);
	}
	closedir(proc);
	return err;
}

/*
 * "... 0:4 net:[4026532290] /run/netns/x rw shared:9 - nsfs nsfs rw": root and mount point are
 * fields 4 and 5.
 */
static int of_mounts(struct each *e)
{
	_free_ char *line = NULL;
	size_t cap = 0;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int err = 0;

	if (!f)
		return 0;
	while (!err && getline(&line, &cap, f) > 0) {
		char root[64], path[4096];

		if (sscanf(line, "%*s %*s %*s %63s %4095s", root, path) == 2 &&
		    !strncmp(root, "net:[", 5))
			err = take(e, path);
	}
	fclose(f);
	return err;
}

int netns_each(uint32_t max, netns_fn fn, void *arg, bool *ret_more)
{
	struct each e = { .fn = fn, .arg = arg, .max = max };
	int err = map_new(NULL, &e.seen);

	if (!err)
		err = of_mounts(&e);
	if (!err)
		err = of_processes(&e);
	map_free(e.seen);
	*ret_more = e.more;
	return err;
}
