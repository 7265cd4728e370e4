/* SPDX-License-Identifier: GPL-2.0 */
/* Every way of opening a door that is known, and the whole record each must give. */
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets.h>
#include <linux/vm_sockets_diag.h>

#include "base/buf.h"
#include "witness.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static struct witness w;

static void whole_record(void)
{
	char exe[PATH_MAX] = "", line[256] = "";
	struct stat ns, sock;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t cookie = cookie_of(fd), before = clock_wall_ns();

	is_int(bind_loopback(fd, AF_INET, 0) || listen(fd, 1), 0, "a TCP door is opened");
	uint16_t port = port_of(fd);
	const struct event *ev = witness_wait(&w, EVENT_OPEN, cookie);
	if (!ok(ev, "its opening is reported"))
		return;
	is_int(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0, 1, "we have a path");
	fstat(fd, &sock);
	stat("/proc/self/ns/net", &ns);
	is_int(ev->origin, ORIGIN_EVENT, "it is an event");
	is_int(ev->door.proto, PROTO_TCP, "its protocol");
	is_int(ev->door.family, FAMILY_INET, "its family");
	is_int(ev->door.scope, SCOPE_LOOPBACK, "its scope");
	is_int(ntohl(*(const uint32_t *)ev->door.addr), INADDR_LOOPBACK, "its address");
	is_int(ev->door.port, port, "the port that was chosen");
	ok(ev->door.autoport, "that the kernel chose it");
	is_int(ev->door.netns, ns.st_ino, "its network namespace");
	ok(ev->door.netns_cookie != 0, "and the namespace's cookie");
	is_int(ev->door.inode, sock.st_ino, "the socket's inode");
	ok(ev->time_ns >= before - 1000000 && ev->time_ns <= clock_wall_ns() + 1000000, "when");
	is_int(ev->opener.pid, getpid(), "the process");
	is_int(ev->opener.tid, syscall(SYS_gettid), "the thread");
	is_str(ev->opener.comm, "test_doors", "its name");
	ok(text_is(ev->opener.exe, exe), "its executable with the whole path");
	ok(ev->opener.argv.len > 0 && ev->opener.argv.ptr[ev->opener.argv.len - 1] == '\0',
	   "its arguments, ended by NUL");
	ok(!ev->opener.exe_cut && !ev->opener.argv_cut, "neither is cut");
	is_int(ev->opener.uid, getuid(), "its uid");
	is_int(ev->opener.gid, getgid(), "its gid");
	ok(text_is(ev->opener.user, "root"), "its user");
	ok(ev->opener.ancestors_len >= 1 && ev->opener.ancestors[0].pid == (uint32_t)getppid(),
	   "its parent first among the ancestors");
	ok(ev->opener.start_ns < ev->time_ns && ev->opener.start_ns > ev->time_ns - 600000000000ULL,
	   "when it started");
	FILE *f = fopen("/proc/self/loginuid", "re");
	if (f && fgets(line, sizeof(line), f))
		is_int(ev->opener.loginuid, strtoul(line, NULL, 10), "its loginuid");
	if (f)
		fclose(f);
	ok(ev->cgroup_id != 0 && ev->cgroup.ptr, "its cgroup");
	is_int(witness_count(&w, EVENT_BIND, cookie), 0,
	       "the bind before it is no event of its own");
	listen(fd, 5);
	close(fd);
	ev = witness_wait(&w, EVENT_CLOSE, cookie);
	if (!ok(ev, "its end is reported"))
		return;
	is_int(ev->door.port, port, "with the port");
	is_int(ev->opener.pid, getpid(), "who opened it");
	is_int(ev->closer.pid, getpid(), "who closed it");
	ok(text_is(ev->closer.exe, exe), "the closer's executable");
	ok(ev->opened_ns && ev->opened_ns <= ev->time_ns, "and when it was opened");
	is_int(witness_count(&w, EVENT_OPEN, cookie), 1, "a second listen() is no second door");
}

