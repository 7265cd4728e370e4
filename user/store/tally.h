/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_TALLY_H
#define AJAR_STORE_TALLY_H

#include "store/store.h"

/* Counts, made where the rows are: for metrics and checks, which are asked for often. */

struct store_door_tally {
	const char *host_type;
	enum verdict verdict;
	uint64_t doors; /* open */
};
typedef int (*store_door_tally_fn)(const struct store_door_tally *t, void *arg);
/* By class, then verdict. */
must_check int store_tally_doors(struct store *s, store_door_tally_fn fn, void *arg);

struct store_alert_tally {
	const char *host_type;
	enum alert_state state;
	enum severity severity;
	enum finding_kind kind;
	uint64_t alerts;
};
typedef int (*store_alert_tally_fn)(const struct store_alert_tally *t, void *arg);
/* By class, state, severity, kind; resolved ones too, as long as they are kept. */
must_check int store_tally_alerts(struct store *s, store_alert_tally_fn fn, void *arg);

/* When store_interval_lock() last gave somebody this lock, by the store's clock; 0: never. */
must_check int store_interval_locked_at(struct store *s, const char *name, uint64_t *ret_ns);
/* The interval lock that each monitor takes now and then: its heartbeat. */
#define STORE_INTERVAL_MONITOR "monitor"

#endif
