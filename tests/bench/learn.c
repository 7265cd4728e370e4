/* SPDX-License-Identifier: GPL-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/learner.h"
#include "base/clock.h"
#include "tap.h"

/*
 * How good learned profiles are. A class of 480 nodes is simulated for 14 days: daemons that are on
 * all nodes, some of which restart or come with a package on day 9, daemons that drop their
 * privileges and are seen as either user, MPI jobs and notebooks, clients, a service that runs at
 * night only, and things that stand out: services on few nodes, a backdoor that was there before
 * the learning, and intrusions on the days after. Profiles are learned from the first 7 days in
 * three ways and judged on the other 7: a false alarm is an ordinary thing that alerts, a miss an
 * intrusion that does not. An alert is counted once for its cause (port, program), as folding has
 * it.
 */
#define NODES 480
#define DAYS 14
#define LEARN_DAYS 7
#define DAY UINT64_C(86400000000000)
#define T0 (UINT64_C(20000) * DAY)
#define JOB TEXT("4711")

enum nature { ORDINARY, CHANGE, INTRUSION };
struct thing {
	const char *name;
	enum nature nature; /* CHANGE: ordinary, but new after the learning: one alert is right */
	enum door_proto proto;
	uint32_t port; /* 0: the kernel's choice, another each day */
	const char *exe, *user, *other_user; /* other_user: on every third node */
	uint32_t uid;
	unsigned first_node, nodes, first_day, last_day;
	bool in_job, autoport, loopback;
};

static const struct thing things[] = {
	{ "sshd", ORDINARY, PROTO_TCP, 22, "/usr/sbin/sshd", "root", NULL, 0, 0, 480, 0, 13, false,
	  false, false },
	{ "slurmd", ORDINARY, PROTO_TCP, 6818, "/usr/sbin/slurmd", "root", NULL, 0, 0, 480, 0, 13,
	  false, false, false },
	{ "chronyd", ORDINARY, PROTO_UDP, 323, "/usr/sbin/chronyd", "root", "_chrony", 0, 0, 480, 0,
	  13, false, false, true },
	{ "rpcbind", ORDINARY, PROTO_TCP, 111, "/usr/sbin/rpcbind", "root", "_rpc", 0, 0, 480, 0,
	  13, false, false, false },
	{ "node_exporter", ORDINARY, PROTO_TCP, 9100, "/usr/bin/prometheus-node-exporter",
	  "prometheus", NULL, 110, 0, 470, 0, 13, false, false, false },
	{ "rpc.statd", ORDINARY, PROTO_TCP, 0, "/usr/sbin/rpc.statd", "statd", NULL, 105, 0, 480, 0,
	  13, false, true, false },
	{ "gmond", ORDINARY, PROTO_UDP, 8649, "/usr/sbin/gmond", "ganglia", NULL, 111, 0, 440, 0,
	  13, false, false, false },
	{ "backup at night", ORDINARY, PROTO_TCP, 873, "/usr/bin/rsync", "root", NULL, 0, 0, 480, 2,
	  13, false, false, false },
	{ "MPI of jobs", ORDINARY, PROTO_TCP, 0, "/home/u/a.out", "u", NULL, 1041, 0, 300, 0, 13,
	  true, true, false },
	{ "MPI of other jobs", ORDINARY, PROTO_TCP, 0, "/home/v/b.out", "v", NULL, 1042, 100, 380,
	  8, 13, true, true, false },
	{ "a notebook in a job", ORDINARY, PROTO_TCP, 8888, "/usr/bin/python3.11", "w", NULL, 1043,
	  200, 5, 9, 13, true, false, false },
	{ "DNS clients", ORDINARY, PROTO_UDP, 0, "/usr/bin/curl", "u", NULL, 1041, 0, 480, 0, 13,
	  false, true, false },
	{ "slurmstepd", ORDINARY, PROTO_TCP, 0, "/usr/sbin/slurmstepd", "root", NULL, 0, 0, 430, 0,
	  13, false, true, false },
	{ "a license server on two nodes", ORDINARY, PROTO_TCP, 27000, "/opt/flexlm/lmgrd", "lic",
	  NULL, 130, 40, 2, 0, 13, false, false, false },
	{ "a new exporter, day 9", CHANGE, PROTO_TCP, 9400, "/usr/bin/dcgm-exporter", "root", NULL,
	  0, 0, 480, 9, 13, false, false, false },
	{ "a backdoor from before the learning", INTRUSION, PROTO_TCP, 31337, "/usr/bin/ncat",
	  "root", NULL, 0, 77, 1, 0, 13, false, false, false },
	{ "the same on three nodes", INTRUSION, PROTO_TCP, 31338, "/usr/lib/x", "root", NULL, 0, 90,
	  3, 3, 13, false, false, false },
	{ "nc as root", INTRUSION, PROTO_TCP, 4444, "/usr/bin/nc", "root", NULL, 0, 5, 1, 8, 8,
	  false, false, false },
	{ "sshd's port, another program", INTRUSION, PROTO_TCP, 22, "/usr/local/sbin/sshd", "root",
	  NULL, 0, 9, 1, 10, 10, false, false, false },
	{ "a high port by another program", INTRUSION, PROTO_TCP, 0, "/usr/bin/socat", "u", NULL,
	  1041, 33, 1, 9, 9, false, true, false },
	{ "a notebook outside of jobs", INTRUSION, PROTO_TCP, 8888, "/usr/bin/python3.11", "w",
	  NULL, 1043, 50, 1, 11, 11, false, false, false },
	{ "a backdoor on UDP 22", INTRUSION, PROTO_UDP, 22, "/usr/bin/x", "root", NULL, 0, 60, 1,
	  12, 12, false, false, false },
	{ "a program in /tmp on a known port", INTRUSION, PROTO_TCP, 9100, "/tmp/.x", "u", NULL,
	  1041, 475, 1, 12, 12, false, false, false },
	{ "a program in memory", INTRUSION, PROTO_TCP, 5555, "/memfd:x (deleted)", "u", NULL, 1041,
	  2, 1, 13, 13, false, false, false },
	{ "the user's port as root", INTRUSION, PROTO_TCP, 6000, "/usr/bin/socat", "root", NULL, 0,
	  70, 20, 10, 10, false, false, false },
};

