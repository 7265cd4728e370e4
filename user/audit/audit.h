/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_AUDIT_H
#define AJAR_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
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

/*
 * Judges an open door (opener: who holds it) against the profile of its node's class; NULL profile:
 * learning.
 */
void audit_judge(const struct profile *p, const struct door *d, const struct process *opener,
		 uint64_t now_wall_ns, struct judgement *ret_j);

/* The same, when a scan has looked at it from outside; of enum outside (audit/verdict.h). */
void audit_judge_seen(const struct profile *p, const struct door *d, const struct process *opener,
		      uint64_t now_wall_ns, unsigned outside, struct judgement *ret_j);

/*
 * Could the door be one of several on a port by design, and is the other the port's rightful
 * holder? For struct door's `shared`.
 */
bool audit_may_be_shared(const struct door *d);
bool audit_shares(const struct door *d, const struct door *other, enum verdict verdict_of_other);

/*
 * The key under which findings fold into one alert: a door that closes and opens again, or stands
 * on several sockets (SO_REUSEPORT, v4 beside v6), or is restarted, gives the same key. Text, at
 * most 1023 bytes.
 */
void audit_key(const char *host_type, const char *node, const struct door *d,
	       const struct process *opener, enum finding_kind kind, struct buf *b);

/*
 * The same for a finding that is no single door; proto 0: about no port; what: tells findings of
 * one kind apart, or NULL.
 */
void audit_finding_key(const char *host_type, enum finding_kind kind, enum door_proto proto,
		       uint32_t port, const char *what, struct buf *b);
/* So much of a key is about the finding; behind it is the class, if it ends with one. */
size_t audit_key_without_class(const char *key);
/*
 * Whether a door that has the one key may keep it where its own would be the other: the same
 * finding of the same class. The socket is the same one; its owner has taken another uid, or was
 * not known before.
 */
bool audit_key_fits(const char *kept, const char *own);

/*
 * The common key of a program's doors on whatever port. A burst: a door that opens within
 * AUDIT_BURST_NS of the last one of an alert that is open and has the same flood key goes under
 * that alert, for AUDIT_BURST_MAX_NS since that was reported last; later ones begin an alert of
 * their own, so that nothing hides behind one for ever. When AUDIT_FLOOD_MIN such alerts stand,
 * further doors go under the flood key. False: doors of this key are no part of one (a port that
 * the kernel chose folds anyway).
 */
#define AUDIT_BURST_NS UINT64_C(10000000000)
#define AUDIT_BURST_MAX_NS UINT64_C(600000000000)
#define AUDIT_FLOOD_MIN 16
#define AUDIT_FLOOD_PORT "many"
bool audit_flood_key(const char *key, struct buf *b);

/*
 * Doors of one user on one node, whatever the program and port: when AUDIT_CROWD_USER_MAX alerts
 * of theirs have opened within AUDIT_CROWD_NS, further ones go under one alert of that user and
 * node, and when AUDIT_CROWD_NODE_MAX of a node have, under one of the node. Each severity counts
 * by itself: nobody hides a critical one behind a thousand warnings.
 */
#define AUDIT_CROWD_NS UINT64_C(600000000000)
#define AUDIT_CROWD_USER_MAX 32
#define AUDIT_CROWD_NODE_MAX 128
enum crowd_of { CROWD_NONE = 0, CROWD_USER = 1, CROWD_NODE = 2 };
struct audit_crowd {
	const char *host_type, *node;
	const struct process *who;
	enum finding_kind kind;
	enum severity severity;
};
void audit_crowd_key(const struct audit_crowd *c, enum crowd_of of, struct buf *b);
/* Whose crowd the key is of; CROWD_NONE: it is of no crowd. */
enum crowd_of audit_key_crowd(const char *key);

/* Whether the key is about exactly this port: false for another one, for "auto" and for "many". */
bool audit_key_is_port(const char *key, uint32_t port);

/* Plain words for an alert: what it is, why it is not expected, what to do (with the command). */
void audit_summary(const struct judgement *j, const char *node, const struct door *d,
		   const struct process *opener, struct buf *b);
/* The same for many ports of one program; ports: "1036-1047,2000". */
void audit_burst_summary(enum finding_kind kind, const char *node, const struct door *d,
			 const struct process *opener, uint32_t count, const char *ports,
			 struct buf *b);
/* The same for a crowd's alert; doors, programs: how many it stands for, 0: not counted yet. */
struct audit_crowd_size {
	uint64_t doors, programs;
	bool cut; /* there are more */
};
void audit_crowd_summary(enum crowd_of of, const char *node, const struct process *who,
			 const struct audit_crowd_size *n, struct buf *b);
void audit_crowd_why(enum crowd_of of, struct buf *b);
void audit_crowd_remedy(enum crowd_of of, const char *node, const struct process *who,
			struct buf *b);
void audit_why(const struct judgement *j, const char *host_type, const struct profile *p,
	       const struct door *d, const struct process *opener, struct buf *b);
void audit_remedy(const struct judgement *j, const char *host_type, const struct door *d,
		  const struct process *opener, struct buf *b);

#endif
