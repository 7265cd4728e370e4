/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_PLAN_H
#define AJAR_SCAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "scan/address.h"
#include "store/scans.h"

struct buf;
struct hostlist;

/* Plans: what may be said in one, when it is due, and the scan that follows from it. */

/* A plan that can be put: every text a copy of ours. */
struct plan {
	struct store_plan p;
	char *texts[7];
};
void plan_done(struct plan *p);
must_check int plan_copy(const struct store_plan *from, struct plan *ret_p);
/*
 * "kind=version": one word of `ajar scan plans set`. -EINVAL and *ret_why (static) when it is none.
 */
must_check int plan_set(struct plan *p, const char *word, const char **ret_why);
/* The whole of it; as plan_set(). */
must_check int plan_check(const struct store_plan *p, const char **ret_why);
/* The words that make it, as plan_set() takes them. */
void plan_format(struct buf *b, const struct store_plan *p);

/* "22:00-06:00", UTC; "" is always. -EINVAL. */
must_check int plan_window_parse(const char *s, unsigned *ret_from_min, unsigned *ret_to_min);
bool plan_in_window(const char *window, uint64_t wall_ns);
/* Is it to be run now? *ret_next_ns: when to ask again at the latest. */
#define PLAN_PROBE "probe" /* the plan in name of what is scanned because of an alert's door */
#define PLAN_DEFERRED "unresponsive ports" /* the command of the deferred queue's scan */
/* a plan never run waits so long: a machine that just starts has other cares */
#define PLAN_FIRST_NS (600ULL * 1000000000ULL)
bool plan_due(const struct store_plan *p, uint64_t now_ns, uint64_t *ret_next_ns);

/* --- the scan that it makes ------------------------------------------------------------------- */

struct plan_scope {
	struct store *store;
	const struct networks *networks; /* what may be scanned */
	struct hostlist *only; /* NULL: all nodes of the plan */
	struct hostlist *idle; /* NULL: no scheduler is asked */
	const char *self; /* the node that this machine is, with the addresses below; NULL: none */
	const struct address *own;
	unsigned own_len;
	const struct address *avoid; /* not these */
	unsigned avoid_len;
	uint64_t resolve_ns; /* for all names together */
	uint64_t priority;
	const char *command; /* who wants it: for the record */
	uint64_t held_ns; /* so long nobody else works on it */
	/* nmaps at a time that the work is cut for; 0: one for each core here */
	unsigned processes;
	/*
	 * of a version scan: ports that are known to be unresponsive apart, once a day
	 * (plan_unresponsive.c)
	 */
	bool deferred;
	bool claim; /* take the plan up, if nobody has since p->claimed_ns */
};
/* Addresses of a node that a scan asks; more are left out, and counted (plan_made.beyond). */
#define PLAN_ADDRS_MAX 8
struct plan_made {
	uint64_t scan_id; /* 0: nothing to scan, or another was faster */
	unsigned nodes, hosts, shards; /* hosts: addresses */
	uint64_t deferred_scan_id; /* of the deferred queue; 0: nothing is due there */
	unsigned deferred_hosts; /* its addresses */
	/* ports left out since they were asked a while ago and are unresponsive */
	unsigned unresponsive;
	unsigned busy; /* nodes left out because they are */
	unsigned nowhere; /* nodes without an address */
	unsigned refused; /* addresses outside of the networks */
	unsigned beyond; /* addresses of nodes that have more than a scan asks (PLAN_ADDRS_MAX) */
	unsigned nothing; /* nodes of which no port is known or permitted */
	char example[256]; /* one of nowhere or refused, with its address if it has one */
	char example_beyond[256];
};
must_check int plan_make(const struct store_plan *p, const struct plan_scope *sc,
			 struct plan_made *ret);

#endif
