/* SPDX-License-Identifier: GPL-2.0 */
#include "core/filter.h"

#include <errno.h>

#include "base/hostlist.h"
#include "core/racks.h"
#include "tap.h"

static struct door door = {
	.proto = PROTO_TCP, .family = FAMILY_INET, .scope = SCOPE_ANY, .port = 4444
};
static struct process opener = { .known = true, .pid = 20131, .comm = "nc", .uid = 1041 };
static struct filter_subject subject = {
	.door = &door,
	.opener = &opener,
	.node = "node001",
	.host_type = "compute",
	.verdict = VERDICT_UNEXPECTED,
};

/* Words separated by one blank. */
static bool matches(const char *words)
{
	static char copy[256];
	struct filter f = { 0 };
	const char *why = NULL;
	char *next = copy;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = copy; w && *w; w = next) {
		next = strchr(w, ' ');
		if (next)
			*next++ = '\0';
		if (filter_add(&f, w, &why)) {
			printf("# refused: %s: %s\n", w, why);
			return false;
		}
	}
	return filter_match(&f, &subject);
}

static void test_ports(void)
{
	struct filter f = { 0 };
	const char *why;
	uint32_t lo = 1, hi = 1;

	filter_ports(&f, &lo, &hi);
	ok(!lo && !hi, "no filter says nothing of ports");
	ok(!filter_add(&f, "tcp", &why) && !filter_add(&f, ":4444", &why) &&
		   !filter_add(&f, ":80-90", &why),
	   "a filter with two port words");
	filter_ports(&f, &lo, &hi);
	ok(lo == 80 && hi == 4444, "spans from the lowest to the highest");
}

static void refused(const char *word, const char *part)
{
	struct filter f = { 0 };
	const char *why = NULL;

	is_int(filter_add(&f, word, &why), -EINVAL, "'%s' is refused", word);
	ok(why && strstr(why, part), "and '%s' says '%s'", word, why ? why : "(nothing)");
	is_int(f.len, 0, "and '%s' adds nothing", word);
}

static void test_one_word(void)
{
	ok(matches(""), "no filter matches everything");
	ok(matches("tcp") && !matches("udp"), "a protocol matches itself");
	ok(matches(":4444") && !matches(":4445"), "a port matches itself");
	ok(matches(":4444-4444") && matches(":1-65535"), "a port range takes its ends in");
	ok(!matches(":1-4443") && !matches(":4445-65535"), "a port range ends where it says");
	ok(matches("exe:/usr/bin/nc.openbsd"), "exe: matches the full path");
	ok(matches("exe:nc.openbsd"), "exe: matches the path's last part");
	ok(matches("exe:nc"), "exe: matches the command name");
	ok(!matches("exe:bin") && !matches("exe:n"), "exe: matches no other part");
	ok(matches("user:mlee") && matches("user:1041"), "user: matches name and number");
	ok(!matches("user:104") && !matches("user:root"), "user: matches nobody else");
	ok(matches("node:node001") && !matches("node:node00"), "node: matches the exact name");
	ok(matches("class:compute") && !matches("class:login"), "class: matches the class");
	ok(matches("state:unexpected") && !matches("state:profiled"), "state: matches the verdict");
}

static void test_many_words(void)
{
	ok(matches("tcp :4444 user:mlee"), "words of different kinds must all hold");
	ok(!matches("tcp :4444 user:root"), "one that does not hold excludes");
	ok(matches(":22 :4444"), "two words of a kind are alternatives");
	ok(!matches(":22 :4444 udp"), "alternatives do not lift another kind's word");
}

static void test_unknown_parts(void)
{
	struct process nobody = { .known = false, .comm = "nc", .uid = 1041 };
	struct process no_uid = { .known = true, .comm = "nc", .uid = ID_UNKNOWN };
	struct process gone = opener;

	subject.opener = &nobody;
	ok(!matches("exe:nc") && !matches("user:1041"),
	   "an unknown opener matches no word about it");
	subject.opener = NULL;
	ok(!matches("exe:nc"), "nor does none");
	subject.opener = &no_uid;
	ok(!matches("user:4294967295"), "an unknown uid is not a number");
	gone.exe = TEXT("/tmp/x (deleted)");
	subject.opener = &gone;
	ok(matches("exe:/tmp/x") && matches("exe:x"),
	   "a deleted executable is found under its path");
	subject.opener = &opener;
	subject.node = NULL;
	ok(!matches("node:node001"), "an unknown node matches no word");
	subject.node = "node001";
}

static void test_protocols(void)
{
	door.proto = PROTO_MPTCP;
	ok(matches("tcp") && matches("mptcp"), "tcp finds MPTCP doors too");
	door.proto = PROTO_TCP;
	ok(!matches("mptcp"), "mptcp finds only its own");
	door.proto = PROTO_RAW;
	ok(!matches(":4444"), "what a raw door has is no port");
	door.proto = PROTO_VSOCK;
	door.port = UINT32_MAX;
	ok(matches(":4294967295"), "vsock ports have 32 bits");
	door.proto = PROTO_TCP;
	door.port = 4444;
}

