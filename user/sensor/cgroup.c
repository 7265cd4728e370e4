/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/cgroup.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "sensor/system.h"

#define CGROUPS_MAX 16384

#define DEPTH_MAX 64 /* names of a path; a deeper one is unknown */

/* One path at the end of others, unless it is there, or v2's. */
static void put_other(struct cgroup_paths *p, const char *path)
{
	const char *known = p->others.data, *end = known ? known + p->others.len : NULL;

	if (p->v2.len && !strcmp(p->v2.data, path))
		return;
	for (; known < end; known += strlen(known) + 1) {
		if (!strcmp(known, path))
			return;
	}
	buf_put(&p->others, path, strlen(path) + 1);
}

/* Names from the last to the first, ended by an empty one; the end of it, or NULL. */
static const char *unfold(const char *raw, const char *end, struct buf *path)
{
	const char *names[DEPTH_MAX];
	size_t n = 0;

	while (raw < end && *raw) {
		const char *nul = memchr(raw, '\0', (size_t)(end - raw));

		if (!nul || n == DEPTH_MAX)
			return NULL;
		names[n++] = raw;
		raw = nul + 1;
	}
	if (raw == end)
		return NULL;
	if (!n)
		buf_putc(path, '/');
	while (n--) {
		buf_putc(path, '/');
		buf_puts(path, names[n]);
	}
	buf_putc(path, '\0');
	return path->err ? NULL : raw + 1;
}

void cgroup_paths_of_kernel(struct cgroup_paths *p, const char *raw, size_t len)
{
	const char *end = raw + len;
	struct buf one = BUF_INIT(CGROUP_PATHS_MAX);

	raw = unfold(raw, end, &p->v2);
	while (raw && raw < end && !p->others.err) {
		buf_reset(&one);
		raw = unfold(raw, end, &one);
		if (raw)
			put_other(p, one.data);
	}
	if (!raw || p->others.err) {
		buf_reset(&p->v2);
		buf_reset(&p->others);
	}
	buf_done(&one);
}

bool cgroup_paths_of_pid(struct cgroup_paths *p, uint32_t pid)
{
	_free_ char *line = NULL;
	size_t cap = 0;
	bool read = false;
	char name[64];

	snprintf(name, sizeof(name), "/proc/%u/cgroup", pid);
	FILE *f = fopen(name, "re");
	if (!f)
		return false;
	/* v2 comes last there. */
	while (getline(&line, &cap, f) > 0) {
		char *path = strchr(line, ':');

		path = path ? strchr(path + 1, ':') : NULL;
		if (!path)
			continue;
		read = true;
		path[1 + strcspn(path + 1, "\n")] = '\0';
		if (!strncmp(line, "0::", 3))
			buf_put(&p->v2, path + 1, strlen(path + 1) + 1);
		else if (strcmp(path + 1, "/"))
			put_other(p, path + 1);
	}
	fclose(f);
	return read && !p->v2.err && !p->others.err;
}

void cgroup_paths_done(struct cgroup_paths *p)
{
	buf_done(&p->v2);
	buf_done(&p->others);
}

int cgroups_init(struct cgroups *c)
{
	int err = system_mount_point("cgroup2", &c->root);
	struct stat st;

	if (err && err != -ENOENT)
		return err;
	c->own = (struct cgroup_paths)CGROUP_PATHS_INIT;
	c->inside = stat("/proc/self/ns/cgroup", &st) == 0 && st.st_ino != INITIAL_CGROUP_NS;
	if (!cgroup_paths_of_pid(&c->own, (uint32_t)getpid()))
		buf_reset(&c->own.others);
	return map_new(free, &c->by_id);
}

void cgroups_done(struct cgroups *c)
{
	map_free(c->by_id);
	free(c->root);
	cgroup_paths_done(&c->own);
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
