/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "store/conformance.h"

/* --- rows with all that the profile language has ------------------------------------------------------ */

static char deny[] = "deny tcp 111 severity critical  # off since March", slurm[] = "slurm",
	    none[] = "none", print[] = "SHA256:abc", root[] = "root", import[] = "import",
	    reason[] = "rpcbind is off", author[] = "mlee", any[] = "any";

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
	};
	_cleanup_(profile_freep) struct profile *p = NULL;
	size_t n;

	is_int(store_profile_add(s, "compute", rows, 5, true, T0, &n), 0, "%s: rows of every kind",
	       drv->name);
	is_int((long long)n, 5, "%s: what differs in action or job is another row", drv->name);
	is_int(store_profile_get(s, "compute", &p), 0, "%s: come back", drv->name);
	if (!ok(p && p->rows_len == 5, "%s: all of them", drv->name))
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
	ok(!p->rows[0].hits && !p->rows[0].last_match_ns, "%s: nothing has matched yet", drv->name);
	rows[1].job = reason;
	is_int(store_profile_add(s, "compute", rows, 5, true, T0, &n), -EINVAL,
	       "%s: a scheduler nobody knows is refused", drv->name);
}

int main(void)
{
	static void (*const tests[])(struct store * s) = { test_rows };

	return conformance(tests, array_len(tests), NULL);
}
