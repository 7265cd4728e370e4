/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is seen where the kernel offers less: each lower tier by force, and what it must still tell.
 */
#include <sched.h>
#include <sys/stat.h>

#include "witness.h"

#define PINS "/sys/fs/bpf/ajar-test-tiers"

static struct witness w;

static int tcp_door(uint16_t port, uint64_t *ret_cookie)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_cookie = cookie_of(fd);
	if (port != 0xffff)
		bind_loopback(fd, AF_INET, port);
	listen(fd, 1);
	return fd;
}

/* --- B: a tracepoint that fires before listen() has succeeded -------------------------------------- */

static void told_with_owner(void)
{
	uint64_t cookie;
	int fd = tcp_door(0, &cookie);
	const struct event *ev = witness_wait(&w, EVENT_OPEN, cookie);

	if (!ok(ev, "a TCP door is reported"))
		return;
	is_int(ev->origin, ORIGIN_EVENT, "as an event");
	is_int(ev->door.port, port_of(fd), "with its port");
	is_int(ev->door.proto, PROTO_TCP, "and protocol");
	ok(ev->opener.pid == (uint32_t)getpid() && text_ends(ev->opener.exe, "/test_tiers") &&
		   ev->opener.argv.ptr && ev->opener.ancestors_len,
	   "and whole opener");
	close(fd);
	ev = witness_wait(&w, EVENT_CLOSE, cookie);
	ok(ev && ev->origin == ORIGIN_EVENT && ev->closer.pid == (uint32_t)getpid() &&
		   ev->opened_ns && ev->door.port,
	   "its end is an event too, with closer, opening and port");
	is_int(witness_count(&w, EVENT_OPEN, cookie), 1, "one opening");
	is_int(witness_count(&w, EVENT_CLOSE, cookie), 1, "one end");
}

/* The tracepoint reads port 0. */
static void autobound(void)
{
	uint64_t cookie;
	int fd = tcp_door(0xffff, &cookie);
	uint16_t port = port_of(fd);
	const struct event *ev = witness_wait(&w, EVENT_OPEN, cookie);

	ok(ev && ev->door.port == port && ev->door.autoport,
	   "a door without bind is reported with the port that listen() got");
	close(fd);
	ev = witness_wait(&w, EVENT_CLOSE, cookie);
	ok(ev && ev->door.port == port, "its end too");
}

/* The tracepoint shows LISTEN, then CLOSE. */
static void failed_listen(void)
{
	int one = 1, a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t ca = cookie_of(a), cb = cookie_of(b);

	setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(b, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	bind_loopback(a, AF_INET, 0);
	bind_loopback(b, AF_INET, port_of(a));
	is_int(listen(a, 1), 0, "one of two sockets on a port listens");
	is_int(listen(b, 1), -1, "the other may not");
	ok(witness_wait(&w, EVENT_OPEN, ca), "the door is reported");
	close(b);
	close(a);
	ok(witness_wait(&w, EVENT_CLOSE, ca), "and its end");
	is_int(witness_count(&w, EVENT_OPEN, cb) + witness_count(&w, EVENT_CLOSE, cb), 0,
	       "of the failed listen() nothing");
}

/* Nobody could look while it was open: its end says that it did. */
static void brief(void)
{
	uint64_t named, chosen;
	int fd = tcp_door(0, &named);
	uint16_t port = port_of(fd);

	close(fd);
	fd = tcp_door(0xffff, &chosen);
	uint16_t other = port_of(fd);
	close(fd);
	const struct event *end = witness_wait(&w, EVENT_CLOSE, chosen);
	const struct event *ev = witness_find(&w, EVENT_OPEN, chosen, 0);
	ok(ev && end && ev->door.port == other && end->door.port == other,
	   "a door that is gone before anybody looked is reported, autobound");
	ev = witness_find(&w, EVENT_OPEN, named, 0);
	ok(ev && ev->door.port == port && ev->boot_ns && text_ends(ev->opener.exe, "/test_tiers"),
	   "or bound, with its opener");
	is_int(witness_count(&w, EVENT_CLOSE, named), 1, "and its end");
}

static void again(void)
{
	uint64_t cookie;
	int fd = tcp_door(0, &cookie);

	ok(witness_wait(&w, EVENT_OPEN, cookie), "a door");
	shutdown(fd, SHUT_RD);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "ends by shutdown(SHUT_RD)");
	is_int(listen(fd, 1), 0, "listens again");
	close(fd);
	uint64_t until = clock_boot_ns() + DEADLINE_NS;
	while (witness_count(&w, EVENT_CLOSE, cookie) < 2 && witness_step(&w, until))
		;
	is_int(witness_count(&w, EVENT_OPEN, cookie), 2, "is reported twice");
	is_int(witness_count(&w, EVENT_CLOSE, cookie), 2, "and ended twice");
}

