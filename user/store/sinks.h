/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SINKS_H
#define AJAR_STORE_SINKS_H

#include "store/store.h"

/*
 * How each sink is doing: its cursor in alert_log, counters since it was first used, and the
 * changes that its receiver refused: those are put aside, so that what comes behind them is not
 * held up, and are tried again by themselves.
 */
#define STORE_SINK_LEVELS 3 /* of severity: every change, warning and worse, critical */
struct store_sink {
	const char *name;
	uint64_t log_id; /* the cursor: every change up to it is done with */
	/*
	 * While the worse ones are sent first: up to where those of each level are done with. 0, or
	 * what the cursor has caught up with: not ahead. [0] is not used; store_sinks() leaves it
	 * 0, store_sink_ahead() reads it.
	 */
	uint64_t ahead[STORE_SINK_LEVELS];
	/* changes delivered, tries that failed, changes the place for which is absent */
	uint64_t sent, failed, skipped;
	uint64_t given_up; /* changes refused until nobody tried any more */
	uint64_t failures; /* in a row; 0: it works */
	const char *why; /* of the last failure, one line; "": none yet */
	uint64_t sent_ns, failed_ns; /* wall, when last; 0: never */
	/*
	 * Read only: what lies behind the cursor, since when, and what is put aside (given up
	 * included).
	 */
	uint64_t behind, behind_ns, retrying;
	const char *holder; /* read only: who had its lease last; "": nobody */
};
typedef int (*store_sink_fn)(const struct store_sink *s, void *arg);
must_check int store_sinks(struct store *s, store_sink_fn fn, void *arg); /* by name */
/* Cursor and counters, as one; an ahead[] that is not beyond the cursor is forgotten. */
must_check int store_sink_put(struct store *s, const struct store_sink *sink);
must_check int store_sink_ahead(struct store *s, const char *name,
				uint64_t ret_ahead[STORE_SINK_LEVELS]);
/* As if it had never been there; -ENOENT. */
must_check int store_sink_forget(struct store *s, const char *name);
/*
 * Retention keeps an alert until every sink has been told of it. One that has had no holder, and
 * was tried by nobody, for as long as this was dropped from the configuration, and counts no more.
 */
#define STORE_SINK_DROPPED_NS UINT64_C(604800000000000)

/*
 * Of several that carry one store's changes, one has a sink at a time, until it gives it up or its
 * lease has run out by the store's clock. holder: which process that is, 1 to 200 bytes. gone: a
 * holder that is known to have ended, whose lease counts no more; or NULL. *ret_other (only with
 * LEASE_OTHERS): who has it. -EOPNOTSUPP: this kind of store has but one user.
 */
enum store_lease_state {
	LEASE_OTHERS = 0,
	/*
	 * ours from now on: what another may have done to the sink's row meanwhile is to be read
	 * first
	 */
	LEASE_TAKEN,
	LEASE_KEPT, /* it was ours already, and nobody else's since */
};
#define STORE_HOLDER_MAX 200
must_check int store_sink_lease(struct store *s, const char *sink, const char *holder,
				const char *gone, uint64_t lease_ns,
				enum store_lease_state *ret_state,
				char ret_other[STORE_HOLDER_MAX + 1]);
/* 0 also when it has it not */
must_check int store_sink_release(struct store *s, const char *sink, const char *holder);

struct store_retry {
	const char *sink;
	uint64_t log_id, alert_id;
	uint64_t tries;
	/* wall: refused first, to be tried again; next_ns 0: given up */
	uint64_t first_ns, next_ns;
	const char *why;
};
/* insert or replace */
must_check int store_retry_put(struct store *s, const struct store_retry *p);
/* 0 also when there was none */
must_check int store_retry_del(struct store *s, const char *sink, uint64_t log_id);
typedef int (*store_retry_fn)(const struct store_retry *p, void *arg);
/*
 * By time of the next try, then number. sink NULL: all. due_ns: only those to be tried by then,
 * given up ones not; 0: all.
 */
must_check int store_retries(struct store *s, const char *sink, uint64_t due_ns, uint32_t limit,
			     store_retry_fn fn, void *arg);

/* The newest alert_log row; 0: there is none. */
must_check int store_log_last(struct store *s, uint64_t *ret_log_id);
/* Part of alert_log: (after_id, upto_id] of at least that severity. */
struct store_log_part {
	uint64_t after_id, upto_id;
	enum severity least;
};
/* At most `limit` of its rows, at most 500, the oldest first. */
must_check int store_log_read(struct store *s, const struct store_log_part *p, uint32_t limit,
			      store_change_fn fn, void *arg);
must_check int store_log_count(struct store *s, const struct store_log_part *p, uint64_t *ret_n);
/* The first row in (after_id, upto_id] of less than that severity; 0: there is none. */
must_check int store_log_lesser(struct store *s, uint64_t after_id, uint64_t upto_id,
				enum severity than, uint64_t *ret_log_id);
/* Whether the alert is told as worse than that in (after_id, upto_id]. */
must_check int store_log_worse(struct store *s, uint64_t alert_id, uint64_t after_id,
			       uint64_t upto_id, enum severity than, bool *ret_worse);

/*
 * The newest alert_log row written before at_ns; 0: none. Where a sink begins that is to hear only
 * what is new.
 */
must_check int store_log_before(struct store *s, uint64_t at_ns, uint64_t *ret_log_id);

#endif
