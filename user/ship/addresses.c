/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "store/health.h"

/* Loopback and link-local ones are everybody's. */
static bool text_of_address(const struct sockaddr *sa, char text[INET6_ADDRSTRLEN])
{
	if (sa->sa_family == AF_INET) {
		const struct in_addr *a = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;

		return ntohl(a->s_addr) >> 24 != IN_LOOPBACKNET &&
		       inet_ntop(AF_INET, a, text, INET6_ADDRSTRLEN);
	}
	if (sa->sa_family == AF_INET6) {
		const struct in6_addr *a =
			&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

		return !IN6_IS_ADDR_LOOPBACK(a) && !IN6_IS_ADDR_LINKLOCAL(a) &&
		       inet_ntop(AF_INET6, a, text, INET6_ADDRSTRLEN);
	}
	return false;
}

int addresses_put(struct buf *b)
{
	struct ifaddrs *all = NULL;
	char text[INET6_ADDRSTRLEN];
	unsigned n = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || !text_of_address(i->ifa_addr, text))
			continue;
		if (n == ADDRESSES_MAX) {
			buf_puts(b, " " HEALTH_ADDRESSES_MORE);
			break;
		}
		buf_printf(b, "%s%s", n++ ? " " : "", text);
	}
	freeifaddrs(all);
	return b->err;
}
