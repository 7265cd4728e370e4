/* SPDX-License-Identifier: GPL-2.0 */
#include "core/profile.h"

#include "tap.h"

int main(void)
{
	struct profile *p = calloc(1, sizeof(*p));
	struct profile_row row = { .port = 22, .service = strdup("ssh"), .user = strdup("root") };

	if (!p)
		return 1;
	profile_row_done(&row);
	ok(!row.service && !row.user && !row.port, "a row that is done holds nothing");
	profile_row_done(&row);
	ok(true, "a row may be done twice");
	profile_free(NULL);
	ok(true, "no profile may be freed");
	p->host_type = strdup("compute");
	p->rows_len = 2;
	p->rows = calloc(2, sizeof(*p->rows));
	if (p->rows)
		p->rows[1].exe = strdup("/usr/sbin/sshd");
	profile_free(p);
	ok(true, "a profile is freed with its rows");
	return tap_done();
}
