/* SPDX-License-Identifier: GPL-2.0 */
#include "base/map.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"

/* Separate chaining; the table doubles when it is full, so a chain has one entry on average. */
struct entry {
	struct entry *next;
	uint64_t hash;
	void *value;
	size_t len;
	char key[];
};

struct map {
	struct entry **slots;
	size_t slots_len, size;
	map_free_fn free_value;
};

#define FIRST_SLOTS 64

int map_new(map_free_fn free_value, struct map **ret_map)
{
	struct map *m = calloc(1, sizeof(*m));

	if (m)
		m->slots = calloc(FIRST_SLOTS, sizeof(*m->slots));
	if (!m || !m->slots) {
		free(m);
		return -ENOMEM;
	}
	m->slots_len = FIRST_SLOTS;
	m->free_value = free_value;
	*ret_map = m;
	return 0;
}

static void free_entry(struct map *m, struct entry *e)
{
	if (m->free_value)
		m->free_value(e->value);
	free(e);
}

void map_free(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->slots_len; i++) {
		for (struct entry *e = m->slots[i], *next; e; e = next) {
			next = e->next;
			free_entry(m, e);
		}
	}
	free(m->slots);
	free(m);
}

size_t map_size(const struct map *m)
{
	return m->size;
}

/* The link that points to the entry, or to NULL at the end of its chain. */
static struct entry **find(const struct map *m, const void *key, size_t len, uint64_t hash)
{
	struct entry **p = &m->slots[hash & (m->slots_len - 1)];

	while (*p && ((*p)->hash != hash || (*p)->len != len || memcmp((*p)->key, key, len)))
		p = &(*p)->next;
	return p;
}

void *map_get(const struct map *m, const void *key, size_t len)
{
	struct entry *e = *find(m, key, len, hash_bytes(key, len));

	return e ? e->value : NULL;
}

/* A map that cannot grow goes on with longer chains. */
static void grow(struct map *m)
{
	size_t slots_len = m->slots_len * 2;
	struct entry **slots = calloc(slots_len, sizeof(*slots));

	if (!slots)
		return;
	for (size_t i = 0; i < m->slots_len; i++) {
		for (struct entry *e = m->slots[i], *next; e; e = next) {
			struct entry **to = &slots[e->hash & (slots_len - 1)];

			next = e->next;
			e->next = *to;
			*to = e;
		}
	}
	free(m->slots);
	m->slots = slots;
	m->slots_len = slots_len;
}

int map_put(struct map *m, const void *key, size_t len, void *value)
{
	uint64_t hash = hash_bytes(key, len);
	struct entry **p = find(m, key, len, hash), *e = *p;

	if (e) {
		if (m->free_value && e->value != value)
			m->free_value(e->value);
		e->value = value;
		return 0;
	}
	e = malloc(sizeof(*e) + len);
	if (!e)
		return -ENOMEM;
	*e = (struct entry){ .hash = hash, .value = value, .len = len };
	memcpy(e->key, key, len);
	*p = e;
	if (++m->size > m->slots_len)
		grow(m);
	return 0;
}

bool map_del(struct map *m, const void *key, size_t len)
{
	struct entry **p = find(m, key, len, hash_bytes(key, len)), *e = *p;

	if (!e)
		return false;
	*p = e->next;
	m->size--;
	free_entry(m, e);
	return true;
}

void map_each(struct map *m, bool (*fn)(const void *key, size_t len, void *value, void *arg),
	      void *arg)
{
	for (size_t i = 0; i < m->slots_len; i++) {
		struct entry **p = &m->slots[i];

		while (*p) {
			struct entry *e = *p;

			if (!fn(e->key, e->len, e->value, arg)) {
				p = &e->next;
				continue;
			}
			*p = e->next;
			m->size--;
			free_entry(m, e);
		}
	}
}

bool map_always(const void *key, size_t len, void *value, void *arg)
{
	(void)key;
	(void)len;
	(void)value;
	(void)arg;
	return true;
}
