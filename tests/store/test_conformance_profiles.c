/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "store/conformance.h"
#include "store/profile.h"

/* --- rows with all that the profile language has ------------------------------------------------------ */

static char deny[] = "deny tcp 111 severity critical  # off since March", slurm[] = "slurm",
	    none[] = "none", print[] = "SHA256:abc", root[] = "root", import[] = "import",
	    reason[] = "rpcbind is off", author[] = "mlee", any[] = "any",
	    package[] = "openssh-server", script[] = "/opt/caf\xc3\xa9.py -v \\*\n ...",
	    other_script[] = "/opt/b.py ...", not_argv[] = "... a",
	    digest[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void test_rows(struct store *s)
{
	struct profile_row rows[] = {
		{ .port = 111,
		  .proto = PROTO_TCP,
		  .action = PROFILE_DENY,
		  .severity = SEVERITY_CRITICAL,
		  .line = deny,
		  .line_no = 7,
		  .origin = import,
		  .reason = reason,
		  .author = author,
		  .expires_ns = T0 + DAY_NS },
		{ .port = 1024,
		  .port_end = 65535,
		  .proto = PROTO_TCP,
		  .job = slurm,
		  .container = none },
		{ .port = 22,
		  .proto = PROTO_TCP,
		  .action = PROFILE_REQUIRE,
		  .user = root,
		  .fingerprint = print },
		{ .port = 22, .proto = PROTO_TCP, .user = root, .fingerprint = print },
		{ .port = 22, .proto = PROTO_TCP, .user = root, .job = any },
		{ .port = 22, .proto = PROTO_TCP, .user = root, .job = any, .package = package },
		{ .port = 22, .proto = PROTO_TCP, .user = root, .job = any, .sha256 = digest },
		{ .port = 22, .proto = PROTO_TCP, .user = root, .job = any, .argv = script },
		{ .port = 22, .proto = PROTO_TCP, .user = root, .job = any, .argv = other_script },
	};
	_cleanup_(profile_freep) struct profile *p = NULL;
	size_t n;

	is_int(store_profile_add(s, "compute", rows, 9, true, T0, &n), 0, "%s: rows of every kind",
	       drv->name);
	is_int((long long)n, 9, "%s: what differs in action or job is another row", drv->name);
	is_int(store_profile_get(s, "compute", &p), 0, "%s: come back", drv->name);
	if (!ok(p && p->rows_len == 9, "%s: all of them", drv->name))
		return;
	ok(p->rows[0].action == PROFILE_DENY && p->rows[0].severity == SEVERITY_CRITICAL &&
		   p->rows[0].line_no == 7 && p->rows[0].expires_ns == T0 + DAY_NS,
	   "%s: action, severity, line and expiry", drv->name);
	is_str(p->rows[0].line, deny, "%s: the line as it was written", drv->name);
	is_str(p->rows[0].reason, reason, "%s: the reason", drv->name);
	is_str(p->rows[1].job, slurm, "%s: the job", drv->name);
	is_str(p->rows[1].container, none, "%s: the container", drv->name);
	ok(!p->rows[1].fingerprint && !p->rows[1].line && p->rows[1].action == PROFILE_ALLOW,
	   "%s: what is not given is not there", drv->name);
	ok(p->rows[2].action == PROFILE_REQUIRE && !strcmp(p->rows[2].fingerprint, print),
	   "%s: required, by identity", drv->name);
	is_str(p->rows[5].package, package, "%s: the package", drv->name);
	is_str(p->rows[6].sha256, digest, "%s: the digest", drv->name);
	is_str(p->rows[7].argv, script, "%s: the arguments", drv->name);
	is_str(p->rows[8].argv, other_script, "%s: other ones are another row", drv->name);
	ok(!p->rows[4].package && !p->rows[4].sha256 && !p->rows[4].argv,
	   "%s: and none where none is given", drv->name);
	ok(!p->rows[0].hits && !p->rows[0].last_match_ns, "%s: nothing has matched yet", drv->name);
	is_int(store_profile_add(s, "compute", &rows[6], 1, true, T0, &n), 0, "%s: again",
	       drv->name);
	is_int((long long)n, 0, "%s: the same digest is the same row", drv->name);
	is_int(store_profile_add(s, "compute", &rows[7], 1, true, T0, &n), 0,
	       "%s: the arguments again", drv->name);
	is_int((long long)n, 0, "%s: are the same row", drv->name);
	rows[7].argv = not_argv;
	is_int(store_profile_add(s, "compute", &rows[7], 1, true, T0, &n), -EINVAL,
	       "%s: what is no pattern of arguments is refused", drv->name);
	rows[6].sha256 = package;
	is_int(store_profile_add(s, "compute", &rows[6], 1, true, T0, &n), -EINVAL,
	       "%s: what is no digest is refused", drv->name);
	rows[1].job = reason;
	is_int(store_profile_add(s, "compute", rows, 9, true, T0, &n), -EINVAL,
	       "%s: a scheduler nobody knows is refused", drv->name);
}

/* --- changing ------------------------------------------------------------------------------------------- */

static void rows_are(struct store *s, const char *want, const char *what)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_profile_get(s, "compute", &p))
		buf_puts(&b, "error");
	for (size_t i = 0; p && i < p->rows_len; i++)
		buf_printf(&b, "%u:%s:%s:%u:%llu ", p->rows[i].port,
			   p->rows[i].reason ? p->rows[i].reason : "-",
			   p->rows[i].author ? p->rows[i].author : "-", p->rows[i].line_no,
			   (unsigned long long)p->rows[i].hits);
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
}

