/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Doors in another network namespace whose end no hook tells of, from before the sensor: a listener
 * that is shut down before it is closed, one of MPTCP as Go makes them. They end when their sockets
 * do, and not before.
 */
#include <sched.h>
#include <sys/stat.h>

#include "witness.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define PORT_SHUT 5001
#define PORT_MPTCP 5002
#define PORT_STAYS 5003

static struct witness w;

struct holder {
	pid_t pid;
	int ask, answer;
	uint32_t netns;
	bool mptcp;
};

static int listener(int protocol, uint16_t port)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	return fd >= 0 && !bind(fd, (const struct sockaddr *)&any, sizeof(any)) && !listen(fd, 1)
		       ? fd
		       : -1;
}

/* Asked once it ends two of its doors, at the end of the pipe the third, and the namespace. */
static void hold(int ask, int answer)
{
	struct holder h = { 0 };
	struct stat st;
	char c;

	if (unshare(CLONE_NEWNET) || stat("/proc/self/ns/net", &st))
		_exit(1);
	int shut = listener(0, PORT_SHUT), mptcp = listener(IPPROTO_MPTCP, PORT_MPTCP);
	int stays = listener(0, PORT_STAYS);

	h.netns = (uint32_t)st.st_ino;
	h.mptcp = mptcp >= 0;
	if (shut < 0 || stays < 0 || write(answer, &h, sizeof(h)) != sizeof(h) ||
	    read(ask, &c, 1) != 1 || shutdown(shut, SHUT_RDWR))
		_exit(1);
	close(shut);
	close(mptcp);
	if (write(answer, &h, sizeof(h)) != sizeof(h) || read(ask, &c, 1) < 0)
		_exit(1);
	_exit(shutdown(stays, SHUT_RDWR) < 0);
}

static bool start(struct holder *h)
{
	int ask[2], answer[2];
	struct holder told;

	if (pipe2(ask, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		return false;
	h->pid = fork();
	if (h->pid == 0) {
		close(ask[1]);
		hold(ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	h->ask = ask[1];
	h->answer = answer[0];
	if (read(h->answer, &told, sizeof(told)) != sizeof(told))
		return false;
	h->netns = told.netns;
	h->mptcp = told.mptcp;
	return true;
}

/* The cookie of a door there, 0: none. That of MPTCP is its first subflow's, which nobody else asks. */
static uint64_t door_at(const struct holder *h, uint16_t port)
{
	for (size_t i = w.from; i < w.len; i++) {
		const struct event *ev = &w.told[i].ev;

		if (ev->kind == EVENT_OPEN && ev->door.port == port && ev->door.netns == h->netns)
			return ev->door.cookie;
	}
	return 0;
}

static bool sweeps(int n)
{
	while (n-- > 0) {
		if (sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) < 0)
			return false;
	}
	return true;
}

static void ends(uint64_t cookie, const char *what)
{
	ok(witness_sweep_until_closed(&w, cookie), "the end of %s is found", what);
	ok(sweeps(2) && witness_count(&w, EVENT_CLOSE, cookie) == 1, "once");
}

int main(void)
{
	const struct sensor_opts o = { 0 };
	struct holder h = { 0 }, told;

	if (geteuid())
		tap_skip_all("needs root");
	if (!ok(start(&h), "doors in a network namespace") ||
	    !ok(witness_open(&w, &o), "a sensor opens") ||
	    !ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "and looks"))
		return tap_done();

	uint64_t shut = door_at(&h, PORT_SHUT), mptcp = door_at(&h, PORT_MPTCP);
	uint64_t stays = door_at(&h, PORT_STAYS);

	ok(shut && stays, "they are found");
	is_int(mptcp != 0, h.mptcp, "as that of MPTCP is, if there is one");
	ok(sweeps(4) && !witness_count(&w, EVENT_CLOSE, shut) &&
		   !witness_count(&w, EVENT_CLOSE, stays) &&
		   (!mptcp || !witness_count(&w, EVENT_CLOSE, mptcp)),
	   "none of them ends by being looked at");
	ok(write(h.ask, "x", 1) == 1 && read(h.answer, &told, sizeof(told)) == sizeof(told),
	   "two are closed");
	ends(shut, "a listener that is shut down before it is closed");
	if (mptcp)
		ends(mptcp, "a listener of MPTCP");
	else
		tap_skip_machine(2, "this kernel has no MPTCP");
	ok(!witness_count(&w, EVENT_CLOSE, stays), "the third is open");
	close(h.ask);
	is_int(reap(h.pid), 0, "its process ends, and the namespace with it");
	ends(stays, "the third");
	close(h.answer);
	witness_close(&w, true);
	return tap_done();
}
