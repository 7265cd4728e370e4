/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_ALERTING_H
#define AJAR_MONITOR_ALERTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/event.h"
#include "core/finding.h"
#include "core/observation.h"

struct audit_crowd;
struct buf;
struct judgement;
struct profile;
struct store;
struct store_door;

/*
 * Moves alerts through audit/lifecycle and writes what changes. One alert is one finding on all
 * nodes of a class: where it stands is counted in the store with each door (store/triage.h), so an
 * event costs the same on one node and on 10,000. Keeps the lives of open alerts in memory, so that
 * a flood of doors of one alert costs one row and not a count each; the store stays the truth:
 * after a transaction was rolled back alerting_forget() must be called, and lives are read from the
 * store anew.
 */
struct alerting;

struct alerting_opts {
	uint64_t blink_ns;
	/* an acknowledged alert opens again on so many more nodes; 0: never */
	uint64_t reopen_nodes;
};
must_check int alerting_new(struct store *s, const struct alerting_opts *o,
			    struct alerting **ret_a);
void alerting_free(struct alerting *a);

/* Of the present step: alert_log rows written since alerting_begin(). */
void alerting_begin(struct alerting *a);
unsigned alerting_changes(const struct alerting *a);

/*
 * The first thing in each transaction that may change an alert. Several monitors judge one store,
 * one at a time: others wait here until the transaction ends; and what this one remembers of the
 * alerts is read anew when another was here meanwhile, or when its own last transaction failed: a
 * server of a cluster that it then reads from may lag behind what was committed on the one that
 * died.
 */
must_check int alerting_enter(struct alerting *a);

/*
 * Reads the alerts that are open, unless it has, and what people decided since; before a step's
 * events.
 */
must_check int alerting_load(struct alerting *a, uint64_t now_wall_ns);
/*
 * The key under which a door goes that opened at at_ns and whose own is `key`: that, or the one of
 * the burst or flood it is part of, whatever the severity, or of its user's or node's crowd
 * (audit/audit.h).
 */
must_check int alerting_key(struct alerting *a, const char *key, const struct audit_crowd *c,
			    uint64_t at_ns, struct buf *b);

/* --- doors: within the caller's transaction, after the store has the door --------------------- */

/* fresh: it was not open under this key before. */
must_check int alerting_raise(struct alerting *a, const struct store_door *d,
			      const struct judgement *j, const struct profile *p, bool fresh,
			      uint64_t at_ns);
must_check int alerting_close(struct alerting *a, const char *key, const char *node,
			      uint64_t at_ns);
/*
 * A scan has looked at one of its doors from outside. severity: of the finding now; a worse one is
 * told, the rest only written. Without effect on an alert that is not open.
 */
struct reach {
	const char *key, *host_type;
	struct port_look look;
	enum severity severity;
};
must_check int alerting_reach(struct alerting *a, const struct reach *r, uint64_t at_ns);
/*
 * One of its doors is its no more: fine now, or another alert's. note: what the log says if that
 * ends it; NULL: as profiled.
 */
must_check int alerting_allow(struct alerting *a, const char *key, const char *node,
			      const char *note, uint64_t at_ns);

/* --- findings that are no single door: silent, lost, hidden, missing, overdue ... ------------- */

/* What folds: the same kind, class, proto, port and `what` on many nodes is one alert. */
struct finding {
	enum finding_kind kind;
	enum severity severity;
	const char *host_type, *node; /* the store has the node */
	enum door_proto proto; /* 0: about no port */
	uint32_t port;
	const char *what; /* tells findings of one kind apart ("agent", "chain"), or NULL */
	const char *summary; /* without the node: " on NODES" is put behind it */
	const char *why, *remedy;
	struct text record; /* an event that shows it, or unknown */
	uint32_t boot_seq; /* of that event */
	uint64_t seq;
	/* what alerting_end() logs: it is over at once; NULL: after the blink, as a door's is */
	const char *over;
};
/*
 * It stands on that node; said again and again while it does (each call after the first costs a
 * look-up), it opens again when an exception has run out. alerting_end(): it stands there no more;
 * only what makes the key, and `over`, is read. Both within a transaction; alerting_flush() before
 * the commit.
 */
must_check int alerting_find(struct alerting *a, const struct finding *f, uint64_t at_ns);
must_check int alerting_end(struct alerting *a, const struct finding *f, uint64_t at_ns);

/* Writes the counts of repeats; before the caller commits. */
must_check int alerting_flush(struct alerting *a);
void alerting_forget(struct alerting *a);

/*
 * In a transaction of its own: what is due at `until_ns`, which is behind now_wall_ns while events
 * of then may still be to come; what has been due for ALERTING_LATE_NS is so in any case, when all
 * that is stored is judged. *ret_next_ns: when something will be, 0: never.
 */
#define ALERTING_LATE_NS UINT64_C(10000000000)
must_check int alerting_due(struct alerting *a, uint64_t until_ns, uint64_t now_wall_ns,
			    bool all_judged, uint64_t *ret_next_ns);

#endif
