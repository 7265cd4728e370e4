/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_ALERT_ROW_H
#define AJAR_MONITOR_ALERT_ROW_H

#include <stdint.h>

#include "base/err.h"

struct buf;
struct held;
struct store;

/*
 * The nodes an alert is about, folded: those where it stands, without those where a person lives
 * with it, or, when it stands nowhere, those where it did.
 */
must_check int alert_row_nodes(struct store *s, uint64_t alert_id, const struct held *h,
			       const char *key, uint64_t now_ns, struct buf *b);
/*
 * A summary ends with " on NODES", whatever stood there before: the folded set, cut where a line
 * has to end, and how many when it is more than one.
 */
void alert_row_summary(const char *summary, const char *nodes, uint64_t node_count, struct buf *b);

#endif
