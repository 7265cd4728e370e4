/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_MATCH_H
#define AJAR_AUDIT_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"
#include "core/profile.h"

/* What the parts of audit/ share: how a row and an executable are read. */

/*
 * A row with this for an executable permits what the kernel itself opened (nfsd, lockd, wireguard).
 */
#define EXE_KERNEL "kernel"

/* How a row looks at a door, from worst to best. */
enum relation {
	REL_NONE, /* it speaks of another port, protocol, scope, job or container, or has expired */
	REL_OWNER, /* it permits the port, to another program or user */
	REL_UNKNOWN, /* it permits the port, and who holds it is not known */
	/* it permits the port to a program whose file its node may tell of yet */
	REL_AWAITS,
	REL_ALLOWS,
	REL_MAY_DENY, /* it forbids the door to such a program */
	REL_DENIES, /* it forbids the door: that wins */
};
enum relation match_row(const struct profile_row *r, const struct door *d,
			const struct process *opener, uint64_t now_wall_ns);
/* The same without regard to scope and expiry: for saying why not. */
bool match_port(const struct profile_row *r, const struct door *d);

/* Whether the door is where the row asks it to be: in a job, in a container. */
bool match_place(const struct profile_row *r, const struct process *opener);

/* Whether the row's program is the node's own file of that path and no container's. */
bool row_means_own_files(const struct profile_row *r);
/* False: it is, and the process runs in a container. */
bool match_files(const struct profile_row *r, const struct process *p);

/* Whether the file of the process is known, and known not to be the row's. */
bool file_differs(const struct profile_row *r, const struct process *p);

/*
 * Whether the arguments of the process are known, and known not to be the row's; whether the row
 * asks for them, and they are not known.
 */
bool argv_differs(const struct profile_row *r, const struct process *p);
bool argv_unknown(const struct profile_row *r, const struct process *p);

/* Whether a row's user, a name or a number, is the process's. */
bool user_fits(const char *want, const struct process *p);
bool row_expired(const struct profile_row *r, uint64_t now_wall_ns);
/* Over so many ports that the row is about the program and not about the port. */
bool row_is_wide(const struct profile_row *r);
/* A total order over what rows say, so that nothing depends on the order they come in. */
int row_compare(const struct profile_row *a, const struct profile_row *b);

/* Flags of an executable's path as the kernel has it. */
enum exe_flags {
	EXE_DELETED = 1, /* unlinked or replaced since it started */
	EXE_MEMFD = 2, /* never had a file */
	EXE_WRITABLE_DIR = 4, /* below a directory where anyone may write */
	EXE_HOME = 8,
	EXE_CUT = 16, /* longer than the capture */
	/* where no package installs; by the path alone, no package database is asked */
	EXE_UNPACKAGED = 32,
	EXE_FOREIGN = 64, /* the path is of another mount namespace, not the node's file of it */
};
unsigned exe_flags(const struct process *p);
/* The path without " (deleted)". */
struct text exe_path(const struct process *p);

/*
 * Whether it is an interpreter, or another program that does whatever it is told: to know it is to
 * know nothing of what runs.
 */
bool exe_runs_scripts(struct text exe);
/* "/usr/bin/python3.11" is one of "python". */
bool exe_is_version_of(struct text exe, const char *of);

bool door_is_udp(const struct door *d);
/*
 * A UDP socket that is connected answers its peer alone; one that got its port by sending has asked
 * somebody, until it is lasting. What bind() was called for is a door once it has settled, whoever
 * chose the port.
 */
bool door_is_client(const struct door *d);
/* Reached by all who send to a group: a member of one, or bound to a group's address. */
bool door_is_multicast(const struct door *d);
/* Whether what the door keeps in port is one. */
bool proto_has_ports(enum door_proto p);

#endif
