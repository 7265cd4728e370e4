/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/explain.h"

#include "audit_help.h"

static char any[] = "any", none[] = "none", either[] = "either", slurm[] = "slurm",
	    nc[] = "/usr/bin/nc", ssh[] = "ssh";

static const char *misses(struct profile_row r, const struct door *d, const struct process *p)
{
	static struct buf b = BUF_INIT(4096);
	unsigned n;

	buf_reset(&b);
	buf_puts(&b, "");
	n = audit_row_misses(&r, d, p, NOW, &b);
	buf_printf(&b, "|%u", n);
	return buf_str(&b);
}

static void why_not(void)
{
	struct door d = a_door(PROTO_TCP, 22);
	struct process p = a_process("sshd", str_sshd, 1000, "mlee");

	is_str(misses((struct profile_row){ .proto = PROTO_TCP, .port = 22, .exe = str_sshd }, &d,
		      &p),
	       "|0", "a row that fits misses nothing");
	is_str(misses((struct profile_row){ .proto = PROTO_UDP,
					    .port = 23,
					    .scope = SCOPE_LOOPBACK },
		      &d, &p),
	       "protocol udp, port 23, scope loopback|3", "each thing is named");
	is_str(misses((struct profile_row){ .proto = PROTO_TCP,
					    .port = 100,
					    .port_end = 200,
					    .exe = nc,
					    .user = str_root,
					    .job = slurm,
					    .container = any,
					    .expires_ns = UINT64_C(1600000000000000000) },
		      &d, &p),
	       "ports 100-200, within a job (not known here), within a container (not known here), "
	       "program /usr/bin/nc, user root, "
	       "until "
	       "2020-09-13T12:26:40.000000Z|6",
	       "also where, who, and until when");
	is_str(misses((struct profile_row){ .proto = PROTO_TCP, .user = str_root }, &d, &p),
	       "user root|1", "another user");
	p.uid = 0;
	is_str(misses(
		       (struct profile_row){
			       .proto = PROTO_TCP, .port = 22, .exe = str_sshd, .user = str_slurm },
		       &d, &p),
	       "|0", "root may hold what is another user's, as in judging");
	p.container_state = PLACE_IN;
	is_str(misses((struct profile_row){ .proto = PROTO_TCP, .port = 22, .exe = str_sshd }, &d,
		      &p),
	       "outside of containers|1", "a container's program of that path is another");
}

static void covering(void)
{
	struct profile_row all = { .proto = PROTO_TCP, .port = 1, .port_end = 65535 };
	struct profile_row rows[3] = { all,
				       { .proto = PROTO_TCP, .port = 22, .exe = str_sshd },
				       { 0 } };
	const struct profile_row *by;

	ok(audit_row_flaw(rows, 2, 1, NOW, &by) == ROW_NEEDLESS && by == &rows[0],
	   "a wider row makes it needless");
	ok(audit_row_flaw(rows, 2, 0, NOW, &by) == ROW_FINE && !by, "but not the other way");
	rows[1].action = PROFILE_REQUIRE;
	ok(audit_row_flaw(rows, 2, 1, NOW, &by) == ROW_FINE, "what is required says more");
	rows[1].action = PROFILE_ALLOW;
	rows[1].service = ssh;
	ok(audit_row_flaw(rows, 2, 1, NOW, &by) == ROW_FINE,
	   "so does a service that a scan compares");
	rows[1].service = NULL;
	rows[0].job = slurm;
	ok(audit_row_flaw(rows, 2, 1, NOW, &by) == ROW_FINE,
	   "a row for jobs does not cover one for all");
	rows[1].job = any;
	ok(audit_row_flaw(rows, 2, 1, NOW, &by) == ROW_NEEDLESS, "slurm is any job");
	rows[1].job = none;
	ok(audit_row_flaw(rows, 2, 1, NOW, &by) == ROW_FINE, "outside of jobs is another place");
	rows[0] = all;
	rows[0].action = PROFILE_DENY;
	ok(audit_row_flaw(rows, 2, 1, NOW, &by) == ROW_DENIED && by == &rows[0],
	   "a denial that covers it wins");
	ok(audit_row_flaw(rows, 2, 0, NOW, &by) == ROW_FINE,
	   "a narrow permission does not end a denial");
	rows[0] = rows[1] = (struct profile_row){ .proto = PROTO_TCP, .port = 22 };
	ok(audit_row_flaw(rows, 2, 0, NOW, &by) == ROW_FINE &&
		   audit_row_flaw(rows, 2, 1, NOW, &by) == ROW_TWICE,
	   "of two that are the same the second is one too many");
	rows[0].expires_ns = NOW + 1;
	ok(audit_row_flaw(rows, 2, 1, NOW, &by) == ROW_FINE &&
		   audit_row_flaw(rows, 2, 0, NOW, &by) != ROW_FINE,
	   "a row that ends covers none that stays");
	rows[0].expires_ns = NOW;
	ok(audit_row_flaw(rows, 2, 0, NOW, &by) == ROW_EXPIRED, "an expired one is said to be");
	ok(audit_row_careless(&all), "any program on all ports is careless");
}

