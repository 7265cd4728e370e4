/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_SEEN_H
#define AJAR_SCAN_SEEN_H

#include "scan/xml.h"
#include "store/scans.h"

/*
 * A host as nmap saw it, as the rows that are stored: texts escaped and cut to what a column takes,
 * the ports of states with many folded into lists. A host that is open on more than SEEN_OPEN_MAX
 * ports is "flooded": something answers for everything, which is one fact and not 65,535.
 */
#define SEEN_OPEN_MAX 1024
struct seen {
	struct store_scan_host host;
	size_t ports_len;
	struct store_scan_port *ports;
	struct arena *texts;
};
must_check int seen_make(const struct scan_host *h, const struct scan_run *run,
			 struct seen *ret_seen);
void seen_done(struct seen *s);

#endif
