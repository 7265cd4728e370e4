/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/owner.h"

#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "core/event.h"
#include "sensor/cgroup.h"

static const char deleted[] = " (deleted)";

static size_t owner_bytes(const struct owner *o)
{
	return sizeof(*o) + o->exe_len + o->argv_len + o->cgroup_len + o->cgroups_len;
}

int owner_cache_init(struct owner_cache *c)
{
	TAILQ_INIT(&c->idle);
	return map_new(free, &c->by_key);
}

void owner_cache_done(struct owner_cache *c)
{
	map_free(c->by_key);
	c->by_key = NULL;
}

static void idle_add(struct owner_cache *c, struct owner *o)
{
	TAILQ_INSERT_TAIL(&c->idle, o, idle);
	c->idle_len++;
	c->idle_bytes += owner_bytes(o);
}

static void idle_remove(struct owner_cache *c, struct owner *o)
{
	TAILQ_REMOVE(&c->idle, o, idle);
	c->idle_len--;
	c->idle_bytes -= owner_bytes(o);
}

static void shrink(struct owner_cache *c)
{
	while (c->idle_len > OWNERS_CACHE_MAX || c->idle_bytes > OWNERS_CACHE_BYTES) {
		struct owner *o = TAILQ_FIRST(&c->idle);
		struct ajar_owner_key key = o->key;

		idle_remove(c, o);
		map_del(c->by_key, &key, sizeof(key));
	}
}

static void put_paths(struct owner *o, const struct cgroup_paths *paths)
{
	char *to = o->bytes + o->exe_len + o->argv_len;

	o->cgroup_len = (uint32_t)paths->v2.len;
	o->cgroups_len = (uint32_t)paths->others.len;
	if (o->cgroup_len)
		memcpy(to, paths->v2.data, o->cgroup_len);
	if (o->cgroups_len)
		memcpy(to + o->cgroup_len, paths->others.data, o->cgroups_len);
}

int owner_cache_add(struct owner_cache *c, const struct ajar_owner *rec, uint32_t len)
{
	size_t tail = rec->flags & AJAR_OWNER_EXE_DELETED ? sizeof(deleted) - 1 : 0;

	if (len < sizeof(*rec) ||
	    len < sizeof(*rec) + rec->exe_len + rec->argv_len + rec->cgroups_len)
		return -EBADMSG;
	if (map_get(c->by_key, &rec->key, sizeof(rec->key)))
		return 0;
	const char *bytes = (const char *)(rec + 1);
	struct cgroup_paths paths = CGROUP_PATHS_INIT;
	if (rec->flags & AJAR_OWNER_CGROUPS)
		cgroup_paths_of_kernel(&paths, bytes + rec->exe_len + rec->argv_len,
				       rec->cgroups_len);
	struct owner *o = calloc(1, sizeof(*o) + rec->exe_len + tail + rec->argv_len +
					    paths.v2.len + paths.others.len);
	if (!o) {
		cgroup_paths_done(&paths);
		return -ENOMEM;
	}
	o->key = rec->key;
	o->flags = rec->flags;
	o->exe_len = rec->exe_len + (uint32_t)tail;
	o->argv_len = rec->argv_len;
	o->cgroup_id = rec->cgroup_id;
	if (!paths.v2.len)
		o->flags &= ~(uint32_t)AJAR_OWNER_CGROUPS;
	memcpy(o->comm, rec->comm, sizeof(o->comm));
	o->comm[sizeof(o->comm) - 1] = '\0';
	memcpy(o->ancestors, rec->ancestors, sizeof(o->ancestors));

	memcpy(o->bytes, bytes, rec->exe_len);
	memcpy(o->bytes + rec->exe_len, deleted, tail);
	memcpy(o->bytes + o->exe_len, bytes + rec->exe_len, rec->argv_len);
	put_paths(o, &paths);
	cgroup_paths_done(&paths);
	int err = map_put(c->by_key, &o->key, sizeof(o->key), o);
	if (err) {
		free(o);
		return err;
	}
	idle_add(c, o);
	shrink(c);
	return 0;
}

struct owner *owner_cache_get(struct owner_cache *c, const struct ajar_owner_key *key)
{
	struct owner *o = map_get(c->by_key, key, sizeof(*key));

	if (o && !o->refs) {
		TAILQ_REMOVE(&c->idle, o, idle);
		TAILQ_INSERT_TAIL(&c->idle, o, idle);
	}
	return o;
}

struct owner *owner_ref(struct owner_cache *c, struct owner *o)
{
	if (o && !o->refs++)
		idle_remove(c, o);
	return o;
}

void owner_unref(struct owner_cache *c, struct owner *o)
{
	if (!o || --o->refs)
		return;
	idle_add(c, o);
	shrink(c);
}

void owner_comm(char to[AJAR_COMM_LEN], const char from[AJAR_COMM_LEN])
{
	memset(to, 0, AJAR_COMM_LEN);
	memcpy(to, from, strnlen(from, AJAR_COMM_LEN - 1));
}

static unsigned space_of_owner(uint32_t flags)
{
	return (flags & AJAR_OWNER_SPACE ? SPACE_KNOWN : 0) |
	       (flags & AJAR_OWNER_OTHER_PID ? SPACE_PID : 0) |
	       (flags & AJAR_OWNER_OTHER_USER ? SPACE_USER : 0) |
	       (flags & AJAR_OWNER_OTHER_ROOT ? SPACE_ROOT : 0) |
	       (flags & AJAR_OWNER_OTHER_EXE ? SPACE_EXE : 0) |
	       (flags & AJAR_OWNER_OTHER_FILE ? SPACE_FILE : 0);
}

void owner_fill(const struct owner *o, struct process *p)
{
	if (o->flags & AJAR_OWNER_EXE) {
		p->exe = (struct text){ o->bytes, o->exe_len };
		p->exe_cut = o->flags & AJAR_OWNER_EXE_CUT;
	}
	if (o->flags & AJAR_OWNER_ARGV) {
		p->argv = (struct text){ o->bytes + o->exe_len, o->argv_len };
		p->argv_cut = o->flags & AJAR_OWNER_ARGV_CUT;
	}
	p->space = space_of_owner(o->flags);
	for (int i = 0; i < AJAR_ANCESTORS_MAX && o->ancestors[i].tgid; i++) {
		struct ancestor *a = &p->ancestors[p->ancestors_len++];

		a->pid = o->ancestors[i].tgid;
		owner_comm(a->comm, o->ancestors[i].comm);
	}
}
