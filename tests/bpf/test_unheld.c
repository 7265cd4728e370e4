/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Doors that no file descriptor refers to: a listener that only an io_uring holds (a registered
 * file), and one that the kernel itself made. Nobody's /proc/PID/fd shows them, nor does ss -p.
 */
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/io_uring.h>

#include "witness.h"

static struct witness w;

/* Leaves the listener to a ring: 0, 1 no io_uring here, or -1. */
static int give_to_ring(int fd)
{
	struct io_uring_params p = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 4, &p);

	if (ring < 0)
		return 1;
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd, 1) < 0)
		return -1;
	close(fd);
	return 0;
}

struct keeper {
	pid_t pid;
	int stop, state;
	uint64_t cookie;
};

/* A child whose ring holds a listener, in a namespace of its own when asked for. */
static void keep(struct keeper *k, bool elsewhere)
{
	struct {
		uint64_t cookie;
		int state;
	} told = { 0, -1 };
	int got[2], stop[2];
	char c;

	k->state = -1;
	if (pipe2(got, O_CLOEXEC) || pipe2(stop, O_CLOEXEC))
		return;
	k->pid = fork();
	if (k->pid == 0) {
		close(stop[1]);
		if (elsewhere && unshare(CLONE_NEWNET))
			_exit(1);
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		told.cookie = cookie_of(fd);
		told.state = listen(fd, 1) ? -1 : give_to_ring(fd);
		(void)!write(got[1], &told, sizeof(told));
		_exit(read(stop[0], &c, 1) < 0);
	}
	close(got[1]);
	close(stop[0]);
	k->stop = stop[1];
	if (read(got[0], &told, sizeof(told)) == sizeof(told)) {
		k->cookie = told.cookie;
		k->state = told.state;
	}
	close(got[0]);
}

static void let_go(struct keeper *k)
{
	close(k->stop);
	reap(k->pid);
}

static bool sweeps(int n)
{
	while (n-- > 0) {
		if (sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) < 0)
			return false;
	}
	return true;
}

static void held_by_ring(bool elsewhere)
{
	const char *where = elsewhere ? "in another namespace" : "in our namespace";
	struct keeper k;

	keep(&k, elsewhere);
	if (k.state == 1) {
		tap_skip_machine(1, "this kernel has no io_uring");
		let_go(&k);
		return;
	}
	is_int(k.state, 0, "a listener %s is left to an io_uring", where);
	const struct event *ev = witness_wait(&w, EVENT_OPEN, k.cookie);
	ok(ev && ev->opener.pid == (uint32_t)k.pid, "it was reported when it was opened");
	ok(sweeps(4), "sweeps, which find no holder");
	is_int(witness_count(&w, EVENT_CLOSE, k.cookie), 0, "do not take it for gone");
	let_go(&k);
	ok(witness_wait(&w, EVENT_CLOSE, k.cookie), "its end is reported when the ring is gone");
	is_int(witness_count(&w, EVENT_CLOSE, k.cookie), 1, "once");
}

/* Who holds it cannot be known afterwards: nobody is claimed to. */
static void found_without_holder(void)
{
	const struct sensor_opts o = { 0 };
	struct keeper k;

	keep(&k, false);
	if (!ok(witness_open(&w, &o), "a sensor opens"))
		return;
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0, "and looks");
	const struct event *ev = witness_find(&w, EVENT_OPEN, k.cookie, 0);
	ok(k.state || (ev && !ev->opener.known && !ev->opener.kernel),
	   "a listener that a ring holds since before is found; its opener is unknown, not the "
	   "kernel");
	let_go(&k);
	ok(k.state || witness_wait(&w, EVENT_CLOSE, k.cookie), "its end is an event");
	witness_close(&w, true);
}

/* The kernel's own UDP socket: made by whoever made the device, held by nobody. */
static pid_t vxlan(int *ret_stop, int *ret_made, uint64_t *ret_netns)
{
	static const char *const add[] = { "ip", "link",    "add",  "vx0", "type", "vxlan", "id",
					   "1",	 "dstport", "4789", "dev", "lo",   NULL };
	static const char *const up[] = { "ip", "link", "set", "vx0", "up", NULL };
	const char *const *commands[] = { add, up };
	int got[2], stop[2];
	struct stat st = { 0 };
	char c;

	if (pipe2(got, O_CLOEXEC) || pipe2(stop, O_CLOEXEC))
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		bool made = unshare(CLONE_NEWNET) == 0 && stat("/proc/self/ns/net", &st) == 0;

		close(stop[1]);
		for (size_t i = 0; made && i < array_len(commands); i++) {
			pid_t ip = fork();
			if (ip == 0) {
				dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
				execvp("ip", (char *const *)commands[i]);
				_exit(127);
			}
			made = reap(ip) == 0;
		}
		if (made)
			(void)!write(got[1], &st, sizeof(st));
		close(got[1]);
		_exit(read(stop[0], &c, 1) < 0);
	}
	close(got[1]);
	close(stop[0]);
	*ret_made = read(got[0], &st, sizeof(st)) == sizeof(st);
	*ret_netns = st.st_ino;
	*ret_stop = stop[1];
	close(got[0]);
	return pid;
}

static void made_by_kernel(void)
{
	int stop = -1, made = 0;
	uint64_t netns = 0, cookie = 0, until = clock_boot_ns() + DEADLINE_NS;
	pid_t pid = vxlan(&stop, &made, &netns);

	do {
		for (size_t i = w.from; i < w.len; i++) {
			const struct event *ev = &w.told[i].ev;

			if (ev->kind == EVENT_OPEN && ev->door.port == 4789 &&
			    ev->door.netns == netns)
				cookie = ev->door.cookie;
		}
	} while (made && !cookie && witness_step(&w, until));
	if (made) {
		ok(cookie, "a vxlan device in another namespace is a UDP door");
		ok(sweeps(4), "sweeps, which see neither its holder nor that namespace");
		is_int(witness_count(&w, EVENT_CLOSE, cookie), 0, "do not take it for gone");
	} else {
		tap_skip_machine(3, "this kernel makes no vxlan device");
	}
	close(stop);
	reap(pid);
	if (made)
		ok(witness_sweep_until_closed(&w, cookie), "its end with its namespace is found");
}

int main(void)
{
	const struct sensor_opts o = { 0 };

	if (geteuid())
		tap_skip_all("needs root");
	if (!ok(witness_open(&w, &o), "the sensor opens"))
		return tap_done();
	held_by_ring(false);
	held_by_ring(true);
	made_by_kernel();
	witness_close(&w, true);
	found_without_holder();
	return tap_done();
}
