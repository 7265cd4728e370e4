/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_DAEMON_RIGHTFUL_H
#define AJAR_DAEMON_RIGHTFUL_H

#include <stdbool.h>

#include "core/event.h"
#include "core/profile.h"
#include "journal/journal.h"

/*
 * Which multicast ports have their rightful holder now, by a node's records in their order: for a
 * judge that has no store to ask, so that who shares such a port is no impostor there either.
 */
#define RIGHTFUL_MAX 512 /* sockets; what is beyond shares with nobody, and that is said once */
struct rightful {
	bool said;
	unsigned len;
	struct {
		struct journal_pos pos; /* of the last record about it */
		struct door door;
	} sockets[RIGHTFUL_MAX];
};

void rightful_note(struct rightful *r, const struct profile *p, struct journal_pos pos,
		   const struct event *ev, uint64_t now_wall_ns);
/* Whether the port's rightful holder has a socket there, beside the one of this door. */
bool rightful_beside(const struct rightful *r, const struct door *d);

#endif
