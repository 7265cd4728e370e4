/* SPDX-License-Identifier: GPL-2.0 */
#include "audit_help.h"

static struct profile_row rows[] = {
	{ .proto = PROTO_TCP, .port = 22, .exe = str_sshd, .user = str_root },
	{ .proto = PROTO_TCP, .port = 6818, .exe = str_slurmd },
	{ .proto = PROTO_UDP, .port = 123, .scope = SCOPE_ANY },
};
static struct profile profile = { .accepted = true, .rows = rows, .rows_len = 3 };

enum words { SUMMARY, WHY, REMEDY };

static const char *say(enum words w, const struct profile *p, const struct door *d,
		       const struct process *o)
{
	static struct buf b = BUF_INIT(8192);
	struct judgement j = judged(p, d, o);

	buf_reset(&b);
	if (w == SUMMARY)
		audit_summary(&j, "node001", d, o, &b);
	else if (w == WHY)
		audit_why(&j, "compute", p, d, o, &b);
	else
		audit_remedy(&j, "compute", d, o, &b);
	return b.err ? "(error)" : buf_str(&b);
}

static void test_unexpected(void)
{
	struct door d = a_door(PROTO_TCP, 4444);
	struct process o = a_process("nc", "/usr/bin/nc.openbsd", 1041, "mlee");

	is_str(say(SUMMARY, &profile, &d, &o), "nc (mlee) listens on 0.0.0.0:4444/tcp on node001",
	       "a summary");
	d.elsewhere = true;
	snprintf(d.netns_name, sizeof(d.netns_name), "blue");
	is_str(say(SUMMARY, &profile, &d, &o),
	       "nc (mlee) listens on 0.0.0.0:4444/tcp in netns blue on node001",
	       "one of another network namespace, before the nodes, which the monitor replaces");
	d.elsewhere = false;
	is_str(say(WHY, &profile, &d, &o),
	       "the profile of class 'compute' has no row for tcp 4444 (3 rows: tcp 22, tcp 6818, "
	       "udp 123)",
	       "why: there is no row");
	is_str(say(REMEDY, &profile, &d, &o),
	       "see who: ajar ls :4444; if it is wanted: ajar profile allow compute tcp 4444 exe "
	       "/usr/bin/nc.openbsd user mlee --reason WHY; if not: kill 20131",
	       "a remedy with commands");
	d = a_door(PROTO_UDP, 123);
	d.scope = SCOPE_HOST;
	is_str(say(WHY, &profile, &d, &o),
	       "the profile of class 'compute' permits udp 123 with scope 'any' only; this door "
	       "has scope 'host'",
	       "why: the scope differs");
	ok(strstr(say(SUMMARY, &profile, &d, &o), "receives on"), "a UDP door receives");
	rows[2].scope = 0;
	rows[2].expires_ns = UINT64_C(1699999200000000000);
	is_str(say(WHY, &profile, &d, &o),
	       "the profile of class 'compute' permitted udp 123 until 2023-11-14T22:00:00.000000Z",
	       "why: the row has expired");
	rows[2].expires_ns = 0;
	profile.rows_len = 0;
	is_str(say(WHY, &profile, &d, &o),
	       "the profile of class 'compute' has no row for udp 123 (it has no rows: nothing may "
	       "be open)",
	       "why: the profile is empty");
	profile.rows_len = 3;
}

static void test_impostor(void)
{
	struct door d = a_door(PROTO_TCP, 22);
	struct process o = a_process("nc", "/usr/bin/nc", 1041, "mlee");

	is_str(say(SUMMARY, &profile, &d, &o),
	       "nc (mlee) holds a permitted port, 0.0.0.0:22/tcp on node001",
	       "the summary of an impostor");
	is_str(say(WHY, &profile, &d, &o),
	       "the profile of class 'compute' permits tcp 22 to /usr/sbin/sshd of user root; it "
	       "is held by /usr/bin/nc of "
	       "mlee",
	       "why: both sides are named");
	ok(strstr(say(REMEDY, &profile, &d, &o), "if it has no business there: kill 20131"),
	   "its remedy stops it first");
}

