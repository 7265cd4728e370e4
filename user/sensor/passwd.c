/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/passwd.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "base/parse.h"

#define PASSWD "/etc/passwd"
#define USERS_MAX 65536

void passwd_done(struct passwd_cache *p)
{
	map_free(p->by_uid);
	p->by_uid = NULL;
}

/* "name:x:uid:..."; the first line of a uid wins, as with getpwuid. */
static void add_line(struct map *m, char *line)
{
	char *name = line, *x = strchr(line, ':'), *id = x ? strchr(x + 1, ':') : NULL;
	char *end = id ? strchr(id + 1, ':') : NULL;
	uint32_t uid;

	if (!end || x == name)
		return;
	*x = *end = '\0';
	if (parse_u32(id + 1, &uid) || map_get(m, &uid, sizeof(uid)))
		return;
	char *copy = strdup(name);
	if (copy && map_put(m, &uid, sizeof(uid), copy))
		free(copy);
}

static void load(struct passwd_cache *p)
{
	_free_ char *line = NULL;
	size_t cap = 0;
	struct map *m = NULL;
	FILE *f = fopen(PASSWD, "re");

	if (!f)
		return;
	if (map_new(free, &m) == 0) {
		while (map_size(m) < USERS_MAX && getline(&line, &cap, f) > 0)
			add_line(m, line);
		map_free(p->by_uid);
		p->by_uid = m;
	}
	fclose(f);
}

static void refresh(struct passwd_cache *p)
{
	uint64_t now = clock_boot_ns();
	struct stat st;

	if (p->checked_ns && now - p->checked_ns < 1000000000)
		return;
	p->checked_ns = now;
	if (stat(PASSWD, &st) < 0)
		return;
	if (p->by_uid && st.st_mtim.tv_sec == p->mtime.tv_sec &&
	    st.st_mtim.tv_nsec == p->mtime.tv_nsec && st.st_ino == p->ino)
		return;
	p->mtime = st.st_mtim;
	p->ino = st.st_ino;
	load(p);
}

struct text passwd_name(struct passwd_cache *p, uint32_t uid)
{
	refresh(p);
	return text_of(p->by_uid ? map_get(p->by_uid, &uid, sizeof(uid)) : NULL);
}
