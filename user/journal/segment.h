/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_JOURNAL_SEGMENT_H
#define AJAR_JOURNAL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "journal/journal.h"

/* Segment files, byte by byte: the specification is at the head of journal.c. */

#define SEG_MAGIC "AJARSEG\n"
#define SEG_VERSION 1
#define SEG_HEADER_LEN 512
#define SEG_NAME_LEN 29 /* "00000001-0000000000000001.seg" */
#define NODE_MAX 255
#define SALT_LEN 16
#define REC_HEAD_LEN 40
#define REC_OVERHEAD (REC_HEAD_LEN + SHA256_LEN)

/* The end of everything up to some record; what a segment's header says of its predecessor. */
struct seg_end {
	struct journal_pos pos; /* of the last record */
	uint64_t len; /* of the file, as far as it is committed */
	uint64_t wall_ns; /* of the last record */
	uint8_t chain[SHA256_LEN];
};

struct seg_header {
	char node[NODE_MAX + 1];
	char boot_id[CLOCK_BOOT_ID_LEN + 1];
	uint64_t mark, created_ns;
	struct journal_pos first; /* as in the name */
	/* of the segment before: prev.len is the length of that one only */
	struct journal_pos prev_first;
	struct seg_end prev;
};

enum seg_state { SEG_GOOD, SEG_BAD_HEADER, SEG_FOREIGN /* another version */ };

/* A segment being walked. */
struct seg {
	int fd;
	char name[SEG_NAME_LEN + 1];
	struct journal_pos first; /* of the name */
	enum seg_state state;
	struct seg_header head; /* when state is SEG_GOOD */
	uint32_t version; /* when it is SEG_FOREIGN */
	uint64_t mark;
	uint64_t size, limit; /* of the file; where walking stops */
	uint64_t off; /* of the next record */
	uint64_t bad_off; /* where the last damage was */
	const char *bad_what;
	uint8_t *win; /* what is read of it */
	uint64_t win_off;
	size_t win_len;
};

static inline int pos_cmp(struct journal_pos a, struct journal_pos b)
{
	if (a.boot_seq != b.boot_seq)
		return a.boot_seq < b.boot_seq ? -1 : 1;
	return a.seq < b.seq ? -1 : a.seq > b.seq;
}

/* That `h` is of the segment that was begun when the one beginning at `first` had ended. */
static inline bool seg_follows(const struct seg_header *h, struct journal_pos first)
{
	return pos_cmp(h->prev_first, first) == 0 && h->prev.pos.boot_seq == first.boot_seq;
}

static inline bool pos_is_zero(struct journal_pos p)
{
	return !p.boot_seq && !p.seq;
}

void seg_name(struct journal_pos first, char name[SEG_NAME_LEN + 1]);
/* The first position of all segments in the folder, ascending; the caller frees the list. */
must_check int seg_list(int dirfd, struct journal_pos **ret_list, size_t *ret_n);

/*
 * The mark that begins each record of a segment: secret, so that no payload can pretend to be
 * records.
 */
uint64_t seg_mark(const uint8_t salt[SALT_LEN], struct journal_pos first);
void seg_header_encode(const struct seg_header *h, uint8_t out[SEG_HEADER_LEN]);
/*
 * Reads and checks a header alone: 0 with *ret_state, or a negative errno when the file cannot be
 * read.
 */
must_check int seg_header_read(int fd, struct journal_pos first, enum seg_state *ret_state,
			       struct seg_header *ret_head, uint32_t *ret_version);

/* Writes what a record is into its head; the payload follows at p + REC_HEAD_LEN. */
void rec_describe(uint8_t *p, struct journal_pos pos, uint64_t wall_ns, uint32_t len);
/*
 * Puts mark, CRCs and chain to a record that is described; moves chain on. Returns the record's
 * length.
 */
size_t rec_seal(uint8_t *p, uint64_t mark, uint8_t chain[SHA256_LEN]);

/* Opens segment `first`; salt may be NULL when the head file is lost. */
must_check int seg_open(int dirfd, struct journal_pos first, const uint8_t *salt,
			struct seg **ret_seg);
void seg_free(struct seg *s);
DEFINE_FREEP(struct seg, seg_free)
/* Takes the file's size anew. */
must_check int seg_refresh(struct seg *s);
/*
 * 1: the next record that is whole by its CRCs, borrowed until the next call (its chain is as
 * stored; prev_chain is not filled); 0: at the limit; -EBADMSG: damage at bad_off, and the next
 * call goes on behind it; else errno.
 */
must_check int seg_next(struct seg *s, struct journal_record *ret_rec);

#endif
