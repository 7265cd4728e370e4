/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opens a loopback TCP door in an odd way and ends at once: a process that lives a millisecond.
 * odd_door plain|unlink|name|compat [ignored arguments...]
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_door(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, 1) < 0)
		return 1;
	return 0;
}

#ifdef __x86_64__
/* A 32-bit system call from a 64-bit program: its pointers must lie below 4 GiB. */
static int call32(int nr, long a, long b, long c)
{
	int ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static int open_door_compat(void)
{
	enum { SOCKET = 359, BIND = 361, LISTEN = 363 };
	struct sockaddr_in *sin = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (sin == MAP_FAILED)
		return 1;
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = call32(SOCKET, AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		return 77;
	if (call32(BIND, fd, (long)(uintptr_t)sin, sizeof(*sin)) < 0 ||
	    call32(LISTEN, fd, 1, 0) < 0)
		return 1;
	return 0;
}
#else
static int open_door_compat(void)
{
	return 77;
}
#endif

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "plain";

	if (!strcmp(way, "unlink"))
		unlink(argv[0]);
	if (!strcmp(way, "name"))
		prctl(PR_SET_NAME, "\033[31m\xff\nx");
	if (!strcmp(way, "compat"))
		return open_door_compat();
	return open_door();
}
