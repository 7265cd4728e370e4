/* SPDX-License-Identifier: GPL-2.0 */
#include "base/hostlist.h"

#include <errno.h>
#include <time.h>

#include "base/buf.h"
#include "tap.h"

static const char *fold(const char *text)
{
	static struct buf b = BUF_INIT(1 << 24);
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	struct hostlist_error e;

	buf_reset(&b);
	if (hostlist_parse(&h, text, NULL, &e))
		return e.what;
	hostlist_fold(&h, &b);
	return b.err ? "too long" : buf_str(&b);
}

static void folding(void)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "login1", "login1" },
		{ "node003,node001,node002,node007,login1", "login1,node[001-003,007]" },
		{ "node1 node2\tnode01\n", "node[1-2,01]" },
		{ "n[8-11]", "n[8-11]" },
		{ "n[08-11]", "n[08-11]" },
		{ "n[098-101],n[1-3]", "n[1-3,098-101]" },
		{ "n9,n10,n09", "n[9,09-10]" },
		{ "n[0-10/2]", "n[0,2,4,6,8,10]" },
		{ "rack[1-2]-n[1-3]", "rack[1-2]-n[1-3]" },
		{ "r1-n1,r1-n2,r2-n1", "r1-n[1-2],r2-n1" },
		{ "n1[0-2]x", "n10x,n11x,n12x" }, /* Slurm has no brackets for these */
		{ "n[1-2].site,n[1-2]-ib", "n1-ib,n2-ib,n1.site,n2.site" },
		{ "rack[1-2,7]-node3", "rack[1-2,7]-node[3]" },
		{ "a1b[1-2]c3d4", "a1b[1-2]c[3]d[4]" },
		{ "rack3-node[1-2]", "rack3-node[1-2]" },
		{ "node[1-3]x[1-2]", "node[1-3]x[1-2]" },
		{ "fe80::[1-3]", "fe80::[1-3]" },
		{ "10.0.[0-1].7", "10.0.[0-1].[7]" },
		{ "n[1-3],", "n[1-3]" },
		{ ", ,n1,,n2 , ", "n[1-2]" },
		{ ",", "" },
		{ "node[08-12]", "node[08-12]" },
		{ "n[09-010]", "n[09-10]" },
		{ "n[8-010]", "n[8-10]" },
		{ "n[098-101],n[1-002]", "n[1-2,098-101]" },
		{ "n[1-9]!n[3-4]", "n[1-2,5-9]" },
		{ "n[1-9]&n[3-20]", "n[3-9]" },
		{ "n[1-3]^n[2-4]", "n[1,4]" },
		{ "n[1-5]!n3,n3", "n[1-5]" },
		{ "99999999999999999999,100000000000000000000",
		  "99999999999999999999,100000000000000000000" }, /* too long for brackets */
		{ "1.2.3.4.5.6.7.8.9,1.2.3.4.5.6.7.8.8", "1.2.3.4.5.6.7.8.8,1.2.3.4.5.6.7.8.9" },
	};

	for (size_t i = 0; i < array_len(cases); i++)
		is_str(fold(cases[i][0]), cases[i][1], "'%s' folds", cases[i][0]);
}

static void refusals(void)
{
	static const struct {
		const char *text, *what;
		size_t at;
	} cases[] = {
		{ "n[5-1]", "the range is backwards", 2 },
		{ "n[1-5", "the bracket is not closed", 1 },
		{ "a,n]", "nothing to close with this bracket", 3 },
		{ "n[1-x]", "a number is missing in the brackets", 4 },
		{ "node*", "patterns are not known here: name the nodes, such as node[1-9]", 4 },
		{ "n?de1", "patterns are not known here: name the nodes, such as node[1-9]", 1 },
		{ "a,(null)",
		  "no node's name has parentheses: Slurm writes (null) where there is no node", 2 },
		{ "n{1-3}", "ranges stand in square brackets, such as node[1-9]", 1 },
		{ " None assigned", "that is what Slurm says of a job without nodes", 1 },
		{ "N/A", "that is what Slurm says where there is no node", 0 },
		{ "n/a,n1", "that is what Slurm says where there is no node", 0 },
		{ "n1,n/a", "that is what Slurm says where there is no node", 3 },
		{ "n1 ^N/A", "that is what Slurm says where there is no node", 4 },
		{ "a,!b", "a node is missing beside the operator", 2 },
		{ "n[]", "a number is missing in the brackets", 2 },
		{ "n[1,,2]", "a number is missing in the brackets", 4 },
		{ "n[[1]]", "a number is missing in the brackets", 2 },
		{ "n[1-5/0]", "a step is at least 1", 2 },
		{ "a!", "a node is missing beside the operator", 2 },
		{ "a,@gpu", "groups are not known here", 2 },
		{ "a\033b", "a control character in a name", 1 },
		{ "n[1234567890123456789]", "the number is too long", 2 },
	};

	for (size_t i = 0; i < array_len(cases); i++) {
		_cleanup_(hostlist_done) struct hostlist h = { 0 };
		struct hostlist_error e = { 0 };

		ok(hostlist_parse(&h, cases[i].text, NULL, &e) == -EINVAL &&
			   !strcmp(e.what, cases[i].what) && e.at == cases[i].at && !h.len,
		   "case %zu is refused: %s, at %zu", i, cases[i].what, cases[i].at);
	}
}

