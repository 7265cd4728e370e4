/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_REQUESTS_H
#define AJAR_STORE_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct store;

/*
 * What people ask for in the web page: `ajar web`, which can write nothing else, hands it in, a
 * monitor carries it out with its own rights and answers. The number is drawn by who hands it in,
 * at random, so that nobody needs an answer for it.
 *
 * On a server a request is a row that the account `web` may INSERT. SQLite has no accounts, and a
 * second handle that writes would stay open for as long as the first one reads (POSIX locks: see
 * sqlite's unixClose()), so there it is a file in the folder "requests" beside the store, which the
 * monitor takes into the table: the web server has no handle that writes, not for a moment.
 */
enum request_verb {
	REQUEST_ACK = 1,
	REQUEST_SNOOZE = 2,
	REQUEST_REOPEN = 3,
	REQUEST_ALLOW = 4,
	REQUEST_PREVIEW = 5, /* what allow would write; changes nothing */
};
enum request_state { REQUEST_WAITING = 1, REQUEST_DONE = 2, REQUEST_REFUSED = 3 };
const char *request_state_name(enum request_state s); /* "waiting" */
must_check int request_verb_parse(const char *s, enum request_verb *ret_v); /* "ack" */
/* May "viewer", "operator", "approver" ask for it? */
bool request_may(const char *role, enum request_verb v);

#define REQUEST_ALERTS_MAX 1000 /* of one request; a list of more is refused */
#define REQUEST_BRIEF_MAX 500 /* what is about more alerts has a reason, or is refused */
#define REQUEST_REASON_MAX 3000
#define REQUEST_TICKET_MAX 200
#define REQUESTS_WAITING_MAX 32 /* of one login, and of files that nobody has taken */
#define REQUEST_ID_MAX ((UINT64_C(1) << 53) - 1) /* JSON's readers lose what is larger */

struct store_request {
	uint64_t id, at_ns; /* at_ns: the store's clock, when it was handed in */
	const char *login, *role;
	enum request_verb verb;
	const char *alerts; /* their numbers: "7,9,12" */
	const char *reason, *ticket;
	uint64_t until_ns; /* of a snooze its end, of allow when it expires; 0: never */
	enum request_state state;
	const char *answer;
	uint64_t answered_ns;
};

/*
 * With a handle that only reads, too. r->id is set. -EBUSY: that login waits for
 * REQUESTS_WAITING_MAX answers already.
 */
must_check int store_request_put(struct store *s, struct store_request *r);
typedef int (*store_request_fn)(const struct store_request *r, void *arg);
/* -ENOENT: there is none, or it was pruned. */
must_check int store_request_get(struct store *s, uint64_t id, store_request_fn fn, void *arg);

/* --- for the monitor ------------------------------------------------------------------------- */

/* SQLite: takes up to max files into the table. *ret_more: there may be others. */
must_check int store_requests_collect(struct store *s, unsigned max, bool *ret_more);
/* Up to max of those that wait, the oldest first. */
must_check int store_requests_waiting(struct store *s, unsigned max, uint64_t *ids,
				      unsigned *ret_n);
/*
 * In the caller's transaction: the request, held until that ends. -EALREADY: it waits no more.
 */
must_check int store_request_hold(struct store *s, uint64_t id, store_request_fn fn, void *arg);
must_check int store_request_answer(struct store *s, uint64_t id, enum request_state state,
				    const char *answer);
/* Up to max of the answered ones that are older, or more than keep. */
must_check int store_requests_prune(struct store *s, uint64_t before_ns, uint64_t keep,
				    unsigned max);

#endif
