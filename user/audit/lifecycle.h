/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_LIFECYCLE_H
#define AJAR_AUDIT_LIFECYCLE_H

#include <stdint.h>

#include "core/finding.h"

/*
 * The life of one alert (one audit_key), pure: what is known, what happened, and out come what is known
 * next, the changes to log and when to look again. All times are wall times of the happenings, not of now, so
 * that a monitor which works through an old journal comes to the same changes as one that watched.
 *
 * For each door event, after the store has it:
 *
 *	in.doors = open doors with this key and this finding, as the store counts them now
 *	lifecycle_step(&life, &in, &res);
 *	for each res.changes[i]: store_put_alert(state, severity, note, at_ns)
 *	life = res.next; if (res.due_ns) arm a timer for it, then step with LIFE_TICK (an early tick does nothing)
 *
 * A life is rebuilt after a restart from what the store has: state, severity, first and last of the alert,
 * doors counted, gone_ns the latest closed_ns of its doors when doors is 0. Nothing else is needed.
 */
#define LIFECYCLE_BLINK_NS UINT64_C(5000000000)

enum life_event {
	LIFE_OPENED = 1, /* a door with this finding stands open (or was judged anew to have it) */
	LIFE_CLOSED = 2, /* one of its doors closed */
	LIFE_FINE = 3, /* one of its doors was judged anew and is fine now: the profile changed */
	LIFE_TICK = 4, /* time passed */
};

struct life {
	enum alert_state state; /* 0: there is no alert yet */
	enum severity severity;
	uint64_t doors; /* open ones */
	uint64_t first_ns, last_ns; /* of the finding */
	uint64_t gone_ns; /* when the last door closed and no resolution has been logged; 0: no */
};

struct life_input {
	enum life_event what;
	enum severity severity; /* of the finding, with LIFE_OPENED */
	uint64_t doors; /* open doors of the key now, this event taken in */
	uint64_t at_ns;
	uint64_t blink_ns; /* a door that is back within this has not been away */
};

struct life_change {
	enum alert_state state;
	enum severity severity;
	uint64_t at_ns;
	const char *note; /* static text for alert_log */
};

struct life_result {
	struct life next;
	unsigned len; /* of changes: mostly 0 or 1 */
	struct life_change changes[2];
	uint64_t due_ns; /* when a LIFE_TICK is wanted; 0: not */
};

void lifecycle_step(const struct life *have, const struct life_input *in,
		    struct life_result *ret_res);

#endif
