/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/learner.h"

#include "audit_help.h"

#define HOUR UINT64_C(3600000000000)

static struct learner *l;
static struct learned found;
static char name[32];

static void begin(unsigned quorum, unsigned nodes, unsigned hours)
{
	const struct learn_opts o = { .host_type = "compute",
				      .author = "root",
				      .now_ns = NOW,
				      .since_ns = NOW - hours * HOUR,
				      .until_ns = NOW,
				      .slot_ns = hours ? HOUR : 0,
				      .quorum = quorum };

	learned_done(&found);
	learner_free(l);
	l = NULL;
	if (learner_new(&o, &l))
		return;
	for (unsigned i = 0; i < nodes; i++) {
		snprintf(name, sizeof(name), "n%03u", i);
		if (learner_node(l, name))
			puts("# no node");
	}
}

static void see_at(unsigned from, unsigned to, struct door d, struct process p, unsigned hours_ago,
		   unsigned hours)
{
	for (unsigned i = from; i < to; i++) {
		snprintf(name, sizeof(name), "n%03u", i);
		if (learner_add(l, name, &d, &p, NOW - hours_ago * HOUR,
				hours ? NOW - (hours_ago - hours) * HOUR : 0))
			puts("# not added");
	}
}

static void see(unsigned from, unsigned to, struct door d, struct process p)
{
	see_at(from, to, d, p, 0, 0);
}

static struct learned_rule *rule(size_t i)
{
	static struct learned_rule none;

	return i < found.len ? &found.rules[i] : &none;
}

static size_t finish(void)
{
	size_t n = 0;

	if (learner_finish(l, &found))
		return 999;
	while (n < found.len && !found.rules[n].outlier)
		n++;
	return n;
}

static void quorum(void)
{
	begin(800, 100, 0);
	see(0, 100, a_door(PROTO_TCP, 22), a_process("sshd", str_sshd, 0, "root"));
	see(0, 80, a_door(PROTO_TCP, 6818), a_process("slurmd", str_slurmd, 0, "root"));
	see(0, 79, a_door(PROTO_TCP, 25), a_process("x", "/usr/sbin/x", 0, "root"));
	see(7, 9, a_door(PROTO_TCP, 4444), a_process("nc", "/usr/bin/nc", 0, "root"));
	is_int(finish(), 2, "what is on four of five nodes is a rule");
	ok(rule(0)->row.port == 22 && rule(0)->score == 1000 && rule(1)->row.port == 6818 &&
		   rule(1)->score == 800,
	   "with a score");
	ok(rule(2)->outlier && rule(2)->row.port == 25 && rule(2)->nodes_seen == 79,
	   "one node less is an outlier");
	ok(rule(3)->row.port == 4444 && !strcmp(rule(3)->nodes[0], "n007") &&
		   !strcmp(rule(3)->nodes[1], "n008") && !rule(3)->nodes[2] && !rule(3)->why,
	   "and says on which nodes");
	is_int(found.left_out, 81, "and how many doors were left out");
}

static void users(void)
{
	begin(800, 100, 0);
	see(0, 60, a_door(PROTO_UDP, 123), a_process("chronyd", "/usr/sbin/chronyd", 0, "root"));
	see(60, 100, a_door(PROTO_UDP, 123),
	    a_process("chronyd", "/usr/sbin/chronyd", 101, "_chrony"));
	see(0, 3, a_door(PROTO_TCP, 22), a_process("sshd", "/usr/sbin/sshd", 0, "root"));
	is_int(finish(), 2, "the users of one daemon make the quorum together");
	ok(!strcmp(rule(0)->row.user, "root") || !strcmp(rule(0)->row.user, "_chrony"),
	   "each with a rule of its own");
	begin(800, 100, 0);
	see(0, 99, a_door(PROTO_TCP, 9000), a_process("x", "/usr/sbin/x", 1041, "mlee"));
	see(99, 100, a_door(PROTO_TCP, 9000), a_process("x", "/usr/sbin/x", 1042, "other"));
	is_int(finish(), 1, "of the users of any other program each needs it alone");
	is_str(rule(0)->row.user, "mlee", "who has it has the rule");
	ok(rule(1)->outlier && !strcmp(rule(1)->row.user, "other") && rule(1)->nodes_seen == 1,
	   "who was seen on one node has none");
	begin(800, 100, 0);
	see(0, 99, a_door(PROTO_UDP, 123),
	    a_process("chronyd", "/usr/sbin/chronyd", 101, "_chrony"));
	see(99, 100, a_door(PROTO_UDP, 123), a_process("chronyd", "/usr/sbin/chronyd", 0, "root"));
	is_int(finish(), 1, "a pair needs more than one node of each, too");
	ok(rule(1)->outlier && !strcmp(rule(1)->row.user, "root"),
	   "so root on one of a hundred is an outlier");
}

static void ranges(void)
{
	struct process mpi = a_process("mpirun", str_mpirun, 1041, "mlee"),
		       one = a_process("one", "/usr/bin/one", 5, "x");

	begin(800, 10, 0);
	for (unsigned i = 0; i < 10; i++)
		see(i, i + 1, a_door(PROTO_TCP, 40000 + 7 * i), mpi);
	see(0, 10, a_door(PROTO_TCP, 50000), one);
	see(0, 10, a_door(PROTO_TCP, 50001), one);
	is_int(finish(), 3, "another high port on each node is one rule");
	ok(rule(0)->row.port == 32768 && rule(0)->row.port_end == 60999 &&
		   !strcmp(rule(0)->row.exe, str_mpirun) && !strcmp(rule(0)->row.user, "mlee"),
	   "of the program and the user, over the ephemeral range");
	ok(rule(1)->row.port == 50000 && !rule(1)->row.port_end,
	   "two that are the same everywhere are meant");
}

