/* SPDX-License-Identifier: GPL-2.0 */
#include "store/profile_words.h"

#include <strings.h>

const char *profile_scope_word(enum door_scope scope)
{
	return scope ? door_scope_name(scope) : "";
}

void profile_words_parse(struct profile_row *r, const char *protocol, const char *scope,
			 const char *action, const char *severity)
{
	for (unsigned i = PROTO_TCP; i <= PROTO_VSOCK; i++)
		if (!strcasecmp(protocol, door_proto_name((enum door_proto)i)))
			r->proto = (enum door_proto)i;
	for (unsigned i = SCOPE_ANY; i <= SCOPE_LOOPBACK; i++)
		if (!strcasecmp(scope, door_scope_name((enum door_scope)i)))
			r->scope = (enum door_scope)i;
	for (unsigned i = SEVERITY_NOTICE; i <= SEVERITY_CRITICAL; i++)
		if (!strcasecmp(severity, severity_name((enum severity)i)))
			r->severity = (enum severity)i;
	if (profile_action_parse(action, &r->action))
		r->action =
			PROFILE_DENY; /* the schema refuses it; a word nobody knows permits nothing */
}
