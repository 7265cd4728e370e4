/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_ALERT_LANE_H
#define AJAR_ALERT_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "alert/route.h"
#include "base/buf.h"
#include "store/sinks.h"

/* One sink's way through alert_log; shared by lane.c and park.c, the router is route.c. */

#define NS_PER_S UINT64_C(1000000000)

struct lane_item { /* a change on its way, with everything of it copied */
	struct sink_message m;
	struct store_alert_change *change;
	struct buf body;
	uint64_t tries; /* refusals so far; of a parked one all there were */
	bool parked;
};

struct lane {
	const struct route_opts *o;
	struct route_sink s;
	char *name;
	struct loop_source *timer, *park_timer, *hold_timer;
	struct lane_item *queue[SINK_BATCH_MAX];
	unsigned len, under_way; /* under_way: how many of the first are being sent; 0: nothing is */
	uint64_t seen; /* the last change that was looked at; those behind the cursor are in the queue or not wanted */
	bool waiting; /* for the back-off to pass, or for its turn */
	bool in_send,
		answered; /* done() was called within send(): settled behind the store's callback */
	bool single; /* somebody in this batch is refused: one at a time until it is through */
	bool absent, store_down; /* store_down: the last failure was the store's */
	bool dirty; /* state has what the store has not */
	bool was_parked; /* the last one in the queue was a parked one */
	bool refusing; /* the last message was parked, and none taken since */
	bool idle;
	bool held; /* the sink is leased to us, and what we know of it is so */
	uint64_t hold_until_ns; /* boot clock; UINT64_MAX: for ever */
	bool draining; /* what is under way is waited for, and nothing more is sent */
	int answer_err;
	char answer_why[256];
	uint64_t failures; /* in a row, the store's too */
	uint64_t next_send_ns; /* boot clock */
	uint64_t next_park_ns; /* wall: when a parked one is due, 0: none */
	uint64_t next_hurry_ns; /* wall */
	uint64_t look_ns; /* boot clock: when somebody else may have changed what is parked */
	struct store_sink state; /* as it is to be in the store */
	char why[256]; /* of state */
	uint64_t dropped;
};

must_check int lane_new(const struct route_opts *o, const struct route_sink *s, struct lane **ret_ln);
void lane_free(struct lane *ln); /* its sink too */
DEFINE_FREEP(struct lane, lane_free)
/* Somebody may have asked for what is parked to be tried again. */
void lane_look(struct lane *ln);
/* Sends what is behind the cursor until the sink has to be waited for or nothing is left. */
void lane_pump(struct lane *ln);

/* --- between lane.c, park.c and hold.c ---------------------------------------------------------------- */

void lane_report(struct lane *ln, enum route_news news, uint64_t log_id, int err, const char *why);
/* Puts a change into the queue; 0 also when it has no words and is dropped. */
must_check int lane_take(struct lane *ln, const struct store_alert_change *c, struct lane_item **ret_item);
void lane_drop_item(struct lane *ln); /* the first of the queue */
must_check int lane_load(struct lane *ln); /* where it goes on, as the store has it, or begins */
void lane_wait(struct lane *ln, uint64_t ns);

/* Who sends, of several on one store. */
#define HOLDER_MAX 192
void hold_name(char ret[HOLDER_MAX]); /* ours, as route_opts.holder has it */
/* Before anything: renews what runs out; when another had the sink meanwhile, all is read anew. */
must_check int hold_look(struct lane *ln);
/*
 * Before the first send or the first change of the row. 1: another has it, and the lane waits. *ret_again: another had it,
 * and what was to be sent may be sent: look again.
 */
must_check int hold_take(struct lane *ln, bool *ret_again);
void hold_while_under_way(struct lane *ln);
int hold_on_timer(void *arg);
void hold_give_up(struct lane *ln);

/* Finds out when the next parked message is due and sets the timer. */
must_check int park_look(struct lane *ln);
/* A parked message that is due goes into the (empty) queue. */
must_check int park_fetch(struct lane *ln);
/* The first of the queue was refused: puts it aside when that was too often. *ret_parked: it is. */
must_check int park_refused(struct lane *ln, const char *why, bool *ret_parked);
/* The sink takes something again: what is parked need not wait. */
must_check int park_hurry(struct lane *ln);

#endif
