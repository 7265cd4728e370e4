/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/lifecycle.h"

#include <stddef.h>

/*
 *	have          event                       becomes        logged as
 *	none          opened                      open           "opened"
 *	resolved,
 *	allowed       opened                      open           "reopened"
 *	none, resolved,
 *	allowed       opened in a maintenance     snoozed        the maintenance's reason
 *	open          opened, worse than before   open           "more severe", or what shows it
 *	ack, snoozed  opened, worse than before   open           "more severe" (not what a maintenance holds)
 *	ack           opened on many more nodes   open           "on many more nodes"
 *	open          opened on more nodes        open           "on more nodes" (in steps, see the header)
 *	open          opened on more ports        open           "on more ports" (the same)
 *	snoozed       its time is up              open           "the snooze is over", "the maintenance is over"
 *	held          opened outside of it        open           "also outside of the maintenance"
 *	stands        last door closed            the same       -  (gone_ns; due after the blink)
 *	stands        gone for the blink          resolved       "door gone"
 *	stands        last door judged fine       resolved       "as profiled now", or what shows it
 *
 * "allowed" is what a person decided; that its doors are fine afterwards is the point of it and no
 * change. Severity only rises while an alert stands: a lower one of a later door says nothing about
 * the worse door before it.
 */
bool lifecycle_is_open(enum alert_state s)
{
	return s == ALERT_OPEN || s == ALERT_ACKNOWLEDGED || s == ALERT_SNOOZED;
}

static bool is_held(const struct life *l)
{
	return l->state == ALERT_SNOOZED && l->window_id;
}

static void change(struct life_result *r, const struct life_input *in, enum alert_state state,
		   uint64_t at_ns, enum alert_cause cause, const char *note)
{
	r->next.state = state;
	r->next.reported_nodes = in->nodes;
	r->next.reported_ports = r->next.ports;
	r->next.reported_ns = at_ns;
	if (state != ALERT_SNOOZED)
		r->next.until_ns = 0;
	if (state == ALERT_OPEN)
		r->next.window_id = 0;
	if (r->len < LIFE_CHANGES_MAX)
		r->changes[r->len++] = (struct life_change){
			.state = state,
			.severity = r->next.severity,
			.at_ns = at_ns,
			.cause = cause,
			.note = note ? note : alert_cause_words(cause),
		};
}

/* What was held back all its life is resolved as quietly: window_id stays. */
static void resolve(struct life_result *r, const struct life_input *in, uint64_t at_ns,
		    enum alert_cause cause, const char *note)
{
	r->next.gone_ns = 0;
	change(r, in, ALERT_RESOLVED, at_ns, cause, note);
}

static void wake_up(struct life_result *r, const struct life_input *in)
{
	struct life *l = &r->next;

	if (is_held(l) && in->what == LIFE_TICK && in->held_until_ns > in->at_ns) {
		l->until_ns = in->held_until_ns; /* another maintenance goes on */
		l->window_id = in->window_id;
		return;
	}
	change(r, in, ALERT_OPEN, l->until_ns, l->window_id ? CAUSE_WINDOW_OVER : CAUSE_SNOOZE_OVER,
	       NULL);
}

/*
 * Before anything else: was it gone long enough, or snoozed long enough, by the time of this event?
 */
static void pass_time(struct life_result *r, const struct life_input *in)
{
	struct life *l = &r->next;
	uint64_t due = l->gone_ns + in->blink_ns;

	if (l->gone_ns && in->at_ns >= due)
		resolve(r, in, due, CAUSE_GONE, NULL);
	if (l->state == ALERT_SNOOZED && in->at_ns >= l->until_ns && !l->gone_ns)
		wake_up(r, in);
}

static void begin(struct life_result *r, const struct life_input *in)
{
	struct life *l = &r->next;

	r->anew = l->state;
	if (!l->state)
		l->first_ns = in->at_ns;
	l->severity = in->severity;
	l->ports = in->ports ? in->ports : 1;
	l->window_id = 0;
	if (in->held_until_ns > in->at_ns) {
		l->until_ns = in->held_until_ns;
		l->window_id = in->window_id;
		change(r, in, ALERT_SNOOZED, in->at_ns, CAUSE_HELD, in->held_note);
	} else {
		change(r, in, ALERT_OPEN, in->at_ns, r->anew ? CAUSE_REOPENED : CAUSE_OPENED, NULL);
	}
}

