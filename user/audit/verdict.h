/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_VERDICT_H
#define AJAR_AUDIT_VERDICT_H

#include <stddef.h>

#include "core/event.h"
#include "core/finding.h"

/*
 * What two witnesses and a profile say about one port of one node, and what that means. Pure, and a
 * table: verdict.c is the table, ajar-verdicts(7) is printed from it, and
 * tests/unit/test_audit_verdict.c walks every combination. The values are bits, so that a line of
 * the table can name several; a witness sets exactly one of each.
 */

/*
 * What the profile of the node's class says about the port and, where the door is known, about who
 * holds it.
 */
enum says {
	SAYS_LEARNING = 1, /* the class has no accepted profile */
	SAYS_NOTHING = 2, /* no row speaks of it */
	SAYS_ALLOWS = 4,
	SAYS_REQUIRES = 8, /* allows it, and wants it there */
	SAYS_DENIES = 16,
	SAYS_OTHER = 32, /* permits the port, to another program or user */
	/* no row, and a UDP socket that is connected or got its port by sending: a client's */
	SAYS_CLIENT = 64,
	/*
	 * too early to be judged: a UDP socket that is too young, or a row asks for the program's
	 * file, of which its node has not told yet
	 */
	SAYS_SETTLING = 128,
	/*
	 * no row, and a UDP socket that got its port by sending, and is there for a minute,
	 * unconnected
	 */
	SAYS_LASTING = 256,
	/* permits the port, to another who has it too, and both are members of a multicast group */
	SAYS_SHARED = 512,
};
#define SAYS_ALL 1023

/* What the kernel's view of the node shows. */
enum inside {
	INSIDE_OPEN = 1,
	INSIDE_LOOPBACK = 2, /* open, and only on loopback addresses */
	/*
	 * the agent is alive and there is no such door, over the whole time of the scan (or of the
	 * grace)
	 */
	INSIDE_CLOSED = 4,
	/* there is an agent, and it has not been heard of (or it was blind at that time) */
	INSIDE_SILENT = 8,
	INSIDE_ABSENT = 16, /* no agent was ever there */
};
#define INSIDE_ALL 31

/*
 * What the scan from outside shows. Absence counts only from a run that ended well for that host:
 * everything else, and a door on an address that was not the one scanned, is unknown.
 */
enum outside {
	OUTSIDE_OPEN = 1,
	/* open, and what answers is not the service or identity that the profile names */
	OUTSIDE_OTHER = 2,
	OUTSIDE_CLOSED = 4,
	OUTSIDE_FILTERED = 8,
	OUTSIDE_UNKNOWN = 16,
};
#define OUTSIDE_ALL 31

/* Who holds the door: what makes the same finding worse. */
enum owner_fact {
	OWNER_KERNEL = 1,
	OWNER_ROOT = 2,
	OWNER_SYSTEM = 4, /* uid 1 to 999 */
	OWNER_DELETED = 8, /* the executable was deleted or replaced */
	OWNER_MEMFD = 16, /* it never had a file */
	OWNER_WRITABLE = 32, /* it lies where anyone may write */
	OWNER_UNPACKAGED = 64, /* it lies where no package installs */
};
/* Of a process as the event has it; 0 when nothing is known of it. */
unsigned owner_facts(const struct process *p);

/* What the profile says of an open door; *ret_row: the row that decided, or NULL. */
struct profile;
struct profile_row;
enum says audit_says(const struct profile *p, const struct door *d, const struct process *opener,
		     uint64_t now_wall_ns, const struct profile_row **ret_row);

struct witness {
	enum says says;
	enum inside inside;
	enum outside outside;
	unsigned owner; /* owner_fact bits; 0 without a door */
};

struct ruling {
	enum verdict verdict;
	enum finding_kind kind; /* 0: no finding */
	enum severity severity; /* 0 without a finding */
	const struct verdict_line *line; /* that decided */
};
void audit_verdict(const struct witness *w, struct ruling *ret_r);

/* The first line that fits decides. */
enum raise {
	RAISE_NO,
	RAISE_OWNER, /* by the lines of raise_lines() */
	RAISE_MEMFD, /* only a program without a file makes it worse, by one step */
};
struct verdict_line {
	unsigned says, inside, outside; /* which of each it is about */
	enum verdict verdict;
	enum finding_kind kind;
	enum severity severity;
	enum raise raise;
	const char *words; /* one sentence for people */
};
const struct verdict_line *verdict_lines(size_t *ret_len);

/* The first whose facts all hold says how severe; none: the line's own severity. */
struct raise_line {
	unsigned facts;
	enum severity severity;
	const char *words;
};
const struct raise_line *raise_lines(size_t *ret_len);

/* "nothing", "open", "closed" ... of one bit, as the manual has them. */
const char *says_name(enum says s);
const char *inside_name(enum inside i);
const char *outside_name(enum outside o);

#endif
