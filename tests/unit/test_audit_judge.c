/* SPDX-License-Identifier: GPL-2.0 */
#include "audit_help.h"

/* --- the whole table ------------------------------------------------------------------------------ */

enum row_says {
	ROW_NONE,
	ROW_PORT,
	ROW_EXE,
	ROW_USER,
	ROW_BOTH,
	ROW_OTHER_SCOPE,
	ROW_EXPIRED,
	ROW_WIDE,
	ROWS
};
enum owner_is {
	OWN_RIGHT,
	OWN_DELETED,
	OWN_OTHER_EXE,
	OWN_OTHER_USER,
	OWN_TMP,
	OWN_MEMFD,
	OWN_ROOT,
	OWN_KERNEL,
	OWN_UNKNOWN,
	OWN_NO_EXE,
	OWN_NO_UID,
	OWNERS
};

static struct profile_row row_of(enum row_says says)
{
	struct profile_row r = { .proto = PROTO_TCP, .port = 6818 };

	switch (says) {
	case ROW_PORT:
	case ROW_NONE:
		break;
	case ROW_EXE:
		r.exe = str_slurmd;
		break;
	case ROW_USER:
		r.user = str_slurm;
		break;
	case ROW_OTHER_SCOPE:
		r.scope = SCOPE_HOST;
		break;
	case ROW_EXPIRED:
		r.expires_ns = NOW;
		break;
	case ROW_WIDE:
		r.port = 1024;
		r.port_end = 65535;
		r.exe = str_slurmd;
		r.user = str_slurm;
		break;
	case ROW_BOTH:
	case ROWS:
		r.exe = str_slurmd;
		r.user = str_slurm;
		break;
	}
	return r;
}

static struct process owner_of(enum owner_is is)
{
	struct process p = a_process("slurmd", str_slurmd, 64030, "slurm");

	switch (is) {
	case OWN_DELETED:
		p.exe = TEXT("/usr/sbin/slurmd (deleted)");
		break;
	case OWN_OTHER_EXE:
		p.exe = TEXT("/usr/bin/nc");
		break;
	case OWN_OTHER_USER:
		p.uid = 1041;
		p.user = TEXT("mlee");
		break;
	case OWN_TMP:
		p.exe = TEXT("/tmp/slurmd");
		break;
	case OWN_MEMFD:
		p.exe = TEXT("/memfd:slurmd (deleted)");
		break;
	case OWN_ROOT:
		p.uid = 0;
		p.user = TEXT("root");
		break;
	case OWN_KERNEL:
		p = (struct process){
			.known = true, .kernel = true, .comm = "kernel", .uid = ID_UNKNOWN
		};
		break;
	case OWN_UNKNOWN:
		p = (struct process){ 0 };
		break;
	case OWN_NO_EXE:
		p.exe = (struct text){ 0 };
		break;
	case OWN_NO_UID:
		p.uid = ID_UNKNOWN;
		p.user = (struct text){ 0 };
		break;
	case OWN_RIGHT:
	case OWNERS:
		break;
	}
	return p;
}

/*
 * Written from the words of DESIGN.md and not from the code: does the owner fit the row? 1 yes, 0
 * no, -1 not known.
 */
static int owner_fits(enum row_says row, enum owner_is own)
{
	bool wants_exe = row == ROW_EXE || row == ROW_BOTH || row == ROW_WIDE;
	bool wants_user = row == ROW_USER || row == ROW_BOTH || row == ROW_WIDE;
	int exe = 1, user = 1;

	if (!wants_exe && !wants_user)
		return 1;
	if (own == OWN_UNKNOWN)
		return -1;
	if (wants_exe &&
	    (own == OWN_OTHER_EXE || own == OWN_TMP || own == OWN_MEMFD || own == OWN_KERNEL))
		exe = 0;
	if (wants_exe && own == OWN_NO_EXE)
		exe = -1;
	if (wants_user && (own == OWN_OTHER_USER || own == OWN_KERNEL))
		user = 0;
	if (wants_user && !wants_exe && own == OWN_ROOT)
		user = 0; /* with the right program it is a daemon that has not become its user yet */
	if (wants_user && own == OWN_NO_UID)
		user = -1;
	if (!exe || !user)
		return 0;
	return exe < 0 || user < 0 ? -1 : 1;
}

