/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_HOLDER_H
#define AJAR_AUDIT_HOLDER_H

#include "audit/audit.h"

/*
 * A door is judged by who holds it now: each holder has to be permitted, and the worst counts.
 * Where none is seen it is judged by who opened it. *ret_who (optional): the one that decided; it
 * borrows from ev. outside: of enum outside (audit/verdict.h).
 */
void audit_judge_event(const struct profile *p, const struct event *ev, uint64_t now_wall_ns,
		       unsigned outside, struct judgement *ret_j, struct process *ret_who);

/*
 * What audit_why() does not know: that somebody else opened it, or that nobody is seen to hold it.
 */
void audit_why_holder(const struct event *ev, const struct process *who, struct buf *b);

/*
 * Which of the holders an alert's key (audit_key()) is about; the first, when it names none of
 * them. It borrows from ev.
 */
void audit_holder_of_key(const char *key, const char *host_type, const struct event *ev,
			 struct process *ret_p);

#endif