static unsigned draw(unsigned n)
{
	static unsigned rnd = 3;

	rnd = rnd * 1103515245 + 12345;
	return (rnd >> 16) % n;
}

/* What is called needless or denied is so: the judgement does not change when it goes. */
static void claims_hold(void)
{
	static char *const exes[] = { NULL, NULL, nc, str_sshd };
	static char *const places[] = { NULL, NULL, any, none, slurm };
	static char *const containers[] = { NULL, NULL, any, none, either };
	unsigned wrong = 0, claimed = 0;

	for (int i = 0; i < 40000; i++) {
		struct profile_row rows[6], rest[6];
		size_t n = 2 + draw(4), k, m = 0;
		const struct profile_row *by;
		struct door d = a_door(PROTO_TCP, 20 + draw(4));
		struct process p = a_process("x", draw(2) ? nc : str_sshd, draw(2), "mlee");
		struct profile a = { .accepted = true, .rows = rows, .rows_len = n },
			       b = { .accepted = true, .rows = rest };
		enum row_flaw flaw;

		p.job_state = (enum place_state)draw(3);
		p.container_state = (enum place_state)draw(3);
		p.space = SPACE_KNOWN | (draw(4) ? 0 : SPACE_EXE) | (draw(4) ? 0 : SPACE_FILE);
		for (k = 0; k < n; k++) {
			rows[k] = (struct profile_row){ .proto = PROTO_TCP, .port = 20 + draw(3) };
			rows[k].port_end = draw(2) ? 0 : rows[k].port + draw(3);
			rows[k].exe = exes[draw(4)];
			rows[k].job = places[draw(5)];
			rows[k].container = containers[draw(5)];
			rows[k].action = draw(3) ? PROFILE_ALLOW : PROFILE_DENY;
		}
		k = draw(n);
		flaw = audit_row_flaw(rows, n, k, NOW, &by);
		if (flaw == ROW_FINE)
			continue;
		claimed++;
		for (size_t j = 0; j < n; j++)
			if (j != k)
				rest[m++] = rows[j];
		b.rows_len = m;
		/*
		 * Only what is permitted; a needless row may still be who an impostor is named
		 * after.
		 */
		wrong += (judged(&a, &d, &p).verdict == VERDICT_PROFILED) !=
			 (judged(&b, &d, &p).verdict == VERDICT_PROFILED);
	}
	is_int(wrong, 0, "without such a row nothing is permitted or forbidden otherwise");
	ok(claimed > 5000, "%u of 40000 random rows were such", claimed);
}

int main(void)
{
	why_not();
	covering();
	claims_hold();
	return tap_done();
}
