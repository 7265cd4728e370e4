/* SPDX-License-Identifier: GPL-2.0 */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

/*
 * What happens on a cluster: each command becomes a list of doors that open and close at their
 * times.
 */
#define DAY_S 86400

/* clang-format off */
const struct sim_spec sim_services[] = {
	{ PROTO_TCP, SCOPE_ANY,      22,   "/usr/sbin/sshd",          "root",    "/system.slice/ssh.service",           "sshd",      0, false, NULL, NULL },
	{ PROTO_TCP, SCOPE_ANY,      6818, "/usr/sbin/slurmd",        "root",    "/system.slice/slurmd.service",        "slurmd",    0, false, NULL, NULL },
	{ PROTO_TCP, SCOPE_ANY,      111,  "/usr/sbin/rpcbind",       "_rpc",    "/system.slice/rpcbind.service",       "rpcbind",   106, false, NULL, NULL },
	{ PROTO_UDP, SCOPE_ANY,      111,  "/usr/sbin/rpcbind",       "_rpc",    "/system.slice/rpcbind.service",       "rpcbind",   106, false, NULL, NULL },
	{ PROTO_TCP, SCOPE_ANY,      9100, "/usr/bin/node_exporter",  "prometheus", "/system.slice/node_exporter.service", "node_exporter", 107, false, NULL, NULL },
	{ PROTO_UDP, SCOPE_ANY,      8649, "/usr/sbin/gmond",         "ganglia", "/system.slice/ganglia.service",       "gmond",     108, false, NULL, NULL },
	{ PROTO_TCP, SCOPE_ANY,      5666, "/usr/sbin/nrpe",          "nagios",  "/system.slice/nrpe.service",          "nrpe",      109, false, NULL, NULL },
	{ PROTO_UDP, SCOPE_LOOPBACK, 323,  "/usr/sbin/chronyd",       "_chrony", "/system.slice/chrony.service",        "chronyd",   110, false, NULL, NULL },
	{ PROTO_TCP, SCOPE_LOOPBACK, 25,   "/usr/lib/postfix/sbin/master", "root", "/system.slice/postfix.service",     "master",    0, false, NULL, NULL },
	{ PROTO_TCP, SCOPE_LOOPBACK, 53,   "/usr/lib/systemd/systemd-resolved", "systemd-resolve", "/system.slice/systemd-resolved.service", "systemd-resolve", 111, false, NULL, NULL },
	{ PROTO_TCP, SCOPE_LOOPBACK, 8878, "/usr/sbin/munged",        "munge",   "/system.slice/munge.service",         "munged",    112, false, NULL, NULL },
};
/* clang-format on */
const size_t sim_services_len = array_len(sim_services);

/* --- the list --------------------------------------------------------------------------------------- */

void sim_plan_add(struct sim_plan *p, struct sim_action a)
{
	if (p->len == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 1024;
		struct sim_action *grown = reallocarray(p->a, cap, sizeof(*grown));

		if (!grown) {
			p->err = -1;
			return;
		}
		p->a = grown;
		p->cap = cap;
	}
	a.nth = (unsigned)p->len;
	p->a[p->len++] = a;
}

static int by_time(const void *va, const void *vb)
{
	const struct sim_action *a = va, *b = vb;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return a->nth < b->nth ? -1 : a->nth > b->nth;
}

void sim_plan_sort(struct sim_plan *p)
{
	if (p->len)
		qsort(p->a, p->len, sizeof(*p->a), by_time);
}

void sim_plan_done(struct sim_plan *p)
{
	free(p->a);
	*p = (struct sim_plan){ 0 };
}

static void add(struct sim_plan *p, struct sim_node *n, int what, const struct sim_spec *s,
		uint64_t tag, uint64_t time_ns)
{
	sim_plan_add(p,
		     (struct sim_action){
			     .time_ns = time_ns, .node = n, .what = what, .spec = s, .tag = tag });
}

/* --- words ------------------------------------------------------------------------------------------ */

static uint64_t number(const struct sim_traffic *t, size_t i, uint64_t def)
{
	uint64_t v;

	return i < t->words_len && !parse_u64(t->words[i], &v) ? v : def;
}

/* Lives as long as the program: doors refer to it. */
static struct sim_spec *new_spec(const struct sim_spec *like)
{
	struct sim_spec *s = malloc(sizeof(*s));

	if (s)
		*s = *like;
	return s;
}

static const char *keep_word(const char *word)
{
	return word ? strdup(word) : NULL;
}

static const struct sim_spec *services_of(const struct sim_traffic *t, size_t *ret_len)
{
	*ret_len = t->services ? t->services_len : sim_services_len;
	return t->services ? t->services : sim_services;
}

static const struct sim_spec *find_service(const struct sim_traffic *t, const char *name)
{
	size_t len;
	const struct sim_spec *services = services_of(t, &len);

	for (size_t i = 0; i < len; i++) {
		if (!strcmp(services[i].comm, name))
			return &services[i];
	}
	return NULL;
}

