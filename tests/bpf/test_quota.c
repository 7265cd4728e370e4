/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One user with more doors than are kept: told, and no other user's door is missed. And sweeps that
 * look at many doors by parts. In a network namespace of its own, which alone is watched.
 */
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/map.h"
#include "sensor/internal.h"
#include "witness.h"

#define LIMIT 20
#define MANY 50
#define PART 8
#define CROWD_UID 4000

static bool loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &ifr) == 0;

	close(fd);
	return up;
}

/* A user is whoever logged in, so both are set; where that is refused uid alone is not enough. */
static bool become(uid_t uid)
{
	char text[16], was[16] = "";
	int fd = open("/proc/self/loginuid", O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, was, sizeof(was) - 1);

	snprintf(text, sizeof(text), "%u", (unsigned)uid);
	bool set = n > 0 && pwrite(fd, text, strlen(text), 0) > 0;

	close(fd);
	return setuid(uid) == 0 && (set || n <= 0 || !strcmp(was, "4294967295"));
}

static bool open_doors(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fds[i] < 0 || bind_loopback(fds[i], AF_INET, 0))
			return false;
	}
	return true;
}

struct crowd {
	pid_t pid;
	int to, from;
	uint64_t cookies[MANY];
};

/* Another user's process with MANY doors, which closes the first ten when it reads a byte. */
static void be_crowd(int in, int out)
{
	uint64_t cookies[MANY];
	int fds[MANY];
	char byte;

	if (!become(CROWD_UID) || !open_doors(fds, MANY))
		_exit(1);
	for (unsigned i = 0; i < MANY; i++)
		cookies[i] = cookie_of(fds[i]);
	if (write(out, cookies, sizeof(cookies)) != sizeof(cookies))
		_exit(1);
	if (read(in, &byte, 1) != 1)
		_exit(1);
	for (unsigned i = 0; i < 10; i++)
		close(fds[i]);
	if (write(out, cookies, 8) != 8)
		_exit(1);
	_exit(read(in, &byte, 1) != 1);
}

static bool crowd_start(struct crowd *c)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return false;
	c->pid = fork();
	if (!c->pid) {
		close(to[1]);
		close(from[0]);
		be_crowd(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	c->to = to[1];
	c->from = from[0];
	return c->pid > 0 && read(c->from, c->cookies, sizeof(c->cookies)) == sizeof(c->cookies);
}

static bool crowd_step(struct crowd *c)
{
	uint64_t answer;

	return write(c->to, "x", 1) == 1 && read(c->from, &answer, 8) == 8;
}

static unsigned count_of(struct witness *w, enum event_kind kind, const uint64_t *cookies,
			 unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += witness_count(w, kind, cookies[i]);
	return sum;
}

/* All records so far have been read: this one is the last. */
static bool catch_up(struct witness *w)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = cookie_of(fd);
	bool good = !bind_loopback(fd, AF_INET, 0) && !listen(fd, 1);

	close(fd);
	return good && witness_wait(w, EVENT_CLOSE, cookie);
}

struct crowds {
	unsigned len;
	struct sensor_crowd last;
};

static void on_crowd(const struct sensor_crowd *c, void *arg)
{
	struct crowds *all = arg;

	all->len++;
	all->last = *c;
}

static unsigned table_len(const struct witness *w)
{
	int fd = w->s->h.maps[MAP_DOORS];
	uint64_t key, prev;
	unsigned n = 0;

	for (int err = bpf_map_get_next_key(fd, NULL, &key); !err && n < 10000;) {
		n++;
		prev = key;
		err = bpf_map_get_next_key(fd, &prev, &key);
	}
	return n;
}

