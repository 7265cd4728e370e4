/* SPDX-License-Identifier: GPL-2.0 */
/* The sensor as a whole: what was open before, what was missed, restarts, loss, two at once. */
#include <grp.h>
#include <signal.h>
#include <sys/stat.h>

#include "ajar/event.h"
#include "elsewhere.h"

static const struct event *find_origin(struct witness *w, enum event_kind kind, uint64_t cookie,
				       enum event_origin origin)
{
	const struct event *ev = witness_find(w, kind, cookie, 0);

	return ev && ev->origin == origin ? ev : NULL;
}

static void snapshot(void)
{
	const struct sensor_opts o = { 0 };
	struct elsewhere e = { .stop = -1 };
	struct witness w;
	uint64_t tcp, udp;
	int t = tcp_door(&tcp), u = udp_door(&udp);

	ok(open_elsewhere(&e), "doors are open, in another namespace too");
	if (!ok(witness_open(&w, &o), "a sensor opens"))
		return;
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 4, "its snapshot finds them");
	const struct event *ev = find_origin(&w, EVENT_OPEN, tcp, ORIGIN_SNAPSHOT);
	ok(ev && ev->opener.pid == (uint32_t)getpid() && ev->door.port == port_of(t),
	   "the TCP door");
	ok(ev && !strcmp(ev->opener.comm, "test_sensor") &&
		   text_ends(ev->opener.exe, "/test_sensor") && ev->opener.argv.ptr &&
		   ev->opener.ancestors_len,
	   "with its owner");
	ok(find_origin(&w, EVENT_OPEN, udp, ORIGIN_SNAPSHOT), "the UDP door");
	ev = find_origin(&w, EVENT_OPEN, e.tcp, ORIGIN_SNAPSHOT);
	ok(ev && ev->opener.pid == (uint32_t)e.pid, "TCP elsewhere");
	if (has_netns_cookies())
		ok(ev && ev->door.netns_cookie, "its namespace has a cookie");
	else
		tap_skip_machine(1, "this kernel gives none to a namespace by itself (5.12 does)");
	ev = find_origin(&w, EVENT_OPEN, e.udp, ORIGIN_SNAPSHOT);
	ok(ev && ev->opener.pid == (uint32_t)e.pid && ev->door.port == 5353, "UDP elsewhere");
	witness_mark(&w);
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep after it");
	is_int(witness_count(&w, EVENT_OPEN, tcp) + witness_count(&w, EVENT_CLOSE, tcp) +
		       witness_count(&w, EVENT_OPEN, e.udp) + witness_count(&w, EVENT_CLOSE, e.udp),
	       0, "finds nothing new");
	close(t);
	close(u);
	close(e.stop);
	reap(e.pid);
	ok(witness_wait(&w, EVENT_CLOSE, tcp), "the end of a TCP door from before is an event");
	ok(witness_wait(&w, EVENT_CLOSE, udp), "of a UDP one too");
	ok(witness_wait(&w, EVENT_CLOSE, e.tcp), "of those elsewhere too");
	is_int(witness_count(&w, EVENT_CLOSE, tcp), 1, "told once");
	witness_close(&w, true);
}

/* A UDP port that nobody asked for: no hook sees it, a sweep does. */
static void repair(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(9),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sensor_opts o = { 0 };
	struct witness w;

	if (!ok(witness_open(&w, &o), "a sensor opens"))
		return;
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "and looks");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = cookie_of(fd);
	sendto(fd, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin));
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep after a UDP autobind");
	const struct event *ev = find_origin(&w, EVENT_OPEN, cookie, ORIGIN_SWEEP);
	ok(ev && ev->door.autoport && ev->door.port == port_of(fd), "finds the door and says so");
	close(fd);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "its end is an event");
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "one more sweep");
	is_int(witness_count(&w, EVENT_CLOSE, cookie), 1, "does not close it again");
	witness_close(&w, true);
}

