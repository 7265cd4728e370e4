/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_MATCH_H
#define AJAR_VIEW_MATCH_H

#include <stdbool.h>

#include "core/filter.h"

struct store_alert;
struct store_scan_change;

/*
 * Does an event pass? Lost and gap, which may hide what is asked for, are only held against node:,
 * class: and rack: words.
 */
bool view_match_event(const struct filter *f, const struct event *ev, const char *node,
		      const char *host_type, enum verdict verdict);
/* The same for an alert, by the door it is about and by any of its nodes. */
bool view_match_alert(const struct filter *f, const struct store_alert *a);
bool view_match_scan(const struct filter *f, const struct store_scan_change *c);

#endif
