/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_SIM_H
#define AJAR_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/event.h"

struct journal;
struct ship;
struct store;

/* See main.c for what the program does. */

#define SECOND_NS UINT64_C(1000000000)

/* What a door is made of: one for all doors of a kind, for the life of the program. */
struct spec {
	enum door_proto proto;
	enum door_scope scope;
	uint32_t port; /* 0: the kernel chooses one */
	const char *exe, *user, *cgroup; /* cgroup: or NULL */
	char comm[COMM_LEN];
	uint32_t uid;
	bool deleted; /* its file was replaced below it */
};

/* One door that is open on a node. */
struct sim_door {
	const struct spec *spec;
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

struct node {
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

/* --- node.c ------------------------------------------------------------------------------------- */

struct node_opts {
	const char *journals; /* folder, or NULL: a light node */
	const char *store; /* URI, or NULL: the one given */
	uint64_t seed;
};
must_check int node_init(struct node *n, const struct node_opts *o, struct store *shared);
void node_done(struct node *n);

uint64_t node_random(struct node *n, uint64_t below);

/* Each makes one record; it is in the journal (or the queue) when node_ship() comes. */
must_check int node_boot(struct node *n, uint64_t time_ns);
must_check int node_open(struct node *n, const struct spec *s, uint64_t tag, uint64_t time_ns);
/* The door of that tag, or (tag 0) that protocol and port; nothing when there is none. */
must_check int node_close(struct node *n, uint64_t tag, enum door_proto proto, uint32_t port,
			  uint64_t time_ns);

/* Until the store has everything; tries again for a while when it is away. */
must_check int node_ship(struct node *n);
/* Sends what the store has already once more. */
must_check int node_resend(struct node *n);
/* Compares what the store has with the ledger; says what differs. */
must_check int node_verify(struct node *n, bool *ret_same);

uint64_t record_sum(uint32_t boot_seq, uint64_t seq, const void *p, size_t len);

/* --- traffic.c ---------------------------------------------------------------------------------- */

struct action {
	uint64_t time_ns;
	struct node *node;
	enum { ACT_BOOT = 1, ACT_OPEN, ACT_CLOSE } what;
	const struct spec *spec;
	uint64_t tag; /* joins a close with its open; 0: by protocol and port of spec */
	unsigned nth; /* of those at the same time */
};

struct plan {
	struct action *a;
	size_t len, cap;
	int err;
};
void plan_add(struct plan *p, struct action a);
/* In time order. */
void plan_sort(struct plan *p);
void plan_done(struct plan *p);

extern const struct spec services[];
extern const size_t services_len;

/* The words of one command, from the second on; all nodes given are its own. Returns how long it takes, or 0 for nonsense. */
struct traffic {
	struct node **nodes;
	size_t len;
	uint64_t now_ns;
	char **words;
	size_t words_len;
};
uint64_t traffic_boot(struct plan *p, const struct traffic *t);
uint64_t traffic_restart(struct plan *p, const struct traffic *t);
uint64_t traffic_upgrade(struct plan *p, const struct traffic *t);
uint64_t traffic_job(struct plan *p, const struct traffic *t);
uint64_t traffic_open(struct plan *p, const struct traffic *t);
uint64_t traffic_close(struct plan *p, const struct traffic *t);
uint64_t traffic_day(struct plan *p, const struct traffic *t);

#endif