/* A TCP listener of the family with v6only as given, to all addresses. */
static void family_door(int family, int v6only)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	int fd = socket(family, SOCK_STREAM, 0);
	uint64_t cookie = cookie_of(fd);

	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
	int err = family == AF_INET6 ? bind(fd, (struct sockaddr *)&v6, sizeof(v6))
				     : bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	is_int(err || listen(fd, 1), 0, "a door to all addresses, family %d v6only %d", family,
	       v6only);
	const struct event *ev = witness_wait(&w, EVENT_OPEN, cookie);
	if (ok(ev, "it is reported")) {
		is_int(ev->door.family, family, "with its family");
		is_int(ev->door.v6only, v6only, "with v6only");
		is_int(ev->door.scope, SCOPE_ANY, "its scope is any");
	}
	close(fd);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "and its end");
}

static void without_bind(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t cookie = cookie_of(fd);

	is_int(listen(fd, 1), 0, "listen without bind");
	uint16_t port = port_of(fd);
	const struct event *ev = witness_wait(&w, EVENT_OPEN, cookie);
	ok(ev && ev->door.port == port && ev->door.autoport, "has the real port and is marked");
	close(fd);
	ev = witness_wait(&w, EVENT_CLOSE, cookie);
	ok(ev && ev->door.port == port, "and has it at its end too");
}

static void af_unspec(void)
{
	struct sockaddr_in sin = { .sin_family = AF_UNSPEC };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t cookie = cookie_of(fd);

	is_int(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) || listen(fd, 1), 0,
	       "AF_UNSPEC binds");
	const struct event *ev = witness_wait(&w, EVENT_OPEN, cookie);
	ok(ev && ev->door.family == FAMILY_INET, "and is a door of the socket's family");
	close(fd);
}

static void no_port_yet(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	uint64_t cookie = cookie_of(fd);

	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	is_int(bind_loopback(fd, AF_INET, 0) || listen(fd, 1), 0, "IP_BIND_ADDRESS_NO_PORT");
	const struct event *ev = witness_wait(&w, EVENT_OPEN, cookie);
	ok(ev && ev->door.port == port_of(fd) && ev->door.autoport,
	   "has the port chosen at listen");
	close(fd);
}

static void failures(void)
{
	int one = 1, a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0);
	int c = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t ca = cookie_of(a), cb = cookie_of(b), cc = cookie_of(c);

	setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(b, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	bind_loopback(a, AF_INET, 0);
	is_int(bind_loopback(b, AF_INET, port_of(a)), 0, "two sockets share a port with REUSEADDR");
	is_int(listen(a, 1), 0, "the first listens");
	is_int(listen(b, 1), -1, "the second may not");
	is_int(bind_loopback(c, AF_INET, port_of(a)), -1, "a third may not even bind");
	close(b);
	close(c);
	close(a);
	ok(witness_wait(&w, EVENT_CLOSE, ca), "the one door is reported");
	is_int(witness_count(&w, EVENT_OPEN, cb) + witness_count(&w, EVENT_CLOSE, cb), 0,
	       "a failed listen is not told");
	is_int(witness_count(&w, EVENT_BIND, cb) + witness_count(&w, EVENT_BIND, cc), 0,
	       "nor are binds that were closed");
}

static void sweep(void)
{
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep looks");
}

