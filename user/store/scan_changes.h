/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SCAN_CHANGES_H
#define AJAR_STORE_SCAN_CHANGES_H

#include "store/scans.h"

/*
 * What each scan saw change, noted in the transaction that stores a host: a port that was never
 * seen open is seen open, one that was is not any more (or is again), another service answers
 * there. Only what a run that ended well for the host says: a port it did not ask for, and one that
 * gave no answer about itself (UDP's open|filtered), is as it was.
 */
struct store_scan_change {
	uint64_t id, at_ns, scan_id;
	const char *plan; /* of the scan, as the kind; "" and 0 when it is pruned */
	enum scan_kind kind;
	const char *node, *host_type, *addr;
	enum door_proto proto;
	uint32_t port;
	enum port_state was, state; /* was PORT_UNKNOWN: never seen open before */
	const char *service_was, *service; /* "" not known, escaped */
	const char *scanner; /* whose scan it was */
};
#define SCAN_CHANGES_BACK_MAX 20001
struct store_scan_change_query {
	const char *node; /* NULL: any */
	uint64_t since_ns, until_ns; /* 0: open */
	/*
	 * A page of those behind this one: by time (at_ns and id of the last), or by id alone, as
	 * they were stored.
	 */
	bool by_id;
	uint64_t after_ns, after_id;
	/* The other way round, without after_; until_ns is not included. */
	bool newest_first;
	uint32_t limit; /* 0: none, backwards SCAN_CHANGES_BACK_MAX */
};
typedef int (*store_scan_change_fn)(const struct store_scan_change *c, void *arg);
/* By time, then id. A store without scans has none. */
must_check int store_scan_changes(struct store *s, const struct store_scan_change_query *q,
				  store_scan_change_fn fn, void *arg);
/* The greatest id there is; 0: none. */
must_check int store_scan_change_last(struct store *s, uint64_t *ret_id);

/* --- for the file that stores a host ---------------------------------------------------------- */

must_check int scan_changes_note(struct store *s, const struct store_scan_host *h, uint64_t node_id,
				 const char *owner, const struct store_scan_port *ports, size_t n);
/* Forgets what is old and no longer so. */
must_check int scan_changes_prune(struct store *s, uint64_t before_ns);
/* "ssh OpenSSH 9.2p1"; "" when no probe has told. */
#define SCAN_SERVICE_MAX 600

#endif