static uint32_t uid_of(const char *user)
{
	uint32_t uid = 1000;

	if (!strcmp(user, "root"))
		return 0;
	for (const char *c = user; *c; c++)
		uid = 1000 + (uid * 31 + (unsigned char)*c) % 9000;
	return uid;
}

/* PROTO PORT EXE USER [CGROUP [ARGS]] */
static const struct sim_spec *spec_of(const struct sim_traffic *t)
{
	struct sim_spec s = { .scope = SCOPE_ANY };
	const char *slash;

	if (t->words_len < 4 || door_proto_parse(t->words[0], &s.proto) ||
	    parse_u32(t->words[1], &s.port))
		return NULL;
	s.exe = keep_word(t->words[2]);
	s.user = keep_word(t->words[3]);
	s.cgroup = t->words_len > 4 ? keep_word(t->words[4]) : "/system.slice/cron.service";
	s.args = t->words_len > 5 ? keep_word(t->words[5]) : NULL;
	if (!s.exe || !s.user || !s.cgroup || (t->words_len > 5 && !s.args))
		return NULL;
	s.uid = uid_of(s.user);
	slash = strrchr(s.exe, '/');
	snprintf(s.comm, sizeof(s.comm), "%s", slash ? slash + 1 : s.exe);
	return new_spec(&s);
}

/* --- commands --------------------------------------------------------------------------------------- */

/* boot SECONDS: all come up within that, their services one after the other */
uint64_t sim_boot(struct sim_plan *p, const struct sim_traffic *t)
{
	size_t services_len;
	const struct sim_spec *services = services_of(t, &services_len);
	uint64_t over = number(t, 0, 60);

	for (size_t i = 0; i < t->len; i++) {
		uint64_t at = t->now_ns + sim_node_random(t->nodes[i], over * SECOND_NS + 1);

		add(p, t->nodes[i], ACT_BOOT, NULL, 0, at);
		for (size_t k = 0; k < services_len; k++) {
			at += SECOND_NS / 20 + sim_node_random(t->nodes[i], 2 * SECOND_NS);
			add(p, t->nodes[i], ACT_OPEN, &services[k], 0, at);
		}
	}
	return over + 3 * services_len;
}

static void restart(struct sim_plan *p, struct sim_node *n, const struct sim_spec *s, uint64_t at)
{
	add(p, n, ACT_CLOSE, s, 0, at);
	add(p, n, ACT_OPEN, s, 0, at + SECOND_NS / 10 + sim_node_random(n, 2 * SECOND_NS));
}

/* restart SERVICE SECONDS */
uint64_t sim_restart(struct sim_plan *p, const struct sim_traffic *t)
{
	const struct sim_spec *s = t->words_len ? find_service(t, t->words[0]) : NULL;
	uint64_t over = number(t, 1, 60);

	for (size_t i = 0; s && i < t->len; i++)
		restart(p, t->nodes[i], s,
			t->now_ns + sim_node_random(t->nodes[i], over * SECOND_NS + 1));
	return s ? over + 3 : 0;
}

/*
 * upgrade SERVICE SECONDS: the old process, whose file is gone, opens its port once more before it
 * ends; then the new one comes
 */
uint64_t sim_upgrade(struct sim_plan *p, const struct sim_traffic *t)
{
	const struct sim_spec *s = t->words_len ? find_service(t, t->words[0]) : NULL;
	struct sim_spec *old = s ? new_spec(s) : NULL;
	uint64_t over = number(t, 1, 60);

	if (!old)
		return 0;
	old->deleted = true;
	for (size_t i = 0; i < t->len; i++) {
		struct sim_node *n = t->nodes[i];
		uint64_t at = t->now_ns + sim_node_random(n, over * SECOND_NS + 1);

		add(p, n, ACT_CLOSE, s, 0, at);
		add(p, n, ACT_OPEN, old, 0, at + SECOND_NS / 50);
		at += SECOND_NS + sim_node_random(n, 4 * SECOND_NS);
		add(p, n, ACT_CLOSE, old, 0, at);
		add(p, n, ACT_OPEN, s, 0, at + SECOND_NS / 10 + sim_node_random(n, SECOND_NS));
	}
	return over + 8;
}

/*
 * job ID USER DOORS SECONDS: so many doors over the nodes, on ports the kernel chooses; at the end
 * all are closed
 */
