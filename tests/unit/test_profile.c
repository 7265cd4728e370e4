/* SPDX-License-Identifier: GPL-2.0 */
#include "core/profile.h"

#include <errno.h>

#include "tap.h"

int main(void)
{
	struct profile *p = calloc(1, sizeof(*p));
	enum profile_action action = PROFILE_ALLOW;
	struct profile_row row = { .port = 22, .service = strdup("ssh"), .user = strdup("root") };

	if (!p)
		return 1;
	profile_row_done(&row);
	ok(!row.service && !row.user && !row.port, "a row that is done holds nothing");
	profile_row_done(&row);
	profile_free(NULL);
	is_int(profile_action_parse("DENY", &action), 0, "an action is known in capitals, too");
	is_str(profile_action_name(action), "deny", "and has one name");
	is_int(profile_action_parse("denied", &action), -ENOENT, "another word is none");
	is_str(profile_action_name((enum profile_action)99), "?",
	       "a number out of range has no name");
	/* What is left behind is make check SAN=1's to find. */
	p->host_type = strdup("compute");
	p->rows_len = 2;
	p->rows = calloc(2, sizeof(*p->rows));
	if (p->rows)
		p->rows[1].exe = strdup("/usr/sbin/sshd");
	profile_free(p);
	return tap_done();
}
