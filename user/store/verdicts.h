/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_VERDICTS_H
#define AJAR_STORE_VERDICTS_H

#include "store/store.h"

/*
 * How verdicts on doors changed after they were given (`verdict_changes`). `doors` has the verdict
 * of now; what it was at a time is `was` of the door's first change behind that time, or the
 * verdict of now where there is none.
 */
struct store_verdict_change {
	const char *node;
	uint32_t boot_seq;
	uint64_t netns_cookie, cookie; /* which door */
	uint64_t at_ns; /* when it was judged again */
	enum verdict was, verdict; /* before and since */
	uint64_t rule_id; /* the row that decided, 0: none */
	const char *author; /* who made that row, "" when not known */
	uint64_t made_ns; /* when; 0: not known */
};
/* Of several changes of a door at the same time the first stays: it knows what was before. */
must_check int store_verdict_change_put(struct store *s, const struct store_verdict_change *c);
typedef int (*store_verdict_change_fn)(const struct store_verdict_change *c, void *arg);
/* Those behind after_ns, in the order of time. */
must_check int store_verdict_changes(struct store *s, uint64_t after_ns, store_verdict_change_fn fn,
				     void *arg);
/* Drops those of doors that the store has no more. */
must_check int store_verdicts_forget(struct store *s);
/*
 * Since when changes are kept: of doors opened before, the verdict of then is not known. 0: of all
 * it is.
 */
must_check int store_verdicts_since(struct store *s, uint64_t *ret_ns);

#endif