static void udp_by_sweeps(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = cookie_of(fd);

	bind_loopback(fd, AF_INET, 0);
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep");
	const struct event *ev = witness_find(&w, EVENT_OPEN, cookie, 0);
	ok(ev && ev->origin == ORIGIN_SWEEP && ev->door.port == port_of(fd) &&
		   ev->opener.pid == (uint32_t)getpid(),
	   "finds a UDP door and who holds it");
	close(fd);
	for (int i = 0; i < 2; i++)
		ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep after its end");
	is_int(witness_count(&w, EVENT_CLOSE, cookie), 1, "finds that it is gone");
}

/* A door of before the sensor: its end is an event. */
static bool from_before(const struct sensor_opts *o)
{
	uint64_t cookie;
	int fd = tcp_door(0, &cookie);

	if (!ok(witness_open(&w, o), "a sensor of tier %c opens", o->tier))
		return false;
	is_int(sensor_report(w.s)->tier, o->tier, "and says so");
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "it looks");
	const struct event *ev = witness_find(&w, EVENT_OPEN, cookie, 0);
	ok(ev && ev->origin == ORIGIN_SNAPSHOT && ev->door.port == port_of(fd),
	   "and finds a door of before");
	close(fd);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "whose end it tells");
	return true;
}

static void many(void)
{
	uint64_t cookies[200];
	int fds[200];
	unsigned opens = 0, closes = 0;

	for (size_t i = 0; i < array_len(fds); i++)
		fds[i] = tcp_door(i % 2 ? 0 : 0xffff, &cookies[i]);
	ok(witness_wait(&w, EVENT_OPEN, cookies[array_len(fds) - 1]), "two hundred doors");
	for (size_t i = 0; i < array_len(fds); i++)
		close(fds[i]);
	witness_wait(&w, EVENT_CLOSE, cookies[array_len(fds) - 1]);
	for (size_t i = 0; i < array_len(fds); i++) {
		opens += witness_count(&w, EVENT_OPEN, cookies[i]);
		closes += witness_count(&w, EVENT_CLOSE, cookies[i]);
	}
	is_int(opens, array_len(fds), "each is reported once");
	is_int(closes, array_len(fds), "and each end");
}

static void taken_over(void)
{
	const struct sensor_opts o = { .tier = 'B', .pin_dir = PINS };
	struct witness a, b;
	uint64_t before, during, brief_one, since;
	struct stat st;

	if (!ok(witness_open(&a, &o), "a pinned sensor of tier B"))
		return;
	int fd = tcp_door(0, &before), other;
	ok(witness_wait(&a, EVENT_OPEN, before), "tells of a door");
	sensor_commit(a.s);
	witness_close(&a, false);
	other = tcp_door(0xffff, &during);
	close(tcp_door(0, &brief_one));
	close(fd);
	if (!ok(witness_open(&b, &o), "another one comes"))
		return;
	ok(sensor_resumed(b.s, &since), "and takes over");
	ok(witness_wait(&b, EVENT_CLOSE, before), "the end of the first door is reported");
	const struct event *ev = witness_wait(&b, EVENT_OPEN, during);
	ok(ev && ev->door.port == port_of(other), "what was opened in between is confirmed");
	is_int(witness_count(&b, EVENT_OPEN, brief_one), 1, "what was gone by then is reported");
	close(other);
	ok(witness_wait(&b, EVENT_CLOSE, during), "events go on");
	witness_close(&b, true);
	ok(stat(PINS, &st) < 0, "nothing stays behind");
}

static void tier_b(void)
{
	const struct sensor_opts o = { .tier = 'B' };

	if (!from_before(&o))
		return;
	told_with_owner();
	autobound();
	failed_listen();
	brief();
	again();
	udp_by_sweeps();
	many();
	is_int(w.lost, 0, "nothing was lost");
	witness_close(&w, true);
	taken_over();
}

/* --- D: no BPF at all ------------------------------------------------------------------------------- */

static const struct event *swept(enum event_kind kind, uint64_t cookie)
{
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a look at everything");
	return witness_find(&w, kind, cookie, 0);
}

static void polled(int family, int type, enum door_proto proto)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	uint64_t cookie = cookie_of(fd);
	struct stat st, ns;

	bind_loopback(fd, family, 0);
	if (type == SOCK_STREAM)
		listen(fd, 1);
	fstat(fd, &st);
	stat("/proc/self/ns/net", &ns);
	const struct event *ev = swept(EVENT_OPEN, cookie);
	if (!ok(ev, "finds a %s door of family %d by its cookie", door_proto_name(proto), family))
		return;
	is_int(ev->origin, ORIGIN_SWEEP, "as found by a sweep");
	is_int(ev->door.proto, proto, "its protocol");
	is_int(ev->door.family, family, "its family");
	is_int(ev->door.port, port_of(fd), "its port");
	is_int(ev->door.scope, SCOPE_LOOPBACK, "its address");
	is_int(ev->door.inode, st.st_ino, "its inode");
	is_int(ev->door.netns, ns.st_ino, "its namespace");
	ok(ev->opener.pid == (uint32_t)getpid() && !strcmp(ev->opener.comm, "test_tiers") &&
		   text_ends(ev->opener.exe, "/test_tiers") && ev->opener.argv.ptr,
	   "who holds it");
	is_int(ev->opener.uid, getuid(), "and as whom");
	swept(EVENT_OPEN, cookie);
	is_int(witness_count(&w, EVENT_OPEN, cookie), 1, "tells it once");
	close(fd);
	ok(swept(EVENT_CLOSE, cookie), "finds that it is gone");
	swept(EVENT_CLOSE, cookie);
	is_int(witness_count(&w, EVENT_CLOSE, cookie), 1, "once");
}

