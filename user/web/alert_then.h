/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_ALERT_THEN_H
#define AJAR_WEB_ALERT_THEN_H

#include <stdint.h>

#include "base/err.h"

struct hostlist;
struct store;
struct store_alert;

/*
 * The nodes on which an alert of store_alerts_at() stood at that time; adds to h. A node joins a
 * large alert without a row of alert_log: alert_nodes has it, but only since the alert last opened.
 * What the alert_log row of then says is completed by that.
 */
must_check int alert_nodes_at(struct store *s, const struct store_alert *a, uint64_t at_ns,
			      struct hostlist *h);

#endif
