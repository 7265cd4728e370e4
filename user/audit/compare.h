/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_COMPARE_H
#define AJAR_AUDIT_COMPARE_H

#include "audit/service.h"
#include "audit/verdict.h"
#include "core/redirect.h"

/*
 * One port of one node, seen by both witnesses: pure. What the kernel had are intervals, and so is
 * the scan: nmap says only between which seconds a host was asked. A contradiction is claimed only
 * when the kernel's view was the same over all of that, widened by the settling time; everything
 * else is "unknown", which raises nothing and is looked at again.
 */
#define COMPARE_SETTLE_NS UINT64_C(5000000000)

struct compare_door {
	const struct door *door;
	const struct process *opener;
	uint64_t opened_ns, closed_ns; /* 0: open still */
};

struct compare_in {
	const struct profile *profile; /* NULL: none, which is learning */
	enum door_proto proto;
	uint16_t port;
	/* The scan: */
	enum door_family family; /* of the address that was asked */
	const uint8_t *addr; /* 16 bytes */
	uint64_t from_ns, to_ns;
	enum port_state state;
	const struct port_seen *seen; /* NULL: only its state is known */
	/*
	 * the node's own network namespace: that of the address; 0: not known, any door may answer
	 * there
	 */
	uint32_t netns;
	/*
	 * The kernel's view: all doors of the node with that port, open or closed since from_ns -
	 * settle.
	 */
	const struct compare_door *doors;
	size_t doors_len;
	bool doors_cut; /* there are more: that a port has no door is not known */
	bool has_agent;
	/*
	 * The agent was recording, and all it recorded has arrived, from ... to ...; a loss in it
	 * makes it blind.
	 */
	uint64_t sees_from_ns, sees_to_ns;
	/* what the node says answers without a door (core/redirect.h); its word alone */
	struct text redirects;
	uint64_t now_ns;
};

struct compared {
	struct ruling ruling;
	struct witness witness;
	enum service_fit fit;
	/*
	 * a well-known banner from a program that is not it: masquerade whatever the profile says
	 */
	bool exe_contradicts;
	/* a door has that port in another network namespace, or on another address */
	bool elsewhere;
	bool transient; /* a door opened or closed about the time of the scan */
	const struct profile_row *row; /* that decided, or NULL */
	const struct compare_door *door; /* that answers, as far as the kernel knows; NULL: none */
	/*
	 * No door answers there, and the node says what does: judged as what is seen from outside
	 * only.
	 */
	bool redirected;
	struct redirect redirect; /* text of in->redirects */
	/*
	 * a door that it may lead to, in another network namespace or at another address; or NULL
	 */
	const struct compare_door *behind;
};
void audit_compare(const struct compare_in *in, struct compared *ret);

/*
 * What the scan says of that very door: open, closed or filtered when its port was asked for where
 * the door answers, while it stood; unknown when it was not, and 0 when the scan could not have met
 * that door. after: the scan was made because of the door, so that it came later, whatever the
 * clocks say.
 */
enum outside audit_reach(const struct compare_in *in, const struct compare_door *d, bool after);

#endif
