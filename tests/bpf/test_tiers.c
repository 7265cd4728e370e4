/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is seen where the kernel offers less: each lower tier by force, and what it must still tell.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "witness.h"

#define PINS "/sys/fs/bpf/ajar-test-tiers"

static struct witness w;

/* A machine that is busy looks late. */
#define LONG_NS 20000000000ULL

static const struct event *waits(enum event_kind kind, uint64_t cookie)
{
	uint64_t until = clock_boot_ns() + LONG_NS;
	const struct event *ev;

	while (!(ev = witness_find(&w, kind, cookie, 0)) && witness_step(&w, until))
		;
	return ev;
}

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
	const struct event *ev = waits(EVENT_OPEN, cookie);

	if (!ok(ev, "a TCP door is reported"))
		return;
	is_int(ev->origin, ORIGIN_EVENT, "as an event");
	is_int(ev->door.port, port_of(fd), "with its port");
	is_int(ev->door.proto, PROTO_TCP, "and protocol");
	ok(ev->opener.pid == (uint32_t)getpid() && text_ends(ev->opener.exe, "/test_tiers") &&
		   ev->opener.argv.ptr && ev->opener.ancestors_len,
	   "and whole opener");
	close(fd);
	ev = waits(EVENT_CLOSE, cookie);
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
	const struct event *ev = waits(EVENT_OPEN, cookie);

	ok(ev && ev->door.port == port && ev->door.autoport,
	   "a door without bind is reported with the port that listen() got");
	close(fd);
	ev = waits(EVENT_CLOSE, cookie);
	ok(ev && ev->door.port == port, "its end too");
}

/* Others on this machine have doors, too, and ports come again: since the mark, of that process. */
static unsigned count_port(enum event_kind kind, uint16_t port, pid_t pid)
{
	unsigned n = 0;

	for (size_t i = w.from; i < w.len; i++) {
		const struct event *ev = &w.told[i].ev;

		n += ev->kind == kind && ev->door.port == port && ev->opener.pid == (uint32_t)pid;
	}
	return n;
}

