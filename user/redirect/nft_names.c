/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "redirect/nft_internal.h"

/*
 * Chains and sets by the names that rules call them by; one that is named before it is listed has a
 * place, too.
 */
#define CHAINS_MAX 200000
#define SETS_MAX 20000

static size_t key_of(uint8_t family, const char *table, const char *name,
		     char key[2 * NFT_NAME_MAX + 1])
{
	size_t a = strlen(table) + 1, b = strlen(name);

	key[0] = (char)family;
	memcpy(key + 1, table, a);
	memcpy(key + 1 + a, name, b);
	return 1 + a + b;
}

/* Room for one more of an array that doubles. */
int nft_grow(void **p, size_t len, size_t size, size_t max)
{
	void *more;

	if (len >= max)
		return -E2BIG;
	if (len & (len - 1))
		return 0; /* not a power of two: there is room */
	more = reallocarray(*p, len ? 2 * len : 1, size);
	if (!more)
		return -ENOMEM;
	*p = more;
	return 0;
}

int nft_chain_of(struct nft *n, uint8_t family, const char *table, const char *name,
		 uint32_t *ret_i)
{
	char key[2 * NFT_NAME_MAX + 1];
	size_t len = key_of(family, table, name, key);
	uintptr_t i = (uintptr_t)map_get(n->chain_by_name, key, len);
	struct chain *c;
	int err;

	if (!i) {
		err = nft_grow((void **)&n->chains, n->chains_len, sizeof(*n->chains), CHAINS_MAX);
		if (err)
			return err;
		c = &n->chains[n->chains_len];
		*c = (struct chain){ .table = strdup(table),
				     .name = strdup(name),
				     .family = family,
				     .head = NONE,
				     .tail = NONE };
		i = ++n->chains_len;
		if (!c->table || !c->name)
			return -ENOMEM;
		err = map_put(n->chain_by_name, key, len, (void *)i);
		if (err)
			return err;
	}
	*ret_i = (uint32_t)i - 1;
	return 0;
}

int nft_set_of(struct nft *n, uint8_t family, const char *table, const char *name, uint32_t *ret_i)
{
	char key[2 * NFT_NAME_MAX + 1];
	size_t len = key_of(family, table, name, key);
	uintptr_t i = (uintptr_t)map_get(n->set_by_name, key, len);
	struct set *s;
	int err;

	if (!i) {
		err = nft_grow((void **)&n->sets, n->sets_len, sizeof(*n->sets), SETS_MAX);
		if (err)
			return err;
		s = &n->sets[n->sets_len];
		*s = (struct set){ .table = strdup(table), .name = strdup(name), .family = family };
		i = ++n->sets_len;
		if (!s->table || !s->name)
			return -ENOMEM;
		err = map_put(n->set_by_name, key, len, (void *)i);
		if (err)
			return err;
	}
	*ret_i = (uint32_t)i - 1;
	return 0;
}