static void test_changing(struct store *s)
{
	struct profile_row rows[] = {
		{ .port = 22, .proto = PROTO_TCP, .author = author },
		{ .port = 80, .proto = PROTO_TCP },
		{ .port = 443, .proto = PROTO_TCP },
	};
	struct store_profile_change c;
	struct store_profile_hit hits[] = { { 0, 3, T0 }, { 1 << 30, 1, T0 } };
	_cleanup_(profile_freep) struct profile *p = NULL;
	uint64_t before, after;

	is_int(store_profile_set(s, "compute", rows, 2, STORE_PROFILE_ACCEPT, T0, &c), 0,
	       "%s: two rows", drv->name);
	ok(c.added == 2 && !c.changed && !c.removed && !c.kept, "%s: are added", drv->name);
	ok(!store_profile_get(s, "compute", &p) && p->accepted, "%s: and accepted", drv->name);
	hits[0].row_id = p->rows[0].id;
	ok(!store_profile_revision(s, &before) && !store_profile_count(s, hits, 2) &&
		   !store_profile_count(s, hits, 1) && !store_profile_revision(s, &after),
	   "%s: hits are counted, of a row that is gone too", drv->name);
	ok(before == after, "%s: which moves no revision", drv->name);
	rows_are(s, "22:-:mlee:0:6 80:-:-:0:0 ", "and shows");
	rows[0].reason = reason;
	rows[0].author = NULL;
	rows[0].line_no = 4;
	is_int(store_profile_set(s, "compute", rows, 3, STORE_PROFILE_TRY | STORE_PROFILE_REPLACE,
				 T0, &c),
	       0, "%s: a trial", drv->name);
	ok(c.added == 1 && c.changed == 1 && c.kept == 1 && !c.removed, "%s: counts", drv->name);
	rows_are(s, "22:-:mlee:0:6 80:-:-:0:0 ", "and changes nothing");
	rows[1] = rows[2];
	is_int(store_profile_set(s, "compute", rows, 2, STORE_PROFILE_REPLACE, T0, &c), 0,
	       "%s: the real thing", drv->name);
	ok(c.added == 1 && c.changed == 1 && c.removed == 1, "%s: one new, one changed, one gone",
	   drv->name);
	rows_are(s, "22:rpcbind is off:mlee:4:6 443:-:-:0:0 ",
		 "a row that stays keeps its hits and author");
	is_int(store_profile_remove(s, "other", p->rows[0].id), -ENOENT, "%s: not of another class",
	       drv->name);
	is_int(store_profile_remove(s, "compute", p->rows[0].id), 0, "%s: a row goes", drv->name);
	is_int(store_profile_remove(s, "compute", p->rows[0].id), -ENOENT, "%s: once", drv->name);
	rows_are(s, "443:-:-:0:0 ", "the other stays");
	is_int(store_profile_set(s, "empty", NULL, 0, 0, T0, &c), 0, "%s: a class without rows",
	       drv->name);
}

static int list_line(const struct store_profile_line *l, void *arg)
{
	buf_printf(arg, "%u:%s|", l->number, l->text);
	return 0;
}

static void test_lines(struct store *s)
{
	const struct store_profile_line lines[] = { { 1, "# a comment " },
						    { 2, "" },
						    { 9, "class compute" } };
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	is_int(store_profile_put_lines(s, "compute", lines, 3), 0, "%s: lines", drv->name);
	is_int(store_profile_put_lines(s, "login", lines, 1), 0, "%s: of another class", drv->name);
	is_int(store_profile_put_lines(s, "compute", lines + 1, 2), 0, "%s: others in their place",
	       drv->name);
	ok(!store_profile_lines(s, "compute", list_line, &b), "%s: read", drv->name);
	is_str(buf_str(&b), "2:|9:class compute|", "%s: as they were written", drv->name);
}

