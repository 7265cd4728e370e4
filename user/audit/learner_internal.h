/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_LEARNER_INTERNAL_H
#define AJAR_AUDIT_LEARNER_INTERNAL_H

#include "audit/learner.h"
#include "base/map.h"

/* The kernel's default net.ipv4.ip_local_port_range. */
#define EPHEMERAL_LO 32768
#define EPHEMERAL_HI 60999
#define UNRESERVED_LO 1024 /* below it only root */
#define EPHEMERAL_PORTS_MIN 3 /* so many ports up there are not meant one by one */

enum learn_kind { LEARN_PORT, LEARN_RANGE, LEARN_JOB };

/* A set of small numbers. */
struct bits {
	uint8_t *p;
	size_t bytes;
	unsigned count;
};
bool bits_has(const struct bits *b, size_t i);
must_check int bits_add(struct bits *into, const struct bits *from);
/* How many are in both. */
unsigned bits_common(const struct bits *a, const struct bits *b);

/* One program of one user, in one protocol and scope: whoever picks ports. */
struct owner {
	unsigned starts; /* different ones */
	struct bits nodes;
};

/*
 * Different arguments, all of them, of one interpreter at one place. What has more is told apart no
 * further: they are new each time, or another one's on each node.
 */
#define LEARN_VARIANTS_MAX 16
struct variants {
	unsigned n;
	struct candidate *whole; /* where there are more: of all */
};

/* What doors have in common that may become one rule. */
struct candidate {
	enum learn_kind kind;
	enum door_proto proto;
	enum door_scope scope;
	uint32_t lo, hi;
	char *exe, *user; /* NULL: not known, or of no importance */
	/* what an interpreter runs (audit/script.h); NULL: it is none, or that is not known */
	char *argv;
	bool exact; /* argv is all of its arguments */
	struct variants *variants; /* of those that are exact */
	bool contained; /* in a container, where the path is another file */
	unsigned places; /* which states were seen, 1 << enum place_state */
	const char *doubt; /* why no rule may come from it */
	/* every one of its programs was replaced below it: counts, but founds no rule */
	bool only_deleted;
	uint64_t doors, ended; /* ended: of them those that have closed */
	unsigned starts; /* different ones of its program */
	unsigned ports; /* different ones, of which it was made */
	uint32_t uid;
	struct owner *owner; /* NULL: of a job */
	struct bits nodes, slots;
	/* an interpreter of which no script is known by its full path: no range */
	bool any_script;
	enum learn_basis basis;
	uint32_t range_lo, range_hi; /* what the rule permits; 0: lo and hi */
	unsigned sure;
	bool enough; /* makes the quorum */
	bool taken; /* dealt with */
};

struct learner {
	struct learn_opts o;
	char *host_type, *author;
	struct map *node_ids, *by_key, *owners, *starts, *variants;
	char **names;
	size_t nodes_len, nodes_cap;
	struct candidate **list;
	size_t len;
	unsigned slots_total;
	uint64_t doors, dropped;
};

/* Both into one; learner_rules.c. */
int learn_compare_str(const char *a, const char *b); /* NULL first */

/* The doors of both into one; the other is taken. */
must_check int learn_merge(struct candidate *into, struct candidate *from);

/*
 * Ports that are the program's and not the port's become ranges, those side by side runs;
 * learner_picks.c.
 */
must_check int learner_fold_ports(struct learner *l);

#endif