static void polled_v6only(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };

	for (int v6only = 0; v6only < 2; v6only++) {
		int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		uint64_t cookie = cookie_of(fd);

		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
		is_int(bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 1), 0,
		       "a door to all, v6only %d", v6only);
		const struct event *ev = swept(EVENT_OPEN, cookie);
		ok(ev && ev->door.v6only == v6only && ev->door.scope == SCOPE_ANY,
		   "is reported so");
		close(fd);
	}
}

static void polled_elsewhere(void)
{
	int got[2], stop[2];
	uint64_t cookie = 0;
	char c;

	if (pipe2(got, O_CLOEXEC) || pipe2(stop, O_CLOEXEC))
		return;
	pid_t pid = fork();
	if (pid == 0) {
		close(stop[1]);
		if (unshare(CLONE_NEWNET))
			_exit(1);
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		cookie = cookie_of(fd);
		if (listen(fd, 1) || write(got[1], &cookie, sizeof(cookie)) < 0)
			_exit(1);
		_exit(read(stop[0], &c, 1) < 0);
	}
	close(got[1]);
	close(stop[0]);
	is_int(read(got[0], &cookie, sizeof(cookie)), sizeof(cookie), "a door elsewhere");
	close(got[0]);
	struct stat before, after;
	stat("/proc/self/ns/net", &before);
	const struct event *ev = swept(EVENT_OPEN, cookie);
	ok(ev && ev->opener.pid == (uint32_t)pid && ev->door.netns != before.st_ino,
	   "in another namespace is found, with its holder");
	stat("/proc/self/ns/net", &after);
	is_int(after.st_ino, before.st_ino, "and we are still in our own");
	close(stop[1]);
	reap(pid);
	ok(swept(EVENT_CLOSE, cookie), "so is its end");
}

/* The timer alone: nobody asks for a sweep. */
static void polls(void)
{
	uint64_t cookie, until = clock_boot_ns() + 15000000000ULL;
	int fd = tcp_door(0, &cookie);

	while (!witness_find(&w, EVENT_OPEN, cookie, 0) && witness_step(&w, until))
		;
	ok(witness_find(&w, EVENT_OPEN, cookie, 0), "it looks again by itself");
	close(fd);
}

static void tier_d(void)
{
	const struct sensor_opts o = { .tier = 'D', .pin_dir = PINS };
	struct stat st;
	uint64_t since;

	if (!ok(witness_open(&w, &o), "a sensor without BPF opens"))
		return;
	is_int(sensor_report(w.s)->tier, 'D', "and says so");
	ok(!sensor_resumed(w.s, &since), "it takes nothing over");
	is_int(sensor_drain(w.s, witness_keep, &w), 0, "before it has looked it tells nothing");
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "it looks");
	polled(AF_INET, SOCK_STREAM, PROTO_TCP);
	polled(AF_INET6, SOCK_STREAM, PROTO_TCP);
	polled(AF_INET, SOCK_DGRAM, PROTO_UDP);
	polled(AF_INET6, SOCK_DGRAM, PROTO_UDP);
	polled_v6only();
	polled_elsewhere();
	polls();
	sensor_commit(w.s);
	witness_close(&w, true);
	ok(stat(PINS, &st) < 0, "nothing stays behind");
}

/* --- more network namespaces than are looked into ---------------------------------------------------- */

static bool says_some(const struct sensor_report *r)
{
	for (unsigned i = 0; i < r->hooks_len; i++) {
		if (!r->hooks[i].hook && !strcmp(r->hooks[i].what, "some network namespaces"))
			return true;
	}
	return false;
}

static void limited(char tier)
{
	int got[2], stop[2];
	char c = 0;

	if (pipe2(got, O_CLOEXEC) || pipe2(stop, O_CLOEXEC))
		return;
	pid_t pid = fork();
	if (pid == 0) {
		close(stop[1]);
		if (unshare(CLONE_NEWNET) || write(got[1], &c, 1) < 0)
			_exit(1);
		_exit(read(stop[0], &c, 1) < 0);
	}
	close(stop[0]);
	is_int(read(got[0], &c, 1), 1, "there is a second network namespace");
	for (uint32_t max = 1; max < 4096; max += 4094) {
		const struct sensor_opts o = { .tier = tier, .netns_max = max };

		if (!ok(witness_open(&w, &o), "a sensor of tier %c for %u of them", tier, max))
			return;
		ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "looks");
		is_int(says_some(sensor_report(w.s)), max == 1, "and says whether there are more");
		witness_close(&w, true);
	}
	close(got[0]);
	close(got[1]);
	close(stop[1]);
	reap(pid);
}

int main(void)
{
	if (geteuid())
		tap_skip_all("needs root");
	tier_b();
	tier_d();
	limited('A');
	limited('D');
	return tap_done();
}
