/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_AUDIT_H
#define AJAR_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/event.h"
#include "core/finding.h"
#include "core/profile.h"

struct buf;

/* Pure: no clock, no store, no I/O. Everything that decides comes in as an argument. */

struct judgement {
	enum verdict verdict;
	enum finding_kind kind; /* 0: no finding */
	enum severity severity;
	const struct profile_row *row; /* the row that decided, borrowed, or NULL */
};

/* Judges an open door (opener: who holds it) against the profile of its node's class; NULL profile: learning. */
void audit_judge(const struct profile *p, const struct door *d, const struct process *opener, uint64_t now_wall_ns,
		 struct judgement *ret_j);

/* The same, when a scan has looked at it from outside; of enum outside (audit/verdict.h). */
void audit_judge_seen(const struct profile *p, const struct door *d, const struct process *opener, uint64_t now_wall_ns,
		      unsigned outside, struct judgement *ret_j);

/*
 * The key under which findings fold into one alert: a door that closes and opens again, or stands on
 * several sockets (SO_REUSEPORT, v4 beside v6), or is restarted, gives the same key. Text, at most 1023 bytes.
 */
void audit_key(const char *host_type, const char *node, const struct door *d, const struct process *opener,
	       enum finding_kind kind, struct buf *b);

/*
 * The same for a finding that is no single door; proto 0: about no port; what: tells findings of one kind apart, or NULL.
 */
void audit_finding_key(const char *host_type, enum finding_kind kind, enum door_proto proto, uint32_t port,
		       const char *what, struct buf *b);
/*
 * Whether a door that has the one key may keep it where its own would be the other: the same finding of the same class. The
 * socket is the same one; its owner has taken another uid, or was not known before.
 */
bool audit_key_fits(const char *kept, const char *own);

/*
 * The common key of a program's doors on whatever port, for a flood of them: when AUDIT_FLOOD_MIN alerts whose keys have the
 * same flood key stand, further doors go under that one. False: doors of this key are no part of one (a port that
 * the kernel chose folds anyway).
 */
#define AUDIT_FLOOD_MIN 512
#define AUDIT_FLOOD_PORT "many"
bool audit_flood_key(const char *key, struct buf *b);
bool audit_is_flood(const char *key);

/* Plain words for an alert: what it is, why it is not expected, what to do (with the command). */
void audit_summary(const struct judgement *j, const char *node, const struct door *d, const struct process *opener,
		   struct buf *b);
void audit_why(const struct judgement *j, const char *host_type, const struct profile *p, const struct door *d,
	       const struct process *opener, struct buf *b);
void audit_remedy(const struct judgement *j, const char *host_type, const struct door *d,
		  const struct process *opener, struct buf *b);

/* --- learning --------------------------------------------------------------------------------- */

/* One door that stood open, as learning sees it. */
struct learn_door {
	const struct door *door;
	const struct process *opener;
};
/*
 * Proposes rows for what stood open: one per (proto, port, exe, user, scope); doors of one exe and user on ports the kernel
 * chose become one row over the ephemeral range; doors of doubtful origin (deleted or memfd executable, under
 * /tmp, /dev/shm, /home) are left out and counted. The caller frees each row and the array.
 */
must_check int audit_learn(const char *host_type, const struct learn_door *doors, size_t n, uint64_t now_wall_ns,
			   const char *author, struct profile_row **ret_rows, size_t *ret_len, size_t *ret_left_out);

#endif
