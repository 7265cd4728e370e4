/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How soon each tier tells of a TCP door, from before its listen() to the callback, one door at a
 * time on a machine as it is; then what looking costs where there is no BPF, by the number of
 * sockets: a glance at the own namespace, a look at everything with holders, and what the two take
 * of a processor in ten seconds, beside how often doors are looked for. Figures are printed, not
 * judged: only that each door was told.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/event.h"
#include "sensor/poller.h"
#include "sensor/sensor.h"
#include "tap.h"

#define DOORS 40
#define GLANCES 21
#define LOOKS 5
#define WAIT_NS UINT64_C(20000000000)
#define WATCH_NS UINT64_C(10000000000)

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int listener(uint16_t *ret_port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(sin);

	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&sin, &len))
		perror("listener");
	*ret_port = ntohs(sin.sin_port);
	return fd;
}

struct awaited {
	uint16_t port;
	bool told;
};

static int take(const struct event *ev, void *arg)
{
	struct awaited *a = arg;

	a->told |= ev->kind == EVENT_OPEN && ev->door.port == a->port &&
		   ev->opener.pid == (uint32_t)getpid();
	return 0;
}

/* Milliseconds; negative: it was not told in time. */
static double one_door(struct sensor *s)
{
	struct awaited a = { 0 };
	struct pollfd p = { .fd = sensor_fd(s), .events = POLLIN };
	uint64_t from = clock_boot_ns();
	int fd = listener(&a.port);
	double ms = -1;

	while (!a.told && clock_boot_ns() - from < WAIT_NS) {
		if (poll(&p, 1, 20) > 0 && sensor_drain(s, take, &a) < 0)
			break;
	}
	if (a.told)
		ms = (double)(clock_boot_ns() - from) / 1e6;
	close(fd);
	return ms;
}

static void how_soon(char tier, unsigned doors)
{
	const struct sensor_opts o = { .tier = tier };
	_cleanup_(sensor_freep) struct sensor *s = NULL;
	_free_ char *why = NULL;
	struct awaited none = { 0 };
	double ms[DOORS];
	unsigned told = 0;

	if (!ok(!sensor_open(&o, &s, &why) && sensor_sweep(s, ORIGIN_SNAPSHOT, take, &none) >= 0,
		"a sensor of tier %c%s%s", tier, why ? ": " : "", why ? why : ""))
		return;
	for (unsigned i = 0; i < doors; i++) {
		ms[i] = one_door(s);
		told += ms[i] >= 0;
	}
	is_int(told, doors, "tells of each door");
	qsort(ms, doors, sizeof(*ms), by_value);
	printf("# tier %c: a TCP door is told after %.2f ms (median of %u; %.2f to %.2f)\n", tier,
	       ms[doors / 2], doors, ms[0], ms[doors - 1]);
}

/* --- the cost of looking ------------------------------------------------------------------------------ */

static int ignore(const struct ajar_header *h, void *arg)
{
	(void)h;
	(void)arg;
	return 0;
}

static double median_ms(struct poller *p, unsigned n, bool look)
{
	struct poller_sum sum = { 0 };
	double ms[GLANCES];

	for (unsigned i = 0; i < n; i++) {
		if (look ? poller_look(p, ignore, NULL, &sum) : poller_glance(p, &sum))
			return -1;
		ms[i] = (double)sum.cpu_ns / 1e6;
	}
	qsort(ms, n, sizeof(*ms), by_value);
	return ms[n / 2];
}

static double cpu_ms(void)
{
	double ms = 0;

	for (int who = RUSAGE_CHILDREN; who <= RUSAGE_SELF; who++) {
		struct rusage u;

		if (getrusage(who, &u))
			continue;
		ms += (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
		      (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
	}
	return ms;
}

/* Of the sensor and its child, which is counted when it has ended. */
static void watched(char tier)
{
	const struct sensor_opts o = { .tier = tier };
	struct sensor *s = NULL;
	struct awaited none = { 0 };
	double before = cpu_ms();
	unsigned wakes = 0;

	if (!ok(!sensor_open(&o, &s, NULL), "it is watched"))
		return;
	bool fine = sensor_sweep(s, ORIGIN_SNAPSHOT, take, &none) >= 0;
	struct pollfd p = { .fd = sensor_fd(s), .events = POLLIN };
	double first = cpu_ms();
	uint64_t until = clock_boot_ns() + WATCH_NS;
	while (fine && clock_boot_ns() < until) {
		if (poll(&p, 1, 100) <= 0)
			continue;
		wakes++;
		fine = sensor_drain(s, take, &none) >= 0;
	}
	double own = cpu_ms() - first;
	ok(fine, "for ten seconds");
	sensor_free(s, true);
	printf("#   tier %c, ten seconds: %u wakes; %.1f ms of a processor by itself, %.1f with "
	       "the "
	       "child's and the first look\n",
	       tier, wakes, own, cpu_ms() - before);
}

static void cost(unsigned sockets)
{
	int *fds = calloc(sockets, sizeof(*fds));
	struct poller *p = NULL;
	uint16_t port;

	for (unsigned i = 0; fds && i < sockets; i++)
		fds[i] = listener(&port);
	if (!ok(fds && !poller_start(false, 4096, getuid(), getgid(), &p), "a machine with %u more",
		sockets))
		return;
	double glance = median_ms(p, GLANCES, false), look = median_ms(p, LOOKS, true);
	ok(glance >= 0 && look >= 0, "is looked at");
	printf("# %u more sockets: a glance takes %.2f ms of a processor, a look %.1f ms\n",
	       sockets, glance, look);
	poller_free(p);
	watched('D');
	watched('C');
	for (unsigned i = 0; i < sockets; i++)
		close(fds[i]);
	free(fds);
}

int main(void)
{
	const struct rlimit many = { 8192, 8192 };

	if (geteuid())
		tap_skip_all("needs root");
	if (setrlimit(RLIMIT_NOFILE, &many))
		perror("setrlimit");
	for (const char *t = "ABC"; *t; t++)
		how_soon(*t, DOORS);
	how_soon('D', DOORS / 4);
	cost(200);
	cost(5000);
	return tap_done();
}
