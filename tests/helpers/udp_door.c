/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Binds UDP sockets as servers and clients do: udp_door WAY PORT [N]; says "open" and holds what it
 * has until a signal. Ways: stay; port0; failed (a bind to port 0 that fails, then PORT); connect;
 * undo (connects, and undoes it after two seconds); brief (N sockets on ports from PORT on, each
 * closed when it has sent); member (of a multicast group, as SO_REUSEADDR allows).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in at(const char *ip, unsigned port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	inet_pton(AF_INET, ip, &sin.sin_addr);
	return sin;
}

static int bind_at(int fd, const char *ip, unsigned port)
{
	struct sockaddr_in sin = at(ip, port);

	return bind(fd, (struct sockaddr *)&sin, sizeof(sin));
}

static int connect_to_nobody(int fd)
{
	struct sockaddr_in sin = at("127.0.0.1", 9);

	return connect(fd, (struct sockaddr *)&sin, sizeof(sin));
}

static int brief(unsigned port, int n)
{
	struct sockaddr_in to = at("127.0.0.1", 9);

	for (int i = 0; i < n; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		if (fd < 0 || bind_at(fd, "0.0.0.0", port + (unsigned)i) < 0)
			return -1;
		/* Nobody need be there. */
		(void)!sendto(fd, "q", 1, 0, (struct sockaddr *)&to, sizeof(to));
		close(fd);
	}
	return 0;
}

static int member(int fd, unsigned port)
{
	struct ip_mreq group = { .imr_interface.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	inet_pton(AF_INET, "224.0.0.251", &group.imr_multiaddr);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind_at(fd, "0.0.0.0", port) < 0)
		return -1;
	return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
}

static int do_way(const char *way, int fd, unsigned port, int n)
{
	if (!strcmp(way, "brief"))
		return brief(port, n);
	if (!strcmp(way, "member"))
		return member(fd, port);
	if (!strcmp(way, "port0"))
		port = 0;
	if (!strcmp(way, "failed") && bind_at(fd, "203.0.113.7", 0) == 0)
		return -1;
	if (bind_at(fd, "0.0.0.0", port) < 0)
		return -1;
	return !strcmp(way, "connect") || !strcmp(way, "undo") ? connect_to_nobody(fd) : 0;
}

int main(int argc, char **argv)
{
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	struct timespec settled = { .tv_sec = 2 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc < 3 || fd < 0)
		return 2;
	if (do_way(argv[1], fd, (unsigned)strtoul(argv[2], NULL, 10),
		   argc > 3 ? (int)strtol(argv[3], NULL, 10) : 1) < 0) {
		perror(argv[1]);
		return 1;
	}
	puts("open");
	fflush(stdout);
	if (!strcmp(argv[1], "undo")) {
		nanosleep(&settled, NULL);
		if (connect(fd, &nowhere, sizeof(nowhere)) < 0)
			return 1;
	}
	pause(); /* until a signal ends it */
	return 0;
}
