/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_REDIRECT_NFT_H
#define AJAR_REDIRECT_NFT_H

#include "redirect/list.h"

struct nlmsghdr;

/*
 * The nftables rules of a network namespace, kept as far as they redirect what comes in: dnat,
 * redirect and tproxy, also as iptables-nft writes them, and what they depend on of protocol, port
 * and address. Fed with the kernel's messages; what they say is bounded and checked like a
 * stranger's. Which rule comes first, what interfaces, marks and sources must be, is not looked at:
 * a way that is listed may be barred by something else.
 */
#define NFT_RULES_MAX 1000000
#define NFT_ELEMS_MAX 200000
#define NFT_NAME_MAX 256

struct nft;
must_check int nft_new(struct nft **ret_n);
void nft_free(struct nft *n);
DEFINE_FREEP(struct nft, nft_free)
/*
 * A NEWCHAIN, NEWRULE, NEWSET or NEWSETELEM; others are passed over. -EBADMSG, -ENOMEM, -E2BIG: too
 * many.
 */
must_check int nft_feed(struct nft *n, const struct nlmsghdr *h);

/*
 * A set or map that rules look into: its elements are to be fed. false at the end; start with *at
 * 0.
 */
struct nft_set_name {
	uint8_t family;
	const char *table, *set;
};
bool nft_wants(const struct nft *n, size_t *at, struct nft_set_name *ret);

/*
 * Goes through what is reached from prerouting; addrs: only what is for the machine itself. NULL:
 * whatever it is for.
 */
void nft_walk(struct nft *n, const struct redirect_addrs *addrs, struct redirect_list *l);

#endif
