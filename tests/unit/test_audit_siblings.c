/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/siblings.h"

#include "audit_help.h"

static struct buf seen = BUF_INIT(1 << 16);
static unsigned found;

static int list(const struct sibling_finding *f, void *arg)
{
	(void)arg;
	found++;
	buf_printf(&seen, "%s %s:%u %s %s; ", finding_kind_name(f->kind), door_proto_name(f->proto),
		   f->port, f->what, f->node);
	return 0;
}

static struct siblings *s;

static void begin(const struct profile *p)
{
	const struct siblings_opts o = { 0 };

	siblings_free(s);
	s = NULL;
	buf_reset(&seen);
	buf_puts(&seen, "");
	found = 0;
	if (siblings_new("compute", p, &o, &s))
		printf("# cannot begin\n");
}

static void node(unsigned n)
{
	char name[16];

	snprintf(name, sizeof(name), "n%u", n);
	if (siblings_node(s, name))
		printf("# cannot add a node\n");
}

static void door(uint32_t port, const char *exe)
{
	struct door d = a_door(PROTO_TCP, port);
	struct process o = a_process("x", exe, 0, "root");

	if (siblings_door(s, &d, &o, NOW))
		printf("# cannot add a door\n");
}

static const char *end(void)
{
	if (siblings_end(s, NOW, list, NULL))
		return "error";
	return buf_str(&seen);
}

static void test_missing(void)
{
	struct profile_row rows[2] = {
		{ .proto = PROTO_TCP, .port = 22, .exe = str_sshd, .action = PROFILE_REQUIRE },
		{ .proto = PROTO_TCP, .port = 9100 },
	};
	struct profile p = { .accepted = true, .rows = rows, .rows_len = 2 };
	const struct siblings_opts o = { 0 };

	begin(&p);
	node(1);
	door(22, str_sshd);
	node(2);
	door(9100, "/usr/bin/node_exporter");
	node(3);
	door(22, "/usr/bin/nc");
	is_str(end(), "missing tcp:22 /usr/sbin/sshd n2; missing tcp:22 /usr/sbin/sshd n3; ",
	       "what is required is missing where it is not, or another program has its port");
	rows[0].expires_ns = NOW;
	begin(&p);
	node(1);
	is_str(end(), "", "a row that has run out requires nothing");
	rows[0].expires_ns = 0;
	ok(siblings_wanted(&p, 1, &o), "one node is enough for what is required");
	rows[0].action = PROFILE_ALLOW;
	begin(&p);
	node(1);
	is_str(end(), "", "what is only allowed is never missing");
	ok(!siblings_wanted(&p, 100, &o), "and nothing has to be looked for");
}

static void test_outliers(void)
{
	const struct siblings_opts o = { 0 };

	begin(NULL);
	for (unsigned n = 0; n < 20; n++) {
		node(n);
		if (n != 7)
			door(22, str_sshd);
		if (n == 3 || n == 4)
			door(4444, "/usr/bin/nc");
		if (n % 2)
			door(80, "/usr/sbin/nginx");
	}
	end();
	is_int(found, 3, "in a class without a profile what differs is found");
	ok(strstr(buf_str(&seen), "outlier tcp:4444 /usr/bin/nc n3; ") &&
		   strstr(buf_str(&seen), "outlier tcp:4444 /usr/bin/nc n4; "),
	   "what few have");
	ok(strstr(buf_str(&seen), "outlier tcp:22 lacks /usr/sbin/sshd n7; "),
	   "and what nearly all have and one has not; what half of them have is no news");
	begin(NULL);
	for (unsigned n = 0; n < 9; n++)
		node(n);
	door(4444, "/usr/bin/nc");
	is_str(end(), "", "nine nodes are too few peers");
	ok(!siblings_wanted(NULL, 9, &o) && siblings_wanted(NULL, 10, &o), "ten are");
	begin(NULL);
	for (unsigned n = 0; n < 100; n++) {
		node(n);
		door(2000 + n, "/usr/bin/x");
	}
	end();
	is_int(found, 1, "a class whose nodes all differ is one finding and not hundreds");
}

int main(void)
{
	test_missing();
	test_outliers();
	siblings_free(s);
	buf_done(&seen);
	return tap_done();
}
