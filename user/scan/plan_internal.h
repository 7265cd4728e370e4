/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_PLAN_INTERNAL_H
#define AJAR_SCAN_PLAN_INTERNAL_H

#include "base/buf.h"
#include "base/hostlist.h"
#include "core/portset.h"
#include "scan/plan.h"

/*
 * What the parts of plan_make() share: nodes, ports, unresponsive ports, shards. Errors are
 * negative errnos, the store's its own.
 */

/* A door that is open and said nothing that the last version detection understood. */
struct unresponsive {
	unsigned addr; /* of the node's */
	uint16_t port;
	uint64_t asked_ns; /* when, as the scanner's clock had it */
	bool due;
};

struct node {
	char *name, *host_type;
	uint64_t last_ns; /* seen by a scan of this kind */
	uint64_t salt;
	unsigned addrs_len;
	struct address addrs[PLAN_ADDRS_MAX];
	size_t unresponsive_len, unresponsive_cap;
	struct unresponsive *unresponsive;
};

/* Addresses, of whatever nodes, that are asked for the same ports. */
struct member {
	const struct node *node;
	const struct address *addr;
};
struct group {
	char *list;
	uint64_t ports; /* how many that is */
	size_t len, cap;
	struct member *members;
};
struct scan_queue {
	struct map *by_list; /* borrowed groups */
	size_t groups_len, groups_cap;
	struct group **groups;
	unsigned hosts;
	size_t len, cap;
	struct store_shard *shards;
};

struct making {
	const struct store_plan *p;
	const struct plan_scope *sc;
	struct plan_made *made;
	struct map *by_name; /* borrowed nodes */
	size_t len, cap;
	struct node **nodes;
	uint64_t now_ns;
	struct hostlist wanted; /* the plan's own node set */
	bool has_wanted;
	/* The class at hand. */
	struct ports ports;
	struct buf list;
	struct scan_queue fast, deferred;
};

must_check int plan_find_nodes(struct making *m);
void plan_drop_busy(struct making *m);
must_check int plan_find_addresses(struct making *m);
void plan_free_nodes(struct making *m);

bool plan_is_its_proto(const struct making *m, enum door_proto proto);
/*
 * m->list for nodes[from..to), which are of one class; "" when there is nothing to ask for.
 * m->ports: the same, but not of "services".
 */
must_check int plan_list_ports(struct making *m, size_t from, size_t to);

/* Which ports of the nodes are known to be unresponsive, and of which it is time to ask again. */
must_check int plan_find_unresponsive(struct making *m);
/*
 * Moves the unresponsive ports of the node's address out of fast, which is asked for all; those
 * that are due into slow.
 */
void plan_part_unresponsive(struct making *m, const struct node *n, unsigned addr,
			    struct ports *fast, struct ports *slow);
unsigned plan_deferred_hosts(uint64_t ports); /* how many hosts a shard of the deferred queue has */

must_check int plan_cut(struct making *m);
void scan_queue_done(struct scan_queue *l);

#endif
