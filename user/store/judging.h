/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_JUDGING_H
#define AJAR_STORE_JUDGING_H

#include "store/store.h"

/*
 * What is left to judge, of which node, and what could not be: one node's trouble must not be
 * another's.
 */

/*
 * As store_pending(), of nodes whose id is above after_id, in the order of ids: who judges takes
 * turns over them. At most `limit` boots.
 */
must_check int store_pending_after(struct store *s, uint64_t after_id, uint64_t limit,
				   store_pending_fn fn, void *arg);

/* In the judge's transaction: that record cannot be read. It stays, and is counted once. */
must_check int store_judge_refused(struct store *s, const char *node, uint32_t boot_seq,
				   uint64_t seq);
/* The boot could not be judged, for that reason; store_set_judged() ends it. */
#define JUDGE_WHY_MAX 500 /* bytes; longer is cut */
must_check int store_judge_failed(struct store *s, const char *node, uint32_t boot_seq,
				  const char *why);
/*
 * In the judge's transaction, which has found no record behind p->judged_seq: a boot that is said
 * to have more than its rows show has what they show. -ECANCELED, and nothing is changed, when its
 * row in journals is another than *p meanwhile, or there is a record after all.
 */
must_check int store_judge_mend(struct store *s, const struct store_pending *p);

/*
 * The starts of the node's next boots that are judged, oldest first, until fn ends it. Looked for
 * among so many boots, and in each among so many records: one behind them is not found. Rows have
 * what is judged by: no chain.
 */
#define STORE_STARTS_BOOTS_MAX 8
#define STORE_STARTS_SEQ_MAX 20000
must_check int store_later_starts(struct store *s, const char *node, uint32_t boot_seq,
				  store_event_fn fn, void *arg);

/* The clocks in the last report of the node's current installation; zeros: it has made none. */
struct store_clocks {
	uint64_t wall_ns, rtt_ns, received_ns; /* as in struct store_health_row */
};
must_check int store_clocks(struct store *s, const char *node, struct store_clocks *ret);

/* When the record reached the store; 0: it is not there. */
must_check int store_event_received(struct store *s, const char *node, uint32_t boot_seq,
				    uint64_t seq, uint64_t *ret_ns);

/* A node with records that nobody has judged. */
struct store_behind {
	const char *node, *host_type;
	uint64_t records; /* by their numbers: holes count */
	/* the oldest of them, by the store's clock: all before it is judged. 0: not one is there */
	uint64_t received_ns;
	uint64_t happened_ns; /* when the oldest happened, by the node's clock */
	uint64_t failed_ns; /* one of its boots cannot be judged, since then; 0: none */
	uint32_t failed_boot;
	uint64_t failed_seq; /* behind this record */
	const char *failed_why;
};
typedef int (*store_behind_fn)(const struct store_behind *b, void *arg);
/* Of all nodes, or of one; none for those of which all is judged. */
must_check int store_behind(struct store *s, const char *node, store_behind_fn fn, void *arg);

#endif
