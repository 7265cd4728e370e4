/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "redirect/nft_internal.h"

int nft_new(struct nft **ret_n)
{
	_cleanup_(nft_freep) struct nft *n = calloc(1, sizeof(*n));
	int err = n ? map_new(NULL, &n->chain_by_name) : -ENOMEM;

	if (!err)
		err = map_new(NULL, &n->set_by_name);
	if (!err)
		*ret_n = take_ptr(n);
	return err;
}

void nft_free(struct nft *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->chains_len; i++) {
		free(n->chains[i].table);
		free(n->chains[i].name);
	}
	for (size_t i = 0; i < n->sets_len; i++) {
		free(n->sets[i].table);
		free(n->sets[i].name);
		free(n->sets[i].elems);
	}
	free(n->chains);
	free(n->rules);
	free(n->sets);
	map_free(n->chain_by_name);
	map_free(n->set_by_name);
	free(n);
}

/* --- messages --------------------------------------------------------------------------------- */

static int feed_chain(struct nft *n, uint8_t family, const void *p, size_t len)
{
	struct attr t[NFTA_CHAIN_HOOK + 1], hook[NFTA_HOOK_HOOKNUM + 1];
	char table[NFT_NAME_MAX], name[NFT_NAME_MAX];
	uint32_t i;
	int err;

	attrs_read(p, len, t, array_len(t));
	attr_str(&t[NFTA_CHAIN_TABLE], table);
	attr_str(&t[NFTA_CHAIN_NAME], name);
	err = nft_chain_of(n, family, table, name, &i);
	if (err || !t[NFTA_CHAIN_HOOK].p)
		return err;
	attrs_read(t[NFTA_CHAIN_HOOK].p, t[NFTA_CHAIN_HOOK].len, hook, array_len(hook));
	n->chains[i].base =
		(family == NFPROTO_IPV4 || family == NFPROTO_IPV6 || family == NFPROTO_INET) &&
		hook[NFTA_HOOK_HOOKNUM].p &&
		attr_be32(&hook[NFTA_HOOK_HOOKNUM]) == NF_INET_PRE_ROUTING;
	return 0;
}

static int feed_rule(struct nft *n, uint8_t family, const void *p, size_t len)
{
	struct attr t[NFTA_RULE_EXPRESSIONS + 1];
	char table[NFT_NAME_MAX], name[NFT_NAME_MAX];
	struct rule r;
	struct chain *c;
	uint32_t i;
	int err;

	attrs_read(p, len, t, array_len(t));
	attr_str(&t[NFTA_RULE_TABLE], table);
	attr_str(&t[NFTA_RULE_CHAIN], name);
	if (!t[NFTA_RULE_EXPRESSIONS].p)
		return 0;
	err = nft_rule_read(n, family, table, t[NFTA_RULE_EXPRESSIONS].p,
			    t[NFTA_RULE_EXPRESSIONS].len, &r);
	if (err || r.act == ACT_NONE || r.m.never)
		return err;
	err = nft_chain_of(n, family, table, name, &i);
	if (!err)
		err = nft_grow((void **)&n->rules, n->rules_len, sizeof(*n->rules), NFT_RULES_MAX);
	if (err)
		return err;
	c = &n->chains[i];
	n->rules[n->rules_len] = r;
	if (c->tail == NONE)
		c->head = (uint32_t)n->rules_len;
	else
		n->rules[c->tail].next = (uint32_t)n->rules_len;
	c->tail = (uint32_t)n->rules_len++;
	return 0;
}

static int feed_set(struct nft *n, uint8_t family, const void *p, size_t len)
{
	struct attr t[NFTA_SET_FLAGS + 1];
	char table[NFT_NAME_MAX], name[NFT_NAME_MAX];
	uint32_t i;
	int err;

	attrs_read(p, len, t, array_len(t));
	attr_str(&t[NFTA_SET_TABLE], table);
	attr_str(&t[NFTA_SET_NAME], name);
	err = nft_set_of(n, family, table, name, &i);
	if (!err)
		n->sets[i].flags = attr_be32(&t[NFTA_SET_FLAGS]);
	return err;
}

static size_t read_value(const struct attr *data, uint8_t out[4 * SLOTS])
{
	struct attr t[NFTA_DATA_VALUE + 1];
	size_t len;

	attrs_read(data->p, data->len, t, array_len(t));
	len = t[NFTA_DATA_VALUE].len < 4 * SLOTS ? t[NFTA_DATA_VALUE].len : 4 * SLOTS;
	if (len)
		memcpy(out, t[NFTA_DATA_VALUE].p, len);
	return len;
}

