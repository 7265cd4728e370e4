/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_FINDING_H
#define AJAR_CORE_FINDING_H

#include <stdint.h>

#include "base/err.h"

/* Numbers are stored: never reused. Names are those of INTERFACE.md. */
enum verdict {
	VERDICT_NONE = 0, /* nobody judged it */
	VERDICT_LEARNING = 1, /* the class has no accepted profile yet */
	VERDICT_PROFILED = 2, /* "as profiled" */
	VERDICT_UNEXPECTED = 3,
	VERDICT_IMPOSTOR = 4,
	/*
	 * UDP that is connected, was closed at once or got its port by sending: recorded, never
	 * alerted
	 */
	VERDICT_CLIENT = 5,
	VERDICT_MASQUERADE = 6,
	VERDICT_HIDDEN = 7,
	VERDICT_BLOCKED = 8,
	VERDICT_MISSING = 9,
	VERDICT_SILENT = 10, /* nobody can say: never shown as fine */
	VERDICT_OUTLIER = 11, /* unlike its siblings, in a class without a profile */
	VERDICT_SETTLING = 12, /* not judged yet: see SAYS_SETTLING in audit/verdict.h */
	VERDICT_SHARED = 13, /* a multicast port that its rightful holder has too */
};
enum finding_kind {
	FINDING_UNEXPECTED = 1,
	FINDING_IMPOSTOR = 2,
	FINDING_MASQUERADE = 3,
	FINDING_HIDDEN = 4,
	FINDING_BLOCKED = 5,
	FINDING_MISSING = 6,
	FINDING_OUTLIER = 7,
	FINDING_SILENT = 8,
	FINDING_LOST = 9,
	FINDING_TAMPERED = 10,
	FINDING_OVERDUE = 11,
	FINDING_FLOODED = 12, /* a host that answers on everything */
	FINDING_UNSEEN = 13, /* one that lets no scan in, while its kernel shows doors */
	FINDING_CHANGED = 14, /* another version or product than before */
	FINDING_SHARED = 15, /* a multicast port, held by its rightful holder and by another */
	FINDING_DEGRADED = 16, /* a node whose sensor sees less than one can */
};
enum severity { SEVERITY_NOTICE = 1, SEVERITY_WARNING = 2, SEVERITY_CRITICAL = 3 };
enum alert_state {
	ALERT_OPEN = 1,
	ALERT_ACKNOWLEDGED = 2,
	ALERT_SNOOZED = 3,
	ALERT_ALLOWED = 4,
	ALERT_RESOLVED = 5
};
/* Who wrote a change of an alert. */
enum change_author { AUTHOR_MONITOR = 1, AUTHOR_PERSON = 2 };
/* Why the monitor wrote one; 0: a person did, or it is not known. */
enum alert_cause {
	CAUSE_OPENED = 1,
	CAUSE_REOPENED = 2,
	CAUSE_WORSE = 3,
	CAUSE_REACHED = 4, /* worse, as a scan has reached its door */
	CAUSE_MORE_NODES = 5,
	CAUSE_MANY_NODES = 6, /* so many that it opens again though it was acknowledged */
	CAUSE_MORE_PORTS = 7,
	CAUSE_SNOOZE_OVER = 8,
	CAUSE_WINDOW_OVER = 9, /* of a maintenance */
	CAUSE_BESIDE_WINDOW = 10, /* also outside of the maintenance */
	CAUSE_HELD = 11, /* a maintenance holds it back: the note says which */
	CAUSE_GONE = 12,
	CAUSE_FINE = 13,
	CAUSE_NODES_CHANGED = 14, /* the note says which */
};

/* What is logged; "" for those whose note says more. */
const char *alert_cause_words(enum alert_cause c);
const char *verdict_name(enum verdict v); /* "as profiled" ...; NULL for none */
const char *finding_kind_name(enum finding_kind k);
const char *severity_name(enum severity s);
const char *alert_state_name(enum alert_state s);
must_check int verdict_parse(const char *s, enum verdict *ret_v); /* also "profiled" */

#endif
