/* SPDX-License-Identifier: GPL-2.0 */
/* What an interpreter runs, and what learning makes of it. */
#include <string.h>

#include "audit/learner.h"
#include "audit/script.h"
#include "audit_help.h"
#include "core/holders.h"

#define PYTHON "/usr/bin/python3.11"
#define ARGS(lit)                                                                                  \
	{                                                                                          \
		(lit), sizeof(lit)                                                                 \
	}

static const struct {
	const char *exe;
	struct text argv;
	const char *pattern; /* NULL: none */
	bool exact, full_path;
} cases[] = {
	{ PYTHON, ARGS("python3\0/opt/a.py\0-v"), "/opt/a.py ...", false, true },
	{ PYTHON, ARGS("python3\0a.py"), "a.py ...", false, false },
	{ PYTHON, ARGS("python3\0-Es\0-u\0/opt/a.py"), "-Es -u /opt/a.py ...", false, true },
	{ PYTHON, ARGS("python3\0-m\0http.server\08000"), "-m http.server ...", false, false },
	{ PYTHON, ARGS("python3\0-m"), NULL, false, false },
	/* The value of an option is no script. */
	{ PYTHON, ARGS("python3\0-W\0/opt/a.py\0/opt/b.py"), "-W /opt/a.py /opt/b.py", true,
	  false },
	{ PYTHON, ARGS("python3\0-uW\0/opt/a.py\0/opt/b.py"), "-uW /opt/a.py /opt/b.py", true,
	  false },
	{ PYTHON, ARGS("python3\0-c\0import x"), "-c import\\ x", true, false },
	{ PYTHON, ARGS("python3\0-"), "-", true, false },
	{ PYTHON, ARGS("python3"), NULL, true, false },
	{ PYTHON, ARGS("python3\0\0/opt/a.py"), NULL, true, false },
	{ PYTHON, { NULL, 0 }, NULL, true, false },
	{ "/bin/bash", ARGS("bash\0+O\0/opt/a.sh\0/opt/b.sh"), "+O /opt/a.sh /opt/b.sh", true,
	  false },
	{ "/bin/sh", ARGS("sh\0-ec\0/opt/a.sh"), "-ec /opt/a.sh", true, false },
	{ "/bin/sh", ARGS("sh\0-e\0/opt/a.sh\0x"), "-e /opt/a.sh ...", false, true },
	{ "/usr/lib/jvm/x/bin/java", ARGS("java\0-jar\0/opt/a.jar"), "-jar /opt/a.jar", true,
	  false },
	{ "/bin/busybox", ARGS("busybox\0httpd\0-p\080"), "httpd -p 80", true, false },
	{ "/usr/sbin/sshd", ARGS("sshd\0-D"), NULL, false, false },
};

static void scripts(void)
{
	for (size_t i = 0; i < array_len(cases); i++) {
		struct process p = a_process("x", cases[i].exe, 0, "root");
		_free_ char *argv = NULL;
		struct script s;

		p.argv = cases[i].argv;
		is_int(script_of(&p, &s), 0, "what '%s' runs is asked", cases[i].exe);
		argv = s.argv;
		is_str(argv ? argv : "none", cases[i].pattern ? cases[i].pattern : "none",
		       "it is '%s'", cases[i].pattern ? cases[i].pattern : "none");
		ok(s.exact == cases[i].exact && s.full_path == cases[i].full_path,
		   "and how it was told is known");
	}
}

/* --- learning ----------------------------------------------------------------------------------- */

static struct learner *l;
static struct learned found;

static void begin(unsigned nodes)
{
	const struct learn_opts o = { .host_type = "compute",
				      .author = "root",
				      .now_ns = NOW,
				      .since_ns = NOW,
				      .until_ns = NOW,
				      .quorum = 800 };
	char name[32];

	learned_done(&found);
	learner_free(l);
	l = NULL;
	if (learner_new(&o, &l))
		return;
	for (unsigned i = 0; i < nodes; i++) {
		snprintf(name, sizeof(name), "n%03u", i);
		if (learner_node(l, name))
			puts("# no node");
	}
}

