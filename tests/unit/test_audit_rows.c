/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What rows say besides port, program and user: deny, require, job, container; and the order that
 * has no say.
 */
#include <errno.h>

#include "audit/match.h"
#include "audit_help.h"
#include "core/place.h"

#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char any[] = "any", none[] = "none", either[] = "either", root[] = "root", slurm[] = "slurm",
	    id[] = "0123456789ab", other_id[] = "ff", nc[] = "/usr/bin/nc",
	    reason[] = "rpcbind is off";

static struct process placed(const char *exe, uint32_t uid, const char *cgroup)
{
	struct event ev = { .opener = a_process("x", exe, uid, uid ? "mlee" : "root"),
			    .cgroup = text_of(cgroup),
			    .cgroups_known = true };

	ev.opener.space = SPACE_KNOWN;
	place_fill(&ev);
	return ev.opener;
}

/* --- rows ------------------------------------------------------------------------------------------------ */

static struct judgement with(struct profile_row *rows, size_t n, uint32_t port, struct process o)
{
	const struct profile p = { .accepted = true, .rows = rows, .rows_len = n };
	struct door d = a_door(PROTO_TCP, port);

	return judged(&p, &d, &o);
}

/* A path of a mount namespace that somebody made for himself. */
static void borrowed_paths(void)
{
	struct profile_row row = { .proto = PROTO_TCP, .port = 80, .exe = nc };
	struct process o = a_process("nc", nc, 1000, "mlee");

	ok(with(&row, 1, 80, o).verdict == VERDICT_PROFILED, "the program of the row");
	o.space = SPACE_KNOWN | SPACE_USER | SPACE_EXE;
	ok(with(&row, 1, 80, o).verdict == VERDICT_IMPOSTOR, "its path alone is not it");
	row.container = none;
	ok(with(&row, 1, 80, o).verdict != VERDICT_PROFILED, "nor by a row for no container");
	row.container = any;
	o.container_state = PLACE_IN;
	ok(with(&row, 1, 80, o).verdict == VERDICT_PROFILED,
	   "a row for containers means their paths");
	row = (struct profile_row){ .proto = PROTO_TCP, .port = 80 };
	ok(with(&row, 1, 80, o).verdict == VERDICT_PROFILED, "one without a program permits it");
	row = (struct profile_row){
		.proto = PROTO_TCP, .port = 80, .action = PROFILE_DENY, .exe = nc
	};
	ok(with(&row, 1, 80, o).verdict == VERDICT_UNEXPECTED && with(&row, 1, 80, o).row == &row,
	   "and one that forbids it forbids it there too");
}

/* A path that root mounted something else over, or a service's with a root of its own. */
static void mounted_paths(void)
{
	struct profile_row row = { .proto = PROTO_TCP, .port = 80, .exe = nc };
	struct process o = placed(nc, 0, "/system.slice/x.service");

	ok(with(&row, 1, 80, o).verdict == VERDICT_PROFILED, "a service's program");
	o.space |= SPACE_FILE;
	ok(exe_flags(&o) & EXE_FOREIGN, "of which the node has another file is shown as such");
	ok(with(&row, 1, 80, o).verdict == VERDICT_IMPOSTOR, "and is not the row's program");
	row.container = either;
	ok(with(&row, 1, 80, o).verdict == VERDICT_PROFILED, "but by a row for either");
	o.container_state = PLACE_IN;
	ok(!(exe_flags(&o) & EXE_FOREIGN), "in a container that goes without saying");
	row.container = any;
	ok(with(&row, 1, 80, o).verdict == VERDICT_PROFILED, "and a row for containers means it");
}