/* Texts of some bytes that would be gigabytes: refused before anything is made. */
static void hostile_sizes(void)
{
	static const char *const texts[] = {
		"n[0-99999999]",
		"n[0-999999999999999999]",
		"a[1-1000]b[1-1000]c[1-1000]",
		"a[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]",
		"a[1-100000],b[1-100000]",
		("a[1-100000],a[1-100000],a[1-100000],a[1-100000],a[1-100000],a[1-100000],"
		 "a[1-100000]"),
	};
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20), many = BUF_INIT(1 << 20);
	clock_t start = clock();

	for (size_t i = 0; i < array_len(texts); i++) {
		_cleanup_(hostlist_done) struct hostlist h = { 0 };
		struct hostlist_error e = { 0 };

		is_int(hostlist_parse(&h, texts[i], NULL, &e), -E2BIG, "too much: %s", texts[i]);
	}
	for (int i = 0; i < 300; i++)
		buf_puts(&b, i ? "!n[1-1000]" : "n[1-1000]");
	is_str(fold(buf_str(&b)), "too many operators", "300 times ! is too much");
	buf_putc(&many, 'n');
	for (int i = 0; i < 40; i++)
		buf_puts(&many, "[1]x");
	is_str(fold(buf_str(&many)), "too many brackets in one name", "so are 40 brackets");
	ok(clock() - start < 20 * CLOCKS_PER_SEC, "all of that within seconds of CPU time");
	buf_reset(&b);
	for (int i = 0; i < 256; i++)
		buf_putc(&b, 'n');
	is_str(fold(buf_str(&b)), "a name has at most 255 bytes", "a name has a maximum");
}

static void big_and_short(void)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20);
	char name[32];

	for (int i = 0; i < 20000; i++) { /* scattered in two dimensions: hard to fold */
		snprintf(name, sizeof(name), "r%d-n%d", i * 7919 % 1009, i * 104729 % 9973);
		if (hostlist_add(&h, name))
			break;
	}
	hostlist_fold(&h, &b);
	ok(!b.err && b.len > 1000, "20000 names scattered in two dimensions fold");
	buf_reset(&b);
	hostlist_fold_short(&h, &b, 100);
	ok(b.len <= 100 && strstr(buf_str(&b), " nodes)"), "and are cut short: %s", buf_str(&b));
	buf_reset(&b);
	hostlist_done(&h);
	ok(!hostlist_add(&h, "a1") && !hostlist_add(&h, "a2"), "two names");
	hostlist_fold_short(&h, &b, 64);
	is_str(buf_str(&b), "a[1-2]", "what is short stays whole");
}

/*
 * What Slurm cannot read folded stands one by one while there is room, and is folded as
 * ClusterShell does where there is not.
 */
static void not_slurms(void)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct hostlist_error e;

	is_int(hostlist_parse(&h, "n[1-20].site", NULL, &e), 0, "names with a domain");
	hostlist_fold_short(&h, &b, 200);
	ok(buf_str(&b)[0] == 'n' && !strchr(buf_str(&b), '['), "stand one by one: %s", buf_str(&b));
	buf_reset(&b);
	hostlist_fold_short(&h, &b, 100);
	is_str(buf_str(&b), "n[1-20].site", "where the list does not fit they are folded");
	hostlist_done(&h);
	buf_reset(&b);
	is_int(hostlist_parse(&h, "n[10001-19000].site", NULL, &e), 0, "as are 9000 of them");
	hostlist_fold(&h, &b);
	is_str(buf_str(&b), "n[10001-19000].site", "which are more than 64 KiB");
	hostlist_done(&h);
	buf_reset(&b);
	is_int(hostlist_parse(&h, "n[1-65537]", NULL, &e), 0, "65537 nodes");
	hostlist_fold(&h, &b);
	is_str(buf_str(&b), "n[1-65536,65537]", "are two ranges: Slurm takes 65536 in one");
}

