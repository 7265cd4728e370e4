/* SPDX-License-Identifier: GPL-2.0 */
#include "crosscheck_help.h"

/*
 * Hosts of which single ports say nothing: one that answers for everything, one that lets no scan
 * in, one that was not seen.
 */

#define MANY 100

/* So many ports from 500 on are open, and those that are permitted. */
static void scanned_many(unsigned node, unsigned n)
{
	struct store_scan_port ports[6 + MANY];
	const uint16_t permitted[] = { 22, 80, 81, 82, 83, 84 };

	for (unsigned i = 0; i < 6 + n; i++)
		ports[i] = open_port(i < 6 ? permitted[i] : 500 + i);
	scanned(node, &(struct scanned){
			      .folded = "tcp closed 1-21", .ports = ports, .ports_len = 6 + n });
	step(0);
}

static void test_flooded(void)
{
	set_up();
	scanned(1, &(struct scanned){ .state = SCAN_HOST_FLOODED, .asked = "tcp 1-65535" });
	step(0);
	alerts_are("flooded :0 open n1 x1; ", "a host that answers on everything is one finding");
	is_int(monitors[0].changes, 1, "told once");
	scanned(1, &(struct scanned){ .state = SCAN_HOST_FLOODED, .asked = "tcp 1-65535" });
	scanned(2, &(struct scanned){ .state = SCAN_HOST_FLOODED, .asked = "tcp 1-65535" });
	step(0);
	alerts_become("flooded :0 open n[1-2] x2; ", "two of them too, on both");
	scanned(1, &(struct scanned){ .asked = "tcp 80", .folded = "tcp closed 80" });
	step(0);
	alerts_become("flooded :0 open n[1-2] x2; ", "a look at some ports does not end it");
	scanned_many(1, 0);
	scanned_many(2, 0);
	alerts_become("flooded :0 resolved n[1-2] x0; ", "one that sees them like any other does");
}

static void test_many(void)
{
	set_up();
	scanned_many(1, MANY);
	scanned_many(1, MANY);
	alerts_are("flooded :0 open n1 x1; ",
		   "a hundred doors that no kernel knows are one finding");
	is_int(confirmation_scans(), 0, "and nobody asks for them again");
	scanned_many(1, 2);
	scanned_many(1, 2);
	alerts_become("hidden :507 open n1 x1; hidden :506 open n1 x1; flooded :0 resolved n1 x0; ",
		      "two of them are hidden doors");
}

static void lock_out(uint64_t ago_ns)
{
	scanned(1, &(struct scanned){ .folded = "tcp filtered 1-1000", .ago_ns = ago_ns });
	step(0);
}

static void test_unseen(void)
{
	set_up();
	lock_out(20 * S);
	alerts_are("", "a host that lets nobody in raises nothing at once");
	unconfirmed_age();
	step(0);
	is_int(confirmation_scans(), 1, "it is looked at again later");
	lock_out(19 * S);
	alerts_are("unseen :0 open n1 x1; ", "locked out still: that is one finding");
	lock_out(18 * S);
	alerts_are("unseen :0 open n1 x1; ", "and none of its doors is blocked");
	scanned_many(1, 0);
	alerts_are("unseen :0 resolved n1 x0; ", "let in again, it is over");
	lock_out(17 * S);
	scanned_many(1, 0);
	unconfirmed_age();
	step(0);
	is_int(confirmation_scans(), 1, "what the next scan does not confirm is asked for no more");
}

static void test_banned_on_the_way(void)
{
	const struct store_scan_port ssh = open_port(22);

	set_up();
	scanned(1, &(struct scanned){ .folded = "tcp closed 1-21; tcp filtered 80-1000",
				      .ports = &ssh,
				      .ports_len = 1 });
	step(0);
	alerts_are("", "ports that turned filtered in the middle of a scan raise nothing");
	unconfirmed_age();
	step(0);
	is_int(confirmation_scans(), 1, "they are looked at later, all at once");
	/* That asks for 22 too. */
	scanned(1, &(struct scanned){ .asked = "tcp 22,80-84",
				      .folded = "tcp filtered 22,80-84",
				      .ago_ns = 19 * S });
	step(0);
	alerts_are("", "when nothing answers then it is the scanner that is locked out");
	unconfirmed_age();
	lock_out(18 * S);
	alerts_are("unseen :0 open n1 x1; ", "which is said");
}

static void test_unknown(void)
{
	set_up();
	for (unsigned i = 0; i < 3; i++) {
		static const enum scan_host_state states[] = { SCAN_HOST_TIMED_OUT, SCAN_HOST_CUT,
							       SCAN_HOST_LOST };

		scanned(1, &(struct scanned){ .state = states[i],
					      .folded = "tcp closed 1-1000",
					      .ago_ns = (20 - i) * S });
		step(0);
		alerts_are("", "a host that was not seen to the end says nothing");
	}
	is_int(confirmation_scans(), 0, "and is asked for nothing");
}

static void test_restart_between(void)
{
	set_up();
	lock_out(20 * S);
	start_monitor(0);
	unconfirmed_age();
	lock_out(19 * S);
	alerts_are("unseen :0 open n1 x1; ",
		   "a monitor killed between the two looks loses nothing");
}

int main(void)
{
	if (set_up_dir()) {
		test_flooded();
		test_many();
		test_unseen();
		test_banned_on_the_way();
		test_unknown();
		test_restart_between();
	}
	return tear_down();
}
