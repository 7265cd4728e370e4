/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opens doors on loopback's and all addresses' behalf: hold_door [tcp|udp] ADDR PORT..., says
 * "open" and holds them until a signal.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int hold(int type, const char *addr, const char *port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	int is_v6 = inet_pton(AF_INET, addr, &v4.sin_addr) != 1, fd, on = 1;

	v4.sin_port = v6.sin6_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (is_v6 && inet_pton(AF_INET6, addr, &v6.sin6_addr) != 1)
		return -1;
	fd = socket(is_v6 ? AF_INET6 : AF_INET, type, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4,
		 is_v6 ? sizeof(v6) : sizeof(v4)) < 0)
		return -1;
	/* Nobody accepts: the queue has room for all the scans of a test. */
	return type == SOCK_STREAM ? listen(fd, 4096) : 0;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	for (int i = 3; i < argc; i++) {
		if (hold(strcmp(argv[1], "udp") ? SOCK_STREAM : SOCK_DGRAM, argv[2], argv[i]) < 0) {
			perror(argv[i]);
			return 1;
		}
	}
	puts("open");
	fflush(stdout);
	pause(); /* until a signal ends it, and the doors with it */
	return 0;
}
