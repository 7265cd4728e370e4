/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SIM_SIM_H
#define AJAR_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/event.h"

struct journal;
struct sim_action;
struct ship;
struct store;

/*
 * An invented cluster whose records go through the real store: nodes that make records as an agent
 * does, what happens on them, and a day that shows Ajar at work. For `ajar demo` and the tests.
 */

#define SECOND_NS UINT64_C(1000000000)

/* What a door is made of: one for all doors of a kind, for the life of the program. */
struct sim_spec {
	enum door_proto proto;
	enum door_scope scope;
	uint32_t port; /* 0: the kernel chooses one */
	const char *exe, *user, *cgroup; /* cgroup: or NULL */
	char comm[COMM_LEN];
	uint32_t uid;
	bool deleted; /* its file was replaced below it */
	const char *args; /* behind argv[0], with blanks between them; NULL: "-D" */
	const char *parents; /* parent first, with blanks between them; NULL: "systemd" */
};

/* One door that is open on a node. */
struct sim_door {
	const struct sim_spec *spec;
	struct door door;
	uint32_t pid;
	uint64_t opened_ns, tag;
};

/* A record on its way: light nodes keep theirs in memory. */
struct sim_record {
	uint64_t seq, time_ns;
	size_t at, len; /* in node.bytes */
	uint8_t chain[32];
};

struct sim_node {
	char name[32];
	const char *host_type;
	uint64_t random;
	struct store *store; /* shared by the nodes of a worker, or its own */
	bool own_store;
	/* Journal and shipper of its own, */
	int dirfd;
	struct journal *journal;
	struct ship *ship;
	/* or only what has not been stored yet. */
	struct sim_record *records;
	size_t records_len, records_cap, sent;
	struct buf bytes;
	uint8_t chain[32];
	uint32_t boot_seq;
	uint64_t seq;
	/* What is open. */
	struct sim_door *doors;
	size_t doors_len, doors_cap;
	uint64_t cookies;
	uint32_t pids;
	bool dirty;
	/* The ledger: all records it ever made, and a sum over them that no order changes. */
	uint64_t made, sum;
};

/* --- node.c ----------------------------------------------------------------------------------- */

struct sim_opts {
	const char *journals; /* folder, or NULL: a light node */
	const char *store; /* URI, or NULL: the one given */
	uint64_t seed;
};
must_check int sim_node_init(struct sim_node *n, const struct sim_opts *o, struct store *shared);
void sim_node_done(struct sim_node *n);

uint64_t sim_node_random(struct sim_node *n, uint64_t below);

/* Each makes one record; it is in the journal (or the queue) when sim_node_ship() comes. */
must_check int sim_node_boot(struct sim_node *n, uint64_t time_ns);
must_check int sim_node_open(struct sim_node *n, const struct sim_spec *s, uint64_t tag,
			     uint64_t time_ns);
/* The door of that tag, or (tag 0) that protocol and port; nothing when there is none. */
must_check int sim_node_close(struct sim_node *n, uint64_t tag, enum door_proto proto,
			      uint32_t port, uint64_t time_ns);

/* Until the store has everything; tries again for a while when it is away. */
must_check int sim_node_ship(struct sim_node *n);
/* Sends what the store has already once more. */
must_check int sim_node_resend(struct sim_node *n);
/* Compares what the store has with the ledger; says what differs. */
must_check int sim_node_verify(struct sim_node *n, bool *ret_same);
/* All that an action says. */
must_check int sim_node_act(const struct sim_action *a);

/* --- health.c --------------------------------------------------------------------------------- */

struct sim_report {
	const char *version, *addresses; /* as store_health has them */
	uint64_t now_ns, interval_ns, silent_ns;
};
/* The node's own heartbeat, as its shipper sends it. */
must_check int sim_node_report(const struct sim_node *n, const struct sim_report *r);

uint64_t sim_record_sum(uint32_t boot_seq, uint64_t seq, const void *p, size_t len);

/* --- traffic.c -------------------------------------------------------------------------------- */

struct sim_action {
	uint64_t time_ns;
	struct sim_node *node;
	enum { ACT_BOOT = 1, ACT_OPEN, ACT_CLOSE } what;
	const struct sim_spec *spec;
	uint64_t tag; /* joins a close with its open; 0: by protocol and port of spec */
	unsigned nth; /* of those at the same time */
};

struct sim_plan {
	struct sim_action *a;
	size_t len, cap;
	int err;
};
void sim_plan_add(struct sim_plan *p, struct sim_action a);
/* In time order. */
void sim_plan_sort(struct sim_plan *p);
void sim_plan_done(struct sim_plan *p);

extern const struct sim_spec sim_services[];
extern const size_t sim_services_len;

/*
 * The words of one command, from the second on; all nodes given are its own. Each function adds to
 * the plan and returns how long the command takes in seconds, or 0 for nonsense.
 */
struct sim_traffic {
	struct sim_node **nodes;
	size_t len;
	uint64_t now_ns;
	char **words;
	size_t words_len;
	/* what runs on these nodes; NULL: sim_services */
	const struct sim_spec *services;
	size_t services_len;
};
uint64_t sim_boot(struct sim_plan *p, const struct sim_traffic *t);
uint64_t sim_restart(struct sim_plan *p, const struct sim_traffic *t);
uint64_t sim_upgrade(struct sim_plan *p, const struct sim_traffic *t);
uint64_t sim_job(struct sim_plan *p, const struct sim_traffic *t);
uint64_t sim_open(struct sim_plan *p, const struct sim_traffic *t);
uint64_t sim_close(struct sim_plan *p, const struct sim_traffic *t);
uint64_t sim_day(struct sim_plan *p, const struct sim_traffic *t);

#endif