/* What listens below TCP and UDP: only a sweep sees it. */
static void raw_and_packet(void)
{
	const struct sensor_opts o = { 0 };
	struct witness w;
	int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	int packet = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(0x0806));
	uint64_t cr = cookie_of(raw), cp = cookie_of(packet);

	if (!ok(witness_open(&w, &o), "a sensor opens"))
		return;
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "and looks");
	const struct event *ev = find_origin(&w, EVENT_OPEN, cr, ORIGIN_SNAPSHOT);
	ok(ev && ev->door.proto == PROTO_RAW && ev->door.port == IPPROTO_ICMP,
	   "a raw socket is a door, its port the IP protocol");
	ev = find_origin(&w, EVENT_OPEN, cp, ORIGIN_SNAPSHOT);
	ok(ev && ev->door.proto == PROTO_PACKET && ev->door.port == 0x0806 &&
		   ev->opener.pid == (uint32_t)getpid(),
	   "a packet socket too, its port the ethertype");
	close(raw);
	close(packet);
	ok(witness_wait(&w, EVENT_CLOSE, cr), "the end of the raw one is an event");
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep");
	ok(find_origin(&w, EVENT_CLOSE, cp, ORIGIN_SWEEP), "finds that the packet one is gone");
	witness_close(&w, true);
}

#define PINS "/sys/fs/bpf/ajar-test"

/* Everything after opening works for nobody, without capabilities. */
static void unprivileged(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(9),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	/* By its pins, for before 5.19 only who may use BPF may open an iterator by its number. */
	const struct sensor_opts o = { .pin_dir = PINS, .uid = 65534, .gid = 65534 };
	struct witness w;
	uint64_t udp;

	if (!ok(witness_open(&w, &o), "a sensor opens"))
		return;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	udp = cookie_of(fd);
	sendto(fd, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin));
	pid_t pid = fork();
	if (pid == 0) {
		uint64_t tcp;

		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(1);
		int t = tcp_door(&tcp);
		if (!witness_wait(&w, EVENT_OPEN, tcp))
			_exit(2);
		if (sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) < 0)
			_exit(3);
		const struct event *ev = find_origin(&w, EVENT_OPEN, udp, ORIGIN_SWEEP);
		if (!ev || ev->opener.pid != (uint32_t)getppid() ||
		    !text_ends(ev->opener.exe, "/test_sensor") || !ev->opener.argv.ptr)
			_exit(4);
		close(t);
		_exit(witness_wait(&w, EVENT_CLOSE, tcp) ? 0 : 5);
	}
	is_int(reap(pid), 0, "reading and sweeping work without any privilege");
	close(fd);
	witness_close(&w, true);
}

#define TEXT_OF(number) #number
#define VERSION_OF(abi) "/v" TEXT_OF(abi)
#define PINNED PINS VERSION_OF(AJAR_ABI)

static void restart(void)
{
	const struct sensor_opts o = { .pin_dir = PINS, .uid = 65534, .gid = 65534 };
	struct witness a, b;
	uint64_t before, during, brief, since = 0;
	struct stat st;

	if (!ok(witness_open(&a, &o), "a pinned sensor opens"))
		return;
	ok(!sensor_resumed(a.s, &since), "it is new");
	is_int(stat(PINS, &st) || st.st_uid != 65534, 0, "its folder is the agent's");
	struct sensor *rival = NULL;
	char *why = NULL;
	is_int(sensor_open(&o, &rival, &why), -EBUSY, "a second agent is refused: %s",
	       why ? why : "");
	free(why);
	int fd = tcp_door(&before);
	ok(witness_wait(&a, EVENT_OPEN, before), "it tells of a door");
	sensor_commit(a.s);
	witness_close(&a, false);

	int other = tcp_door(&during);
	close(tcp_door(&brief));
	close(fd);
	if (!ok(witness_open(&b, &o), "a second one opens after it"))
		return;
	ok(sensor_resumed(b.s, &since) && since, "and takes over");
	witness_drain(&b);
	ok(sensor_sweep(b.s, ORIGIN_SWEEP, witness_keep, &b) >= 0, "it sweeps");
	ok(find_origin(&b, EVENT_OPEN, during, ORIGIN_EVENT),
	   "a door opened meanwhile is an event");
	ok(find_origin(&b, EVENT_OPEN, brief, ORIGIN_EVENT) &&
		   find_origin(&b, EVENT_CLOSE, brief, ORIGIN_EVENT),
	   "so is one that opened and closed");
	const struct event *ev = find_origin(&b, EVENT_CLOSE, before, ORIGIN_EVENT);
	ok(ev && ev->opened_ns && ev->opener.pid == (uint32_t)getpid(),
	   "and the end of one from before, with when and by whom it was opened");
	is_int(witness_count(&b, EVENT_OPEN, before), 0, "what was reported is not told again");
	is_int(witness_count(&b, EVENT_OPEN, during), 1, "nothing twice");
	close(other);
	ok(witness_wait(&b, EVENT_CLOSE, during), "events go on");
	pid_t pid = fork();
	if (pid == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		sensor_free(b.s, true);
		_exit(access(PINNED, F_OK) == 0);
	}
	is_int(reap(pid), 0, "the pins go without privileges");
	witness_close(&b, true);
	ok(stat(PINS, &st) < 0, "nothing stays behind");
}