static int resolve(const char *group, struct buf *text, void *arg)
{
	(void)arg;
	if (!strcmp(group, "all"))
		buf_puts(text, "@gpu,@cpu,login1");
	else if (!strcmp(group, "gpu"))
		buf_puts(text, "g[1-4]");
	else if (!strcmp(group, "cpu"))
		buf_puts(text, "c[1-2]");
	else if (!strcmp(group, "circle"))
		buf_puts(text, "@circle,a");
	else
		return -ENOENT;
	return 0;
}

static void groups(void)
{
	static const struct hostlist_groups g = { .resolve = resolve };
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	struct hostlist h = { 0 };
	struct hostlist_error e;

	is_int(hostlist_parse(&h, "@all!@gpu,x", &g, &e), 0, "groups of groups are read");
	hostlist_fold(&h, &b);
	is_str(buf_str(&b), "c[1-2],login1,x", "and computed with");
	is_int(hostlist_parse(&h, "@circle", &g, &e), -ELOOP, "a circle ends");
	is_int(hostlist_parse(&h, "a,@none", &g, &e), -ENOENT, "a group that is not known is said");
	is_int(e.at, 2, "with its place");
	is_int(h.len, 4, "and the set is as it was");
	hostlist_done(&h);
}

static void sets(void)
{
	struct hostlist a = { 0 }, b = { 0 };
	struct hostlist_error e;

	ok(!hostlist_parse(&a, "n[1-5]", NULL, &e) && !hostlist_parse(&b, "n[4-8]", NULL, &e),
	   "two sets");
	ok(hostlist_has(&a, "n5") && !hostlist_has(&a, "n6") && !hostlist_has(&a, "n05"),
	   "a set knows what is in it, padding and all");
	is_int(hostlist_unite(&a, &b), 0, "union");
	is_int(a.len, 8, "has all");
	hostlist_subtract(&a, &b);
	is_int(a.len, 3, "difference has the rest");
	hostlist_intersect(&a, &b);
	is_int(a.len, 0, "which has nothing in common with the other");
	is_int(hostlist_add(&a, "odd[name],x"), 0, "a name is added as it stands");
	ok(hostlist_has(&a, "odd[name],x"), "and found so");
	hostlist_done(&a);
	hostlist_done(&b);
}

/* One question and the whole set give the same answer. */
static void without_expanding(void)
{
	static const char *const texts[] = {
		"n[1-20]",	  "n[01-20]!n[5-7]", "n1[0-9]x,n[3,5-9/2]&n[1-6]^n2",
		"a[1-3][1-3]",	  "n[098-101] n7",   "n01",
		",n[08-120],,n3,"
	};
	unsigned wrong = 0, in = 0;

	for (size_t t = 0; t < array_len(texts); t++) {
		_cleanup_(hostlist_done) struct hostlist h = { 0 };
		struct hostlist_error e;

		if (hostlist_parse(&h, texts[t], NULL, &e))
			wrong++;
		for (int i = 0; i < 4 * 3 * 130; i++) {
			static const int widths[] = { 1, 2, 3, 1 };
			char name[32], whole[40];

			snprintf(name, sizeof(name), "%c%0*d", i % 12 < 9 ? 'n' : 'a',
				 widths[i % 12 / 3], i / 12);
			snprintf(whole, sizeof(whole), "%s%s", name, i % 3 == 1 ? "x" : "");
			wrong += hostlist_has(&h, whole) != hostlist_text_has(texts[t], whole);
			in += hostlist_has(&h, whole);
		}
	}
	is_int(wrong, 0, "asking about a name needs no expanding, and says the same");
	ok(in > 100, "of %u names that are in", in);
}

int main(void)
{
	folding();
	refusals();
	hostile_sizes();
	big_and_short();
	not_slurms();
	groups();
	sets();
	without_expanding();
	return tap_done();
}
