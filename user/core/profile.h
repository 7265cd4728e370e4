/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_PROFILE_H
#define AJAR_CORE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/finding.h"

/*
 * What a row says about the doors that it is about. A denial wins over all that is allowed,
 * whatever the order.
 */
enum profile_action {
	PROFILE_ALLOW = 0,
	PROFILE_REQUIRE = 1, /* allows it, and wants it there */
	PROFILE_DENY = 2,
};
const char *profile_action_name(enum profile_action a);
/* in any case; -ENOENT */
must_check int profile_action_parse(const char *s, enum profile_action *ret_a);

/*
 * For a row's job and container: within any, within none. Else "slurm", or the beginning of a
 * container's id. A container that is "either" asks for nothing, and the row's program may be a
 * container's file of that path; where nothing is said it is the node's own.
 */
#define PROFILE_ANY "any"
#define PROFILE_NONE "none"
#define PROFILE_EITHER "either"

/*
 * One row of `open_ports`: what a class of nodes may have open. port, protocol, service and
 * host_type are the paper's Table 1; a row with only these is complete. NULL or 0 means "any".
 */
#define PROFILE_LEARNED "learned"
#define PROFILE_PROBED "probed"
struct profile_row {
	uint64_t id;
	uint32_t port, port_end; /* port_end 0: just port; port 0 with port_end 0: any port */
	enum door_proto proto;
	char *service; /* "ssh" */
	char *host_type;
	enum door_scope scope; /* 0: any of them; else this one only */
	char *exe; /* full path, with stars: core/exe_pattern.h */
	/*
	 * The file of the program, as its node has told of it: owned by that package of dpkg and as
	 * the package brought it; of that digest, 64 lower-case digits.
	 */
	char *package, *sha256;
	char *argv; /* its arguments: core/argv_pattern.h */
	char *user;
	/*
	 * "learned", "probed" (learned from a scan that has recognised the service), "manual",
	 * "import", "alert"
	 */
	char *origin;
	char *reason, *author;
	uint64_t created_ns, expires_ns; /* wall; expires 0: never */
	enum profile_action action;
	char *job, *container; /* NULL: does not ask */
	/* of the TLS key or the SSH host key that a scan has to find, "SHA256:..." */
	char *fingerprint;
	enum severity severity; /* of a denied door; 0: as the verdict has it */
	uint32_t line_no; /* in the file it was imported from, 0: in none */
	char *line; /* that line as it was written, comment and all */
	/* when read: how many doors it has decided about, and when last */
	uint64_t hits, last_match_ns;
};
/* It is about who holds the door: a program, its file or arguments, a user. */
bool profile_row_wants_owner(const struct profile_row *r);
/* It is about what the program's file is, beyond its path. */
bool profile_row_wants_file(const struct profile_row *r);
void profile_row_done(struct profile_row *r);

struct profile {
	char *host_type;
	bool accepted; /* false: still learning, nothing alerts */
	size_t rows_len;
	struct profile_row *rows;
};
bool profile_wants_files(const struct profile *p);
void profile_free(struct profile *p);
DEFINE_FREEP(struct profile, profile_free)

#endif
