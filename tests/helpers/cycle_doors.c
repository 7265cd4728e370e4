/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opens and closes COUNT doors of TCP on loopback, one after the other, and prints how many
 * nanoseconds one took: cycle_doors COUNT
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	unsigned long n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	uint64_t start = now_ns();

	if (!n || n > 10000000)
		return 2;
	for (unsigned long i = 0; i < n; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) || listen(fd, 1)) {
			perror("cycle");
			return 1;
		}
		close(fd);
	}
	printf("%" PRIu64 "\n", (now_ns() - start) / n);
	return 0;
}
