/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_HEALTH_WATCH_INTERNAL_H
#define AJAR_MONITOR_HEALTH_WATCH_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/health.h"
#include "base/buf.h"
#include "base/hostlist.h"
#include "monitor/health_watch.h"
#include "store/health.h"
#include "store/store.h"

/* health_watch.c has the rounds and what is found, health_alerts.c the alerts that follow it,
 * health_except.c what people live with. */
#define HEALTH_TEXT_MAX (64 * 1024)
#define HEALTH_DETAILS_MAX 5

struct heads;
struct held;
struct map;

struct group {
	enum health_issue issue;
	char *host_type;
	struct hostlist nodes; /* where no exception stands */
	bool spared; /* it is on others too, where a person lives with it */
	struct buf why;
	unsigned details;
	uint64_t news; /* another number: the same happened once more to some node */
};

/* What was last seen of an alert that stands. */
struct known {
	struct hostlist nodes;
	uint64_t changed_ns, touched_ns, news;
	uint64_t look_ns; /* a snooze or a maintenance ends then: the store is asked; 0: never */
};

struct note {
	struct note *next;
	char *node;
	struct store_watch watch;
};

struct health_watch {
	struct store *store;
	struct health_watch_opts opts;
	struct health_limits limits;
	uint64_t now_ns, loaded_ns;
	struct map *groups; /* key -> struct group, of this round */
	struct map *known; /* key -> struct known */
	struct map *spared; /* key without the class -> struct hostlist: of this round */
	struct note *notes; /* to be written */
	struct heads *heads;
	struct held *held;
	uint64_t revision; /* of what is in it */
	bool begun; /* a transaction */
	unsigned changes;
	/* Of the row before: the current installation comes before those refused. */
	char holder_node[256], holder_host[256];
	int err;
};

/* The transaction of the round begins with the first thing that is written. */
must_check int health_watch_begin(struct health_watch *v);
/* What was last seen of that alert; NULL: no memory. */
void health_free_known(void *p);
struct known *health_known(struct health_watch *v, const char *key, size_t len);
/* What a person lives with on that node; true: it is no part of the alert. */
must_check int health_spare(struct health_watch *v, const char *key, const char *node,
			    bool *ret_spared);
void health_free_spared(void *p);
/* An exception about a node ends when the finding does: the next one there is news. */
must_check int health_end_exceptions(struct health_watch *v);
/* Each alert follows its group; those that have none are over. */
must_check int health_alerts(struct health_watch *v);

#endif
