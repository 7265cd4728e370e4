/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_JOURNAL_STATE_H
#define AJAR_JOURNAL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "journal/segment.h"

/*
 * The two small files that records depend on, `head` (the writer's) and `ack` (the shipper's): see
 * journal.c.
 */

enum loss_why { LOSS_CAP = 1, LOSS_FULL = 2, LOSS_DROP = 3, LOSS_DAMAGE = 4, LOSS_MIXED = 5 };

/* Records that are gone and for which no gap record has been committed yet. */
struct loss {
	uint32_t boot_seq;
	enum loss_why why;
	uint64_t from, to, count;
};

#define LOSSES_MAX 64
#define LOSSES_MANY 16 /* from here on neighbours of different reasons become one */

struct head {
	uint32_t boot_seq; /* of the boot that wrote this */
	char boot_id[CLOCK_BOOT_ID_LEN + 1];
	uint8_t salt[SALT_LEN];
	struct journal_pos seg; /* the segment that end.len is in; {0,0}: none yet */
	struct seg_end end; /* everything up to here is committed */
	struct journal_pos trim; /* everything up to here was removed on purpose */
	uint8_t trim_chain[SHA256_LEN];
	struct journal_pos acked; /* the acknowledgement when that was done */
	unsigned losses_len;
	struct loss losses[LOSSES_MAX];
};

const char *loss_text(enum loss_why why);
enum loss_why loss_of_text(struct text t);
/*
 * Adds a range; one that touches another of the same kind grows it. The count stays exact when the
 * table is full.
 */
void loss_add(struct head *h, struct loss l);
/* A gap record for this range exists: it is no longer owed. */
void loss_settle(struct head *h, uint32_t boot_seq, uint64_t from, uint64_t to);

/*
 * A small file that changes in place: two copies, a page each, of which the newer whole one counts.
 */
#define SLOT_LEN 4096
#define SLOT_HEAD 24 /* u64 magic, u64 generation, u32 body length, u32 CRC-32C of the rest */
#define SLOT_BODY_MAX (SLOT_LEN - SLOT_HEAD)
struct slots {
	int fd;
	uint64_t gen;
};
must_check int slots_make(int dirfd, const char *name, uint64_t magic, const struct buf *body,
			  struct slots *ret_slots);
must_check int slots_read(int fd, uint64_t magic, uint64_t *ret_gen, uint8_t body[SLOT_BODY_MAX],
			  size_t *ret_len);
must_check int slots_write(struct slots *s, uint64_t magic, const struct buf *body, bool sync);

/* Takes a body apart; what is not there is zeros. */
struct slot_cursor {
	const uint8_t *p;
	size_t n;
};
void slot_get(struct slot_cursor *c, void *out, size_t n);
uint32_t slot_u32(struct slot_cursor *c);
uint64_t slot_u64(struct slot_cursor *c);

/* Gives the journal an identity (see status.h) unless it has one; anew: whatever it has. */
must_check int identity_make(int dirfd, bool anew);

/* 0; -ENOENT: no such file; -EBADMSG: neither copy is whole. */
must_check int head_read(int dirfd, struct head *ret_head);
/*
 * Opens for writing, and makes the file (whole and synced) when it is missing; a damaged one must
 * be moved away before.
 */
must_check int head_open(int dirfd, const struct head *h, struct slots *ret_slots);
/* Overwrites the older of the two copies: takes no room, so it works on a full disk. */
must_check int head_write(struct slots *s, const struct head *h, bool sync);

/*
 * Makes the acknowledgement's file while there is room, so that a full disk does not keep the
 * shipper from acknowledging.
 */
must_check int ack_prepare(int dirfd);

#endif
