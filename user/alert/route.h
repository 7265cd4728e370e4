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
 * Carries alert_log to the sinks. Each sink has a cursor in the store under its name; the change behind
 * it is formatted and sent, and when the sink confirms, the cursor moves. A sink that fails is tried again after
 * 1 s, 2 s, 4 s ... 5 min, each a fifth more or less at random, for ever; the others go on meanwhile.
 */
struct route;

enum route_news {
	ROUTE_FAILED = 1, /* a send failed and will be tried again; said at failure 1, 2, 4, 8 ... */
	ROUTE_RECOVERED, /* it got through after failures */
	ROUTE_ABSENT, /* the sink has no such place here: its messages are skipped; said once until it has */
	ROUTE_DROPPED, /* a message could not be put into words at all and is skipped */
	ROUTE_STORE, /* the store could not be read or the cursor not be moved; tried again */
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
};

struct route_stats {
	const char *sink;
	uint64_t cursor; /* the last change that is done with */
	uint64_t sent, failed, skipped, dropped; /* since the start */
	bool idle; /* nothing under way and nothing waiting, as of the last look */
};

must_check int route_new(const struct route_opts *o, struct route **ret_route);
/* Adds a sink before the first kick. */
must_check int route_add(struct route *r, const struct sink_ops *ops, const char *target,
			 uint64_t timeout_ns);
/* Looks for new changes: once at the start and after each commit that may have written any. */
void route_kick(struct route *r);
/* False when there is no sink of that number. */
bool route_stats(const struct route *r, unsigned i, struct route_stats *ret_st);
void route_free(struct route *r); /* what is under way is given up and sent again by the next one */
DEFINE_FREEP(struct route, route_free)

#endif
