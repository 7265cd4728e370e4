/* SPDX-License-Identifier: GPL-2.0 */
#include "conf/profile_text.h"

#include <errno.h>

#include "base/buf.h"
#include "tap.h"

static const char file[] =
	"# Compute nodes.\n"
	"\n"
	"class compute nodes node[001-480]\n"
	"allow tcp 22   exe /usr/sbin/sshd  user root  # always\n"
	"allow udp 123 scope loopback exe /usr/sbin/chronyd\n"
	"allow tcp 1024-65535 job slurm # MPI\n"
	"require tcp 6818 exe /usr/sbin/slurmd\n"
	"deny tcp 111 severity critical reason \"rpcbind is off # since March\"\n"
	"\n"
	"# The login nodes\n"
	"# have more.\n"
	"class login\n"
	"allow tcp 8443 exe \"/opt/my app/x\" expires 2026-12-31 by mlee reason demo\r\n";

static void whole_file(void)
{
	_cleanup_(profile_text_done) struct profile_text t = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(8192);
	const struct profile_row *r;

	is_int(profile_text_parse(file, strlen(file), NULL, &t), 0, "a file is read");
	is_int(t.problems_len, 0, "without a problem");
	for (size_t i = 0; i < t.problems_len; i++)
		printf("# %u:%u: %s\n", t.problems[i].line, t.problems[i].column,
		       t.problems[i].what);
	is_int(t.len, 13, "each line is there");
	is_str(t.lines[0].host_type, "compute", "the comment before any class is the first one's");
	is_str(t.lines[2].nodes, "node[001-480]", "a class may say its nodes");
	r = &t.lines[3].row;
	ok(r->port == 22 && r->proto == PROTO_TCP && !strcmp(r->user, "root") &&
		   !strcmp(r->exe, "/usr/sbin/sshd") && r->line_no == 4,
	   "a rule has its parts");
	is_str(t.lines[5].row.job, "slurm", "a job");
	is_int(t.lines[6].row.action, PROFILE_REQUIRE, "what is required");
	is_str(t.lines[7].row.reason, "rpcbind is off # since March",
	       "a quoted reason keeps its #");
	is_str(t.lines[8].host_type, "compute", "a blank line stays with what is above");
	is_str(t.lines[9].host_type, "login", "comments above a class line are its own");
	is_str(t.lines[12].row.exe, "/opt/my app/x", "a path with a blank in quotes");
	ok(t.lines[12].row.expires_ns == UINT64_C(1798675200000000000), "a day to expire at");
	for (size_t i = 0; i < t.len; i++) {
		if (t.lines[i].kind == LINE_RULE)
			profile_rule_export(&b, &t.lines[i].row);
		else
			buf_puts(&b, t.lines[i].text);
		buf_puts(&b, i == 12 ? "\r\n" : "\n");
	}
	is_str(buf_str(&b), file, "and it is written again to the byte");
}

static void after_a_change(void)
{
	struct profile_row r = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(8192);

	ok(!profile_rule_parse("allow tcp 22   user root  # always", &r, NULL), "a line");
	r.line = strdup("allow tcp 22   user root  # always");
	r.expires_ns = UINT64_C(1798675200000000000);
	profile_rule_export(&b, &r);
	is_str(buf_str(&b), "allow tcp 22 user root expires 2026-12-31  # always",
	       "a row that has changed keeps its comment");
	profile_row_done(&r);
}

static const struct {
	const char *line;
	uint32_t column;
	const char *what;
} wrong[] = {
	{ "alow tcp 22", 1, "unknown keyword 'alow' (did you mean 'allow'?)" },
	{ "  clas compute", 3, "unknown keyword 'clas' (did you mean 'class'?)" },
	{ "allow tpc 22", 7,
	  "protocol 'tpc': it is tcp, mptcp, udp, udplite, sctp, raw, packet or vsock" },
	{ "allow", 6, "a protocol is missing: tcp, udp ..." },
	{ "allow tcp", 10, "a port is missing: a number, a range LO-HI, or any" },
	{ "allow tcp 99999", 11, "ports end at 65535" },
	{ "allow tcp 100-20", 11, "the range is backwards: did you mean 20-100?" },
	{ "allow tcp 22,80", 11, "one port or range a line: 22, or 8000-8100" },
	{ "allow tcp ssh", 11, "a port is a number, a range LO-HI, or any" },
	{ "allow tcp 22 usr root", 14, "unknown keyword 'usr' (did you mean 'user'?)" },
	{ "allow tcp 22 user", 18, "'user' wants a value" },
	{ "allow tcp 22 user a user b", 21, "'user' stands twice" },
	{ "allow tcp 22 exe sshd", 18, "exe wants the full path of the program, or 'kernel'" },
	{ "allow tcp 22 scope lo", 20, "scope 'lo': it is any, host or loopback" },
	{ "allow tcp 22 job pbs", 18, "job 'pbs': it is any, none or slurm" },
	{ "allow tcp 22 severity critical", 23, "only what is denied has a severity" },
	{ "allow tcp 22 expires 7d", 22,
	  "expires wants a day or a time (UTC): 2026-12-31 or 2026-12-31T18:00" },
	{ "allow tcp 22 expires 9999-12-31", 22,
	  "expires goes from 1970 to 2262: a rule without it stands for ever" },
	{ "allow tcp 22 reason \"x", 21, "the quote is not closed" },
	{ "allow tcp 22 reason \"x\"y", 24, "a blank is missing behind the quote" },
	{ "require tcp 1-9", 1, "what is required is one port, not a range" },
	{ "class", 6, "'class' wants the name of a node class" },
	{ "class x node n1", 9, "unknown keyword 'node' (did you mean 'nodes'?)" },
	{ "class x nodes n[5-1]", 17, "node set 'n[5-1]': the range is backwards" },
	{ "allow tcp 22 user a\033b", 20, "a control character: write it as \"\\x1b\"" },
};

