/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the sensor costs: an open-close cycle (socket, bind, listen, close) and a connection that is
 * no door (connect, accept, close), with and without the sensor in interleaved rounds of one run;
 * then what the programs say of their own run time,
 * and a storm. Figures are printed, not judged: only the storm's account must add up.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "base/err.h"
#include "core/event.h"
#include "sensor/internal.h"
#include "tap.h"

#define ROUNDS 15
#define CYCLES 4000
#define CONNECTIONS 1500
#define STORM 100000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void cycle(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) || listen(fd, 1))
		perror("cycle");
	close(fd);
}

static double run_cycles(unsigned n)
{
	uint64_t start = now_ns();

	for (unsigned i = 0; i < n; i++)
		cycle();
	return (double)(now_ns() - start) / n;
}

static int listener(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*sin = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(fd, (struct sockaddr *)sin, sizeof(*sin)) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)sin, &len))
		perror("listener");
	return fd;
}

static double run_connections(int lfd, const struct sockaddr_in *sin, unsigned n)
{
	/* Closed by reset: no port stays in TIME_WAIT. */
	struct linger hard = { .l_onoff = 1 };
	uint64_t start = now_ns();

	for (unsigned i = 0; i < n; i++) {
		int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		setsockopt(c, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		if (connect(c, (const struct sockaddr *)sin, sizeof(*sin)))
			perror("connect");
		int a = accept(lfd, NULL, NULL);
		close(c);
		close(a);
	}
	return (double)(now_ns() - start) / n;
}

struct reader {
	struct sensor *s;
	pthread_t thread;
	atomic_bool stop;
	uint64_t opens, closes, lost;
};

static int count(const struct event *ev, void *arg)
{
	struct reader *r = arg;

	if (ev->kind == EVENT_OPEN)
		r->opens++;
	if (ev->kind == EVENT_CLOSE)
		r->closes++;
	if (ev->kind == EVENT_LOST)
		r->lost += ev->count;
	return 0;
}

static void *read_all(void *arg)
{
	struct reader *r = arg;
	struct pollfd p = { .fd = sensor_fd(r->s), .events = POLLIN };

	while (!r->stop) {
		if (poll(&p, 1, 20) > 0 && sensor_drain(r->s, count, r) < 0)
			break;
	}
	while (sensor_drain(r->s, count, r) > 0)
		;
	return NULL;
}

static bool reader_start(struct reader *r)
{
	const struct sensor_opts o = { 0 };
	_free_ char *why = NULL;

	*r = (struct reader){ 0 };
	if (sensor_open(&o, &r->s, &why)) {
		fprintf(stderr, "%s\n", why ? why : "cannot open the sensor");
		return false;
	}
	return pthread_create(&r->thread, NULL, read_all, r) == 0;
}

static struct sensor_stats reader_end(struct reader *r)
{
	struct sensor_stats st;

	r->stop = true;
	pthread_join(r->thread, NULL);
	sensor_stats(r->s, &st);
	sensor_free(r->s, false);
	return st;
}

static int by_value(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/*
 * The median of the rounds' ratios: what disturbs the machine for seconds disturbs both halves of a
 * round.
 */
static void print_ratio(const char *what, double *without, double *with, double *ratio)
{
	printf("# %s: %.0f ns without, %.0f ns with the sensor: %.3f x (medians of %d rounds)\n",
	       what, median(without, ROUNDS), median(with, ROUNDS), median(ratio, ROUNDS), ROUNDS);
}

static void ratios(void)
{
	double cyc[2][ROUNDS], con[2][ROUNDS], cr[ROUNDS], nr[ROUNDS];
	struct sockaddr_in sin;
	int lfd = listener(&sin);

	run_cycles(CYCLES);
	for (int i = 0; i < ROUNDS; i++) {
		struct reader r;

		cyc[0][i] = run_cycles(CYCLES);
		con[0][i] = run_connections(lfd, &sin, CONNECTIONS);
		if (!reader_start(&r))
			exit(1);
		run_cycles(100);
		cyc[1][i] = run_cycles(CYCLES);
		con[1][i] = run_connections(lfd, &sin, CONNECTIONS);
		reader_end(&r);
		cr[i] = cyc[1][i] / cyc[0][i];
		nr[i] = con[1][i] / con[0][i];
	}
	close(lfd);
	print_ratio("open-close cycle", cyc[0], cyc[1], cr);
	print_ratio("connection cycle", con[0], con[1], nr);
}

/* --- what the programs say ------------------------------------------------------------------- */

struct run {
	char name[BPF_OBJ_NAME_LEN];
	uint64_t count, ns;
};

static bool run_of_link(int link, struct run *ret)
{
	struct bpf_link_info li = { 0 };
	struct bpf_prog_info pi = { 0 };
	uint32_t len = sizeof(li), pi_len = sizeof(pi);
	int prog;

	if (link < 0 || bpf_obj_get_info_by_fd(link, &li, &len))
		return false;
	prog = bpf_prog_get_fd_by_id(li.prog_id);
	if (prog < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(prog, &pi, &pi_len)) {
		memcpy(ret->name, pi.name, sizeof(ret->name));
		ret->count = pi.run_cnt;
		ret->ns = pi.run_time_ns;
	}
	close(prog);
	return true;
}

/* Counting costs some twenty nanoseconds a run, which are in the figures. */
static void print_runs(const char *what, const struct run *before, const struct run *after,
		       unsigned cycles)
{
	double ns = 0, count = 0;

	for (int i = 0; i < HOOKS_MAX; i++) {
		uint64_t n = after[i].count - before[i].count;

		if (n < cycles / 2)
			continue;
		printf("# %-10s  %-16s %5.2f runs, %6.0f ns each\n", what, after[i].name,
		       (double)n / cycles, (double)(after[i].ns - before[i].ns) / (double)n);
		count += (double)n;
		ns += (double)(after[i].ns - before[i].ns);
	}
	printf("# %-10s  %-16s %5.2f runs, %6.0f ns\n", what, "all", count / cycles, ns / cycles);
}

static void runs(void)
{
	struct run before[HOOKS_MAX] = { 0 }, then[HOOKS_MAX] = { 0 }, after[HOOKS_MAX] = { 0 };
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	struct sockaddr_in sin;
	struct reader r;
	int lfd;

	if (stats < 0) {
		printf("# what each program takes: not told by this kernel\n");
		return;
	}
	if (!reader_start(&r))
		exit(1);
	lfd = listener(&sin);
	run_cycles(100);
	for (int i = 0; i < HOOKS_MAX; i++)
		run_of_link(r.s->h.links[i], &before[i]);
	run_cycles(CYCLES * 5);
	for (int i = 0; i < HOOKS_MAX; i++)
		run_of_link(r.s->h.links[i], &then[i]);
	run_connections(lfd, &sin, CONNECTIONS * 5);
	for (int i = 0; i < HOOKS_MAX; i++)
		run_of_link(r.s->h.links[i], &after[i]);
	close(lfd);
	reader_end(&r);
	close(stats);
	print_runs("open-close", before, then, CYCLES * 5);
	print_runs("connection", then, after, CONNECTIONS * 5);
}

static void storm(void)
{
	struct reader r;

	if (!reader_start(&r))
		exit(1);
	double ns = run_cycles(STORM);
	struct sensor_stats st = reader_end(&r);
	printf("# storm: %d doors at %.0f/s: %llu opens and %llu closes told, %llu records lost\n",
	       STORM, 1e9 / ns, (unsigned long long)r.opens, (unsigned long long)r.closes,
	       (unsigned long long)r.lost);
	is_int(st.received + st.lost, st.produced, "received and lost add up to what was produced");
	is_int(st.lost, st.dropped, "what was reported as lost is what the kernel dropped");
	is_int(r.lost, st.lost, "the events of loss carry that count");
}

int main(void)
{
	if (geteuid())
		tap_skip_all("needs root");
	ratios();
	runs();
	storm();
	return tap_done();
}
