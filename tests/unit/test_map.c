/* SPDX-License-Identifier: GPL-2.0 */
#include "base/map.h"

#include <stdint.h>

#include "tap.h"

static int freed;

static void count_free(void *p)
{
	freed++;
	free(p);
}

static bool is_odd(const void *key, size_t len, void *value, void *arg)
{
	uint32_t k;

	(void)len;
	(void)value;
	(void)arg;
	memcpy(&k, key, sizeof(k));
	return k & 1;
}

int main(void)
{
	struct map *m = NULL;
	bool all = true;

	is_int(map_new(count_free, &m), 0, "a map is made");
	for (uint32_t i = 0; i < 10000; i++) {
		uint32_t *v = malloc(sizeof(*v));

		if (!v)
			return 1;
		*v = i;
		all = !map_put(m, &i, sizeof(i), v) && all;
	}
	ok(all && map_size(m) == 10000, "10,000 keys go in");
	for (uint32_t i = 0; i < 10000; i++) {
		const uint32_t *v = map_get(m, &i, sizeof(i));

		all = v && *v == i && all;
	}
	ok(all, "and each gives its value");
	map_each(m, is_odd, NULL);
	is_int(map_size(m), 5000, "a visit can delete");
	is_int(freed, 5000, "which frees the values");
	ok(!map_get(m, &(uint32_t){ 77 }, 4) && map_get(m, &(uint32_t){ 78 }, 4), "the right ones");
	ok(map_del(m, &(uint32_t){ 78 }, 4) && !map_del(m, &(uint32_t){ 78 }, 4),
	   "a key is deleted once");
	ok(!map_put(m, &(uint32_t){ 80 }, 4, malloc(4)) && freed == 5002,
	   "a value put over another frees it");
	map_free(m);
	is_int(freed, 10001, "and the rest go with the map");
	return tap_done();
}