static void problems(void)
{
	_cleanup_(profile_text_done) struct profile_text all = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(65536);

	for (size_t i = 0; i < array_len(wrong); i++) {
		_cleanup_(profile_text_done) struct profile_text t = { 0 };

		ok(!profile_text_parse(wrong[i].line, strlen(wrong[i].line), "c", &t) &&
			   t.problems_len == 1,
		   "wrong line %zu has one problem", i);
		if (t.problems_len != 1)
			continue;
		is_str(t.problems[0].what, wrong[i].what, "which is said");
		is_int(t.problems[0].column, wrong[i].column, "with its column");
		buf_printf(&b, "%s\n", wrong[i].line);
	}
	ok(!profile_text_parse(b.data, b.len, "c", &all) &&
		   profile_text_errors(&all) == array_len(wrong),
	   "of a whole file all of them");
	profile_text_done(&all);
	ok(!profile_text_parse("allow tcp 22\nallow tcp 23\n", 26, NULL, &all) &&
		   all.problems_len == 2,
	   "rules without a class are refused");
	is_str(all.problems[0].what, "no class: begin with a line 'class NAME'", "so");
	buf_reset(&b);
	for (int i = 0; i < 300; i++)
		buf_puts(&b, "x\n");
	profile_text_done(&all);
	ok(!profile_text_parse(b.data, b.len, "c", &all) &&
		   all.problems_len == PROFILE_ERRORS_MAX && all.problems_more == 200 &&
		   profile_text_errors(&all) == 300,
	   "a thousand mistakes are not all kept, but counted");
	profile_text_done(&all);
	buf_reset(&b);
	for (int i = 0; i < 6; i++)
		buf_printf(&b, "class c%d nodes n[001-400]x[001-300]\n", i);
	profile_text_done(&all);
	ok(!profile_text_parse(b.data, b.len, NULL, &all) && all.problems_len == 1 &&
		   all.problems[0].line == 6,
	   "classes of more nodes than anybody has are refused before they cost minutes");
	is_str(all.problems[0].what,
	       "the node sets above name 600000 nodes together, and 524288 are the most: put the "
	       "classes into several files",
	       "and what to do is said");
	profile_text_done(&all);
	ok(!profile_text_parse("a\0b\n", 4, "c", &all) && all.problems_len == 1,
	   "a NUL byte is no text");
}

/* Whatever a row has, its line reads back as the same row. */
static void round_trip(void)
{
	static const char *const texts[] = { "a",    "x y",	 "#",	     "\"q\"",
					     "b\\s", "\x01\xff", "\xc3\xa9", "tab\t" };
	static const char *const argvs[] = { "a",	 "/opt/a.py ...", "-m x\\ y",
					     "*\\\\\\*", "\"\x01#\xff\"", "\\..." };
	static const char digest[] =
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	unsigned rnd = 5, bad = 0;

	for (int i = 0; i < 20000; i++) {
		_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
		struct profile_row r = { 0 }, back = { 0 };
		char exe[32];

		rnd = rnd * 1103515245 + 12345;
#define draw(n) (rnd = rnd * 1103515245 + 12345, (rnd >> 16) % (n))
#define maybe() (draw(2) ? strdup(texts[draw(array_len(texts))]) : NULL)
		r.action = draw(3);
		r.proto = 1 + draw(7);
		r.port = 1 + draw(60000);
		r.port_end = r.action == PROFILE_REQUIRE || draw(2) ? 0 : r.port + 1 + draw(100);
		r.scope = draw(4);
		snprintf(exe, sizeof(exe), "/%s", texts[draw(array_len(texts))]);
		r.exe = draw(2) ? strdup(exe) : NULL;
		r.package = draw(2) ? strdup("g++-12") : NULL;
		r.sha256 = draw(2) ? strdup(digest) : NULL;
		if (r.exe || r.package || r.sha256)
			r.argv = draw(2) ? strdup(argvs[draw(array_len(argvs))]) : NULL;
		r.user = maybe();
		r.service = maybe();
		r.reason = maybe();
		r.author = maybe();
		r.job = draw(2) ? strdup("none") : NULL;
		r.container = draw(2) ? strdup("0af") : NULL;
		r.severity = r.action == PROFILE_DENY ? draw(4) : 0;
		r.fingerprint = r.action == PROFILE_DENY ? NULL : maybe();
		r.expires_ns = draw(2) ? UINT64_C(1000000000) * (1 + draw(2000000000)) : 0;
		if (r.expires_ns && draw(2))
			r.expires_ns += draw(1000000000);
		profile_rule_format(&b, &r);
		if (profile_rule_parse(buf_str(&b), &back, NULL) || !profile_row_equal(&r, &back)) {
			if (!bad++)
				printf("# %s\n", buf_str(&b));
		}
		profile_row_done(&r);
		profile_row_done(&back);
	}
	is_int(bad, 0, "20000 random rows are what their lines say");
}

int main(void)
{
	whole_file();
	after_a_change();
	problems();
	round_trip();
	return tap_done();
}