static void no_port(void)
{
	begin(800, 2, 0);
	see(0, 2, a_door(PROTO_TCP, 0), a_process("x", "/usr/bin/x", 0, "root"));
	see(0, 2, a_door(PROTO_TCP, 22), a_process("sshd", "/usr/sbin/sshd", 0, "root"));
	is_int(finish(), 1, "port 0 becomes no rule, for it would be one for any port");
	is_int(rule(0)->row.port, 22, "the other one does");
}

static void jobs(void)
{
	struct process p = a_process("a.out", "/home/mlee/a.out", 1041, "mlee");

	begin(800, 10, 0);
	p.job_state = PLACE_IN;
	p.job = TEXT("4711");
	see(0, 2, a_door(PROTO_TCP, 40000), p);
	see(2, 9, a_door(PROTO_TCP, 8888), p);
	p.job_state = PLACE_NONE;
	p.job = (struct text){ 0 };
	see(0, 9, a_door(PROTO_TCP, 8889), p);
	is_int(finish(), 1, "doors of jobs are one rule");
	ok(rule(0)->row.port == 1024 && rule(0)->row.port_end == 65535 && !rule(0)->row.exe &&
		   !strcmp(rule(0)->row.job, "slurm"),
	   "for jobs, whatever runs in them");
	is_str(rule(1)->why, "its program lies where users may write",
	       "the same program outside is an outlier");
}

static void replaced(void)
{
	begin(800, 10, 0);
	see(0, 1, a_door(PROTO_TCP, 22), a_process("sshd", "/usr/sbin/sshd", 0, "root"));
	see(1, 10, a_door(PROTO_TCP, 22), a_process("sshd", "/usr/sbin/sshd (deleted)", 0, "root"));
	see(0, 10, a_door(PROTO_TCP, 23), a_process("x", "/usr/sbin/x (deleted)", 0, "root"));
	is_int(finish(), 1, "daemons whose package was upgraded count with those that restarted");
	ok(rule(0)->row.port == 22 && !strcmp(rule(0)->row.exe, "/usr/sbin/sshd"),
	   "by the path of the program");
	is_str(rule(1)->why, "its program was deleted or replaced: restart it",
	       "all of them deleted is no foundation");
}

static void window(void)
{
	begin(800, 10, 100);
	see_at(0, 10, a_door(PROTO_TCP, 22), a_process("sshd", str_sshd, 0, "root"), 200, 0);
	see_at(0, 10, a_door(PROTO_TCP, 873), a_process("rsync", "/usr/bin/rsync", 0, "root"), 50,
	       9);
	is_int(finish(), 2, "what has closed within the window counts");
	ok(rule(0)->score == 1000 && rule(0)->slots_total == 100, "what always was open is stable");
	ok(rule(1)->score == 100 && rule(1)->slots_seen == 10,
	   "what was open for ten hours of a hundred is less so");
}

static void order(void)
{
	unsigned differ = 0, rnd = 9;

	for (int round = 0; round < 200; round++) {
		struct {
			struct door d;
			struct process p;
			unsigned node;
		} seen[40];
		struct buf text[2] = { BUF_INIT(65536), BUF_INIT(65536) };

		for (size_t i = 0; i < array_len(seen); i++) {
			static const char *const exes[] = { "/usr/sbin/a", "/usr/sbin/b",
							    "/usr/sbin/a (deleted)", "/tmp/x",
							    NULL };
			unsigned r = rnd = rnd * 1103515245 + 12345;

			seen[i].d = a_door(PROTO_TCP, (r >> 8) % 3 ? 20 + (r >> 10) % 3
								   : 40000 + (r >> 10) % 9);
			seen[i].d.autoport = (r >> 14) % 4 == 0;
			seen[i].p = a_process("x", exes[(r >> 16) % 5], (r >> 20) % 2, NULL);
			seen[i].p.known = (r >> 22) % 6;
			seen[i].node = (r >> 25) % 5;
		}
		for (int turn = 0; turn < 2; turn++) {
			begin(600, 5, 0);
			for (size_t i = 0; i < array_len(seen); i++) {
				size_t k = turn ? array_len(seen) - 1 - i : i;

				see(seen[k].node, seen[k].node + 1, seen[k].d, seen[k].p);
			}
			finish();
			for (size_t i = 0; i < found.len; i++)
				buf_printf(&text[turn], "%d %u-%u %s %s %u %u|", rule(i)->outlier,
					   rule(i)->row.port, rule(i)->row.port_end,
					   rule(i)->row.exe ? rule(i)->row.exe : "-",
					   rule(i)->row.user ? rule(i)->row.user : "-",
					   rule(i)->nodes_seen, rule(i)->score);
		}
		differ += strcmp(buf_str(&text[0]), buf_str(&text[1])) != 0;
		buf_done(&text[0]);
		buf_done(&text[1]);
	}
	is_int(differ, 0, "the order in which doors come has no say (200 classes)");
}

int main(void)
{
	quorum();
	users();
	ranges();
	no_port();
	jobs();
	replaced();
	window();
	order();
	learned_done(&found);
	learner_free(l);
	return tap_done();
}