/* A bind without listen() is no event; what stays so is on record by the next sweep. */
static void bound_only(int family)
{
	int fd = socket(family, SOCK_STREAM, 0), listens = socket(family, SOCK_STREAM, 0);
	int connects = socket(family, SOCK_STREAM, 0), closed = socket(family, SOCK_STREAM, 0);
	uint64_t cookie = cookie_of(fd), cl = cookie_of(listens), cc = cookie_of(connects);
	uint64_t cd = cookie_of(closed);
	struct sockaddr_storage to;
	socklen_t len = sizeof(to);

	is_int(bind_loopback(fd, family, 0) || bind_loopback(listens, family, 0) ||
		       bind_loopback(connects, family, 0) || bind_loopback(closed, family, 0) ||
		       listen(listens, 1) || getsockname(listens, (struct sockaddr *)&to, &len) ||
		       connect(connects, (struct sockaddr *)&to, len),
	       0, "four sockets are bound, one listens, one connects");
	close(closed);
	uint16_t port = port_of(fd);
	sweep();
	const struct event *ev = witness_find(&w, EVENT_BIND, cookie, 0);
	if (!ok(ev, "a sweep tells of the one that is bound and no more"))
		return;
	is_int(ev->door.port, port, "with its port");
	is_int(ev->door.proto, PROTO_TCP, "its protocol");
	ok(ev->door.scope == SCOPE_LOOPBACK && ev->door.autoport && ev->door.inode,
	   "its address, inode and that the kernel chose the port");
	ok(ev->opener.pid == (uint32_t)getpid() && ev->opener.exe.ptr, "and who holds it");
	is_int(witness_count(&w, EVENT_BIND, cl) + witness_count(&w, EVENT_BIND, cc) +
		       witness_count(&w, EVENT_BIND, cd),
	       0, "and of none that listens, is connected or closed");
	sweep();
	is_int(witness_count(&w, EVENT_BIND, cookie), 1, "it is told once");
	is_int(listen(fd, 1), 0, "it may listen yet");
	ok(witness_wait(&w, EVENT_OPEN, cookie), "and is a door then");
	close(fd);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "to its end");
	close(connects);
	close(listens);
}

/* Who ends a door before anybody has read of its opening: the record of that has the cookie alone. */
static void unread_opening(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t cookie = cookie_of(fd), cu = cookie_of(udp);

	is_int(bind_loopback(fd, AF_INET, 0) || listen(fd, 1) || bind_loopback(udp, AF_INET, 0), 0,
	       "two doors are opened");
	uint16_t port = port_of(fd), port_udp = port_of(udp);
	close(fd);
	close(udp);
	const struct event *ev = witness_wait(&w, EVENT_CLOSE, cookie);
	const struct event *of_udp = witness_wait(&w, EVENT_CLOSE, cu);

	if (!ok(ev && of_udp, "and closed before their openings are read"))
		return;
	ok(ev->door.port == port && ev->door.proto == PROTO_TCP && of_udp->door.port == port_udp &&
		   of_udp->door.proto == PROTO_UDP,
	   "their ends say which doors they were");
	ok(ev->opener.pid == (uint32_t)getpid() && ev->closer.pid == (uint32_t)getpid() &&
		   ev->closer.exe.ptr && ev->closer.uid == getuid(),
	   "who opened and who closed them");
	ok(ev->opened_ns && ev->opened_ns <= ev->time_ns, "and since when they were open");
	is_int(witness_count(&w, EVENT_OPEN, cookie), 1, "the opening is told as well");
	is_int(witness_count(&w, EVENT_CLOSE, cookie), 1, "each once");
}

static void udp_door(int family, int type, int proto, enum door_proto want)
{
	int fd = socket(family, type, proto);
	uint64_t cookie = cookie_of(fd);

	if (fd < 0) {
		tap_skip_machine(1, "this kernel has no %s", door_proto_name(want));
		return;
	}
	is_int(bind_loopback(fd, family, 0), 0, "a %s socket is bound", door_proto_name(want));
	const struct event *ev = witness_wait(&w, EVENT_OPEN, cookie);
	ok(ev && ev->door.proto == want && ev->door.port == port_of(fd) && ev->door.autoport,
	   "and is a door at once");
	close(fd);
	ev = witness_wait(&w, EVENT_CLOSE, cookie);
	ok(ev && ev->closer.pid == (uint32_t)getpid() && ev->opened_ns, "until it is closed");
}