/* size 0: not known */
static void see(unsigned from, unsigned to, struct door d, const char *argv, size_t size)
{
	struct process p = a_process("python3", PYTHON, 0, "root");
	char name[32];

	p.argv = (struct text){ size ? argv : NULL, (uint32_t)size };
	for (unsigned i = from; i < to; i++) {
		p.pid = 100 + i;
		p.start_ns = NOW + d.port;
		snprintf(name, sizeof(name), "n%03u", i);
		if (learner_add(l, name, &d, &p, NOW, 0))
			puts("# not added");
	}
}
#define SEE(from, to, port, lit) see(from, to, a_door(PROTO_TCP, port), lit, sizeof(lit))

static size_t finish(void)
{
	size_t n = 0;

	if (learner_finish(l, &found))
		return 999;
	while (n < found.len && !found.rules[n].outlier)
		n++;
	return n;
}

static const char *argv_of(size_t i)
{
	if (i >= found.len)
		return "no rule";
	return found.rules[i].row.argv ? found.rules[i].row.argv : "any";
}

static void two_scripts(void)
{
	begin(10);
	SEE(0, 10, 40001, "python3\0/opt/a.py\0-v");
	SEE(0, 10, 40001, "python3\0/opt/b.py");
	SEE(3, 4, 40001, "python3\0/opt/evil.py");
	is_int(finish(), 2, "of one interpreter on one port each script is a rule");
	is_str(argv_of(0), "/opt/a.py ...", "that names it");
	is_str(argv_of(1), "/opt/b.py ...", "and the other one");
	ok(found.len == 3 && found.rules[2].outlier, "one on a single node is none");
	is_str(argv_of(2), "/opt/evil.py ...", "and is shown");
	ok(!found.rules[0].any_script, "such a rule is not about any script");

	begin(10);
	SEE(0, 5, 40001, "python3\0/opt/a.py");
	SEE(5, 10, 40001, "python3\0/opt/b.py");
	is_int(finish(), 0, "different scripts do not make the quorum together");
}

static void ranges(void)
{
	struct door d = a_door(PROTO_TCP, 40001);

	begin(10);
	for (unsigned i = 0; i < 10; i++) {
		d.port = 40001 + 13 * i;
		d.autoport = true;
		see(i, i + 1, d, "python3\0/opt/a.py", sizeof("python3\0/opt/a.py"));
	}
	is_int(finish(), 1, "a script on ports that the kernel chose is a rule");
	is_str(argv_of(0), "/opt/a.py ...", "for that script alone");
	begin(10);
	for (unsigned i = 0; i < 10; i++) {
		d.port = 40001 + 13 * i;
		see(i, i + 1, d, "python3\0a.py", sizeof("python3\0a.py"));
	}
	is_int(finish(), 0, "one of a directory that is not known gets no range");
}

static void arguments(void)
{
	char argv[64];

	begin(10);
	SEE(0, 9, 8000, "python3\0-c\0code");
	SEE(9, 10, 8000, "python3\0-c\0other");
	is_int(finish(), 1, "where there is no script all arguments count");
	is_str(argv_of(0), "-c code", "which are the rule's");
	is_str(argv_of(1), "-c other", "others are an outlier");

	begin(10);
	SEE(0, 5, 8000, "python3\0-c\0one");
	SEE(5, 10, 8000, "python3\0-c\0two");
	is_int(finish(), 1, "arguments that differ by node make the quorum together");
	is_str(argv_of(0), "any", "as a rule that names none");
	ok(found.len && found.rules[0].any_script && found.rules[0].nodes_seen == 10 &&
		   strstr(found.rules[0].row.reason, "not known"),
	   "which is said");

	begin(100);
	for (unsigned i = 0; i < 100; i++) {
		int n = snprintf(argv, sizeof(argv), "python3%c-c%ccode %u", 0, 0, i);

		see(i, i + 1, a_door(PROTO_TCP, 8000), argv, (size_t)n + 1);
	}
	is_int(finish(), 1, "also when there are more than are told apart");
	ok(found.len == 1 && !found.rules[0].row.argv && found.rules[0].nodes_seen == 100 &&
		   found.rules[0].doors == 100 && found.rules[0].ports_seen == 1,
	   "which are one rule then, for all doors");

	begin(100);
	for (unsigned i = 0; i < 20; i++) {
		int n = snprintf(argv, sizeof(argv), "python3%c-c%ccode %u", 0, 0, i);

		see(i, i + 1, a_door(PROTO_TCP, 8000), argv, (size_t)n + 1);
	}
	is_int(finish(), 0, "too few nodes are too few, whatever the arguments");
	is_int((long long)found.len, 1, "and one outlier");
}