uint64_t sim_job(struct sim_plan *p, const struct sim_traffic *t)
{
	static uint64_t tags;
	struct sim_spec s = { .proto = PROTO_TCP, .scope = SCOPE_ANY, .comm = "solver" };
	uint64_t doors = number(t, 2, 0), over = number(t, 3, 60);
	const struct sim_spec *kept;
	char cgroup[100];

	if (t->words_len < 3 || !t->len)
		return 0;
	snprintf(cgroup, sizeof(cgroup), "/system.slice/slurmstepd.scope/job_%s/step_0/user/task_0",
		 t->words[0]);
	s.user = keep_word(t->words[1]);
	s.cgroup = keep_word(cgroup);
	s.exe = "/opt/mpi/bin/solver";
	s.uid = s.user ? uid_of(s.user) : 0;
	kept = s.user && s.cgroup ? new_spec(&s) : NULL;
	for (uint64_t i = 0; kept && i < doors; i++) {
		struct sim_node *n = t->nodes[i % t->len];
		uint64_t at = sim_node_random(n, over * SECOND_NS);
		uint64_t end = at + sim_node_random(n, over * SECOND_NS - at);

		tags++;
		add(p, n, ACT_OPEN, kept, tags, t->now_ns + at);
		add(p, n, ACT_CLOSE, kept, tags, t->now_ns + end + 1);
	}
	return kept ? over + 1 : 0;
}

/* open PROTO PORT EXE USER [CGROUP [ARGS]]; all nodes within 30 s */
uint64_t sim_open(struct sim_plan *p, const struct sim_traffic *t)
{
	const struct sim_spec *s = spec_of(t);

	for (size_t i = 0; s && i < t->len; i++)
		add(p, t->nodes[i], ACT_OPEN, s, 0,
		    t->now_ns + (t->len > 1 ? sim_node_random(t->nodes[i], 30 * SECOND_NS) : 0));
	return !s ? 0 : t->len > 1 ? 31 : 1;
}

/* close PROTO PORT */
uint64_t sim_close(struct sim_plan *p, const struct sim_traffic *t)
{
	struct sim_spec s = { 0 }, *kept;

	if (t->words_len < 2 || door_proto_parse(t->words[0], &s.proto) ||
	    parse_u32(t->words[1], &s.port))
		return 0;
	kept = new_spec(&s);
	for (size_t i = 0; kept && i < t->len; i++)
		add(p, t->nodes[i], ACT_CLOSE, kept, 0, t->now_ns);
	return kept ? 1 : 0;
}

/*
 * day SECONDS: ordinary use, a day squeezed into that. On each node a service restarts now and
 * then, people log in and forward X11 on loopback, programs ask DNS from a port of the kernel's
 * choice, a job of a user who has run the like before runs.
 */
uint64_t sim_day(struct sim_plan *p, const struct sim_traffic *t)
{
	static uint64_t tags = UINT64_C(1) << 40;
	static const struct sim_spec x11 = {
		PROTO_TCP, SCOPE_LOOPBACK,
		6010,	   "/usr/sbin/sshd",
		"root",	   "/user.slice/user-1041.slice/session-3.scope",
		"sshd",	   0,
		false,	   NULL,
		NULL
	};
	static const struct sim_spec dns = {
		PROTO_UDP,	SCOPE_ANY, 0,
		"/usr/bin/dig", "mlee",	   "/user.slice/user-1041.slice/session-3.scope",
		"dig",		1041,	   false,
		NULL,		NULL
	};
	static const struct sim_spec mpi = {
		PROTO_TCP, SCOPE_ANY,
		0,	   "/opt/mpi/bin/solver",
		"alice",   "/system.slice/slurmstepd.scope/job_1/step_0",
		"solver",  1042,
		false,	   NULL,
		NULL
	};
	static const struct {
		const struct sim_spec *spec;
		unsigned times;
		uint64_t lasts_s;
	} habits[] = { { &x11, 2, 600 }, { &dns, 12, 2 }, { &mpi, 16, 300 } };
	size_t services_len;
	const struct sim_spec *services = services_of(t, &services_len);
	uint64_t over = number(t, 0, DAY_S), end = t->now_ns + over * SECOND_NS;

	for (size_t i = 0; i < t->len; i++) {
		struct sim_node *n = t->nodes[i];

		if (!sim_node_random(n, 4))
			restart(p, n, &services[sim_node_random(n, services_len)],
				t->now_ns + sim_node_random(n, over * SECOND_NS * 9 / 10));
		for (size_t k = 0; k < array_len(habits); k++) {
			/* The parts of a day: what a user does twice does not overlap. */
			uint64_t part = over * SECOND_NS / habits[k].times;

			for (unsigned m = 0; m < habits[k].times; m++) {
				uint64_t at = t->now_ns + m * part + sim_node_random(n, part / 2);
				uint64_t to =
					at + 1 +
					sim_node_random(n, part / 2 < habits[k].lasts_s * SECOND_NS
								   ? part / 2
								   : habits[k].lasts_s * SECOND_NS);

				tags++;
				add(p, n, ACT_OPEN, habits[k].spec, tags, at);
				add(p, n, ACT_CLOSE, habits[k].spec, tags, to < end ? to : end);
			}
		}
	}
	return over + 1;
}