/* A row's path is the node's file; a container has files of its own. */
static void contained_paths(void)
{
	struct process in = placed(nc, 0, "/docker/" ID64), doubt = placed(nc, 0, "/strange/x");
	struct profile_row row = { .proto = PROTO_TCP, .port = 80, .exe = nc, .user = root };
	const struct profile p = { .accepted = true, .rows = &row, .rows_len = 1 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
	struct door d = a_door(PROTO_TCP, 80);
	struct judgement j = with(&row, 1, 80, in);

	ok(j.verdict == VERDICT_IMPOSTOR, "root of a container is not the row's program");
	audit_why(&j, "compute", &p, &d, &in, &b);
	ok(strstr(buf_str(&b),
		  "/usr/bin/nc of root in a container, whose files are not this node's"),
	   "and it is said why: %s", buf_str(&b));
	ok(with(&row, 1, 80, doubt).verdict == VERDICT_PROFILED,
	   "one of which nobody knows whether it is in a container is");
	row.container = either;
	ok(with(&row, 1, 80, in).verdict == VERDICT_PROFILED, "a row for either permits it");
	ok(with(&row, 1, 80, doubt).verdict == VERDICT_PROFILED, "and the other");
	in.space |= SPACE_USER | SPACE_EXE;
	ok(with(&row, 1, 80, in).verdict == VERDICT_IMPOSTOR,
	   "but no path that somebody made for himself");
	row.container = any;
	ok(with(&row, 1, 80, in).verdict == VERDICT_PROFILED, "which one for containers does");
	row = (struct profile_row){
		.proto = PROTO_TCP, .port = 80, .exe = nc, .action = PROFILE_REQUIRE
	};
	ok(with(&row, 1, 80, in).verdict == VERDICT_IMPOSTOR,
	   "what is required is the node's, too");
	row.exe = NULL;
	ok(with(&row, 1, 80, in).verdict == VERDICT_PROFILED,
	   "a row without a program asks nothing");
	row.exe = nc;
	row.action = PROFILE_DENY;
	ok(with(&row, 1, 80, in).verdict == VERDICT_UNEXPECTED && with(&row, 1, 80, in).row == &row,
	   "what is forbidden is so in containers, too");
}

static void denials(void)
{
	struct profile_row rows[] = {
		{ .proto = PROTO_TCP, .port = 1, .port_end = 65535 },
		{ .proto = PROTO_TCP, .port = 111, .action = PROFILE_DENY, .reason = reason },
		{ .proto = PROTO_TCP,
		  .port = 4444,
		  .action = PROFILE_DENY,
		  .exe = nc,
		  .severity = SEVERITY_NOTICE },
	};
	struct process o = a_process("x", "/usr/bin/x", 1000, "mlee");
	struct judgement j = with(rows, 3, 111, o);
	struct door d = a_door(PROTO_TCP, 111);
	const struct profile p = { .accepted = true, .rows = rows, .rows_len = 3 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);

	ok(j.verdict == VERDICT_UNEXPECTED && j.severity == SEVERITY_CRITICAL && j.row == &rows[1],
	   "a denial wins over a row that allows everything");
	audit_why(&j, "compute", &p, &d, &o, &b);
	is_str(buf_str(&b), "the profile of class 'compute' forbids tcp 111: rpcbind is off",
	       "and says why it is one");
	ok(with(rows, 3, 112, o).verdict == VERDICT_PROFILED, "beside it all is allowed");
	ok(with(rows, 3, 4444, o).verdict == VERDICT_PROFILED,
	   "what is forbidden to nc is not forbidden to others");
	o = a_process("nc", nc, 1000, "mlee");
	j = with(rows, 3, 4444, o);
	ok(j.verdict == VERDICT_UNEXPECTED && j.severity == SEVERITY_NOTICE,
	   "and to nc it is, as severely as the row says");
	ok(with(rows, 3, 4444, (struct process){ 0 }).verdict == VERDICT_PROFILED,
	   "nobody is taken for nc who is not known");
	rows[1].expires_ns = NOW;
	ok(with(rows, 3, 111, o).verdict == VERDICT_PROFILED, "a denial expires as any row");
	rows[0].port = rows[0].port_end = 111;
	rows[0].exe = nc;
	rows[1].expires_ns = 0;
	ok(with(rows, 2, 111, a_process("x", "/usr/bin/x", 0, "root")).verdict ==
		   VERDICT_UNEXPECTED,
	   "what is forbidden is no impostor's, whoever else may have it");
	{
		struct door client = a_door(PROTO_UDP, 111);

		client.autoport = true;
		rows[1].proto = PROTO_UDP;
		ok(judged(&p, &client, &o).verdict == VERDICT_UNEXPECTED,
		   "a client's UDP port can be forbidden");
	}
}

static void jobs(void)
{
	struct profile_row row = {
		.proto = PROTO_TCP, .port = 1024, .port_end = 65535, .job = slurm
	};
	struct process in = placed("/usr/bin/jupyter", 1000,
				   "/system.slice/slurmstepd.scope/job_4711/step_0"),
		       out = placed("/usr/bin/jupyter", 1000, "/user.slice/user-1000.slice"),
		       nowhere = placed("/usr/bin/jupyter", 1000, NULL);
	struct process contained = placed("/usr/bin/x", 0, "/docker/" ID64);

	ok(with(&row, 1, 8888, in).verdict == VERDICT_PROFILED, "a door inside a job is allowed");
	ok(with(&row, 1, 8888, out).verdict == VERDICT_UNEXPECTED, "the same outside is not");
	ok(with(&row, 1, 8888, nowhere).verdict == VERDICT_UNEXPECTED,
	   "a process whose cgroup is not known is in no job");
	row.job = none;
	ok(with(&row, 1, 8888, nowhere).verdict == VERDICT_UNEXPECTED,
	   "nor is it in none: what was not recognised is not permitted by \"none\"");
	ok(with(&row, 1, 8888, placed("/usr/bin/x", 0, "/system.slice/slurmstepd.scope/task_1"))
			   .verdict == VERDICT_UNEXPECTED,
	   "nor one in a path of no known shape");
	ok(with(&row, 1, 8888, in).verdict == VERDICT_UNEXPECTED &&
		   with(&row, 1, 8888, out).verdict == VERDICT_PROFILED,
	   "job none is the opposite");
	row.job = any;
	row.port = row.port_end = 8888;
	row.exe = nc;
	ok(with(&row, 1, 8888, in).verdict == VERDICT_IMPOSTOR,
	   "another program in the job, on the port of one, is an impostor");
	ok(with(&row, 1, 8888, out).verdict == VERDICT_UNEXPECTED,
	   "outside of it the row says nothing");
	row = (struct profile_row){ .proto = PROTO_TCP, .port = 80, .container = any };
	ok(with(&row, 1, 80, contained).verdict == VERDICT_PROFILED &&
		   with(&row, 1, 80, out).verdict == VERDICT_UNEXPECTED,
	   "a row for containers");
	row.container = none;
	ok(with(&row, 1, 80, contained).verdict == VERDICT_UNEXPECTED, "one for outside of them");
	{
		struct process p = placed("/usr/bin/x", 0, "/system.slice/x.service");
		struct event ev = { .opener = p,
				    .cgroup = TEXT("/system.slice/x.service"),
				    .cgroups_known = true };
		const struct profile pr = { .accepted = true, .rows = &row, .rows_len = 1 };
		struct door d = a_door(PROTO_TCP, 80);
		_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
		struct judgement j;

		ok(with(&row, 1, 80, p).verdict == VERDICT_PROFILED, "a plain service is outside");
		ev.opener.space |= SPACE_PID;
		place_fill(&ev);
		j = with(&row, 1, 80, ev.opener);
		ok(j.verdict == VERDICT_UNEXPECTED, "not in a PID namespace of its own");
		audit_why(&j, "compute", &pr, &d, &ev.opener, &b);
		ok(strstr(buf_str(&b), "whether this door is in a container is not known"),
		   "and it is said that nobody knows");
	}
	row.container = id;
	ok(with(&row, 1, 80, contained).verdict == VERDICT_PROFILED,
	   "one for the container whose id begins so");
	row.container = other_id;
	ok(with(&row, 1, 80, contained).verdict == VERDICT_UNEXPECTED, "and no other");
	{
		const struct profile p = { .accepted = true, .rows = &row, .rows_len = 1 };
		struct door d = a_door(PROTO_TCP, 80);
		struct judgement j = judged(&p, &d, &out);
		_cleanup_(buf_done) struct buf b = BUF_INIT(1024);

		audit_why(&j, "compute", &p, &d, &out, &b);
		is_str(buf_str(&b),
		       "the profile of class 'compute' permits tcp 80 only within a container; "
		       "this door is not there",
		       "an alert says that the place is what is wrong");
	}
}

/* --- order, whatever the rows ---------------------------------------------------------------------------- */

static unsigned rnd = 1;
static unsigned draw(unsigned n)
{
	rnd = rnd * 1103515245 + 12345;
	return (rnd >> 16) % n;
}

static struct profile_row a_row(void)
{
	static char *const jobs_[] = { NULL, NULL, any, none, slurm };
	struct profile_row r = { .proto = PROTO_TCP, .port = 20 + draw(3) };

	r.action = draw(4) ? PROFILE_ALLOW : PROFILE_DENY;
	r.action = draw(5) ? r.action : PROFILE_REQUIRE;
	r.port_end = draw(4) ? 0 : r.port + draw(600);
	r.job = jobs_[draw(5)];
	r.container = draw(6) ? NULL : none;
	r.exe = draw(2) ? nc : NULL;
	r.severity = draw(3);
	r.id = draw(1000);
	return r;
}

static void any_order(void)
{
	unsigned differ = 0, undone = 0, denied = 0, allowed = 0;

	for (int i = 0; i < 20000; i++) {
		static const char *const where[] = { "/system.slice/slurmstepd.scope/job_1",
						     "/user.slice/x", NULL, "/docker/" ID64 };
		struct profile_row rows[6], turned[6];
		size_t n = draw(6);
		struct process o = placed(draw(2) ? nc : "/bin/y", draw(2), where[draw(4)]);
		uint32_t port = 20 + draw(3);
		struct judgement a, b;

		for (size_t k = 0; k < n; k++)
			rows[k] = turned[n - 1 - k] = a_row();
		a = with(rows, n, port, o);
		b = with(turned, n, port, o);
		differ += a.verdict != b.verdict || a.severity != b.severity || a.kind != b.kind;
		denied += a.verdict == VERDICT_UNEXPECTED && a.row && a.row->action == PROFILE_DENY;
		allowed += a.verdict == VERDICT_PROFILED;
		rows[n] = a_row();
		rows[n].action = PROFILE_DENY;
		b = with(rows, n + 1, port, o);
		undone += a.verdict != VERDICT_PROFILED && b.verdict == VERDICT_PROFILED;
	}
	is_int(differ, 0, "the order of rows has no say, with denials neither (20000 profiles)");
	is_int(undone, 0, "and a denial added never permits what was not permitted");
	ok(denied > 1000 && allowed > 1000, "both came up: %u denied, %u allowed", denied, allowed);
}

int main(void)
{
	denials();
	borrowed_paths();
	mounted_paths();
	contained_paths();
	jobs();
	any_order();
	return tap_done();
}
