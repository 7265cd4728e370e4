/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_REDIRECT_NFT_INTERNAL_H
#define AJAR_REDIRECT_NFT_INTERNAL_H

#include "redirect/nft.h"

#define SLOTS 16 /* registers of four bytes */
#define NONE UINT32_MAX

enum field { FIELD_NONE, FIELD_PROTO, FIELD_DPORT, FIELD_DADDR4, FIELD_DADDR6, FIELD_OTHER };

/* Which packets: IP protocol (0: any), ports, one address (family 0: any). */
struct match {
	uint16_t lo, hi;
	uint8_t proto, family;
	uint8_t addr[16];
	bool never;
};

enum act { ACT_NONE, ACT_JUMP, ACT_VMAP, ACT_REDIRECT };
enum how { HOW_DNAT, HOW_REDIRECT, HOW_TPROXY };

struct redirect_to {
	enum how how;
	uint8_t family; /* 0: no one address */
	uint8_t addr[16];
	uint16_t port;
	bool by_map;
};

struct rule {
	uint32_t next; /* in its chain */
	struct match m;
	enum act act;
	uint32_t chain; /* ACT_JUMP: to there */
	uint32_t set; /* must be in it; or the map that says whereto */
	uint8_t fields[SLOTS]; /* of the set's key */
	struct redirect_to to;
};

struct chain {
	char *table, *name;
	uint8_t family;
	bool base; /* hooked where packets come in */
	uint32_t head, tail;
	uint8_t seen; /* of the walk: 1 all of it was gone through */
	uint8_t asked; /* 1 being looked for, 2 known */
	uint32_t first, via; /* a rule that redirects, below it; the chain it is in */
};

struct elem {
	uint8_t key[4 * SLOTS], key_end[4 * SLOTS];
	uint8_t len;
	bool has_end, is_end;
	uint32_t chain;
};

struct set {
	char *table, *name;
	uint8_t family;
	uint32_t flags;
	uint32_t id;
	bool wanted, sorted;
	struct elem *elems;
	size_t len, cap;
};

struct nft {
	struct chain *chains;
	size_t chains_len;
	struct rule *rules;
	size_t rules_len, rules_cap;
	struct set *sets;
	size_t sets_len, elems_total;
	struct map *chain_by_name, *set_by_name; /* index + 1 */
};

/* Room for one more of an array that doubles. */
must_check int nft_grow(void **p, size_t len, size_t size, size_t max);
must_check int nft_chain_of(struct nft *n, uint8_t family, const char *table, const char *name,
			    uint32_t *ret_i);
must_check int nft_set_of(struct nft *n, uint8_t family, const char *table, const char *name,
			  uint32_t *ret_i);
/* The expressions of a rule: what it matches and does. */
must_check int nft_rule_read(struct nft *n, uint8_t family, const char *table, const void *exprs,
			     size_t len, struct rule *ret);

/* Attributes: a bounded walk. */
struct attr {
	unsigned type;
	const uint8_t *p;
	size_t len;
};
bool attr_next(const uint8_t **p, size_t *left, struct attr *ret);
/* Fills tab[type] for types below n. */
void attrs_read(const void *p, size_t len, struct attr *tab, unsigned n);
uint32_t attr_be32(const struct attr *a); /* 0 when it is absent or shorter */
void attr_str(const struct attr *a, char out[NFT_NAME_MAX]);

#endif