static enum severity severity_wanted(const struct door *d, enum owner_is own)
{
	if (d->scope == SCOPE_LOOPBACK)
		return own == OWN_MEMFD ? SEVERITY_WARNING : SEVERITY_NOTICE;
	if (own == OWN_ROOT || own == OWN_DELETED || own == OWN_TMP || own == OWN_MEMFD)
		return SEVERITY_CRITICAL;
	return SEVERITY_WARNING;
}

static struct judgement wanted(bool have, bool accepted, const struct door *d, enum row_says row,
			       enum owner_is own)
{
	bool tcp = d->proto == PROTO_TCP || d->proto == PROTO_MPTCP;
	bool client = (d->proto == PROTO_UDP || d->proto == PROTO_UDPLITE) && d->autoport;
	bool port = tcp && d->port == 6818 && row != ROW_NONE && row != ROW_EXPIRED &&
		    (row != ROW_OTHER_SCOPE || d->scope == SCOPE_HOST);
	int fits = owner_fits(row, own);
	struct judgement j = { .verdict = VERDICT_UNEXPECTED, .kind = FINDING_UNEXPECTED };

	if (!have || !accepted)
		return (struct judgement){ .verdict = client ? VERDICT_CLIENT : VERDICT_LEARNING };
	if (port && fits > 0)
		return (struct judgement){ .verdict = VERDICT_PROFILED };
	if (client)
		return (struct judgement){ .verdict = VERDICT_CLIENT };
	if (port && !fits && row != ROW_WIDE && own != OWN_KERNEL) {
		j.verdict = VERDICT_IMPOSTOR;
		j.kind = FINDING_IMPOSTOR;
		j.severity = SEVERITY_CRITICAL;
		return j;
	}
	j.severity = severity_wanted(d, own);
	return j;
}

static bool same(const struct judgement *a, const struct judgement *b)
{
	return a->verdict == b->verdict && a->kind == b->kind && a->severity == b->severity;
}

static unsigned try_door(const struct door *d, unsigned *wrong)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 3 * ROWS * OWNERS; i++) {
		enum row_says says = i / OWNERS % ROWS;
		enum owner_is own = i % OWNERS;
		unsigned state = i / OWNERS / ROWS;
		struct profile_row row = row_of(says);
		struct profile p = { .accepted = state == 2,
				     .rows = &row,
				     .rows_len = says != ROW_NONE };
		struct process o = owner_of(own);
		struct judgement got = judged(state ? &p : NULL, d, &o);
		struct judgement again = judged(state ? &p : NULL, d, &o);
		struct judgement want = wanted(state > 0, p.accepted, d, says, own);

		n++;
		if (same(&got, &want) && same(&got, &again) && got.row == again.row)
			continue;
		if (!(*wrong)++)
			printf("# proto %d scope %d auto %d row %d owner %d state %u: got %d/%d "
			       "wanted %d/%d\n",
			       d->proto, d->scope, d->autoport, says, own, state, got.verdict,
			       got.severity, want.verdict, want.severity);
	}
	return n;
}

static void test_every_combination(void)
{
	unsigned n = 0, wrong = 0;

	for (int proto = PROTO_TCP; proto <= PROTO_VSOCK; proto++)
		for (int scope = SCOPE_ANY; scope <= SCOPE_LOOPBACK; scope++)
			for (int bits = 0; bits < 4; bits++) {
				struct door d =
					a_door((enum door_proto)proto, bits & 1 ? 6818 : 6819);

				/* The wide row has 6819, too: leave that to test_rows(). */
				if (!(bits & 1))
					d.port = 1000;
				d.scope = (enum door_scope)scope;
				d.autoport = bits & 2;
				n += try_door(&d, &wrong);
			}
	is_int(wrong, 0,
	       "each of %u combinations of door, row, owner and profile is judged as designed", n);
}

/* --- UDP: a client's socket and a door -------------------------------------------------------------- */

