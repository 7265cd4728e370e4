/* SPDX-License-Identifier: GPL-2.0 */
/* Learning from one machine at one moment. */
#include "audit/learner.h"
#include "audit_help.h"

#define DOORS 16

static struct door doors[DOORS];
static struct process owners[DOORS];
static struct learn_door {
	const struct door *door;
	const struct process *opener;
} seen[DOORS];
static size_t len;

static struct profile learned;
static size_t left_out;

static void forget(void)
{
	for (size_t i = 0; i < learned.rows_len; i++)
		profile_row_done(&learned.rows[i]);
	free(learned.rows);
	learned = (struct profile){ .accepted = true };
	len = 0;
}

static void see(struct door d, struct process p)
{
	doors[len] = d;
	owners[len] = p;
	seen[len] = (struct learn_door){ &doors[len], &owners[len] };
	len++;
}

/* Takes the rules' rows out of l; what was an outlier is left in it. */
static void take_rows(struct learned *l)
{
	learned.rows = calloc(l->len + 1, sizeof(*learned.rows));
	for (size_t i = 0; i < l->len; i++) {
		if (l->rules[i].outlier)
			continue;
		learned.rows[learned.rows_len++] = l->rules[i].row;
		l->rules[i].row = (struct profile_row){ 0 };
	}
	left_out = l->left_out;
}

static size_t learn(void)
{
	const struct learn_opts o = { .host_type = "compute", .author = "root", .now_ns = NOW };
	_cleanup_(learner_freep) struct learner *l = NULL;
	_cleanup_(learned_done) struct learned found = { 0 };
	int err = learner_new(&o, &l);

	learned = (struct profile){ .accepted = true };
	for (size_t i = 0; i < len && !err; i++)
		err = learner_add(l, "", seen[i].door, seen[i].opener, 0, 0);
	if (err || learner_finish(l, &found))
		return 999;
	take_rows(&found);
	return learned.rows_len;
}

static struct door automatic(enum door_proto proto, uint32_t port)
{
	struct door d = a_door(proto, port);

	d.autoport = true;
	return d;
}

static void test_plain(void)
{
	struct process sshd = a_process("sshd", str_sshd, 0, "root");
	struct door six = a_door(PROTO_TCP, 22);
	const struct profile_row *r;

	six.family = FAMILY_INET6;
	see(a_door(PROTO_UDP, 123), a_process("chronyd", "/usr/sbin/chronyd", 101, "_chrony"));
	see(a_door(PROTO_TCP, 22), sshd);
	see(six, sshd);
	see(a_door(PROTO_MPTCP, 22), sshd);
	is_int(learn(), 2, "twins of both families and of MPTCP are one row");
	r = learned.rows;
	ok(r->proto == PROTO_TCP && r->port == 22 && !r->port_end && r->scope == SCOPE_ANY,
	   "rows come in order: tcp 22");
	is_str(r->service, NULL, "no service is looked up by the port's number");
	is_str(r->host_type, "compute", "a row has its host type");
	is_str(r->exe, str_sshd, "a row has the executable");
	is_str(r->user, "root", "a row has the user");
	is_str(r->origin, "learned", "a row says that it was learned");
	is_str(r->author, "root", "a row says by whom");
	is_int(r->created_ns, NOW, "and when");
	is_int(left_out, 0, "nothing was left out");
	is_str(learned.rows[1].user, "_chrony", "the second row is chrony's");
	forget();
	is_int(learn(), 0, "no doors, no rows");
	forget();
}

static void test_doubtful(void)
{
	struct process cut = a_process("x", "ath/x", 5, "x"),
		       k = { .known = true, .kernel = true, .uid = ID_UNKNOWN };
	static const char *const paths[] = {
		"/tmp/x",	 "/var/tmp/x",	       "/dev/shm/x",	      "/home/mlee/x",
		"/run/user/5/x", "/memfd:x (deleted)", "/usr/bin/x (deleted)"
	};

	cut.exe_cut = true;
	for (size_t i = 0; i < array_len(paths); i++)
		see(a_door(PROTO_TCP, 1000), a_process("x", paths[i], 5, "x"));
	see(a_door(PROTO_TCP, 1000), cut);
	see(a_door(PROTO_TCP, 2049), k);
	is_int(learn(), 1, "doors of doubtful programs give no row");
	is_int(left_out, 8, "and are counted");
	is_str(learned.rows[0].exe, "kernel", "the kernel's door gives a row for the kernel alone");
	forget();
}

