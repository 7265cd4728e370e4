/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_ALERT_ROUTE_H
#define AJAR_ALERT_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "alert/sink.h"

struct buf;
struct loop;
struct store;
struct store_alert;

/*
 * Carries alert_log to the sinks. Each sink has a cursor in the store under its name; the changes
 * behind it are formatted and sent, and when the sink confirms, the cursor moves. A sink that fails
 * is tried again after 1 s, 2 s, 4 s ... 5 min, each a fifth more or less at random, for ever; the
 * others go on meanwhile. A message that is refused (SINK_REFUSED) is put aside in the store after
 * ROUTE_REFUSALS tries (after one, while those before it were refused too), and tried again after
 * 1, 2, 4 ... 60 min, when the sink takes anything again, and not any more after ROUTE_TRIES_MAX
 * tries.
 *
 * Of several routers on one store one has a sink at a time (lease.c): when it ends, another goes
 * on.
 */
#define ROUTE_REFUSALS 5
#define ROUTE_TRIES_MAX 24

struct route;

enum route_news {
	/* a send failed and will be tried again; said at failure 1, 2, 4, 8 ... */
	ROUTE_FAILED = 1,
	ROUTE_RECOVERED, /* it got through after failures */
	/* the sink has no such place here: its messages are skipped; said once until it has */
	ROUTE_ABSENT,
	ROUTE_DROPPED, /* a message could not be put into words at all and is skipped */
	ROUTE_STORE, /* the store could not be read or the cursor not be moved; tried again */
	ROUTE_RETRY, /* refused too often: put aside, what is behind it goes on */
	ROUTE_GIVEN_UP, /* put aside and refused for so long that it is not tried again by itself */
};
struct route_report {
	enum route_news news;
	const char *sink;
	uint64_t log_id; /* 0 with ROUTE_STORE */
	uint64_t failures; /* in a row */
	int err;
	const char *why; /* one line, hostile bytes possible */
};

struct route_opts {
	struct loop *loop;
	struct store *store;
	/* Appends the alert's JSON, one line without newline; 0 or a negative errno. */
	int (*format)(const struct store_alert *a, struct buf *b);
	void (*report)(const struct route_report *r, void *arg); /* for logging; may be NULL */
	void *arg;
	uint64_t backoff_min_ns, backoff_max_ns; /* 0: 1 s and 5 min */
	uint64_t retry_ns; /* 0: 1 min */
	const char *holder; /* of the sinks' leases: the router fills it in */
};

struct route_stats {
	const char *sink;
	uint64_t cursor; /* the last change that is done with */
	uint64_t sent, failed, skipped, given_up; /* since the sink was first used */
	uint64_t dropped; /* since the start */
	bool idle; /* nothing under way and nothing waiting, as of the last look */
};

/* A sink that is open already. */
struct route_sink {
	const char *name; /* of the cursor; copied */
	const struct sink_ops *ops;
	struct sink *sink; /* the router's when it was added */
	/* As in route_opts, which stands in when it is NULL. */
	int (*format)(const struct store_alert_change *c, struct buf *b, void *arg);
	bool (*wants)(const struct store_alert_change *c, void *arg); /* NULL: all */
	void *arg;
	/* no two sends nearer than this: what comes meanwhile goes as one batch */
	uint64_t every_ns;
	/*
	 * wall: a sink without a cursor begins with changes from then on; 0: with the first there
	 * is
	 */
	uint64_t new_since_ns;
};

must_check int route_new(const struct route_opts *o, struct route **ret_route);
/* Adds a sink before the first kick. */
must_check int route_add(struct route *r, const struct sink_ops *ops, const char *target,
			 uint64_t timeout_ns);
must_check int route_add_open(struct route *r, const struct route_sink *s);
/* Looks for new changes: once at the start and after each commit that may have written any. */
void route_kick(struct route *r);
/* False when there is no sink of that number. */
bool route_stats(const struct route *r, unsigned i, struct route_stats *ret_st);
/* A sink has not answered yet, and it may be that more waits for it. */
bool route_is_sending(const struct route *r);
/* Sends nothing more. True: something is under way that may still be answered; ask again later. */
bool route_drain(struct route *r);
void route_free(struct route *r); /* what is under way is given up and sent again by the next one */
DEFINE_FREEP(struct route, route_free)

/* Was that lease of a process of this machine that has ended? */
bool lease_was_ours(const char *holder);

#endif
