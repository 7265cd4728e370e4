/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_COMPARED_H
#define AJAR_STORE_COMPARED_H

#include "core/finding.h"
#include "store/scans.h"

/*
 * What the comparison of scans with the kernels' views keeps, so that several monitors share it and
 * a new one goes on with it. Times are the store's clock (store_scan_now()). -EOPNOTSUPP: the
 * driver has no scans.
 */

/*
 * Hosts that nobody has compared yet and that ended at since_ns or later, in the order of their
 * ends.
 */
must_check int store_scan_uncompared(struct store *s, uint64_t since_ns, uint32_t limit,
				     store_scan_host_fn fn, void *arg);
/* *ret_ours: nobody had, and now we have. Then compare it in the same transaction. */
must_check int store_scan_compare(struct store *s, const struct store_scan_host *h, uint64_t now_ns,
				  bool *ret_ours);

/* Seen once, and looked at again before anybody is told. */
struct store_unconfirmed {
	const char *node, *addr;
	enum door_proto proto;
	uint32_t port;
	enum finding_kind kind; /* that it would be */
	uint64_t scan_id; /* that saw it */
	uint64_t due_ns; /* when the confirmation scan is asked for */
};
typedef int (*store_unconfirmed_fn)(const struct store_unconfirmed *d, void *arg);
must_check int store_unconfirmed_of(struct store *s, const char *node, const char *addr,
				    store_unconfirmed_fn fn, void *arg);
/* New, or in place of the one about that port. */
must_check int store_unconfirmed_put(struct store *s, const struct store_unconfirmed *d);
/* by node, addr and port; none is fine */
must_check int store_unconfirmed_del(struct store *s, const struct store_unconfirmed *d);
/* Due, and nobody has asked for the confirmation scan yet; by node and address. */
must_check int store_unconfirmed_due(struct store *s, uint64_t now_ns, uint32_t limit,
				     store_unconfirmed_fn fn, void *arg);
must_check int store_unconfirmed_asked(struct store *s, const struct store_unconfirmed *d,
				       uint64_t now_ns);
/* Those that were asked for and never answered. */
must_check int store_unconfirmed_prune(struct store *s, uint64_t before_ns);

/*
 * Alerts that are open on a node (alert_nodes), allowed ones too: the key and what makes it are
 * set.
 */
typedef int (*store_alert_on_fn)(const struct store_alert *a, void *arg);
must_check int store_alerts_on(struct store *s, const char *node, store_alert_on_fn fn, void *arg);

/* What a scan saw of one of its doors, without an alert_log row. */
must_check int store_alert_look(struct store *s, uint64_t alert_id, const struct port_look *l);

#endif