enum {
	PROFILE_NO,
	PROFILE_HIS,
	PROFILE_OTHERS
}; /* no row, a row for the holder, one for another program */

static void test_udp(void)
{
	static const struct {
		const char *what;
		struct door d;
		struct judgement want[3];
	} cases[] = {
#define DOOR .proto = PROTO_UDP, .family = FAMILY_INET, .scope = SCOPE_ANY, .port = 5353
#define ALL(v) { { .verdict = v }, { .verdict = v }, { .verdict = v } }
#define CLIENT                                                                                     \
	{                                                                                          \
		{ .verdict = VERDICT_CLIENT }, { .verdict = VERDICT_PROFILED },                    \
		{                                                                                  \
			.verdict = VERDICT_CLIENT                                                  \
		}                                                                                  \
	}
#define A_DOOR                                                                                     \
	{                                                                                          \
		{ VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_WARNING, NULL },                \
			{ .verdict = VERDICT_PROFILED },                                           \
		{                                                                                  \
			VERDICT_IMPOSTOR, FINDING_IMPOSTOR, SEVERITY_CRITICAL, NULL                \
		}                                                                                  \
	}
#define SHARED                                                                                     \
	{                                                                                          \
		{ VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_WARNING, NULL },                \
			{ .verdict = VERDICT_PROFILED },                                           \
		{                                                                                  \
			VERDICT_SHARED, FINDING_SHARED, SEVERITY_NOTICE, NULL                      \
		}                                                                                  \
	}
#define LASTING                                                                                    \
	{                                                                                          \
		{ VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_NOTICE, NULL },                 \
			{ .verdict = VERDICT_PROFILED },                                           \
		{                                                                                  \
			VERDICT_IMPOSTOR, FINDING_IMPOSTOR, SEVERITY_CRITICAL, NULL                \
		}                                                                                  \
	}
		{ "bound a moment ago",
		  { DOOR, .bound = true, .settling = true },
		  ALL(VERDICT_SETTLING) },
		{ "bound a moment ago for port 0",
		  { DOOR, .bound = true, .autoport = true, .settling = true },
		  ALL(VERDICT_SETTLING) },
		{ "bound, and open to all", { DOOR, .bound = true }, A_DOOR },
		{ "bound for port 0, and open to all",
		  { DOOR, .bound = true, .autoport = true },
		  A_DOOR },
		{ "bound and connected", { DOOR, .bound = true, .connected = true }, CLIENT },
		{ "bound for port 0 and connected",
		  { DOOR, .bound = true, .autoport = true, .connected = true },
		  CLIENT },
		{ "on a port that it got by sending", { DOOR, .autoport = true }, CLIENT },
		{ "that, for a minute", { DOOR, .autoport = true, .lasting = true }, LASTING },
		{ "that, connected for a minute",
		  { DOOR, .autoport = true, .lasting = true, .connected = true },
		  CLIENT },
		{ "a member of a group, alone on its port",
		  { DOOR, .bound = true, .multicast = true },
		  A_DOOR },
		{ "a member of a group, beside the rightful holder",
		  { DOOR, .bound = true, .multicast = true, .shared = true },
		  SHARED },
		{ "beside the rightful holder, and no member",
		  { DOOR, .bound = true, .shared = true },
		  A_DOOR },
		{ "bound to a group's address, beside the rightful holder",
		  { DOOR, .bound = true, .shared = true, .addr = { 224, 0, 0, 251 } },
		  SHARED },
		{ "of an old record, with a port of its own choice", { DOOR }, A_DOOR },
	};
	char his[] = "/usr/bin/nc", avahi[] = "/usr/sbin/avahi-daemon";
	struct process o = a_process("nc", "/usr/bin/nc", 1041, "mlee");

	for (size_t i = 0; i < array_len(cases); i++) {
		bool right = true;

		for (int p = PROFILE_NO; p <= PROFILE_OTHERS; p++) {
			struct profile_row row = { .proto = PROTO_UDP,
						   .port = 5353,
						   .exe = p == PROFILE_HIS ? his : avahi };
			struct profile profile = { .accepted = true,
						   .rows = &row,
						   .rows_len = p != PROFILE_NO };
			struct judgement got = judged(&profile, &cases[i].d, &o);

			right &= same(&got, &cases[i].want[p]);
			if (!same(&got, &cases[i].want[p]))
				printf("# profile %d: got %d/%d/%d wanted %d/%d/%d\n", p,
				       got.verdict, got.kind, got.severity,
				       cases[i].want[p].verdict, cases[i].want[p].kind,
				       cases[i].want[p].severity);
		}
		ok(right, "a UDP socket %s is judged so, whatever the profile says", cases[i].what);
	}
}