static void udp_corners(void)
{
	int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint64_t cs = cookie_of(server), cc = cookie_of(client);

	bind_loopback(server, AF_INET, 0);
	sin.sin_port = htons(port_of(server));
	is_int(connect(client, (struct sockaddr *)&sin, sizeof(sin)), 0, "a UDP client connects");
	is_int(connect(server, (struct sockaddr *)&sin, sizeof(sin)), 0,
	       "a bound one connects too");
	ok(witness_wait(&w, EVENT_OPEN, cs), "the bound one is a door");
	close(client);
	close(server);
	ok(witness_wait(&w, EVENT_CLOSE, cs), "to its end");
	is_int(witness_count(&w, EVENT_OPEN, cc), 0, "the client is none");
}

static const struct event *told_of_inode(enum event_kind kind, uint64_t inode)
{
	for (size_t i = w.from; i < w.len; i++) {
		if (w.told[i].ev.kind == kind && w.told[i].ev.door.inode == inode)
			return &w.told[i].ev;
	}
	return NULL;
}

static void mptcp_bound(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	struct stat st;
	const struct event *ev;

	if (fd < 0)
		return; /* mptcp() says so */
	fstat(fd, &st);
	is_int(bind_loopback(fd, AF_INET, 0), 0, "an MPTCP socket is bound");
	sweep();
	ev = told_of_inode(EVENT_BIND, st.st_ino);
	ok(ev && ev->door.proto == PROTO_MPTCP && ev->door.port == port_of(fd),
	   "and a sweep tells of it");
	close(fd);
}

static void mptcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	struct stat st;
	unsigned opens = 0, closes = 0;
	const struct event *ev = NULL;

	if (fd < 0) {
		tap_skip_machine(1, "this kernel has no MPTCP");
		return;
	}
	fstat(fd, &st);
	is_int(bind_loopback(fd, AF_INET, 0) || listen(fd, 1), 0, "an MPTCP door");
	uint16_t port = port_of(fd);
	close(fd);
	int last = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t cookie = cookie_of(last);
	bind_loopback(last, AF_INET, 0);
	witness_wait(&w, EVENT_OPEN, cookie);
	close(last);
	for (size_t i = w.from; i < w.len; i++) {
		const struct event *e = &w.told[i].ev;

		if (e->door.inode != st.st_ino)
			continue;
		opens += e->kind == EVENT_OPEN;
		closes += e->kind == EVENT_CLOSE;
		if (e->kind == EVENT_OPEN)
			ev = e;
	}
	is_int(opens, 1, "is one door");
	is_int(closes, 1, "with one end");
	ok(ev && ev->door.proto == PROTO_MPTCP && ev->door.port == port,
	   "and says that it is MPTCP");
}

static void reuseport(void)
{
	int one = 1, a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t ca = cookie_of(a), cb = cookie_of(b);

	setsockopt(a, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	setsockopt(b, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	bind_loopback(a, AF_INET, 0);
	is_int(bind_loopback(b, AF_INET, port_of(a)) || listen(a, 1) || listen(b, 1), 0,
	       "two listeners on one port with REUSEPORT");
	ok(witness_wait(&w, EVENT_OPEN, ca) && witness_wait(&w, EVENT_OPEN, cb), "are two doors");
	close(a);
	close(b);
}

static void shut(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t cookie = cookie_of(fd);

	bind_loopback(fd, AF_INET, 0);
	listen(fd, 1);
	shutdown(fd, SHUT_RD);
	ok(witness_wait(&w, EVENT_CLOSE, cookie), "shutdown(SHUT_RD) ends a door before close");
	is_int(listen(fd, 1), 0, "the socket listens again");
	close(fd);
	struct witness *p = &w;
	uint64_t until = clock_boot_ns() + DEADLINE_NS;
	while (witness_count(p, EVENT_CLOSE, cookie) < 2 && witness_step(p, until))
		;
	is_int(witness_count(p, EVENT_OPEN, cookie), 2, "which opens it again");
	is_int(witness_count(p, EVENT_CLOSE, cookie), 2, "and ends it again");
}

static void child_closes(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), go[2];
	uint64_t cookie = cookie_of(fd);
	char c;

	if (pipe2(go, O_CLOEXEC))
		return;
	bind_loopback(fd, AF_INET, 0);
	listen(fd, 1);
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		_exit(read(go[0], &c, 1) < 0);
	}
	close(fd);
	close(go[0]);
	witness_drain(&w);
	is_int(witness_count(&w, EVENT_CLOSE, cookie), 0,
	       "a door that a child still holds is open");
	close(go[1]);
	reap(pid);
	const struct event *ev = witness_wait(&w, EVENT_CLOSE, cookie);
	ok(ev && ev->opener.pid == (uint32_t)getpid() && ev->closer.pid == (uint32_t)pid,
	   "the child closes what the parent opened");
}

