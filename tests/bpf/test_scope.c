/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A sensor that watches its own network namespace and nothing else, beside one that watches the
 * machine.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "elsewhere.h"

#define PINS "/sys/fs/bpf/ajar-test-scope"

static bool told(struct witness *w, const struct elsewhere *e)
{
	return witness_find(w, EVENT_OPEN, e->tcp, 0) || witness_find(w, EVENT_OPEN, e->udp, 0) ||
	       witness_find(w, EVENT_CLOSE, e->tcp, 0) || witness_find(w, EVENT_CLOSE, e->udp, 0);
}

/* Doors of before and of now, here and elsewhere. */
static void both(char tier)
{
	const struct sensor_opts o = { .own_netns = true, .tier = tier }, all = { 0 };
	struct elsewhere before = { .stop = -1 }, now = { .stop = -1 };
	struct witness w, machine;
	uint64_t old, tcp, udp;
	struct stat ns;
	int a = tcp_door(&old);

	ok(open_elsewhere(&before), "tier %c: doors are open, in another namespace too", tier);
	if (!ok(witness_open(&machine, &all) && witness_open(&w, &o), "two sensors open"))
		return;
	ok(stat("/proc/self/ns/net", &ns) == 0 && sensor_report(w.s)->only_netns == ns.st_ino,
	   "one says which namespace it watches");
	is_int(sensor_report(machine.s)->only_netns, 0, "the other watches all");
	ok(sensor_sweep(w.s, ORIGIN_SNAPSHOT, witness_keep, &w) >= 0 &&
		   sensor_sweep(machine.s, ORIGIN_SNAPSHOT, witness_keep, &machine) >= 0,
	   "both look at what is open");
	ok(witness_find(&w, EVENT_OPEN, old, 0), "the door here is reported");
	ok(!told(&w, &before), "those elsewhere are not");
	ok(told(&machine, &before), "but by the sensor of the machine");

	int b = tcp_door(&tcp), c = udp_door(&udp);
	ok(open_elsewhere(&now), "others open");
	ok(witness_wait(&machine, EVENT_OPEN, now.udp),
	   "the machine's sensor tells of those elsewhere");
	if (tier == 'D')
		ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "polling looks");
	ok(witness_wait(&w, EVENT_OPEN, tcp), "the scoped one of those here");
	if (tier != 'A')
		ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "a sweep looks");
	ok(witness_wait(&w, EVENT_OPEN, udp), "UDP too");
	close(before.stop);
	close(now.stop);
	reap(before.pid);
	reap(now.pid);
	ok(witness_wait(&machine, EVENT_CLOSE, now.tcp), "those elsewhere close");
	close(a);
	close(b);
	close(c);
	if (tier == 'D')
		ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0, "polling looks again");
	ok(witness_wait(&w, EVENT_CLOSE, tcp) && witness_wait(&w, EVENT_CLOSE, old),
	   "those here close, the one from before too");
	ok(sensor_sweep(w.s, ORIGIN_SWEEP, witness_keep, &w) >= 0 && !told(&w, &before) &&
		   !told(&w, &now),
	   "the scoped one never told of any elsewhere");
	is_int(sensor_try(w.s), 0, "and still sees a door of its own");
	witness_close(&w, true);
	witness_close(&machine, true);
}

/*
 * What is left pinned belongs to its scope: the next of the same takes it over, one of another does
 * not.
 */
static void pinned(void)
{
	const struct sensor_opts own = { .own_netns = true, .pin_dir = PINS },
				 all = { .pin_dir = PINS };
	uint64_t since, missed;
	struct witness w;

	if (!ok(witness_open(&w, &own), "a scoped sensor is pinned"))
		return;
	witness_close(&w, false);
	int fd = tcp_door(&missed);
	if (!ok(witness_open(&w, &own) && sensor_resumed(w.s, &since), "it is taken over"))
		return;
	ok(witness_wait(&w, EVENT_OPEN, missed), "with what happened meanwhile");
	witness_close(&w, false);
	if (!ok(witness_open(&w, &all), "one for the whole machine"))
		return;
	ok(!sensor_resumed(w.s, &since), "does not take over what saw less");
	witness_close(&w, false);
	if (!ok(witness_open(&w, &own), "and a scoped one"))
		return;
	ok(!sensor_resumed(w.s, &since), "does not take over what saw more");
	witness_close(&w, true);
	close(fd);
}

int main(void)
{
	if (geteuid())
		tap_skip_all("needs root");
	both('A');
	both('B');
	both('D');
	pinned();
	return tap_done();
}
