/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/learner.h"

#include "audit/match.h"
#include "audit_help.h"

/* Ports that a program picks itself, against those that it is meant to have. */

static struct learner *l;
static struct learned found;
static uint32_t rnd = 1;

static void begin(unsigned nodes)
{
	const struct learn_opts o = {
		.host_type = "compute", .author = "root", .now_ns = NOW, .quorum = 800
	};
	char name[16];

	learned_done(&found);
	learner_free(l);
	l = NULL;
	if (learner_new(&o, &l))
		return;
	for (unsigned i = 0; i < nodes; i++) {
		snprintf(name, sizeof(name), "n%03u", i);
		(void)!learner_node(l, name);
	}
}

/* A door of the start-th start of a program on a node. */
static void see(unsigned node, unsigned start, uint32_t port, const char *exe, const char *user,
		bool closed)
{
	struct process p = a_process("x", exe, strcmp(user, "root") ? 1041 : 0, user);
	struct door d = a_door(PROTO_TCP, port);
	char name[16];

	snprintf(name, sizeof(name), "n%03u", node);
	p.pid = 1000 + start;
	p.start_ns = NOW - 1000 + start;
	if (learner_add(l, name, &d, &p, NOW - 100, closed ? NOW - 50 : 0))
		puts("# not added");
}

