/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_ALERTING_H
#define AJAR_MONITOR_ALERTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct buf;
struct judgement;
struct profile;
struct store;
struct store_door;

/*
 * Moves alerts through audit/lifecycle and writes what changes. Keeps the lives of open alerts in
 * memory, so that a flood of doors of one alert costs one row and not a count each; the store stays the truth: after a
 * transaction was rolled back alerting_forget() must be called, and lives are read from the store anew.
 */
struct alerting;

must_check int alerting_new(struct store *s, uint64_t blink_ns, struct alerting **ret_a);
void alerting_free(struct alerting *a);

/* Of the present step: alert_log rows written since alerting_begin(). */
void alerting_begin(struct alerting *a);
unsigned alerting_changes(const struct alerting *a);

/* Reads the alerts that stand, unless it has; before a step's events. */
must_check int alerting_load(struct alerting *a);
/*
 * The key under which a door goes whose own is `key`: that, or the one of the flood it is part of. kept: the key it has
 * now, or NULL; one of the two stays as it is.
 */
must_check int alerting_key(struct alerting *a, const char *key, const char *kept, struct buf *b);

/* Within the caller's transaction, after the store has the door. fresh: it was not open under this key before. */
must_check int alerting_raise(struct alerting *a, const struct store_door *d, const struct judgement *j,
			      const struct profile *p, bool fresh, uint64_t at_ns);
must_check int alerting_close(struct alerting *a, const char *key, uint64_t at_ns);
/* One of its doors is fine now: the profile changed. */
must_check int alerting_allow(struct alerting *a, const char *key, uint64_t at_ns);
/* Writes the counts of repeats; before the caller commits. */
must_check int alerting_flush(struct alerting *a);
void alerting_forget(struct alerting *a);

/*
 * In a transaction of its own: what is due at `until_ns`, which is behind now_wall_ns while events of then may
 * still be to come. *ret_next_ns: when something will be, 0: never. */
must_check int alerting_due(struct alerting *a, uint64_t until_ns, uint64_t now_wall_ns, uint64_t *ret_next_ns);

#endif