/* Waits for its turn, opens a door, closes it, and dies at the end of the pipe. */
static pid_t opener_of_two(int *ret_go, int *ret_done)
{
	int go[2], done[2];
	char c;

	if (pipe2(go, O_CLOEXEC) || pipe2(done, O_CLOEXEC))
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		uint64_t cookie;

		close(go[1]);
		while (read(go[0], &c, 1) == 1) {
			close(tcp_door(&cookie));
			(void)!write(done[1], &cookie, sizeof(cookie));
		}
		_exit(0);
	}
	close(go[0]);
	close(done[1]);
	*ret_go = go[1];
	*ret_done = done[0];
	return pid;
}

static uint64_t next_door(int go, int done)
{
	uint64_t cookie = 0;

	return write(go, "x", 1) == 1 && read(done, &cookie, sizeof(cookie)) > 0 ? cookie : 0;
}

/*
 * Who a process is was told to an agent that is gone; the process too is gone when the next one
 * comes.
 */
static void named_again(void)
{
	const struct sensor_opts o = { .pin_dir = PINS };
	int go = -1, done = -1;
	struct witness a, b;

	if (!ok(witness_open(&a, &o), "a pinned sensor"))
		return;
	pid_t pid = opener_of_two(&go, &done);
	uint64_t first = next_door(go, done), brief;
	const struct event *ev = witness_wait(&a, EVENT_CLOSE, first);
	ok(ev && ev->opener.exe.ptr, "names a process");
	sensor_commit(a.s);
	witness_close(&a, false);
	brief = next_door(go, done);
	close(go);
	close(done);
	reap(pid);
	if (!ok(witness_open(&b, &o), "the next agent comes when that process is gone"))
		return;
	ev = witness_wait(&b, EVENT_OPEN, brief);
	ok(ev && ev->opener.pid == (uint32_t)pid, "it hears of the door opened in between");
	ok(ev && text_ends(ev->opener.exe, "/test_sensor") && ev->opener.argv.ptr &&
		   ev->opener.ancestors_len,
	   "with executable, arguments and ancestors");
	witness_close(&b, true);
}

static void half_made(void)
{
	const struct sensor_opts o = { .pin_dir = PINS };
	struct witness w;
	uint64_t since;

	if (!ok(witness_open(&w, &o), "a pinned sensor"))
		return;
	witness_close(&w, false);
	is_int(unlink(PINNED "/link_listen_sockops"), 0, "loses one of its pins");
	if (!ok(witness_open(&w, &o), "the next one still opens"))
		return;
	ok(!sensor_resumed(w.s, &since), "with a new set");
	uint64_t cookie;
	int fd = tcp_door(&cookie);
	ok(witness_wait(&w, EVENT_OPEN, cookie), "that works");
	close(fd);
	witness_close(&w, true);
}

/* Nobody reads while more happens than the ring holds: the account must be exact. */
static void storm(void)
{
	const struct sensor_opts o = { .ring_bytes = 65536 };
	struct sensor_stats st;
	struct witness w;
	uint64_t cookie;

	if (!ok(witness_open(&w, &o), "a sensor with a small ring"))
		return;
	for (int i = 0; i < 2000; i++)
		close(tcp_door(&cookie));
	witness_drain(&w);
	int fd = tcp_door(&cookie);
	ok(witness_wait(&w, EVENT_OPEN, cookie), "after a storm nobody read it works on");
	close(fd);
	witness_wait(&w, EVENT_CLOSE, cookie);
	/*
	 * Others on this machine open doors too: until nothing is under way between kernel and us.
	 */
	uint64_t until = clock_boot_ns() + DEADLINE_NS;
	do {
		witness_drain(&w);
		sensor_stats(w.s, &st);
	} while (st.received + st.lost != st.produced && clock_boot_ns() < until);
	ok(st.dropped > 1000, "most of it was lost (%llu records)", (unsigned long long)st.dropped);
	is_int(w.lost, st.dropped, "the events of loss count exactly what the kernel dropped");
	is_int(st.received + st.lost, st.produced, "produced is received plus lost");
	witness_close(&w, true);
}

/*
 * Who drained ended between recording it and giving it back: what it recorded of losses is not told
 * again.
 */