static const struct learned_rule *rule(size_t i)
{
	static const struct learned_rule none;

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

static unsigned next_random(unsigned n)
{
	rnd = rnd * 1103515245 + 12345;
	return (rnd >> 16) % n;
}

/* Whether another port of the program would be fine. */
static bool permits(uint32_t port, const char *exe, const char *user)
{
	struct process p = a_process("x", exe, strcmp(user, "root") ? 1041 : 0, user);
	struct door d = a_door(PROTO_TCP, port);

	for (size_t i = 0; i < found.len; i++)
		if (!found.rules[i].outlier &&
		    match_row(&found.rules[i].row, &d, &p, NOW) == REL_ALLOWS)
			return true;
	return false;
}

static void open_mpi(void)
{
	const char *exe = "/usr/bin/orted";

	begin(1);
	for (unsigned i = 0; i < 36; i++)
		see(0, i, 1024 + i, exe, "mlee", false);
	is_int(finish(), 1, "36 processes with the next free port each are one rule");
	is_int(rule(0)->basis, LEARN_BASIS_COUNTED, "which says that they count");
	ok(rule(0)->row.port == 1024 && rule(0)->row.port_end == 1279, "over a rounded range");
	ok(rule(0)->ports_seen == 36 && rule(0)->starts_seen == 36 && rule(0)->seen_lo == 1024 &&
		   rule(0)->seen_hi == 1059 && rule(0)->sure > 900,
	   "and what it comes from, and how sure that is");
	ok(permits(1060, exe, "mlee") && permits(1071, exe, "mlee"), "the next twelve are fine");
	ok(!permits(1060, exe, "ann") && !permits(1060, "/usr/bin/nc", "mlee") &&
		   !permits(4444, exe, "mlee"),
	   "another user, program, or port far off is not");
	begin(1);
	for (unsigned i = 0; i < 36; i++)
		see(0, 0, 1024 + i, exe, "mlee", false);
	is_int(finish(), 1, "one process that counts up from 1024 says so itself");
	ok(permits(1071, exe, "mlee") && rule(0)->basis == LEARN_BASIS_COUNTED, "alike");
}

static void passive_ftp(void)
{
	const char *exe = "/usr/sbin/vsftpd";
	unsigned missed = 0;

	begin(1);
	see(0, 0, 21, exe, "root", false);
	for (unsigned i = 1; i <= 30; i++)
		see(0, i, 40000 + next_random(101), exe, "ftp", true);
	is_int(finish(), 2, "passive ports are a rule beside the one of port 21");
	ok(rule(1)->basis == LEARN_BASIS_PICKED && rule(1)->row.port >= 39000 &&
		   rule(1)->row.port <= 40000 && rule(1)->row.port_end >= 40100 &&
		   rule(1)->row.port_end <= 41000,
	   "around the range that is configured");
	for (unsigned i = 0; i <= 100; i++)
		missed += !permits(40000 + i, exe, "ftp");
	is_int(missed, 0, "so that every port of it is fine");
	ok(!permits(50000, exe, "ftp") && !permits(40050, exe, "mlee"), "and no other");
}

static void anywhere(void)
{
	begin(3);
	for (unsigned i = 0; i < 40; i++)
		see(i % 3, i, 1024 + next_random(64000), "/usr/lib/ray/raylet", "ray", true);
	is_int(finish(), 1, "ports from 1024 up anywhere are one rule");
	ok(rule(0)->row.port == 1024 && rule(0)->row.port_end >= 60000, "over all of them");
}

/* In how many of 200 lessons of n ports one of the next 30 is not permitted. */
static unsigned lessons_missed(uint32_t lo, uint32_t hi, unsigned n)
{
	const char *exe = "/usr/sbin/picker";
	unsigned missed = 0;

	for (unsigned lesson = 0; lesson < 200; lesson++) {
		bool fine = true;

		begin(1);
		for (unsigned i = 0; i < n; i++)
			see(0, i, lo + next_random(hi - lo + 1), exe, "root", true);
		(void)finish();
		for (unsigned i = 0; i < 30 && fine; i++)
			fine = permits(lo + next_random(hi - lo + 1), exe, "root");
		missed += !fine;
	}
	return missed;
}

/* Whatever range it is that a program picks from: the next port is in what was learned. */
static void next_port(void)
{
	static const struct {
		const char *who;
		uint32_t lo, hi;
	} ranges[] = {
		{ "any port that is not reserved", 1024, 65535 },
		{ "IANA's dynamic ports", 49152, 65535 },
		{ "the kernel's range", 32768, 60999 },
		{ "BSD's old range", 1024, 5000 },
		{ "RTP of a telephone server", 10000, 20000 },
		{ "the half below the kernel's range", 16384, 32767 },
		{ "a range across its lower end", 30000, 35000 },
		{ "a range across its upper end", 60000, 62000 },
		{ "a few passive ports", 40000, 40100 },
		{ "fewer of them", 64000, 64040 },
		{ "reserved ports", 600, 1023 },
	};
	static const unsigned seen[] = { 12, 20, 60 };

	for (size_t i = 0; i < array_len(ranges); i++) {
		unsigned missed = 0;

		for (size_t k = 0; k < array_len(seen); k++)
			missed += lessons_missed(ranges[i].lo, ranges[i].hi, seen[k]);
		ok(missed <= 1, "%s: the next port is permitted (%u of 600 lessons were wrong)",
		   ranges[i].who, missed);
	}
}

/* What alerted: a program that picks from 1024 to 65535, as seen by chance. */
static void ends_not_seen(void)
{
	static const uint32_t seen[] = { 6404,	12331, 15020, 18222, 21400, 25111, 28009,
					 31515, 34042, 37270, 40444, 43210, 45999, 48123,
					 50001, 52017, 54321, 55666, 57000, 57921 };
	const char *exe = "/usr/sbin/vsftpd";

	begin(1);
	for (unsigned i = 0; i < array_len(seen); i++)
		see(0, i, seen[i], exe, "nobody", true);
	is_int(finish(), 1, "ports on both sides of the kernel's range are one rule");
	ok(rule(0)->row.port == 1024 && rule(0)->row.port_end == 65535,
	   "which does not end where the kernel's ends");
	begin(1);
	for (unsigned i = 1; i < array_len(seen); i++)
		see(0, i, 10000 + (seen[i] - 10000) / 5, exe, "nobody", true);
	is_int(finish(), 1, "so it is below the kernel's range");
	ok(rule(0)->row.port >= 4000 && rule(0)->row.port < 10466 &&
		   rule(0)->row.port_end > 19584 && rule(0)->row.port_end <= 26000,
	   "with room on both sides");
}

static void reserved(void)
{
	begin(4);
	for (unsigned i = 0; i < 12; i++) /* three boots */
		see(i % 4, i, 600 + next_random(420), "/usr/sbin/rpc.statd", "statd", i < 8);
	is_int(finish(), 1, "a reserved port, another one after each boot, is one rule");
	ok(rule(0)->row.port == 512 && rule(0)->row.port_end == 1023, "that ends at 1023");
}

static void web_server(void)
{
	static const uint32_t ports[] = { 80, 443, 8080, 8443 };
	const char *exe = "/usr/sbin/nginx";

	for (unsigned starts = 1; starts <= 40; starts += 13) {
		begin(1);
		for (unsigned s = 0; s < starts; s++)
			for (size_t i = 0; i < array_len(ports); i++)
				see(0, s, ports[i], exe, "root", s + 1 < starts);
		is_int(finish(), 4, "a web server has its four ports after %u starts", starts);
		ok(!rule(0)->row.port_end && !rule(3)->row.port_end &&
			   rule(0)->basis == LEARN_BASIS_PORT && !permits(8081, exe, "root"),
		   "and no range");
	}
	begin(10);
	for (unsigned n = 0; n < 10; n++)
		for (size_t i = 0; i < array_len(ports); i++)
			see(n, n, ports[i], exe, "root", false);
	is_int(finish(), 4, "so it is on ten nodes");
	begin(1); /* each port is a process's, and each is restarted */
	for (unsigned s = 0; s < 12; s++)
		see(0, s, ports[s % 4], "/usr/bin/stunnel4", "root", s < 8);
	ok(finish() == 4 && !rule(0)->row.port_end,
	   "four processes with a port each are not it either");
}

static void fixed_beside_picked(void)
{
	begin(1);
	for (unsigned s = 0; s < 10; s++) {
		see(0, s, 7077, "/opt/spark/worker", "spark", s < 9);
		see(0, s, 34000 + 997 * s, "/opt/spark/worker", "spark", s < 9);
	}
	is_int(finish(), 2, "a fixed port stays one beside those that are picked");
	ok(rule(0)->row.port == 7077 && !rule(0)->row.port_end && rule(1)->row.port == 32768,
	   "each as it is");
	begin(1);
	for (unsigned i = 0; i < 50; i++)
		see(0, 0, 20000 + 10 * i, "/usr/sbin/haproxy", "root", false);
	is_int(finish(), 50, "fifty ports of one start say nothing about the next");
	begin(1);
	for (unsigned i = 0; i < 50; i++)
		see(0, 0, 20000 + i, "/usr/sbin/haproxy", "root", false);
	is_int(finish(), 1, "side by side they are one rule");
	ok(rule(0)->basis == LEARN_BASIS_RUN && rule(0)->row.port == 20000 &&
		   rule(0)->row.port_end == 20049,
	   "with exactly these");
}

static void interpreters(void)
{
	struct door d = a_door(PROTO_TCP, 40000);
	struct process p = a_process("python3", "/usr/bin/python3.11", 0, "root");

	begin(1);
	for (unsigned i = 0; i < 36; i++)
		see(0, i, 1024 + i, "/usr/bin/python3.11", "root", false);
	is_int(finish(), 1, "what an interpreter counts up is one rule, too");
	ok(rule(0)->any_script && rule(0)->basis == LEARN_BASIS_RUN && rule(0)->row.port == 1024 &&
		   rule(0)->row.port_end == 1059,
	   "for exactly the ports that were seen, and it is said");
	begin(1);
	d.autoport = true;
	(void)!learner_add(l, "n000", &d, &p, 0, 0);
	is_int(finish(), 0,
	       "root's python on a port that the kernel chose is no rule for all ports");
	ok(rule(0)->outlier && strstr(rule(0)->why, "any script"), "it is left out, and why");
	begin(1);
	d.scope = SCOPE_LOOPBACK;
	p.uid = 1041;
	p.user = TEXT("mlee");
	(void)!learner_add(l, "n000", &d, &p, 0, 0);
	is_int(finish(), 1, "a notebook's on loopback is one");
	ok(exe_runs_scripts(TEXT("/usr/bin/python3.11")) && exe_runs_scripts(TEXT("perl")) &&
		   exe_runs_scripts(TEXT("/usr/lib/jvm/java-17/bin/java")) &&
		   !exe_runs_scripts(TEXT("/usr/bin/pythonette")) &&
		   !exe_runs_scripts(TEXT("/usr/sbin/sshd")) &&
		   !exe_runs_scripts((struct text){ 0 }),
	   "interpreters are known by their names, whatever their version");
}

/* A user who was seen on one node gets no rule because others were on the rest. */
static void who_was_seen(void)
{
	begin(100);
	for (unsigned n = 0; n < 100; n++)
		see(n, 0, 9000, "/usr/bin/exporter", n == 7 ? "mlee" : "root", false);
	is_int(finish(), 1, "the quorum is one of exactly this program, port and user");
	ok(!strcmp(rule(0)->row.user, "root") && rule(1)->outlier &&
		   !strcmp(rule(1)->row.user, "mlee") && rule(1)->nodes_seen == 1,
	   "who was seen on 1 of 100 nodes is left out");
	begin(100);
	for (unsigned n = 0; n < 100; n++)
		see(n, 0, 9000, "/usr/bin/exporter", n < 60 ? "prom" : "prometheus", false);
	is_int(finish(), 0, "two users do not make a quorum together");
}

int main(void)
{
	open_mpi();
	passive_ftp();
	anywhere();
	next_port();
	ends_not_seen();
	reserved();
	web_server();
	fixed_beside_picked();
	interpreters();
	who_was_seen();
	learned_done(&found);
	learner_free(l);
	return tap_done();
}
