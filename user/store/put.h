/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_PUT_H
#define AJAR_STORE_PUT_H

#include "base/hash.h"
#include "store/sql.h"

/* Putting events: events.c has the steps, put_row.c the row, a driver the insert of many rows. */

/* hostile counts must not overflow a sum: what is more counts as this */
#define COUNT_MAX (UINT64_MAX / 4)

/* The rows of one boot, in the order of their numbers. */
struct put {
	struct store *s;
	const char *node;
	uint64_t node_id;
	/* the server's clock when the batch began; 0: the rows say when they came */
	uint64_t server_ns;
	uint32_t boot_seq;
	uint64_t base_seq, head_seq, stored_seq; /* as the store has it */
	const struct store_event *rows[STORE_BATCH_MAX];
	uint16_t kinds[STORE_BATCH_MAX];
	size_t len, fresh_len;
	const struct store_event *fresh[STORE_BATCH_MAX]; /* those that are not there yet */
	/* Of the whole call. */
	size_t new_rows;
	uint64_t lost, received_ns, max_seq;
};

/* Saturating. */
uint64_t put_add_counts(uint64_t a, uint64_t b);
/* One that cannot be read has kind 0 and the journal's time: a newer ajar may read it. */
void put_decode(const struct store_event *row, struct event *ev);

#define PUT_PARAMS 30
#define PUT_COLUMNS                                                                                \
	" (node_id, boot_seq, seq, happened_ns, recorded_ns, received_ns, day, kind, origin, "     \
	"proto, family, addr, port, scope, netns, netns_cookie, cookie, pid, comm, exe, uid, "     \
	"user_name, argv, opened_ns, record_count, gap_from, gap_to, reason, record, chain) "      \
	"VALUES "
#define PUT_MARKS                                                                                  \
	"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " \
	"?)"
/*
 * Binds p->fresh[i] behind the first `at` parameters, and notes its kind and what it says was lost.
 */
must_check int put_bind_row(struct put *p, struct sql_stmt *st, unsigned at, size_t i);

#endif
