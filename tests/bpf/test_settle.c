/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What UDP sockets are a moment after their bind: in a network namespace of its own, where nobody
 * else has any.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "sensor/system.h"
#include "witness.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

static struct witness w;

static int udp(int family)
{
	return socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static struct sockaddr_in at(const char *ip, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, ip, &sin.sin_addr);
	return sin;
}

static int bind_at(int fd, const char *ip, uint16_t port)
{
	struct sockaddr_in sin = at(ip, port);

	return bind(fd, (struct sockaddr *)&sin, sizeof(sin));
}

static int connect_to(int fd, uint16_t port)
{
	struct sockaddr_in sin = at("127.0.0.1", port);

	return connect(fd, (struct sockaddr *)&sin, sizeof(sin));
}

static int disconnect(int fd)
{
	struct sockaddr sa = { .sa_family = AF_UNSPEC };

	return connect(fd, &sa, sizeof(sa));
}

static bool up(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_UP };
	_close_ int fd = udp(AF_INET);

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return ioctl(fd, SIOCSIFFLAGS, &r) == 0;
}

/* The socket's settle event, and that its opening said it was settling. */
static const struct event *settled(int fd, const char *what)
{
	uint64_t cookie = cookie_of(fd);
	const struct event *open = witness_wait(&w, EVENT_OPEN, cookie);

	ok(open && open->door.settling, "%s is reported at once, as settling", what);
	const struct event *ev = witness_wait(&w, EVENT_SETTLE, cookie);
	ok(ev && !ev->door.settling && ev->opener.pid == (uint32_t)getpid() && ev->opened_ns &&
		   ev->time_ns >= ev->opened_ns + 900000000,
	   "and when it has settled, with who opened it and when");
	return ev;
}

static void stays(void)
{
	int fd = udp(AF_INET), v6 = udp(AF_INET6), port0 = udp(AF_INET);

	witness_mark(&w);
	bind_at(fd, "0.0.0.0", 5001);
	bind_loopback(v6, AF_INET6, 5002);
	bind_at(port0, "0.0.0.0", 0);
	const struct event *ev = settled(fd, "one that stays");
	ok(ev && !ev->door.connected && ev->door.bound && ev->door.port == 5001,
	   "it is open to all");
	ev = settled(v6, "one of IPv6");
	ok(ev && !ev->door.connected && ev->door.bound, "it is open to all");
	ev = settled(port0, "one on port 0");
	ok(ev && !ev->door.connected && ev->door.bound && ev->door.autoport,
	   "it is open to all, whoever chose the port");
	is_int(witness_count(&w, EVENT_SETTLE, cookie_of(fd)), 1, "that is reported once");
	close(v6);
	close(port0);
	close(fd);
}

static void connects(void)
{
	int fd = udp(AF_INET);
	uint64_t cookie = cookie_of(fd);

	witness_mark(&w);
	bind_at(fd, "0.0.0.0", 5003);
	is_int(connect_to(fd, 9), 0, "it connects");
	const struct event *ev = settled(fd, "one that connects");
	ok(ev && ev->door.connected, "it is connected");
	witness_mark(&w);
	is_int(disconnect(fd), 0, "later it undoes that");
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep looks");
	ev = witness_find(&w, EVENT_SETTLE, cookie, 0);
	ok(ev && !ev->door.connected && ev->origin == ORIGIN_SWEEP,
	   "and tells that it is open to all");
	witness_mark(&w);
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "the next one");
	ok(!witness_find(&w, EVENT_SETTLE, cookie, 0), "has nothing to tell");
	close(fd);
}

/* As a resolver does: a port of its own for each query. */
static void clients(void)
{
	unsigned told = 0, closed = 0;
	uint64_t last = 0;

	witness_mark(&w);
	for (int i = 0; i < 200; i++) {
		int fd = udp(AF_INET);

		last = cookie_of(fd);
		bind_at(fd, "0.0.0.0", (uint16_t)(20000 + i));
		connect_to(fd, 9);
		close(fd);
	}
	int fd = udp(AF_INET);
	bind_at(fd, "0.0.0.0", 5004);
	ok(witness_wait(&w, EVENT_CLOSE, last), "the last of 200 clients is closed");
	settled(fd, "one that outlives them");
	for (size_t i = w.from; i < w.len; i++) {
		const struct event *ev = &w.told[i].ev;

		told += ev->kind == EVENT_SETTLE;
		closed += ev->kind == EVENT_CLOSE && ev->door.settling;
	}
	is_int(told, 1, "of the 200 nothing is reported later");
	is_int(closed, 200, "and each end says that it never settled");
	close(fd);
}

