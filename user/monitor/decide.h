/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_DECIDE_H
#define AJAR_MONITOR_DECIDE_H

#include <stdbool.h>

#include "core/finding.h"

/* What people decide about an alert, and from which states: for the command line and requests. */
struct decision {
	const char *done; /* "acknowledged" */
	enum alert_state to;
	unsigned from; /* states, by bit */
	const char *why_not; /* for any other state */
};
extern const struct decision decision_ack, decision_snooze, decision_reopen;
bool decision_may(const struct decision *d, enum alert_state from);

#endif
