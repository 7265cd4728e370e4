/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_ALERTING_INTERNAL_H
#define AJAR_MONITOR_ALERTING_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/lifecycle.h"
#include "base/buf.h"
#include "monitor/alerting.h"
#include "store/store.h"

/*
 * alerting.c has the lives, alerting_put.c what is written of them, alerting_find.c what happens to
 * them, alerting_due.c time, alerting_except.c what exceptions leave of them.
 */
#define ALERTING_WHO "monitor"
#define ALERTING_TEXT_MAX 4096
#define ALERTING_NODES_MAX 32768

struct arrivals;
struct held;
struct map;

struct entry {
	struct life life;
	uint64_t id; /* of the alert; 0: none yet */
	uint64_t due_ns;
	/* wall: when its life was read, or its last door was judged to be closed */
	uint64_t seen_ns;
	uint64_t fold_ns; /* wall: when the folded text is written anew; 0: it is right */
	uint64_t fold_took_ns; /* the last time */
	bool dirty; /* count or last time not written yet */
	bool fresh; /* it has opened since this monitor began */
	bool many; /* its doors have different ports: they are told with the folded text */
};

/* The alerts that are open and whose keys are alike in all but the port. */
struct flood {
	unsigned standing;
	/* the key of the one that opened last: a burst goes under it; NULL: it is over */
	char *head;
	uint64_t head_ns;
};

struct alerting {
	struct store *store;
	struct alerting_opts o;
	struct held *held;
	struct map *entries; /* key -> struct entry; alerts that are neither resolved nor unknown */
	struct map *floods; /* flood key -> struct flood */
	struct arrivals *arrivals; /* stays when all else is forgotten */
	bool loaded;
	/*
	 * a transaction failed, perhaps as it was committed: what was read since may be older than
	 * it
	 */
	bool unsure;
	char self[24]; /* who had the interval lock last is written by this */
	uint64_t log_id, revision; /* up to where people's decisions are known */
	uint64_t now_ns;
	/* wall: what exceptions leave is looked at anew, one has changed or ends; 0: never */
	uint64_t recheck_ns;
	bool rechecked; /* once, so that those that ended long ago need no look any more */
	unsigned changes;
};

/* From the store where it is not known. */
must_check int alerting_entry(struct alerting *a, const char *key, struct entry **ret_e);
/* Keeps what stands of one flood key; at_ns: when the alert opened, or opened last. */
must_check int alerting_count_flood(struct alerting *a, const char *key, bool stood,
				    bool stands_now, uint64_t at_ns);

/* What is known of it is read anew when it is wanted next. */
must_check int alerting_forget_entry(struct alerting *a, const char *key);
/*
 * In a transaction, when recheck_ns has come: an alert stands only for nodes where no exception
 * does, so it opens for those where one has ended, and for those that came as it was allowed.
 */
must_check int alerting_recheck(struct alerting *a);

/* A door, or a finding that is none. */
struct cause {
	const char *key, *host_type, *node;
	const struct store_door *d;
	const struct judgement *j;
	const struct profile *p;
	const struct finding *f;
	const struct reach *reach;
};
/* One step of the life, and what it changes is written; c NULL: as the store has it. */
must_check int alerting_live(struct alerting *a, const char *key, struct entry *e,
			     struct life_input *in, const struct cause *c);

#endif
