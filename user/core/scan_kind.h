/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_SCAN_KIND_H
#define AJAR_CORE_SCAN_KIND_H

#include <stdbool.h>

/*
 * What a scan does, and how it and its hosts end. The names are stored and shown; a name that is
 * none of them is 0.
 */
enum scan_kind {
	SCAN_CONNECT = 1, /* connect(2), as all that are not raw */
	SCAN_SYN = 2,
	SCAN_UDP = 3,
	SCAN_IDENTITY = 4, /* SSH and TLS keys */
	SCAN_VERSION = 5, /* what answers there, and keys */
	SCAN_VERIFY = 6,
};
const char *scan_kind_name(enum scan_kind k); /* "" for none */
enum scan_kind scan_kind_parse(const char *s);
bool scan_kind_is_raw(enum scan_kind k); /* needs CAP_NET_RAW */

enum scan_state {
	SCAN_QUEUED = 1,
	SCAN_RUNNING = 2,
	SCAN_DONE = 3,
	SCAN_FAILED = 4,
};
const char *scan_state_name(enum scan_state s);
enum scan_state scan_state_parse(const char *s);

/* Only SEEN and FLOODED say something of a host's doors. */
enum scan_host_state {
	SCAN_HOST_QUEUED = 1,
	SCAN_HOST_SEEN = 2,
	SCAN_HOST_TIMED_OUT = 3,
	SCAN_HOST_CUT = 4, /* it answered more than is kept */
	SCAN_HOST_FLOODED = 5, /* it answers on everything */
	SCAN_HOST_LOST = 6, /* the run ended without an answer */
	/*
	 * Most of its doors that answered last are silent now: it limits us or has banned us. What
	 * it shows is compared with nothing; it is asked again later, slowly.
	 */
	SCAN_HOST_BACKED_OFF = 7,
};
const char *scan_host_state_name(enum scan_host_state s);
enum scan_host_state scan_host_state_parse(const char *s);

#endif
