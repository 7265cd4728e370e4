/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_MAP_H
#define AJAR_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Hash map from byte keys (copied) to pointers. free_value, when given, owns the values. */
struct map;
typedef void (*map_free_fn)(void *value);

must_check int map_new(map_free_fn free_value, struct map **ret_map);
void map_free(struct map *m);
DEFINE_FREEP(struct map, map_free)
size_t map_size(const struct map *m);
void *map_get(const struct map *m, const void *key, size_t len);
/* Takes value; an old value under the key is freed. */
must_check int map_put(struct map *m, const void *key, size_t len, void *value);
bool map_del(struct map *m, const void *key, size_t len);
/* Visits all; fn returns true to delete the entry. Do not add while visiting. */
void map_each(struct map *m, bool (*fn)(const void *key, size_t len, void *value, void *arg),
	      void *arg);
/* For map_each(): deletes every entry. */
bool map_always(const void *key, size_t len, void *value, void *arg);

#endif
