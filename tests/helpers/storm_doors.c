/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opens and closes TCP doors as a load with a ledger: storm_doors COUNT RATE FIRST_PORT PORTS
 * [hold]
 *
 * RATE is doors a second (0: as fast as one core can). Doors go to 0.0.0.0:FIRST_PORT.. in turn
 * over PORTS ports; FIRST_PORT 0: ports the kernel chooses. The ledger on standard output has a
 * line for each: "open COOKIE PORT", when it listened, and "close COOKIE PORT", when it was closed.
 * With "hold" all stay open until SIGTERM. A signal ends it between two doors.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000L

static volatile sig_atomic_t stopping;

static void on_signal(int signo)
{
	(void)signo;
	stopping = 1;
}

/* A port that somebody else has is passed over: the ledger has what was opened. */
static int open_door(uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	socklen_t len = sizeof(v4);
	unsigned long long cookie = 0;
	socklen_t cookie_len = sizeof(cookie);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&v4, sizeof(v4)) < 0 || listen(fd, 1) < 0) {
		close(fd);
		return -1;
	}
	getsockname(fd, (struct sockaddr *)&v4, &len);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &cookie_len);
	printf("open %llu %u\n", cookie, ntohs(v4.sin_port));
	return fd;
}

static void close_door(int fd)
{
	struct sockaddr_in v4;
	socklen_t len = sizeof(v4), cookie_len = sizeof(uint64_t);
	unsigned long long cookie = 0;

	getsockname(fd, (struct sockaddr *)&v4, &len);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &cookie_len);
	close(fd);
	printf("close %llu %u\n", cookie, ntohs(v4.sin_port));
}

static void wait_turn(struct timespec *next, long rate)
{
	if (!rate)
		return;
	next->tv_nsec += NS_PER_S / rate;
	if (next->tv_nsec >= NS_PER_S) {
		next->tv_nsec -= NS_PER_S;
		next->tv_sec++;
	}
	fflush(stdout);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

int main(int argc, char **argv)
{
	const struct sigaction act = { .sa_handler = on_signal };
	struct rlimit files = { 65536, 65536 };
	struct timespec next;
	int *held = NULL, held_len = 0;

	if (argc < 5)
		return 2;
	long count = strtol(argv[1], NULL, 10), rate = strtol(argv[2], NULL, 10);
	long first = strtol(argv[3], NULL, 10), ports = strtol(argv[4], NULL, 10);

	if (ports < 1)
		return 2;
	if (argc > 5 && !strcmp(argv[5], "hold"))
		held = calloc((size_t)count, sizeof(*held));
	setrlimit(RLIMIT_NOFILE, &files);
	sigaction(SIGTERM, &act, NULL);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (long i = 0; i < count && !stopping; i++) {
		int fd = open_door(first ? (uint16_t)(first + i % ports) : 0);

		if (fd >= 0 && held)
			held[held_len++] = fd;
		else if (fd >= 0)
			close_door(fd);
		wait_turn(&next, rate);
	}
	fflush(stdout);
	if (held) {
		sigset_t none;

		fprintf(stderr, "open\n");
		sigemptyset(&none);
		while (!stopping)
			sigsuspend(&none);
	}
	for (int i = 0; i < held_len; i++)
		close_door(held[i]);
	fflush(stdout);
	free(held);
	return 0;
}
