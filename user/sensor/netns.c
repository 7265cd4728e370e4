/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/netns.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/map.h"

#define NETNS_DIR "/run/netns"
#define NETNS_MAX 4096 /* beyond it: without a name */
/*
 * An inode number is used again after its end: what was read is believed for a while, what is
 * missing for less.
 */
#define BELIEVED_NS 1000000000ULL
#define MISSING_NS 50000000ULL

static void add(struct netns_names *n, int dir, dev_t nsfs, const char *name)
{
	struct stat st;
	uint32_t ino;
	char *copy;

	/* A file whose namespace is gone, or not mounted yet, is one of another file system. */
	if (name[0] == '.' || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != nsfs)
		return;
	ino = (uint32_t)st.st_ino;
	copy = map_get(n->by_ino, &ino, sizeof(ino)) ? NULL : strdup(name);
	if (copy && map_put(n->by_ino, &ino, sizeof(ino), copy))
		free(copy);
}

static void read_names(struct netns_names *n)
{
	DIR *dir = opendir(NETNS_DIR);
	struct dirent *e;
	struct stat own;
	size_t max = n->max ? n->max : NETNS_MAX;

	if (stat("/proc/self/ns/net", &own) < 0)
		own.st_dev = 0;
	while (dir && map_size(n->by_ino) < max && (e = readdir(dir)))
		add(n, dirfd(dir), own.st_dev, e->d_name);
	if (dir)
		closedir(dir);
}

const char *netns_name(struct netns_names *n, uint32_t ino)
{
	uint64_t age = clock_boot_ns() - n->read_ns;
	const char *name = n->by_ino ? map_get(n->by_ino, &ino, sizeof(ino)) : NULL;
	struct map *fresh = NULL;

	if (n->by_ino && age < (name ? BELIEVED_NS : MISSING_NS))
		return name;
	if (map_new(free, &fresh))
		return NULL;
	map_free(n->by_ino);
	n->by_ino = fresh;
	read_names(n);
	n->read_ns = clock_boot_ns();
	return map_get(n->by_ino, &ino, sizeof(ino));
}

void netns_names_done(struct netns_names *n)
{
	map_free(n->by_ino);
	*n = (struct netns_names){ 0 };
}
