/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An --on-alert program for tests: sends "NANOSECONDS JSON" (CLOCK_BOOTTIME at its start) as one
 * datagram to $HOOK_SOCKET.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	const char *path = getenv("HOOK_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char text[65536];
	struct timespec t;
	size_t len;
	ssize_t n;
	int fd;

	clock_gettime(CLOCK_BOOTTIME, &t);
	if (!path || strlen(path) >= sizeof(to.sun_path))
		return 1;
	memcpy(to.sun_path, path, strlen(path));
	len = (size_t)snprintf(text, sizeof(text), "%lld%09ld ", (long long)t.tv_sec, t.tv_nsec);
	while (len < sizeof(text) && (n = read(0, text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, text, len, 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return 1;
	return 0;
}