static unsigned draw(unsigned n)
{
	static unsigned rnd = 7;

	rnd = rnd * 1103515245 + 12345;
	return (rnd >> 16) % n;
}

static void make(const struct thing *t, unsigned node, struct door *d, struct process *p)
{
	bool other = t->other_user && node % 3 == 0;

	*d = (struct door){ .proto = t->proto,
			    .family = FAMILY_INET,
			    .scope = t->loopback ? SCOPE_LOOPBACK : SCOPE_ANY,
			    .port = t->port ? t->port : 32768 + draw(28232),
			    .autoport = t->autoport };
	*p = (struct process){ .known = true,
			       .pid = 7,
			       .comm = "x",
			       .exe = text_of(t->exe),
			       .job_state = PLACE_NONE,
			       .container_state = PLACE_NONE,
			       .uid = other ? 101 : t->uid,
			       .user = text_of(other ? t->other_user : t->user) };
	if (t->in_job) {
		p->job = JOB;
		p->job_state = PLACE_IN;
	}
}

static int on_day(const struct thing *t, unsigned day)
{
	return day >= t->first_day && day <= t->last_day;
}

/* --- three ways to learn ------------------------------------------------------------------------------------ */

struct way {
	const char *name;
	unsigned quorum; /* thousandths */
	uint32_t accepted; /* an outlier on this port that a person accepts */
	bool ports_only; /* from a scan of one node: the paper's way */
	struct learned learned;
	struct profile profile;
	unsigned rules, false_alarms, misses, rightly, found;
	uint64_t ns;
};

