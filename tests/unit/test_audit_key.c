/* SPDX-License-Identifier: GPL-2.0 */
#include "audit_help.h"

static const char *key(const struct door *d, const struct process *o, struct buf *b)
{
	buf_reset(b);
	audit_key("compute", "node001", d, o, FINDING_UNEXPECTED, b);
	return buf_str(b);
}

static bool same_key(const struct door *d, const struct process *o, const struct door *d2,
		     const struct process *o2)
{
	struct buf a = BUF_INIT(1023), b = BUF_INIT(1023);
	bool same = !strcmp(key(d, o, &a), key(d2, o2, &b)) && !a.err && !b.err;

	buf_done(&a);
	buf_done(&b);
	return same;
}

static void test_what_folds(void)
{
	struct door d = a_door(PROTO_TCP, 4444), e = d;
	struct process o = a_process("nc", "/usr/bin/nc", 1041, "mlee"), q = o;

	q.pid = 99;
	q.start_ns = 12345;
	q.user = (struct text){ 0 };
	ok(same_key(&d, &o, &d, &q),
	   "a restart gives the same key, also when the name of the user is lost");
	q.exe = TEXT("/usr/bin/nc (deleted)");
	ok(same_key(&d, &o, &d, &q), "so does a replaced executable");
	e.cookie = 7;
	e.netns_cookie = 8;
	e.family = FAMILY_INET6;
	e.v6only = true;
	ok(same_key(&d, &o, &e, &o),
	   "sockets of a REUSEPORT group and of both families give one key");
	e.proto = PROTO_MPTCP;
	ok(same_key(&d, &o, &e, &o), "MPTCP and TCP give one key");
	d.autoport = e.autoport = true;
	e.port = 50123;
	ok(same_key(&d, &o, &e, &o), "ports that the kernel chose fold");
}

static void test_what_differs(void)
{
	struct door d = a_door(PROTO_TCP, 4444), e = d;
	struct process o = a_process("nc", "/usr/bin/nc", 1041, "mlee"), q = o;
	struct process unknown = { 0 },
		       kernel = { .known = true, .kernel = true, .comm = "kernel" };
	struct buf a = BUF_INIT(1023), b = BUF_INIT(1023);

	e.port = 4445;
	ok(!same_key(&d, &o, &e, &o), "another port is another alert");
	e = d;
	e.proto = PROTO_UDP;
	ok(!same_key(&d, &o, &e, &o), "another protocol is another alert");
	e = d;
	e.scope = SCOPE_LOOPBACK;
	ok(!same_key(&d, &o, &e, &o), "another scope is another alert");
	q.uid = 1042;
	ok(!same_key(&d, &o, &d, &q), "another user is another alert");
	q = o;
	q.exe = TEXT("/usr/bin/ncat");
	ok(!same_key(&d, &o, &d, &q), "another program is another alert");
	q.exe = (struct text){ 0 };
	ok(!same_key(&d, &o, &d, &q), "an unknown path is not a known one");
	ok(!same_key(&d, &unknown, &d, &kernel), "the kernel is not nobody");
	audit_key("compute", "node001", &d, &o, FINDING_UNEXPECTED, &a);
	audit_key("compute", "node002", &d, &o, FINDING_UNEXPECTED, &b);
	ok(strcmp(buf_str(&a), buf_str(&b)),
	   "another node is another alert, as long as nodes are not folded");
	buf_reset(&a);
	audit_key("compute", NULL, &d, &o, FINDING_IMPOSTOR, &a);
	is_str(buf_str(&a), "impostor tcp 4444 any exe:/usr/bin/nc uid:1041 class:compute",
	       "without a node the class stands in its place");
	buf_done(&a);
	buf_done(&b);
}

/* The same port in other network namespaces. */
static void test_where(void)
{
	static const char
		id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		id2[] = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
	struct door host = a_door(PROTO_TCP, 80), d = host, e = host;
	struct process o = a_process("nginx", "/usr/sbin/nginx", 33, "www-data"), q;
	struct buf b = BUF_INIT(1023);

	o.container_state = PLACE_NONE;
	d.elsewhere = e.elsewhere = true;
	d.netns = 1;
	e.netns = 2;
	ok(!same_key(&host, &o, &d, &o), "another namespace is another alert");
	ok(!same_key(&d, &o, &e, &o), "also when none of both has a name");
	snprintf(d.netns_name, sizeof(d.netns_name), "blue");
	is_str(key(&d, &o, &b),
	       "unexpected tcp 80 any exe:/usr/sbin/nginx uid:33 in:blue node:node001",
	       "a name that stays is in the key");
	snprintf(e.netns_name, sizeof(e.netns_name), "blue");
	ok(same_key(&d, &o, &e, &o), "a namespace that was made anew is the same");
	snprintf(e.netns_name, sizeof(e.netns_name), "red");
	ok(!same_key(&d, &o, &e, &o), "one of another name is not");
	o.container_state = PLACE_IN;
	o.container = text_of(id);
	q = o;
	q.container = text_of(id2);
	snprintf(d.netns_name, sizeof(d.netns_name), "cni-0a1b2c3d-1111-2222-3333-444455556666");
	e.netns_name[0] = '\0';
	ok(same_key(&d, &o, &e, &q), "the replicas of an image, and their restarts, fold");
	ok(!same_key(&host, &o, &d, &o), "but not with what is on the host's network");
	q.container_state = PLACE_UNKNOWN;
	ok(same_key(&d, &q, &e, &o), "one whose id was not recognised folds with them");
	q = o;
	o.container = TEXT("web1");
	q.container = TEXT("web2");
	ok(!same_key(&d, &o, &d, &q), "containers with names of their own do not");
	o.container = TEXT("x class:y");
	ok(strstr(key(&d, &o, &b), " in:x%20class:y node:"), "whose names cannot pretend anything");
	buf_done(&b);
}

