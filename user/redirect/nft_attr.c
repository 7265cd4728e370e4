/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <string.h>

#include "redirect/nft_internal.h"

/* Attributes of a netlink message. */

bool attr_next(const uint8_t **p, size_t *left, struct attr *ret)
{
	struct nlattr a;
	size_t whole;

	if (*left < sizeof(a))
		return false;
	memcpy(&a, *p, sizeof(a));
	if (a.nla_len < sizeof(a) || a.nla_len > *left)
		return false;
	*ret = (struct attr){ a.nla_type & NLA_TYPE_MASK, *p + sizeof(a), a.nla_len - sizeof(a) };
	whole = NLA_ALIGN(a.nla_len);
	if (whole > *left)
		whole = *left;
	*p += whole;
	*left -= whole;
	return true;
}

void attrs_read(const void *p, size_t len, struct attr *tab, unsigned n)
{
	const uint8_t *at = p;
	struct attr a;

	memset(tab, 0, n * sizeof(*tab));
	while (attr_next(&at, &len, &a)) {
		if (a.type < n)
			tab[a.type] = a;
	}
}

uint32_t attr_be32(const struct attr *a)
{
	uint32_t v = 0;

	if (a->p && a->len >= sizeof(v))
		memcpy(&v, a->p, sizeof(v));
	return ntohl(v);
}

void attr_str(const struct attr *a, char out[NFT_NAME_MAX])
{
	size_t n = a->p ? strnlen((const char *)a->p, a->len) : 0;

	if (n >= NFT_NAME_MAX)
		n = NFT_NAME_MAX - 1;
	if (n)
		memcpy(out, a->p, n);
	out[n] = '\0';
}
