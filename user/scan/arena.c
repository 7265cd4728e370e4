/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (16u << 10)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	char bytes[];
};

void arena_reset(struct arena *a)
{
	for (struct arena_block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	a->blocks = NULL;
	a->used = 0;
}

static struct arena_block *room(struct arena *a, size_t n)
{
	size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
	struct arena_block *b = a->blocks;

	if (b && b->size - b->used >= n)
		return b;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	*b = (struct arena_block){ .next = a->blocks, .size = size };
	a->blocks = b;
	return b;
}

struct text arena_put(struct arena *a, const char *p, size_t n)
{
	struct arena_block *b;
	char *at;

	if (n >= a->max - a->used)
		return (struct text){ 0 };
	b = room(a, n + 1);
	if (!b)
		return (struct text){ 0 };
	at = b->bytes + b->used;
	memcpy(at, p, n);
	at[n] = '\0';
	b->used += n + 1;
	a->used += n + 1;
	return (struct text){ at, (uint32_t)n };
}
