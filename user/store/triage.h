/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_TRIAGE_H
#define AJAR_STORE_TRIAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/finding.h"

struct store;

/* --- where an alert stands -------------------------------------------------------------------- */

/*
 * `alert_nodes` is the truth about where an alert stands, kept with each door that opens or closes;
 * alerts.nodes, the folded text, follows within a second. Nodes whose doors have all closed stay,
 * with open 0, until the alert opens anew.
 */
struct store_alert_node {
	const char *node, *host_type;
	uint64_t first_ns, last_ns; /* wall */
	uint64_t open; /* doors; 1 or 0 for a finding that is about none */
};
struct store_alert_sum {
	uint64_t doors, nodes; /* open doors, and nodes that have some */
	uint64_t last_ns; /* of the latest opening or closing; 0: there was none */
};
/* So many doors more or less (never below none) on that node. -ENOENT: no such node. */
must_check int store_alert_node_add(struct store *s, uint64_t alert_id, const char *node,
				    int64_t doors, uint64_t at_ns, uint64_t *ret_before,
				    uint64_t *ret_after);
must_check int store_alert_sum(struct store *s, uint64_t alert_id, struct store_alert_sum *ret_sum);

typedef int (*store_alert_node_fn)(const struct store_alert_node *n, void *arg);
/* By name. */
must_check int store_alert_nodes(struct store *s, uint64_t alert_id, bool open_only,
				 store_alert_node_fn fn, void *arg);
/* It opens anew: nodes that are over are forgotten. */
must_check int store_alert_nodes_restart(struct store *s, uint64_t alert_id);
/*
 * The folded text and what counts it, without an alert_log row; the summary too unless it is NULL.
 * -ENOENT.
 */
must_check int store_alert_fold(struct store *s, uint64_t alert_id, const char *nodes,
				uint64_t node_count, const char *summary);

/* --- what people decide ----------------------------------------------------------------------- */

struct store_decision {
	uint64_t alert_id;
	enum alert_state from, to; /* -EAGAIN: it is no longer `from` */
	uint64_t until_ns; /* snoozed: until then */
	const char *who, *note;
	uint64_t at_ns;
};
/* Writes one alert_log row; a monitor sees it there and goes by it. */
must_check int store_decide(struct store *s, const struct store_decision *d, uint64_t *ret_log_id);

/*
 * A finding to live with that no profile row can allow (a missing service, a silent node), by alert
 * key and node: the same finding on another node of the class alerts.
 */
struct store_exception {
	uint64_t id;
	const char *key, *reason, *author;
	const char *nodes; /* folded node set; "": none (of a store older than this column) */
	uint64_t created_ns, expires_ns; /* expires 0: never */
};
/* -EINVAL: without a node, or with more than HOSTLIST_TEXT_MAX can name. */
must_check int store_exception_add(struct store *s, const struct store_exception *e,
				   uint64_t *ret_id);
must_check int store_exception_end(struct store *s, uint64_t id, uint64_t at_ns); /* -ENOENT */
/* It goes on for these nodes alone; for none of them it ends. -ENOENT */
must_check int store_exception_keep(struct store *s, uint64_t id, const char *nodes,
				    uint64_t at_ns);
typedef int (*store_exception_fn)(const struct store_exception *e, void *arg);
must_check int store_exceptions(struct store *s, store_exception_fn fn, void *arg);

/* --- maintenance ------------------------------------------------------------------------------ */

struct store_maintenance {
	uint64_t id;
	const char *nodes; /* folded node set; "": all */
	const char *host_type; /* "": all */
	uint64_t starts_ns, ends_ns;
	const char *reason, *author;
	uint64_t created_ns;
	uint64_t ended_ns; /* before its time; 0: not */
	const char *ended_by;
};
/* -EINVAL: with so many under way or to come one more is refused, and none is passed over. */
#define STORE_MAINTENANCES_MAX 4096
must_check int store_maintenance_add(struct store *s, const struct store_maintenance *m,
				     uint64_t *ret_id);
/* At at_ns at the latest. -ENOENT: no such one, or it is over. */
must_check int store_maintenance_end(struct store *s, uint64_t id, const char *who, uint64_t at_ns);
typedef int (*store_maintenance_fn)(const struct store_maintenance *m, void *arg);
/* Those that were not over at since_ns, by their start. */
must_check int store_maintenances(struct store *s, uint64_t since_ns, store_maintenance_fn fn,
				  void *arg);

/*
 * The newest alert_log row, and a number that moves with each exception and maintenance: has
 * anybody decided anything?
 */
must_check int store_triage_marks(struct store *s, uint64_t *ret_log_id, uint64_t *ret_revision);

#endif
