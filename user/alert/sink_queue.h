/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_ALERT_SINK_QUEUE_H
#define AJAR_ALERT_SINK_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "alert/route.h"
#include "base/buf.h"
#include "store/sinks.h"

/*
 * One sink's way through alert_log; shared by sink_queue.c, queue_order.c, lease.c, retry.c and,
 * above them, sender.c; the router is route.c.
 */

#define NS_PER_S UINT64_C(1000000000)

struct queue_item { /* a change on its way, with everything of it copied */
	struct sink_message m;
	struct store_alert_change *change;
	struct buf body;
	uint64_t tries; /* refusals so far; of one in the retry queue all there were */
	bool retrying;
};

enum queue_phase {
	QUEUE_READY, /* the next look may send */
	QUEUE_IDLE, /* at that look there was nothing to send */
	QUEUE_WAITING, /* for its timer: a back-off, its turn, another's lease */
	QUEUE_SENDING, /* the sink has not answered yet */
};

struct sink_queue {
	const struct route_opts *o;
	struct route_sink s;
	char *name;
	struct loop_source *timer, *retry_timer, *lease_timer;
	struct queue_item *queue[SINK_BATCH_MAX];
	enum queue_phase phase;
	unsigned len;
	unsigned under_way; /* while it sends: how many of the first are being sent */
	/*
	 * of each level (queue_order.c) the last change looked at; those behind the cursor are in
	 * the queue or not wanted
	 */
	uint64_t seen[STORE_SINK_LEVELS];
	unsigned level; /* of what is in the queue and not of the retry queue */
	uint64_t waiting; /* changes of the log behind what is in the queue; 0: not counted */
	bool in_send;
	bool answered; /* done() was called within send(): settled behind the store's callback */
	bool single; /* somebody in this batch is refused: one at a time until it is through */
	bool absent, store_down; /* store_down: the last failure was the store's */
	bool dirty; /* state has what the store has not */
	bool was_retry; /* the last one in the queue was from the retry queue */
	bool refusing; /* the last message went into the retry queue, and none taken since */
	bool leased; /* the sink is leased to us, and what we know of it is so */
	uint64_t lease_until_ns; /* boot clock; UINT64_MAX: for ever */
	bool draining; /* what is under way is waited for, and nothing more is sent */
	int answer_err;
	char answer_why[256];
	uint64_t failures; /* in a row, the store's too */
	uint64_t next_send_ns; /* boot clock */
	uint64_t next_retry_ns; /* wall: when one of the retry queue is due, 0: none */
	uint64_t next_hurry_ns; /* wall */
	uint64_t look_ns; /* boot clock: when somebody else may have changed the retry queue */
	struct store_sink state; /* as it is to be in the store */
	char why[256]; /* of state */
	uint64_t dropped;
};

must_check int sender_new(const struct route_opts *o, const struct route_sink *s,
			  struct sink_queue **ret_ln);
void sender_free(struct sink_queue *q); /* its sink too */
DEFINE_FREEP(struct sink_queue, sender_free)
/* Somebody may have asked for the retry queue to be tried again. */
void sender_look(struct sink_queue *q);
/* Sends what is behind the cursor until the sink has to be waited for or nothing is left. */
void sender_pump(struct sink_queue *q);

/* --- between sender.c, queue_order.c, retry.c and lease.c ------------------------------------- */

void queue_report(struct sink_queue *q, enum route_news news, uint64_t log_id, int err,
		  const char *why);
/* Puts a change into the queue; 0 also when it has no words and is dropped. */
must_check int queue_take(struct sink_queue *q, const struct store_alert_change *c,
			  struct queue_item **ret_item);
void queue_drop_item(struct sink_queue *q); /* the first of the queue */
unsigned queue_batch_max(const struct sink_queue *q); /* 1 to SINK_BATCH_MAX */
/*
 * What is next of the log goes into the (empty) queue. *ret_more: changes were looked at, none was
 * wanted, and there are others.
 */
must_check int queue_fill(struct sink_queue *q, bool *ret_more);
/*
 * The queue is empty, and what was sent ahead is done with: the cursor of all goes on to the first
 * change that waits.
 */
must_check int queue_catch_up(struct sink_queue *q);
/*
 * In `state`, the queue's own or a copy: that change of the queue is done with. log_id 0: so is
 * all that was looked at. Whether that changed anything.
 */
bool queue_move_cursor(const struct sink_queue *q, struct store_sink *state, uint64_t log_id);
/* The store has the state. */
void queue_saved(struct sink_queue *q);
/* where it goes on, as the store has it, or begins */
must_check int queue_load(struct sink_queue *q);
void queue_wait(struct sink_queue *q, uint64_t ns);

/* Who sends, of several on one store. */
#define HOLDER_MAX 192
void lease_name(char ret[HOLDER_MAX]); /* ours, as route_opts.holder has it */
/* Before anything: renews what runs out; when another had the sink meanwhile, all is read anew. */
must_check int lease_look(struct sink_queue *q);
/*
 * Before the first send or the first change of the row. 1: another has it, and the queue waits.
 * *ret_again: another had it, and what was to be sent may be sent: look again.
 */
must_check int lease_take(struct sink_queue *q, bool *ret_again);
void lease_while_under_way(struct sink_queue *q);
int lease_on_timer(void *arg);
void lease_give_up(struct sink_queue *q);

/* Finds out when the next message of the retry queue is due and sets the timer. */
must_check int retry_look(struct sink_queue *q);
/* A message of the retry queue that is due goes into the (empty) queue. */
must_check int retry_fetch(struct sink_queue *q);
/* The first of the queue was refused: puts it aside when that was too often. *ret_queued: it is. */
must_check int retry_refused(struct sink_queue *q, const char *why, bool *ret_queued);
/* The sink takes something again: the retry queue need not wait. */
must_check int retry_hurry(struct sink_queue *q);

#endif
