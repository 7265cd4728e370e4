/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_LIFECYCLE_H
#define AJAR_AUDIT_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/finding.h"

/*
 * The life of one alert (one audit_key, on all nodes of a class), pure: what is known, what
 * happened, and out come what is known next, the changes to log and when to look again. All times
 * are wall times of the happenings, not of now, so that a monitor which works through an old
 * journal comes to the same changes as one that watched.
 *
 * For each door event, after the store has it:
 *
 * 	in.doors, in.nodes = open doors with this key and this finding, and nodes that have some,
 * 	this event taken in lifecycle_step(&life, &in, &res);
 * 	for each res.changes[i]: store_put_alert(state, severity, cause, note, at_ns)
 * 	life = res.next; if (res.due_ns) arm a timer for it, then step with LIFE_TICK (an early tick
 * 	does nothing)
 *
 * A life is rebuilt after a restart from what the store has: state, severity, first, last, told and
 * until of the alert, the sum over its nodes, gone_ns the latest closing when there are no doors.
 * Nothing else is needed.
 *
 * What is logged is told to the sinks, so growth is reported in steps: when the alert stands on 2,
 * 10, 100, 1000 ... nodes, or for so many ports, and not sooner than LIFECYCLE_SETTLE_NS after the
 * last word; a smaller growth after LIFECYCLE_GROWTH_NS.
 */
#define LIFECYCLE_BLINK_NS UINT64_C(5000000000)
#define LIFECYCLE_SETTLE_NS UINT64_C(30000000000)
#define LIFECYCLE_GROWTH_NS UINT64_C(600000000000)

enum life_event {
	LIFE_OPENED = 1, /* a door with this finding is open (or was judged anew to have it) */
	LIFE_CLOSED = 2, /* one of its doors closed */
	/*
	 * one of its doors was judged anew and is fine now: the profile changed, or a scan saw it
	 * well
	 */
	LIFE_FINE = 3,
	LIFE_TICK = 4, /* time passed */
};

struct life {
	enum alert_state state; /* 0: there is no alert yet */
	enum severity severity;
	uint64_t doors, nodes; /* open ones, and where */
	uint64_t first_ns, last_ns; /* of the finding */
	uint64_t gone_ns; /* when the last door closed and no resolution has been logged; 0: no */
	uint64_t ports, reported_ports; /* different ones, as far as counted; a burst has many */
	/* what was logged last, or what a person knew when deciding */
	uint64_t reported_nodes, reported_ns;
	uint64_t until_ns; /* snoozed: until then */
	uint64_t window_id; /* snoozed by this maintenance; 0: by a person, or not */
};

struct life_input {
	enum life_event what;
	enum severity severity; /* of the finding, with LIFE_OPENED */
	uint64_t doors, nodes; /* of the key now, this event taken in */
	uint64_t ports; /* different ones among them; 0: not counted */
	uint64_t at_ns;
	uint64_t blink_ns; /* a door that is back within this has not been away */
	/* an acknowledged alert opens again on so many more nodes; 0: never */
	uint64_t reopen_nodes;
	/*
	 * The event's node is in a maintenance: until when, which, and what to log. With LIFE_TICK:
	 * the alert's node is.
	 */
	uint64_t held_until_ns, window_id;
	const char *held_note;
	/* with LIFE_OPENED: what makes it worse is that a scan has reached the door */
	bool reached;
	const char *note; /* what to log with LIFE_FINE, or NULL */
};

struct life_change {
	enum alert_state state;
	enum severity severity;
	uint64_t at_ns;
	enum alert_cause cause;
	const char *note; /* the cause in words, or what the input has of it */
};

#define LIFE_CHANGES_MAX 4
struct life_result {
	struct life next;
	unsigned len; /* of changes: mostly 0 or 1 */
	struct life_change changes[LIFE_CHANGES_MAX];
	bool anew; /* it opened after having been over: earlier nodes do not count */
	uint64_t due_ns; /* when a LIFE_TICK is wanted; 0: not */
};

void lifecycle_step(const struct life *have, const struct life_input *in,
		    struct life_result *ret_res);
/* Open, acknowledged or snoozed. */
bool lifecycle_is_open(enum alert_state s);

#endif
