/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/lifecycle.h"

#include <stdbool.h>
#include <stddef.h>

/*
 *	have          event                       becomes        logged as
 *	none          opened                      open           "opened"
 *	resolved,
 *	allowed       opened                      open           "reopened"
 *	open, ack,
 *	snoozed       opened, worse than before   the same       "more severe"
 *	open, ack,
 *	snoozed       opened                      the same       -
 *	open, ack,
 *	snoozed       last door closed            the same       -  (gone_ns; due after the blink)
 *	open, ack,
 *	snoozed       gone for the blink          resolved       "door gone"
 *	open, ack,
 *	snoozed       last door judged fine       resolved       "as profiled now"
 *
 * "allowed" is what a person decided; that its doors are fine afterwards is the point of it and
 * no change. Severity only rises while an alert stands: a lower one of a later door says nothing about
 * the worse door before it.
 */
static bool stands(enum alert_state s)
{
	return s == ALERT_OPEN || s == ALERT_ACKNOWLEDGED || s == ALERT_SNOOZED;
}

static void change(struct life_result *r, enum alert_state state, uint64_t at_ns, const char *note)
{
	r->next.state = state;
	r->changes[r->len++] = (struct life_change){
		.state = state,
		.severity = r->next.severity,
		.at_ns = at_ns,
		.note = note,
	};
}

static void resolve(struct life_result *r, uint64_t at_ns, const char *note)
{
	r->next.gone_ns = 0;
	change(r, ALERT_RESOLVED, at_ns, note);
}

/* Before anything else: was it gone long enough by the time of this event? */
static void pass_time(struct life_result *r, const struct life_input *in)
{
	uint64_t due = r->next.gone_ns + in->blink_ns;

	if (r->next.gone_ns && in->at_ns >= due)
		resolve(r, due, "door gone");
}

static void opened(struct life_result *r, const struct life_input *in)
{
	struct life *l = &r->next;

	l->gone_ns = 0;
	l->last_ns = in->at_ns > l->last_ns ? in->at_ns : l->last_ns;
	if (!l->state) {
		l->first_ns = in->at_ns;
		l->severity = in->severity;
		change(r, ALERT_OPEN, in->at_ns, "opened");
	} else if (!stands(l->state)) {
		l->severity = in->severity;
		change(r, ALERT_OPEN, in->at_ns, "reopened");
	} else if (in->severity > l->severity) {
		l->severity = in->severity;
		change(r, l->state, in->at_ns, "more severe");
	}
}

void lifecycle_step(const struct life *have, const struct life_input *in,
		    struct life_result *ret_res)
{
	struct life_result r = { .next = *have };

	pass_time(&r, in);
	r.next.doors = in->doors;
	switch (in->what) {
	case LIFE_OPENED:
		opened(&r, in);
		break;
	case LIFE_CLOSED:
		if (!in->doors && stands(r.next.state) && !r.next.gone_ns)
			r.next.gone_ns = in->at_ns;
		break;
	case LIFE_FINE:
		if (!in->doors && stands(r.next.state))
			resolve(&r, in->at_ns, "as profiled now");
		break;
	case LIFE_TICK:
		break;
	}
	/* A door counted open keeps the alert standing, whatever this event was about. */
	if (in->doors)
		r.next.gone_ns = 0;
	pass_time(&r, in); /* without hysteresis the door is gone at once */
	r.due_ns = r.next.gone_ns ? r.next.gone_ns + in->blink_ns : 0;
	*ret_res = r;
}
