/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_OWNER_H
#define AJAR_SENSOR_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "ajar/event.h"
#include "base/err.h"

struct map;
struct process;

/*
 * Who the keys in door records are. The kernel sends an owner before its door unless the ring still
 * holds one; the cache keeps what open doors refer to, and forgets the longest unused of the rest.
 */
#define OWNERS_CACHE_MAX 16384
#define OWNERS_CACHE_BYTES (6u << 20)

struct owner {
	TAILQ_ENTRY(owner) idle; /* in the list while refs is 0 */
	struct ajar_owner_key key;
	uint32_t refs;
	uint32_t flags; /* enum ajar_owner_flags */
	uint32_t exe_len, argv_len, cgroup_len, cgroups_len;
	uint64_t cgroup_id; /* v2, of the cgroup paths */
	char comm[AJAR_COMM_LEN];
	struct ajar_ancestor ancestors[AJAR_ANCESTORS_MAX];
	/* exe, then argv, the cgroup path of v2, the other ones, each of these ended by NUL */
	char bytes[];
};

TAILQ_HEAD(owner_list, owner);

struct owner_cache {
	struct map *by_key;
	struct owner_list idle; /* oldest first */
	size_t idle_len, idle_bytes;
};

must_check int owner_cache_init(struct owner_cache *c);
void owner_cache_done(struct owner_cache *c);
/* From a record of len bytes, checked here; a known key is left as it is. */
must_check int owner_cache_add(struct owner_cache *c, const struct ajar_owner *rec, uint32_t len);
/* NULL when unknown. Marks it as used. */
struct owner *owner_cache_get(struct owner_cache *c, const struct ajar_owner_key *key);
struct owner *owner_ref(struct owner_cache *c, struct owner *o);
void owner_unref(struct owner_cache *c, struct owner *o);
/* Program, arguments, namespaces and ancestors of a process; texts are borrowed. */
void owner_fill(const struct owner *o, struct process *p);

/* A name as such: before 5.17 kernels leave behind its end what a longer one had there. */
void owner_comm(char to[AJAR_COMM_LEN], const char from[AJAR_COMM_LEN]);

#endif