static int read_verdict(struct nft *n, const struct set *s, const struct attr *data,
			uint32_t *ret_chain)
{
	struct attr t[NFTA_DATA_VERDICT + 1], v[NFTA_VERDICT_CHAIN + 1];
	char name[NFT_NAME_MAX];

	attrs_read(data->p, data->len, t, array_len(t));
	if (!t[NFTA_DATA_VERDICT].p)
		return 0;
	attrs_read(t[NFTA_DATA_VERDICT].p, t[NFTA_DATA_VERDICT].len, v, array_len(v));
	if (!v[NFTA_VERDICT_CHAIN].p)
		return 0;
	attr_str(&v[NFTA_VERDICT_CHAIN], name);
	return nft_chain_of(n, s->family, s->table, name, ret_chain);
}

static int feed_elem(struct nft *n, uint32_t set, const struct attr *a)
{
	struct attr t[NFTA_SET_ELEM_KEY_END + 1];
	struct set *s = &n->sets[set];
	struct elem e = { .chain = NONE };
	int err;

	attrs_read(a->p, a->len, t, array_len(t));
	e.is_end = attr_be32(&t[NFTA_SET_ELEM_FLAGS]) & NFT_SET_ELEM_INTERVAL_END;
	e.len = t[NFTA_SET_ELEM_KEY].p ? (uint8_t)read_value(&t[NFTA_SET_ELEM_KEY], e.key) : 0;
	e.has_end = t[NFTA_SET_ELEM_KEY_END].p &&
		    read_value(&t[NFTA_SET_ELEM_KEY_END], e.key_end) == e.len;
	err = t[NFTA_SET_ELEM_DATA].p ? read_verdict(n, s, &t[NFTA_SET_ELEM_DATA], &e.chain) : 0;
	if (!err && n->elems_total >= NFT_ELEMS_MAX)
		err = -E2BIG;
	if (!err)
		err = nft_grow((void **)&s->elems, s->len, sizeof(*s->elems), NFT_ELEMS_MAX);
	if (err)
		return err;
	n->elems_total++;
	s->sorted = false;
	s->elems[s->len++] = e;
	return 0;
}

static int feed_elems(struct nft *n, uint8_t family, const void *p, size_t len)
{
	struct attr t[NFTA_SET_ELEM_LIST_ELEMENTS + 1], a;
	char table[NFT_NAME_MAX], name[NFT_NAME_MAX];
	const uint8_t *at;
	uint32_t i;
	int err;

	attrs_read(p, len, t, array_len(t));
	attr_str(&t[NFTA_SET_ELEM_LIST_TABLE], table);
	attr_str(&t[NFTA_SET_ELEM_LIST_SET], name);
	err = nft_set_of(n, family, table, name, &i);
	at = t[NFTA_SET_ELEM_LIST_ELEMENTS].p;
	len = t[NFTA_SET_ELEM_LIST_ELEMENTS].len;
	while (!err && attr_next(&at, &len, &a))
		err = feed_elem(n, i, &a);
	return err;
}

int nft_feed(struct nft *n, const struct nlmsghdr *h)
{
	const size_t head = NLMSG_LENGTH(sizeof(struct nfgenmsg));
	const struct nfgenmsg *g = NLMSG_DATA(h);
	const uint8_t *p = (const uint8_t *)h + NLMSG_ALIGN(head);

	if (h->nlmsg_len < head)
		return -EBADMSG;
	switch (h->nlmsg_type) {
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN:
		return feed_chain(n, g->nfgen_family, p, h->nlmsg_len - head);
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE:
		return feed_rule(n, g->nfgen_family, p, h->nlmsg_len - head);
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSET:
		return feed_set(n, g->nfgen_family, p, h->nlmsg_len - head);
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM:
		return feed_elems(n, g->nfgen_family, p, h->nlmsg_len - head);
	}
	return 0;
}

bool nft_wants(const struct nft *n, size_t *at, struct nft_set_name *ret)
{
	while (*at < n->sets_len) {
		const struct set *s = &n->sets[(*at)++];

		if (!s->wanted)
			continue;
		*ret = (struct nft_set_name){ s->family, s->table, s->name };
		return true;
	}
	return false;
}
