/* SPDX-License-Identifier: GPL-2.0 */
#include "core/finding.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const verdict_names[] = {
	[VERDICT_LEARNING] = "learning",     [VERDICT_PROFILED] = "as profiled",
	[VERDICT_UNEXPECTED] = "unexpected", [VERDICT_IMPOSTOR] = "impostor",
	[VERDICT_CLIENT] = "client",	     [VERDICT_MASQUERADE] = "masquerade",
	[VERDICT_HIDDEN] = "hidden",	     [VERDICT_BLOCKED] = "blocked",
	[VERDICT_MISSING] = "missing",	     [VERDICT_SILENT] = "silent",
	[VERDICT_OUTLIER] = "outlier",	     [VERDICT_SETTLING] = "settling",
	[VERDICT_SHARED] = "shared",
};

static const char *const finding_kind_names[] = {
	[FINDING_UNEXPECTED] = "unexpected",
	[FINDING_IMPOSTOR] = "impostor",
	[FINDING_MASQUERADE] = "masquerade",
	[FINDING_HIDDEN] = "hidden",
	[FINDING_BLOCKED] = "blocked",
	[FINDING_MISSING] = "missing",
	[FINDING_OUTLIER] = "outlier",
	[FINDING_SILENT] = "silent",
	[FINDING_LOST] = "lost",
	[FINDING_TAMPERED] = "tampered",
	[FINDING_OVERDUE] = "overdue",
	[FINDING_FLOODED] = "flooded",
	[FINDING_UNSEEN] = "unseen",
	[FINDING_CHANGED] = "changed",
	[FINDING_SHARED] = "shared",
	[FINDING_DEGRADED] = "degraded",
};

static const char *const severity_names[] = {
	[SEVERITY_NOTICE] = "notice",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_CRITICAL] = "critical",
};

static const char *const alert_state_names[] = {
	[ALERT_OPEN] = "open",	       [ALERT_ACKNOWLEDGED] = "acknowledged",
	[ALERT_SNOOZED] = "snoozed",   [ALERT_ALLOWED] = "allowed",
	[ALERT_RESOLVED] = "resolved",
};

static const char *const alert_cause_texts[] = {
	[CAUSE_OPENED] = "opened",
	[CAUSE_REOPENED] = "reopened",
	[CAUSE_WORSE] = "more severe",
	[CAUSE_REACHED] = "reachable from outside",
	[CAUSE_MORE_NODES] = "on more nodes",
	[CAUSE_MANY_NODES] = "on many more nodes",
	[CAUSE_MORE_PORTS] = "on more ports",
	[CAUSE_SNOOZE_OVER] = "the snooze is over",
	[CAUSE_WINDOW_OVER] = "the maintenance is over",
	[CAUSE_BESIDE_WINDOW] = "also outside of the maintenance",
	[CAUSE_GONE] = "door gone",
	[CAUSE_FINE] = "as profiled now",
};

/* Numbers come from stores and records: one that is newer than this program has no name. */
static const char *name_of(const char *const *names, size_t len, unsigned v)
{
	return v < len ? names[v] : NULL;
}

static int number_of(const char *const *names, size_t len, const char *s, unsigned *ret_v)
{
	for (unsigned i = 0; i < len; i++) {
		if (names[i] && !strcmp(names[i], s)) {
			*ret_v = i;
			return 0;
		}
	}
	return -ENOENT;
}

const char *alert_cause_words(enum alert_cause c)
{
	const char *words = name_of(alert_cause_texts, array_len(alert_cause_texts), c);

	return words ? words : "";
}

const char *verdict_name(enum verdict v)
{
	return name_of(verdict_names, array_len(verdict_names), v);
}

const char *finding_kind_name(enum finding_kind k)
{
	return name_of(finding_kind_names, array_len(finding_kind_names), k);
}

const char *severity_name(enum severity s)
{
	return name_of(severity_names, array_len(severity_names), s);
}

const char *alert_state_name(enum alert_state s)
{
	return name_of(alert_state_names, array_len(alert_state_names), s);
}

int verdict_parse(const char *s, enum verdict *ret_v)
{
	unsigned v;
	int err;

	if (!strcmp(s, "profiled")) {
		*ret_v = VERDICT_PROFILED;
		return 0;
	}
	err = number_of(verdict_names, array_len(verdict_names), s, &v);
	if (err)
		return err;
	*ret_v = (enum verdict)v;
	return 0;
}