static void learn(struct way *w)
{
	const struct learn_opts o = { .host_type = "compute",
				      .author = "x",
				      .now_ns = T0 + LEARN_DAYS * DAY,
				      .since_ns = T0,
				      .until_ns = T0 + LEARN_DAYS * DAY,
				      .slot_ns = DAY,
				      .quorum = w->quorum };
	_cleanup_(learner_freep) struct learner *l = NULL;
	uint64_t start = clock_boot_ns();
	char node[16];
	int err = learner_new(&o, &l);

	for (unsigned n = 0; n < (w->ports_only ? 1 : NODES) && !err; n++) {
		snprintf(node, sizeof(node), "n%03u", n);
		err = learner_node(l, node);
		for (unsigned day = 0; day < LEARN_DAYS && !err; day++) {
			for (size_t i = 0; i < array_len(things) && !err; i++) {
				struct process p, nobody = { 0 };
				struct door d;

				if (!on_day(&things[i], day) || n < things[i].first_node ||
				    n >= things[i].first_node + things[i].nodes)
					continue;
				make(&things[i], n, &d, &p);
				/*
				 * nmap sees TCP on reachable addresses, once, and not who holds it.
				 */
				if (w->ports_only &&
				    (day != 3 || d.proto != PROTO_TCP || d.scope != SCOPE_ANY))
					continue;
				if (w->ports_only)
					d.autoport = false;
				err = learner_add(l, node, &d, w->ports_only ? &nobody : &p,
						  T0 + day * DAY, T0 + (day + 1) * DAY - 1);
			}
		}
	}
	if (!err)
		err = learner_finish(l, &w->learned);
	w->ns = clock_boot_ns() - start;
	w->profile = (struct profile){ .accepted = true };
	w->profile.rows = calloc(w->learned.len + 1, sizeof(*w->profile.rows));
	for (size_t i = 0; i < w->learned.len && w->profile.rows; i++)
		if (!w->learned.rules[i].outlier ||
		    (w->accepted && w->learned.rules[i].row.port == w->accepted))
			w->profile.rows[w->profile.rows_len++] = w->learned.rules[i].row;
	w->rules = (unsigned)w->profile.rows_len;
	ok(!err, "%s: %u rules from %" PRIu64 " doors in %.0f ms", w->name, w->rules,
	   w->learned.doors, (double)w->ns / 1e6);
}

/*
 * Alerts of one thing over the days: one a cause, a port that the kernel chose is no cause of its
 * own.
 */
static bool alerts(const struct way *w, const struct thing *t)
{
	for (unsigned day = LEARN_DAYS; day < DAYS; day++) {
		for (unsigned n = t->first_node; on_day(t, day) && n < t->first_node + t->nodes;
		     n++) {
			struct judgement j;
			struct process p;
			struct door d;

			make(t, n, &d, &p);
			audit_judge(&w->profile, &d, &p, T0 + day * DAY, &j);
			if (j.kind)
				return true;
		}
	}
	return false;
}

static void judge(struct way *w)
{
	for (size_t i = 0; i < array_len(things); i++) {
		const struct thing *t = &things[i];
		bool alert = alerts(w, t);

		w->false_alarms += t->nature == ORDINARY && alert;
		w->rightly += t->nature == CHANGE && alert;
		w->found += t->nature == INTRUSION && alert;
		w->misses += t->nature == INTRUSION && !alert;
		if (t->nature != CHANGE && alert != (t->nature == INTRUSION))
			printf("#   %s: %s: %s\n", w->name, alert ? "false alarm" : "missed",
			       t->name);
	}
}

int main(void)
{
	struct way ways[] = {
		{ .name = "quorum 0.8", .quorum = 800 },
		{ .name = "and a person takes 27000", .quorum = 800, .accepted = 27000 },
		{ .name = "everything seen", .quorum = 0 },
		{ .name = "ports of one node (nmap)", .quorum = 800, .ports_only = true },
	};

	for (size_t i = 0; i < array_len(ways); i++) {
		learn(&ways[i]);
		judge(&ways[i]);
	}
	printf("#\n# learned on %d days of %d nodes, judged on the %d days after (causes, not "
	       "doors)\n",
	       LEARN_DAYS, NODES, DAYS - LEARN_DAYS);
	printf("# %-26s %6s %13s %12s %8s %7s\n", "way", "rules", "false alarms", "intrusions",
	       "missed", "changes");
	for (size_t i = 0; i < array_len(ways); i++)
		printf("# %-26s %6u %13u %12u %8u %7u\n", ways[i].name, ways[i].rules,
		       ways[i].false_alarms, ways[i].found + ways[i].misses, ways[i].misses,
		       ways[i].rightly);
	ok(!ways[0].misses && !ways[1].misses, "with a quorum no intrusion is missed");
	ok(ways[0].false_alarms == 1 && !ways[1].false_alarms,
	   "and only the outlier alerts that a person is shown, and may accept");
	ok(ways[2].misses && ways[3].misses, "which learning all, or ports only, does not give");
	for (size_t i = 0; i < array_len(ways); i++) {
		free(ways[i].profile.rows);
		learned_done(&ways[i].learned);
	}
	return tap_done();
}