static void killed(void)
{
	int ready[2];
	char c;

	if (pipe2(ready, O_CLOEXEC))
		return;
	pid_t pid = fork();
	if (pid == 0) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		bind_loopback(fd, AF_INET, 0);
		listen(fd, 1);
		close(ready[1]);
		pause();
		_exit(0);
	}
	close(ready[1]);
	(void)!read(ready[0], &c, 1);
	close(ready[0]);
	kill(pid, SIGKILL);
	reap(pid);
	const struct event *ev = witness_wait_pid(&w, EVENT_CLOSE, pid);
	ok(ev && ev->closer.pid == (uint32_t)pid, "SIGKILL closes doors, in the dying process");
}

static void other_ids(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(54321) || setuid(12345))
			_exit(1);
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		_exit(bind_loopback(fd, AF_INET, 0) || listen(fd, 1));
	}
	is_int(reap(pid), 0, "another user opens a door");
	const struct event *ev = witness_wait_pid(&w, EVENT_OPEN, pid);
	ok(ev && ev->opener.uid == 12345 && ev->opener.gid == 54321, "with its uid and gid");
	ok(ev && !ev->opener.user.ptr, "a uid without a name has none");
}

static void other_netns(void)
{
	struct stat own, other = { 0 };
	int got[2];

	stat("/proc/self/ns/net", &own);
	if (pipe2(got, O_CLOEXEC))
		return;
	pid_t pid = fork();
	if (pid == 0) {
		struct stat st;
		int fd;

		if (unshare(CLONE_NEWNET) || stat("/proc/self/ns/net", &st))
			_exit(77);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (listen(fd, 1) || write(got[1], &st, sizeof(st)) != sizeof(st))
			_exit(1);
		_exit(0);
	}
	close(got[1]);
	int status = reap(pid);
	is_int(status, 0, "a door in a network namespace of its own");
	is_int(read(got[0], &other, sizeof(other)), sizeof(other), "which we know");
	close(got[0]);
	const struct event *ev = witness_wait_pid(&w, EVENT_OPEN, pid);
	ok(ev && ev->door.netns == other.st_ino && other.st_ino != own.st_ino,
	   "is reported with it");
	ok(ev && ev->door.scope == SCOPE_ANY && ev->door.autoport, "and with what else it is");
}

/* No hook tells of an SCTP listener; sweeps do, and once one is known its end is an event. */
static void sctp_door(int type)
{
	int fd = socket(AF_INET, type, IPPROTO_SCTP);
	uint64_t cookie = cookie_of(fd);

	is_int(bind_loopback(fd, AF_INET, 0) || listen(fd, 1), 0,
	       "an SCTP socket of type %d listens", type);
	uint16_t port = port_of(fd);
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep");
	const struct event *ev = witness_find(&w, EVENT_OPEN, cookie, 0);
	ok(ev && ev->door.proto == PROTO_SCTP && ev->door.port == port &&
		   ev->door.scope == SCOPE_LOOPBACK && ev->opener.pid == (uint32_t)getpid() &&
		   text_ends(ev->opener.exe, "/test_doors"),
	   "finds the door, its port, address and owner");
	close(fd);
	ev = witness_wait(&w, EVENT_CLOSE, cookie);
	ok(ev && ev->origin == ORIGIN_EVENT && ev->door.port == port, "its end is an event");
}

