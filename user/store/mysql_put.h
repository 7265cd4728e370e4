/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_MYSQL_PUT_H
#define AJAR_STORE_MYSQL_PUT_H

#include "base/hash.h"
#include "store/mysql.h"

#define COUNT_MAX (UINT64_MAX / 4) /* hostile counts must not overflow a sum */

/* The rows of one boot, in the order of their numbers. */
struct put {
	struct my *s;
	const char *node;
	uint64_t node_id;
	uint64_t server_ns; /* the server's clock when the batch began; 0: the rows say when they came */
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
uint64_t my_add_counts(uint64_t a, uint64_t b);
/* One that cannot be read has kind 0 and the journal's time: a newer ajar may read it. */
void my_decode(const struct store_event *row, struct event *ev);

/* mysql_own.c: the same steps with a node's account. */
must_check int my_own_check(struct my *s, const char *node); /* -EPERM: it is another node's */
must_check int my_own_begin(struct put *p, const char *host_type);
bool my_own_same(const struct store_event *row, struct text digest);
must_check int my_own_end(struct put *p);
must_check int my_own_boot_range(struct my *s, const char *node, uint32_t boot_seq, uint64_t *ret_base,
				 uint64_t *ret_head);

/* mysql_head.c: what follows from the fresh rows: gaps, starts, the head, and the boot's row. */
must_check int my_note_kinds(struct put *p);
must_check int my_walk_head(struct put *p);
must_check int my_finish_boot(struct put *p);

#endif
