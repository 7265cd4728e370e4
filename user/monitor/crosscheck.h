/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_CROSSCHECK_H
#define AJAR_MONITOR_CROSSCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct store;

/*
 * Holds what scans saw against what the kernels showed, host by host as they are stored (audit/compare.h), and raises and resolves the
 * alerts that only two witnesses together can: hidden, masquerade, blocked, and unexpected on nodes without an agent. A hidden
 * door is looked at a second time, by a scan of that one port, before anybody is told.
 */
struct crosscheck;

must_check int crosscheck_new(struct store *s, struct crosscheck **ret_o);
void crosscheck_free(struct crosscheck *o);
DEFINE_FREEP(struct crosscheck, crosscheck_free)

/* *ret_changes: alert_log rows written. *ret_more: there is more to compare now. A store without scans has nothing to do. */
must_check int crosscheck_step(struct crosscheck *o, unsigned *ret_changes, bool *ret_more);

#endif