static void sctp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);

	if (fd < 0) {
		tap_skip_machine(1, "this kernel has no SCTP");
		return;
	}
	close(fd);
	sctp_door(SOCK_STREAM);
	sctp_door(SOCK_SEQPACKET);
}

/* --- io_uring: neither system call is made ----------------------------------------------------------- */

enum { OP_BIND = 56, OP_LISTEN = 57 };

struct uring {
	int fd;
	struct io_uring_params p;
	uint8_t *rings;
	struct io_uring_sqe *sqes;
};

static bool uring_open(struct uring *u, unsigned flags)
{
	u->p = (struct io_uring_params){ .flags = flags, .sq_thread_idle = 1000 };
	u->fd = (int)syscall(SYS_io_uring_setup, 4, &u->p);
	if (u->fd < 0 || !(u->p.features & IORING_FEAT_SINGLE_MMAP))
		return false;
	u->rings = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, IORING_OFF_SQ_RING);
	u->sqes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, IORING_OFF_SQES);
	return (void *)u->rings != MAP_FAILED && (void *)u->sqes != MAP_FAILED;
}

static int uring_do(struct uring *u, struct io_uring_sqe sqe)
{
	unsigned *tail = (unsigned *)(u->rings + u->p.sq_off.tail);
	unsigned mask = *(unsigned *)(u->rings + u->p.sq_off.ring_mask);
	unsigned *array = (unsigned *)(u->rings + u->p.sq_off.array);
	unsigned *head = (unsigned *)(u->rings + u->p.cq_off.head);
	struct io_uring_cqe *cqes = (struct io_uring_cqe *)(u->rings + u->p.cq_off.cqes);

	u->sqes[*tail & mask] = sqe;
	array[*tail & mask] = *tail & mask;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	/* A kernel thread that polls may have gone to sleep before it saw the entry. */
	unsigned wake = u->p.flags & IORING_SETUP_SQPOLL ? IORING_ENTER_SQ_WAKEUP : 0;
	if (syscall(SYS_io_uring_enter, u->fd, 1, 1, IORING_ENTER_GETEVENTS | wake, NULL, 0) < 0)
		return -errno;
	int res = cqes[*head & *(unsigned *)(u->rings + u->p.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}

/*
 * flags IORING_SETUP_SQPOLL: not even this thread does it, a thread of the kernel's in this process
 * does.
 */
static void io_uring(unsigned flags, const char *how)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct uring u;

	if (!uring_open(&u, flags)) {
		tap_skip_machine(1, "this kernel has no io_uring%s", how);
		return;
	}
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t cookie = cookie_of(fd);
	struct io_uring_sqe b = {
		.opcode = OP_BIND, .fd = fd, .addr = (uint64_t)(uintptr_t)&sin, .addr2 = sizeof(sin)
	};
	struct io_uring_sqe l = { .opcode = OP_LISTEN, .fd = fd, .len = 1 };
	int err = uring_do(&u, b);
	if (err == -EINVAL) {
		tap_skip_machine(1, "io_uring cannot bind on this kernel (6.11 brought it)");
	} else {
		is_int(err ? err : uring_do(&u, l), 0, "bind and listen through io_uring%s", how);
		const struct event *ev = witness_wait(&w, EVENT_OPEN, cookie);
		ok(ev && ev->opener.pid == (uint32_t)getpid() && ev->door.port == port_of(fd),
		   "are reported like any other");
		ok(ev && !strcmp(ev->opener.comm, "test_doors") && ev->opener.exe.ptr &&
			   ev->opener.argv.ptr,
		   "with the process's name, executable and arguments");
		ok(ev && (ev->opener.tid == (uint32_t)getpid()) == !flags,
		   "and the thread that did it");
	}
	close(fd);
	close(u.fd);
}

static int vsock_bound(uint32_t port)
{
	struct sockaddr_vm vm = { .svm_family = AF_VSOCK,
				  .svm_cid = VMADDR_CID_ANY,
				  .svm_port = port };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&vm, sizeof(vm)) < 0)
		printf("# bind of vsock: %s\n", strerror(errno));
	return fd;
}

