/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SIM_CLUSTER_H
#define AJAR_SIM_CLUSTER_H

#include "sim/sim.h"

struct buf;

/* The nodes of the story, by class, and what is meant to run on each of them. */
enum sim_class { CLASS_COMPUTE, CLASS_GPU, CLASS_STORAGE, CLASS_LOGIN, CLASS_ADMIN, SIM_CLASSES };

#define SIM_SERVICES_MAX 16

struct sim_class_of {
	const char *name; /* the class */
	struct sim_spec services[SIM_SERVICES_MAX];
	size_t services_len;
	struct sim_node **nodes; /* in order of their names */
	size_t nodes_len;
};
struct sim_cluster {
	struct store *store;
	struct sim_node *nodes;
	size_t nodes_len;
	struct sim_class_of classes[SIM_CLASSES];
};

/* len nodes, shared out over the classes; s is borrowed. */
must_check int sim_cluster_init(struct sim_cluster *c, struct store *s, size_t len);
void sim_cluster_done(struct sim_cluster *c);
/* The racks of so many nodes, as the file of web.racks says them. */
void sim_cluster_racks(size_t len, struct buf *b);
/* One rule for each service, and those for what users may do; accepted. */
must_check int sim_cluster_profiles(struct sim_cluster *c, uint64_t now_ns);
/*
 * "198.18.1.17": the address of the node with that place in nodes. Of RFC 2544's range, which leads
 * nowhere, and which scan.networks does not allow: nothing that is invented is ever scanned.
 */
#define SIM_ADDRESS_LEN 16
void sim_cluster_address(size_t i, char ret_address[SIM_ADDRESS_LEN]);

/* --- cluster_scan.c --------------------------------------------------------------------------- */

/* What answers on a node without a door in its kernel's view. */
struct sim_hidden {
	const struct sim_node *node;
	uint32_t port;
};
/* Asks for a look at all nodes from outside. */
must_check int sim_cluster_ask(struct sim_cluster *c, uint64_t now_ns);
/*
 * Takes up to `most` shards of any scan that is queued and answers for their nodes, as nmap would
 * have. *ret_done: how many.
 */
must_check int sim_cluster_answer(struct sim_cluster *c, const struct sim_hidden *h, unsigned most,
				  unsigned *ret_done);

#endif
