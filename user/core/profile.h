/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_PROFILE_H
#define AJAR_CORE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"

/*
 * One row of `open_ports`: what a class of nodes may have open. port, protocol, service and
 * host_type are the paper's Table 1; a row with only these is complete. NULL or 0 means "any".
 */
struct profile_row {
	uint64_t id;
	uint32_t port, port_end; /* port_end 0: just port; port 0 with port_end 0: any port */
	enum door_proto proto;
	char *service; /* "ssh" */
	char *host_type;
	enum door_scope scope; /* 0: any of them; else this one only */
	char *exe; /* full path */
	char *user;
	char *origin; /* "learned", "manual", "import" */
	char *reason, *author;
	uint64_t created_ns, expires_ns; /* wall; expires 0: never */
};
void profile_row_done(struct profile_row *r);

struct profile {
	char *host_type;
	bool accepted; /* false: still learning, nothing alerts */
	size_t rows_len;
	struct profile_row *rows;
};
void profile_free(struct profile *p);
DEFINE_FREEP(struct profile, profile_free)

#endif