static void opened(struct life_result *r, const struct life_input *in)
{
	struct life *l = &r->next;
	bool worse = in->severity > l->severity;

	l->gone_ns = 0;
	l->last_ns = in->at_ns > l->last_ns ? in->at_ns : l->last_ns;
	if (!lifecycle_is_open(l->state)) {
		begin(r, in);
		return;
	}
	if (worse)
		l->severity = in->severity;
	if (is_held(l) && !in->held_until_ns)
		change(r, in, ALERT_OPEN, in->at_ns, CAUSE_BESIDE_WINDOW, NULL);
	else if (worse && !is_held(l))
		change(r, in, ALERT_OPEN, in->at_ns, in->reached ? CAUSE_REACHED : CAUSE_WORSE,
		       NULL);
	else if (l->state == ALERT_ACKNOWLEDGED && in->reopen_nodes &&
		 in->nodes >= l->reported_nodes + in->reopen_nodes)
		change(r, in, ALERT_OPEN, in->at_ns, CAUSE_MANY_NODES, NULL);
}

/* The first of 2, 10, 100, 1000 ... that is more than n. */
static uint64_t next_step(uint64_t n)
{
	uint64_t step = 10;

	if (n < 2)
		return 2;
	while (step <= n && step < UINT64_MAX / 10)
		step *= 10;
	return step;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

static uint64_t due_of(const struct life *l, uint64_t have, uint64_t told)
{
	if (have <= told)
		return 0;
	return l->reported_ns +
	       (have >= next_step(told) ? LIFECYCLE_SETTLE_NS : LIFECYCLE_GROWTH_NS);
}

/*
 * Tells of growth when its time has come; else returns when that is, 0: there is nothing to tell.
 */
static uint64_t grow(struct life_result *r, const struct life_input *in)
{
	struct life *l = &r->next;
	uint64_t nodes, ports;

	if (l->state != ALERT_OPEN)
		return 0;
	nodes = due_of(l, in->nodes, l->reported_nodes);
	ports = due_of(l, l->ports, l->reported_ports);
	if (nodes && in->at_ns >= nodes)
		change(r, in, ALERT_OPEN, in->at_ns, CAUSE_MORE_NODES, NULL);
	else if (ports && in->at_ns >= ports)
		change(r, in, ALERT_OPEN, in->at_ns, CAUSE_MORE_PORTS, NULL);
	else
		return sooner(nodes, ports);
	return 0;
}

void lifecycle_step(const struct life *have, const struct life_input *in,
		    struct life_result *ret_res)
{
	struct life_result r = { .next = *have };

	pass_time(&r, in);
	r.next.doors = in->doors;
	r.next.nodes = in->nodes;
	if (in->ports)
		r.next.ports = in->ports;
	switch (in->what) {
	case LIFE_OPENED:
		opened(&r, in);
		break;
	case LIFE_CLOSED:
		if (!in->doors && lifecycle_is_open(r.next.state) && !r.next.gone_ns)
			r.next.gone_ns = in->at_ns;
		break;
	case LIFE_FINE:
		if (!in->doors && lifecycle_is_open(r.next.state))
			resolve(&r, in, in->at_ns, CAUSE_FINE, in->note);
		break;
	case LIFE_TICK:
		break;
	}
	/* A door counted open keeps the alert standing, whatever this event was about. */
	if (in->doors)
		r.next.gone_ns = 0;
	pass_time(&r, in); /* without hysteresis the door is gone at once */
	r.due_ns = grow(&r, in);
	if (r.next.gone_ns)
		r.due_ns = sooner(r.due_ns, r.next.gone_ns + in->blink_ns);
	else if (r.next.state == ALERT_SNOOZED)
		r.due_ns = sooner(r.due_ns, r.next.until_ns);
	*ret_res = r;
}