static void test_owners(void)
{
	struct process unknown = { 0 }, nobody = a_process("x", "/usr/bin/x", 1041, NULL);

	see(a_door(PROTO_TCP, 80), unknown);
	see(a_door(PROTO_TCP, 80), nobody);
	see(a_door(PROTO_TCP, 81), unknown);
	is_int(learn(), 2, "a door without owner adds nothing where an owner is known");
	is_str(learned.rows[0].user, "1041", "a user without a name is kept by number");
	ok(!learned.rows[1].exe && !learned.rows[1].user, "else the port alone is the row");
	forget();
}

/* The same program and port in and outside of containers: two files of one path. */
static void test_containers(void)
{
	struct process sshd = a_process("sshd", str_sshd, 0, "root"), in = sshd, doubt = sshd;

	sshd.container_state = PLACE_NONE;
	in.container_state = PLACE_IN;
	see(a_door(PROTO_TCP, 22), sshd);
	see(a_door(PROTO_TCP, 22), in);
	see(a_door(PROTO_TCP, 23), sshd);
	see(a_door(PROTO_TCP, 23), doubt);
	is_int(learn(), 3, "a container's door is a rule of its own");
	is_str(learned.rows[0].container, "any", "about containers");
	is_str(learned.rows[1].container, "none", "and the host's is about none");
	is_str(learned.rows[2].container, NULL, "unless it was not known of each");
	for (size_t i = 0; i < len; i++)
		ok(judged(&learned, &doors[i], &owners[i]).verdict == VERDICT_PROFILED,
		   "what was learnt is as profiled (%zu)", i);
	is_int(judged(&learned, &doors[2], &in).verdict, VERDICT_IMPOSTOR,
	       "and the container's on a port of the host's is not");
	forget();
}

static void test_ranges(void)
{
	struct process mpi = a_process("mpirun", str_mpirun, 1041, "mlee"), unknown = { 0 };

	see(automatic(PROTO_TCP, 40001), mpi);
	see(automatic(PROTO_TCP, 50002), mpi);
	see(automatic(PROTO_UDP, 50002), mpi);
	see(automatic(PROTO_TCP, 50003), unknown);
	is_int(learn(), 1, "ports that the kernel chose are one row for each program and user");
	ok(learned.rows[0].port == 32768 && learned.rows[0].port_end == 60999,
	   "over the ephemeral range");
	is_int(left_out, 1, "a whole range is given to nobody unknown");
	forget();
	see(automatic(PROTO_TCP, 40001), mpi);
	see(automatic(PROTO_TCP, 20000), mpi);
	is_int(learn(), 1, "a port outside of it says that the kernel has another range");
	ok(learned.rows[0].port == 1024 && learned.rows[0].port_end == 65535,
	   "of which both ends are unknown");
	forget();
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/*
 * What was learned permits what it was learned from, and learning it again in any order gives the
 * same.
 */
static void test_properties(void)
{
	static const char *const exes[] = { "/usr/sbin/a", "/usr/sbin/b", NULL };
	uint32_t rnd = 42;
	unsigned unhappy = 0, differ = 0;

	for (int round = 0; round < 2000; round++) {
		struct profile first;

		for (size_t n = 1 + next_random(&rnd) % DOORS; n; n--) {
			struct door d =
				a_door(1 + next_random(&rnd) % 4, 20 + next_random(&rnd) % 3);
			struct process p = a_process("x", exes[next_random(&rnd) % 3],
						     next_random(&rnd) % 2, NULL);

			p.known = next_random(&rnd) % 5;
			d.autoport = next_random(&rnd) % 3 == 0;
			d.scope = 1 + next_random(&rnd) % 3;
			see(d, p);
		}
		learn();
		for (size_t i = 0; i < len; i++) {
			enum verdict v = judged(&learned, &doors[i], &owners[i]).verdict;

			/* Nobody unknown passes for whom a rule names. */
			unhappy += v != VERDICT_PROFILED && v != VERDICT_CLIENT && !left_out &&
				   owners[i].known && owners[i].exe.ptr;
		}
		first = learned;
		for (size_t i = 0; i < len / 2; i++) {
			struct learn_door t = seen[i];

			seen[i] = seen[len - 1 - i];
			seen[len - 1 - i] = t;
		}
		learn();
		differ += learned.rows_len != first.rows_len;
		for (size_t i = 0; i < learned.rows_len && i < first.rows_len; i++)
			differ += learned.rows[i].port != first.rows[i].port ||
				  learned.rows[i].proto != first.rows[i].proto ||
				  !learned.rows[i].exe != !first.rows[i].exe;
		for (size_t i = 0; i < first.rows_len; i++)
			profile_row_done(&first.rows[i]);
		free(first.rows);
		forget();
	}
	is_int(unhappy, 0, "what was learned permits what it was learned from (2000 machines)");
	is_int(differ, 0, "and does not depend on the order of doors");
}

int main(void)
{
	test_plain();
	test_doubtful();
	test_owners();
	test_containers();
	test_ranges();
	test_properties();
	return tap_done();
}
