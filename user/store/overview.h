/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_OVERVIEW_H
#define AJAR_STORE_OVERVIEW_H

#include <stdint.h>

#include "store/store.h"

/*
 * What a map of all nodes shows, in a few queries however many nodes there are; each gives a node
 * at most once, in no order, and only those that have something.
 */
struct store_overview_row {
	const char *node;
	uint64_t count; /* open alerts; doors */
	enum severity worst; /* of open alerts */
	uint64_t at_ns;
};
typedef int (*store_overview_fn)(const struct store_overview_row *row, void *arg);
/* Alerts that are open there, and the worst of them. */
must_check int store_overview_alerts(struct store *s, store_overview_fn fn, void *arg);
/* Doors that opened there since then. */
must_check int store_overview_opened(struct store *s, uint64_t since_ns, uint64_t until_ns,
				     store_overview_fn fn, void *arg);
/*
 * When a scan of it last ended, however it ended. Reads an index entry a scanned host. Of both:
 * what was after until_ns does not count; 0: all does.
 */
must_check int store_overview_scans(struct store *s, uint64_t until_ns, store_overview_fn fn,
				    void *arg);

/*
 * The nodes that were known at a time: those that had been heard of, or have a record of before.
 * Reads an index entry a node.
 */
struct store_node_then {
	const char *node, *host_type; /* the class of now: that of then is not kept */
};
typedef int (*store_node_then_fn)(const struct store_node_then *n, void *arg);
must_check int store_overview_nodes_at(struct store *s, uint64_t at_ns, store_node_then_fn fn,
				       void *arg);
/* The oldest record that is kept: of before it nothing can be said. 0: there is none. */
must_check int store_overview_oldest(struct store *s, uint64_t *ret_ns);

/* How many alerts are open, by severity. */
must_check int store_overview_severities(struct store *s, uint64_t ret_n[SEVERITY_CRITICAL + 1]);

/*
 * How many doors opened and closed, and alerts opened, in each step of a time: [0, buckets) of
 * step_ns from since_ns on. Buckets with nothing are not given.
 */
enum store_histogram_what { HISTOGRAM_OPENED, HISTOGRAM_CLOSED, HISTOGRAM_ALERTS };
struct store_histogram_row {
	enum store_histogram_what what;
	enum severity severity; /* of alerts */
	uint64_t bucket, count;
};
typedef int (*store_histogram_fn)(const struct store_histogram_row *row, void *arg);
must_check int store_histogram(struct store *s, uint64_t since_ns, uint64_t step_ns,
			       uint64_t buckets, store_histogram_fn fn, void *arg);

#endif
