/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SCANS_H
#define AJAR_STORE_SCANS_H

#include "core/observation.h"
#include "core/scan_kind.h"
#include "store/store.h"

/*
 * Scans in the store: plans, the queue of shards with its leases, what was seen of each host. Every
 * time is the store's clock: store_scan_now().
 */
must_check int store_scan_now(struct store *s, uint64_t *ret_ns);

/* --- plans ------------------------------------------------------------------------------------ */

struct store_plan {
	const char *name;
	bool enabled;
	enum scan_kind kind;
	const char *ports; /* top, all, profile, doors, known, open, or a list */
	const char *classes, *nodes; /* "" all; a list of classes with blanks, a node set */
	const char *order; /* oldest, name, random */
	bool idle_only; /* where a scheduler's command is configured ... */
	uint64_t idle_wait_ns; /* ... until a node was not scanned for so long; 0: for ever */
	uint64_t every_ns; /* 0: by hand only */
	const char *window; /* "22:00-06:00" UTC; "" always */
	uint64_t rate, host_rate; /* probes a second, in all and for a host */
	uint64_t load_max; /* hundredths of the load of a core; 0: no limit */
	const char *author;
	uint64_t created_ns, claimed_ns;
};
typedef int (*store_plan_fn)(const struct store_plan *p, void *arg);
must_check int store_scan_plans(struct store *s, store_plan_fn fn, void *arg); /* by name */
/* new or instead; claimed_ns is kept */
must_check int store_scan_plan_put(struct store *s, const struct store_plan *p);
must_check int store_scan_plan_del(struct store *s, const char *name); /* -ENOENT */
/*
 * *ret_ours: nobody has taken it up since last_ns, and now we have. Then make its scan in the same
 * transaction.
 */
must_check int store_scan_plan_claim(struct store *s, const char *name, uint64_t last_ns,
				     uint64_t now_ns, bool *ret_ours);

/* --- where nodes are -------------------------------------------------------------------------- */

typedef int (*store_addr_fn)(const char *node, const char *addr, const char *origin,
			     uint64_t added_ns, void *arg);
must_check int store_node_addrs(struct store *s, store_addr_fn fn, void *arg); /* by node */
must_check int store_node_addr_put(struct store *s, const char *node, const char *addr,
				   const char *origin, uint64_t now_ns);
/* addr NULL: all; -ENOENT: none */
must_check int store_node_addr_del(struct store *s, const char *node, const char *addr);

/* --- the queue -------------------------------------------------------------------------------- */

#define STORE_SHARD_HOSTS_MAX 32
#define STORE_SHARD_TRIES_MAX 3
#define STORE_SCAN_DEFERRED 0 /* priority of what waits until nothing else is queued */
#define STORE_SCAN_USUAL 1
/* from this priority on a scan does not wait until others are done with a node */
#define STORE_SCAN_PROBE 10

struct store_target {
	const char *node, *addr;
};
struct store_shard {
	uint64_t scan_id;
	uint32_t shard;
	enum scan_kind kind;
	const char *plan, *ports; /* ports: a list for nmap */
	uint64_t rate, host_rate, priority;
	uint32_t tries; /* this one included */
	size_t targets_len;
	const struct store_target *targets; /* those not seen yet */
};
struct store_scan {
	uint64_t id;
	enum scan_kind kind;
	enum scan_state state;
	const char *plan, *nodes, *command, *reason; /* nodes: folded */
	uint64_t created_ns, started_ns, ended_ns; /* 0: not yet */
	uint64_t rate, host_rate, priority;
	/* so long only a lease that names the scan is given: who made it goes first; not read */
	uint64_t held_ns;
	uint64_t hosts, hosts_seen, shards, shards_left; /* counted; not put */
};

/*
 * A scan with its queue, at most STORE_SHARD_HOSTS_MAX targets a shard; of a shard only ports and
 * targets are read.
 */
must_check int store_scan_new(struct store *s, const struct store_scan *scan,
			      const struct store_shard *shards, size_t n, uint64_t now_ns,
			      uint64_t *ret_id);
typedef int (*store_shard_fn)(const struct store_shard *sh, void *arg);
/*
 * Takes a shard that is queued, or whose holder has let its lease run out, the highest priority and
 * the oldest first; none of whose nodes another holder scans at present. scan_id 0: of any scan,
 * but syn and udp ones only when raw. -ENOENT: there is none now. A shard that was tried
 * STORE_SHARD_TRIES_MAX times is failed instead.
 */