static void chosen_ports(void)
{
	uint32_t range = 40123u << 16 | 40123u;
	int failed = udp(AF_INET), ranged = udp(AF_INET);

	witness_mark(&w);
	is_int(bind_at(failed, "203.0.113.7", 0), -1,
	       "a bind to port 0 of a foreign address fails");
	is_int(bind_at(failed, "0.0.0.0", 5005), 0, "the next, to a port, does not");
	const struct event *ev = settled(failed, "one after a bind that failed");
	ok(ev && !ev->door.autoport && ev->door.port == 5005, "its port is of its own choice");
	close(failed);
	if (setsockopt(ranged, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range)) < 0) {
		tap_skip(3, "no IP_LOCAL_PORT_RANGE on this kernel");
	} else {
		bind_at(ranged, "0.0.0.0", 0);
		ev = settled(ranged, "one with a range of one port");
		ok(ev && !ev->door.autoport && ev->door.port == 40123,
		   "its port is of its own choice");
	}
	close(ranged);
}

static void members(void)
{
	struct ip_mreq group = { .imr_interface.s_addr = htonl(INADDR_LOOPBACK) };
	struct ipv6_mreq group6 = { .ipv6mr_interface = if_nametoindex("lo") };
	int fd = udp(AF_INET), v6 = udp(AF_INET6);

	witness_mark(&w);
	inet_pton(AF_INET, "224.0.0.251", &group.imr_multiaddr);
	inet_pton(AF_INET6, "ff02::fb", &group6.ipv6mr_multiaddr);
	bind_at(fd, "0.0.0.0", 5353);
	is_int(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), 0,
	       "it joins a group after its bind");
	bind_loopback(v6, AF_INET6, 5354);
	is_int(setsockopt(v6, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group6, sizeof(group6)), 0,
	       "so does one of IPv6");
	const struct event *ev = settled(fd, "a member of a group");
	ok(ev && ev->door.multicast, "it is known as one");
	ev = settled(v6, "a member of a group of IPv6");
	ok(ev && ev->door.multicast, "it is known as one");
	close(v6);
	close(fd);
}

/* It has its port by sending: no bind() is seen. */
static void sender(void)
{
	int fd = udp(AF_INET);
	struct sockaddr_in to = at("127.0.0.1", 9);
	uint64_t cookie = cookie_of(fd);

	witness_mark(&w);
	is_int(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1, "a socket sends");
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep looks");
	ok(witness_find(&w, EVENT_OPEN, cookie, 0), "and tells of it");
	const struct event *ev = witness_wait(&w, EVENT_SETTLE, cookie);
	ok(ev && ev->door.autoport && !ev->door.bound && !ev->door.lasting,
	   "it is not taken for bound");
	close(fd);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "and has its end");
}

/* Another program of the cgroup may refuse what ours has seen; deny: "return 0". */
static int deny_program(void)
{
	const struct bpf_insn deny[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = BPF_CGROUP_INET4_POST_BIND);

	return bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK, "deny", "GPL", deny, array_len(deny), &o);
}

static void denied_in(const char *path, const char *what)
{
	_close_ int cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), prog = deny_program();
	int fd = udp(AF_INET);
	uint64_t cookie = cookie_of(fd);
	_close_ int link =
		cgroup < 0 || prog < 0
			? -1
			: bpf_link_create(prog, cgroup, BPF_CGROUP_INET4_POST_BIND, NULL);

	if (link < 0) {
		tap_skip(2, "no program can be attached to a cgroup (%s)", strerror(errno));
		close(fd);
		return;
	}
	witness_mark(&w);
	is_int(bind_at(fd, "0.0.0.0", 5006), -1, "a program of %s refuses a bind", what);
	close_fd(&link);
	/* What was told of it is over before it is judged. */
	uint64_t until = clock_boot_ns() + 1600000000;
	while (witness_step(&w, until))
		;
	ok(witness_count(&w, EVENT_OPEN, cookie) == witness_count(&w, EVENT_CLOSE, cookie) &&
		   !witness_count(&w, EVENT_SETTLE, cookie),
	   "and no door is open by it");
	close(fd);
}

static void denied(void)
{
	_free_ char *root = NULL;
	char path[256];
	int err = system_mount_point("cgroup2", &root);

	if (err || snprintf(path, sizeof(path), "%s/ajar-settle-%d", root, getpid()) < 0 ||
	    mkdir(path, 0755) < 0) {
		tap_skip(2, "no cgroup v2 to make a child in");
		return;
	}
	char procs[512], back[512];
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	snprintf(back, sizeof(back), "%s/cgroup.procs", root);
	_close_ int in = open(procs, O_WRONLY | O_CLOEXEC), out = open(back, O_WRONLY | O_CLOEXEC);
	if (in >= 0 && write(in, "0", 1) == 1)
		denied_in(path, "its own cgroup");
	(void)!write(out, "0", 1);
	rmdir(path);
}

int main(void)
{
	const struct sensor_opts o = { .own_netns = true };

	if (geteuid())
		tap_skip_all("needs root");
	if (unshare(CLONE_NEWNET) < 0 || !up("lo"))
		tap_skip_all("no network namespace of its own");
	if (!ok(witness_open(&w, &o), "the sensor opens"))
		return tap_done();
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "what is open is known");
	stays();
	connects();
	clients();
	chosen_ports();
	members();
	sender();
	denied();
	is_int(w.lost, 0, "nothing was lost");
	witness_close(&w, true);
	return tap_done();
}