static void test_refusals(void)
{
	struct filter f = { 0 };
	const char *why = NULL;
	int err = 0;

	refused("foo", "unknown filter: use tcp, udp, :PORT");
	refused("", "unknown filter");
	refused(":", ":PORT or :LO-HI");
	refused(":x", ":PORT or :LO-HI");
	refused(":1-", ":PORT or :LO-HI");
	refused(":-1", ":PORT or :LO-HI");
	refused(":1-2-3", ":PORT or :LO-HI");
	refused(":99999999999999999999", ":PORT or :LO-HI");
	refused(":10-9", "smaller port first");
	refused("exe:", "exe:nc");
	refused("user:", "user:root");
	refused("state:odd", "unknown state");
	refused("state:", "state:unexpected");
	for (int i = 0; i < FILTER_WORDS_MAX; i++)
		err |= filter_add(&f, "tcp", &why);
	is_int(err, 0, "32 words are taken");
	is_int(filter_add(&f, "tcp", &why), -EINVAL, "the 33rd is not");
	is_str(why, "too many filters: at most 32", "and says so");
}

static bool in_rack(const struct racks *r, const char *one, const char *other)
{
	struct filter f = { .racks = r };
	const char *why;

	if (filter_add(&f, one, &why) || (other && filter_add(&f, other, &why)))
		return false;
	return filter_match(&f, &subject);
}

static void test_racks(void)
{
	struct racks *r = NULL;
	struct filter f = { 0 };
	char *why = NULL;
	const char *said = NULL;

	is_int(racks_parse("r01 node[001-002]\nr02 node003\n", &r, &why), 0, "two racks");
	ok(in_rack(r, "rack:r01", NULL), "rack: matches a node that is in it");
	ok(!in_rack(r, "rack:r02", NULL), "and none that is in another");
	ok(in_rack(r, "rack:r02", "rack:r01"), "two racks are alternatives");
	ok(in_rack(r, "rack:r01", "node:node001") && !in_rack(r, "rack:r01", "node:node002"),
	   "rack: and node: must both hold");
	f.racks = r;
	is_int(filter_add(&f, "rack:r03", &said), -EINVAL, "one that there is not is refused");
	ok(strstr(said, "no such rack"), "and '%s' is said", said);
	refused("rack:r01", "web.racks");
	refused("rack:", "rack:r01");
	racks_free(r);
}

/* What a store is asked for; the rest the filter still has to match. */
static void test_one_node(void)
{
	static const struct {
		const char *words[2], *node;
	} cases[] = {
		{ { "node:n1", ":22" }, "n1" },	    { { ":22", "node:n1" }, "n1" },
		{ { ":22", "tcp" }, NULL },	    { { "node:n1", "node:n2" }, NULL },
		{ { "node:n[1-2]", ":22" }, NULL }, { { "node:n1,n2", "tcp" }, NULL },
		{ { "node:n1 n2", "tcp" }, NULL },
	};
	const char *why = NULL, *node;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter f = { 0 };
		int err = filter_add(&f, cases[i].words[0], &why);

		if (!err)
			err = filter_add(&f, cases[i].words[1], &why);
		node = filter_node(&f);
		ok(!err && (node && cases[i].node ? !strcmp(node, cases[i].node)
						  : node == cases[i].node),
		   "'%s %s' names %s", cases[i].words[0], cases[i].words[1],
		   cases[i].node ? "one node" : "no node, or several");
	}
}

static void nodes_are(const char *a, const char *b, const char *want, const char *what)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	struct filter f = { 0 };
	const char *why = NULL;
	char got[256] = "";

	ok(!filter_add(&f, a, &why) && !filter_add(&f, b, &why) && !filter_nodes(&f, &h), "%s %s",
	   a, b);
	for (size_t i = 0; i < h.len && strlen(got) < sizeof(got) / 2; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ", h.names[i]);
	is_str(got, want, "%s", what);
}

static void has_nodes(const char *word, size_t want, const char *what)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	struct filter f = { 0 };
	const char *why = NULL;

	ok(!filter_add(&f, word, &why) && !filter_nodes(&f, &h), "%s", word);
	is_int((long long)h.len, (long long)want, "%s", what);
}

/* A set may be a name as well, as it stands. */
static void test_some_nodes(void)
{
	nodes_are("tcp", ":22", "", "no word about nodes names all of them");
	nodes_are("node:n1", ":22", "n1 ", "one node is a set of one");
	nodes_are("node:n[9-10]", ":22", "n10 n9 n[9-10] ", "a set is by the bytes of its names");
	nodes_are("node:b", "node:b,a", "a b b,a ", "two words name what either does, once");
	nodes_are("node:n[1-3]!n2", ":22", "n1 n3 n[1-3]!n2 ", "what is taken away is not named");
	has_nodes("node:n[01-64]", FILTER_NODES_MAX + 1, "64 nodes are named, and the word itself");
	has_nodes("node:n[01-65]", 0, "65 are too many: all are read");
}

int main(void)
{
	opener.exe = TEXT("/usr/bin/nc.openbsd");
	opener.user = TEXT("mlee");
	test_one_word();
	test_many_words();
	test_unknown_parts();
	test_protocols();
	test_refusals();
	test_ports();
	test_racks();
	test_one_node();
	test_some_nodes();
	return tap_done();
}
