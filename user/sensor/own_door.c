/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/own_door.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

const struct own_door own_doors[OWN_DOORS] = {
	{ AF_INET, SOCK_STREAM, HOOK_LISTEN, "TCP" },
	{ AF_INET6, SOCK_STREAM, HOOK_LISTEN, "TCP on IPv6" },
	{ AF_INET, SOCK_DGRAM, HOOK_POST_BIND4, "UDP" },
	{ AF_INET6, SOCK_DGRAM, HOOK_POST_BIND6, "UDP on IPv6" },
};

int own_door_open(const struct own_door *d, int *ret_fd, uint64_t *ret_cookie)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	_close_ int fd = socket(d->family, d->type | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*ret_cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, ret_cookie, &len) < 0)
		return -errno;
	if (d->family == AF_INET ? bind(fd, (const struct sockaddr *)&v4, sizeof(v4))
				 : bind(fd, (const struct sockaddr *)&v6, sizeof(v6)))
		return -errno;
	if (d->type == SOCK_STREAM && listen(fd, 1) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}
