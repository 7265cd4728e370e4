/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_METRICS_H
#define AJAR_VIEW_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/health.h"
#include "base/err.h"

struct buf;
struct store;

/*
 * How the whole is doing, in numbers: read from the store once, written as Prometheus text or
 * judged by `ajar check`. Never a port, a pid or a program among the labels: their number has no
 * bound.
 */

struct view_health_in { /* which nodes count */
	bool (*wants)(const char *node, const char *host_type, void *arg); /* NULL: all */
	void *arg;
	uint64_t silent_ns; /* not heard for so long */
};
/* How a node is, by the row of its current installation, or of one that never reported. */
struct store_health_row;
enum node_state view_health_state(const struct store_health_row *r, uint64_t silent_ns,
				  uint64_t now_ns);
#define SENSOR_TIERS 4 /* A to D */
struct view_health_sum {
	uint64_t nodes[NODE_STATES]; /* none is refused: a name counts once */
	uint64_t tiers[SENSOR_TIERS]; /* of those that record; an unknown one is not counted */
	uint64_t degraded; /* of these, not A */
	char degraded_node[280]; /* the first of them, and its tier */
	uint64_t events, lost; /* totals */
	uint64_t backlog_records, backlog_bytes, backlog_ns; /* sums, and the longest wait */
	uint64_t quarantined;
	uint64_t unreadable; /* records of theirs that could not be read */
	/*
	 * What nobody has judged, how long the oldest of it has waited and whose it is; nodes of
	 * which some cannot be judged.
	 */
	uint64_t unjudged, lag_ns, failing;
	char last_judged[256];
};
must_check int view_health_sum(struct store *s, const struct view_health_in *in,
			       struct view_health_sum *ret);

/* How far behind the judge is. */
struct judging {
	uint64_t pending; /* events nobody has judged */
	uint64_t lag_ns; /* how long the oldest of them has waited, by the store's clock */
	uint64_t oldest_ns; /* when that came; 0: all is judged */
	/* nodes that are judged late or not at all; of these those that cannot be */
	uint64_t late, failing;
	uint64_t seen_ns; /* when a monitor last sent a heartbeat; 0: never */
	uint64_t now_ns; /* the store's clock */
};
must_check int view_judging(struct store *s, struct judging *ret);

/* When each scan plan that is enabled was last done. */
#define SCAN_AGES_MAX 32
struct scan_ages {
	unsigned len;
	uint64_t now_ns; /* the store's clock */
	struct {
		char name[64];
		uint64_t every_ns; /* 0: by hand only */
		uint64_t ended_ns; /* 0: not among the newest scans */
	} plans[SCAN_AGES_MAX];
};
must_check int view_scan_ages(struct store *s, struct scan_ages *ret);

struct metrics_opts {
	uint64_t silent_ns;
	uint64_t keep_ns, keep_bytes; /* the store's limits, 0: none */
};
/* The exposition format, version 0.0.4, all of it. */
must_check int view_metrics(struct store *s, const struct metrics_opts *o, struct buf *b);
#define METRICS_BYTES_MAX (8 << 20)

#endif