/* The tracepoint shows LISTEN, then CLOSE. What a record alone tells of has another cookie. */
static void failed_listen(void)
{
	int one = 1, a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t ca = cookie_of(a), cb = cookie_of(b);

	setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(b, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	witness_drain(&w);
	witness_mark(&w);
	bind_loopback(a, AF_INET, 0);
	bind_loopback(b, AF_INET, port_of(a));
	uint16_t port = port_of(a);
	is_int(listen(a, 1), 0, "one of two sockets on a port listens");
	is_int(listen(b, 1), -1, "the other may not");
	ok(waits(EVENT_OPEN, ca), "the door is reported");
	close(b);
	close(a);
	ok(waits(EVENT_CLOSE, ca), "and its end");
	is_int(witness_count(&w, EVENT_OPEN, cb) + witness_count(&w, EVENT_CLOSE, cb), 0,
	       "of the failed listen() nothing");
	is_int(count_port(EVENT_OPEN, port, getpid()), 1, "one door was on that port");
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
	const struct event *end = waits(EVENT_CLOSE, chosen);
	const struct event *ev = witness_find(&w, EVENT_OPEN, chosen, 0);
	ok(ev && end && ev->door.port == other && end->door.port == other,
	   "a door that is gone before anybody looked is reported, autobound");
	ev = witness_find(&w, EVENT_OPEN, named, 0);
	ok(ev && ev->door.port == port && ev->boot_ns && text_ends(ev->opener.exe, "/test_tiers"),
	   "or bound, with its opener");
	is_int(witness_count(&w, EVENT_CLOSE, named), 1, "and its end");
}

/* Where only a look knows the cookie. */
static void again_seen(uint64_t cookie)
{
	uint64_t until = clock_boot_ns() + LONG_NS;

	while (witness_count(&w, EVENT_OPEN, cookie) < 2 && witness_step(&w, until))
		;
}

static void again(void)
{
	uint64_t cookie;
	int fd = tcp_door(0, &cookie);

	ok(waits(EVENT_OPEN, cookie), "a door");
	shutdown(fd, SHUT_RD);
	ok(waits(EVENT_CLOSE, cookie), "ends by shutdown(SHUT_RD)");
	is_int(listen(fd, 1), 0, "listens again");
	if (sensor_report(w.s)->tier == 'C')
		again_seen(cookie);
	close(fd);
	uint64_t until = clock_boot_ns() + LONG_NS;
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
	ok(waits(EVENT_CLOSE, cookie), "whose end it tells");
	return true;
}

static void many(void)
{
	uint64_t cookies[200];
	int fds[200];
	unsigned opens = 0, closes = 0;

	for (size_t i = 0; i < array_len(fds); i++)
		fds[i] = tcp_door(i % 2 ? 0 : 0xffff, &cookies[i]);
	ok(waits(EVENT_OPEN, cookies[array_len(fds) - 1]), "two hundred doors");
	for (size_t i = 0; i < array_len(fds); i++)
		close(fds[i]);
	for (size_t i = 0; i < array_len(fds); i++)
		waits(EVENT_CLOSE, cookies[i]);
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

/* --- C: a tracepoint that knows no cookie ----------------------------------------------------------- */

/* As count_port(). */
static const struct event *find_port(enum event_kind kind, uint16_t port, pid_t pid)
{
	for (size_t i = w.from; i < w.len; i++) {
		const struct event *ev = &w.told[i].ev;

		if (ev->kind == kind && ev->door.port == port && ev->opener.pid == (uint32_t)pid)
			return ev;
	}
	return NULL;
}

static const struct event *wait_port(enum event_kind kind, uint16_t port, pid_t pid)
{
	uint64_t until = clock_boot_ns() + LONG_NS;
	const struct event *ev;

	while (!(ev = find_port(kind, port, pid)) && witness_step(&w, until))
		;
	return ev;
}

/* No look can find it: nothing is read from the ring until it is gone. */
static void brief_bare(int family, bool bound)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = cookie_of(fd);

	witness_drain(&w);
	witness_mark(&w);
	if (bound)
		bind_loopback(fd, family, 0);
	is_int(listen(fd, 1), 0, "a brief door of family %d", family);
	uint16_t port = port_of(fd);

	close(fd);
	const struct event *end = wait_port(EVENT_CLOSE, port, getpid());
	const struct event *ev = find_port(EVENT_OPEN, port, getpid());
	if (!ok(ev && end, "that is gone before anybody looked is reported, and its end"))
		return;
	ok(ev->door.cookie == end->door.cookie && ev->door.cookie != cookie && ev->door.cookie,
	   "under one name, which no socket has");
	is_int(ev->door.family, family, "its family");
	is_int(ev->door.scope, bound ? SCOPE_LOOPBACK : SCOPE_ANY, "its address");
	ok(ev->opener.pid == (uint32_t)getpid() && text_ends(ev->opener.exe, "/test_tiers") &&
		   ev->opener.ancestors_len && end->closer.pid == (uint32_t)getpid(),
	   "who opened and closed it");
	ok(ev->boot_ns < end->boot_ns && end->opened_ns < end->time_ns, "and when");
}

/* What has ended when its record is read: the record itself says who. */
static void brief_process(void)
{
	int got[2];
	uint16_t port = 0;

	if (pipe2(got, O_CLOEXEC))
		return;
	witness_drain(&w);
	pid_t pid = fork();
	if (pid == 0) {
		uint64_t cookie;

		port = port_of(tcp_door(0, &cookie));
		_exit(write(got[1], &port, sizeof(port)) < 0);
	}
	close(got[1]);
	is_int(read(got[0], &port, sizeof(port)), sizeof(port), "a door of a process that ends");
	close(got[0]);
	reap(pid);
	const struct event *ev = wait_port(EVENT_OPEN, port, pid);
	ok(ev && !strcmp(ev->opener.comm, "test_tiers") && ev->opener.uid == getuid() &&
		   !ev->opener.start_ns,
	   "is reported with what the record says of it");
	ok(wait_port(EVENT_CLOSE, port, pid), "and its end");
}

/* Two of one process on one port: which of them is gone a look must find. */
static void shared_port(void)
{
	int one = 1, a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int b = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t ca = cookie_of(a), cb = cookie_of(b);

	setsockopt(a, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	setsockopt(b, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	bind_loopback(a, AF_INET, 0);
	bind_loopback(b, AF_INET, port_of(a));
	is_int(listen(a, 1) || listen(b, 1), 0, "two doors of one port");
	ok(waits(EVENT_OPEN, ca) && waits(EVENT_OPEN, cb), "both are reported");
	close(b);
	const struct event *end = waits(EVENT_CLOSE, cb);
	ok(end && end->closer.pid == (uint32_t)getpid(),
	   "the end of the second, and who closed it");
	is_int(witness_count(&w, EVENT_CLOSE, ca), 0, "not of the first");
	close(a);
	ok(waits(EVENT_CLOSE, ca), "which comes");
	is_int(witness_count(&w, EVENT_CLOSE, cb), 1, "each once");
}

/* Its connections begin as copies of it, in the same state. */
static void connected_to(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint64_t cookie;
	int fd = tcp_door(0, &cookie);

	to.sin_port = htons(port_of(fd));
	ok(waits(EVENT_OPEN, cookie), "a door");
	for (int i = 0; i < 20; i++) {
		int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(c, (struct sockaddr *)&to, sizeof(to)))
			ok(false, "cannot connect");
		int got = accept(fd, NULL, NULL);
		close(c);
		close(got);
	}
	witness_drain(&w);
	is_int(witness_count(&w, EVENT_CLOSE, cookie), 0, "is open when connections came and went");
	close(fd);
	ok(waits(EVENT_CLOSE, cookie), "and then ends");
}

/* A program that starts the door of another and goes: who opened it is known while it lives. */
static void handed_on(void)
{
	int got[2], stop[2];
	uint64_t cookie = 0;
	char c;

	if (pipe2(got, O_CLOEXEC) || pipe2(stop, O_CLOEXEC))
		return;
	pid_t pid = fork();
	if (pid == 0) {
		close(stop[1]);
		tcp_door(0, &cookie);
		if (fork() == 0) {
			if (write(got[1], &cookie, sizeof(cookie)) < 0)
				_exit(1);
			_exit(read(stop[0], &c, 1) < 0);
		}
		_exit(0);
	}
	reap(pid);
	close(got[1]);
	close(stop[0]);
	is_int(read(got[0], &cookie, sizeof(cookie)), sizeof(cookie),
	       "a door of a child that went");
	const struct event *ev = waits(EVENT_OPEN, cookie);
	ok(ev && ev->origin == ORIGIN_EVENT && ev->opener.pid && ev->opener.pid != (uint32_t)pid,
	   "is its holder's, who is known");
	close(got[0]);
	close(stop[1]);
	ok(waits(EVENT_CLOSE, cookie), "and ends");
}

/* Of one namespace alone: records say nothing of theirs, so brief doors go by the opener's. */
static void own_netns(void)
{
	const struct sensor_opts o = { .tier = 'C', .own_netns = true };
	int got[2], stop[2];
	uint16_t ports[2] = { 0 };
	uint64_t cookie;
	char c;

	if (!has_netns_cookies()) {
		struct sensor *s = NULL;
		_free_ char *why = NULL;

		ok(sensor_open(&o, &s, &why) == -EOPNOTSUPP && why &&
			   strstr(why, "sensor.scope machine") &&
			   text_ends(text_of(why), "sensor.lowest-tier D"),
		   "a sensor for one network namespace is refused, with what would work");
		tap_skip_machine(5, "this kernel has no cookies of network namespaces (5.14 does)");
		return;
	}
	if (!ok(witness_open(&w, &o), "a sensor for one network namespace") ||
	    pipe2(got, O_CLOEXEC) || pipe2(stop, O_CLOEXEC))
		return;
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "looks");
	pid_t pid = fork();
	if (pid == 0) {
		close(stop[1]);
		if (unshare(CLONE_NEWNET))
			_exit(1);
		for (int i = 0; i < 2; i++) {
			int fd = tcp_door(0xffff, &cookie);

			ports[i] = port_of(fd);
			if (i)
				close(fd);
		}
		_exit(write(got[1], ports, sizeof(ports)) < 0 || read(stop[0], &c, 1) < 0);
	}
	close(got[1]);
	close(stop[0]);
	is_int(read(got[0], ports, sizeof(ports)), sizeof(ports), "two doors elsewhere, one brief");
	int fd = tcp_door(0xffff, &cookie);
	uint16_t port = port_of(fd);
	close(fd);
	ok(wait_port(EVENT_CLOSE, port, getpid()), "a brief one here is reported");
	fd = tcp_door(0, &cookie);
	ok(waits(EVENT_OPEN, cookie), "and one that stays");
	unsigned elsewhere = 0;
	for (size_t i = 0; i < w.len; i++)
		elsewhere += w.told[i].ev.opener.pid == (uint32_t)pid;
	is_int(elsewhere, 0, "those elsewhere are not");
	close(fd);
	close(got[0]);
	close(stop[1]);
	reap(pid);
	witness_close(&w, true);
}

static void tier_c(void)
{
	const struct sensor_opts o = { .tier = 'C', .pin_dir = PINS };
	struct sensor_stats stats;
	uint64_t since;
	struct stat st;

	if (!from_before(&o))
		return;
	ok(!sensor_resumed(w.s, &since), "it takes nothing over");
	told_with_owner();
	autobound();
	failed_listen();
	again();
	shared_port();
	connected_to();
	handed_on();
	for (int i = 0; i < 4; i++)
		brief_bare(i % 2 ? AF_INET6 : AF_INET, i < 2);
	brief_process();
	udp_by_sweeps();
	many();
	is_int(sensor_try(w.s), 0, "a door of its own is seen");
	witness_drain(&w);
	/* A storm of others on this machine may fill the ring; then it is told. */
	sensor_stats(w.s, &stats);
	is_int(w.lost, stats.lost, "what was lost is told");
	sensor_commit(w.s);
	witness_close(&w, true);
	ok(stat(PINS, &st) < 0, "nothing stays behind");
}

/*
 * With a second program on the tracepoint the kernel runs both from a function of its own, which is
 * on the stack then, on x86-64, too. Two plain ones count as one: they are events of perf.
 */
static void beside_another(void)
{
	const struct sensor_opts b = { .tier = 'B' }, c = { .tier = 'C' };
	struct witness other;

	if (!ok(witness_open(&other, &b), "a sensor has its program on the tracepoint"))
		return;
	if (from_before(&c)) {
		told_with_owner();
		failed_listen();
		for (int i = 0; i < 4; i++)
			brief_bare(i % 2 ? AF_INET6 : AF_INET, i < 2);
		witness_close(&w, true);
	}
	witness_close(&other, true);
}

/* --- the best that works ----------------------------------------------------------------------------- */

static int hide(const char *what, const char *type, const char *where, unsigned long flags)
{
	return mount(what, where, type, flags, NULL);
}

static void falls_back(const char *without, char lowest, char want, const char *why)
{
	const struct sensor_opts o = { .lowest = lowest };

	if (!ok(witness_open(&w, &o), "without %s a sensor opens", without))
		return;
	const struct sensor_report *r = sensor_report(w.s);
	is_int(r->tier, want, "of tier %c", want);
	ok(r->why && strstr(r->why, why) && r->misses, "says why, and what it misses");
	witness_close(&w, true);
}

static void refuses(const char *without, char lowest, const char *instead)
{
	const struct sensor_opts o = { .lowest = lowest };
	struct sensor *s = NULL;
	_free_ char *why = NULL;

	ok(sensor_open(&o, &s, &why) < 0 && why && text_ends(text_of(why), instead),
	   "without %s none of tier %c, and it names what would work", without, lowest);
}

/* In a mount namespace of its own; a folder of tracefs alone has no tracepoints. */
static void chosen(void)
{
	bool tracefs = unshare(CLONE_NEWNS) == 0 &&
		       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		       (mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL) == 0 ||
			errno == EBUSY); /* it is there */

	if (!ok(tracefs && hide("none", "tmpfs", "/sys/kernel/btf", 0) == 0, "BTF is hidden"))
		return;
	falls_back("BTF", 'D', 'C', "this kernel has no BTF");
	falls_back("BTF", 'C', 'C', "this kernel has no BTF");
	refuses("BTF", 'B', "sensor.lowest-tier C");
	is_int(hide("/sys/kernel/tracing/options", NULL, "/sys/kernel/tracing", MS_BIND), 0,
	       "the tracepoints, too");
	falls_back("both", 'D', 'D', "this kernel has no BTF");
	refuses("both", 'C', "sensor.lowest-tier D");
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
	tier_c();
	beside_another();
	tier_d();
	limited('A');
	limited('C');
	limited('D');
	own_netns();
	chosen();
	return tap_done();
}
