/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_SIBLINGS_H
#define AJAR_AUDIT_SIBLINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/event.h"
#include "core/finding.h"
#include "core/profile.h"

/*
 * A class seen at once, pure: what a profile requires and a node does not have (missing), and, in a
 * class that has no accepted profile, what one node has and nearly all of its siblings have not, or
 * the other way (outlier). The caller tells of the nodes one after the other, each with its open
 * doors, and then asks for the findings; only nodes whose agent is alive count, since nothing else
 * can say that a door is not there.
 */
struct siblings_opts {
	unsigned min_nodes; /* fewer are no peers to differ from; 0: 10 */
	unsigned quorum_percent; /* so many of them are "nearly all"; 0: 90 */
};

struct sibling_finding {
	enum finding_kind kind;
	enum severity severity;
	enum door_proto proto;
	uint32_t port;
	const char *node;
	const char *what; /* with the rest of these the identity of the finding */
	const char *summary, *why, *remedy;
};
typedef int (*sibling_fn)(const struct sibling_finding *f, void *arg);

struct siblings;
/* p: of the class, borrowed until the end; NULL: it has none. */
must_check int siblings_new(const char *host_type, const struct profile *p,
			    const struct siblings_opts *o, struct siblings **ret_s);
void siblings_free(struct siblings *s);
DEFINE_FREEP(struct siblings, siblings_free)
/* Whether there is anything to look for in a class with that profile and so many nodes. */
bool siblings_wanted(const struct profile *p, unsigned nodes, const struct siblings_opts *o);

must_check int siblings_node(struct siblings *s, const char *name);
/* Of the node named last. */
must_check int siblings_door(struct siblings *s, const struct door *d, const struct process *opener,
			     uint64_t now_wall_ns);
/*
 * Outliers of more than SIBLINGS_KINDS_MAX doors are one finding: such a class is not one of
 * clones.
 */
#define SIBLINGS_KINDS_MAX 64
must_check int siblings_end(struct siblings *s, uint64_t now_wall_ns, sibling_fn fn, void *arg);

#endif
