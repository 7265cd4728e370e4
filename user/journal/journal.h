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
 * The node's append-only record; the format is specified at the head of journal.c. One writer (a
 * lock refuses the second with -EBUSY), any number of readers. Everything is relative to dirfd, so
 * a process that has dropped its privileges can go on. Code here does not log; problems come back
 * as values.
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
 * Opens for writing: recovers the tail (a torn last batch is cut; what is known to have been
 * committed and is not there any more is covered by a gap record), takes the next boot_seq when
 * boot_id (of /proc/sys/kernel/random/boot_id, 36 bytes) differs from the last one's or when there
 * is doubt about the last number given out, and continues the chain. -EBUSY second writer, -ENOSPC
 * no room even for the head file, -EINVAL options. *ret_why, to be freed, is NULL or a line that
 * says, on failure, what is in the way and, on success, which file is damaged and what was done
 * (moved aside, never deleted).
 */
must_check int journal_open(int dirfd, const struct journal_opts *o, const char *boot_id,
			    struct journal **ret_journal, char **ret_why);
void journal_free(struct journal *j);
DEFINE_FREEP(struct journal, journal_free)

/*
 * Adds a record (1..EVENT_RECORD_MAX bytes, else -EINVAL) to the batch and fixes its identity.
 * Cannot fail for lack of disk: that shows at journal_commit(). -ENOBUFS: the batch holds 16 MiB,
 * commit it.
 */
must_check int journal_append(struct journal *j, const void *record, size_t len,
			      struct journal_pos *ret_pos);
/*
 * Writes the batch, syncs it, publishes it to readers and notifies the listeners. When the cap or
 * the disk is full it drops: whole segments, oldest first (so acknowledged before unacknowledged),
 * the unacknowledged ones covered by chained gap records with exact range, count and reason. When
 * even that gives no room, or the disk fails, the batch itself is dropped, counted into a gap
 * record that is written as soon as there is room, and the errno is returned. Either way the
 * journal is ready for the next append. *ret_dropped is always set: unacknowledged records that
 * this call removed or dropped.
 */
must_check int journal_commit(struct journal *j, uint64_t *ret_dropped);
struct journal_pos journal_head(const struct journal *j); /* last committed */
/*
 * A gap record waits for room: call journal_commit() again some time, even with nothing appended.
 */
bool journal_owes(const struct journal *j);

/* --- reading ------------------------------------------------------------------------------- */

struct journal_record {
	struct journal_pos pos;
	uint64_t wall_ns; /* of the append */
	/* borrowed until the next call; a gap's payload is an encoded EVENT_GAP */
	struct text payload;
	uint8_t chain[SHA256_LEN]; /* over this record and all before it, in earlier boots too */
	/* zeros when damage before it hides it, and for the very first */
	uint8_t prev_chain[SHA256_LEN];
};

/* What a reader found wrong; delivered in order between records. */
enum journal_damage_kind {
	DAMAGE_FILE = 1, /* bytes of a file are damaged, cut off or unreadable */
	DAMAGE_MISSING = 2, /* a segment or the head file is not there */
	/* whole by its CRC but not what was written there: altered, removed, inserted or moved */
	DAMAGE_CHAIN = 3,
	DAMAGE_VERSION = 4, /* a segment of another version of the format */
	/*
	 * no damage: dropped or expired before this reader came to it; if unacknowledged a gap
	 * record follows
	 */
	DAMAGE_DROPPED = 5,
	/* (verify only) sequence numbers that neither a record nor a gap record accounts for */
	DAMAGE_HOLE = 6,
};

struct journal_damage {
	enum journal_damage_kind kind;
	char file[64];
	uint64_t offset;
	struct journal_pos after; /* last good record before it */
	/* when known: everything behind `after` up to here cannot be read; else {0,0} */
	struct journal_pos missing_to;
	char what[128]; /* "CRC mismatch", "segment missing", "chain broken", "incomplete record" */
};

struct journal_reader;
/* Starts behind `after` ({0,0}: at the oldest record). */
must_check int journal_reader_new(int dirfd, struct journal_pos after,
				  struct journal_reader **ret_reader);
void journal_reader_free(struct journal_reader *r);
DEFINE_FREEP(struct journal_reader, journal_reader_free)
/*
 * 1: *ret_rec filled; 0: nothing more at present (call again after a notification); 2: *ret_damage
 * filled, reading goes on behind it.
 */
must_check int journal_next(struct journal_reader *r, struct journal_record *ret_rec,
			    struct journal_damage *ret_damage);
/* An fd that polls readable when something was committed (base/notifier); owned by the reader. */
must_check int journal_reader_fd(struct journal_reader *r);
/* Name of the node as the newest segment header has it. */
must_check int journal_node(int dirfd, struct buf *b);

/*
 * The shipper's acknowledgement: everything up to pos is committed in the store. Atomic; never goes
 * back.
 */
must_check int journal_ack_write(int dirfd, struct journal_pos pos);
/* {0,0} when there is none */
must_check int journal_ack_read(int dirfd, struct journal_pos *ret_pos);

/* What chain comes behind prev: so that records kept elsewhere can be checked too. */
void journal_chain_step(const uint8_t prev[SHA256_LEN], struct journal_pos pos, uint64_t wall_ns,
			struct text payload, uint8_t out[SHA256_LEN]);

/*
 * The journal checked up to its head: CRCs, sequences, chain across segments and boots, and that
 * each missing number is accounted for by a gap record or by an acknowledgement. Needs no lock and
 * writes nothing. fn sees each damage, in order (non-zero ends it and is returned). It cannot see a
 * tail that was removed together with a forged head file, nor a chain that was computed anew from
 * the altered place to the end: that takes a head of the chain kept elsewhere (the store's).
 */
struct journal_verdict {
	uint64_t records; /* gap records included */
	uint64_t gap_records, gaps; /* and how many records these say are lost */
	uint64_t segments, damages;
	struct journal_pos first, last;
	uint8_t chain[SHA256_LEN]; /* head of the chain */
};
must_check int journal_verify(int dirfd, int (*fn)(const struct journal_damage *d, void *arg),
			      void *arg, struct journal_verdict *ret_verdict);

#endif