static void unknown(void)
{
	begin(10);
	see(0, 10, a_door(PROTO_TCP, 8000), NULL, 0);
	is_int(finish(), 1, "of arguments that are not known the rule names none");
	is_str(argv_of(0), "any", "and permits any");
	begin(10);
	SEE(0, 6, 8000, "python3\0/opt/a.py");
	see(6, 10, a_door(PROTO_TCP, 8000), NULL, 0);
	is_int(finish(), 1, "nor where they are known on some nodes alone");
	is_str(argv_of(0), "any", "for elsewhere they may be others");
	begin(10);
	SEE(0, 9, 8000, "python3\0/opt/a.py");
	see(9, 10, a_door(PROTO_TCP, 8000), NULL, 0);
	is_int(finish(), 1, "where enough know it the script is named");
	is_str(argv_of(0), "/opt/a.py ...", "and who does not know is an outlier");
	begin(10);
	SEE(0, 4, 8000, "python3\0/opt/a.py");
	SEE(4, 8, 8000, "python3\0/opt/b.py");
	see(8, 10, a_door(PROTO_TCP, 8000), NULL, 0);
	is_int(finish(), 0, "of two scripts none is taken for the unknown");
}

/* --- who holds the door --------------------------------------------------------------------------- */

static const char *judged_argv(const struct process *opener, const struct process *holder)
{
	_cleanup_(buf_done) struct buf list = BUF_INIT(HOLDERS_BYTES_MAX);
	struct event ev = { .opener = *opener, .holders = { .known = true } };
	struct process each[HOLDERS_JUDGED_MAX];

	if (!holders_put(&ev.holders, &list, holder))
		return "no room";
	ev.holders.list = (struct text){ list.data, (uint32_t)list.len };
	if (holders_judged(&ev, each) != 1)
		return "others";
	return each[0].argv.ptr == opener->argv.ptr ? "as opened" : "as held";
}

static void holders(void)
{
	struct process opener = a_process("python3", PYTHON, 0, "root"), holder;

	opener.start_ns = NOW;
	opener.argv = (struct text)ARGS("python3\0/opt/a.py");
	holder = opener;
	holder.argv = (struct text)ARGS("a title");
	is_str(judged_argv(&opener, &holder), "as opened",
	       "who opened the door has the arguments of then");
	holder.pid++;
	is_str(judged_argv(&opener, &holder), "as held", "another process has its own");
	holder = opener;
	holder.argv = (struct text)ARGS("a title");
	holder.exe = TEXT("/usr/bin/perl");
	is_str(judged_argv(&opener, &holder), "as held", "so has one that runs another program");
	holder = opener;
	holder.argv = (struct text)ARGS("a title");
	opener.argv = (struct text){ 0 };
	is_str(judged_argv(&opener, &holder), "as held", "or whose arguments nobody knew then");
}

int main(void)
{
	scripts();
	two_scripts();
	ranges();
	arguments();
	unknown();
	holders();
	learned_done(&found);
	learner_free(l);
	return tap_done();
}