static void test_owners(void)
{
	struct door d = a_door(PROTO_TCP, 4444), raw = a_door(PROTO_RAW, 1);
	struct process k = { .known = true, .kernel = true, .comm = "kernel", .uid = ID_UNKNOWN },
		       unknown = { 0 };
	struct process o = a_process("x", "/tmp/x (deleted)", 0, NULL);

	is_str(say(SUMMARY, &profile, &d, &k), "the kernel listens on 0.0.0.0:4444/tcp on node001",
	       "the kernel's door");
	ok(!strstr(say(REMEDY, &profile, &d, &k), "kill"), "nobody is told to kill the kernel");
	is_str(say(SUMMARY, &profile, &d, &unknown),
	       "an unknown process listens on 0.0.0.0:4444/tcp on node001", "nobody's door");
	ok(strstr(say(WHY, &profile, &d, &unknown), "; who holds it is not known"),
	   "why says that the owner is not known");
	ok(!strstr(say(REMEDY, &profile, &d, &unknown), "kill"), "no pid, no kill");
	ok(strstr(say(WHY, &profile, &d, &o),
		  "; its executable was deleted or replaced since it started; its program "
		  "/tmp/x (deleted) lies where anyone may write"),
	   "why says what is doubtful about the program");
	ok(strstr(say(SUMMARY, &profile, &d, &o), "x (root)"), "uid 0 without a name is root");
	ok(strstr(say(REMEDY, &profile, &d, &o), "learning leaves such a program out"),
	   "the remedy does not promise what learning would not do");
	ok(strstr(say(REMEDY, &profile, &raw, &k), "ajar ls raw;"),
	   "a raw door is looked up by its protocol");
	d = a_door(PROTO_TCP, 22);
	is_str(say(WHY, &profile, &d, &unknown),
	       "the profile of class 'compute' permits tcp 22 to /usr/sbin/sshd of user root; who "
	       "holds it is not known",
	       "a permitted port without a known owner says so");
	o = a_process("sshd", "/usr/sbin/sshd", 74, "sshd");
	is_str(say(WHY, &profile, &d, &o),
	       "the profile of class 'compute' permits tcp 22 to user root; the same program "
	       "holds it as sshd",
	       "as profiled as another user says so");
	o = a_process("sshd", "/usr/sbin/sshd (deleted)", 0, "root");
	is_str(say(WHY, &profile, &d, &o),
	       "the profile of class 'compute' permits tcp 22; its executable was deleted or "
	       "replaced since it started",
	       "a replaced daemon is as profiled, and why keeps saying it");
}

static void test_hostile(void)
{
	struct door d = a_door(PROTO_TCP, 22);
	struct process o = a_process("\x1b[31mx\n", NULL, 1041, "\xff\xfe");
	static char path[9000];
	const char *s;

	memset(path, '\x07', sizeof(path) - 1);
	path[0] = '/';
	o.exe = text_of(path);
	ok(strstr(say(REMEDY, &profile, &d, &o), "ajar alerts allow ID") &&
		   !strstr(say(REMEDY, &profile, &d, &o), " exe "),
	   "a name that a shell would read otherwise is in no command to paste");
	for (enum words w = SUMMARY; w <= REMEDY; w++) {
		s = say(w, &profile, &d, &o);
		ok(!strpbrk(s, "\n\r\x1b\x07\xff") && strcmp(s, "(error)"),
		   "hostile names stay on one line, escaped");
		ok(strlen(s) < 1500, "and are cut (%zu bytes)", strlen(s));
	}
	ok(strstr(say(WHY, NULL, &d, &o), "no accepted profile yet"), "learning has its why");
	ok(strstr(say(REMEDY, NULL, &d, &o), "ajar profile learn --write"), "and its remedy");
	d = a_door(PROTO_UDP, 40000);
	d.autoport = true;
	ok(strstr(say(WHY, &profile, &d, &o), "client"), "a client's port has its why");
}

static void test_many_rows(void)
{
	static struct profile_row many[40];
	struct profile p = { .accepted = true, .rows = many, .rows_len = 40 };
	struct door d = a_door(PROTO_TCP, 4444);
	struct process o = a_process("nc", "/usr/bin/nc", 1041, "mlee");

	for (uint32_t i = 0; i < 40; i++)
		many[i] = (struct profile_row){ .proto = PROTO_TCP, .port = 1000 - i / 2 };
	many[0] = (struct profile_row){ .proto = PROTO_TCP, .port = 5000, .port_end = 6000 };
	is_str(say(WHY, &p, &d, &o),
	       "the profile of class 'compute' has no row for tcp 4444 (40 rows: tcp 981, tcp 982, "
	       "tcp 983, tcp 984, tcp "
	       "985, tcp 986, ...)",
	       "of many rows the first few are shown, each port once");
}

int main(void)
{
	test_unexpected();
	test_impostor();
	test_owners();
	test_hostile();
	test_many_rows();
	return tap_done();
}
