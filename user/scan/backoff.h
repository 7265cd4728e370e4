/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_BACKOFF_H
#define AJAR_SCAN_BACKOFF_H

#include "core/portset.h"
#include "scan/xml.h"
#include "store/scans.h"

/*
 * Gentleness. A host most of whose doors answered last time and are silent in this scan has had
 * enough of it: a limit of rate, a ban. What it shows then is no truth about its doors. It is
 * stored as SCAN_HOST_BACKED_OFF, which nobody compares, and those doors are asked again a while
 * later, one at a time; what they show then counts.
 */
#define BACKOFF_PLAN "backed off"
struct backoff {
	unsigned turned, open; /* doors that were open; of those, how many are silent now */
	struct ports ports; /* the silent */
};
/* Of a host as nmap saw it just now. */
must_check int backoff_look(struct store *s, const char *node, const char *addr,
			    const struct scan_host *h, struct backoff *ret_b);
bool backoff_is_due(const struct backoff *b);
/* Queues the later look. */
must_check int backoff_later(struct store *s, const char *node, const char *addr,
			     const struct backoff *b);

#endif
