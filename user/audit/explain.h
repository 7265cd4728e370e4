/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_EXPLAIN_H
#define AJAR_AUDIT_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/profile.h"

struct buf;

/* What people ask about rows: why this one does not decide, and which never can. Pure. */

/*
 * Appends each thing in which the door is not what the row speaks of, "port 22, program
 * /usr/sbin/sshd"; returns how many.
 */
unsigned audit_row_misses(const struct profile_row *r, const struct door *d,
			  const struct process *opener, uint64_t now_wall_ns, struct buf *b);

enum row_flaw {
	ROW_FINE,
	ROW_NEEDLESS, /* a wider row covers it and says the same */
	ROW_TWICE, /* another says exactly this */
	ROW_DENIED, /* a denial covers it: it never decides */
	ROW_EXPIRED,
};
/* What is the matter with rows[i] among the others; *ret_by: the row that makes it so, or NULL. */
enum row_flaw audit_row_flaw(const struct profile_row *rows, size_t n, size_t i,
			     uint64_t now_wall_ns, const struct profile_row **ret_by);
/* Whether a row gives a wide range to whoever wants it. */
bool audit_row_careless(const struct profile_row *r);

#endif