/* No hook tells of them: sweeps do. */
static void vsock(const char *by)
{
	int fd = vsock_bound(0x40000001), bound = vsock_bound(0x40000002);
	uint64_t cookie = cookie_of(fd), cb = cookie_of(bound);
	struct buf b = BUF_INIT(256);
	const struct event *ev;

	if (fd < 0 || bound < 0) {
		tap_skip_machine(1, "this kernel has no vsock");
		return;
	}
	is_int(listen(fd, 1), 0, "a vsock socket listens, another is bound");
	witness_mark(&w);
	sweep();
	ev = witness_find(&w, EVENT_OPEN, cookie, 0);
	if (ok(ev, "%s tells of the one that listens", by)) {
		is_int(ev->door.proto, PROTO_VSOCK, "its protocol");
		is_int(ev->door.port, 0x40000001, "its port, of 32 bits");
		is_int(ev->door.scope, SCOPE_ANY, "for whom it is");
		door_addr_format(&b, &ev->door);
		is_str(buf_str(&b), "*", "on each address");
		ok(ev->opener.pid == (uint32_t)getpid() && ev->opener.exe.ptr, "who holds it");
	}
	is_int(witness_count(&w, EVENT_OPEN, cb), 0, "and not of the other");
	sweep();
	is_int(witness_count(&w, EVENT_OPEN, cookie), 1, "it is told once");
	close(fd);
	close(bound);
	ok(witness_sweep_until_closed(&w, cookie), "and its end, too");
	buf_done(&b);
}

static bool has_vsock_diag(void)
{
	struct {
		struct nlmsghdr h;
		struct vsock_diag_req q;
	} ask = { { .nlmsg_len = sizeof(ask),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		  { .sdiag_family = AF_VSOCK } };
	_Alignas(8) char answer[4096] = "";
	const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool has = send(fd, &ask, sizeof(ask), 0) > 0 && recv(fd, answer, sizeof(answer), 0) > 0 &&
		   h->nlmsg_type != NLMSG_ERROR;

	close(fd);
	return has;
}

/* Without any hook. */
static void vsock_polled(void)
{
	const struct sensor_opts o = { .tier = 'D', .own_netns = true };

	if (!has_vsock_diag()) {
		tap_skip_machine(1, "this kernel has no vsock_diag");
		return;
	}
	if (!ok(witness_open(&w, &o), "a sensor without BPF opens"))
		return;
	sweep();
	vsock("its look");
	witness_close(&w, true);
}

int main(void)
{
	const struct sensor_opts o = { 0 };

	if (geteuid())
		tap_skip_all("needs root");
	if (!ok(witness_open(&w, &o), "the sensor opens"))
		return tap_done();
	whole_record();
	family_door(AF_INET, 0);
	family_door(AF_INET6, 0);
	family_door(AF_INET6, 1);
	without_bind();
	af_unspec();
	no_port_yet();
	failures();
	bound_only(AF_INET);
	bound_only(AF_INET6);
	unread_opening();
	udp_door(AF_INET, SOCK_DGRAM, 0, PROTO_UDP);
	udp_door(AF_INET6, SOCK_DGRAM, 0, PROTO_UDP);
	udp_door(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, PROTO_UDPLITE);
	udp_corners();
	mptcp();
	mptcp_bound();
	reuseport();
	shut();
	child_closes();
	killed();
	other_ids();
	other_netns();
	io_uring(0, "");
	io_uring(IORING_SETUP_SQPOLL, " by a polling thread");
	sctp();
	vsock("a sweep");
	is_int(w.lost, 0, "nothing was lost");
	witness_close(&w, true);
	vsock_polled();
	return tap_done();
}
