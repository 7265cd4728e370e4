/* SPDX-License-Identifier: GPL-2.0 */
#include "core/scan_kind.h"
#include "tap.h"

/* Names are stored: none may change, and one that is not known is none of them. */
int main(void)
{
	is_str(scan_kind_name(SCAN_CONNECT), "connect", "a kind has a name");
	is_int(scan_kind_parse("identity"), SCAN_IDENTITY, "which is read back");
	for (enum scan_kind k = SCAN_CONNECT; k <= SCAN_VERIFY; k++)
		is_int(scan_kind_parse(scan_kind_name(k)), k, "%s is read back", scan_kind_name(k));
	is_int(scan_kind_parse("ping"), 0, "another word is no kind");
	is_int(scan_kind_parse(""), 0, "nor is none");
	is_str(scan_kind_name((enum scan_kind)99), "", "a number without a name has none");
	ok(scan_kind_is_raw(SCAN_SYN) && scan_kind_is_raw(SCAN_UDP) &&
		   !scan_kind_is_raw(SCAN_CONNECT) && !scan_kind_is_raw(SCAN_VERSION),
	   "syn and udp need raw sockets");
	for (enum scan_state s = SCAN_QUEUED; s <= SCAN_FAILED; s++)
		is_int(scan_state_parse(scan_state_name(s)), s, "%s is read back",
		       scan_state_name(s));
	for (enum scan_host_state s = SCAN_HOST_QUEUED; s <= SCAN_HOST_BACKED_OFF; s++)
		is_int(scan_host_state_parse(scan_host_state_name(s)), s, "%s is read back",
		       scan_host_state_name(s));
	is_int(scan_host_state_parse("closed"), 0, "another word is no state of a host");
	return tap_done();
}
