/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_JOURNAL_WRITER_H
#define AJAR_JOURNAL_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "journal/state.h"

#define GAP_RECORD_MAX 256 /* a gap record with its overhead */

/* The writer's inside, shared by journal.c (append, commit), recover.c (open) and drop.c (room). */

struct segment {
	struct journal_pos first;
	struct seg_end end;
};

struct journal {
	int dirfd, lock_fd, notifier_fd;
	char node[NODE_MAX + 1];
	uint64_t max_bytes, segment_bytes, replay_ns;
	struct head head; /* as published */
	struct slots slots;
	struct segment *segs; /* oldest first */
	size_t segs_len, segs_cap;
	uint64_t total_bytes; /* of them */
	/* the last of them, while it is appended to; else -1: the next batch begins a new one */
	int fd;
	uint64_t mark; /* of it */
	struct buf batch; /* records, described but not sealed */
	uint64_t next_seq;
	uint64_t batch_records;
};

/* Recovers what is in the folder; notes what is damaged into `why`. */
must_check int recover(struct journal *j, const char *boot_id, struct buf *why);

must_check int segs_add(struct journal *j, struct segment s);
/* No more is appended to the last segment. */
void retire_active(struct journal *j);
/*
 * Removes the oldest segment; false when that must not be or cannot be done. Counts unacknowledged
 * records into *dropped.
 */
bool drop_oldest(struct journal *j, enum loss_why why, uint64_t *dropped);
/*
 * Drops until a batch of len bytes and the gap records that are owed stay below the cap; false:
 * they cannot.
 */
bool drop_to_cap(struct journal *j, uint64_t len, uint64_t *dropped);
/* Removes acknowledged segments that are older than the replay window. */
void drop_expired(struct journal *j);

#endif
