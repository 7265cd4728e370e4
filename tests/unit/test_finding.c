/* SPDX-License-Identifier: GPL-2.0 */
#include "core/finding.h"

#include <errno.h>

#include "tap.h"

int main(void)
{
	enum verdict v = VERDICT_NONE;
	bool all = true;

	is_str(verdict_name(VERDICT_PROFILED), "as profiled", "a permitted door is 'as profiled'");
	is_str(verdict_name(VERDICT_UNEXPECTED), "unexpected", "unexpected has its name");
	ok(!verdict_name(VERDICT_NONE), "what nobody judged has no verdict's name");
	ok(!verdict_name(77), "a number from a newer program has no name");
	ok(!finding_kind_name(0) && !finding_kind_name(99), "no finding kind, no name");
	ok(!severity_name(0) && !alert_state_name(0), "0 names no severity and no state");
	is_str(finding_kind_name(FINDING_IMPOSTOR), "impostor", "impostor has its name");
	is_str(finding_kind_name(FINDING_CHANGED), "changed", "the last kind has its name");
	is_str(severity_name(SEVERITY_CRITICAL), "critical", "critical has its name");
	is_str(alert_state_name(ALERT_RESOLVED), "resolved", "resolved has its name");
	for (int i = VERDICT_LEARNING; i <= VERDICT_CLIENT; i++)
		all &= !verdict_parse(verdict_name(i), &v) && v == (enum verdict)i;
	ok(all, "every verdict is parsed from its own name");
	ok(!verdict_parse("profiled", &v) && v == VERDICT_PROFILED, "'profiled' is short for it");
	is_int(verdict_parse("odd", &v), -ENOENT, "an unknown verdict is refused");
	is_int(v, VERDICT_PROFILED, "and leaves the result alone");
	return tap_done();
}
