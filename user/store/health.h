/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_HEALTH_H
#define AJAR_STORE_HEALTH_H

#include "store/judging.h"

/*
 * How the nodes are. A node's shipper writes one row of its own every few seconds
 * (store_put_health()), judged by the store's clock; `node_watch` has what the monitor noted about
 * a node. Who writes which row is what an account may be bound to: a node's needs
 * store_put_health() and store_claim_boot() for its own name, and nothing else of this.
 *
 * One name, several journals. Each journal has an identity of its own (its installation: 16 random
 * bytes in the journal's folder), since a node may be re-installed, cloned, or share its name by
 * mistake. One installation is a node's current one. Another that reports under the same name while
 * the current one is heard is refused: it keeps its records. When the current one has stopped or is
 * silent the new one takes its place, and stands as not accepted until a person says that it is
 * right. Boots are numbered anew where numbers would collide: (installation, kernel's boot id,
 * journal's boot_seq) -> boot_seq of the store.
 */
#define INSTALLATION_LEN 16
#define SESSION_LEN 8
#define HEALTH_SENSOR_MAX 1000 /* bytes of text; longer is cut */
#define HEALTH_ADDRESSES_MAX 2000 /* the same */
#define HEALTH_ADDRESSES_MORE "..." /* at their end: the node has more, which it does not name */

enum health_standing {
	STANDING_CURRENT = 1,
	STANDING_REFUSED = 2, /* another installation holds the name */
	STANDING_PAST = 3,
};
enum health_agent {
	AGENT_UNKNOWN = 0, /* no heartbeat was ever seen */
	AGENT_RECORDING = 1,
	AGENT_STALLED = 2, /* its heartbeat is older than it should be: dead, stopped or hanging */
	AGENT_STOPPED = 3, /* it said so */
};
enum health_shipper {
	SHIPPER_RUNNING = 1,
	SHIPPER_STOPPED = 2,
	SHIPPER_RETIRED = 3, /* a person's word, until the node reports again; no node says it */
};

/*
 * Installations of one node that are kept: the current one, and so many that reported last. What is
 * beyond is forgotten.
 */
#define HEALTH_INSTALLATIONS_MAX 64

struct store_health {
	uint8_t installation[INSTALLATION_LEN];
	uint8_t session[SESSION_LEN]; /* of the shipper's process */
	uint8_t machine[INSTALLATION_LEN]; /* hash of /etc/machine-id; zeros: unknown */
	const char *host; /* the host's name as its kernel has it */
	const char *boot_id; /* of the kernel */
	const char *version; /* of ajar */
	enum health_shipper shipper;
	enum health_agent agent;
	uint64_t agent_age_ns; /* of its last heartbeat */
	char tier; /* 'A' ... ; 0 unknown */
	bool attached; /* the sensor's own test door was seen when it was last tried */
	const char *sensor; /* tier, what is not watched and why; "" unknown */
	/* the node's own, with a blank between them; "": it has none; NULL: it does not say */
	const char *addresses;
	/*
	 * The journal: its newest record (boot_seq as the store numbers it, 0: not known yet) and
	 * the chain there.
	 */
	uint32_t boot_seq;
	uint64_t seq;
	uint8_t chain[SHA256_LEN];
	uint64_t journal_bytes, journal_max_bytes;
	/* Not acknowledged by the store yet: how much, and how long the oldest of it has waited. */
	uint64_t backlog_records, backlog_bytes, backlog_ns;
	uint64_t lost; /* by the sensor and the journal since the agent began */
	uint64_t conflicts, quarantined; /* records the store did not take; those put aside */
	uint64_t interval_ns; /* how often this node reports */
	/* the node's clock when it sent this; how long the exchange before took */
	uint64_t wall_ns, rtt_ns;
	int64_t step_ns; /* the last jump of that clock, */
	/* and when (the node's clock after it); 0: none since the shipper began */
	uint64_t stepped_ns;
};

/*
 * Is the address among them? -ENODATA: the node says nothing of its addresses, or has more than it
 * names. addr: as inet_ntop(3) writes it.
 */
int health_holds(const char *addresses, const char *addr);
/*
 * The sensor's words and "; at ADDRESS ADDRESS", or "; at none": for people. In b when that is more
 * than the words.
 */
const char *health_sensor_words(const struct store_health *h, struct buf *b);

struct store_health_reply {
	uint64_t server_ns; /* the store's clock */
	enum health_standing standing;
	bool accepted;
	/* The host that holds the name, when this one is refused. */
	char current_host[256];
};
/*
 * Makes the node when it is new. fresh_ns: the current installation counts as heard when it
 * reported within that (by the store's clock) and has not stopped. A refused installation changes
 * only its own row; try again: it may hold the name later.
 */
