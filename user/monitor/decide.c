/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/decide.h"

#define BIT(s) (1U << (s))

const struct decision decision_ack = {
	"acknowledged",
	ALERT_ACKNOWLEDGED,
	BIT(ALERT_OPEN) | BIT(ALERT_SNOOZED),
	"only an open or snoozed one can be acknowledged",
};
const struct decision decision_snooze = {
	"snoozed",
	ALERT_SNOOZED,
	BIT(ALERT_OPEN) | BIT(ALERT_ACKNOWLEDGED) | BIT(ALERT_SNOOZED),
	"only one that stands can be snoozed",
};
const struct decision decision_reopen = {
	"reopened",
	ALERT_OPEN,
	BIT(ALERT_ACKNOWLEDGED) | BIT(ALERT_SNOOZED) | BIT(ALERT_ALLOWED),
	"it opens by itself when the door is there again",
};

bool decision_may(const struct decision *d, enum alert_state from)
{
	return d->from & BIT(from);
}