static void storm_and_successor(void)
{
	const struct sensor_opts o = { .pin_dir = PINS, .ring_bytes = 65536 };
	uint64_t cookie, since, told;
	struct sensor_stats st;
	struct witness a, b;

	if (!ok(witness_open(&a, &o), "a pinned sensor with a small ring"))
		return;
	for (int i = 0; i < 2000; i++)
		close(tcp_door(&cookie));
	ok(sensor_drain(a.s, witness_keep, &a) > 0, "is drained once after a storm");
	told = a.lost;
	sensor_free(a.s, false);
	if (!ok(told > 1000 && witness_open(&b, &o) && sensor_resumed(b.s, &since),
		"its reader, who told of losses, ends without giving back, and another takes over"))
		return;
	for (size_t i = 0; i < a.len; i++)
		if (a.told[i].ev.kind == EVENT_LOST)
			sensor_lost_reported(b.s, &a.told[i].ev);
	uint64_t until = clock_boot_ns() + DEADLINE_NS;
	do {
		witness_drain(&b);
		sensor_stats(b.s, &st);
	} while (told + b.lost < st.dropped && clock_boot_ns() < until);
	is_int(told + b.lost, st.dropped, "both together told exactly what the kernel dropped");
	a.s = NULL;
	witness_close(&a, false);
	witness_close(&b, true);
}

static void lost_then_swept(void)
{
	const struct sensor_opts o = { .ring_bytes = 4096 };
	struct witness w;
	int fds[64];
	uint64_t cookies[64];
	unsigned told = 0;

	if (!ok(witness_open(&w, &o), "a sensor with a tiny ring"))
		return;
	for (int i = 0; i < 64; i++)
		fds[i] = tcp_door(&cookies[i]);
	witness_drain(&w);
	ok(w.lost > 0, "loses records");
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) > 0, "a sweep");
	for (int i = 0; i < 64; i++)
		told += witness_count(&w, EVENT_OPEN, cookies[i]) == 1;
	is_int(told, 64, "finds every door, each once");
	const struct event *ev = witness_find(&w, EVENT_OPEN, cookies[63], 0);
	ok(ev && ev->opener.pid == (uint32_t)getpid() && text_ends(ev->opener.exe, "/test_sensor"),
	   "with its opener");
	for (int i = 0; i < 64; i++)
		close(fds[i]);
	witness_drain(&w);
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep after all closed");
	told = 0;
	for (int i = 0; i < 64; i++)
		told += witness_count(&w, EVENT_CLOSE, cookies[i]) == 1;
	is_int(told, 64, "finds every end, each once");
	witness_close(&w, true);
}

static void two(void)
{
	const struct sensor_opts o = { 0 };
	struct witness a, b;
	uint64_t cookie;

	if (!ok(witness_open(&a, &o) && witness_open(&b, &o), "two sensors at once"))
		return;
	close(tcp_door(&cookie));
	ok(witness_wait(&a, EVENT_CLOSE, cookie) && witness_wait(&b, EVENT_CLOSE, cookie),
	   "both tell");
	is_int(witness_count(&a, EVENT_CLOSE, cookie), 1, "once");
	const struct sensor_report *r = sensor_report(a.s);
	is_int(r->tier, 'A', "of tier A");
	witness_close(&b, true);
	close(tcp_door(&cookie));
	ok(witness_wait(&a, EVENT_CLOSE, cookie), "one goes on when the other ends");
	witness_close(&a, true);
}

static void refused(void)
{
	const struct sensor_opts o = { 0 };
	pid_t pid = fork();

	if (pid == 0) {
		struct sensor *s = NULL;
		char *why = NULL;

		if (setuid(65534))
			_exit(1);
		int err = sensor_open(&o, &s, &why);
		_exit(err != -EPERM || !why || !strstr(why, "root"));
	}
	is_int(reap(pid), 0, "without root it says so in one line");
	const struct sensor_opts bad = { .pin_dir = "/tmp/ajar-not-bpffs" };
	struct sensor *s = NULL;
	char *why = NULL;
	ok(sensor_open(&bad, &s, &why) < 0 && why, "pins on another file system are refused: %s",
	   why ? why : "");
	ok(access("/tmp/ajar-not-bpffs", F_OK) < 0, "leaving nothing there");
	free(why);
	struct sensor_check checks[SENSOR_CHECKS_MAX];
	ok(sensor_probe(false, checks) >= 8, "doctor has its checks");
}

int main(void)
{
	if (geteuid())
		tap_skip_all("needs root");
	snapshot();
	repair();
	raw_and_packet();
	unprivileged();
	restart();
	named_again();
	half_made();
	storm();
	storm_and_successor();
	lost_then_swept();
	two();
	refused();
	return tap_done();
}
