/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_LEARNER_H
#define AJAR_AUDIT_LEARNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/event.h"
#include "core/profile.h"

/*
 * Learns the profile of a class from what was open on its nodes over a window. Pure: doors and
 * times go in, rules and outliers come out, in any order the same.
 *
 * Doors that say the same (protocol, port, scope, program, its script, user) are one candidate, and
 * each has to make the quorum of nodes by itself; a daemon that drops its privileges is seen as two
 * users, root and its own, which make it together (learner_rules.c). Ports that the kernel chose,
 * and those that a program picks itself, another one each time it starts, are the program's and not
 * the port's: one range for each program and user (learner_picks.c). Doors inside jobs are the
 * scheduler's business: one rule for them all, on however few nodes jobs happened to run. What is
 * on too few nodes, or is held by a program of doubtful origin, is an outlier: never a rule, always
 * shown.
 */
#define LEARN_CANDIDATES_MAX 20000 /* more are counted in learned.dropped */
#define LEARN_NODES_MAX (1 << 17)
#define LEARN_SLOTS_MAX 4096
/* starts of programs that are told apart; further ones count as no start: rules get narrower */
#define LEARN_STARTS_MAX (1 << 18)
#define LEARN_ROW_NODES_MAX 64 /* names kept of an outlier's nodes */

struct learn_opts {
	const char *host_type, *author;
	uint64_t now_ns;
	/* the window, cut into slots; slot_ns 0: one moment */
	uint64_t since_ns, until_ns, slot_ns;
	unsigned quorum; /* of a thousand nodes */
};

/* Why the rule has these ports. */
enum learn_basis {
	LEARN_BASIS_PORT = 0, /* this port and no other */
	LEARN_BASIS_RUN, /* ports side by side, exactly those that were seen */
	LEARN_BASIS_KERNEL, /* the kernel chose them: its range, learn_kernel_ports() */
	/* the program picked them, others each time: a range around what was seen, rounded */
	LEARN_BASIS_PICKED,
	LEARN_BASIS_COUNTED, /* the same, and it takes the next free one from the first on */
	LEARN_BASIS_JOBS,
};
/* "port", "run", "kernel", "picked", "counted", "jobs" */
const char *learn_basis_name(enum learn_basis b);

struct learned_rule {
	struct profile_row row;
	bool outlier;
	enum learn_basis basis;
	/* an interpreter, and which script it runs is not known: no more ports than were seen */
	bool any_script;
	/* different ports; different starts of the program that held them */
	unsigned ports_seen, starts_seen;
	uint32_t seen_lo, seen_hi;
	/* of a picked range, thousandths: how many of the ports were new each time, less for few */
	unsigned sure;
	unsigned nodes_seen, nodes_total, slots_seen, slots_total;
	unsigned score; /* thousandths: fraction of nodes times fraction of the window */
	uint64_t doors;
	const char *why; /* of an outlier: static, or NULL: too few nodes */
	char *nodes[LEARN_ROW_NODES_MAX]; /* of an outlier, some of them; NULL ends it */
};
struct learned {
	struct learned_rule *rules; /* rules first, in the order of ports, then outliers */
	size_t len;
	uint64_t doors, left_out; /* seen; of them no rule's */
	uint64_t dropped;
};
void learned_done(struct learned *l);

struct learner;
must_check int learner_new(const struct learn_opts *o, struct learner **ret_l);
void learner_free(struct learner *l);
DEFINE_FREEP(struct learner, learner_free)
/* A node that reported in the window: it counts for the quorum also when it has no door. */
must_check int learner_node(struct learner *l, const char *node);
/* A door that was open on the node from..to; to 0: it still does. */
must_check int learner_add(struct learner *l, const char *node, const struct door *d,
			   const struct process *opener, uint64_t from_ns, uint64_t to_ns);
must_check int learner_finish(struct learner *l, struct learned *ret);

/*
 * Which ports the kernel chooses from that chose lo and hi: its default range, or, if one is
 * outside, all but the reserved ones.
 */
void learn_kernel_ports(uint32_t lo, uint32_t hi, uint32_t *ret_lo, uint32_t *ret_hi);

/*
 * "ssh" for tcp 22: what usually answers there, to be shown and never stored; NULL: nothing in
 * particular.
 */
const char *learn_service_hint(enum door_proto proto, uint32_t port);

#endif