static void test_quota(void)
{
	const struct sensor_opts o = {
		.own_netns = true, .tier = 'A', .doors_by_user = LIMIT, .sweep_part = PART
	};
	struct crowds crowds = { 0 };
	struct crowd c = { 0 };
	uint64_t ours[LIMIT - 1];
	int fds[LIMIT - 1];
	struct witness w;

	if (!ok(witness_open(&w, &o), "a sensor with a limit of %d doors", LIMIT))
		return;
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "a first sweep");
	sensor_crowded(w.s, on_crowd, &crowds);
	is_int(crowds.len, 0, "nobody has too many");
	if (!crowd_start(&c)) {
		waitpid(c.pid, NULL, 0);
		tap_skip_machine(14, "another user cannot be had here");
		witness_close(&w, true);
		return;
	}
	ok(open_doors(fds, array_len(fds)), "then we open %zu", array_len(fds));
	for (size_t i = 0; i < array_len(fds); i++)
		ours[i] = cookie_of(fds[i]);
	ok(catch_up(&w), "all that was recorded has been read");
	is_int(count_of(&w, EVENT_OPEN, c.cookies, MANY), LIMIT,
	       "of the other's 50 doors 20 are told");
	is_int(count_of(&w, EVENT_OPEN, ours, array_len(ours)), array_len(ours), "all of ours are");
	sensor_crowded(w.s, on_crowd, &crowds);
	ok(crowds.len == 1 && crowds.last.known && crowds.last.uid == CROWD_UID &&
		   crowds.last.limit == LIMIT && crowds.last.doors == LIMIT &&
		   !crowds.last.everybody,
	   "whose they are is told");
	sensor_crowded(w.s, on_crowd, &crowds);
	is_int(crowds.len, 1, "once");
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep");
	is_int(count_of(&w, EVENT_OPEN, c.cookies, MANY), LIMIT, "lets no more in");
	is_int(table_len(&w), map_size(w.s->doors), "nor does the kernel's table have them");
	is_int(count_of(&w, EVENT_CLOSE, c.cookies, MANY) +
		       count_of(&w, EVENT_CLOSE, ours, array_len(ours)),
	       0, "and ends none");
	ok(crowd_step(&c) && catch_up(&w), "ten of the 20 close");
	is_int(count_of(&w, EVENT_CLOSE, c.cookies, MANY), 10, "which is told");
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep");
	is_int(count_of(&w, EVENT_OPEN, c.cookies, MANY), LIMIT + 10,
	       "finds ten others in their place");
	kill(c.pid, SIGKILL);
	waitpid(c.pid, NULL, 0);
	for (size_t i = 0; i < array_len(fds); i++)
		close(fds[i]);
	ok(catch_up(&w), "all end");
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a last sweep");
	is_int(count_of(&w, EVENT_CLOSE, c.cookies, MANY), LIMIT + 10,
	       "the ends of those that were told are told, of no other");
	is_int(count_of(&w, EVENT_CLOSE, ours, array_len(ours)), array_len(ours), "and of ours");
	is_int(map_size(w.s->doors), 0, "no door is left");
	close(c.to);
	close(c.from);
	witness_close(&w, true);
}

static void test_parts(char tier)
{
	const struct sensor_opts o = { .own_netns = true, .tier = tier, .sweep_part = PART };
	uint64_t cookies[MANY];
	int fds[MANY];
	struct witness w;

	ok(open_doors(fds, MANY), "tier %c: %d doors are open before", tier, MANY);
	for (unsigned i = 0; i < MANY; i++)
		cookies[i] = cookie_of(fds[i]);
	if (!ok(witness_open(&w, &o), "tier %c: a sensor that looks at %d in one go", tier, PART))
		return;
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "tier %c: looks", tier);
	is_int(count_of(&w, EVENT_OPEN, cookies, MANY), MANY, "tier %c: finds each once", tier);
	ok(w.s->sweep_parts > 1, "tier %c: it takes parts from now on", tier);
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "tier %c: looks again", tier);
	is_int(count_of(&w, EVENT_OPEN, cookies, MANY), MANY, "tier %c: nothing is new", tier);
	is_int(count_of(&w, EVENT_CLOSE, cookies, MANY), 0, "tier %c: and none has ended", tier);
	for (unsigned i = 0; i < MANY; i++)
		close(fds[i]);
	for (int i = 0; i < 3; i++)
		ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "tier %c: once more",
		   tier);
	is_int(count_of(&w, EVENT_CLOSE, cookies, MANY), MANY, "tier %c: each end is told", tier);
	is_int(w.s->sweep_parts, 1, "tier %c: a sweep of few is whole", tier);
	witness_close(&w, true);
}

int main(void)
{
	if (geteuid())
		tap_skip_all("needs root");
	if (unshare(CLONE_NEWNET) || !loopback_up())
		tap_skip_all("no network namespace can be made");
	test_quota();
	test_parts('A');
	test_parts('B');
	test_parts('D');
	return tap_done();
}
