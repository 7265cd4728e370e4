/* SPDX-License-Identifier: GPL-2.0 */
#include "core/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

static const char *const action_names[] = { "allow", "require", "deny" };

const char *profile_action_name(enum profile_action a)
{
	return (unsigned)a < array_len(action_names) ? action_names[a] : "?";
}

int profile_action_parse(const char *s, enum profile_action *ret_a)
{
	for (unsigned i = 0; i < array_len(action_names); i++) {
		if (strcasecmp(s, action_names[i]))
			continue;
		*ret_a = (enum profile_action)i;
		return 0;
	}
	return -ENOENT;
}

bool profile_row_wants_owner(const struct profile_row *r)
{
	return r->exe || r->argv || r->user || profile_row_wants_file(r);
}

bool profile_row_wants_file(const struct profile_row *r)
{
	return r->package || r->sha256;
}

bool profile_wants_files(const struct profile *p)
{
	for (size_t i = 0; i < p->rows_len; i++)
		if (profile_row_wants_file(&p->rows[i]))
			return true;
	return false;
}

void profile_row_done(struct profile_row *r)
{
	free(r->service);
	free(r->host_type);
	free(r->exe);
	free(r->user);
	free(r->package);
	free(r->sha256);
	free(r->argv);
	free(r->origin);
	free(r->reason);
	free(r->author);
	free(r->job);
	free(r->container);
	free(r->fingerprint);
	free(r->line);
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