static int list_proposal(const struct store_proposal *p, void *arg)
{
	buf_printf(arg, "%s:%u:%d:%s:%s:%s:%u/%u:%u/%u:%s|", p->host_type, p->number, p->outlier,
		   proposal_state_name(p->state), p->rule, p->nodes, p->nodes_seen, p->nodes_total,
		   p->slots_seen, p->slots_total, p->decided_by);
	return 0;
}

static void test_proposals(struct store *s)
{
	const struct store_proposal list[] = {
		{ .number = 1,
		  .rule = "allow tcp 22",
		  .nodes = "n[1-4]",
		  .nodes_seen = 4,
		  .nodes_total = 5,
		  .slots_seen = 6,
		  .slots_total = 7,
		  .made_ns = T0,
		  .made_by = "mlee" },
		{ .number = 2,
		  .outlier = true,
		  .rule = "allow tcp 4444",
		  .why = "on one node",
		  .nodes = "n3" },
	};
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	is_int(store_proposal_put(s, "compute", list, 2), 0, "%s: a proposal", drv->name);
	is_int(store_proposal_put(s, "login", list, 1), 0, "%s: for another class", drv->name);
	is_int(store_proposal_decide(s, "compute", 1, PROPOSAL_ACCEPTED, "root", T0), 0,
	       "%s: decided", drv->name);
	is_int(store_proposal_decide(s, "compute", 9, PROPOSAL_ACCEPTED, "root", T0), -ENOENT,
	       "%s: not what is not there", drv->name);
	ok(!store_proposals(s, "compute", list_proposal, &b), "%s: read", drv->name);
	is_str(buf_str(&b),
	       "compute:1:0:accepted:allow tcp 22:n[1-4]:4/5:6/7:root|"
	       "compute:2:1:pending:allow tcp 4444:n3:0/0:0/0:|",
	       "%s: with its decision", drv->name);
	buf_reset(&b);
	is_int(store_proposal_put(s, "compute", NULL, 0), 0, "%s: none any more", drv->name);
	ok(!store_proposals(s, NULL, list_proposal, &b), "%s: of all classes", drv->name);
	is_str(buf_str(&b), "login:1:0:pending:allow tcp 22:n[1-4]:4/5:6/7:|", "%s: the other's",
	       drv->name);
}

static int list_rule(const struct store_class_rule *r, void *arg)
{
	buf_printf(arg, "%u:%s:%s:%s:%s|", r->priority, r->nodes, r->host_type, r->resolved,
		   r->problem);
	return 0;
}

static int first_id(const struct store_class_rule *r, void *arg)
{
	*(uint64_t *)arg = r->id;
	return 1;
}

static void test_classes(struct store *s)
{
	struct store_class_rule r = {
		.priority = 100, .nodes = "@gpu", .host_type = "gpu", .created_ns = T0
	};
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	uint64_t before, after, id = 0;

	is_int(store_class_rule_put(s, &r), 0, "%s: a rule", drv->name);
	r.nodes = "n1";
	r.priority = 1;
	is_int(store_class_rule_put(s, &r), 0, "%s: an earlier one", drv->name);
	r.nodes = "@gpu";
	r.priority = 100;
	r.resolved = "g[1-4]";
	r.resolved_ns = T0;
	ok(!store_profile_revision(s, &before) && !store_class_rule_put(s, &r) &&
		   !store_profile_revision(s, &after) && after > before,
	   "%s: resolving moves the revision", drv->name);
	r.resolved_ns = T0 + 5;
	ok(!store_class_rule_put(s, &r) && !store_profile_revision(s, &before) && after == before,
	   "%s: the same again does not", drv->name);
	ok(!store_class_rules(s, list_rule, &b), "%s: read", drv->name);
	is_str(buf_str(&b), "1:n1:gpu::|100:@gpu:gpu:g[1-4]:|", "%s: in the order they decide in",
	       drv->name);
	ok(store_class_rules(s, first_id, &id) == 1 && id, "%s: the first", drv->name);
	is_int(store_class_rule_remove(s, id), 0, "%s: goes", drv->name);
	is_int(store_class_rule_remove(s, id), -ENOENT, "%s: once", drv->name);
	r.nodes = "";
	is_int(store_class_rule_put(s, &r), -EINVAL, "%s: a rule about nothing is none", drv->name);
}

int main(void)
{
	static void (*const tests[])(struct store * s) = { test_rows, test_changing, test_lines,
							   test_proposals, test_classes };

	return conformance(tests, array_len(tests), NULL);
}