struct store_lease {
	uint64_t scan_id;
	bool raw;
	const char *owner;
	uint64_t lease_ns;
};
must_check int store_shard_lease(struct store *s, const struct store_lease *l, store_shard_fn fn,
				 void *arg);
/*
 * -ECANCELED, here and below: we do not hold it any more; stop working on it and drop its results.
 */
must_check int store_shard_renew(struct store *s, uint64_t scan_id, uint32_t shard,
				 const char *owner, uint64_t lease_ns);
/*
 * ok false: it goes back into the queue, or has failed when it was tried often enough. The last one
 * ends the scan.
 */
must_check int store_shard_end(struct store *s, uint64_t scan_id, uint32_t shard, const char *owner,
			       bool good, const char *reason);
/* Gives it back as if it had never been taken. */
must_check int store_shard_release(struct store *s, uint64_t scan_id, uint32_t shard,
				   const char *owner);
/* 0: we hold it. For who writes on its behalf, in the same transaction. */
must_check int scans_check_owner(struct store *s, uint64_t scan_id, uint32_t shard,
				 const char *owner);
/* What is left of it fails; who holds a shard of it does so no more. */
must_check int store_scan_cancel(struct store *s, uint64_t scan_id, const char *reason);

/* --- what was seen ---------------------------------------------------------------------------- */

struct store_scan_port { /* texts are escaped already and at most 255 bytes */
	enum door_proto proto;
	uint32_t port;
	enum port_state state;
	enum service_method method;
	const char *reason, *service, *product, *version, *extra, *tunnel, *fingerprint;
	uint32_t reason_ttl, conf;
};
struct store_scan_host {
	uint64_t scan_id;
	uint32_t shard;
	const char *node, *addr;
	enum scan_host_state state;
	enum scan_kind kind; /* of the scan, as the plan; when read */
	const char *plan;
	uint64_t started_ns, ended_ns;
	const char *asked, *folded;
	uint64_t open_count;
};
must_check int store_scan_host_put(struct store *s, const struct store_scan_host *h,
				   const char *owner, const struct store_scan_port *ports,
				   size_t n);

struct store_scan_query {
	uint64_t scan_id; /* 0: any */
	const char *node; /* NULL: any */
	uint64_t since_ns, until_ns; /* ended (scans: created) in it; 0: open */
	uint32_t limit; /* 0: none */
};
typedef int (*store_scan_fn)(const struct store_scan *scan, void *arg);
/* newest first */
must_check int store_scans(struct store *s, const struct store_scan_query *q, store_scan_fn fn,
			   void *arg);
typedef int (*store_scan_host_fn)(const struct store_scan_host *h, void *arg);
/* Hosts that are not queued any more, in the order of their ends. */
must_check int store_scan_hosts(struct store *s, const struct store_scan_query *q,
				store_scan_host_fn fn, void *arg);
/* The one of the node that ended last, however it ended; none: fn is not called. */
must_check int store_scan_host_newest(struct store *s, const char *node, store_scan_host_fn fn,
				      void *arg);
typedef int (*store_scan_port_fn)(const struct store_scan_host *h, const struct store_scan_port *p,
				  void *arg);
/* The ports of one host of one scan, in order; h has only the key. */
must_check int store_scan_ports(struct store *s, uint64_t scan_id, const char *node,
				const char *addr, store_scan_port_fn fn, void *arg);
/* What was seen of a host's ports since then, the oldest first; h has node and address alone. */
must_check int store_scan_host_ports(struct store *s, const char *node, const char *addr,
				     uint64_t since_ns, store_scan_port_fn fn, void *arg);
/* What version detection got out of an open TCP port. */
struct store_detected {
	const char *node, *addr;
	uint32_t port;
	bool spoke; /* a service was recognised, or it showed a key */
	uint64_t started_ns; /* of the scan's host */
};
typedef int (*store_detected_fn)(const struct store_detected *d, void *arg);
/* Of all hosts and version scans that are kept, the oldest first. */
must_check int store_scan_detected(struct store *s, store_detected_fn fn, void *arg);
typedef int (*store_scan_last_fn)(const char *node, uint64_t ended_ns, void *arg);
/* When each node was last seen by a scan of that kind. */
must_check int store_scan_last(struct store *s, enum scan_kind kind, store_scan_last_fn fn,
			       void *arg);
/*
 * Deletes scans that ended before then, up to limit; but never a node's newest of a kind. *ret_n:
 * how many.
 */
must_check int store_scan_prune(struct store *s, uint64_t before_ns, uint64_t limit,
				uint64_t *ret_n);

#endif
