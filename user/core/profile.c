/* SPDX-License-Identifier: GPL-2.0 */
#include "core/profile.h"

#include <stdlib.h>

void profile_row_done(struct profile_row *r)
{
	free(r->service);
	free(r->host_type);
	free(r->exe);
	free(r->user);
	free(r->origin);
	free(r->reason);
	free(r->author);
	*r = (struct profile_row){ 0 };
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->rows_len; i++)
		profile_row_done(&p->rows[i]);
	free(p->rows);
	free(p->host_type);
	free(p);
}