static void test_shares(void)
{
	struct door avahi = { DOOR, .bound = true, .multicast = true, .netns_cookie = 1,
			      .cookie = 1 };
	struct door d = { DOOR, .bound = true, .multicast = true, .netns_cookie = 1, .cookie = 2 },
		    other = d;

	ok(audit_shares(&d, &avahi, VERDICT_PROFILED),
	   "two members on one port share it by design");
	ok(!audit_shares(&d, &avahi, VERDICT_UNEXPECTED),
	   "not with one that has no right to it itself");
	ok(!audit_shares(&d, &d, VERDICT_PROFILED), "nor with itself");
	avahi.multicast = false;
	ok(!audit_shares(&d, &avahi, VERDICT_PROFILED),
	   "what serves unicast alone is taken over and not shared");
	avahi.multicast = true;
	other.multicast = false;
	ok(!audit_shares(&other, &avahi, VERDICT_PROFILED), "who joined no group takes over");
	other = d;
	other.netns_cookie = 2;
	ok(!audit_shares(&other, &avahi, VERDICT_PROFILED),
	   "another network namespace is another port");
	other = d;
	other.connected = true;
	ok(!audit_shares(&other, &avahi, VERDICT_PROFILED), "a connected socket shares nothing");
	other = d;
	other.proto = PROTO_TCP;
	ok(!audit_shares(&other, &avahi, VERDICT_PROFILED), "TCP has no multicast");
}

/* --- rows ------------------------------------------------------------------------------------------- */

static void test_rows(void)
{
	struct profile_row rows[3] = { { .proto = PROTO_TCP, .port = 8000, .port_end = 8010 } };
	struct profile p = { .accepted = true, .rows = rows, .rows_len = 1 };
	struct process o = a_process("nc", "/usr/bin/nc", 1041, "mlee");
	struct door d = a_door(PROTO_TCP, 8000);

	is_int(judged(&p, &d, &o).verdict, VERDICT_PROFILED, "a range takes its first port in");
	d.port = 8010;
	is_int(judged(&p, &d, &o).verdict, VERDICT_PROFILED, "and its last");
	d.port = 8011;
	is_int(judged(&p, &d, &o).verdict, VERDICT_UNEXPECTED, "and no more");
	d.port = 7999;
	is_int(judged(&p, &d, &o).verdict, VERDICT_UNEXPECTED, "and no less");
	d = a_door(PROTO_MPTCP, 8000);
	is_int(judged(&p, &d, &o).verdict, VERDICT_PROFILED, "a row for tcp permits an MPTCP door");
	rows[0].proto = PROTO_MPTCP;
	d.proto = PROTO_TCP;
	is_int(judged(&p, &d, &o).verdict, VERDICT_UNEXPECTED,
	       "a row for mptcp permits no other TCP door");
	rows[0] = (struct profile_row){ 0 };
	d = a_door(PROTO_SCTP, 9);
	is_int(judged(&p, &d, &o).verdict, VERDICT_PROFILED,
	       "a row that says nothing permits everything");
	rows[0] = (struct profile_row){ .exe = str_mpirun };
	is_int(judged(&p, &d, &o).verdict, VERDICT_UNEXPECTED,
	       "a row for all ports of one program makes no impostors");
	o.exe = text_of(str_mpirun);
	is_int(judged(&p, &d, &o).verdict, VERDICT_PROFILED, "and permits that program any port");
	rows[0] = (struct profile_row){ .proto = PROTO_TCP, .port = 80, .expires_ns = NOW + 1 };
	d = a_door(PROTO_TCP, 80);
	is_int(judged(&p, &d, &o).verdict, VERDICT_PROFILED, "a row holds until it expires");
	rows[0].expires_ns = NOW;
	is_int(judged(&p, &d, &o).verdict, VERDICT_UNEXPECTED, "and no longer");
	p.rows_len = 0;
	is_int(judged(&p, &d, &o).verdict, VERDICT_UNEXPECTED,
	       "an accepted profile without rows permits nothing");
	is_int(judged(&p, &d, NULL).verdict, VERDICT_UNEXPECTED,
	       "a door without an opener is judged, too");
}

