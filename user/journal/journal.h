/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_JOURNAL_JOURNAL_H
#define AJAR_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"

struct buf;

/*
 * The node's append-only record; the format is specified at the head of journal.c. One writer (a lock
 * refuses the second with -EBUSY), any number of readers. Everything is relative to dirfd, so a process
 * that has dropped its privileges can go on. Code here does not log; problems come back as values.
 */
struct journal;

struct journal_opts {
	const char *node; /* name, at most 255 bytes; fixed in every segment header */
	uint64_t max_bytes; /* cap over all segments; 0: 1 GiB */
	uint64_t segment_bytes; /* roll over at; 0: 8 MiB */
	uint64_t replay_ns; /* keep acknowledged segments this long; 0: 24 h */
};

struct journal_pos {
	uint32_t boot_seq;
	uint64_t seq;
};

/*
 * Opens for writing: recovers the tail (a torn last batch is cut and, if it was ever synced, reported by a gap
 * record), takes the next boot_seq when boot_id (of /proc/sys/kernel/random/boot_id, 36 bytes) differs from the last one's,
 * and continues the chain. -EBUSY second writer, -ENOSPC no room even for the header, -EBADMSG: *ret_why says
 * which file is damaged and what was done (moved aside, never deleted).
 */
must_check int journal_open(int dirfd, const struct journal_opts *o, const char *boot_id,
			    struct journal **ret_journal, char **ret_why);
void journal_free(struct journal *j);
DEFINE_FREEP(struct journal, journal_free)

/* Adds a record to the batch and fixes its identity. Cannot fail for lack of disk: that shows at journal_commit(). */
must_check int journal_append(struct journal *j, const void *record, size_t len, struct journal_pos *ret_pos);
/*
 * Writes the batch, fsyncs, publishes it to readers and rings the bell. When the cap or the disk is full it sheds: whole segments,
 * oldest acknowledged first, then oldest unacknowledged, each covered by one chained gap record with the exact
 * range, count and reason; when even that gives no room the batch itself is dropped and counted into the
 * gap record that is written as soon as there is room (*ret_shed counts records dropped by this call).
 */
must_check int journal_commit(struct journal *j, uint64_t *ret_shed);
struct journal_pos journal_head(const struct journal *j); /* last committed */

/* --- reading ------------------------------------------------------------------------------- */

struct journal_record {
	struct journal_pos pos;
	uint64_t wall_ns; /* of the append */
	struct text payload; /* borrowed until the next call; a gap's payload is an encoded EVENT_GAP */
	uint8_t chain[SHA256_LEN]; /* over this record and all before it in this boot_seq */
	uint8_t prev_chain[SHA256_LEN];
};

/* What a reader found wrong; delivered in order between records. */
struct journal_damage {
	char file[64];
	uint64_t offset;
	struct journal_pos after; /* last good record before it */
	char what[128]; /* "CRC mismatch", "segment missing", "chain broken", "torn tail" */
};

struct journal_reader;
/* Starts behind `after` ({0,0}: at the oldest record). */
must_check int journal_reader_new(int dirfd, struct journal_pos after, struct journal_reader **ret_reader);
void journal_reader_free(struct journal_reader *r);
DEFINE_FREEP(struct journal_reader, journal_reader_free)
/* 1: *ret_rec filled; 0: nothing more at present (call again after the bell); 2: *ret_damage filled, reading goes on behind it. */
must_check int journal_next(struct journal_reader *r, struct journal_record *ret_rec,
			    struct journal_damage *ret_damage);
/* An fd that polls readable when something was committed (base/bell); owned by the reader. */
must_check int journal_reader_fd(struct journal_reader *r);
/* Name of the node as the newest segment header has it. */
must_check int journal_node(int dirfd, struct buf *b);

/* The shipper's acknowledgement: everything up to pos is committed in the store. Atomic; never goes back. */
must_check int journal_ack_write(int dirfd, struct journal_pos pos);
must_check int journal_ack_read(int dirfd, struct journal_pos *ret_pos); /* {0,0} when there is none */

/* The whole journal checked: CRCs, sequences, chain across segments and boots. fn sees each damage (non-zero ends). */
struct journal_verdict {
	uint64_t records, gaps, gap_records, segments, damages;
	struct journal_pos first, last;
	uint8_t chain[SHA256_LEN]; /* head of the chain */
};
must_check int journal_verify(int dirfd, int (*fn)(const struct journal_damage *d, void *arg), void *arg,
			      struct journal_verdict *ret_verdict);

#endif
