/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/cgroup.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/map.h"
#include "sensor/system.h"

#define CGROUPS_MAX 16384

int cgroups_init(struct cgroups *c)
{
	int err = system_mount_point("cgroup2", &c->root);

	if (err && err != -ENOENT)
		return err;
	return map_new(free, &c->by_id);
}

void cgroups_done(struct cgroups *c)
{
	map_free(c->by_id);
	free(c->root);
	*c = (struct cgroups){ 0 };
}

static const char *remember(struct cgroups *c, uint64_t id, const char *path)
{
	char *copy = map_get(c->by_id, &id, sizeof(id));

	/* Ids are not used again, so an entry never goes stale; full means start over. */
	if (copy)
		return copy;
	if (map_size(c->by_id) >= CGROUPS_MAX) {
		struct map *fresh = NULL;

		if (map_new(free, &fresh))
			return NULL;
		map_free(c->by_id);
		c->by_id = fresh;
	}
	copy = strdup(*path ? path : "/");
	if (copy && map_put(c->by_id, &id, sizeof(id), copy)) {
		free(copy);
		copy = NULL;
	}
	return copy;
}

/* The process may have moved or be another by now: its path counts only if the inode agrees. */
static const char *ask_pid(struct cgroups *c, uint64_t id, uint32_t pid)
{
	_free_ char *line = NULL, *full = NULL;
	size_t cap = 0;
	const char *found = NULL;
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return NULL;
	while (!found && getline(&line, &cap, f) > 0) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (asprintf(&full, "%s%s", c->root, line + 3) < 0) {
			full = NULL;
			break;
		}
		if (stat(full, &st) == 0 && st.st_ino == id)
			found = remember(c, id, line + 3);
		break;
	}
	fclose(f);
	return found;
}

static void walk(struct cgroups *c)
{
	char *const roots[] = { c->root, NULL };
	size_t root_len = strlen(c->root), seen = 0;
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *e;

	if (!fts)
		return;
	while (seen < CGROUPS_MAX && (e = fts_read(fts))) {
		if (e->fts_info != FTS_D)
			continue;
		seen++;
		remember(c, e->fts_statp->st_ino, e->fts_path + root_len);
	}
	fts_close(fts);
}

struct text cgroup_path(struct cgroups *c, uint64_t id, uint32_t pid)
{
	const char *path;
	uint64_t now;

	if (!c->root || !id)
		return (struct text){ 0 };
	path = map_get(c->by_id, &id, sizeof(id));
	if (!path && pid)
		path = ask_pid(c, id, pid);
	if (!path) {
		now = clock_boot_ns();
		if (!c->walked_ns || now - c->walked_ns > 1000000000) {
			c->walked_ns = now;
			walk(c);
			path = map_get(c->by_id, &id, sizeof(id));
		}
	}
	return text_of(path);
}