static void test_owners(void)
{
	static char number[] = "1041", tail_row[] = "/opt/a/very/long/path/bin/server",
		    kernel[] = "kernel";
	struct profile_row row = { .proto = PROTO_TCP, .port = 80, .user = number };
	struct profile p = { .accepted = true, .rows = &row, .rows_len = 1 };
	struct process o = a_process("nc", "/usr/bin/nc", 1041, NULL);
	struct process k = { .known = true, .kernel = true, .comm = "kernel", .uid = ID_UNKNOWN };
	struct door d = a_door(PROTO_TCP, 80);

	is_int(judged(&p, &d, &o).verdict, VERDICT_PROFILED, "a row's user may be a number");
	row.user = str_slurm;
	is_int(judged(&p, &d, &o).verdict, VERDICT_IMPOSTOR,
	       "a uid without a name is not the user a row names");
	row.user = str_root;
	o.uid = 0;
	is_int(judged(&p, &d, &o).verdict, VERDICT_PROFILED,
	       "uid 0 is root, with or without a name");
	row = (struct profile_row){
		.proto = PROTO_TCP, .port = 80, .exe = str_slurmd, .user = str_slurm
	};
	o = a_process("slurmd", str_slurmd, 0, "root");
	is_int(judged(&p, &d, &o).verdict, VERDICT_PROFILED,
	       "a daemon may still be root before it becomes its user");
	o = a_process("slurmd", str_slurmd, 1041, "mlee");
	is_int(judged(&p, &d, &o).verdict, VERDICT_IMPOSTOR, "another user may not hold it");
	row.user = str_root;
	is_int(judged(&p, &d, &o).verdict, VERDICT_PROFILED,
	       "a daemon that was root when it opened port 80 may be a user now");
	row.port = d.port = 1024;
	is_int(judged(&p, &d, &o).verdict, VERDICT_IMPOSTOR,
	       "not so on a port that anyone can open");
	row.port = d.port = 80;
	row.exe = NULL;
	is_int(judged(&p, &d, &o).verdict, VERDICT_IMPOSTOR, "nor where the row names no program");
	o = a_process("server", NULL, 0, "root");
	row = (struct profile_row){ .proto = PROTO_TCP, .port = 80, .exe = tail_row };
	o.exe = TEXT("long/path/bin/server");
	is_int(judged(&p, &d, &o).verdict, VERDICT_IMPOSTOR, "the end of a path is not the path");
	o.exe_cut = true;
	is_int(judged(&p, &d, &o).verdict, VERDICT_UNEXPECTED,
	       "of a path cut by the capture only the end is known: no impostor, and not "
	       "permitted");
	o.exe = TEXT("other/path/bin/server");
	is_int(judged(&p, &d, &o).verdict, VERDICT_IMPOSTOR, "and that end must fit");
	is_int(judged(&p, &d, &k).verdict, VERDICT_UNEXPECTED, "the kernel is never an impostor");
	row.exe = kernel;
	is_int(judged(&p, &d, &k).verdict, VERDICT_PROFILED,
	       "a row for 'kernel' permits what the kernel opened");
	o = a_process("kernel", "kernel", 0, "root");
	o.exe = TEXT("/tmp/kernel");
	is_int(judged(&p, &d, &o).verdict, VERDICT_IMPOSTOR, "and not a program of that name");
}

