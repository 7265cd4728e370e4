/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void unmap(struct address *a)
{
	if (a->family != FAMILY_INET6 || memcmp(a->bytes, mapped, sizeof(mapped)))
		return;
	a->family = FAMILY_INET;
	memmove(a->bytes, a->bytes + 12, 4);
	memset(a->bytes + 4, 0, 12);
}

int address_parse(const char *s, struct address *ret_a)
{
	struct address a = { 0 };

	if (inet_pton(AF_INET, s, a.bytes) == 1)
		a.family = FAMILY_INET;
	else if (inet_pton(AF_INET6, s, a.bytes) == 1)
		a.family = FAMILY_INET6;
	else
		return -EINVAL;
	unmap(&a);
	*ret_a = a;
	return 0;
}

void address_format(const struct address *a, char text[ADDRESS_TEXT_MAX])
{
	if (!inet_ntop(a->family == FAMILY_INET ? AF_INET : AF_INET6, a->bytes, text,
		       ADDRESS_TEXT_MAX))
		text[0] = '\0';
}

bool address_eq(const struct address *a, const struct address *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool address_is_loopback(const struct address *a)
{
	return door_scope_of(a->family, a->bytes) == SCOPE_LOOPBACK;
}

bool address_is_host(const struct address *a)
{
	static const uint8_t none[16];

	if (a->family == FAMILY_INET)
		return a->bytes[0] && a->bytes[0] < 224;
	return a->bytes[0] != 0xff && memcmp(a->bytes, none, sizeof(none));
}

static int parse_network(const char *s, size_t n, struct networks *nets)
{
	char text[64];
	char *slash;
	uint32_t bits;
	unsigned max;

	if (!n || n >= sizeof(text) || nets->len == NETWORKS_MAX)
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	slash = strchr(text, '/');
	if (slash)
		*slash = '\0';
	if (address_parse(text, &nets->list[nets->len].at))
		return -EINVAL;
	max = nets->list[nets->len].at.family == FAMILY_INET ? 32 : 128;
	bits = max;
	if (slash && (parse_u32(slash + 1, &bits) || bits > max))
		return -EINVAL;
	nets->list[nets->len++].bits = bits;
	return 0;
}

int networks_parse(const char *s, struct networks *ret_n)
{
	static const char blanks[] = " ,\t";
	struct networks nets = { 0 };

	for (s += strspn(s, blanks); *s; s += strspn(s, blanks)) {
		size_t n = strcspn(s, blanks);

		if (parse_network(s, n, &nets))
			return -EINVAL;
		s += n;
	}
	*ret_n = nets;
	return 0;
}

static bool is_in(const struct address *a, const struct address *net, unsigned bits)
{
	if (a->family != net->family || memcmp(a->bytes, net->bytes, bits / 8))
		return false;
	return !(bits % 8) || !((a->bytes[bits / 8] ^ net->bytes[bits / 8]) >> (8 - bits % 8));
}

bool networks_have(const struct networks *n, const struct address *a)
{
	for (unsigned i = 0; i < n->len; i++) {
		if (is_in(a, &n->list[i].at, n->list[i].bits))
			return true;
	}
	return false;
}

/* Link-local addresses need an interface beside them, which nmap is not told. */
static bool take(const struct ifaddrs *i, struct address *a)
{
	*a = (struct address){ 0 };
	if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
		return false;
	if (i->ifa_addr->sa_family == AF_INET) {
		a->family = FAMILY_INET;
		memcpy(a->bytes, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr,
		       4);
		return true;
	}
	if (i->ifa_addr->sa_family != AF_INET6)
		return false;
	a->family = FAMILY_INET6;
	memcpy(a->bytes, &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr, 16);
	return a->bytes[0] != 0xfe || (a->bytes[1] & 0xc0) != 0x80;
}

int address_own(struct address *a, unsigned max, unsigned *ret_n)
{
	struct ifaddrs *all;
	struct address one;
	unsigned n = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (int loopback = 0; loopback < 2 && !n; loopback++) {
		for (const struct ifaddrs *i = all; i && n < max; i = i->ifa_next) {
			if (take(i, &one) && address_is_loopback(&one) == (bool)loopback)
				a[n++] = one;
		}
	}
	freeifaddrs(all);
	*ret_n = n;
	return 0;
}