static void test_hostile_names(void)
{
	struct door d = a_door(PROTO_TCP, 4444);
	struct process o = a_process("nc", "/tmp/x uid:0 node:n", 1041, "mlee");
	struct process q = a_process("nc", "/tmp/%20x", 1041, "mlee"),
		       r = a_process("nc", "/tmp/ x", 1041, "mlee");
	static char longest[4096], node[300];
	struct buf b = BUF_INIT(1023);

	is_str(key(&d, &o, &b),
	       "unexpected tcp 4444 any exe:/tmp/x%20uid:0%20node:n uid:1041 node:node001",
	       "a path cannot pretend to be other fields");
	ok(!same_key(&d, &q, &d, &r), "what looks escaped is not what was escaped");
	memset(longest, '\xff', sizeof(longest) - 1);
	memset(node, ' ', sizeof(node) - 1);
	o.exe = text_of(longest);
	d.elsewhere = true;
	memset(d.netns_name, '\x01', sizeof(d.netns_name) - 1);
	o.container_state = PLACE_NONE;
	buf_reset(&b);
	audit_key("compute", node, &d, &o, FINDING_UNEXPECTED, &b);
	ok(!b.err && b.len < 1023, "the longest path, node and namespace give a key of %zu bytes",
	   b.len);
	r.exe = (struct text){ longest, sizeof(longest) - 2 };
	ok(!same_key(&d, &o, &d, &r), "long paths that differ give keys that differ");
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] < ' ' || b.data[i] > '~')
			b.err = -1;
	ok(!b.err, "a key is printable ASCII");
	buf_done(&b);
}

static void test_crowds(void)
{
	struct process who = a_process("nc", "/usr/bin/nc", 1041, "mlee");
	struct audit_crowd c = { .host_type = "compute",
				 .node = "n 1 node:",
				 .who = &who,
				 .kind = FINDING_UNEXPECTED,
				 .severity = SEVERITY_CRITICAL };
	struct door d = a_door(PROTO_TCP, 4444);
	struct buf a = BUF_INIT(1023), own = BUF_INIT(1023), many = BUF_INIT(1023);

	audit_crowd_key(&c, CROWD_USER, &a);
	is_str(buf_str(&a), "unexpected crowd critical uid:1041 node:n%201%20node: class:compute",
	       "the key of one user's crowd on a node");
	ok(audit_key_crowd(buf_str(&a)) == CROWD_USER && !audit_flood_key(buf_str(&a), &many) &&
		   !audit_key_is_port(buf_str(&a), 4444),
	   "is known as that, and is about no port");
	audit_key("compute", NULL, &d, &who, FINDING_UNEXPECTED, &own);
	ok(audit_key_fits(buf_str(&a), buf_str(&own)) && !audit_key_crowd(buf_str(&own)),
	   "a door may keep it");
	who.uid = ID_UNKNOWN;
	buf_reset(&a);
	audit_crowd_key(&c, CROWD_USER, &a);
	is_str(buf_str(&a), "unexpected crowd critical unknown node:n%201%20node: class:compute",
	       "of a user who is not known");
	buf_reset(&a);
	audit_crowd_key(&c, CROWD_NODE, &a);
	is_str(buf_str(&a), "unexpected crowd critical node:n%201%20node: class:compute",
	       "of all users of a node");
	ok(audit_key_crowd(buf_str(&a)) == CROWD_NODE && !audit_key_crowd("") &&
		   !audit_key_crowd("unexpected crowd") &&
		   !audit_key_crowd("silent what:x class:c"),
	   "and nothing else is one");
	buf_done(&a);
	buf_done(&own);
	buf_done(&many);
}

static void test_floods(void)
{
	struct door d = a_door(PROTO_TCP, 4444), e = a_door(PROTO_TCP, 4445);
	struct process o = a_process("nc", "/tmp/a b 7 /many /nc", 1041, "mlee");
	struct buf a = BUF_INIT(1023), b = BUF_INIT(1023), fa = BUF_INIT(1023), fb = BUF_INIT(1023);

	ok(audit_flood_key(key(&d, &o, &a), &fa) && audit_flood_key(key(&e, &o, &b), &fb) &&
		   !strcmp(buf_str(&fa), buf_str(&fb)),
	   "doors of one program on different ports have one flood key");
	ok(audit_key_is_port(buf_str(&a), 4444) && !audit_key_is_port(buf_str(&a), 444) &&
		   !audit_key_is_port(buf_str(&a), 4445) && !audit_key_is_port(buf_str(&fa), 4444),
	   "a key is about its port, a flood's about none");
	buf_reset(&fb);
	ok(!audit_flood_key(buf_str(&fa), &fb), "and has none itself");
	o.uid = 0;
	buf_reset(&fb);
	ok(audit_flood_key(key(&e, &o, &b), &fb) && strcmp(buf_str(&fa), buf_str(&fb)),
	   "another user's flood is another one");
	d.autoport = true;
	buf_reset(&fb);
	ok(!audit_flood_key(key(&d, &o, &b), &fb), "ports that the kernel chose fold already");
	ok(!audit_flood_key("", &fb) && !audit_flood_key("a b", &fb) &&
		   !audit_key_is_port("a b", 0) && !audit_key_is_port("", 0),
	   "what is no key is none");
	buf_done(&a);
	buf_done(&b);
	buf_done(&fa);
	buf_done(&fb);
}

int main(void)
{
	test_floods();
	test_crowds();
	test_what_folds();
	test_what_differs();
	test_where();
	test_hostile_names();
	return tap_done();
}