/* --- properties ------------------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void random_row(uint32_t *rnd, struct profile_row *r)
{
	char *exes[] = { NULL, str_sshd, str_slurmd }, *users[] = { NULL, str_root, str_slurm };

	*r = (struct profile_row){
		.id = next_random(rnd) % 4,
		.proto = next_random(rnd) % 4,
		.port = 20 + next_random(rnd) % 4,
		.scope = next_random(rnd) % 4,
		.exe = exes[next_random(rnd) % 3],
		.user = users[next_random(rnd) % 3],
		.expires_ns = next_random(rnd) % 4 ? 0 : NOW - 1 + next_random(rnd) % 3,
	};
	if (next_random(rnd) % 4 == 0)
		r->port_end = r->port + next_random(rnd) % 3;
	if (next_random(rnd) % 16 == 0)
		r->port = r->port_end = 0;
}

static void words(const struct judgement *j, const struct profile *p, const struct door *d,
		  const struct process *o, struct buf *b)
{
	buf_reset(b);
	audit_summary(j, "n", d, o, b);
	audit_why(j, "c", p, d, o, b);
	audit_remedy(j, "c", d, o, b);
}

static void shuffle(uint32_t *rnd, struct profile_row *rows, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = next_random(rnd) % i;
		struct profile_row t = rows[k];

		rows[k] = rows[i - 1];
		rows[i - 1] = t;
	}
}

static void test_order_has_no_say(void)
{
	uint32_t rnd = 20051122;
	unsigned differ = 0, seen[8] = { 0 };
	struct buf first = BUF_INIT(8192), again = BUF_INIT(8192);

	for (int i = 0; i < 20000; i++) {
		struct profile_row rows[6];
		struct profile p = { .accepted = true,
				     .rows = rows,
				     .rows_len = next_random(&rnd) % 7 };
		struct door d = a_door(1 + next_random(&rnd) % 3, 20 + next_random(&rnd) % 4);
		struct process o = owner_of(next_random(&rnd) % OWNERS);
		struct judgement j, k;

		for (size_t r = 0; r < p.rows_len; r++)
			random_row(&rnd, &rows[r]);
		d.autoport = next_random(&rnd) % 4 == 0;
		d.scope = 1 + next_random(&rnd) % 3;
		j = judged(&p, &d, &o);
		words(&j, &p, &d, &o, &first);
		shuffle(&rnd, rows, p.rows_len);
		k = judged(&p, &d, &o);
		words(&k, &p, &d, &o, &again);
		seen[j.verdict]++;
		differ += !same(&j, &k) || first.err || strcmp(buf_str(&first), buf_str(&again));
	}
	is_int(differ, 0,
	       "the order of rows changes neither the judgement nor its words (20000 profiles)");
	ok(seen[VERDICT_PROFILED] > 100 && seen[VERDICT_IMPOSTOR] > 100 &&
		   seen[VERDICT_UNEXPECTED] > 100 && seen[VERDICT_CLIENT] > 100,
	   "and all verdicts came up: profiled %u, impostor %u, unexpected %u, client %u",
	   seen[VERDICT_PROFILED], seen[VERDICT_IMPOSTOR], seen[VERDICT_UNEXPECTED],
	   seen[VERDICT_CLIENT]);
	buf_done(&first);
	buf_done(&again);
}

static void test_more_rows_never_hurt(void)
{
	uint32_t rnd = 7;
	unsigned worse = 0;

	for (int i = 0; i < 20000; i++) {
		struct profile_row rows[5];
		struct profile p = { .accepted = true, .rows = rows, .rows_len = 4 };
		struct door d = a_door(1 + next_random(&rnd) % 3, 20 + next_random(&rnd) % 4);
		struct process o = owner_of(next_random(&rnd) % OWNERS);
		bool allowed;

		for (size_t r = 0; r < 5; r++)
			random_row(&rnd, &rows[r]);
		allowed = judged(&p, &d, &o).verdict == VERDICT_PROFILED;
		p.rows_len = 5;
		worse += allowed && judged(&p, &d, &o).verdict != VERDICT_PROFILED;
	}
	is_int(worse, 0, "a row added never takes a permission away");
}

int main(void)
{
	test_every_combination();
	test_udp();
	test_shares();
	test_rows();
	test_owners();
	test_order_has_no_say();
	test_more_rows_never_hurt();
	return tap_done();
}
