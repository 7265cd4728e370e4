/* SPDX-License-Identifier: GPL-2.0 */
/* Rules that ask for the arguments of a program. */
#include <string.h>

#include "audit/explain.h"
#include "audit/match.h"
#include "audit_help.h"
#include "core/holders.h"

static char python[] = "/usr/bin/python3.11", script[] = "/opt/a.py ...";
static struct profile_row row;
static struct profile p = { .host_type = str_sshd, .accepted = true, .rows_len = 1, .rows = &row };

static void rule_for(uint32_t port, enum profile_action action)
{
	row = (struct profile_row){ .proto = PROTO_TCP,
				    .port = port,
				    .action = action,
				    .exe = python,
				    .argv = script,
				    .user = str_root };
}

/* An interpreter with these arguments; the last has its end. */
static struct process runs(const char *argv, size_t size)
{
	struct process o = a_process("python3", python, 0, "root");

	o.argv = (struct text){ argv, (uint32_t)size };
	return o;
}
#define RUNS(lit) runs(lit, sizeof(lit))

static bool says(const struct process *o, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	struct door d = a_door(PROTO_TCP, 40001);
	struct judgement j = judged(&p, &d, o);

	audit_why(&j, "compute", &p, &d, o, &b);
	if (strstr(buf_str(&b), what))
		return true;
	printf("# %s\n", buf_str(&b));
	return false;
}

static int verdict_of(const struct process *o)
{
	struct door d = a_door(PROTO_TCP, 40001);

	return (int)judged(&p, &d, o).verdict;
}

static void judging(void)
{
	struct process a = RUNS("python3\0/opt/a.py\0-v"), b = RUNS("python3\0/opt/b.py\0-v"),
		       one = RUNS("python3\0/opt/a.py /opt/b.py"), cut = RUNS("python3"),
		       unknown = a_process("python3", python, 0, "root"),
		       kernel = { .known = true, .kernel = true };

	rule_for(40001, PROFILE_ALLOW);
	is_int(verdict_of(&a), VERDICT_PROFILED, "the rule's script is as profiled");
	is_int(verdict_of(&b), VERDICT_IMPOSTOR, "another script of the interpreter is not");
	ok(says(&b, "with arguments '/opt/a.py ...'"), "which were expected");
	ok(says(&b, "; its arguments differ: /opt/b.py -v"), "and which were found");
	is_int(verdict_of(&one), VERDICT_IMPOSTOR, "nor one whose name begins so");
	ok(says(&one, "differ: /opt/a.py\\ /opt/b.py"), "whose blank is no end of an argument");
	is_int(verdict_of(&unknown), VERDICT_UNEXPECTED, "unknown arguments are not as profiled");
	ok(says(&unknown, "; its arguments are not known"), "which is said");
	cut.argv_cut = true;
	is_int(verdict_of(&cut), VERDICT_UNEXPECTED, "nor are those that were cut before it");
	ok(says(&cut, "only the beginning is known"), "which is said, too");
	a.argv_cut = true;
	is_int(verdict_of(&a), VERDICT_PROFILED, "what is known may be enough");
	is_int(verdict_of(&kernel), VERDICT_UNEXPECTED, "the kernel has none");
	is_int(verdict_of(NULL), VERDICT_UNEXPECTED, "nor has nobody");
	row.argv = NULL;
	is_int(verdict_of(&b), VERDICT_PROFILED, "without them any script is permitted");
}

static void denied(void)
{
	struct process a = RUNS("python3\0/opt/a.py"), b = RUNS("python3\0/opt/b.py");
	struct profile_row rows[2];
	struct profile both = { .accepted = true, .rows_len = 2, .rows = rows };
	struct door d = a_door(PROTO_TCP, 40001);

	rule_for(40001, PROFILE_DENY);
	rows[0] = rows[1] = row;
	rows[1].action = PROFILE_ALLOW;
	rows[1].argv = NULL;
	is_int(judged(&both, &d, &a).verdict, VERDICT_UNEXPECTED, "a script is forbidden");
	is_int(judged(&both, &d, &b).verdict, VERDICT_PROFILED, "and another one is not");
}

static unsigned misses(const struct process *o, struct buf *b)
{
	struct door d = a_door(PROTO_TCP, 40001);

	buf_reset(b);
	return audit_row_misses(&row, &d, o, NOW, b);
}

static void explaining(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	struct process same = RUNS("python3\0/opt/a.py"), other = RUNS("python3\0/opt/b.py"),
		       unknown = a_process("python3", python, 0, "root");
	struct profile_row rows[2];
	const struct profile_row *by;

	rule_for(40001, PROFILE_ALLOW);
	is_int(misses(&same, &b), 0, "a rule that fits misses nothing");
	is_int(misses(&other, &b), 1, "of another script one thing differs");
	is_str(buf_str(&b), "arguments /opt/a.py ...", "the arguments");
	is_int(misses(&unknown, &b), 1, "and of one that is not known");
	is_str(buf_str(&b), "arguments /opt/a.py ... (not known here)", "it is said so");
	rows[0] = rows[1] = row;
	rows[1].argv = NULL;
	is_int(audit_row_flaw(rows, 2, 0, NOW, &by), ROW_NEEDLESS,
	       "a rule without arguments makes one with them needless");
	is_int(audit_row_flaw(rows, 2, 1, NOW, &by), ROW_FINE, "and not the other way");
	ok(row_compare(&rows[0], &rows[1]) > 0 && row_compare(&rows[1], &rows[0]) < 0,
	   "the two have an order");
}

int main(void)
{
	judging();
	denied();
	explaining();
	return tap_done();
}
