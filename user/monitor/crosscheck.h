/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_CROSSCHECK_H
#define AJAR_MONITOR_CROSSCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct alerting;
struct store;

/*
 * Holds what scans saw against what the kernels showed, host by host as they are stored
 * (audit/compare.h), and raises and resolves the alerts that only two witnesses together can:
 * hidden, masquerade, blocked, and unexpected on nodes without an agent. Hidden and blocked doors
 * are looked at a second time, by a scan of those ports alone, before anybody is told. What it has
 * to remember is in the store (store/compared.h): several monitors share the work, and one that is
 * killed leaves it to the next.
 */
struct crosscheck;

/* a: the judge's, whose steps let alerts wake up and fold. */
must_check int crosscheck_new(struct store *s, struct alerting *a, struct crosscheck **ret_o);
void crosscheck_free(struct crosscheck *o);
DEFINE_FREEP(struct crosscheck, crosscheck_free)

/*
 * *ret_changes: alert_log rows written. *ret_more: there is more to compare now. A store without
 * scans has nothing to do.
 */
must_check int crosscheck_step(struct crosscheck *o, uint64_t now_wall_ns, unsigned *ret_changes,
			       bool *ret_more);

#endif