must_check int store_put_health(struct store *s, const char *node, const char *host_type,
				const struct store_health *h, uint64_t fresh_ns,
				struct store_health_reply *ret);
/*
 * The store's number for a boot of an installation's journal; given at the first call and never
 * changed. -EACCES: it is refused.
 */
must_check int store_claim_boot(struct store *s, const char *node,
				const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
				uint32_t journal_boot, uint32_t *ret_boot_seq);

struct store_boot {
	uint32_t boot_seq; /* in the store */
	uint32_t journal_boot; /* in the journal: what its chain is computed over */
	const uint8_t *installation;
	const char *boot_id;
};
typedef int (*store_boot_fn)(const struct store_boot *b, void *arg);
/* A boot that is not listed has its journal's number (it was stored without claiming one). */
must_check int store_boots(struct store *s, const char *node, store_boot_fn fn, void *arg);

/* --- what the monitor reads and notes --------------------------------------------------------- */

/* The monitor's notes of one node, zeros when it has none. */
struct store_watch {
	uint64_t lost_reported; /* of nodes.lost: what an alert that is over has told */
	/* what the present one tells: since when, last when */
	uint64_t lost_seen, lost_first_ns, lost_last_ns;
	uint32_t hole_boot;
	/* the store lacks the record behind hole_seq since then; 0: nothing */
	uint64_t hole_seq, hole_since_ns;
	uint32_t broken_boot;
	/* the chain does not go on there; noticed then; 0: it does */
	uint64_t broken_seq, broken_ns;
};

struct store_health_row {
	const char *node, *host_type;
	uint64_t first_seen_ns, last_seen_ns, events, lost; /* of the node, as in store_nodes() */
	uint32_t stored_boot; /* newest boot of which records are stored */
	uint64_t stored_seq, head_seq; /* of it: newest, and newest without a hole before it */
	bool known; /* false: never reported, nothing below is set */
	enum health_standing standing;
	uint64_t first_ns, received_ns; /* first and last report, by the store's clock */
	/* 0: took the place of another installation, and nobody has accepted it */
	uint64_t accepted_ns;
	/* when two sessions of this installation were last heard in turn: a clone; 0: never */
	uint64_t mixed_ns;
	char other_host[256]; /* the host of the session before the last */
	struct store_health h;
	struct store_watch watch;
	uint64_t refused, refused_ns; /* records that cannot be read; when the judge last met one */
	const struct store_behind *behind; /* what of it nobody has judged; NULL: all is judged */
};
typedef int (*store_health_fn)(const struct store_health_row *row, void *arg);
/*
 * Every installation of every node (or of one) that is not past; a node that never reported gives
 * one row. By node, current first.
 */
must_check int store_health(struct store *s, const char *node, bool with_past, store_health_fn fn,
			    void *arg);
/*
 * With those that are past, a page of nodes after the other, by name: page() behind each, when no
 * statement is under way, with the names of its first and last node.
 */
typedef int (*store_health_page_fn)(const char *first, const char *last, void *arg);
must_check int store_health_by_node(struct store *s, store_health_fn fn, store_health_page_fn page,
				    void *arg);
#define HEALTH_PAGE_NODES 64
must_check int store_get_watch(struct store *s, const char *node, struct store_watch *ret);
must_check int store_put_watch(struct store *s, const char *node, const struct store_watch *w);

/*
 * A person says: this is the node now. The current installation when `installation` is NULL and it
 * waits for that, else the one refused installation that still reports, which becomes current
 * (-ENOTUNIQ: there are several, name one), or the one named. Also a chain that was found broken is
 * forgiven. -ENOENT: no such node or installation; *ret_changed: there was something to accept.
 */
must_check int store_accept_node(struct store *s, const char *node, const uint8_t *installation,
				 bool *ret_changed);

/*
 * A person says that a node is gone for good: it raises nothing by being silent, until it reports
 * again or is taken back. -ENOENT: no such node, or it has never reported.
 */
must_check int store_node_retire(struct store *s, const char *node, bool retired,
				 bool *ret_changed);

/* The store's clock: of the server, or of this machine where the store is a file. */
must_check int store_clock(struct store *s, uint64_t *ret_now_ns);
/*
 * Of several monitors one does what is due every so often. Within the caller's transaction: 1: it
 * is due and ours (others wait until that ends), 0: it was done less than every_ns ago.
 * *ret_now_ns: the store's clock.
 */
must_check int store_interval_lock(struct store *s, const char *name, uint64_t every_ns,
				   uint64_t *ret_now_ns);

#endif
