/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_ALLOW_H
#define AJAR_MONITOR_ALLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/finding.h"
#include "core/profile.h"
#include "store/alert_ports.h"

struct store;

/*
 * Allowing an alert: one profile row, as narrow as the door (port, program, what an interpreter
 * runs, user, scope); for a burst one for each run of its ports, and when those are more than
 * STORE_PORT_RUNS_MAX one over all of them; or, where no row can allow the finding (a missing
 * service, a silent node), an exception under the alert's key.
 */
struct allow {
	struct store *s;
	uint64_t id;
	enum alert_state state;
	enum finding_kind kind;
	const char *key, *host_type;
	const char *record; /* the event that opened it */
	size_t record_len;
	const char *reason, *author;
	uint64_t now_ns, expires_ns; /* expires 0: never */

	/* allow_prepare(): rows, or for none the nodes of the exception, folded */
	struct profile_row rows[STORE_PORT_RUNS_MAX];
	size_t len;
	char *argv; /* of each row: what its interpreter runs; NULL: whatever it does */
	struct buf nodes;
	char warning[200]; /* "": none */
	char why[300]; /* of a failure; "": the store's */
};
/* -EALREADY, -EINVAL: it cannot be allowed, see why. */
must_check int allow_prepare(struct allow *a);
void allow_done(struct allow *a);
/* The rows, and what they would have silenced in the 30 days before; ends without a newline. */
must_check int allow_preview(const struct allow *a, struct buf *b);
/* In the caller's transaction, which is rolled back when this fails. */
must_check int allow_write(const struct allow *a);
/*
 * In the caller's transaction: the exceptions of that alert that stand are over; how many. For an
 * allowed alert that is reopened.
 */
must_check int allow_take_back(struct store *s, const char *key, uint64_t now_ns,
			       unsigned *ret_count);

#endif
